//! DBSCAN: known answers, the reference results, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::check_same_bits;
use proptest::prelude::*;
use purlin_cluster::{
    CondensedMatrix, CustomMetric, Dbscan, DbscanModel, Metric, NeighborGraph, NeighborSearch,
    SpatialIndex,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{check_same_bits_on_threads, strategies};
use serde_json::Value;

type Labels = Vec<Option<usize>>;

/// The definition: all distances, a search from core to core, in the order of the samples.
fn naive<T: Real>(dbscan: &Setting, x: MatrixView<'_, T>, weights: &[T]) -> (Labels, Vec<usize>) {
    let n = x.n_rows();
    let near = |i: usize| {
        let is_near =
            move |&j: &usize| dbscan.metric.distance(x.row(i), x.row(j)).to_f64() <= dbscan.eps;
        (0..n).filter(is_near)
    };
    let weight = |i: usize| near(i).fold(0.0, |sum, j| sum + weights[j].to_f64());
    let is_core: Vec<bool> = (0..n).map(|i| weight(i) >= dbscan.min_samples as f64).collect();
    let mut labels = vec![None; n];
    let mut n_clusters = 0;
    for first in 0..n {
        if !is_core[first] || labels[first].is_some() {
            continue;
        }
        let mut open = vec![first];
        labels[first] = Some(n_clusters);
        while let Some(i) = open.pop() {
            for j in near(i).filter(|&j| is_core[i] && labels[j].is_none()).collect::<Vec<_>>() {
                labels[j] = Some(n_clusters);
                open.push(j);
            }
        }
        n_clusters += 1;
    }
    (labels, (0..n).filter(|&i| is_core[i]).collect())
}

#[derive(Debug, Clone)]
struct Setting {
    eps: f64,
    min_samples: usize,
    metric: Metric,
}

impl Setting {
    fn new(eps: f64, min_samples: usize) -> Self {
        Self { eps, min_samples, metric: Metric::Euclidean }
    }

    fn dbscan(&self, algorithm: NeighborSearch) -> Dbscan {
        Dbscan::new(self.eps, self.min_samples).metric(self.metric.clone()).algorithm(algorithm)
    }
}

/// The searches that take such a table.
fn searches(metric: &Metric, d: usize) -> Vec<NeighborSearch> {
    let mut searches = vec![NeighborSearch::Auto, NeighborSearch::Brute];
    let is_euclidean = matches!(metric, Metric::Euclidean | Metric::SquaredEuclidean);
    if is_euclidean && d <= 3 {
        searches.push(NeighborSearch::Grid);
    }
    if is_euclidean
        || matches!(metric, Metric::Manhattan | Metric::Chebyshev | Metric::Minkowski(_))
    {
        searches.push(NeighborSearch::Tree);
    }
    searches
}

fn result<T: Real>(model: &DbscanModel<T>) -> (Labels, Vec<usize>) {
    (model.labels().to_vec(), model.core_sample_indices().to_vec())
}

/// Every search finds what the definition says.
fn check<T: Real>(setting: &Setting, x: MatrixView<'_, T>, weights: Option<&[T]>) {
    let ones = vec![T::ONE; x.n_rows()];
    let expected = naive(setting, x, weights.unwrap_or(&ones));
    for search in searches(&setting.metric, x.n_cols()) {
        let dbscan = setting.dbscan(search);
        let model = match weights {
            Some(weights) => dbscan.fit_weighted(x, weights),
            None => dbscan.fit(x),
        };
        assert_eq!(result(&model.unwrap()), expected, "{setting:?} {search:?}");
    }
    // By rounding, a row may be some way from itself by its direction.
    let is_exact = !matches!(setting.metric, Metric::Cosine | Metric::Correlation);
    if weights.is_none() && is_exact {
        check_known(setting, x, &expected);
    }
}

/// Known distances and known neighbours say the same, though the lists hold more than is near.
fn check_known<T: Real>(setting: &Setting, x: MatrixView<'_, T>, expected: &(Labels, Vec<usize>)) {
    let dbscan = Dbscan::new(setting.eps, setting.min_samples);
    let distances = setting.metric.pairwise(x).unwrap();
    let index = SpatialIndex::new(x, setting.metric.clone()).unwrap();
    let graph = index.within_batch(x, (2.0 * setting.eps).min(f64::MAX)).unwrap();
    for clusters in [dbscan.fit_precomputed(&distances), dbscan.fit_graph(&graph)] {
        let clusters = clusters.unwrap();
        let found = (clusters.labels().to_vec(), clusters.core_sample_indices().to_vec());
        assert_eq!(&found, expected, "{setting:?}");
        let n_clusters = expected.0.iter().flatten().max().map_or(0, |last| last + 1);
        let n_noise = expected.0.iter().filter(|label| label.is_none()).count();
        assert_eq!((clusters.n_clusters(), clusters.n_noise()), (n_clusters, n_noise));
    }
}

#[test]
fn reference_labels_are_met() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let mut n_cases = 0;
    for (name, set) in sets {
        let rows: Vec<Vec<f64>> = set["X"].as_array().unwrap().iter().map(numbers).collect();
        let x = Matrix::from_row_slices(&rows).unwrap();
        for case in set["dbscan"].as_array().unwrap() {
            let metric = match case["metric"].as_str().unwrap() {
                "euclidean" => Metric::Euclidean,
                "cityblock" => Metric::Manhattan,
                "chebyshev" => Metric::Chebyshev,
                "cosine" => Metric::Cosine,
                metric => panic!("{metric}: unknown"),
            };
            let min_samples = case["min_samples"].as_u64().unwrap() as usize;
            let setting =
                Setting { metric, ..Setting::new(case["eps"].as_f64().unwrap(), min_samples) };
            let labels: Labels = numbers(&case["labels"])
                .into_iter()
                .map(|label| (label >= 0.0).then_some(label as usize))
                .collect();
            let cores: Vec<usize> =
                numbers(&case["core_indices"]).into_iter().map(|i| i as usize).collect();
            for search in searches(&setting.metric, x.n_cols()) {
                let model = setting.dbscan(search).fit(x.view()).unwrap();
                let place = format!("{name}, {setting:?}, {search:?}");
                assert_eq!(model.labels(), labels, "{place}");
                assert_eq!(model.core_sample_indices(), cores, "{place}");
                assert_eq!(model.n_noise() as u64, case["n_noise"].as_u64().unwrap(), "{place}");
                let n_clusters = case["n_clusters"].as_u64().unwrap();
                assert_eq!(model.n_clusters() as u64, n_clusters, "{place}");
            }
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 207);
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn a_border_sample_goes_to_the_lowest_numbered_cluster() {
    // The sample at 2 is as near to the core at 3 as to the core at 1, and no core itself.
    let x = [3.0, 3.8, 3.9, 4.0, 2.0, 1.0, 0.0, 0.1, 0.2].map(|x: f64| [x]);
    for x in [Matrix::from_rows(&x), Matrix::from_rows(&x.map(|[x]| [4.0 - x]))] {
        let model = Dbscan::new(1.0, 4).fit(x.view()).unwrap();
        assert_eq!(model.core_sample_indices(), [0, 1, 2, 3, 5, 6, 7, 8]);
        assert_eq!(model.labels()[4..6], [Some(0), Some(1)]);
        check(&Setting::new(1.0, 4), x.view(), None);
    }
}

#[test]
fn equality_counts_as_within() {
    let x = Matrix::from_rows(&[[0.1], [0.4]]);
    let eps = Metric::Euclidean.distance(x.row(0), x.row(1));
    let n_noise = |eps: f64| Dbscan::new(eps, 2).fit(x.view()).unwrap().n_noise();
    assert_eq!((n_noise(eps), n_noise(eps.next_down())), (0, 2));
}

#[test]
fn few_and_equal_samples() {
    let one = Matrix::from_rows(&[[3.0f32, 4.0]]);
    check(&Setting::new(1.0, 1), one.view(), None);
    check(&Setting::new(1.0, 2), one.view(), None);
    let equal = Matrix::from_rows(&[[3.0, 4.0]; 200]);
    for min_samples in [1, 200, 201] {
        check(&Setting::new(0.5, min_samples), equal.view(), None);
    }
    for eps in [1e-300, 1e-30, 1e30, 1e300] {
        check(&Setting::new(eps, 2), Matrix::from_rows(&[[1.0], [2.0], [1.0]]).view(), None);
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let text = |dbscan: Dbscan, x: MatrixView<'_, f64>| dbscan.fit(x).unwrap_err().to_string();
    let of = |dbscan: Dbscan| text(dbscan, x.view());
    for (eps, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf")] {
        let expected = format!("dbscan: eps must be finite and above 0, got {shown}");
        assert_eq!(of(Dbscan::new(eps, 2)), expected);
    }
    assert_eq!(of(Dbscan::new(1.0, 0)), "dbscan: min_samples must be at least 1, got 0");
    let minkowski = Dbscan::new(1.0, 2).metric(Metric::Minkowski(0.5));
    assert_eq!(of(minkowski), "dbscan: p must be finite and at least 1, got 0.5");
    assert_eq!(
        text(
            Dbscan::new(1.0, 2).algorithm(NeighborSearch::Grid),
            MatrixView::from_rows(&[[1.0, 2.0, 3.0, 4.0]])
        ),
        "dbscan: algorithm must be one for Euclidean distances in 4 columns (Grid takes Euclidean \
         ones in at most 3), got Grid"
    );
    let cosine = Dbscan::new(1.0, 2).metric(Metric::Cosine).algorithm(NeighborSearch::Tree);
    let expected = "dbscan: algorithm must be Auto or Brute for Cosine distances, got Tree";
    assert_eq!(of(cosine), expected);
    let none = MatrixView::from_slice(&[], 0, 2).unwrap();
    assert_eq!(text(Dbscan::new(1.0, 2), none), "dbscan: expected at least 1 samples, got 0");
    let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
    assert_eq!(text(Dbscan::new(1.0, 2), none), "dbscan: expected x with at least 1 column, got 0");
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    let expected = "dbscan: x must be finite, got NaN at row 1, column 1";
    assert_eq!(text(Dbscan::new(1.0, 2), nan.view()), expected);
    let weighted = |weights: &[f64]| {
        Dbscan::new(1.0, 2).fit_weighted(x.view(), weights).unwrap_err().to_string()
    };
    assert_eq!(weighted(&[1.0]), "dbscan: expected sample_weight of 2 samples, got 1");
    assert_eq!(
        weighted(&[1.0, -1.0]),
        "dbscan: sample_weight must be finite and at least 0, got -1 at index 1"
    );
    let model = Dbscan::new(1.0, 1).fit(x.view()).unwrap();
    let err = model.predict(MatrixView::from_rows(&[[1.0]])).unwrap_err();
    assert_eq!(err.to_string(), "dbscan: expected x with 2 columns, got 1");
}

fn blobs<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..10 * d).map(|_| rng.uniform_in(-10.0, 10.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % 10 * d + j] + rng.normal()))
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_label() {
    let (x, y, z) = (blobs::<f32>(6000, 2, 5), blobs::<f64>(3000, 3, 6), blobs::<f32>(3000, 5, 7));
    let run = || {
        let words = |labels: &[Option<usize>]| -> Vec<Option<u64>> {
            labels.iter().map(|label| label.map(|label| label as u64)).collect()
        };
        let fit = |x: MatrixView<'_, f32>, eps| Dbscan::new(eps, 5).fit(x).unwrap();
        let (x, z) = (fit(x.view(), 0.2), fit(z.view(), 1.0));
        let y = Dbscan::new(0.6, 5).fit(y.view()).unwrap();
        (words(x.labels()), words(y.labels()), words(z.labels()))
    };
    check_same_bits(run);
}

/// Distances with ties: the eps is one of them.
fn some_distance(x: &Matrix<f64>, metric: &Metric, pick: usize) -> f64 {
    let n = x.n_rows();
    let distance = metric.distance(x.row(pick % n), x.row(pick / n % n));
    if distance > 0.0 { distance } else { 1e-9 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_search_finds_what_the_definition_says(
        x in strategies::hostile_matrix(1usize..90, 1usize..7),
        pick in 0usize..10_000,
        min_samples in 1usize..8,
        metric in prop::sample::select(vec![
            Metric::Euclidean, Metric::Euclidean, Metric::SquaredEuclidean, Metric::Manhattan, Metric::Chebyshev,
            Metric::Minkowski(3.0), Metric::Minkowski(1.5), Metric::Cosine, Metric::Correlation,
        ]),
        scale in prop::sample::select(vec![1.0, 0.5, 0.1]),
    ) {
        let eps = scale * some_distance(&x, &metric, pick);
        let setting = Setting { metric, ..Setting::new(eps, min_samples) };
        check(&setting, x.view(), None);
        let single = x.view().cast::<f32>();
        check(&setting, single.view(), None);
    }

    #[test]
    fn odd_weights_are_added_in_order(
        x in strategies::lattice(1usize..60, 1usize..4),
        weights in prop::collection::vec(0usize..4, 60),
        unit in prop::sample::select(vec![1.0, 0.1, 1.0 / 3.0]),
    ) {
        let mut weights: Vec<f64> = weights[..x.n_rows()].iter().map(|&w| w as f64 * unit).collect();
        weights[0] = 1.0;
        check(&Setting::new(1.0, 2), x.view(), Some(&weights));
        let single: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
        check(&Setting::new(1.0, 2), x.view().cast::<f32>().view(), Some(&single));
    }

    #[test]
    fn a_weight_is_so_many_copies(
        x in strategies::matrix(1usize..40, 1usize..4),
        weights in prop::collection::vec(1usize..4, 40),
        pick in 0usize..1000,
    ) {
        let dbscan = Dbscan::new(some_distance(&x, &Metric::Euclidean, pick), 5);
        let copies: Vec<usize> = (0..x.n_rows()).flat_map(|i| vec![i; weights[i]]).collect();
        let many = dbscan.fit(x.view().select_rows(&copies).view()).unwrap();
        let weights: Vec<f64> = weights[..x.n_rows()].iter().map(|&w| w as f64).collect();
        let one = dbscan.fit_weighted(x.view(), &weights).unwrap();
        for (i, &row) in copies.iter().enumerate() {
            prop_assert_eq!(many.labels()[i], one.labels()[row]);
        }
    }

    /// Cores and noise follow their rows; cores that were together stay together.
    #[test]
    fn permuted_rows_give_the_same_clusters(
        x in strategies::hostile_matrix(2usize..60, 1usize..4), pick in 0usize..1000, seed: u64,
    ) {
        let dbscan = Dbscan::new(some_distance(&x, &Metric::Euclidean, pick), 3);
        let order = Stream::new(seed, "order").rng(0).permutation(x.n_rows());
        let model = dbscan.fit(x.view()).unwrap();
        let permuted = dbscan.fit(x.view().select_rows(&order).view()).unwrap();
        let is_core = |model: &DbscanModel<f64>, i: usize| model.core_sample_indices().contains(&i);
        let mut pairs = std::collections::BTreeMap::new();
        for (new, &old) in order.iter().enumerate() {
            prop_assert_eq!(is_core(&permuted, new), is_core(&model, old));
            prop_assert_eq!(permuted.labels()[new].is_none(), model.labels()[old].is_none());
            if is_core(&model, old) {
                let label = model.labels()[old];
                prop_assert_eq!(*pairs.entry(permuted.labels()[new]).or_insert(label), label);
            }
        }
        prop_assert_eq!(pairs.len(), model.n_clusters());
    }

    #[test]
    fn cores_and_noise_are_predicted_again(
        x in strategies::hostile_matrix(1usize..60, 1usize..5), pick in 0usize..1000,
    ) {
        let model = Dbscan::new(some_distance(&x, &Metric::Euclidean, pick), 3).fit(x.view()).unwrap();
        let unused = model.clone();
        let predicted = model.predict(x.view()).unwrap();
        // What the model keeps for the next time changes neither its answer nor what it equals.
        prop_assert_eq!(&model.predict(x.view()).unwrap(), &predicted);
        prop_assert_eq!(&model.clone().predict(x.view()).unwrap(), &predicted);
        prop_assert!(model == unused);
        for (i, (predicted, label)) in predicted.iter().zip(model.labels()).enumerate() {
            if model.core_sample_indices().contains(&i) || label.is_none() {
                prop_assert_eq!(predicted, label);
            }
            prop_assert_eq!(predicted.is_none(), label.is_none());
        }
    }
}

/// Neighbours in a chain: nothing may recurse along it.
#[test]
fn a_chain_of_a_million_samples_is_one_cluster() {
    let x = Matrix::from_fn(1_000_000, 1, |i, _| (i * 377 % 1_000_000) as f64);
    let model = Dbscan::new(1.0, 2).fit(x.view()).unwrap();
    assert_eq!((model.n_clusters(), model.n_noise()), (1, 0));
    assert_eq!(model.core_sample_indices().len(), 1_000_000);
    assert_eq!(model.algorithm(), NeighborSearch::Grid);
}

/// Enough samples for the sort by digits, several blocks of cells and crowded cells.
#[test]
fn grid_tree_and_brute_force_agree_on_many_samples() {
    let mut rng = Stream::new(3, "many").rng(0);
    for (d, eps) in [(1, 0.002), (2, 0.2), (3, 0.5)] {
        let x = blobs::<f32>(10_000, d, 8);
        // Half of the samples in two places, just within or beyond reach.
        let x = Matrix::from_fn(12_000, d, |i, j| match i {
            0..10_000 => x[(i, j)],
            _ => 20.0 + if j == 0 && rng.below(2) == 1 { eps as f32 } else { 0.0 },
        });
        let fit = |search| Dbscan::new(eps, 8).algorithm(search).fit(x.view()).unwrap();
        let (grid, brute) = (fit(NeighborSearch::Grid), fit(NeighborSearch::Brute));
        assert_eq!(grid.algorithm(), NeighborSearch::Grid);
        assert_eq!(result(&grid), result(&brute), "{d} columns");
        let tree = fit(NeighborSearch::Tree);
        assert_eq!(tree.algorithm(), NeighborSearch::Tree);
        assert_eq!(result(&tree), result(&brute), "{d} columns");
    }
}

#[test]
fn a_metric_of_the_callers_is_taken() {
    let first = CustomMetric::new("first column", |a, b| (a[0] - b[0]).abs());
    let setting = Setting { metric: Metric::Custom(first), ..Setting::new(1.0, 2) };
    check(&setting, blobs::<f32>(100, 3, 1).view(), None);
}

/// The counts stop early, and two parts of a cluster are joined by one pair.
#[test]
fn a_hundred_thousand_equal_samples_are_one_cluster_at_once() {
    for d in [2, 8] {
        let x = Matrix::from_fn(100_000, d, |_, j| j as f32);
        let mut searches = vec![NeighborSearch::Auto, NeighborSearch::Tree, NeighborSearch::Brute];
        if d == 2 {
            searches.push(NeighborSearch::Grid);
        }
        for search in searches {
            let model = Dbscan::new(0.5, 10).algorithm(search).fit(x.view()).unwrap();
            assert_eq!((model.n_clusters(), model.n_noise()), (1, 0), "{search:?}");
            assert_eq!(model.core_sample_indices().len(), 100_000, "{search:?}");
        }
        // No core at all, or all of them.
        for (min_samples, n_noise) in [(100_000, 0), (100_001, 100_000)] {
            let model = Dbscan::new(0.5, min_samples).fit(x.view()).unwrap();
            assert_eq!(model.n_noise(), n_noise);
        }
    }
}

/// A list may hold what the other does not, and need not hold the sample itself.
#[test]
fn a_neighbor_in_either_list_is_near() {
    // 0 -> 1 -> 2, and 3 far from 2.
    let graph =
        NeighborGraph::from_parts(4, vec![0, 1, 2, 3, 3], vec![1, 2, 3], vec![0.5, 1.0, 1.5])
            .unwrap();
    let fit = |min_samples| Dbscan::new(1.0, min_samples).fit_graph(&graph).unwrap();
    assert_eq!(fit(2).core_sample_indices(), [0, 1, 2]);
    assert_eq!(fit(2).labels(), [Some(0), Some(0), Some(0), None]);
    assert_eq!(fit(3).core_sample_indices(), [1]);
    assert_eq!(fit(3).labels(), [Some(0), Some(0), Some(0), None]);
    assert_eq!(fit(4).n_noise(), 4);
}

#[test]
fn known_distances_and_neighbors_are_refused_with_their_numbers() {
    let none = CondensedMatrix::<f64>::from_vec(0, vec![]).unwrap();
    let text = |result: purlin_cluster::Result<_>| -> String {
        result.map(|_: purlin_cluster::DbscanClusters| ()).unwrap_err().to_string()
    };
    assert_eq!(
        text(Dbscan::new(1.0, 2).fit_precomputed(&none)),
        "dbscan: expected at least 1 samples, got 0"
    );
    let one = CondensedMatrix::<f64>::from_vec(1, vec![]).unwrap();
    assert_eq!(
        text(Dbscan::new(f64::NAN, 2).fit_precomputed(&one)),
        "dbscan: eps must be finite and above 0, got NaN"
    );
    assert_eq!(Dbscan::new(1.0, 1).fit_precomputed(&one).unwrap().labels(), [Some(0)]);
    // Infinity is beyond any reach.
    let two = CondensedMatrix::from_vec(2, vec![f64::INFINITY]).unwrap();
    assert_eq!(Dbscan::new(f64::MAX, 2).fit_precomputed(&two).unwrap().n_noise(), 2);
    let graph = NeighborGraph::<f64>::from_parts(3, vec![0, 0, 0], vec![], vec![]).unwrap();
    assert_eq!(
        text(Dbscan::new(1.0, 1).fit_graph(&graph)),
        "dbscan: expected a graph with 2 columns, got 3"
    );
    let x = Matrix::from_rows(&[[1.0, 2.0]]);
    let metric = Metric::StandardizedEuclidean(vec![1.0; 3]);
    assert_eq!(
        Dbscan::new(1.0, 1).metric(metric).fit(x.view()).unwrap_err().to_string(),
        "dbscan: expected x with 3 columns, got 2"
    );
}

#[test]
fn known_neighborhoods_do_not_depend_on_threads() {
    let x = blobs::<f32>(1500, 3, 5);
    let distances = Metric::Euclidean.pairwise(x.view()).unwrap();
    let index = SpatialIndex::new(x.view(), Metric::Euclidean).unwrap();
    let run = || {
        let dbscan = Dbscan::new(0.6, 5);
        let graph = index.within_batch(x.view(), 0.7).unwrap();
        let words = |clusters: purlin_cluster::DbscanClusters| -> Vec<Option<u64>> {
            clusters.labels().iter().map(|label| label.map(|label| label as u64)).collect()
        };
        (
            words(dbscan.fit_precomputed(&distances).unwrap()),
            words(dbscan.fit_graph(&graph).unwrap()),
        )
    };
    let fitted = Dbscan::new(0.6, 5).fit(x.view()).unwrap();
    let labels: Vec<Option<u64>> =
        fitted.labels().iter().map(|label| label.map(|label| label as u64)).collect();
    assert_eq!(run(), (labels.clone(), labels));
    check_same_bits_on_threads(run);
}

/// Boxes of a tree, against all pairs.
#[test]
fn minkowski_distances_are_searched_by_the_tree() {
    let x = blobs::<f32>(3000, 4, 3);
    for (p, eps) in [(1.5, 0.7), (4.0, 0.6), (200.0, 0.5)] {
        let dbscan = Dbscan::new(eps, 6).metric(Metric::Minkowski(p));
        let model = dbscan.fit(x.view()).unwrap();
        assert_eq!(model.algorithm(), NeighborSearch::Tree);
        let brute = dbscan.algorithm(NeighborSearch::Brute).fit(x.view()).unwrap();
        assert_eq!(result(&model), result(&brute), "{p}");
        assert!(model.n_clusters() > 1 && model.n_noise() > 0, "{p}");
    }
    // Powers that vanish: every distance is 0, and no box may say otherwise.
    let tiny = Matrix::from_rows(&[[0.0], [1e-200], [3e-200]]);
    let setting = Setting { metric: Metric::Minkowski(3.0), ..Setting::new(1e-250, 3) };
    check(&setting, tiny.view(), None);
}
