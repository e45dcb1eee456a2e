//! The plot, from which clusters are read.

use super::OP;
use purlin_core::{Error, Result};

/// The result of a walk: the order of the samples, and how each was reached.
///
/// [`OpticsModel`](super::OpticsModel) holds one; one can also be made of parts that another
/// program has computed.
///
/// # Examples
///
/// ```
/// use purlin_cluster::ReachabilityPlot;
///
/// let infinite = f64::INFINITY;
/// let plot = ReachabilityPlot::from_parts(
///     2,
///     vec![0, 1, 2],
///     vec![infinite, 1.0, 5.0],
///     vec![1.0, 1.0, 5.0],
///     vec![None, Some(0), Some(1)],
/// )?;
/// assert_eq!(plot.extract_dbscan(2.0)?, [Some(0), Some(0), None]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReachabilityPlot {
    pub(super) min_samples: usize,
    pub(super) ordering: Vec<usize>,
    pub(super) reachability: Vec<f64>,
    pub(super) core_distances: Vec<f64>,
    pub(super) predecessor: Vec<Option<usize>>,
}

impl ReachabilityPlot {
    /// Takes the parts of a plot of `n` samples: `ordering` holds each once, the others are by
    /// sample.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there is not one item of each per sample, or `ordering` does not hold
    /// each once; [`Error::InvalidParam`] when a number is negative or NaN, a predecessor does not
    /// exist, or `min_samples` is below 2.
    pub fn from_parts(
        min_samples: usize,
        ordering: Vec<usize>,
        reachability: Vec<f64>,
        core_distances: Vec<f64>,
        predecessor: Vec<Option<usize>>,
    ) -> Result<Self> {
        let n = ordering.len();
        if min_samples < 2 {
            return Err(Error::param(OP, "min_samples", "at least 2", min_samples));
        }
        let lengths = [
            ("reachability", reachability.len()),
            ("core_distances", core_distances.len()),
            ("predecessor", predecessor.len()),
        ];
        if let Some((name, len)) = lengths.into_iter().find(|&(_, len)| len != n) {
            return Err(Error::shape(OP, format!("{name} of {n} samples"), len));
        }
        let mut is_there = vec![false; n];
        for &i in &ordering {
            if i >= n || std::mem::replace(&mut is_there[i], true) {
                let expected = format!("ordering with each sample below {n} once");
                return Err(Error::shape(OP, expected, i));
            }
        }
        for (name, values) in [("reachability", &reachability), ("core_distances", &core_distances)]
        {
            // Written so that NaN offends.
            if let Some((i, value)) = values.iter().enumerate().find(|&(_, x)| !(0.0..).contains(x))
            {
                return Err(Error::param(OP, name, "at least 0", format!("{value} at {i}")));
            }
        }
        if let Some(i) = predecessor.iter().flatten().find(|&&i| i >= n) {
            return Err(Error::param(OP, "predecessor", format!("below {n}"), i));
        }
        Ok(Self { min_samples, ordering, reachability, core_distances, predecessor })
    }

    /// The number of samples.
    pub fn n_samples(&self) -> usize {
        self.ordering.len()
    }

    /// The samples in the order of the walk.
    pub fn ordering(&self) -> &[usize] {
        &self.ordering
    }

    /// How far each sample was from those before it; infinite where a walk began.
    pub fn reachability(&self) -> &[f64] {
        &self.reachability
    }

    /// The distance of each sample to its `min_samples`-th nearest, itself counted; infinite where
    /// it is above `max_eps`.
    pub fn core_distances(&self) -> &[f64] {
        &self.core_distances
    }

    /// From where each sample was reached.
    pub fn predecessor(&self) -> &[Option<usize>] {
        &self.predecessor
    }
}
