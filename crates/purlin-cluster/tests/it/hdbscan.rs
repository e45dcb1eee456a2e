//! HDBSCAN*: known answers, the reference partitions, the definition, the laws, the doors that stay
//! shut.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{canonical, check_same_bits};
use proptest::prelude::*;
use purlin_cluster::metrics::adjusted_rand;
use purlin_cluster::{
    ClusterSelection, CondensedMatrix, CondensedRow, CustomMetric, Dendrogram, Hdbscan,
    HdbscanModel, Metric, NeighborGraph, SpanningEdge, SpatialIndex,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::strategies;
use serde_json::Value;

/// Values that rank as distances do, and the distance of each.
fn value<T: Real>(metric: &Metric, a: &[T], b: &[T]) -> T {
    let ranked = if *metric == Metric::Euclidean { &Metric::SquaredEuclidean } else { metric };
    ranked.distance(a, b)
}

fn distance<T: Real>(metric: &Metric, value: T) -> T {
    if *metric == Metric::Euclidean { value.sqrt() } else { value }
}

/// The spanning tree by its definition: of all edges in order those that close no circle.
fn naive_tree<T: Real>(
    x: MatrixView<'_, T>,
    metric: &Metric,
    min_samples: usize,
    alpha: f64,
) -> (Vec<T>, Vec<SpanningEdge>) {
    let n = x.n_rows();
    let values: Vec<Vec<T>> =
        (0..n).map(|i| (0..n).map(|j| value(metric, x.row(i), x.row(j))).collect()).collect();
    let core = |row: &Vec<T>| {
        let mut row = row.clone();
        row.sort_by(T::total_cmp);
        row[min_samples - 1]
    };
    let cores: Vec<T> = values.iter().map(core).collect();
    let factor = T::from_f64(if *metric == Metric::Euclidean { alpha * alpha } else { alpha });
    let mut edges = Vec::new();
    for i in 0..n {
        for j in i + 1..n {
            let weight = values[i][j].max(cores[i] * factor).max(cores[j] * factor);
            edges.push((weight, values[i][j], i, j));
        }
    }
    edges.sort_by(|a, b| {
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then((a.2, a.3).cmp(&(b.2, b.3)))
    });
    let mut sets: Vec<usize> = (0..n).collect();
    edges.retain(|&(_, _, a, b)| {
        let (a, b) = (sets[a], sets[b]);
        if a != b {
            sets.iter_mut().filter(|set| **set == b).for_each(|set| *set = a);
        }
        a != b
    });
    let edge = |&(weight, _, a, b): &(T, T, usize, usize)| SpanningEdge {
        a,
        b,
        weight: distance(metric, weight).to_f64() / alpha,
    };
    (cores.iter().map(|&core| distance(metric, core)).collect(), edges.iter().map(edge).collect())
}

fn check_tree<T: Real>(x: MatrixView<'_, T>, metric: &Metric, min_samples: usize, alpha: f64) {
    let params = Hdbscan::new(3).min_samples(min_samples).metric(metric.clone()).alpha(alpha);
    let model = params.fit(x).unwrap();
    let (cores, edges) = naive_tree(x, metric, min_samples, alpha);
    assert_eq!(model.core_distances(), cores, "{metric:?}");
    assert_eq!(model.spanning_tree(), edges, "{metric:?}");
    check_model(&model, 3);
}

/// What holds for every model.
fn check_model<T: Real>(model: &HdbscanModel<T>, min_cluster_size: usize) {
    let (tree, n) = (model.condensed_tree(), model.labels().len());
    assert!(model.hierarchy().is_monotone());
    // Every sample, and every cluster but the root, leaves once, and clusters are large enough.
    let mut children: Vec<usize> = tree.rows().iter().map(|row| row.child).collect();
    children.sort_unstable();
    let expected: Vec<usize> = (0..n).chain(n + 1..n + tree.n_clusters()).collect();
    assert_eq!(children, expected);
    let mut sizes = vec![0; tree.n_clusters()];
    for row in tree.rows() {
        assert!(row.parent < row.child || row.child < n);
        assert!(row.child < n || row.size >= min_cluster_size);
        sizes[row.parent - n] += row.size;
    }
    assert!(tree.rows().iter().all(|row| row.child < n || sizes[row.child - n] == row.size));
    let between = |value: &f64| (0.0..=1.0).contains(value);
    assert!(model.probabilities().iter().all(between));
    assert!(model.outlier_scores().iter().all(between));
    assert!(tree.stabilities().iter().all(|stability| *stability >= 0.0));
    let mut next = 0;
    for (label, probability) in model.labels().iter().zip(model.probabilities()) {
        assert!(label.is_some() || *probability == 0.0);
        // Numbered by the first sample.
        assert!(label.is_none_or(|label| label <= next));
        next += usize::from(*label == Some(next));
    }
    assert_eq!(model.n_clusters(), next);
    assert_eq!(model.stabilities().len(), next);
}

/// The condensed tree by its definition, from the members of each node of the hierarchy.
struct Condensed {
    /// The root, then the parts of each split into large ones, from the last merge on.
    clusters: Vec<Vec<usize>>,
    births: Vec<f64>,
    /// The smallest other cluster around each; the root for itself.
    parents: Vec<usize>,
    /// The smallest cluster around each sample, and the density up to which it is in a large node.
    homes: Vec<usize>,
    lambdas: Vec<f64>,
}

impl Condensed {
    fn of(tree: &Dendrogram, min_cluster_size: usize) -> Self {
        let n = tree.n_samples();
        let mut nodes: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
        let (mut clusters, mut births) = (vec![(0..n).collect()], vec![0.0]);
        let mut lambdas = vec![0.0; n];
        for merge in tree.merges() {
            nodes.push([&nodes[merge.left][..], &nodes[merge.right]].concat());
        }
        for (merge, node) in tree.merges().iter().zip(&nodes[n..]).rev() {
            let density = 1.0 / merge.dissimilarity;
            let parts = [merge.left, merge.right];
            if parts.iter().all(|&part| nodes[part].len() >= min_cluster_size) {
                clusters.extend(parts.map(|part| nodes[part].clone()));
                births.extend([density; 2]);
            }
            if node.len() >= min_cluster_size || node.len() == n {
                for &i in node {
                    lambdas[i] = density;
                }
            }
        }
        let smallest = |is_around: &dyn Fn(usize) -> bool| {
            let around = (0..clusters.len()).filter(|&c| is_around(c));
            around.min_by_key(|&c| clusters[c].len()).unwrap_or(0)
        };
        let parent = |child: usize| {
            smallest(&|c| c != child && clusters[child].iter().all(|i| clusters[c].contains(i)))
        };
        let parents = (0..clusters.len()).map(parent).collect();
        let homes = (0..n).map(|i| smallest(&|c| clusters[c].contains(&i))).collect();
        Self { clusters, births, parents, homes, lambdas }
    }

    /// What leaves what: samples, then clusters.
    fn rows(&self) -> Vec<(usize, usize, f64, usize)> {
        let n = self.lambdas.len();
        let samples = (0..n).map(|i| (n + self.homes[i], i, self.lambdas[i], 1));
        let cluster =
            |c: usize| (n + self.parents[c], n + c, self.births[c], self.clusters[c].len());
        samples.chain((1..self.clusters.len()).map(cluster)).collect()
    }

    /// From the density where each member leaves for good or with a part, that of the birth.
    fn stability(&self, cluster: usize) -> f64 {
        let rows = self.rows().into_iter().filter(|row| row.0 == self.lambdas.len() + cluster);
        let grown = rows.filter(|row| row.2 > self.births[cluster]);
        grown.map(|(_, _, lambda, size)| (lambda - self.births[cluster]) * size as f64).sum()
    }

    /// The cluster and all around it, to the root.
    fn upwards(&self, cluster: usize) -> impl Iterator<Item = usize> {
        let next = |&c: &usize| (c > 0).then(|| self.parents[c]);
        std::iter::successors(Some(cluster), next)
    }

    fn without_inner(&self, chosen: &[bool]) -> Vec<bool> {
        let is_inner = |c: usize| self.upwards(c).skip(1).any(|outer| chosen[outer]);
        (0..chosen.len()).map(|c| chosen[c] && !is_inner(c)).collect()
    }

    fn choose(&self, by: &Choice, stabilities: &[f64]) -> Vec<bool> {
        let n_clusters = self.clusters.len();
        let children = |c: usize| (1..n_clusters).filter(move |&child| self.parents[child] == c);
        let mut chosen = vec![false; n_clusters];
        if by.selection == ClusterSelection::Leaf {
            chosen = (0..n_clusters).map(|c| children(c).next().is_none()).collect();
        } else {
            let mut best = stabilities.to_vec();
            for c in (0..n_clusters).rev() {
                let below: f64 =
                    children(c).collect::<Vec<_>>().iter().rev().map(|&c| best[c]).sum();
                chosen[c] = below <= stabilities[c]
                    && self.clusters[c].len() <= by.max_cluster_size
                    && (c > 0 || by.allow_single);
                best[c] = if chosen[c] { stabilities[c] } else { below };
            }
            chosen = self.without_inner(&chosen);
        }
        let is_root_alone = chosen[0] && !chosen[1..].contains(&true);
        if by.epsilon > 0.0 && !is_root_alone {
            let mut climbed = vec![false; n_clusters];
            for c in (0..n_clusters).filter(|&c| chosen[c]) {
                let is_short = |c: usize| c > 0 && 1.0 / self.births[c] <= by.epsilon;
                let is_end = |c: &usize| {
                    let is_next_to_root = self.parents[*c] == 0 && !by.allow_single;
                    !is_short(*c) || is_next_to_root
                };
                let stays = 1.0 / self.births[c] >= by.epsilon;
                climbed[if stays { c } else { self.upwards(c).find(is_end).unwrap() }] = true;
            }
            chosen = self.without_inner(&climbed);
        }
        chosen[0] &= by.allow_single;
        chosen
    }
}

/// How clusters are chosen.
#[derive(Debug, Clone)]
struct Choice {
    selection: ClusterSelection,
    epsilon: f64,
    max_cluster_size: usize,
    allow_single: bool,
}

fn check_choice(x: MatrixView<'_, f64>, size: usize, min_samples: usize, by: &Choice) {
    let params = Hdbscan::new(size).min_samples(min_samples).selection(by.selection);
    let params = params.allow_single_cluster(by.allow_single).max_cluster_size(by.max_cluster_size);
    let model = params.cluster_selection_epsilon(by.epsilon).fit(x).unwrap();
    let (n, tree) = (x.n_rows(), model.condensed_tree());
    let twin = Condensed::of(model.hierarchy(), size);
    let row = |row: &CondensedRow| (row.parent, row.child, row.lambda, row.size);
    let mut rows: Vec<_> = tree.rows().iter().map(row).collect();
    rows.sort_by_key(|row| row.1);
    assert_eq!(rows, twin.rows());
    for (c, &stability) in tree.stabilities().iter().enumerate() {
        let expected = twin.stability(c);
        let is_near = stability == expected || (stability - expected).abs() <= 1e-9 * expected;
        assert!(is_near, "cluster {c}: {stability}, expected {expected}");
    }
    let chosen = twin.choose(by, &tree.stabilities());
    let densest =
        |members: &[usize]| members.iter().fold(0.0, |most: f64, &i| most.max(twin.lambdas[i]));
    let death = |c: usize| {
        let rows = twin.rows().into_iter().filter(|row| row.0 == n + c);
        rows.fold(0.0, |most: f64, row| most.max(row.2))
    };
    let root_from = if by.epsilon > 0.0 { 1.0 / by.epsilon } else { death(0) };
    let of_sample = |i: usize| {
        let found = twin.upwards(twin.homes[i]).find(|&c| chosen[c]);
        found.filter(|&c| c > 0 || twin.lambdas[i] >= root_from)
    };
    let found: Vec<Option<usize>> = (0..n).map(of_sample).collect();
    assert_eq!(model.labels(), canonical(found.iter().copied()), "{by:?}");
    for (i, &found) in found.iter().enumerate() {
        let (lambda, home) = (twin.lambdas[i], twin.homes[i]);
        let share = |most: f64| if most == 0.0 || lambda >= most { 1.0 } else { lambda / most };
        assert_eq!(model.probabilities()[i], found.map_or(0.0, |c| share(death(c))));
        // GLOSH, of the densest sample in the cluster or what comes from it.
        let most = densest(&twin.clusters[home]);
        let expected = if lambda >= most {
            0.0
        } else if most == f64::INFINITY {
            1.0
        } else {
            (most - lambda) / most
        };
        assert_eq!(model.outlier_scores()[i], expected);
        if let Some((label, cluster)) = model.labels()[i].zip(found) {
            assert_eq!(model.selected_clusters()[label], n + cluster);
            assert_eq!(model.stabilities()[label], tree.stabilities()[cluster]);
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Labels and probabilities.
type Variant = (Vec<Option<usize>>, Vec<f64>);

/// Partitions of mutual reachability distances that are moved by some 1e-11 of themselves: ties
/// fall in any order.
fn jittered(x: MatrixView<'_, f64>, params: &Hdbscan, cores: &[f64]) -> Vec<Variant> {
    let n = x.n_rows();
    let run = |seed: u64| {
        let mut rng = Stream::new(seed, "jitter").rng(0);
        let mut pairs = Vec::new();
        for i in 0..n {
            for j in i + 1..n {
                let distance = Metric::Euclidean.distance(x.row(i), x.row(j));
                let reach = distance.max(cores[i]).max(cores[j]);
                pairs.push(reach * (1.0 + 1e-11 * rng.uniform_in(-1.0, 1.0)));
            }
        }
        let pairs = CondensedMatrix::from_vec(n, pairs).unwrap();
        let model = params.clone().min_samples(1).fit_precomputed(&pairs).unwrap();
        (canonical(model.labels().iter().copied()), model.probabilities().to_vec())
    };
    (0..30).map(run).collect()
}

/// Mutual reachability distances tie at core distances, and the reference breaks ties as its sort
/// happens to. Where ties do not matter, its partition is ours; else it is one of those that ties
/// may give, or differs from ours only in samples on which these do not agree.
#[test]
fn reference_partitions_are_found_up_to_ties() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let (mut n_cases, mut n_equal) = (0, 0);
    for (name, set) in sets {
        let rows: Vec<Vec<f64>> = set["X"].as_array().unwrap().iter().map(numbers).collect();
        let x = Matrix::from_row_slices(&rows).unwrap();
        for case in set["hdbscan"].as_array().unwrap() {
            let count = |key: &str| case[key].as_u64().unwrap() as usize;
            let (size, min_samples) = (count("min_cluster_size"), count("min_samples"));
            let method = case["cluster_selection_method"].as_str().unwrap();
            let selection = match method {
                "leaf" => ClusterSelection::Leaf,
                _ => ClusterSelection::ExcessOfMass,
            };
            let params = Hdbscan::new(size).min_samples(min_samples).selection(selection);
            let model = params.fit(x.view()).unwrap();
            check_model(&model, size);
            let place = format!("{name}, {size}, {method}");
            let raw = numbers(&case["labels"]);
            let label = |&label: &f64| (label >= 0.0).then_some(label as usize);
            let expected = canonical(raw.iter().map(label));
            let labels = canonical(model.labels().iter().copied());
            assert_eq!(labels, model.labels(), "{place}");
            n_cases += 1;
            if labels == expected {
                n_equal += 1;
                let wanted = numbers(&case["probabilities"]);
                let pairs = model.probabilities().iter().zip(&wanted).enumerate();
                let differ = pairs.filter(|(_, (a, b))| (*a - *b).abs() > 1e-9);
                let differ: Vec<usize> = differ.map(|(i, _)| i).collect();
                if differ.is_empty() {
                    continue;
                }
                // Ties decide on them too.
                let variants = jittered(x.view(), &params, model.core_distances());
                for i in differ {
                    let all = variants.iter().map(|v| v.1[i]);
                    let low = all.clone().fold(1.0, f64::min) - 1e-8;
                    let high = all.fold(0.0, f64::max) + 1e-8;
                    let found = model.probabilities()[i];
                    let text = format!("{place}, sample {i}: {found} and {}", wanted[i]);
                    assert!((low..high).contains(&wanted[i]), "{text}, {low} to {high}");
                    assert!((low..high).contains(&found), "{text}, {low} to {high}");
                }
                continue;
            }
            let variants = jittered(x.view(), &params, model.core_distances());
            assert!(variants.iter().any(|v| v.0 != variants[0].0), "{place}: ties do not matter");
            let is_sure = |i: usize| variants.iter().all(|v| v.0[i] == variants[0].0[i]);
            let differ = (0..labels.len()).filter(|&i| labels[i] != expected[i]);
            let only_unsure = differ.clone().all(|i| !is_sure(i));
            let is_variant = variants.iter().any(|v| v.0 == expected);
            let text = format!("{place}: {:?}", differ.collect::<Vec<_>>());
            assert!(only_unsure || is_variant, "{text}");
            let both: (Vec<usize>, Vec<usize>) =
                labels.iter().zip(&expected).filter_map(|(a, b)| (*a).zip(*b)).unzip();
            let score = adjusted_rand(&both.0, &both.1).unwrap();
            assert!(method == "leaf" || score >= 0.99 || is_variant, "{text}, {score}");
        }
    }
    assert_eq!(n_cases, 39);
    assert!(n_equal >= 18, "{n_equal} of 39");
}

fn blobs<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..10 * d).map(|_| rng.uniform_in(-20.0, 20.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % 10 * d + j] + rng.normal()))
}

