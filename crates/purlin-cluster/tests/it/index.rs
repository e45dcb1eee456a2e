//! The spatial index: what it finds is what a walk along all rows finds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::check_same_bits;
use proptest::prelude::*;
use purlin_cluster::{CustomMetric, MemoryBudget, Metric, Neighbor, NeighborGraph, SpatialIndex};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::strategies;

/// All rows with their distances, nearest first, ties by index.
fn walk<T: Real>(x: MatrixView<'_, T>, metric: &Metric, query: &[T]) -> Vec<Neighbor<T>> {
    let of = |(index, row)| Neighbor { index, distance: metric.distance(query, row) };
    let mut all: Vec<Neighbor<T>> = x.rows().enumerate().map(of).collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index)));
    all
}

fn check<T: Real>(x: MatrixView<'_, T>, metric: &Metric, k: usize) {
    let index = SpatialIndex::new(x, metric.clone()).unwrap();
    let nearest = index.nearest_batch(x, k).unwrap();
    for (i, query) in x.rows().enumerate() {
        let mut expected = walk(x, metric, query);
        // A distance that occurs: ties with the radius.
        let radius = expected[k.min(expected.len()) / 2].distance.to_f64();
        let n_within = expected.iter().filter(|n| n.distance.to_f64() <= radius).count();
        assert_eq!(index.count_within(query, radius).unwrap(), n_within, "{metric:?}");
        let mut within = Vec::new();
        let visit = |index, distance| within.push(Neighbor { index, distance });
        index.within(query, radius, visit).unwrap();
        within.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index)));
        assert_eq!(within, expected[..n_within], "{metric:?}");
        expected.truncate(k);
        assert_eq!(nearest[i], expected, "{metric:?}");
        assert_eq!(index.nearest(query, k).unwrap(), expected, "{metric:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn what_is_found_is_what_a_walk_finds(
        x in strategies::hostile_matrix(1usize..120, 1usize..7),
        k in 0usize..12,
        metric in prop::sample::select(vec![
            Metric::Euclidean, Metric::SquaredEuclidean, Metric::Manhattan, Metric::Chebyshev,
            Metric::Minkowski(3.0), Metric::Cosine, Metric::Correlation,
        ]),
    ) {
        check(x.view(), &metric, k);
        check(x.view().cast::<f32>().view(), &metric, k);
    }
}

fn random(n: usize, d: usize) -> Matrix<f32> {
    let mut rng = Stream::new(1, "index").rng(0);
    Matrix::from_fn(n, d, |_, _| rng.uniform_in(-1.0, 1.0) as f32)
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = random(3000, 4);
    let run = || {
        let index = SpatialIndex::new(x.view(), Metric::Euclidean).unwrap();
        let nearest = index.nearest_batch(x.view(), 4).unwrap().concat();
        let distances: Vec<f32> = nearest.iter().map(|n| n.distance).collect();
        let indices: Vec<usize> = nearest.iter().map(|n| n.index).collect();
        (indices, distances, index.count_within_batch(x.view(), 0.3).unwrap())
    };
    check_same_bits(run);
}

#[test]
fn a_list_within_is_in_the_order_of_the_rows() {
    let x = random(2000, 3);
    let index = SpatialIndex::new(x.view(), Metric::Chebyshev).unwrap();
    let graph = index.within_batch(x.view(), 0.2).unwrap();
    assert_eq!((graph.n_rows(), graph.n_columns()), (2000, 2000));
    for (i, query) in x.rows().enumerate() {
        let mut expected = walk(x.view(), &Metric::Chebyshev, query);
        expected.retain(|neighbor| f64::from(neighbor.distance) <= 0.2);
        expected.sort_by_key(|neighbor| neighbor.index);
        assert_eq!(graph.row(i).collect::<Vec<_>>(), expected);
        assert_eq!(expected.len(), index.count_within(query, 0.2).unwrap());
    }
    assert_eq!((0..2000).map(|i| graph.indices(i).len()).sum::<usize>(), graph.n_neighbors());
    let parts = |graph: &NeighborGraph<f32>| {
        let indices = (0..2000).flat_map(|i| graph.indices(i).to_vec()).collect();
        let distances = (0..2000).flat_map(|i| graph.distances(i).to_vec()).collect();
        let ends = (0..2000).scan(0, |end, i| {
            *end += graph.row(i).len();
            Some(*end)
        });
        (std::iter::once(0).chain(ends).collect(), indices, distances)
    };
    let (starts, indices, distances) = parts(&graph);
    assert_eq!(NeighborGraph::from_parts(2000, starts, indices, distances).unwrap(), graph);
}

