//! Clusters of many densities: where the plot falls steeply and rises steeply again.

use super::{OP, ReachabilityPlot};
use purlin_core::{Error, Result};
use std::ops::Range;

/// What makes a valley of the plot a cluster.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Optics, Xi};
///
/// let x = [[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]];
/// let optics = Optics::new(2).xi(Xi::new(0.5).min_cluster_size(3));
/// let model = optics.fit(MatrixView::from_rows(&x))?;
/// assert_eq!(model.labels(), [0, 0, 0, 1, 1, 1].map(Some));
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
///
/// # References
///
/// - M. Ankerst, M. M. Breunig, H.-P. Kriegel, J. Sander, *OPTICS*, SIGMOD 1999, section 4.3.
/// - E. Schubert, M. Gertz, *Improving the cluster structure extracted from OPTICS plots*, LWDA
///   2018: the predecessor correction.
#[derive(Debug, Clone, PartialEq)]
pub struct Xi {
    steepness: f64,
    min_cluster_size: Option<usize>,
    predecessor_correction: bool,
}

impl Default for Xi {
    /// `xi` 0.05, at least `min_samples` samples, with the predecessor correction.
    fn default() -> Self {
        Self { steepness: 0.05, min_cluster_size: None, predecessor_correction: true }
    }
}

impl Xi {
    /// [`Xi::default`] with another steepness: by which share the plot must fall or rise from one
    /// sample to the next, between 0 and 1.
    pub fn new(xi: f64) -> Self {
        Self { steepness: xi, ..Self::default() }
    }

    /// The samples of the smallest cluster; the `min_samples` of the walk where it is not set.
    #[must_use]
    pub fn min_cluster_size(mut self, min_cluster_size: usize) -> Self {
        self.min_cluster_size = Some(min_cluster_size);
        self
    }

    /// Whether the end of a cluster is moved back to a sample that was reached from within it.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Optics, Xi};
    ///
    /// let x = [[6.0], [7.0], [10.0], [11.0], [2.0]]; // the walk ends at 2, which it reaches from 6
    /// let model = Optics::new(2).fit(MatrixView::from_rows(&x))?;
    /// let labels = |is_on| -> purlin_cluster::Result<Vec<Option<usize>>> {
    ///     Ok(model.extract_xi(&Xi::new(0.3).predecessor_correction(is_on))?.labels)
    /// };
    /// assert_eq!(labels(true)?, [Some(0), Some(0), Some(1), Some(1), None]);
    /// assert_eq!(labels(false)?, [Some(0), Some(0), Some(1), Some(1), Some(1)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    #[must_use]
    pub fn predecessor_correction(mut self, is_on: bool) -> Self {
        self.predecessor_correction = is_on;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(self.steepness > 0.0 && self.steepness < 1.0) {
            return Err(Error::param(OP, "xi", "above 0 and below 1", self.steepness));
        }
        match self.min_cluster_size {
            Some(size) if size < 2 => Err(Error::param(OP, "min_cluster_size", "at least 2", size)),
            _ => Ok(()),
        }
    }
}

/// What [`ReachabilityPlot::extract_xi`] finds.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, Optics, Xi};
///
/// let x = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]];
/// let model = Optics::new(2).fit(MatrixView::from_rows(&x))?;
/// let found = model.extract_xi(&Xi::new(0.5).min_cluster_size(3))?;
/// assert_eq!((found.n_clusters, found.intervals.len()), (2, 3)); // one interval around both
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XiClusters {
    /// The cluster of each sample, `None` for noise: the innermost interval that holds it and no
    /// sample of an interval before.
    pub labels: Vec<Option<usize>>,
    /// All clusters as intervals of the order, those inside others first.
    pub intervals: Vec<Range<usize>>,
    /// The number of different labels.
    pub n_clusters: usize,
}

impl ReachabilityPlot {
    /// Clusters as valleys of the plot between a steep fall and a steep rise, of whatever height.
    /// They may lie within each other.
    ///
    /// It takes the time of the plot's length, times the number of falls that are open at a rise.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `xi` is not between 0 and 1, or the least size is below 2.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{MatrixView, Optics, Xi};
    ///
    /// let x = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]];
    /// let model = Optics::new(2).fit(MatrixView::from_rows(&x))?;
    /// let found = model.extract_xi(&Xi::new(0.5).min_cluster_size(3))?;
    /// assert_eq!(found.intervals, [0..3, 3..6, 0..6]);
    /// assert_eq!(found.labels, [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1)]);
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn extract_xi(&self, xi: &Xi) -> Result<XiClusters> {
        xi.check()?;
        let intervals = Steps::of(self, xi).clusters();
        let n = self.n_samples();
        let mut along = vec![None; n];
        let mut n_clusters = 0;
        for interval in &intervals {
            let labels = &mut along[interval.clone()];
            if labels.iter().all(Option::is_none) {
                labels.fill(Some(n_clusters));
                n_clusters += 1;
            }
        }
        let mut labels = vec![None; n];
        for (&i, label) in self.ordering.iter().zip(along) {
            labels[i] = label;
        }
        Ok(XiClusters { labels, intervals, n_clusters })
    }
}

