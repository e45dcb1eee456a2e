//! Scores that ask how much one labelling tells of the other.

use super::contingency::Contingency;
use purlin_backend::elementwise::ops;
use purlin_backend::math;
use purlin_core::{Error, Result};

/// The mean of the entropies of two labellings, by which their mutual information is divided.
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::{Average, normalized_mutual_info};
///
/// // The clusters split one class: they tell the classes, and more.
/// let nmi = |average| normalized_mutual_info(&[0, 0, 1, 1], &[0, 1, 2, 2], average);
/// assert_eq!(nmi(Average::Min)?, 1.0); // all that the classes hold is told
/// assert!(nmi(Average::Max)? < nmi(Average::Arithmetic)?);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Average {
    /// The lesser one.
    Min,
    /// The root of the product.
    Geometric,
    /// Half the sum.
    #[default]
    Arithmetic,
    /// The greater one.
    Max,
}

impl Average {
    pub(super) fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Min => a.min(b),
            Self::Geometric => (a * b).sqrt(),
            Self::Arithmetic => f64::midpoint(a, b),
            Self::Max => a.max(b),
        }
    }
}

/// Entropies and mutual information of a table, in nats.
pub(super) struct Information {
    pub(super) table: Contingency,
    pub(super) mutual: f64,
    pub(super) entropy_true: f64,
    pub(super) entropy_pred: f64,
}

impl Information {
    pub(super) fn of<A: Ord + Copy, B: Ord + Copy>(
        op: &'static str,
        labels_true: &[A],
        labels_pred: &[B],
    ) -> Result<Self> {
        let table = Contingency::of(op, labels_true, labels_pred)?;
        let n = table.n_samples();
        let (rows, columns) = (table.row_sums(), table.column_sums());
        // Products of two counts stay below 2^64. Equal partitions get the bits of the entropy.
        let terms = table.cells().map(|(i, j, count)| {
            share(count, n) * ln((n * count) as f64 / (rows[i] * columns[j]) as f64)
        });
        let mutual = sum(terms.collect()).max(0.0);
        let (entropy_true, entropy_pred) = (entropy(rows, n), entropy(columns, n));
        Ok(Self { table, mutual, entropy_true, entropy_pred })
    }

    /// Whether both labellings are a single class.
    pub(super) fn is_trivial(&self) -> bool {
        self.table.n_rows() == 1 && self.table.n_columns() == 1
    }

    /// The mutual information over `entropy`, which is 1 where there is nothing to be told.
    pub(super) fn over(&self, entropy: f64) -> f64 {
        // Above 1 by rounding alone.
        if entropy == 0.0 { 1.0 } else { (self.mutual / entropy).min(1.0) }
    }
}

pub(super) fn ln(x: f64) -> f64 {
    math::scalar(ops::Ln, x)
}

pub(super) fn share(count: u64, n: u64) -> f64 {
    count as f64 / n as f64
}

/// `sum a/n ln(n/a)`
fn entropy(counts: &[u64], n: u64) -> f64 {
    sum(counts.iter().map(|&count| share(count, n) * ln(n as f64 / count as f64)).collect())
}

/// From the least to the greatest, so that the order of the labels does not matter, and with what
/// rounding loses (A. Neumaier, ZAMM 54, 1974): there may be a term for each sample.
pub(super) fn sum(mut terms: Vec<f64>) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + lost
}

/// The mutual information of two labellings in nats: `sum n_ij/n ln(n n_ij / (a_i b_j))` over the
/// cells of the contingency table, with its sums `a_i` and `b_j`.
///
/// From 0, for independent labels, to the lesser entropy.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::mutual_info;
///
/// assert_eq!(mutual_info(&[0, 0, 1, 1], &[0, 1, 0, 1])?, 0.0);
/// assert_eq!(mutual_info(&[0, 0, 1, 1], &[4, 4, 2, 2])?, std::f64::consts::LN_2);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - C. E. Shannon, *A mathematical theory of communication*, Bell System Technical Journal 27,
///   1948.
pub fn mutual_info<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<f64> {
    Ok(Information::of("mutual_info", labels_true, labels_pred)?.mutual)
}

