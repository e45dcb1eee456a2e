//! Complete, average and weighted linkage without the distances of all pairs.
//!
//! The chain of nearest neighbours looks at one cluster at a time: all it needs is how far this one
//! is from each other one, a *row*. From the lists of members a row costs as many distances as the
//! cluster has members, times `n`:
//!
//! - complete: the greatest distance of two members;
//! - average: the sum over pairs of members, over their number;
//! - weighted: the sum over pairs with weights `2^-depth`, where the depth of a sample is the
//!   number of merges that made its cluster of it.
//!
//! But rows are worth keeping. A merge elsewhere makes one number of two, and the row of a merged
//! cluster comes from those of its parts (both have been looked at), so that a kept row saves all
//! of its distances. Kept are [`ROWS`], and where there is no room the smallest cluster's row goes:
//! it is the cheapest to make again. A new chain begins with the cluster that was made last, whose
//! row is there.
//!
//! Two ways to the same number differ by rounding, so that the nearest of the nearest could be a
//! third one, round in a circle. So the distances along the chain must fall, and who would go back
//! to a cluster of the chain merges instead: such clusters tie but for rounding.

use super::clusters::Merges;
use super::{Linkage, OP};
use crate::metric::Rows;
use crate::{Dendrogram, Metric, reach};
use purlin_backend::distance::{Form, Panels, values_of};
use purlin_backend::{parallel, reduce};
use purlin_core::{Error, MatrixView, Real, Result};

/// Rows that are kept. At least two: those of a merge.
const ROWS: usize = 64;
/// Samples that one task measures: their sums and distances stay in the first cache.
const BLOCK: usize = 1024;

/// Bytes beside `x`, where a copied number takes `item` bytes.
pub(super) fn bytes(n: u64, d: u64, item: u64) -> Option<u64> {
    // The kept rows, and what there is of each sample: lists, sums, merges.
    let row = 8 * n.min(ROWS as u64) + 144;
    d.checked_mul(item)?.checked_add(row)?.checked_mul(n)
}

pub(super) fn of_rows<T: Real>(
    linkage: Linkage,
    x: MatrixView<'_, T>,
    metric: &Metric,
) -> Result<Dendrogram> {
    let n = x.n_rows();
    let samples = Samples::new(linkage, x, metric);
    let mut merges = Merges::new(linkage, n);
    let mut clusters = Clusters::new(linkage, n);
    // Slots with the distance at which they were reached, which falls.
    let mut chain: Vec<(u32, f64)> = Vec::new();
    let mut is_linked = vec![false; n];
    let mut start = 0;
    while clusters.n_left > 1 {
        if 2 * clusters.n_left <= clusters.sizes.len() && clusters.sizes.len() > 64 {
            let number = clusters.compact();
            is_linked = vec![false; clusters.sizes.len()];
            for (slot, _) in &mut chain {
                *slot = number[*slot as usize];
                is_linked[*slot as usize] = true;
            }
            start = number[start as usize];
        }
        if chain.is_empty() {
            chain.push((start, f64::INFINITY));
            is_linked[start as usize] = true;
        }
        let (top, reached) = chain[chain.len() - 1];
        let before = chain.len().checked_sub(2).map(|i| chain[i].0);
        let row = clusters.row(&samples, top, before)?;
        let row = &clusters.rows[row].values;
        let mut nearest = [0];
        reduce::argmin_axis(row, 1, row.len(), 1, &mut nearest);
        let nearest = nearest[0];
        let distance = row[nearest as usize];
        match before.filter(|_| distance >= reached || is_linked[nearest as usize]) {
            None => {
                chain.push((nearest, distance));
                is_linked[nearest as usize] = true;
            }
            Some(before) => {
                chain.truncate(chain.len() - 2);
                is_linked[top as usize] = false;
                is_linked[before as usize] = false;
                let (a, b) = (top.min(before), top.max(before));
                let (id_a, id_b) = (clusters.ids[a as usize], clusters.ids[b as usize]);
                let height = clusters.merge(&samples, top, before)?;
                merges.push(id_a as usize, id_b as usize, height);
                start = a;
            }
        }
    }
    Ok(merges.sorted())
}

/// The samples and how far they lie apart.
struct Samples<'a, T: Real> {
    linkage: Linkage,
    x: MatrixView<'a, T>,
    metric: &'a Metric,
    between: Between<'a, T>,
}

enum Between<'a, T: Real> {
    Panels(Form, Panels<T>),
    Rows(Rows<'a, T>),
}

impl<'a, T: Real> Samples<'a, T> {
    fn new(linkage: Linkage, x: MatrixView<'a, T>, metric: &'a Metric) -> Self {
        let between = match reach::form(metric) {
            Some(form) => Between::Panels(form, Panels::pack(x, None)),
            None => Between::Rows(Rows::of(x, metric)),
        };
        Self { linkage, x, metric, between }
    }

