//! What every door looks at.

use crate::{Metric, assign};
use purlin_backend::distance::Centroids;
use purlin_core::{Error, MatrixView, Real, Result};

/// Refuses a table without columns, with fewer rows than `min_rows`, with more rows than a `u32`
/// can number, or with a number that is not finite.
pub(crate) fn table<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    min_rows: usize,
) -> Result<()> {
    shape(op, x, min_rows)?;
    x.check_finite(op, "x")
}

/// [`table`] without a look at the numbers.
pub(crate) fn shape<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    min_rows: usize,
) -> Result<()> {
    if x.n_cols() == 0 {
        return Err(Error::shape(op, "x with at least 1 column", 0));
    }
    n_samples(op, x.n_rows(), min_rows)
}

/// Refuses numbers so large that squared distances overflow, where the metric has squares.
pub(crate) fn squares<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    metric: &Metric,
) -> Result<()> {
    match metric {
        Metric::Euclidean | Metric::SquaredEuclidean => assign::check_squares(op, x),
        _ => Ok(()),
    }
}

/// Refuses fewer samples than `least`, or more than a `u32` can number.
pub(crate) fn n_samples(op: &'static str, n: usize, least: usize) -> Result<()> {
    if n < least {
        return Err(Error::TooFewSamples { op, expected: least, got: n });
    }
    if n >= u32::MAX as usize {
        return Err(Error::shape(op, format!("fewer than {} samples", u32::MAX), n));
    }
    Ok(())
}

/// Refuses more centroids than can be ranked.
pub(crate) fn n_centroids(op: &'static str, n: usize) -> Result<()> {
    let most = Centroids::<f32>::MOST;
    if n > most {
        return Err(Error::param(op, "n_clusters", format!("at most {most}"), n));
    }
    Ok(())
}

/// Refuses a table of new rows that has not the columns of the model.
pub(crate) fn features<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    n_features: usize,
) -> Result<()> {
    if x.n_cols() != n_features {
        return Err(Error::shape(op, format!("x with {n_features} columns"), x.n_cols()));
    }
    x.check_finite(op, "x")
}

/// Refuses weights that are not one per sample, finite, at least 0, and not all 0.
pub(crate) fn weights<T: Real>(op: &'static str, weights: &[T], n: usize) -> Result<()> {
    let name = "sample_weight";
    if weights.len() != n {
        return Err(Error::shape(op, format!("{name} of {n} samples"), weights.len()));
    }
    let offender = weights.iter().position(|w| !w.is_finite() || *w < T::ZERO);
    if let Some(i) = offender {
        let value = format!("{} at index {i}", weights[i]);
        return Err(Error::param(op, name, "finite and at least 0", value));
    }
    let sum: f64 = weights.iter().map(|w| w.to_f64()).sum();
    if !sum.is_finite() {
        return Err(Error::param(op, name, "of a finite sum", sum));
    }
    if n > 0 && weights.iter().all(|w| *w == T::ZERO) {
        return Err(Error::param(op, name, "above 0 for at least 1 sample", 0));
    }
    Ok(())
}