/// The [`mutual_info`] over the mean entropy of the two labellings, between 0 and 1.
///
/// 1 where both are a single class, 0 where one of them is.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::{Average, normalized_mutual_info};
///
/// let (truth, found) = ([0, 0, 1, 1], [0, 0, 1, 2]);
/// assert_eq!(normalized_mutual_info(&truth, &truth, Average::Arithmetic)?, 1.0);
/// assert_eq!(normalized_mutual_info(&truth, &found, Average::Min)?, 1.0);
/// let by_the_greater = normalized_mutual_info(&truth, &found, Average::Max)?;
/// assert!((by_the_greater - 2.0 / 3.0).abs() < 1e-15); // ln 2 over 1.5 ln 2
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - A. Strehl, J. Ghosh, *Cluster ensembles: a knowledge reuse framework for combining multiple
///   partitions*, JMLR 3, 2002.
pub fn normalized_mutual_info<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
    average: Average,
) -> Result<f64> {
    let info = Information::of("normalized_mutual_info", labels_true, labels_pred)?;
    if !info.is_trivial() && info.mutual <= f64::EPSILON {
        return Ok(0.0);
    }
    Ok(info.over(average.of(info.entropy_true, info.entropy_pred)))
}

/// Whether each cluster holds members of one class only: the [`mutual_info`] over the entropy of
/// `labels_true`, between 0 and 1; 1 where that entropy is 0.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::homogeneity;
///
/// assert_eq!(homogeneity(&[0, 0, 1, 1], &[0, 0, 1, 2])?, 1.0);
/// assert_eq!(homogeneity(&[0, 0, 1, 1], &[0, 0, 0, 0])?, 0.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - A. Rosenberg, J. Hirschberg, *V-measure: a conditional entropy-based external cluster
///   evaluation measure*, EMNLP-CoNLL 2007.
pub fn homogeneity<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<f64> {
    let info = Information::of("homogeneity", labels_true, labels_pred)?;
    Ok(info.over(info.entropy_true))
}

/// Whether all members of a class are in one cluster: the [`mutual_info`] over the entropy of
/// `labels_pred`, between 0 and 1; 1 where that entropy is 0.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::completeness;
///
/// let score = completeness(&[0, 0, 1, 1], &[0, 0, 1, 2])?;
/// assert!((score - 2.0 / 3.0).abs() < 1e-15); // ln 2 over 1.5 ln 2
/// assert_eq!(completeness(&[0, 0, 1, 1], &[0, 0, 0, 0])?, 1.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// As [`homogeneity`].
pub fn completeness<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<f64> {
    let info = Information::of("completeness", labels_true, labels_pred)?;
    Ok(info.over(info.entropy_pred))
}

/// The weighted harmonic mean of [`homogeneity`] `h` and [`completeness`] `c`:
/// `(1 + beta) h c / (beta h + c)`, between 0 and 1; 0 where both are 0.
///
/// A `beta` above 1 favours completeness; with 1 it is the arithmetic [`normalized_mutual_info`].
///
/// # Errors
///
/// As [`contingency`](super::contingency()), and [`Error::InvalidParam`] when `beta` is negative
/// or not finite.
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::v_measure;
///
/// let score = v_measure(&[0, 0, 1, 1], &[0, 0, 1, 2], 1.0)?; // h is 1, c is 2/3
/// assert!((score - 0.8).abs() < 1e-15);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// As [`homogeneity`].
pub fn v_measure<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
    beta: f64,
) -> Result<f64> {
    let op = "v_measure";
    if !(beta >= 0.0 && beta.is_finite()) {
        return Err(Error::param(op, "beta", "finite and at least 0", beta));
    }
    let info = Information::of(op, labels_true, labels_pred)?;
    let (h, c) = (info.over(info.entropy_true), info.over(info.entropy_pred));
    let below = beta * h + c;
    Ok(if below == 0.0 { 0.0 } else { ((1.0 + beta) * h * c / below).min(1.0) })
}
