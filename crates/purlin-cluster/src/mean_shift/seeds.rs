//! Where points start to climb.

use super::Seeding;
use purlin_core::{Matrix, MatrixView};
use std::cmp::Ordering;

/// The starts, one row each.
pub(super) fn starts(x: MatrixView<'_, f64>, seeding: &Seeding, bandwidth: f64) -> Matrix<f64> {
    match seeding {
        Seeding::Samples => x.to_matrix(),
        Seeding::Points(points) => points.clone(),
        Seeding::Bins { min_bin_freq } => {
            let bins = bins(x, bandwidth, *min_bin_freq);
            if bins.n_rows() == x.n_rows() { x.to_matrix() } else { bins }
        }
    }
}

/// The multiples of `bandwidth` that at least `least` rows round to, in increasing order.
fn bins(x: MatrixView<'_, f64>, bandwidth: f64, least: usize) -> Matrix<f64> {
    let (n, d) = x.shape();
    // Less 0.0, so that there is one zero.
    let round = |value: &f64| (value / bandwidth).round_ties_even() + 0.0;
    let bins: Vec<f64> = x.rows().flatten().map(round).collect();
    let row = |i: usize| &bins[i * d..(i + 1) * d];
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|&a, &b| by_numbers(row(a), row(b)));
    let mut data = Vec::new();
    for same in order.chunk_by(|&a, &b| row(a) == row(b)) {
        if same.len() >= least {
            data.extend(row(same[0]).iter().map(|bin| bin * bandwidth));
        }
    }
    let n_rows = data.len() / d;
    let mut data = data.into_iter();
    Matrix::from_fn(n_rows, d, |_, _| data.next().unwrap_or(0.0))
}

/// The order of the first numbers that differ.
pub(super) fn by_numbers(a: &[f64], b: &[f64]) -> Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    orders.fold(Ordering::Equal, Ordering::then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_multiples_of_the_bandwidth() {
        let x = Matrix::from_rows(&[[0.2, -0.2], [-0.2, 0.9], [0.4, -0.4], [5.0, 3.0], [3.0, 5.0]]);
        let found = bins(x.view(), 2.0, 1);
        // 2.5 and 1.5 round to the even neighbour.
        let expected = [[0.0, 0.0], [4.0, 4.0]];
        assert_eq!(found.as_slice(), expected.as_flattened());
        assert_eq!(bins(x.view(), 2.0, 3).as_slice(), [0.0, 0.0]);
        assert_eq!(bins(x.view(), 2.0, 4).n_rows(), 0);
        let all = starts(x.view(), &Seeding::Bins { min_bin_freq: 1 }, 0.01);
        assert_eq!(all.as_slice(), x.as_slice());
    }
}
