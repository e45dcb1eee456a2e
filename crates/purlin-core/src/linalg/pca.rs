//! Principal components.

use super::{Scale, check, product, qr, svd};
use crate::{Error, Matrix, MatrixView, Real, Result};

/// Principal component analysis.
///
/// Finds the orthogonal directions along which the samples vary most: the right singular vectors
/// of the table with its column means subtracted. Columns are not scaled; do that first where
/// their units differ.
///
/// | value | shape | unit |
/// |---|---|---|
/// | `x` | `(n_samples, n_features)` | yours |
/// | components | `(n_components, n_features)` | orthonormal rows |
/// | explained variance | `(n_components,)` | unit of `x` squared, divisor `n_samples - 1` |
///
/// The cost is `O(n_samples * n_features^2)`, or with the letters exchanged for wide tables.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, linalg::Pca};
///
/// // Points on the line y = 2 x.
/// let x = Matrix::from_rows(&[[-1.0, -2.0], [0.0, 0.0], [1.0, 2.0]]);
/// let model = Pca::new(1).fit(x.view())?;
/// assert!((model.explained_variance()[0] - 5.0).abs() < 1e-12);
/// assert!((model.explained_variance_ratio()[0] - 1.0).abs() < 1e-12);
///
/// let z = model.transform(x.view())?;
/// assert!((z[(2, 0)] - 5.0f64.sqrt()).abs() < 1e-12);
/// let back = model.inverse_transform(z.view())?;
/// assert!((back[(2, 1)] - 2.0).abs() < 1e-12);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - I. T. Jolliffe, *Principal Component Analysis*, 2nd edition, Springer 2002.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is computed until `fit` is called"]
pub struct Pca {
    n_components: usize,
}

/// A fitted [`Pca`].
#[derive(Debug, Clone, PartialEq)]
pub struct PcaModel {
    mean: Vec<f64>,
    components: Matrix<f64>,
    singular_values: Vec<f64>,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
}

impl Pca {
    /// Keeps the first `n_components` components; checked by [`Pca::fit`].
    pub fn new(n_components: usize) -> Self {
        Self { n_components }
    }

    /// Finds the components of `x`.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: fewer than 2 samples have no variance.
    /// - [`Error::InvalidParam`]: `n_components` is 0 or more than `min(n_samples, n_features)`.
    /// - [`Error::NonFinite`]: `x` holds NaN or an infinity.
    /// - [`Error::Shape`]: `x` has no columns.
    /// - [`Error::Diverged`]: the singular values did not settle.
    pub fn fit<T: Real>(&self, x: MatrixView<'_, T>) -> Result<PcaModel> {
        const OP: &str = "pca";
        let (n_samples, n_features) = x.shape();
        if n_samples < 2 {
            return Err(Error::TooFewSamples { op: OP, expected: 2, got: n_samples });
        }
        check(OP, "x", x)?;
        let most = n_samples.min(n_features);
        if self.n_components == 0 || self.n_components > most {
            let rule = format!("in 1..={most}");
            return Err(Error::param(OP, "n_components", rule, self.n_components));
        }
        let mean = column_means(x);
        let centred = |i: usize, j: usize| x[(i, j)].to_f64() - mean[j];
        let mut largest = 0.0f64;
        for (row, column) in (0..n_samples).flat_map(|i| (0..n_features).map(move |j| (i, j))) {
            let value = centred(row, column);
            if !value.is_finite() {
                return Err(Error::NonFinite {
                    op: OP,
                    name: "x minus its mean",
                    value,
                    row,
                    column,
                });
            }
            largest = largest.max(value.abs());
        }
        let scale = Scale::of(largest);
        let triangle = if n_samples > n_features {
            let rt = qr::triangle(n_samples, n_features, |i, out| {
                for (j, out) in out.iter_mut().enumerate() {
                    *out = scale.shrink(centred(i, j));
                }
            });
            rt.transpose()
        } else {
            Matrix::from_fn(n_samples, n_features, |i, j| scale.shrink(centred(i, j)))
        };
        let factors = svd::decompose(OP, &triangle)?;
        let total: f64 = factors.singular_values.iter().map(|s| s * s).sum();
        let kept = &factors.singular_values[..self.n_components];
        let singular_values: Vec<f64> = kept.iter().map(|&s| scale.restore(s)).collect();
        Ok(PcaModel {
            mean,
            components: factors.vt.view().row_range(0..self.n_components).to_matrix(),
            explained_variance: singular_values
                .iter()
                .map(|s| s * (s / (n_samples - 1) as f64))
                .collect(),
            explained_variance_ratio: kept
                .iter()
                .map(|s| if total > 0.0 { s * s / total } else { 0.0 })
                .collect(),
            singular_values,
        })
    }
}

impl PcaModel {
    /// The mean of every column of the fitted table.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The components in rows, the widest first; the largest magnitude of each is positive.
    pub fn components(&self) -> &Matrix<f64> {
        &self.components
    }

    /// The singular values of the centred table that belong to the components.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// The variance of the samples along each component (divisor `n_samples - 1`).
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// The share of each component in the variance of all features; 0 where nothing varies.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }

    /// Coordinates of samples along the components: `(x - mean) components^T`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` has not the fitted number of features, [`Error::NonFinite`] for
    /// NaN or an infinity.
    pub fn transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<f64>> {
        check_width("pca", "x", x, self.mean.len(), "features")?;
        let centred =
            Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| x[(i, j)].to_f64() - self.mean[j]);
        Ok(product(centred.view(), self.components.transpose().view()))
    }

    /// Samples from their coordinates: `z components + mean`. With all components it undoes
    /// [`PcaModel::transform`]; with fewer it gives the nearest points of their plane.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `z` has not one column per component, [`Error::NonFinite`] for NaN
    /// or an infinity.
    pub fn inverse_transform<T: Real>(&self, z: MatrixView<'_, T>) -> Result<Matrix<f64>> {
        check_width("pca", "z", z, self.components.n_rows(), "components")?;
        let mut x = product(z, self.components.view());
        for i in 0..x.n_rows() {
            x.row_mut(i).iter_mut().zip(&self.mean).for_each(|(v, m)| *v += m);
        }
        Ok(x)
    }
}

/// The mean of every column, in two passes: the second adds the mean of what the first left.
fn column_means<T: Real>(x: MatrixView<'_, T>) -> Vec<f64> {
    let n = x.n_rows() as f64;
    // Divided before they are added: the sum of huge numbers may overflow, their mean does not.
    let mut mean = vec![0.0; x.n_cols()];
    for row in x.rows() {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += v.to_f64() / n);
    }
    let mut rest = vec![0.0; x.n_cols()];
    for row in x.rows() {
        for ((r, v), m) in rest.iter_mut().zip(row).zip(&mean) {
            *r += (v.to_f64() - m) / n;
        }
    }
    mean.iter_mut().zip(rest).for_each(|(m, r)| *m += r);
    mean
}

fn check_width<T: Real>(
    op: &'static str,
    name: &'static str,
    x: MatrixView<'_, T>,
    expected: usize,
    what: &str,
) -> Result<()> {
    if x.n_cols() != expected {
        let got = format!("{:?}", x.shape());
        return Err(Error::shape(op, format!("{name} with {expected} {what}"), got));
    }
    x.check_finite(op, name)
}
