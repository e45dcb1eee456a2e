//! Samples and their centroids, for the relatives of k-means.

use purlin_backend::distance::{
    Centroids, Frame, Panels, Points, add_rows, column_sums, squared_euclidean, squared_to_assigned,
};
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// Rows that one task packs and assigns.
pub(crate) const BLOCK: usize = 256;

/// The row of `centroids` nearest to each row of `x`, ties to the smallest index. `center` is a
/// row in the midst of the samples: a good one saves time, none changes the answer.
pub(crate) fn nearest<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    center: &[T],
) -> Vec<u32> {
    let mut labels = vec![u32::MAX; x.n_rows()];
    let work = x.n_rows().saturating_mul(x.n_cols() * (centroids.n_rows() / 8 + 1));
    let extent = |most: f64, row: &[T]| {
        let from_center = row.iter().zip(center).map(|(x, c)| (*x - *c).to_f64().abs());
        from_center.fold(most, f64::max)
    };
    let frame = Frame::new(center, centroids.rows().fold(0.0, extent));
    let centroids = Centroids::new(centroids, &frame);
    parallel::for_each_chunk(&mut labels, BLOCK, work, |i, labels| {
        let x = x.row_range(i * BLOCK..i * BLOCK + labels.len());
        centroids.nearest(x, &Points::pack(x, &frame), 0..labels.len(), labels);
    });
    labels
}

/// `f` of the squared distance of each row of `x` from each centroid.
pub(crate) fn squared_distances<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    f: impl Fn(T) -> T + Sync + Send,
) -> Matrix<T> {
    let (n, k) = (x.n_rows(), centroids.n_rows());
    let centroids = Panels::pack(centroids, None);
    let mut out = Matrix::zeros(n, k);
    parallel::for_each_chunk(out.as_mut_slice(), BLOCK * k, n * k * x.n_cols(), |i, out| {
        let x = x.row_range(i * BLOCK..i * BLOCK + out.len() / k);
        squared_euclidean(x, &centroids, 0..centroids.n_panels(), out);
        for distance in out {
            *distance = f(*distance);
        }
    });
    out
}

/// The weighted sum of the squared distances of the rows from the centroids of their labels.
pub(crate) fn inertia<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    labels: &[u32],
    weights: Option<&[T]>,
) -> f64 {
    inertia_by(x, centroids, |rows| &labels[rows], weights)
}

/// [`inertia`] where `labels` gives the labels of some rows, in blocks of [`BLOCK`].
pub(crate) fn inertia_by<'a, T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    labels: impl Fn(Range<usize>) -> &'a [u32] + Sync + Send,
    weights: Option<&[T]>,
) -> f64 {
    let sum = |i: usize| {
        let rows = i * BLOCK..x.n_rows().min((i + 1) * BLOCK);
        let mut out = [T::ZERO; BLOCK];
        let out = &mut out[..rows.len()];
        squared_to_assigned(x.row_range(rows.clone()), centroids, labels(rows.clone()), out);
        weighted_sum(out, weights.map(|weights| &weights[rows]))
    };
    let work = x.n_rows() * x.n_cols();
    parallel::reduce(x.n_rows().div_ceil(BLOCK), work, sum, |a, b| a + b).unwrap_or(0.0)
}

/// `sum of weight * value`, in order.
pub(crate) fn weighted_sum<T: Real>(values: &[T], weights: Option<&[T]>) -> f64 {
    match weights {
        None => values.iter().fold(0.0, |sum, x| sum + x.to_f64()),
        Some(weights) => {
            let terms = values.iter().zip(weights);
            terms.fold(0.0, |sum, (x, w)| sum + x.to_f64() * w.to_f64())
        }
    }
}

/// [`inertia`] of the rows of label 0, and of those of label 1; there are no others.
pub(crate) fn inertias<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    labels: &[u32],
    weights: Option<&[T]>,
) -> [f64; 2] {
    let sums = |i: usize| {
        let rows = i * BLOCK..x.n_rows().min((i + 1) * BLOCK);
        let mut out = [T::ZERO; BLOCK];
        let (out, labels) = (&mut out[..rows.len()], &labels[rows.clone()]);
        squared_to_assigned(x.row_range(rows.clone()), centroids, labels, out);
        let weights = weights.map(|weights| &weights[rows]);
        let mut sums = [0.0; 2];
        for (i, (&label, squared)) in labels.iter().zip(out).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[i].to_f64());
            sums[label as usize] += squared.to_f64() * weight;
        }
        sums
    };
    let work = x.n_rows() * x.n_cols();
    let add = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
    parallel::reduce(x.n_rows().div_ceil(BLOCK), work, sums, add).unwrap_or([0.0; 2])
}

