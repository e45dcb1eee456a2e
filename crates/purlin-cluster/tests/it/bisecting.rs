//! k-means by splits: known answers, every split held to the definition, the doors that stay shut,
//! the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{blobs, check_same_bits, many_rows, model_unless, too_few_distinct};
use proptest::prelude::*;
use purlin_backend::distance::naive::squared_euclidean;
use purlin_cluster::{BisectingKMeans, BisectingModel, BisectingStrategy, Init, KMeans, metrics};
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, naive, strategies};

/// Everything of a model that is computed.
fn words<T: Real + Bits>(model: &BisectingModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.node_centroids().to_vec().to_words());
    words.extend(model.labels().to_words());
    words.extend(model.cluster_inertias().iter().map(|inertia| inertia.to_bits()));
    words.push(model.inertia().to_bits());
    words
}

fn iris() -> Option<Matrix<f64>> {
    let sets = crate::common::reference_sets()?;
    let (_, set) = sets.into_iter().find(|(name, _)| *name == "iris")?;
    let rows: Vec<Vec<f64>> = serde_json::from_value(set["X"].clone()).ok()?;
    Matrix::from_row_slices(&rows).ok()
}

/// The samples of each node, found anew from the labels of the leaves.
fn members<T: Real>(model: &BisectingModel<T>) -> Vec<Vec<usize>> {
    let nodes = model.nodes();
    let mut members = vec![Vec::new(); nodes.len()];
    for (node, of) in nodes.iter().zip(&mut members) {
        if let Some(label) = node.label {
            *of = (0..model.labels().len()).filter(|&i| model.labels()[i] == label).collect();
        }
    }
    for i in (0..nodes.len()).rev() {
        if let Some([left, right]) = nodes[i].children {
            let mut all = [members[left].clone(), members[right].clone()].concat();
            all.sort_unstable();
            members[i] = all;
        }
    }
    members
}

/// Leaves from left to right after the first `n_splits` splits.
fn leaves_after(nodes: &[purlin_cluster::BisectingNode], n_splits: usize) -> Vec<usize> {
    let mut leaves = vec![0];
    for split in 0..n_splits {
        let pair = [2 * split + 1, 2 * split + 2];
        let parent = nodes.iter().position(|node| node.children == Some(pair));
        let parent = parent.expect("every pair has a parent");
        let place = leaves.iter().position(|&leaf| leaf == parent);
        let place = place.expect("a split is of a leaf");
        leaves.splice(place..=place, pair);
    }
    leaves
}

/// Every node is the mean of its samples, every sample on the side of the nearer centroid, and every
/// split is of the leaf with the greatest score among those of different samples.
fn check_splits(x: MatrixView<'_, f64>, model: &BisectingModel<f64>, strategy: BisectingStrategy) {
    let (nodes, members) = (model.nodes(), members(model));
    assert_eq!(nodes.len(), 2 * model.n_clusters() - 1);
    for (i, (node, members)) in nodes.iter().zip(&members).enumerate() {
        assert_eq!(node.n_samples, members.len(), "node {i}");
        let centroid = model.node_centroids().row(i);
        for (j, &value) in centroid.iter().enumerate() {
            let mean = members.iter().map(|&row| x.row(row)[j]).sum::<f64>() / members.len() as f64;
            assert!(
                (value - mean).abs() <= 1e-12 * mean.abs().max(1.0),
                "node {i}: {value}, {mean}"
            );
        }
        let distance =
            |row: usize, node| squared_euclidean(x.row(row), model.node_centroids().row(node));
        let inertia: f64 = members.iter().map(|&row| distance(row, i)).sum();
        assert!((node.inertia - inertia).abs() <= 1e-9 * inertia.max(1e-9), "node {i}");
        if let Some([left, right]) = node.children {
            for &row in members {
                let is_left = distance(row, left) <= distance(row, right);
                let found = is_below(model, model.labels()[row], left);
                assert!(found == is_left, "row {row} at node {i}");
            }
        }
    }
    for split in 0..model.n_clusters() - 1 {
        let leaves = leaves_after(nodes, split);
        let score = |&leaf: &usize| match strategy {
            BisectingStrategy::BiggestInertia => nodes[leaf].inertia,
            _ => nodes[leaf].n_samples as f64,
        };
        let first_row = |leaf: usize| x.row(members[leaf][0]);
        let is_apart =
            |leaf: usize, row: usize| squared_euclidean(x.row(row), first_row(leaf)) > 0.0;
        let open = leaves.iter().filter(|&&leaf| members[leaf].iter().any(|&i| is_apart(leaf, i)));
        let most = open.clone().map(score).fold(f64::NEG_INFINITY, f64::max);
        let first = open.clone().find(|&leaf| score(leaf) == most).copied();
        let pair = [2 * split + 1, 2 * split + 2];
        assert_eq!(first.and_then(|leaf| nodes[leaf].children), Some(pair), "split {split}");
    }
    let labels: Vec<Option<usize>> =
        leaves_after(nodes, model.n_clusters() - 1).iter().map(|&leaf| nodes[leaf].label).collect();
    assert_eq!(labels, (0..model.n_clusters()).map(Some).collect::<Vec<_>>());
}

