//! How far a neighbourhood reaches.

use super::OP;
use crate::{assign, check};
use purlin_backend::distance::{Form, Panels, values_of};
use purlin_backend::parallel;
use purlin_core::rng::Stream;
use purlin_core::{Error, MatrixView, Real, Result};

/// Samples that one task measures.
const BLOCK: usize = 32;

/// A bandwidth for [`MeanShift`](super::MeanShift): the mean over the samples of the distance to the
/// farthest of their `quantile * n_samples` nearest, themselves among them, at least one.
///
/// `n_samples` takes as many samples by chance, with the seed `seed`; all without a number, or where
/// there are fewer. Costs the distances of all pairs, of which none are kept.
///
/// # Errors
///
/// - [`Error::InvalidParam`]: `quantile` is not from 0 to 1, `n_samples` is 0, or numbers of `x`
///   are so large that squared distances overflow.
/// - [`Error::TooFewSamples`], [`Error::Shape`], [`Error::NonFinite`]: `x` has no row, no column, or
///   holds NaN or an infinity.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, estimate_bandwidth};
///
/// let x = [[1.0, 1.0], [2.0, 1.0], [1.0, 0.0], [4.0, 7.0], [3.0, 5.0], [3.0, 6.0]];
/// let bandwidth = estimate_bandwidth(MatrixView::from_rows(&x), 0.5, None, 0)?;
/// assert!((bandwidth - 1.61).abs() < 0.01);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
pub fn estimate_bandwidth<T: Real>(
    x: MatrixView<'_, T>,
    quantile: f64,
    n_samples: Option<usize>,
    seed: u64,
) -> Result<f64> {
    if !(0.0..=1.0).contains(&quantile) {
        return Err(Error::param(OP, "quantile", "from 0 to 1", quantile));
    }
    if n_samples == Some(0) {
        return Err(Error::param(OP, "n_samples", "at least 1", 0));
    }
    check::table(OP, x, 1)?;
    let wide = match n_samples {
        Some(m) if m < x.n_rows() => {
            let mut rng = Stream::new(seed, "estimate_bandwidth").rng(0);
            let mut rows = rng.permutation(x.n_rows());
            rows.truncate(m);
            x.select_rows(&rows).cast::<f64>()
        }
        _ => x.cast::<f64>(),
    };
    assign::check_squares(OP, wide.view())?;
    Ok(mean_reach(wide.view(), quantile))
}

fn mean_reach(x: MatrixView<'_, f64>, quantile: f64) -> f64 {
    let (n, d) = x.shape();
    let k = ((n as f64 * quantile) as usize).clamp(1, n);
    let panels = Panels::pack(x, None);
    let sum = |block: usize| {
        let mut values = vec![0.0; n];
        let mut sum = 0.0;
        for i in block * BLOCK..n.min((block + 1) * BLOCK) {
            values_of(Form::SquaredEuclidean, x.row(i), (&panels, 0..n), &mut values);
            let (_, value, _) = values.select_nth_unstable_by(k - 1, f64::total_cmp);
            sum += value.sqrt();
        }
        sum
    };
    let work = n.saturating_mul(n).saturating_mul(d + 4);
    let sum = parallel::reduce(n.div_ceil(BLOCK), work, sum, |a, b| a + b);
    sum.unwrap_or(0.0) / n as f64
}