    /// Of each sample the sum of its distances from `members`, with their weights, or the
    /// greatest of them.
    fn gather(&self, members: &[u32], weights: &[f64], out: &mut [f64]) -> Result<()> {
        let work = out.len().saturating_mul(members.len()).saturating_mul(self.x.n_cols() + 4);
        parallel::for_each_chunk(out, BLOCK, work, |block, out| {
            let mut distances = [T::ZERO; BLOCK];
            let distances = &mut distances[..out.len()];
            for (i, &member) in members.iter().enumerate() {
                self.distances(member as usize, block * BLOCK, distances);
                let pairs = out.iter_mut().zip(&*distances);
                let weight = weights[member as usize];
                match self.linkage {
                    // As it is, for the check.
                    _ if i == 0 => pairs.for_each(|(out, x)| *out = weight * x.to_f64()),
                    Linkage::Complete => pairs.for_each(|(out, x)| *out = x.to_f64().max(*out)),
                    _ => pairs.for_each(|(out, x)| *out += weight * x.to_f64()),
                }
            }
        });
        // Each sample is alone once, so that all distances come by here.
        if members.len() == 1 {
            self.check(out)?;
        }
        Ok(())
    }

    fn check(&self, distances: &[f64]) -> Result<()> {
        // Sums over all pairs must be numbers.
        let n = distances.len() as f64;
        let limit = if self.linkage == Linkage::Average { f64::MAX / (n * n) } else { f64::MAX };
        match distances.iter().find(|x| !(0.0..=limit).contains(*x)) {
            None => Ok(()),
            Some(value) => {
                let rule = format!("finite and at least 0 (at most {limit:e})");
                Err(Error::param(OP, "distances", rule, value))
            }
        }
    }

    /// The distances of sample `a` from those from `first` on.
    fn distances(&self, a: usize, first: usize, out: &mut [T]) {
        match &self.between {
            Between::Panels(form, panels) => {
                let range = first..first + out.len();
                values_of(*form, self.x.row(a), (panels, range), out);
                if *self.metric == Metric::Euclidean {
                    for value in out {
                        *value = value.sqrt();
                    }
                }
            }
            Between::Rows(rows) => {
                for (out, b) in out.iter_mut().zip(first..) {
                    *out = if a == b { T::ZERO } else { rows.pair(a, b) };
                }
            }
        }
    }
}

/// How far a cluster is from those in all slots; infinite for itself and for empty slots.
struct Row {
    slot: u32,
    values: Vec<f64>,
}

/// The clusters, each in a slot, in the order of their first samples.
struct Clusters {
    linkage: Linkage,
    n_left: usize,
    /// The first sample of each.
    ids: Vec<u32>,
    /// 0 in a slot that is empty.
    sizes: Vec<f64>,
    /// The sample that was added last to the cluster of each first sample.
    last: Vec<u32>,
    /// The next sample of the same cluster; the last one points to itself.
    next: Vec<u32>,
    /// The slot of each sample.
    slots: Vec<u32>,
    /// The weight of each sample in its cluster; 1 unless the linkage is weighted.
    weights: Vec<f64>,
    rows: Vec<Row>,
    /// The members of one cluster, and a number for each sample.
    members: Vec<u32>,
    sums: Vec<f64>,
}

impl Clusters {
    fn new(linkage: Linkage, n: usize) -> Self {
        let all: Vec<u32> = (0..n as u32).collect();
        Self {
            linkage,
            n_left: n,
            ids: all.clone(),
            sizes: vec![1.0; n],
            last: all.clone(),
            next: all.clone(),
            slots: all,
            weights: vec![1.0; n],
            rows: Vec::new(),
            members: Vec::new(),
            sums: vec![0.0; n],
        }
    }

