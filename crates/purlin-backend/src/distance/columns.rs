//! How the numbers of columns lie.

use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::simd::Isa;
use purlin_core::{MatrixView, Real};

/// How the numbers of a column lie.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::columns;
/// use purlin_core::MatrixView;
///
/// let column = columns(MatrixView::from_rows(&[[3.0], [0.0], [-1.0]]), &[1.0])[0];
/// assert_eq!((column.square, column.reach), (9.0, 2.0)); // 2, -1 and -2 from the center
/// assert_eq!((column.most, column.least), (3.0, 1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// The sum of the squares of the numbers less their center.
    pub square: f64,
    /// The greatest distance of a number from the center; 0 for an empty column.
    pub reach: f64,
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
/// assert_eq!(column, Column { square: 14.0, reach: 3.0, most: 4.0, least: 1.0 });
/// ```
#[track_caller]
pub fn columns<T: Real>(x: MatrixView<'_, T>, center: &[T]) -> Vec<Column> {
    let (d, got) = (x.n_cols(), center.len());
    assert!(got == d, "columns: expected {d} centers, got {got}");
    let none = Column { square: 0.0, reach: 0.0, most: 0.0, least: f64::INFINITY };
    let mut columns = vec![none; d];
    let out = &mut columns[..];
    once!(|x: MatrixView<'_, T>, center: &[T], out: &mut [Column]| {
        dispatch(Look { x, center, out });
    });
    columns
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
    out: &'a mut [Column],
}

impl<T: Real> Kernel for Look<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, center, out } = self;
        let (centers, _) = center.as_chunks::<8>();
        for (first, center) in centers.iter().enumerate() {
            let mut found = Eight::<T>::NONE;
            for i in 0..x.n_rows() {
                let (row, _) = x.row(i)[8 * first..].as_chunks::<8>();
                found.look(&row[0], center);
            }
            found.write(&mut out[8 * first..8 * first + 8]);
        }
        let done = 8 * centers.len();
        if done < x.n_cols() {
            // Columns that do not exist are 0.
            let (mut values, mut last) = ([T::ZERO; 8], [T::ZERO; 8]);
            let width = x.n_cols() - done;
            last[..width].copy_from_slice(&center[done..]);
            let mut found = Eight::<T>::NONE;
            for i in 0..x.n_rows() {
                values[..width].copy_from_slice(&x.row(i)[done..]);
                found.look(&values, &last);
            }
            found.write(&mut out[done..]);
        }
    }
}

/// Eight columns at a time, so that the compiler makes vectors of them.
struct Eight<T> {
    squares: [f64; 8],
    reach: [T; 8],
    most: [T; 8],
    least: [T; 8],
}

impl<T: Real> Eight<T> {
    const NONE: Self = Self {
        squares: [0.0; 8],
        reach: [T::ZERO; 8],
        most: [T::ZERO; 8],
        least: [T::INFINITY; 8],
    };

    #[inline(always)]
    fn look(&mut self, values: &[T; 8], center: &[T; 8]) {
        for j in 0..8 {
            let t = values[j].to_f64() - center[j].to_f64();
            self.squares[j] = t.mul_add(t, self.squares[j]);
            let from_center = (values[j] - center[j]).abs();
            self.reach[j] = if from_center > self.reach[j] { from_center } else { self.reach[j] };
            let size = values[j].abs();
            self.most[j] = if size > self.most[j] { size } else { self.most[j] };
            let size = if size > T::ZERO { size } else { T::INFINITY };
            self.least[j] = if size < self.least[j] { size } else { self.least[j] };
        }
    }

    #[inline(always)]
    fn write(&self, out: &mut [Column]) {
        for (j, out) in out.iter_mut().enumerate() {
            *out = Column {
                square: self.squares[j],
                reach: self.reach[j].to_f64(),
                most: self.most[j].to_f64(),
                least: self.least[j].to_f64(),
            };
        }
    }
}
