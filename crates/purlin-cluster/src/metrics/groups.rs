//! Labels as numbers.

use crate::check;
use purlin_core::{Error, MatrixView, Real, Result};
use std::ops::Range;

/// Each label as its place among the different labels in increasing order.
pub(super) fn number<L: Ord + Copy>(labels: &[L]) -> Vec<u32> {
    let mut classes = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    labels.iter().map(|label| classes.partition_point(|class| class < label) as u32).collect()
}

/// Samples by their cluster. Clusters are numbered by their first sample, so that the names of the
/// labels change no bit of a score.
pub(super) struct Groups {
    /// The cluster of each sample.
    pub(super) labels: Vec<u32>,
    /// The samples of cluster 0, then those of cluster 1, and so on, each in order.
    pub(super) order: Vec<usize>,
    /// Where each cluster begins in `order`; at the end, the number of samples.
    pub(super) starts: Vec<usize>,
}

impl Groups {
    /// Checks table and labels in the name of `op`.
    pub(super) fn of<T: Real, L: Ord + Copy>(
        op: &'static str,
        x: MatrixView<'_, T>,
        labels: &[L],
    ) -> Result<Self> {
        check::table(op, x, 3)?;
        let n = x.n_rows();
        if labels.len() != n {
            return Err(Error::shape(op, format!("labels of {n} samples"), labels.len()));
        }
        let groups = Self::new(labels);
        if !(2..n).contains(&groups.n_clusters()) {
            return Err(Error::shape(op, format!("2..={} labels", n - 1), groups.n_clusters()));
        }
        Ok(groups)
    }

    fn new<L: Ord + Copy>(labels: &[L]) -> Self {
        let mut labels = number(labels);
        let mut renamed = vec![u32::MAX; labels.len()];
        let mut sizes: Vec<usize> = Vec::new();
        for label in &mut labels {
            let name = &mut renamed[*label as usize];
            if *name == u32::MAX {
                *name = sizes.len() as u32;
                sizes.push(0);
            }
            *label = *name;
            sizes[*name as usize] += 1;
        }
        let mut starts = vec![0];
        for size in sizes {
            starts.push(starts[starts.len() - 1] + size);
        }
        let mut next = starts.clone();
        let mut order = vec![0; labels.len()];
        for (i, &label) in labels.iter().enumerate() {
            let place = &mut next[label as usize];
            order[*place] = i;
            *place += 1;
        }
        Self { labels, order, starts }
    }

    #[inline]
    pub(super) fn n_clusters(&self) -> usize {
        self.starts.len() - 1
    }

    /// The samples of cluster `c`.
    pub(super) fn samples(&self, c: usize) -> &[usize] {
        &self.order[self.starts[c]..self.starts[c + 1]]
    }

    /// The number of samples of cluster `c`.
    #[inline]
    pub(super) fn size(&self, c: usize) -> usize {
        self.starts[c + 1] - self.starts[c]
    }

    /// The clusters that have samples at `places` of `order`, and where, counted from the first.
    #[inline]
    pub(super) fn within(
        &self,
        places: &Range<usize>,
    ) -> impl Iterator<Item = (usize, Range<usize>)> {
        let Range { start, end } = *places;
        let first = self.labels[self.order[start]] as usize;
        let clusters = (first..self.n_clusters()).take_while(move |&c| self.starts[c] < end);
        clusters.map(move |c| {
            let (from, to) = (self.starts[c].max(start), self.starts[c + 1].min(end));
            (c, from - start..to - start)
        })
    }
}

/// A power of two that brings the largest number of `x` near 1; 1 for a table of zeros.
pub(super) fn unit_scale<T: Real>(x: MatrixView<'_, T>) -> f64 {
    let most = x.rows().flatten().fold(T::ZERO, |most, x| x.abs().max(most)).to_f64();
    if most == 0.0 {
        return 1.0;
    }
    // Biased exponents: 2^-e has 2046 less that of 2^e.
    let exponent = most.to_bits() >> 52;
    f64::from_bits(2046_u64.saturating_sub(exponent).clamp(1, 2046) << 52)
}