#[test]
fn the_tree_is_that_of_the_definition_at_size_too() {
    check_tree(blobs::<f64>(700, 2, 1).view(), &Metric::Euclidean, 5, 1.0);
    check_tree(blobs::<f32>(600, 4, 2).view(), &Metric::Manhattan, 11, 0.75);
    check_tree(blobs::<f32>(500, 20, 3).view(), &Metric::Euclidean, 4, 1.5);
    check_tree(blobs::<f64>(300, 3, 4).view(), &Metric::Cosine, 4, 1.0);
    check_tree(blobs::<f64>(300, 18, 4).view(), &Metric::Chebyshev, 60, 1.0);
    check_tree(blobs::<f64>(400, 2, 5).view(), &Metric::SquaredEuclidean, 200, 1.0);
}

#[test]
fn distances_give_what_rows_give() {
    let x = blobs::<f64>(400, 3, 7);
    let pairs = (0..400).flat_map(|i| (i + 1..400).map(move |j| (i, j)));
    let of = |(i, j): (usize, usize)| Metric::Euclidean.distance(x.row(i), x.row(j));
    let pairs = CondensedMatrix::from_vec(400, pairs.map(of).collect()).unwrap();
    let params = Hdbscan::new(8).min_samples(4);
    let (a, b) = (params.fit(x.view()).unwrap(), params.fit_precomputed(&pairs).unwrap());
    assert_eq!(a.labels(), b.labels());
    assert_eq!(a.spanning_tree(), b.spanning_tree());
    assert_eq!(a.condensed_tree(), b.condensed_tree());
    assert_eq!(b.n_features(), 0);
    let err = b.predict(x.view()).unwrap_err().to_string();
    assert_eq!(err, "hdbscan: expected a model of rows, got one of distances");
}

