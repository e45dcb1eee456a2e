//! How the numbers of columns lie.

use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::simd::Isa;
use purlin_core::{MatrixView, Real};

/// How the numbers of a column lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// The sum of the squares of the numbers less their center.
    pub square: f64,
    /// The greatest absolute number; 0 for an empty column.
    pub most: f64,
    /// The least absolute number that is not 0; infinite where there is none.
    pub least: f64,
}

/// Looks at each column of `x`; `center` has one number for each.
///
/// Runs on the calling thread, row after row: callers cut the rows into blocks.
///
/// # Panics
///
/// When `center` has not one number per column.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Column, columns};
/// use purlin_core::MatrixView;
///
/// let x = [[1.0f32], [0.0], [-4.0]];
/// let column = columns(MatrixView::from_rows(&x), &[-1.0])[0];
/// assert_eq!(column, Column { square: 14.0, most: 4.0, least: 1.0 });
/// ```
#[track_caller]
pub fn columns<T: Real>(x: MatrixView<'_, T>, center: &[T]) -> Vec<Column> {
    let (d, got) = (x.n_cols(), center.len());
    assert!(got == d, "columns: expected {d} centers, got {got}");
    let (mut squares, mut most, mut least) = (vec![0.0; d], vec![T::ZERO; d], vec![T::INFINITY; d]);
    let (squares_out, most_out, least_out) = (&mut squares[..], &mut most[..], &mut least[..]);
    once!(|x: MatrixView<'_, T>,
           center: &[T],
           squares_out: &mut [f64],
           most_out: &mut [T],
           least_out: &mut [T]| {
        dispatch(Look { x, center, squares: squares_out, most: most_out, least: least_out });
    });
    let columns = squares.into_iter().zip(most).zip(least);
    columns
        .map(|((square, most), least)| Column {
            square,
            most: most.to_f64(),
            least: least.to_f64(),
        })
        .collect()
}

/// The sum of each column of `x`.
///
/// Runs on the calling thread, row after row: callers cut the rows into blocks.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::column_sums;
/// use purlin_core::MatrixView;
///
/// let x = [[1.0f32, 2.0], [3.0, 4.0]];
/// assert_eq!(column_sums(MatrixView::from_rows(&x)), [4.0, 6.0]);
/// ```
pub fn column_sums<T: Real>(x: MatrixView<'_, T>) -> Vec<f64> {
    let mut sums = vec![0.0; x.n_cols()];
    let out = &mut sums[..];
    once!(|x: MatrixView<'_, T>, out: &mut [f64]| {
        dispatch(Sum { x, out });
    });
    sums
}

struct Sum<'a, T> {
    x: MatrixView<'a, T>,
    out: &'a mut [f64],
}

impl<T: Real> Kernel for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, out } = self;
        let (outs, tail) = out.as_chunks_mut::<8>();
        for (first, out) in outs.iter_mut().enumerate() {
            let mut sums = *out;
            for i in 0..x.n_rows() {
                let (row, _) = x.row(i)[8 * first..].as_chunks::<8>();
                for j in 0..8 {
                    sums[j] += row[0][j].to_f64();
                }
            }
            *out = sums;
        }
        let done = x.n_cols() - tail.len();
        for i in 0..x.n_rows() {
            for (sum, value) in tail.iter_mut().zip(&x.row(i)[done..]) {
                *sum += value.to_f64();
            }
        }
    }
}

struct Look<'a, T> {
    x: MatrixView<'a, T>,
    center: &'a [T],
    squares: &'a mut [f64],
    most: &'a mut [T],
    least: &'a mut [T],
}

impl<T: Real> Kernel for Look<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, center, squares, most, least } = self;
        let d = x.n_cols();
        // Eight columns at a time, so that the compiler makes vectors of them.
        for first in (0..d / 8 * 8).step_by(8) {
            let mut center_of = [T::ZERO; 8];
            center_of.copy_from_slice(&center[first..first + 8]);
            let (mut square, mut greatest, mut smallest) =
                ([0.0; 8], [T::ZERO; 8], [T::INFINITY; 8]);
            for i in 0..x.n_rows() {
                let mut values = [T::ZERO; 8];
                values.copy_from_slice(&x.row(i)[first..first + 8]);
                for j in 0..8 {
                    look(
                        values[j],
                        center_of[j],
                        &mut square[j],
                        &mut greatest[j],
                        &mut smallest[j],
                    );
                }
            }
            squares[first..first + 8].copy_from_slice(&square);
            most[first..first + 8].copy_from_slice(&greatest);
            least[first..first + 8].copy_from_slice(&smallest);
        }
        for j in d / 8 * 8..d {
            for i in 0..x.n_rows() {
                look(x.row(i)[j], center[j], &mut squares[j], &mut most[j], &mut least[j]);
            }
        }
    }
}

#[inline(always)]
fn look<T: Real>(x: T, center: T, square: &mut f64, most: &mut T, least: &mut T) {
    let t = x.to_f64() - center.to_f64();
    *square = t.mul_add(t, *square);
    let size = x.abs();
    *most = if size > *most { size } else { *most };
    let size = if size > T::ZERO { size } else { T::INFINITY };
    *least = if size < *least { size } else { *least };
}