/// A steep fall.
struct Fall {
    start: usize,
    end: usize,
    /// The greatest reachability since its end.
    most: f64,
}

/// A plot as steps from one sample to the next.
struct Steps<'a> {
    plot: &'a ReachabilityPlot,
    /// Reachabilities along the order, an infinite one at the end.
    heights: Vec<f64>,
    /// Where each sample is in the order.
    places: Vec<usize>,
    /// What a steep step leaves of a height, at most.
    left: f64,
    min_size: usize,
    has_correction: bool,
}

impl<'a> Steps<'a> {
    fn of(plot: &'a ReachabilityPlot, xi: &Xi) -> Self {
        let mut heights: Vec<f64> = plot.ordering.iter().map(|&i| plot.reachability[i]).collect();
        heights.push(f64::INFINITY);
        let mut places = vec![0; plot.n_samples()];
        for (place, &i) in plot.ordering.iter().enumerate() {
            places[i] = place;
        }
        Self {
            plot,
            heights,
            places,
            left: 1.0 - xi.steepness,
            min_size: xi.min_cluster_size.unwrap_or(plot.min_samples),
            has_correction: xi.predecessor_correction,
        }
    }

    /// A height over the next; NaN, neither up nor down, between two zeros or two infinities.
    fn ratio(&self, i: usize) -> f64 {
        self.heights[i] / self.heights[i + 1]
    }

    fn is_steep_up(&self, i: usize) -> bool {
        self.ratio(i) <= self.left
    }

    fn is_steep_down(&self, i: usize) -> bool {
        self.ratio(i) >= 1.0 / self.left
    }

    fn clusters(&self) -> Vec<Range<usize>> {
        let mut clusters = Vec::new();
        let mut falls: Vec<Fall> = Vec::new();
        let (mut next, mut most) = (0, 0.0);
        while let Some(start) =
            (next..self.plot.n_samples()).find(|&i| self.is_steep_up(i) || self.is_steep_down(i))
        {
            most = self.heights[next..=start].iter().fold(most, |most: f64, &x| most.max(x));
            self.close(&mut falls, most);
            if self.is_steep_down(start) {
                let end = self.extend(start, Self::is_steep_down, |ratio| ratio < 1.0);
                falls.push(Fall { start, end, most: 0.0 });
                next = end + 1;
            } else {
                let end = self.extend(start, Self::is_steep_up, |ratio| ratio > 1.0);
                // The later falls end the smaller clusters.
                let found = falls.iter().rev().filter_map(|fall| self.between(fall, start, end));
                clusters.extend(found);
                next = end + 1;
            }
            most = self.heights[next];
        }
        clusters
    }

    /// Leaves the falls that begin well above all that came after them.
    fn close(&self, falls: &mut Vec<Fall>, most: f64) {
        if most == f64::INFINITY {
            falls.clear();
        }
        falls.retain(|fall| most <= self.heights[fall.start] * self.left);
        for fall in falls {
            fall.most = fall.most.max(most);
        }
    }

    /// The last steep step of an area: it holds no step of the other direction, and no more than
    /// `min_samples` in a row that are not steep.
    fn extend(
        &self,
        start: usize,
        is_steep: impl Fn(&Self, usize) -> bool,
        is_opposite: impl Fn(f64) -> bool,
    ) -> usize {
        let (mut end, mut n_flat) = (start, 0);
        for i in start..self.plot.n_samples() {
            if is_steep(self, i) {
                (end, n_flat) = (i, 0);
                continue;
            }
            n_flat += 1;
            if is_opposite(self.ratio(i)) || n_flat > self.plot.min_samples {
                break;
            }
        }
        end
    }

    /// The cluster between a fall and the rise `first..=last`, if there is one.
    fn between(&self, fall: &Fall, first: usize, last: usize) -> Option<Range<usize>> {
        let heights = &self.heights;
        let (mut start, mut end) = (fall.start, last);
        let (before, after) = (heights[start], heights[last + 1]);
        if after * self.left < fall.most {
            return None;
        }
        // Both ends at one height.
        if before * self.left >= after {
            while heights[start + 1] > after && start < fall.end {
                start += 1;
            }
        } else if after * self.left >= before {
            while heights[end - 1] > before && end > first {
                end -= 1;
            }
        }
        if self.has_correction {
            end = self.corrected(start, end)?;
        }
        let is_cluster = end + 1 - start >= self.min_size && start <= fall.end && end >= first;
        is_cluster.then_some(start..end + 1)
    }

    /// The last sample, not after `end`, that was reached from within or begins lower.
    fn corrected(&self, start: usize, end: usize) -> Option<usize> {
        (start + 1..=end).rev().find(|&end| {
            let from = self.plot.predecessor[self.plot.ordering[end]];
            let is_from_within = from.is_some_and(|i| (start..end).contains(&self.places[i]));
            self.heights[start] > self.heights[end] || is_from_within
        })
    }
}