#[test]
fn a_graph_is_refused_with_what_is_wrong() {
    let text = |n, starts: &[usize], indices: &[u32], distances: &[f64]| {
        let parts = (starts.to_vec(), indices.to_vec(), distances.to_vec());
        NeighborGraph::from_parts(n, parts.0, parts.1, parts.2).unwrap_err().to_string()
    };
    assert_eq!(text(3, &[0, 1], &[1], &[]), "neighbor graph: expected 1 distances, got 0");
    assert_eq!(
        text(3, &[0, 2], &[1], &[1.0]),
        "neighbor graph: expected starts from 0 to 1, got Some(0) and Some(2)"
    );
    assert_eq!(
        text(3, &[], &[], &[]),
        "neighbor graph: expected starts from 0 to 0, got None and None"
    );
    assert_eq!(
        text(3, &[0, 2, 1, 2], &[1, 2], &[1.0, 1.0]),
        "neighbor graph: expected starts that do not decrease, got 1 after 2"
    );
    assert_eq!(
        text(3, &[0, 0, 2], &[1, 1], &[1.0, 1.0]),
        "neighbor graph: indices must be in increasing order in each row, got 1 after 1 in row 1"
    );
    assert_eq!(
        text(3, &[0, 2], &[1, 3], &[1.0, 1.0]),
        "neighbor graph: indices must be below 3, got 3 in row 0"
    );
    for (bad, shown) in [(f64::NAN, "NaN"), (-1.0, "-1")] {
        assert_eq!(
            text(3, &[0, 2], &[0, 2], &[0.0, bad]),
            format!("neighbor graph: distances must be at least 0, got {shown} at (0, 2)")
        );
    }
}

#[test]
fn a_table_that_the_metric_does_not_take_is_refused() {
    let x = random(5, 2);
    let of = |metric| SpatialIndex::new(x.view(), metric).unwrap_err().to_string();
    assert_eq!(
        of(Metric::StandardizedEuclidean(vec![1.0; 3])),
        "index: expected x with 3 columns, got 2"
    );
    assert!(of(Metric::JensenShannon).starts_with("index: x must be at least 0 for JensenShannon"));
}

#[test]
fn lists_that_do_not_fit_are_refused_with_their_bytes() {
    let (x, other) = (random(300, 2), random(70, 2));
    let rest = CustomMetric::new("rest", |a, b| (a[0] - b[0]).abs());
    for metric in [Metric::Euclidean, Metric::Custom(rest)] {
        let index = SpatialIndex::new(x.view(), metric).unwrap();
        let n: usize = index.count_within_batch(other.view(), 0.4).unwrap().iter().sum();
        let bytes = 16 * 70 + 16 * n as u64; // an index and a single, pieces and whole
        let exact = index.clone().memory(MemoryBudget::new(bytes));
        let graph = exact.within_batch(other.view(), 0.4).unwrap();
        assert_eq!(graph.n_neighbors(), n);
        assert_eq!(graph, index.within_batch(other.view(), 0.4).unwrap());
        for budget in [0, 1, 2000, bytes - 1] {
            let short = index.clone().memory(MemoryBudget::new(budget));
            assert_eq!(
                short.within_batch(other.view(), 0.4).unwrap_err().to_string(),
                format!("index: the neighbor graph needs {bytes} bytes, allowed are {budget}")
            );
        }
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = random(5, 2);
    let index = SpatialIndex::new(x.view(), Metric::Euclidean).unwrap();
    let text = |err: purlin_cluster::Error| err.to_string();
    assert_eq!(
        text(index.nearest(&[1.0], 1).unwrap_err()),
        "index: expected x with 2 columns, got 1"
    );
    assert_eq!(
        text(index.count_within(&[1.0, f32::NAN], 1.0).unwrap_err()),
        "index: x must be finite, got NaN at row 0, column 1"
    );
    assert_eq!(
        text(index.count_within(&[1.0, 2.0], -1.0).unwrap_err()),
        "index: radius must be finite and at least 0, got -1"
    );
    let none = MatrixView::<f32>::from_slice(&[], 0, 2).unwrap();
    assert_eq!(
        text(SpatialIndex::new(none, Metric::Euclidean).unwrap_err()),
        "index: expected at least 1 samples, got 0"
    );
}