#[test]
fn a_graph_gives_what_its_distances_give() {
    let x = blobs::<f64>(300, 2, 8);
    let index = SpatialIndex::new(x.view(), Metric::Euclidean).unwrap();
    let params = Hdbscan::new(8).min_samples(4);
    for radius in [0.3, 1.0, 3.0, 1e3] {
        let graph = index.within_batch(x.view(), radius).unwrap();
        let pairs = (0..300).flat_map(|i| (i + 1..300).map(move |j| (i, j)));
        let of = |(i, j): (usize, usize)| {
            let distance = Metric::Euclidean.distance(x.row(i), x.row(j));
            if distance <= radius { distance } else { f64::INFINITY }
        };
        let pairs = CondensedMatrix::from_vec(300, pairs.map(of).collect()).unwrap();
        let (a, b) = (params.fit_graph(&graph).unwrap(), params.fit_precomputed(&pairs).unwrap());
        assert_eq!(a.spanning_tree(), b.spanning_tree(), "radius {radius}");
        assert_eq!(a.core_distances(), b.core_distances());
        assert_eq!((a.labels(), a.condensed_tree()), (b.labels(), b.condensed_tree()));
        check_model(&a, 8);
    }
    assert_eq!(
        params.fit_graph(&index.within_batch(x.view(), 1e3).unwrap()).unwrap().labels(),
        params.fit(x.view()).unwrap().labels()
    );
}