/// Whether the leaf of `label` lies below the node `top`.
fn is_below<T: Real>(model: &BisectingModel<T>, label: usize, top: usize) -> bool {
    let mut open = vec![top];
    while let Some(node) = open.pop() {
        let node = model.nodes()[node];
        if node.label == Some(label) {
            return true;
        }
        open.extend(node.children.into_iter().flatten());
    }
    false
}

#[test]
fn leaves_are_numbered_from_the_left() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [10.0], [11.0], [90.0], [93.0]]);
    let model = BisectingKMeans::new(3).fit(x.view()).unwrap();
    let [low, middle, high] = [0, 2, 4].map(|i| model.labels()[i]);
    assert_eq!(model.labels(), [low, low, middle, middle, high, high]);
    assert!(low.abs_diff(middle) == 1 && high != 1, "{:?}", model.labels());
    assert_eq!(model.inertia(), 0.5 + 0.5 + 4.5);
    assert_eq!(model.cluster_inertias()[high], 4.5);
    assert_eq!(model.cluster_sizes(), [2, 2, 2]);
    assert_eq!(model.node_centroids().row(0), [205.0 / 6.0]);
    assert_eq!(model.centroids().row(high), [91.5]);
    assert_eq!(model.score(x.view()).unwrap(), -5.5);
    let distances = model.transform(MatrixView::from_rows(&[[0.5]])).unwrap();
    assert_eq!([low, middle, high].map(|c| distances[(0, c)]), [0.0, 10.0, 91.0]);
    assert!(model.converged());
    check_splits(x.view(), &model, BisectingStrategy::BiggestInertia);
}

/// A tight pair and a wide pair on one side, many samples on the other.
#[test]
fn the_strategy_says_which_is_split_next() {
    let mut rows = vec![[0.0], [8.0]];
    rows.extend((0..20).map(|i| [100.0 + f64::from(i) / 64.0]));
    let x = Matrix::from_rows(&rows);
    let by = |strategy| BisectingKMeans::new(3).strategy(strategy).fit(x.view()).unwrap();
    let wide = by(BisectingStrategy::BiggestInertia);
    assert_ne!(wide.labels()[0], wide.labels()[1]);
    let large = by(BisectingStrategy::LargestCluster);
    assert_eq!(large.labels()[0], large.labels()[1]);
    assert_ne!(large.labels()[2], large.labels()[21]);
}

#[test]
fn one_cluster_is_the_mean() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 6.0]]);
    let model = BisectingKMeans::new(1).fit(x.view()).unwrap();
    assert_eq!(model.labels(), [0, 0]);
    assert_eq!(model.centroids().row(0), [2.0, 4.0]);
    assert_eq!((model.inertia(), model.nodes().len()), (10.0, 1));
    assert_eq!(model.predict(x.view()).unwrap(), [0, 0]);
}

/// Two clusters are those of k-means.
#[test]
fn two_clusters_are_those_of_kmeans() {
    let x = blobs::<f64>(700, 4, 2, 1.0, 1);
    let ours = BisectingKMeans::new(2).fit(x.view()).unwrap();
    let free = KMeans::new(2).fit(x.view()).unwrap();
    assert_eq!(metrics::adjusted_rand(ours.labels(), free.labels()).unwrap(), 1.0);
    assert!((ours.inertia() - free.inertia()).abs() <= 1e-12 * free.inertia());
}

#[test]
fn predictions_walk_down_the_tree_and_not_to_the_nearest_leaf() {
    let x = blobs::<f64>(400, 2, 9, 3.0, 5);
    let model = BisectingKMeans::new(9).fit(x.view()).unwrap();
    assert_eq!(model.predict(x.view()).unwrap(), model.labels());
    let distances = model.transform(x.view()).unwrap();
    let nearest = |row: &[f64]| (0..9).min_by(|&a, &b| row[a].total_cmp(&row[b]));
    let n_other =
        (0..400).filter(|&i| nearest(distances.row(i)) != Some(model.labels()[i])).count();
    assert!((1..100).contains(&n_other), "{n_other} samples");
}