    /// Which kept row is that of `slot`. Made where it is missing, but not in the place of that of
    /// `other`.
    fn row<T: Real>(
        &mut self,
        samples: &Samples<'_, T>,
        slot: u32,
        other: Option<u32>,
    ) -> Result<usize> {
        if let Some(at) = self.rows.iter().position(|row| row.slot == slot) {
            return Ok(at);
        }
        self.list(slot);
        samples.gather(&self.members, &self.weights, &mut self.sums)?;
        let at = if self.rows.len() < ROWS {
            self.rows.push(Row { slot, values: Vec::new() });
            self.rows.len() - 1
        } else {
            let size = |at: usize| self.sizes[self.rows[at].slot as usize];
            let others = (0..ROWS).filter(|&at| Some(self.rows[at].slot) != other);
            others.min_by(|&a, &b| size(a).total_cmp(&size(b))).unwrap_or(0)
        };
        let row = &mut self.rows[at];
        row.slot = slot;
        row.values.clear();
        row.values.resize(self.sizes.len(), 0.0);
        let terms = self.slots.iter().zip(&self.sums);
        match self.linkage {
            Linkage::Complete => {
                for (&slot, &x) in terms {
                    let value = &mut row.values[slot as usize];
                    *value = value.max(x);
                }
            }
            Linkage::Weighted => {
                for ((&slot, &x), &weight) in terms.zip(&self.weights) {
                    row.values[slot as usize] += weight * x;
                }
            }
            _ => {
                for (&slot, &x) in terms {
                    row.values[slot as usize] += x;
                }
                let size = self.sizes[slot as usize];
                for (value, &other) in row.values.iter_mut().zip(&self.sizes) {
                    *value /= size * other;
                }
            }
        }
        for (value, &other) in row.values.iter_mut().zip(&self.sizes) {
            if other == 0.0 {
                *value = f64::INFINITY;
            }
        }
        row.values[slot as usize] = f64::INFINITY;
        Ok(at)
    }

    /// Writes down the members of a cluster.
    fn list(&mut self, slot: u32) {
        self.members.clear();
        let mut member = self.ids[slot as usize];
        loop {
            self.members.push(member);
            let next = self.next[member as usize];
            if next == member {
                return;
            }
            member = next;
        }
    }

    /// Makes one cluster of two, in the first slot of both, and gives the height.
    fn merge<T: Real>(&mut self, samples: &Samples<'_, T>, top: u32, before: u32) -> Result<f64> {
        // A row that is made leaves the other one in its place.
        let at_top = self.row(samples, top, Some(before))?;
        let at_before = self.row(samples, before, Some(top))?;
        let height = self.rows[at_top].values[before as usize];
        let (a, b) = (top.min(before), top.max(before));
        let (at_a, at_b) = if a == top { (at_top, at_before) } else { (at_before, at_top) };
        let sizes = [self.sizes[a as usize], self.sizes[b as usize]];
        let linkage = self.linkage;
        let gone = std::mem::take(&mut self.rows[at_b].values);
        let kept = &mut self.rows[at_a].values;
        for (kept, gone) in kept.iter_mut().zip(&gone) {
            *kept = joint(linkage, [*kept, *gone], sizes);
        }
        kept[a as usize] = f64::INFINITY;
        kept[b as usize] = f64::INFINITY;
        self.rows.swap_remove(at_b);
        for row in self.rows.iter_mut().filter(|row| row.slot != a) {
            let pair = [row.values[a as usize], row.values[b as usize]];
            row.values[a as usize] = joint(linkage, pair, sizes);
            row.values[b as usize] = f64::INFINITY;
        }

        self.list(b);
        for &member in &self.members {
            self.slots[member as usize] = a;
        }
        let (id_a, id_b) = (self.ids[a as usize] as usize, self.ids[b as usize]);
        self.next[self.last[id_a] as usize] = id_b;
        self.last[id_a] = self.last[id_b as usize];
        if linkage == Linkage::Weighted {
            self.list(a);
            for &member in &self.members {
                self.weights[member as usize] *= 0.5;
            }
        }
        self.sizes[a as usize] += sizes[1];
        self.sizes[b as usize] = 0.0;
        self.n_left -= 1;
        Ok(height)
    }

    /// Drops the empty slots, and gives the new number of each.
    fn compact(&mut self) -> Vec<u32> {
        let kept: Vec<usize> =
            (0..self.sizes.len()).filter(|&slot| self.sizes[slot] > 0.0).collect();
        let mut number = vec![u32::MAX; self.sizes.len()];
        for (new, &old) in (0..).zip(&kept) {
            number[old] = new;
        }
        for slot in &mut self.slots {
            *slot = number[*slot as usize];
        }
        for row in &mut self.rows {
            row.slot = number[row.slot as usize];
            row.values = kept.iter().map(|&slot| row.values[slot]).collect();
        }
        self.ids = kept.iter().map(|&slot| self.ids[slot]).collect();
        self.sizes = kept.iter().map(|&slot| self.sizes[slot]).collect();
        number
    }
}

/// The distance from the union of two clusters of these sizes, from the distances from both.
#[inline]
fn joint(linkage: Linkage, [a, b]: [f64; 2], [n_a, n_b]: [f64; 2]) -> f64 {
    match linkage {
        Linkage::Complete => a.max(b),
        Linkage::Weighted => 0.5 * a + 0.5 * b,
        _ => (n_a * a + n_b * b) / (n_a + n_b),
    }
}