#[test]
fn a_pair_is_as_near_as_the_nearer_list_says() {
    // Only row 0 lists 1, at 2; only 1 lists 2; 2 and 3 list each other at 4 and 3; 4 is alone.
    let (starts, indices) = (vec![0, 1, 2, 3, 4, 4], vec![1, 2, 3, 2]);
    let graph = NeighborGraph::from_parts(5, starts, indices, vec![2.0, 7.0, 4.0, 3.0]).unwrap();
    let model = Hdbscan::new(2).min_samples(2).fit_graph(&graph).unwrap();
    assert_eq!(model.core_distances(), [2.0, 2.0, 3.0, 3.0, f64::INFINITY]);
    let (a, b) = (Some(0), Some(1));
    assert_eq!(model.labels(), [a, a, b, b, None]);
    let weights: Vec<f64> = model.spanning_tree().iter().map(|edge| edge.weight).collect();
    assert_eq!(weights, [2.0, 3.0, 7.0, f64::INFINITY]);
    let wide = NeighborGraph::from_parts(2, vec![0, 1], vec![1], vec![1.0]).unwrap();
    let err = Hdbscan::new(2).fit_graph(&wide).unwrap_err().to_string();
    assert_eq!(err, "hdbscan: expected a graph with 1 columns, got 2");
    let err = Hdbscan::new(9).fit_graph(&graph).unwrap_err().to_string();
    assert_eq!(err, "hdbscan: expected at least 9 samples, got 5");
}

