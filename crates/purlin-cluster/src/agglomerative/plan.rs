//! Which algorithm, and what it allocates.

use super::{Agglomerative, Linkage, OP, linear, middle, ward};
use crate::{CondensedMatrix, Metric, check};
use purlin_core::{Error, Real, Result};

/// Whether the distances of all pairs are kept.
///
/// Either way the tree is the same up to rounding, and up to the order of ties.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, AgglomerativeAlgorithm, Linkage};
///
/// let chosen = |linkage| -> purlin_cluster::Result<_> {
///     Ok(Agglomerative::new(linkage).plan::<f64>(1000, 10)?.algorithm)
/// };
/// assert_eq!(chosen(Linkage::Average)?, AgglomerativeAlgorithm::Condensed);
/// assert_eq!(chosen(Linkage::Ward)?, AgglomerativeAlgorithm::LinearMemory);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AgglomerativeAlgorithm {
    /// `LinearMemory` for `Single`, `Ward`, `Centroid` and `Median`, where it costs no time; else
    /// `Condensed`, which is refused where it exceeds the budget: nothing gets many times slower
    /// unasked.
    #[default]
    Auto,
    /// The distances of all pairs, `n (n - 1) / 2` numbers.
    Condensed,
    /// Distances as they are needed, `O(n d)` memory.
    ///
    /// `Ward`, `Centroid` and `Median` take them from two copies of the centroids, with at most 64 or
    /// 136 bytes for each sample besides.
    ///
    /// `Complete`, `Average` and `Weighted` take their distances from the lists of the members of
    /// clusters, and keep the distances of the 64 largest clusters that they have looked at:
    /// `O(n^2 d)` and up to `log n` times as much, at worst `O(n^3 d)`.
    LinearMemory,
}

/// What [`Agglomerative::fit`] will do.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{Agglomerative, AgglomerativeAlgorithm, AgglomerativePlan, Linkage};
///
/// let plan = Agglomerative::new(Linkage::Complete).plan::<f64>(1000, 10)?;
/// // 999 * 1000 / 2 distances and the rows, eight bytes each, and 64 bytes for each sample.
/// let bytes = 8 * 999 * 1000 / 2 + 8 * 10 * 1000 + 64 * 1000;
/// assert_eq!(plan, AgglomerativePlan { algorithm: AgglomerativeAlgorithm::Condensed, bytes });
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgglomerativePlan {
    /// The algorithm, never `Auto`.
    pub algorithm: AgglomerativeAlgorithm,
    /// The bytes that it allocates beside `x`.
    pub bytes: u64,
}

impl Agglomerative {
    /// What [`Agglomerative::fit`] will do with a table of this shape, without doing it.
    ///
    /// # Errors
    ///
    /// Those of [`Agglomerative::fit`] that come of the parameters and the number of samples alone,
    /// first of all [`Error::OutOfBudget`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, AgglomerativeAlgorithm, Linkage};
    ///
    /// let average = Agglomerative::new(Linkage::Average);
    /// let plan = average.plan::<f32>(20_000, 10)?;
    /// assert_eq!(plan.algorithm, AgglomerativeAlgorithm::Condensed);
    /// assert_eq!(plan.bytes, 802_040_000);
    ///
    /// assert!(average.plan::<f32>(100_000, 10).is_err());
    /// let average = average.algorithm(AgglomerativeAlgorithm::LinearMemory);
    /// assert_eq!(average.plan::<f32>(100_000, 10)?.bytes, 69_600_000);
    ///
    /// let centroid = Agglomerative::new(Linkage::Centroid);
    /// assert_eq!(centroid.plan::<f32>(100_000, 10)?.bytes, 21_600_000);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn plan<T: Real>(&self, n_samples: usize, n_features: usize) -> Result<AgglomerativePlan> {
        self.check()?;
        check::n_samples(OP, n_samples, 1)?;
        let linkage = self.linkage;
        let most = ward::most::<T>();
        if linkage == Linkage::Ward && n_samples > most {
            let expected = format!("at most {most} samples for ward linkage");
            return Err(Error::shape(OP, expected, n_samples));
        }
        let algorithm = match (self.algorithm, linkage) {
            (
                AgglomerativeAlgorithm::Auto,
                Linkage::Complete | Linkage::Average | Linkage::Weighted,
            ) => AgglomerativeAlgorithm::Condensed,
            (AgglomerativeAlgorithm::Auto, _) => AgglomerativeAlgorithm::LinearMemory,
            (chosen, _) => chosen,
        };
        let (bytes, what) = if algorithm == AgglomerativeAlgorithm::Condensed {
            let way = match self.linear_bytes::<T>(n_samples, n_features) {
                Some(bytes) => format!(", LinearMemory with {bytes} bytes"),
                None => String::new(),
            };
            let what = format!("the distance matrix (ways out: a larger memory{way})");
            // Beside the distances a copy of the samples, and what is known of each cluster.
            let row = (n_features as u64).checked_mul(size_of::<T>() as u64);
            let rows = row.and_then(|row| (row + 64).checked_mul(n_samples as u64));
            let pairs = CondensedMatrix::<T>::bytes_needed(n_samples);
            (pairs.zip(rows).and_then(|(pairs, rows)| pairs.checked_add(rows)), what)
        } else {
            let what = match linkage {
                Linkage::Ward | Linkage::Centroid | Linkage::Median => "the centroids",
                Linkage::Single => "the copy of the samples",
                _ => "the copy of the samples and the distances of 64 clusters",
            };
            (self.linear_bytes::<T>(n_samples, n_features), what.to_owned())
        };
        self.memory.check(OP, &what, bytes)?;
        Ok(AgglomerativePlan { algorithm, bytes: bytes.unwrap_or(u64::MAX) })
    }

    /// The bytes of `LinearMemory`; `None` where it does not exist or a `u64` cannot tell.
    fn linear_bytes<T: Real>(&self, n: usize, d: usize) -> Option<u64> {
        let (n, d, item) = (n as u64, d as u64, size_of::<T>() as u64);
        match self.linkage {
            Linkage::Single => {
                d.checked_mul(2)?.checked_add(16)?.checked_mul(n)?.checked_mul(item + 8)
            }
            Linkage::Ward => d.checked_mul(2 * item)?.checked_add(64)?.checked_mul(n),
            Linkage::Centroid | Linkage::Median => middle::bytes(n, d, item),
            Linkage::Complete | Linkage::Average | Linkage::Weighted => {
                let is_custom = matches!(self.metric, Metric::Custom(_));
                linear::bytes(n, d, item + if is_custom { 8 } else { 0 })
            }
        }
    }

    /// Refuses parameters that are out of range or do not go together.
    pub(super) fn check(&self) -> Result<()> {
        let Self { linkage, ref metric, .. } = *self;
        metric.check(OP)?;
        if linkage.is_euclidean() && *metric != Metric::Euclidean {
            let rule = format!("Euclidean for {linkage} linkage");
            return Err(Error::param(OP, "metric", rule, format!("{metric:?}")));
        }
        Ok(())
    }
}
