//! Mutual information beyond what chance gives.

use super::contingency::Contingency;
use super::information::{Average, Information, ln, share, sum};
use purlin_core::Result;

/// The mutual information less what chance gives: `(MI - E) / (mean entropy - E)`, where `E` is the
/// mean of the mutual information over all labellings with the same class sizes.
///
/// 1 for equal partitions, 0 in the mean for random ones, and below 0 for less.
///
/// `E` sums over pairs of class sizes and over the hypergeometric distribution of their overlap,
/// which is walked from its mode outwards by the ratio of neighbours and divided by its sum: no
/// logarithms of factorials are taken, so no digits are lost to them.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::{Average, adjusted_mutual_info};
///
/// let truth = [0, 0, 1, 1];
/// assert_eq!(adjusted_mutual_info(&truth, &[7, 7, 3, 3], Average::default())?, 1.0);
/// let chance = adjusted_mutual_info(&truth, &[0, 1, 0, 1], Average::default())?;
/// assert!((chance + 0.5).abs() < 1e-15); // MI is 0, E a third of the entropy
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - N. X. Vinh, J. Epps, J. Bailey, *Information theoretic measures for clusterings comparison:
///   variants, properties, normalization and correction for chance*, JMLR 11, 2010.
pub fn adjusted_mutual_info<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
    average: Average,
) -> Result<f64> {
    let info = Information::of("adjusted_mutual_info", labels_true, labels_pred)?;
    if info.is_trivial() {
        return Ok(1.0);
    }
    if info.table.n_rows() == 1 || info.table.n_columns() == 1 {
        return Ok(0.0);
    }
    let expected = expected_mutual_info(&info.table);
    // 0 / 0 where every sample has a label of its own: the partitions are equal. The quotient of
    // two rounding errors is not to be believed, so both keep their sign and a least size.
    let off_zero = |x: f64| x.abs().max(f64::EPSILON).copysign(if x < 0.0 { -1.0 } else { 1.0 });
    let mean = average.of(info.entropy_true, info.entropy_pred);
    Ok(off_zero(info.mutual - expected) / off_zero(mean - expected))
}

/// Weights below this are left out: log-concave tails of at most 2^32 of them vanish beside 1.
const NEGLIGIBLE: f64 = 1e-32;

/// The mean of the mutual information over all tables with the sums of this one.
fn expected_mutual_info(table: &Contingency) -> f64 {
    let n = table.n_samples();
    let columns = sizes(table.column_sums());
    let mut terms = Vec::new();
    for (a, n_rows) in sizes(table.row_sums()) {
        for &(b, n_columns) in &columns {
            terms.push((n_rows * n_columns) as f64 * expected_term(a, b, n));
        }
    }
    sum(terms)
}

/// The different sizes and how often each occurs.
fn sizes(counts: &[u64]) -> Vec<(u64, u64)> {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    counts.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect()
}

/// The mean of `k/n ln(n k / (a b))` where `k` is what `a` and `b` of `n` samples have in common.
fn expected_term(a: u64, b: u64, n: u64) -> f64 {
    let value = |k: u64| match k {
        0 => 0.0,
        k => share(k, n) * ln((n * k) as f64 / (a * b) as f64),
    };
    let (least, most) = ((a + b).saturating_sub(n), a.min(b));
    let mode = ((u128::from(a) + 1) * (u128::from(b) + 1) / (u128::from(n) + 2)) as u64;
    let mode = mode.clamp(least, most);
    let (mut total, mut mean) = (1.0, value(mode));
    let (mut k, mut weight) = (mode, 1.0);
    while k < most && weight > NEGLIGIBLE {
        weight *= ((a - k) * (b - k)) as f64 / ((k + 1) as f64 * (n + k + 1 - a - b) as f64);
        k += 1;
        total += weight;
        mean += weight * value(k);
    }
    (k, weight) = (mode, 1.0);
    while k > least && weight > NEGLIGIBLE {
        weight *= (k as f64 * (n + k - a - b) as f64) / ((a - k + 1) as f64 * (b - k + 1) as f64);
        k -= 1;
        total += weight;
        mean += weight * value(k);
    }
    mean / total
}