#[test]
fn what_is_not_connected_is_accepted() {
    let far = f64::INFINITY;
    let pairs = vec![1.0, 1.5, far, far, far, 1.2, far, far, far, far, far, far, 2.0, 2.5, 2.1];
    let pairs = CondensedMatrix::from_vec(6, pairs).unwrap();
    let model = Hdbscan::new(3).min_samples(1).fit_precomputed(&pairs).unwrap();
    let (a, b) = (Some(0), Some(1));
    assert_eq!(model.labels(), [a, a, a, b, b, b]);
    check_model(&model, 3);
}

#[test]
fn one_cluster_is_found_where_it_is_allowed() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [2.0], [3.0], [9.0]]);
    let params = Hdbscan::new(3).min_samples(2);
    assert_eq!(params.fit(x.view()).unwrap().labels(), [None; 5]);
    let model = params.allow_single_cluster(true).fit(x.view()).unwrap();
    let one = Some(0);
    assert_eq!(model.labels(), [one, one, one, one, None]);
    assert_eq!(model.probabilities(), [1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(model.outlier_scores()[4], 1.0 - 1.0 / 6.0);
    let near = model.predict(MatrixView::from_rows(&[[1.5], [20.0]])).unwrap();
    assert_eq!(near.labels, [one, None]);
}

#[test]
fn epsilon_and_the_greatest_size_decide_on_splits() {
    // Two pairs of groups: each splits at 1.25, both at 96.75.
    let starts = [0.0, 3.25, 102.0, 105.25];
    let x = Matrix::from_fn(12, 1, |i, _| starts[i / 3] + (i % 3) as f64);
    let fit = |params: Hdbscan| params.min_samples(1).fit(x.view()).unwrap();
    let groups = |size: usize| (0..12).map(|i| Some(i / size)).collect::<Vec<_>>();
    let leaf = Hdbscan::new(3).selection(ClusterSelection::Leaf);
    assert_eq!(fit(leaf.clone()).labels(), groups(3));
    assert_eq!(fit(leaf.clone().cluster_selection_epsilon(1.2)).labels(), groups(3));
    assert_eq!(fit(leaf.clone().cluster_selection_epsilon(1.5)).labels(), groups(6));
    // Above the distance of all there is only the root: what is next to it, as in the hdbscan package.
    assert_eq!(fit(leaf.clone().cluster_selection_epsilon(200.0)).labels(), groups(6));
    let one = leaf.cluster_selection_epsilon(200.0).allow_single_cluster(true);
    assert_eq!(fit(one).labels(), [Some(0); 12]);
    assert_eq!(fit(Hdbscan::new(3)).labels(), groups(6));
    assert_eq!(fit(Hdbscan::new(3).max_cluster_size(5)).labels(), groups(3));
    let stability = 6.0 * (1.0 / 1.25 - 1.0 / 96.75);
    assert!((fit(Hdbscan::new(3)).stabilities()[1] - stability).abs() < 1e-12);
}

#[test]
fn few_and_equal_samples() {
    let x = Matrix::from_rows(&[[3.0f32, 4.0]]);
    let model = Hdbscan::new(2).min_samples(1).fit(x.view()).unwrap();
    assert_eq!((model.labels(), model.n_clusters(), model.n_noise()), (&[None][..], 0, 1));
    assert_eq!((model.outlier_scores(), model.spanning_tree().len()), (&[0.0][..], 0));
    assert_eq!(model.predict(x.view()).unwrap().labels, [None]);
    let x = Matrix::from_rows(&[[3.0, 4.0], [1.0, 9.0]]);
    let model = Hdbscan::new(2).min_samples(2).fit(x.view()).unwrap();
    assert_eq!(model.labels(), [None; 2]);
    let one = Hdbscan::new(2).allow_single_cluster(true);
    assert_eq!(one.fit(x.view()).unwrap().labels(), [Some(0); 2]);
    for n in [70, 100_000] {
        let x = Matrix::from_fn(n, 2, |_, j| [3.0, 4.0][j]);
        let model = one.clone().min_samples(5).fit(x.view()).unwrap();
        assert_eq!(model.labels(), vec![Some(0); n]);
        assert_eq!(model.probabilities(), vec![1.0; n]);
        assert_eq!(model.outlier_scores(), vec![0.0; n]);
        let star: Vec<usize> = model.spanning_tree().iter().map(|edge| edge.a).collect();
        assert_eq!(star, vec![0; n - 1]);
    }
    // Two places.
    let x = Matrix::from_fn(60_000, 2, |i, _| f64::from(u8::from(i % 3 == 0)));
    let model = Hdbscan::new(5).fit(x.view()).unwrap();
    let expected: Vec<_> = (0..60_000).map(|i| Some(usize::from(i % 3 != 0))).collect();
    assert_eq!(model.labels(), expected);
}

#[test]
fn a_long_chain_is_walked() {
    let n = 1_000_000;
    let x = Matrix::from_fn(n, 1, |i, _| i as f64);
    let model = Hdbscan::new(5).fit(x.view()).unwrap();
    assert!(model.spanning_tree().iter().all(|edge| edge.b == edge.a + 1));
    check_model(&model, 5);
    // Steps that grow: each sample leaves alone.
    let x = Matrix::from_fn(100_000, 1, |i, _| (i * i) as f64);
    let model = Hdbscan::new(5).allow_single_cluster(true).fit(x.view()).unwrap();
    assert_eq!(model.condensed_tree().n_clusters(), 1);
    check_model(&model, 5);
}

#[test]
fn members_are_predicted_where_they_are() {
    let x = blobs::<f64>(3000, 2, 11);
    let model = Hdbscan::new(20).min_samples(5).fit(x.view()).unwrap();
    let new = model.predict(x.view()).unwrap();
    let members = (0..3000).filter(|&i| model.labels()[i].is_some());
    let n_same = members.clone().filter(|&i| new.labels[i] == model.labels()[i]).count();
    let n = members.count();
    assert!(n > 2500 && n_same * 100 >= n * 99, "{n_same} of {n}");
    // The same one by one.
    for i in (0..3000).step_by(100) {
        let alone = model.predict(x.view().row_range(i..i + 1)).unwrap();
        assert_eq!(
            (alone.labels[0], alone.probabilities[0], alone.outlier_scores[0]),
            (new.labels[i], new.probabilities[i], new.outlier_scores[i])
        );
    }
    let err = model.predict(MatrixView::from_rows(&[[1.0]])).unwrap_err().to_string();
    assert_eq!(err, "hdbscan: expected x with 2 columns, got 1");
}

#[test]
fn new_samples_are_outliers_as_members_are() {
    let x = blobs::<f64>(3000, 2, 11);
    let model = Hdbscan::new(20).min_samples(5).fit(x.view()).unwrap();
    let scores = model.predict(x.view()).unwrap().outlier_scores;
    let is_near = |i: &usize| (scores[*i] - model.outlier_scores()[*i]).abs() < 0.1;
    let n_near = (0..3000).filter(is_near).count();
    assert!(n_near >= 2700, "{n_near}");

    // By hand: three samples 1 apart, three 2 apart, 100 between. A new one 2 beyond the dense ones
    // leaves them at density 1/2; one 4 beyond the loose ones leaves those at 1/4; the farthest
    // leaves the root, whose densest place is the dense one.
    let x = [[0.0], [1.0], [2.0], [102.0], [104.0], [106.0]];
    let model = Hdbscan::new(3).min_samples(2).fit(MatrixView::from_rows(&x)).unwrap();
    let new = [[4.0], [110.0], [306.0], [1.5]];
    let new = model.predict(MatrixView::from_rows(&new)).unwrap();
    assert_eq!(new.outlier_scores, [0.5, 0.5, 1.0 - 1.0 / 200.0, 0.0]);
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(3000, 2, 5), blobs::<f64>(1200, 20, 6));
    let run = || {
        let words = |model: HdbscanModel<f64>, labels: Vec<f64>| {
            (model.spanning_tree().to_vec(), model.outlier_scores().to_vec(), labels)
        };
        let a = Hdbscan::new(10).fit(x.view()).unwrap();
        let predicted = a.predict(x.view()).unwrap().probabilities;
        let b = Hdbscan::new(10).fit(y.view()).unwrap();
        let of_b = b.predict(y.view()).unwrap().probabilities;
        (a.spanning_tree().to_vec(), a.outlier_scores().to_vec(), predicted, words(b, of_b))
    };
    let bits = || format!("{:?}", run());
    check_same_bits(bits);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0], [3.0, 5.0]]);
    let text = |params: Hdbscan, x: MatrixView<'_, f64>| params.fit(x).unwrap_err().to_string();
    let of = |params: Hdbscan| text(params, x.view());
    let two = || Hdbscan::new(2);
    assert_eq!(of(Hdbscan::new(1)), "hdbscan: min_cluster_size must be at least 2, got 1");
    assert_eq!(of(two().min_samples(0)), "hdbscan: min_samples must be at least 1, got 0");
    assert_eq!(
        of(two().max_cluster_size(0)),
        "hdbscan: max_cluster_size must be at least 1, got 0"
    );
    for (alpha, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf")] {
        let expected = format!("hdbscan: alpha must be finite and above 0, got {shown}");
        assert_eq!(of(two().alpha(alpha)), expected);
    }
    for (epsilon, shown) in [(f64::NAN, "NaN"), (-0.5, "-0.5")] {
        let rule = "cluster_selection_epsilon must be finite and at least 0";
        let expected = format!("hdbscan: {rule}, got {shown}");
        assert_eq!(of(two().cluster_selection_epsilon(epsilon)), expected);
    }
    assert_eq!(of(Hdbscan::default()), "hdbscan: expected at least 5 samples, got 3");
    let minkowski = two().metric(Metric::Minkowski(0.5));
    assert_eq!(of(minkowski), "hdbscan: p must be finite and at least 1, got 0.5");
    let scaled = two().metric(Metric::StandardizedEuclidean(vec![1.0]));
    assert_eq!(of(scaled), "hdbscan: expected x with 1 columns, got 2");
    let none = MatrixView::from_slice(&[], 3, 0).unwrap();
    assert_eq!(text(two(), none), "hdbscan: expected x with at least 1 column, got 0");
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    let expected = "hdbscan: x must be finite, got NaN at row 1, column 1";
    assert_eq!(text(two(), nan.view()), expected);
    let signed = CustomMetric::new("signed", |a, b| a[0] - b[0]);
    let expected = "hdbscan: distances must be at least 0, got -2";
    assert_eq!(of(two().metric(Metric::Custom(signed))), expected);
    let pairs = CondensedMatrix::from_vec(2, vec![1.0]).unwrap();
    let err = Hdbscan::new(3).fit_precomputed(&pairs).unwrap_err().to_string();
    assert_eq!(err, "hdbscan: expected at least 3 samples, got 2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn the_tree_is_that_of_the_definition(
        x in strategies::hostile_matrix(1usize..120, 1usize..6),
        min_samples in 1usize..9,
        metric in prop::sample::select(vec![
            Metric::Euclidean, Metric::Euclidean, Metric::SquaredEuclidean, Metric::Manhattan,
            Metric::Chebyshev, Metric::Cosine, Metric::Correlation, Metric::Minkowski(3.0),
        ]),
        alpha in prop::sample::select(vec![1.0, 1.0, 2.0, 0.7]),
    ) {
        let min_samples = min_samples.min(x.n_rows());
        check_tree(x.view(), &metric, min_samples, alpha);
        check_tree(x.view().cast::<f32>().view(), &metric, min_samples, alpha);
    }

    #[test]
    fn the_choice_is_that_of_the_definition(
        x in strategies::hostile_matrix(2usize..70, 1usize..4),
        size in 2usize..7,
        min_samples in 1usize..5,
        (leaf, allow_single) in any::<(bool, bool)>(),
        pick in prop::option::of(0usize..5000),
        max_cluster_size in prop::sample::select(vec![usize::MAX, 20, 6]),
    ) {
        let n = x.n_rows();
        let selection = if leaf { ClusterSelection::Leaf } else { ClusterSelection::ExcessOfMass };
        let distance = |pick| Metric::Euclidean.distance(x.row(pick % n), x.row(pick / n % n));
        let epsilon = pick.map_or(0.0, distance);
        let by = Choice { selection, epsilon, max_cluster_size, allow_single };
        check_choice(x.view(), size, min_samples.min(n), &by);
    }

    /// Distances that differ: the order of the rows does not matter.
    #[test]
    fn rows_in_another_order_are_clustered_alike(
        seed: u64, size in 2usize..7, leaf: bool, n in 8usize..90,
    ) {
        let x = blobs::<f64>(n, 2, seed);
        let mut rng = Stream::new(seed, "order").rng(0);
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, rng.below(i + 1));
        }
        let selection = if leaf { ClusterSelection::Leaf } else { ClusterSelection::ExcessOfMass };
        let params = Hdbscan::new(size).selection(selection);
        let (a, b) = (params.fit(x.view()).unwrap(), params.fit(x.view().select_rows(&order).view()).unwrap());
        let moved = order.iter().map(|&i| a.labels()[i]);
        prop_assert_eq!(canonical(moved), b.labels());
        for (at, &i) in order.iter().enumerate() {
            let (p, q) = (a.probabilities()[i], b.probabilities()[at]);
            prop_assert!((p - q).abs() <= 1e-12);
        }
    }
}