/// The weighted sums of the rows of each label, one after the other, and then their weights.
pub(crate) fn sums<T: Real>(
    x: MatrixView<'_, T>,
    labels: &[u32],
    weights: Option<&[T]>,
    k: usize,
) -> Vec<f64> {
    let (n, d) = x.shape();
    // At most 64 blocks, none so small that its sums outgrow it.
    let size = n.div_ceil(64).max(1024).max(4 * k);
    let part = |i: usize| {
        let rows = i * size..n.min((i + 1) * size);
        let mut sums = vec![0.0; k * (d + 1)];
        let (rows_of, totals) = sums.split_at_mut(k * d);
        let weights = weights.map(|weights| &weights[rows.clone()]);
        add_rows(x.row_range(rows.clone()), &labels[rows], weights, rows_of, totals);
        sums
    };
    let add = |mut a: Vec<f64>, b: Vec<f64>| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
        a
    };
    parallel::reduce(n.div_ceil(size), n * d, part, add).unwrap_or_else(|| vec![0.0; k * (d + 1)])
}

/// Rows of a part of the sum of a column.
const COLUMN_BLOCK: usize = 1024;

/// The means of the columns.
pub(crate) fn means<T: Real>(x: MatrixView<'_, T>) -> Vec<f64> {
    let (n, d) = x.shape();
    let part = |i: usize| column_sums(x.row_range(i * COLUMN_BLOCK..n.min((i + 1) * COLUMN_BLOCK)));
    let add = |mut a: Vec<f64>, b: Vec<f64>| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
        a
    };
    let sums = parallel::reduce(n.div_ceil(COLUMN_BLOCK), 4 * n * d, part, add);
    let n = n.max(1) as f64;
    sums.unwrap_or_else(|| vec![0.0; d]).into_iter().map(|sum| sum / n).collect()
}

/// The mean variance of the columns.
pub(crate) fn variance<T: Real>(x: MatrixView<'_, T>, means: &[T]) -> f64 {
    let means = MatrixView::from_slice(means, 1, means.len());
    let sum = means.map_or(0.0, |means| inertia(x, means, &vec![0; x.n_rows()], None));
    sum / (x.n_rows() * x.n_cols()) as f64
}

/// Refuses numbers so large that a squared distance could overflow.
pub(crate) fn check_squares<T: Real>(op: &'static str, x: MatrixView<'_, T>) -> Result<()> {
    check_squares_about(op, x, &vec![T::ZERO; x.n_cols()])
}

/// [`check_squares`] of rows less `center`, of whose distances from each other that is the measure.
pub(crate) fn check_squares_about<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    center: &[T],
) -> Result<()> {
    check_squares_of(op, "x", x, center)
}

/// The greatest number that a table of `d` columns may hold, less its center: two rows differ by at
/// most twice that in each column, and k-means wants room for four times the square, for any part
/// of the rows.
pub(crate) fn greatest_square_root<T: Real>(d: usize) -> f64 {
    (T::MAX.to_f64() / (32.0 * d as f64)).sqrt()
}

/// [`check_squares_about`] of the rows of a table that is called `name`.
pub(crate) fn check_squares_of<T: Real>(
    op: &'static str,
    name: &'static str,
    x: MatrixView<'_, T>,
    center: &[T],
) -> Result<()> {
    let limit = T::from_f64(greatest_square_root::<T>(x.n_cols()));
    let is_large = |row: &[T]| {
        // No early end: the compiler makes vectors of it.
        row.iter().zip(center).fold(false, |any, (x, c)| any | ((*x - *c).abs() > limit))
    };
    if x.rows().any(is_large) { Err(too_large(op, name, x)) } else { Ok(()) }
}

/// The error about the greatest number of a table.
pub(crate) fn too_large<T: Real>(
    op: &'static str,
    name: &'static str,
    x: MatrixView<'_, T>,
) -> Error {
    let most = |row: &usize| x.row(*row).iter().fold(T::ZERO, |most, x| x.abs().max(most));
    let order = |a: &usize, b: &usize| most(a).total_cmp(&most(b));
    let row = (0..x.n_rows()).rev().max_by(order).unwrap_or(0);
    let rule = format!("small enough that squared distances are finite in {}", T::NAME);
    Error::param(op, name, rule, format!("{:e} at row {row}", most(&row)))
}

/// Labels as callers see them.
pub(crate) fn widen(labels: &[u32]) -> Vec<usize> {
    labels.iter().map(|&label| label as usize).collect()
}

/// The number of samples of each of `k` labels.
pub(crate) fn sizes(labels: &[u32], k: usize) -> Vec<usize> {
    let mut sizes = vec![0; k];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    sizes
}
