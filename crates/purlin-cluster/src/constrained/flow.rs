//! The cheapest assignment that keeps the bounds.
//!
//! Samples flow to their clusters, and from the clusters to a sink; a cluster passes on between
//! `min` and `max` samples. Without bounds everyone's nearest centroid is the cheapest. From there
//! on, every cluster is taken to pass on its size, or the nearest bound where that is out of bounds,
//! and what then lies too much in one node is pushed along a shortest path to a node that has too
//! little, unit by unit. No circle of steps costs less than 0 at first, and a shortest path leaves
//! none behind, so the flow that keeps the bounds in the end is one of minimum cost.
//!
//! A step of a path from cluster `a` to `b` moves the sample of `a` that costs least to move,
//! `|x - b|^2 - |x - a|^2`. Heaps know it, one for each pair of clusters, filled when a path first
//! comes to `a`.

use crate::assign;
use purlin_backend::distance::{Form, Panels, squared_euclidean, values_of};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Changes labels, which name the nearest centroids, so that every size lies within the bounds and
/// the sum of squared distances is as small as it can then be. The bounds can be kept.
pub(super) fn meet<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    bounds: [usize; 2],
    labels: &mut [u32],
) {
    let sizes = assign::sizes(labels, centroids.n_rows());
    if sizes.iter().all(|size| (bounds[0]..=bounds[1]).contains(size)) {
        return;
    }
    let mut network = Network::new(x, centroids, bounds, labels, sizes);
    while let Some(node) = network.excess() {
        network.push(node);
    }
}

/// A sample, by what it costs to move it: see [`rank`].
type Entry = Reverse<(u64, u32)>;

struct Network<'a, T: Real> {
    x: MatrixView<'a, T>,
    centroids: MatrixView<'a, T>,
    panels: Panels<T>,
    bounds: [usize; 2],
    labels: &'a mut [u32],
    sizes: Vec<usize>,
    /// What each cluster passes on to the sink.
    passed: Vec<usize>,
    /// The samples of each cluster that no path has come to yet.
    members: Vec<Vec<u32>>,
    /// For each cluster that a path has come to: where its samples could go, cheapest first. An
    /// entry counts while its sample has that label.
    heaps: Vec<Vec<BinaryHeap<Entry>>>,
    /// Of the clusters, then of the sink: what keeps the costs of steps at 0 or more.
    potential: Vec<f64>,
    /// Units that are still to be pushed.
    n_left: usize,
    paths: Paths,
}

/// What a search of shortest paths writes.
struct Paths {
    distance: Vec<f64>,
    is_settled: Vec<bool>,
    from: Vec<usize>,
    /// The sample that the last step moves.
    sample: Vec<u32>,
}

impl<'a, T: Real> Network<'a, T> {
    fn new(
        x: MatrixView<'a, T>,
        centroids: MatrixView<'a, T>,
        bounds: [usize; 2],
        labels: &'a mut [u32],
        sizes: Vec<usize>,
    ) -> Self {
        let k = centroids.n_rows();
        let passed: Vec<usize> =
            sizes.iter().map(|&size| size.clamp(bounds[0], bounds[1])).collect();
        let mut members: Vec<Vec<u32>> = sizes.iter().map(|&n| Vec::with_capacity(n)).collect();
        for (j, &label) in (0..).zip(labels.iter()) {
            members[label as usize].push(j);
        }
        let above: usize = sizes.iter().map(|size| size.saturating_sub(bounds[1])).sum();
        let below: usize = sizes.iter().map(|size| bounds[0].saturating_sub(*size)).sum();
        let paths = Paths {
            distance: vec![0.0; k + 1],
            is_settled: vec![false; k + 1],
            from: vec![0; k + 1],
            sample: vec![0; k + 1],
        };
        Self {
            x,
            centroids,
            panels: Panels::pack(centroids, None),
            bounds,
            labels,
            sizes,
            passed,
            members,
            heaps: (0..k).map(|_| Vec::new()).collect(),
            potential: vec![0.0; k + 1],
            // What is too much somewhere; where more is too little, the sink has it.
            n_left: above.max(below),
            paths,
        }
    }

    /// The node of the sink.
    fn sink(&self) -> usize {
        self.sizes.len()
    }

    /// What comes into a node, and what leaves it.
    fn balance(&self, node: usize) -> [usize; 2] {
        if node == self.sink() {
            [self.passed.iter().sum(), self.labels.len()]
        } else {
            [self.sizes[node], self.passed[node]]
        }
    }

    /// The first node that has too much.
    fn excess(&self) -> Option<usize> {
        (0..=self.sink()).find(|&node| {
            let [comes, leaves] = self.balance(node);
            comes > leaves
        })
    }

    /// Pushes one unit from a node that has too much along a shortest path to one that has too
    /// little.
    fn push(&mut self, start: usize) {
        let sink = self.sink();
        let end = self.search(start);
        let farthest = self.paths.distance[end];
        for (potential, &distance) in self.potential.iter_mut().zip(&self.paths.distance) {
            *potential += distance.min(farthest);
        }
        let mut to = end;
        while to != start {
            let from = self.paths.from[to];
            if to == sink {
                self.passed[from] += 1;
            } else if from == sink {
                self.passed[to] -= 1;
            } else {
                self.move_sample(self.paths.sample[to], from, to);
            }
            to = from;
        }
        self.n_left -= 1;
    }