#[test]
fn a_sample_of_weight_0_is_not_there() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [10.0], [11.0], [1e6]]);
    let weights = [1.0, 1.0, 1.0, 1.0, 0.0];
    let model = BisectingKMeans::new(2).fit_weighted(x.view(), &weights).unwrap();
    assert_ne!(model.labels()[0], model.labels()[2]);
    assert_eq!((model.labels()[4], model.inertia()), (model.labels()[3], 1.0));
    let err = BisectingKMeans::new(5).fit_weighted(x.view(), &weights).unwrap_err().to_string();
    assert_eq!(err, "bisecting_kmeans: expected at least 5 distinct samples, got 4");
}

/// A sample that is huge beside others takes nothing of them along when it leaves their half.
#[test]
fn huge_samples_leave_a_half_as_they_came() {
    let huge = [1.4e40, 1.55e40, 1.56e40, 1.57e40, 1.58e40, 1.59e40, 3e40];
    let values: Vec<f64> = (0..40).map(|i| f64::from(i) / 7.0).chain(huge).collect();
    let x = Matrix::from_vec(values, 47, 1).unwrap();
    // A weight may be as far from others as a number.
    let ones = x.map(|v| if v > 1e9 { 1e4 } else { v });
    let weights: Vec<f64> = (0..47).map(|i| if i < 40 { 1.0 } else { 1e40 }).collect();
    for seed in 0..40 {
        let bisecting = BisectingKMeans::new(2).tol(0.0).seed(seed);
        let model = bisecting.fit(x.view()).unwrap();
        check_splits(x.view(), &model, BisectingStrategy::BiggestInertia);
        let weighted = bisecting.fit_weighted(ones.view(), &weights).unwrap();
        let low = weighted.centroids().row(weighted.labels()[0])[0];
        assert!((low - 39.0 / 14.0).abs() < 1e-12, "{low}");
    }
}

#[test]
fn more_starts_are_no_worse_for_one_split() {
    let x = blobs::<f64>(500, 3, 5, 3.0, 8);
    let inertia = |n_init, init| {
        BisectingKMeans::new(2).n_init(n_init).init(init).fit(x.view()).unwrap().inertia()
    };
    assert!(inertia(8, Init::Random) <= inertia(1, Init::Random));
    let parallel = Init::Parallel { rounds: 3, oversampling: 2.0 };
    assert!(inertia(8, parallel.clone()) <= inertia(1, parallel));
}

#[test]
fn rounds_end_at_max_iter() {
    let x = blobs::<f64>(500, 3, 5, 3.0, 8);
    let model = BisectingKMeans::new(6).max_iter(1).tol(0.0).fit(x.view()).unwrap();
    assert!(!model.converged());
    assert_eq!(model.predict(x.view()).unwrap(), model.labels());
    assert!(BisectingKMeans::new(6).tol(0.0).fit(x.view()).unwrap().converged());
}

/// The inertia that scikit-learn 1.9.1 comes to from any of 20 seeds, by
/// `BisectingKMeans(3, n_init=10, init="k-means++", random_state=seed)`.
const IRIS_INERTIA: f64 = 84.2038;

#[test]
fn iris_is_split_as_by_scikit_learn() {
    let Some(x) = iris() else { return };
    for seed in 0..5 {
        let model = BisectingKMeans::new(3).n_init(10).tol(0.0).seed(seed).fit(x.view()).unwrap();
        assert!((model.inertia() - IRIS_INERTIA).abs() <= 1e-4, "{}", model.inertia());
        check_splits(x.view(), &model, BisectingStrategy::BiggestInertia);
    }
}

/// Every split takes one sample off: nothing may recurse down the tree.
#[test]
fn a_tree_may_be_as_deep_as_there_are_samples() {
    let n = 300;
    let powers = std::iter::successors(Some(1.0), |power: &f64| Some(3.0 * power));
    let x = Matrix::from_vec(powers.take(n).collect(), n, 1).unwrap();
    let model = BisectingKMeans::new(n).fit(x.view()).unwrap();
    assert_eq!(model.cluster_sizes(), vec![1; n]);
    assert_eq!(model.predict(x.view()).unwrap(), model.labels());
    let n_lone = model.nodes().iter().filter(|node| node.n_samples == 1).count();
    let sizes: Vec<usize> = model.nodes().iter().map(|node| node.n_samples).collect();
    assert_eq!(n_lone, n);
    assert!((2..=n).all(|size| sizes.contains(&size)), "{sizes:?}");
}

