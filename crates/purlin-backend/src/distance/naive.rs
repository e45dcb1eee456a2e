//! The definitions as loops.

use super::TwoNearest;
use purlin_core::{MatrixView, Real};

/// The squared distance of two rows.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::naive::squared_euclidean;
///
/// assert_eq!(squared_euclidean(&[0.0, 1.0], &[3.0, 5.0]), 25.0);
/// ```
pub fn squared_euclidean<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| {
        let t = a - b;
        t.mul_add(t, sum)
    })
}

/// The index of the row of `centroids` nearest to each row of `x`, ties to the smallest.
pub fn nearest<T: Real>(x: MatrixView<'_, T>, centroids: MatrixView<'_, T>, labels: &mut [u32]) {
    for (row, label) in x.rows().zip(labels) {
        let mut best = (T::INFINITY, 0);
        for (c, centroid) in centroids.rows().enumerate() {
            let distance = squared_euclidean(row, centroid);
            if distance < best.0 {
                best = (distance, c as u32);
            }
        }
        *label = best.1;
    }
}

/// Adds each row of `x` to the sum of its label; see [`add_rows`](super::add_rows).
pub fn add_rows<T: Real>(
    x: MatrixView<'_, T>,
    labels: &[u32],
    weights: Option<&[T]>,
    sums: &mut [f64],
    totals: &mut [f64],
) {
    for (i, (row, &label)) in x.rows().zip(labels).enumerate() {
        let label = label as usize;
        let weight = weights.map_or(1.0, |weights| weights[i].to_f64());
        for (sum, value) in sums[label * x.n_cols()..].iter_mut().zip(row) {
            *sum = value.to_f64().mul_add(weight, *sum);
        }
        totals[label] += weight;
    }
}

/// The rows of `b` within a limit of `a`; see [`within`](super::within).
pub fn within<T: Real>(a: &[T], b: MatrixView<'_, T>, limits: &[T]) -> Vec<(u32, T)> {
    let distances = b.rows().map(|row| squared_euclidean(a, row));
    let hits = (0..).zip(distances).zip(limits);
    hits.filter(|((_, distance), limit)| distance <= *limit).map(|(hit, _)| hit).collect()
}

/// The row of `b` that grows least; see [`least_growth`](super::least_growth).
pub fn least_growth<T: Real>(
    a: &[T],
    size: T,
    b: MatrixView<'_, T>,
    sizes: &[T],
) -> Option<(T, u32)> {
    let mut best = None;
    for ((row, j), &other) in b.rows().zip(0..).zip(sizes) {
        let value = size * other / (size + other) * squared_euclidean(a, row);
        if value < best.map_or(T::INFINITY, |(least, _)| least) {
            best = Some((value, j));
        }
    }
    best
}

/// The nearest two rows of `b`; see [`two_nearest`](super::two_nearest).
pub fn two_nearest<T: Real>(a: &[T], b: MatrixView<'_, T>, floors: &[T]) -> Option<TwoNearest<T>> {
    let values = b.rows().zip(floors).map(|(row, &floor)| squared_euclidean(a, row) + floor);
    let rows = (0..).zip(values).filter(|(_, value)| value.is_finite());
    rows.map(|(row, value)| TwoNearest { value, row, next: T::INFINITY }).reduce(TwoNearest::and)
}
