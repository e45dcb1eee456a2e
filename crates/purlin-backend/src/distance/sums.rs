//! Sums over the rows of each label.

use crate::gemm::pack::{Source, pack_tile};
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use purlin_core::{MatrixView, Real};

/// Adds each row of `x`, times its weight, to the sum of its label, row after row, and its weight
/// (1 without `weights`) to the total of its label.
///
/// | array | shape |
/// |---|---|
/// | `x` | `(n_rows, n_features)` |
/// | `labels`, `weights` | `(n_rows,)` |
/// | `sums` | `(n_labels, n_features)` |
/// | `totals` | `(n_labels,)` |
///
/// Runs on the calling thread: callers cut the rows into blocks and add the blocks in a fixed
/// tree.
///
/// # Panics
///
/// When a length does not fit, or a label has no sum.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::add_rows;
/// use purlin_core::MatrixView;
///
/// let x = [[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let (mut sums, mut totals) = ([0.0; 4], [0.0; 2]);
/// add_rows(MatrixView::from_rows(&x), &[1, 0, 1], None, &mut sums, &mut totals);
/// assert_eq!(sums, [3.0, 4.0, 6.0, 8.0]);
/// assert_eq!(totals, [1.0, 2.0]);
/// ```
#[track_caller]
pub fn add_rows<T: Real>(
    x: MatrixView<'_, T>,
    labels: &[u32],
    weights: Option<&[T]>,
    sums: &mut [f64],
    totals: &mut [f64],
) {
    check(x, labels, sums.len(), totals.len());
    if let Some(weights) = weights {
        let (n, got) = (x.n_rows(), weights.len());
        assert!(got == n, "add_rows: expected {n} weights, got {got}");
    }
    once!(|x: MatrixView<'_, T>,
           labels: &[u32],
           weights: Option<&[T]>,
           sums: &mut [f64],
           totals: &mut [f64]| {
        dispatch(AddRows { x, labels, weights, sums, totals });
    });
}

#[track_caller]
fn check<T: Real>(x: MatrixView<'_, T>, labels: &[u32], sums: usize, totals: usize) {
    let (n, got) = (x.n_rows(), labels.len());
    assert!(got == n, "add_rows: expected {n} labels, got {got}");
    let expected = totals * x.n_cols();
    assert!(sums == expected, "add_rows: expected sums with {expected} items, got {sums}");
}

struct AddRows<'a, T> {
    x: MatrixView<'a, T>,
    labels: &'a [u32],
    weights: Option<&'a [T]>,
    sums: &'a mut [f64],
    totals: &'a mut [f64],
}

impl<T: Real> Kernel for AddRows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, labels, weights, sums, totals } = self;
        let n = x.n_cols();
        for (i, &label) in labels.iter().enumerate() {
            let label = label as usize;
            let row = x.row(i);
            let sums = &mut sums[label * n..][..n];
            match weights {
                None => {
                    add_row(row, sums, |x, sum| sum + x);
                    totals[label] += 1.0;
                }
                Some(weights) => {
                    let weight = weights[i].to_f64();
                    add_row(row, sums, |x, sum| x.mul_add(weight, sum));
                    totals[label] += weight;
                }
            }
        }
    }
}

/// `sums[j] = f(row[j], sums[j])`, eight at a time so that the compiler makes vectors of them.
#[inline(always)]
fn add_row<T: Real>(row: &[T], sums: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    let (rows, row_tail) = row.as_chunks::<8>();
    let (chunks, sums_tail) = sums.as_chunks_mut::<8>();
    for (sums, row) in chunks.iter_mut().zip(rows) {
        let mut new = [0.0; 8];
        for i in 0..8 {
            new[i] = f(row[i].to_f64(), sums[i]);
        }
        *sums = new;
    }
    for (sum, x) in sums_tail.iter_mut().zip(row_tail) {
        *sum = f(x.to_f64(), *sum);
    }
}

/// The squared distance of each row of `x` from the row of `centroids` that its label names.
///
/// Runs on the calling thread.
///
/// # Panics
///
/// When a length does not fit, or a label names no row.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::squared_to_assigned;
/// use purlin_core::MatrixView;
///
/// let (x, centroids) = ([[1.0f32, 2.0], [3.0, 4.0]], [[0.0, 0.0], [1.0, 1.0]]);
/// let mut out = [0.0; 2];
/// squared_to_assigned(
///     MatrixView::from_rows(&x),
///     MatrixView::from_rows(&centroids),
///     &[1, 0],
///     &mut out,
/// );
/// assert_eq!(out, [1.0, 25.0]);
/// ```
#[track_caller]
pub fn squared_to_assigned<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    labels: &[u32],
    out: &mut [T],
) {
    let (n, features) = x.shape();
    assert!(
        centroids.n_cols() == features && labels.len() == n && out.len() == n,
        "squared_to_assigned: expected centroids with {features} features, {n} labels and {n} \
         distances, got {}, {} and {}",
        centroids.n_cols(),
        labels.len(),
        out.len()
    );
    once!(|x: MatrixView<'_, T>, centroids: MatrixView<'_, T>, labels: &[u32], out: &mut [T]| {
        dispatch(ToAssigned { x, centroids, labels, out });
    });
}

struct ToAssigned<'a, T> {
    x: MatrixView<'a, T>,
    centroids: MatrixView<'a, T>,
    labels: &'a [u32],
    out: &'a mut [T],
}

impl<T: Real> Kernel for ToAssigned<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, centroids, labels, out } = self;
        let (d, lanes) = (x.n_cols(), T::Lanes::<I>::LANES);
        let mut apart = [T::ZERO; MAX_LANES * WIDTH];
        let mut panel = [T::ZERO; MAX_LANES * WIDTH];
        for (block, (labels, out)) in labels.chunks(lanes).zip(out.chunks_mut(lanes)).enumerate() {
            let mut sum = T::Lanes::<I>::splat(T::ZERO);
            for first in (0..d).step_by(WIDTH) {
                let width = WIDTH.min(d - first);
                for (i, &label) in labels.iter().enumerate() {
                    let x = &x.row(block * lanes + i)[first..first + width];
                    let centroid = &centroids.row(label as usize)[first..first + width];
                    let apart = &mut apart[i * WIDTH..][..width];
                    for ((apart, &x), &centroid) in apart.iter_mut().zip(x).zip(centroid) {
                        *apart = x - centroid;
                    }
                }
                // One row in each lane, where a chain in the order of the features is a vector.
                let source = Source { first: apart.as_ptr(), row_step: WIDTH, column_step: 1 };
                // SAFETY: `apart` holds `lanes` rows of `WIDTH`, and `width` is at most that.
                unsafe {
                    pack_tile::<T::Lanes<I>>(source, lanes, width, &mut panel, lanes);
                }
                for t in panel[..width * lanes].chunks_exact(lanes) {
                    let t = T::Lanes::<I>::load(t);
                    sum = t.mul_add(t, sum);
                }
            }
            sum.store_partial(out);
        }
    }
}

/// Features that are looked at together.
const WIDTH: usize = 64;
