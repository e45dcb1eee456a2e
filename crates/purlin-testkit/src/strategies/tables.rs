//! Tables: friendly ones, and those that clustering and decompositions stumble over.

use super::moderate;
use proptest::collection::vec;
use proptest::prelude::*;
use purlin_core::{Matrix, rng::Stream};

/// A table of that many rows and columns of moderate numbers.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use purlin_testkit::strategies::matrix;
///
/// proptest!(|(x in matrix(2..30usize, 1..5usize))| {
///     prop_assert!(x.n_rows() >= 2 && x.n_cols() < 5);
///     prop_assert!(x.view().check_finite("test", "x").is_ok());
/// });
/// ```
pub fn matrix(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Matrix<f64>> {
    table(n_rows, n_cols, moderate())
}

fn table(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
    element: impl Strategy<Value = f64> + Clone,
) -> impl Strategy<Value = Matrix<f64>> {
    (n_rows, n_cols).prop_flat_map(move |(n_rows, n_cols)| {
        vec(element.clone(), n_rows * n_cols).prop_map(move |x| {
            Matrix::from_vec(x, n_rows, n_cols).expect("as many numbers as the table holds")
        })
    })
}

/// Small whole numbers: many equal distances, ties everywhere.
pub fn lattice(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Matrix<f64>> {
    table(n_rows, n_cols, (-2i32..=2).prop_map(f64::from))
}

/// Few different rows, each repeated.
pub fn duplicated(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Matrix<f64>> {
    (matrix(n_rows, n_cols), 1usize..4, any::<u64>()).prop_map(|(x, n_different, seed)| {
        let n_different = n_different.min(x.n_rows());
        let mut rng = Stream::new(seed, "duplicated").rng(0);
        let pick: Vec<usize> = (0..x.n_rows())
            .map(|i| if i < n_different { i } else { rng.below(n_different) })
            .collect();
        x.view().select_rows(&pick)
    })
}

/// Samples on one line: a covariance of rank 1.
pub fn collinear(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Matrix<f64>> {
    matrix(n_rows, n_cols).prop_map(|x| {
        if x.n_rows() < 2 || x.n_cols() == 0 {
            return x;
        }
        let (origin, direction) = (x.row(0).to_vec(), x.row(1).to_vec());
        Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| origin[j] + x[(i, 0)] * direction[j])
    })
}

/// Small differences on top of `1e8`: what `|a|^2 - 2ab + |b|^2` loses.
pub fn huge_offset(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Matrix<f64>> {
    matrix(n_rows, n_cols).prop_map(|x| x.map(|v| v + 1e8))
}

/// Numbers around `1e-170`: their squares underflow.
pub fn tiny_scale(
    n_rows: impl Strategy<Value = usize>,
    n_cols: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Matrix<f64>> {
    matrix(n_rows, n_cols).prop_map(|x| x.map(|v| v * 1e-170))
}

/// Any of the above, and tables of one number throughout.
pub fn hostile_matrix(
    n_rows: impl Strategy<Value = usize> + Clone + 'static,
    n_cols: impl Strategy<Value = usize> + Clone + 'static,
) -> impl Strategy<Value = Matrix<f64>> {
    let (r, c) = (n_rows, n_cols);
    prop_oneof![
        matrix(r.clone(), c.clone()),
        lattice(r.clone(), c.clone()),
        duplicated(r.clone(), c.clone()),
        collinear(r.clone(), c.clone()),
        huge_offset(r.clone(), c.clone()),
        tiny_scale(r.clone(), c.clone()),
        (r, c, moderate()).prop_map(|(n_rows, n_cols, v)| Matrix::from_fn(
            n_rows,
            n_cols,
            |_, _| v
        )),
    ]
}

/// Samples in groups, and the group of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Blobs {
    /// The samples, `(n_samples, n_features)`.
    pub x: Matrix<f64>,
    /// The group of each sample; every group has one at least.
    pub labels: Vec<usize>,
    /// The middle of each group, `(n_groups, n_features)`.
    pub centers: Matrix<f64>,
}

/// Groups so far apart that anyone finds them: radius below 1, centers at least 20 apart.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use purlin_testkit::{naive, strategies::blobs};
///
/// proptest!(|(b in blobs(1..4usize, 8..20usize, 1..4usize))| {
///     let d = naive::distances(b.x.view(), b.centers.view());
///     for (i, &label) in b.labels.iter().enumerate() {
///         prop_assert!(d[(i, label)] < 1.0);
///     }
/// });
/// ```
pub fn blobs(
    n_groups: impl Strategy<Value = usize>,
    n_samples: impl Strategy<Value = usize>,
    n_features: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Blobs> {
    (n_groups, n_samples, n_features, any::<u64>()).prop_map(
        |(n_groups, n_samples, n_features, seed)| {
            let n_samples = n_samples.max(n_groups);
            let mut rng = Stream::new(seed, "blobs").rng(0);
            // Group g sits near 20 g on the first axis, anywhere on the others.
            let centers = Matrix::from_fn(n_groups, n_features, |g, j| {
                if j == 0 { 20.0 * g as f64 } else { rng.uniform_in(-5.0, 5.0) }
            });
            let mut labels: Vec<usize> = (0..n_samples)
                .map(|i| if i < n_groups { i } else { rng.below(n_groups) })
                .collect();
            rng.shuffle(&mut labels);
            let reach = 0.9 / (n_features.max(1) as f64).sqrt();
            let x = Matrix::from_fn(n_samples, n_features, |i, j| {
                centers[(labels[i], j)] + rng.uniform_in(-reach, reach)
            });
            Blobs { x, labels, centers }
        },
    )
}