    /// Dijkstra's search up to the first node that has too little. There is one, as the bounds can
    /// be kept.
    fn search(&mut self, start: usize) -> usize {
        let (sink, [min, max]) = (self.sink(), self.bounds);
        self.paths.distance.fill(f64::INFINITY);
        self.paths.is_settled.fill(false);
        self.paths.distance[start] = 0.0;
        loop {
            let mut node = sink + 1;
            let mut least = f64::INFINITY;
            for (i, &distance) in self.paths.distance.iter().enumerate() {
                if distance < least && !self.paths.is_settled[i] {
                    (node, least) = (i, distance);
                }
            }
            assert!(node <= sink, "constrained_kmeans: a flow that keeps the bounds exists");
            let [comes, leaves] = self.balance(node);
            if comes < leaves {
                return node;
            }
            self.paths.is_settled[node] = true;
            for to in 0..=sink {
                if to == node || self.paths.is_settled[to] {
                    continue;
                }
                let step = if node == sink {
                    (self.passed[to] > min).then_some((0.0, 0))
                } else if to == sink {
                    (self.passed[node] < max).then_some((0.0, 0))
                } else {
                    self.cheapest(node, to)
                };
                let Some((cost, sample)) = step else { continue };
                // At least 0 but for rounding.
                let cost = (cost + self.potential[node] - self.potential[to]).max(0.0);
                if least + cost < self.paths.distance[to] {
                    self.paths.distance[to] = least + cost;
                    self.paths.from[to] = node;
                    self.paths.sample[to] = sample;
                }
            }
        }
    }

    /// What the cheapest move from one cluster to another costs, and its sample.
    fn cheapest(&mut self, from: usize, to: usize) -> Option<(f64, u32)> {
        if self.heaps[from].is_empty() {
            self.open(from);
        }
        let heap = &mut self.heaps[from][to];
        while let Some(&Reverse((rank, sample))) = heap.peek() {
            if self.labels[sample as usize] as usize == from {
                return Some((cost(rank), sample));
            }
            heap.pop();
        }
        None
    }

    /// Fills the heaps of a cluster.
    fn open(&mut self, cluster: usize) {
        let members = std::mem::take(&mut self.members[cluster]);
        let (k, n) = (self.sink(), members.len());
        let panels = Panels::gather(self.x, &members);
        let mut distances = vec![T::ZERO; k * n];
        let work = k * n * (self.x.n_cols() + 4);
        parallel::for_each_chunk(&mut distances, 4 * n.max(1), work, |i, out| {
            let rows = self.centroids.row_range(4 * i..k.min(4 * (i + 1)));
            squared_euclidean(rows, &panels, 0..panels.n_panels(), out);
        });
        let own = &distances[cluster * n..][..n];
        // Each unit takes at most one sample away: no more than these will be asked for.
        let n_kept = self.n_left;
        let mut heaps: Vec<BinaryHeap<Entry>> = (0..k).map(|_| BinaryHeap::new()).collect();
        parallel::for_each_chunk(&mut heaps, 1, 8 * k * n, |to, heap| {
            if to == cluster {
                return;
            }
            let others = own.iter().zip(&distances[to * n..][..n]);
            let costs = others.map(|(own, other)| other.to_f64() - own.to_f64());
            let mut entries: Vec<Entry> =
                costs.zip(&members).map(|(cost, &j)| Reverse((rank(cost), j))).collect();
            if n_kept < n {
                entries.select_nth_unstable_by(n_kept, |a, b| b.cmp(a));
                entries.truncate(n_kept);
                entries.shrink_to_fit();
            }
            heap[0] = BinaryHeap::from(entries);
        });
        self.heaps[cluster] = heaps;
    }

    fn move_sample(&mut self, sample: u32, from: usize, to: usize) {
        self.labels[sample as usize] = to as u32;
        self.sizes[from] -= 1;
        self.sizes[to] += 1;
        if self.heaps[to].is_empty() {
            self.members[to].push(sample);
            return;
        }
        let k = self.sink();
        let mut distances = vec![T::ZERO; k];
        let row = self.x.row(sample as usize);
        values_of(Form::SquaredEuclidean, row, (&self.panels, 0..k), &mut distances);
        let own = distances[to].to_f64();
        for (other, (heap, distance)) in self.heaps[to].iter_mut().zip(distances).enumerate() {
            if other != to {
                heap.push(Reverse((rank(distance.to_f64() - own), sample)));
            }
        }
    }
}

/// The sign bit.
const SIGN: u64 = 1 << 63;

/// A whole number that is in the order of the costs.
fn rank(cost: f64) -> u64 {
    let bits = cost.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The cost of a rank.
fn cost(rank: u64) -> f64 {
    f64::from_bits(if rank & SIGN == 0 { !rank } else { rank & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_costs() {
        let costs = [f64::NEG_INFINITY, -2.0, -1e-300, 0.0, 1e-300, 0.5, 1e300];
        assert!(costs.map(rank).is_sorted());
        assert_eq!(costs.map(rank).map(cost), costs);
    }
}
