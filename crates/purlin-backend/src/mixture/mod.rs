//! The two halves of a round of a Gaussian mixture: the share of each component in each row
//! ([`Gaussians::shares`]), and the weighted moments of the rows ([`Moments::add`]).
//!
//! Both work in `f64` on rows that lie side by side in [`Panels`], vectors across rows. What a row
//! gets does not depend on its neighbours; sums run over the panels in order, lane by lane, and
//! the lanes are added in the fixed tree at the end of a call.

mod moments;
mod shares;
#[cfg(test)]
mod tests;

pub use moments::Moments;

use crate::dispatch;
use crate::distance::Panels;
use purlin_core::{Matrix, MatrixView};
use std::ops::Range;

/// Rows of a panel.
const LANES: usize = 8;

/// Columns of a triangular factor that are worked on at once.
const WIDTH: usize = 4;

/// Gaussian densities, each times a weight, in the form that the kernel reads.
///
/// The logarithm of component `c` at row `x` is `offsets[c] - |(x - mean_c) U_c|^2 / 2`, where the
/// upper triangular `U_c` has `U_c U_c^T` = the inverse of the covariance. The weight and the
/// determinant are part of the offset.
///
/// # Examples
///
/// ```
/// use purlin_backend::{distance::Panels, mixture::Gaussians};
/// use purlin_core::{Matrix, MatrixView};
///
/// let means = Matrix::from_rows(&[[0.0], [2.0]]);
/// let both = Gaussians::diagonal(means.view(), Matrix::from_rows(&[[1.0], [1.0]]).view(), &[0.0; 2]);
/// let x = Panels::pack(MatrixView::from_rows(&[[1.0f64]]), None);
/// let (mut shares, mut densities) = ([0.0; 16], [0.0; 8]);
/// both.shares(&x, 0..1, &mut shares, &mut densities);
/// assert_eq!([shares[0], shares[8]], [0.5, 0.5]); // halfway between two equals
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussians {
    form: Form,
    n_features: usize,
    /// `(n_components, n_features)`; of [`Form::Tied`] the means times the factor, in rows of
    /// whole tiles.
    means: Vec<f64>,
    factors: Vec<f64>,
    offsets: Vec<f64>,
}

/// What the factors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One triangle for each component, packed by [`pack`].
    Full,
    /// One triangle for all.
    Tied,
    /// A row of factors for each component.
    Diagonal,
}

impl Gaussians {
    /// Each component has an upper triangular factor of its own.
    ///
    /// # Panics
    ///
    /// When the numbers of components or of features differ.
    #[track_caller]
    pub fn full(means: MatrixView<'_, f64>, factors: &[Matrix<f64>], offsets: &[f64]) -> Self {
        check(means, factors.len(), offsets.len());
        let factors = factors.iter().flat_map(|factor| pack(factor.view(), means.n_cols()));
        let factors = factors.collect();
        Self::new(Form::Full, means.n_cols(), means.to_vec(), factors, offsets)
    }

    /// All components have the same upper triangular factor.
    ///
    /// # Panics
    ///
    /// When the numbers of components or of features differ.
    #[track_caller]
    pub fn tied(means: MatrixView<'_, f64>, factor: MatrixView<'_, f64>, offsets: &[f64]) -> Self {
        check(means, means.n_rows(), offsets.len());
        let d = means.n_cols();
        let mut turned = vec![0.0; means.n_rows() * d.next_multiple_of(WIDTH)];
        for (mean, out) in means.rows().zip(turned.chunks_mut(d.next_multiple_of(WIDTH))) {
            for (j, out) in out.iter_mut().enumerate().take(d) {
                *out = (0..=j).fold(0.0f64, |sum, i| mean[i].mul_add(factor.row(i)[j], sum));
            }
        }
        Self::new(Form::Tied, d, turned, pack(factor, d), offsets)
    }

