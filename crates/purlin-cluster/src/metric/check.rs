//! What a metric asks of its parameters and of the rows.

use super::Metric;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

impl Metric {
    /// Whether the parameters are in their range.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] in the name of `op` when the `p` of `Minkowski` is below 1 or not
    /// finite, a variance of `StandardizedEuclidean` is not finite and above 0, or the matrix of
    /// `Mahalanobis` is not symmetric, or has no positive diagonal; [`Error::Shape`] when it is not
    /// square.
    pub fn check(&self, op: &'static str) -> Result<()> {
        match self {
            Self::Minkowski(p) if !(*p >= 1.0 && p.is_finite()) => {
                Err(Error::param(op, "p", "finite and at least 1", p))
            }
            Self::StandardizedEuclidean(variances) => {
                let offender = variances.iter().position(|v| !(*v > 0.0 && v.is_finite()));
                let Some(i) = offender else { return Ok(()) };
                let value = format!("{} at index {i}", variances[i]);
                Err(Error::param(op, "variances", "finite and above 0", value))
            }
            Self::Mahalanobis(inverse) => inverse_covariance(op, inverse),
            _ => Ok(()),
        }
    }

    /// [`Metric::check`], and whether the rows of `x` are such as the metric takes.
    ///
    /// # Errors
    ///
    /// As [`Metric::check`]; [`Error::Shape`] when `StandardizedEuclidean` or `Mahalanobis` know
    /// another number of columns; [`Error::InvalidParam`] when `x` holds a negative number or a
    /// row of zeros, and the metric is `JensenShannon`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Metric};
    ///
    /// let metric = Metric::StandardizedEuclidean(vec![1.0, 4.0, 9.0]);
    /// let err = metric.check_table("pairwise", MatrixView::from_rows(&[[1.0, 2.0]])).unwrap_err();
    /// assert_eq!(err.to_string(), "pairwise: expected x with 3 columns, got 2");
    /// ```
    pub fn check_table<T: Real>(&self, op: &'static str, x: MatrixView<'_, T>) -> Result<()> {
        self.check(op)?;
        let known = match self {
            Self::StandardizedEuclidean(variances) => variances.len(),
            Self::Mahalanobis(inverse) => inverse.n_rows(),
            _ => x.n_cols(),
        };
        if known != x.n_cols() {
            return Err(Error::shape(op, format!("x with {known} columns"), x.n_cols()));
        }
        if *self == Self::JensenShannon {
            for (i, row) in x.rows().enumerate() {
                if let Some(j) = row.iter().position(|value| *value < T::ZERO) {
                    let value = format!("{} at row {i}, column {j}", row[j]);
                    return Err(Error::param(op, "x", "at least 0 for JensenShannon", value));
                }
                if row.iter().all(|value| *value == T::ZERO) {
                    let rule = "above 0 somewhere in each row for JensenShannon";
                    return Err(Error::param(op, "x", rule, format!("zeros in row {i}")));
                }
            }
        }
        Ok(())
    }
}

fn inverse_covariance(op: &'static str, inverse: &Matrix<f64>) -> Result<()> {
    let name = "inverse_covariance";
    let (n, columns) = inverse.shape();
    if n != columns {
        let got = format!("({n}, {columns})");
        return Err(Error::shape(op, "inverse_covariance of square shape", got));
    }
    inverse.view().check_finite(op, name)?;
    for (i, row) in inverse.view().rows().enumerate() {
        if row[i] <= 0.0 {
            let value = format!("{} at ({i}, {i})", row[i]);
            return Err(Error::param(op, name, "above 0 on the diagonal", value));
        }
        for (j, &a) in row.iter().enumerate().skip(i + 1) {
            let b = inverse.row(j)[i];
            // What an inversion leaves of symmetry.
            if (a - b).abs() > SYMMETRY_TOL * (row[i] * inverse.row(j)[j]).sqrt() {
                let values = format!("{a} at ({i}, {j}) and {b} at ({j}, {i})");
                return Err(Error::param(op, name, "symmetric", values));
            }
        }
    }
    Ok(())
}

/// Relative to the diagonal.
const SYMMETRY_TOL: f64 = 1e-9;