#[test]
fn equal_samples_are_never_split() {
    let x = Matrix::from_rows(&[[5.0], [5.0], [5.0], [5.0], [1.0], [1.0], [2.0]]);
    let largest = BisectingKMeans::new(3).strategy(BisectingStrategy::LargestCluster);
    let model = largest.fit(x.view()).unwrap();
    assert_eq!(model.inertia(), 0.0);
    assert_eq!(metrics::adjusted_rand(model.labels(), &[0, 0, 0, 0, 1, 1, 2]).unwrap(), 1.0);
    assert_eq!(
        BisectingKMeans::new(4).fit(x.view()).unwrap_err().to_string(),
        "bisecting_kmeans: expected at least 4 distinct samples, got 3"
    );
    // Tenths, whose mean is none.
    let tenths = Matrix::from_fn(30, 2, |i, _| if i < 20 { 0.1 } else { 0.7 });
    assert_eq!(
        BisectingKMeans::new(3).fit(tenths.view()).unwrap_err().to_string(),
        "bisecting_kmeans: expected at least 3 distinct samples, got 2"
    );
    let each = BisectingKMeans::new(5).fit(Matrix::from_fn(5, 1, |i, _| i as f64).view()).unwrap();
    assert_eq!((each.cluster_sizes(), each.inertia()), (&[1; 5][..], 0.0));
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = blobs::<f32>(many_rows(17), 17, 30, 4.0, 5);
    let y = blobs::<f64>(many_rows(5), 5, 4, 2.0, 6);
    let weights: Vec<f64> = (0..y.n_rows()).map(|i| (i % 3) as f64).collect();
    let fit = || {
        let x = BisectingKMeans::new(30).n_init(2).seed(3).fit(x.view()).unwrap();
        let largest = BisectingKMeans::new(9).strategy(BisectingStrategy::LargestCluster);
        let y = largest.fit_weighted(y.view(), &weights).unwrap();
        (words(&x), words(&y))
    };
    check_same_bits(fit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn labels_are_predicted_again_and_the_inertia_is_its_definition(
        x in strategies::hostile_matrix(3usize..60, 1usize..5),
        k in 1usize..9,
        seed: u64,
    ) {
        let fitted = BisectingKMeans::new(k).seed(seed).fit(x.view());
        let refusal = if x.n_rows() < k { Some("samples, got") } else { too_few_distinct(x.view(), k) };
        let Some(model) = model_unless(refusal, fitted) else { return Ok(()) };
        prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        prop_assert_eq!(-model.score(x.view()).unwrap(), model.inertia());
        let expected = naive::inertia(x.view(), model.labels(), model.centroids());
        prop_assert!((model.inertia() - expected).abs() <= 1e-9 * expected.max(1e-300));
        let sum: f64 = model.cluster_inertias().iter().sum();
        prop_assert!((sum - expected).abs() <= 1e-9 * expected.max(1e-300));
        prop_assert!(model.cluster_sizes().iter().all(|&size| size > 0));
    }

    #[test]
    fn every_split_is_as_defined(
        x in strategies::hostile_matrix(9usize..80, 1usize..5),
        seed: u64,
        largest: bool,
    ) {
        let strategy = if largest {
            BisectingStrategy::LargestCluster
        } else {
            BisectingStrategy::BiggestInertia
        };
        let algorithm = BisectingKMeans::new(6).strategy(strategy).tol(0.0).seed(seed);
        let fitted = algorithm.fit(x.view());
        if let Some(model) = model_unless(too_few_distinct(x.view(), 6), fitted) {
            check_splits(x.view(), &model, strategy);
        }
    }

    #[test]
    fn single_precision_is_near_double(b in strategies::blobs(3usize..5, 20usize..60, 1usize..4)) {
        let k = b.centers.n_rows();
        let double = BisectingKMeans::new(k).n_init(3).fit(b.x.view()).unwrap();
        let single = BisectingKMeans::new(k).n_init(3).fit(b.x.cast::<f32>().view()).unwrap();
        prop_assert_eq!(metrics::adjusted_rand(double.labels(), single.labels()).unwrap(), 1.0);
        let (a, b) = (double.inertia(), single.inertia());
        prop_assert!((a - b).abs() <= 1e-4 * a.max(1e-3));
    }
}