    /// The factors are diagonal: row `c` of `factors` is the diagonal of component `c`.
    ///
    /// # Panics
    ///
    /// When the numbers of components or of features differ.
    #[track_caller]
    pub fn diagonal(
        means: MatrixView<'_, f64>,
        factors: MatrixView<'_, f64>,
        offsets: &[f64],
    ) -> Self {
        check(means, factors.n_rows(), offsets.len());
        let (expected, got) = (means.n_cols(), factors.n_cols());
        assert!(got == expected, "gaussians: expected factors of {expected} features, got {got}");
        let d = means.n_cols();
        Self::new(Form::Diagonal, d, means.to_vec(), factors.to_vec(), offsets)
    }

    fn new(
        form: Form,
        n_features: usize,
        means: Vec<f64>,
        factors: Vec<f64>,
        offsets: &[f64],
    ) -> Self {
        Self { form, n_features, means, factors, offsets: offsets.to_vec() }
    }

    /// The number of components.
    pub fn n_components(&self) -> usize {
        self.offsets.len()
    }

    /// For each row of the panels the share of each component in the density there, and the
    /// logarithm of that density.
    ///
    /// | array | shape |
    /// |---|---|
    /// | `shares` | `(n_panels, n_components, 8)`: the rows of a panel side by side |
    /// | `log_densities` | `(n_panels, 8)` |
    ///
    /// Where all densities vanish (the logarithm is -inf), components have equal shares. Places of
    /// missing rows in the last panel are filled with zeros.
    ///
    /// Runs on the calling thread: callers cut the panels into blocks.
    ///
    /// # Panics
    ///
    /// When a length does not fit, or a panel is missing.
    #[track_caller]
    pub fn shares(
        &self,
        x: &Panels<f64>,
        panels: Range<usize>,
        shares: &mut [f64],
        log_densities: &mut [f64],
    ) {
        let (rows, k) = (panels.len() * LANES, self.n_components());
        assert!(
            x.n_features() == self.n_features && panels.end <= x.n_panels(),
            "shares: expected {} features and panels below {}, got {} and {panels:?}",
            self.n_features,
            x.n_panels(),
            x.n_features()
        );
        assert!(
            shares.len() == rows * k && log_densities.len() == rows,
            "shares: expected room for {rows} rows and {k} components, got {} and {}",
            shares.len(),
            log_densities.len()
        );
        let missing = rows - x.rows_of(&panels).len();
        dispatch(shares::Shares { of: self, x, panels, out: shares, log_densities });
        // Only the last panel can lack rows.
        let first = LANES - missing;
        if missing > 0 {
            let last = shares.len() - LANES * k;
            for shares in shares[last..].chunks_exact_mut(LANES) {
                shares[first..].fill(0.0);
            }
            log_densities[rows - missing..].fill(0.0);
        }
    }
}

#[track_caller]
fn check(means: MatrixView<'_, f64>, n_factors: usize, n_offsets: usize) {
    let k = means.n_rows();
    assert!(
        n_factors == k && n_offsets == k && k > 0 && means.n_cols() > 0,
        "gaussians: expected means with at least 1 row and column, and as many factors and offsets, \
         got {:?}, {n_factors} and {n_offsets}",
        means.shape()
    );
}

/// An upper triangle in tiles of [`WIDTH`] columns, in each tile row after row from the left end
/// of the triangle on; the columns that the last tile lacks are zeros.
#[track_caller]
fn pack(factor: MatrixView<'_, f64>, d: usize) -> Vec<f64> {
    let got = factor.shape();
    assert!(got == (d, d), "gaussians: expected a factor ({d}, {d}), got {got:?}");
    let mut out = Vec::with_capacity(packed_len(d));
    for first in (0..d).step_by(WIDTH) {
        for i in 0..first + WIDTH {
            let columns = first.max(i)..first + WIDTH;
            out.extend(columns.map(|j| if i < d && j < d { factor.row(i)[j] } else { 0.0 }));
        }
    }
    out
}

/// The length of a packed triangle.
fn packed_len(d: usize) -> usize {
    let n = d.div_ceil(WIDTH);
    n * (n - 1) / 2 * WIDTH * WIDTH + n * WIDTH * (WIDTH + 1) / 2
}
