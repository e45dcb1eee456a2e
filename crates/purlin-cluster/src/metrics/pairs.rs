//! Scores that look at pairs of samples: together or apart?

use super::contingency::Contingency;
use purlin_core::Result;

/// How two labellings treat the pairs of samples. Each pair counts twice, once in either order.
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::{PairConfusion, pair_confusion};
///
/// let PairConfusion { together, split, joined, apart } =
///     pair_confusion(&[0, 0, 1, 1, 1, 2], &[0, 0, 1, 1, 2, 2])?;
/// assert_eq!((together, split, joined, apart), (4, 4, 2, 20)); // each counted twice, of 30
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairConfusion {
    /// Pairs with one label in both (true positives).
    pub together: u64,
    /// Pairs with one true label that the prediction splits (false negatives).
    pub split: u64,
    /// Pairs with two true labels that the prediction joins (false positives).
    pub joined: u64,
    /// Pairs with two labels in both (true negatives).
    pub apart: u64,
}

impl PairConfusion {
    fn of<A: Ord + Copy, B: Ord + Copy>(
        op: &'static str,
        labels_true: &[A],
        labels_pred: &[B],
    ) -> Result<Self> {
        let table = Contingency::of(op, labels_true, labels_pred)?;
        // Below 2^32 samples, all squares and their sums stay below 2^64.
        let squares = |counts: &[u64]| counts.iter().map(|count| count * count).sum::<u64>();
        let n = table.n_samples();
        let both = table.cells().map(|(_, _, count)| count * count).sum::<u64>();
        let (rows, columns) = (squares(table.row_sums()), squares(table.column_sums()));
        Ok(Self {
            together: both - n,
            split: rows - both,
            joined: columns - both,
            apart: n * n - rows - (columns - both),
        })
    }
}

/// Counts the pairs of samples by whether each labelling puts them together.
///
/// With `n_ij` the cells of the contingency table, `a_i` and `b_j` its sums: `together` is
/// `sum n_ij^2 - n`, `split` is `sum a_i^2 - sum n_ij^2`, `joined` is `sum b_j^2 - sum n_ij^2`, and
/// all four add up to `n (n - 1)`.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::{PairConfusion, pair_confusion};
///
/// let pairs = pair_confusion(&[0, 0, 1, 1], &[0, 0, 1, 2])?;
/// assert_eq!(pairs, PairConfusion { together: 2, split: 2, joined: 0, apart: 8 });
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - L. Hubert, P. Arabie, *Comparing partitions*, Journal of Classification 2, 1985.
pub fn pair_confusion<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<PairConfusion> {
    PairConfusion::of("pair_confusion", labels_true, labels_pred)
}

/// The Rand index: the share of pairs that both labellings treat alike,
/// `(together + apart) / (n (n - 1))`, between 0 and 1; 1 for a single sample.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::rand;
///
/// assert_eq!(rand(&[0, 0, 1, 1], &[0, 0, 1, 2])?, 5.0 / 6.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - W. M. Rand, *Objective criteria for the evaluation of clustering methods*, Journal of the
///   American Statistical Association 66, 1971.
pub fn rand<A: Ord + Copy, B: Ord + Copy>(labels_true: &[A], labels_pred: &[B]) -> Result<f64> {
    let PairConfusion { together, split, joined, apart } =
        PairConfusion::of("rand", labels_true, labels_pred)?;
    let alike = together + apart;
    let all = alike + split + joined;
    Ok(if alike == all { 1.0 } else { alike as f64 / all as f64 })
}

/// The Rand index less what chance gives, over the most it could be:
/// `2 (tp tn - fn fp) / ((tp + fn) (fn + tn) + (tp + fp) (fp + tn))` with `tp` for `together`, `tn`
/// for `apart`, `fn` for `split` and `fp` for `joined`; between -0.5 and 1, 1 for equal partitions.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::adjusted_rand;
///
/// assert_eq!(adjusted_rand(&[0, 0, 1, 1], &["b", "b", "a", "a"])?, 1.0);
/// assert_eq!(adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1])?, -0.5);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - L. Hubert, P. Arabie, *Comparing partitions*, Journal of Classification 2, 1985.
pub fn adjusted_rand<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<f64> {
    let pairs = PairConfusion::of("adjusted_rand", labels_true, labels_pred)?;
    if pairs.split == 0 && pairs.joined == 0 {
        return Ok(1.0);
    }
    let [tp, tn, fn_, fp] =
        [pairs.together, pairs.apart, pairs.split, pairs.joined].map(i128::from);
    // The four add up to less than 2^64, so each product stays below 2^126.
    let above = 2 * (tp * tn - fn_ * fp);
    let below = (tp + fn_) * (fn_ + tn) + (tp + fp) * (fp + tn);
    Ok(above as f64 / below as f64)
}

/// The geometric mean of the precision and the recall of pairs:
/// `sqrt(together / (together + joined)) * sqrt(together / (together + split))`, between 0 and 1;
/// 0 where no pair is together in both.
///
/// # Errors
///
/// As [`contingency`](super::contingency()).
///
/// # Examples
///
/// ```
/// use purlin_cluster::metrics::fowlkes_mallows;
///
/// assert_eq!(fowlkes_mallows(&[0, 0, 1, 1], &[3, 3, 2, 2])?, 1.0);
/// assert_eq!(fowlkes_mallows(&[0, 0, 0, 0], &[0, 1, 2, 3])?, 0.0);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - E. B. Fowlkes, C. L. Mallows, *A method for comparing two hierarchical clusterings*, Journal
///   of the American Statistical Association 78, 1983.
pub fn fowlkes_mallows<A: Ord + Copy, B: Ord + Copy>(
    labels_true: &[A],
    labels_pred: &[B],
) -> Result<f64> {
    let PairConfusion { together, split, joined, .. } =
        PairConfusion::of("fowlkes_mallows", labels_true, labels_pred)?;
    if together == 0 {
        return Ok(0.0);
    }
    let share = |rest: u64| (together as f64 / (together + rest) as f64).sqrt();
    Ok(share(joined) * share(split))
}
