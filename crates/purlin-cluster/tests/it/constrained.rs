//! k-means with bounds: known answers, the cheapest assignment by trying all, the doors that stay
//! shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{blobs, check_same_bits, model_unless, too_few_distinct};
use proptest::prelude::*;
use purlin_backend::distance::naive::squared_euclidean;
use purlin_cluster::{ConstrainedKMeans, ConstrainedModel, Init, KMeans, StopReason};
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, naive, strategies};

/// Everything of a model that is computed.
fn words<T: Real + Bits>(model: &ConstrainedModel<T>) -> Vec<u64> {
    let mut words = model.centroids().to_vec().to_words();
    words.extend(model.labels().to_words());
    words.extend([model.inertia().to_bits(), model.n_iter() as u64]);
    words
}

/// The least cost of all assignments that keep the bounds, one sample after the other: the least
/// cost for each possible set of sizes so far.
fn least_cost<T: Real>(
    x: MatrixView<'_, T>,
    centroids: MatrixView<'_, T>,
    [min, max]: [usize; 2],
) -> f64 {
    let k = centroids.n_rows();
    let mut costs = std::collections::BTreeMap::from([(vec![0; k], 0.0)]);
    for row in x.rows() {
        let mut next = std::collections::BTreeMap::new();
        for (sizes, cost) in costs {
            for (c, centroid) in centroids.rows().enumerate().filter(|&(c, _)| sizes[c] < max) {
                let mut sizes: Vec<usize> = sizes.clone();
                sizes[c] += 1;
                let cost: f64 = cost + squared_euclidean(row, centroid).to_f64();
                let least = next.entry(sizes).or_insert(f64::INFINITY);
                *least = cost.min(*least);
            }
        }
        costs = next;
    }
    let allowed = costs.into_iter().filter(|(sizes, _)| sizes.iter().all(|&size| size >= min));
    allowed.map(|(_, cost)| cost).fold(f64::INFINITY, f64::min)
}

/// The sizes are kept, and no assignment to the centroids that keeps them is cheaper.
fn check<T: Real>(x: MatrixView<'_, T>, model: &ConstrainedModel<T>, bounds: [usize; 2]) {
    let mut sizes = vec![0; model.n_clusters()];
    for &label in model.labels() {
        sizes[label] += 1;
    }
    assert_eq!(model.cluster_sizes(), sizes);
    assert!(sizes.iter().all(|size| (bounds[0]..=bounds[1]).contains(size)), "{sizes:?}");
    let least = least_cost(x, model.centroids(), bounds);
    let found = model.inertia();
    assert!((found - least).abs() <= 1e-9 * least, "{found} instead of {least}");
}

#[test]
fn an_outlier_takes_its_share_of_neighbours() {
    let x = Matrix::from_rows(&[[0.0], [1.0], [2.0], [3.0], [4.0], [20.0]]);
    let model = ConstrainedKMeans::balanced(2).n_init(3).fit(x.view()).unwrap();
    let [low, high] = [model.labels()[0], model.labels()[5]];
    assert_eq!(model.labels(), [low, low, low, high, high, high]);
    assert_eq!(model.centroids().row(low), [1.0]);
    assert_eq!(model.centroids().row(high), [9.0]);
    assert_eq!(model.inertia(), 2.0 + 36.0 + 25.0 + 121.0);
    // The sample at 3 is nearer to 1 than to 9: the bounds hold in the fit alone.
    assert_eq!(model.predict(x.view()).unwrap(), [low, low, low, low, low, high]);
    assert_eq!(model.stop_reason(), StopReason::LabelsStable);
    assert!(model.converged());
}

#[test]
fn without_need_it_is_kmeans() {
    let x = blobs::<f64>(600, 3, 4, 1.0, 1);
    let first = Init::Centroids(x.view().row_range(0..4).to_matrix());
    let free = KMeans::new(4).init(first.clone()).fit(x.view()).unwrap();
    let model = ConstrainedKMeans::new(4).min_size(5).max_size(Some(500)).init(first);
    let model = model.fit(x.view()).unwrap();
    assert_eq!(model.labels(), free.labels());
    assert_eq!(model.n_iter(), free.n_iter());
    assert!((model.inertia() - free.inertia()).abs() <= 1e-12 * free.inertia());
}

#[test]
fn balanced_clusters_differ_by_one_sample_at_most() {
    for (n, k) in [(1000, 7), (100, 100), (57, 10)] {
        let x = blobs::<f32>(n, 4, 3, 2.0, 2);
        let model = ConstrainedKMeans::balanced(k).fit(x.view()).unwrap();
        let sizes = model.cluster_sizes();
        assert!(sizes.iter().all(|&size| size == n / k || size == n.div_ceil(k)), "{sizes:?}");
    }
}

/// All samples near one of the centroids: every other sample has to go, some over others' places.
#[test]
fn far_out_of_bounds_is_still_cheapest() {
    let x = blobs::<f64>(14, 2, 1, 1.0, 3);
    let first = Init::Centroids(Matrix::from_fn(3, 2, |i, _| 30.0 * i as f64));
    for (min, max) in [(4, 5), (2, 7), (1, 5), (4, 14)] {
        let algorithm = ConstrainedKMeans::new(3).min_size(min).max_size(Some(max));
        for max_iter in [1, 2, 30] {
            let algorithm = algorithm.clone().init(first.clone()).max_iter(max_iter);
            check(x.view(), &algorithm.fit(x.view()).unwrap(), [min, max]);
        }
    }
}

#[test]
fn rounds_never_make_it_worse() {
    let x = blobs::<f64>(2000, 5, 3, 3.0, 4);
    let mut before = f64::INFINITY;
    for max_iter in 1..12 {
        let algorithm = ConstrainedKMeans::balanced(9).tol(0.0).max_iter(max_iter);
        let model = algorithm.fit(x.view()).unwrap();
        assert!(model.inertia() <= before * (1.0 + 1e-12), "{} after {before}", model.inertia());
        before = model.inertia();
    }
}

#[test]
fn degenerate_tables_are_clustered() {
    let one = Matrix::from_rows(&[[3.0, 4.0]]);
    let model = ConstrainedKMeans::balanced(1).fit(one.view()).unwrap();
    assert_eq!((model.labels(), model.inertia()), (&[0][..], 0.0));
    // Equal rows are told apart only by their number.
    let few = Matrix::from_fn(10, 1, |i, _| if i < 9 { 1.0 } else { 5.0 });
    let model = ConstrainedKMeans::balanced(2).fit(few.view()).unwrap();
    assert_eq!(model.cluster_sizes(), [5, 5]);
    check(few.view(), &model, [5, 5]);
}

#[test]
fn bad_sizes_are_refused_with_their_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let new = ConstrainedKMeans::new;
    for (algorithm, expected) in [
        (new(1).min_size(0), "min_size must be at least 1, got 0"),
        (new(1).min_size(3).max_size(Some(2)), "max_size must be at least min_size, 3, got 2"),
        (new(2).min_size(2), "expected at least 4 samples, got 3"),
        (
            new(2).max_size(Some(1)),
            "max_size must be at least 2 for 3 samples in 2 clusters, got 1",
        ),
    ] {
        let err = algorithm.fit(x.view()).unwrap_err().to_string();
        assert_eq!(err, format!("constrained_kmeans: {expected}"));
    }
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(5000, 9, 4, 4.0, 5), blobs::<f64>(3000, 5, 4, 2.0, 6));
    let fit = || {
        let x = ConstrainedKMeans::balanced(12).max_iter(5).fit(x.view());
        let y = ConstrainedKMeans::new(4).max_size(Some(760)).n_init(2).max_iter(5).fit(y.view());
        (words(&x.unwrap()), words(&y.unwrap()))
    };
    check_same_bits(fit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_assignment_is_the_cheapest_that_keeps_the_bounds(
        x in strategies::hostile_matrix(4usize..13, 1usize..4),
        k in 2usize..5,
        min in 1usize..4,
        max in 1usize..7,
        max_iter in 1usize..4,
        seed: u64,
    ) {
        let algorithm = ConstrainedKMeans::new(k).min_size(min).max_size(Some(max));
        let algorithm = algorithm.max_iter(max_iter).seed(seed);
        let n = x.n_rows();
        let refusal = if max < min {
            Some("max_size must be at least min_size")
        } else if k * min > n {
            Some("samples, got")
        } else if k * max < n {
            Some("max_size must be at least")
        } else {
            too_few_distinct(x.view(), k)
        };
        let fitted = algorithm.fit(x.view());
        let Some(model) = model_unless(refusal, fitted) else { return Ok(()) };
        check(x.view(), &model, [min, max]);
        let inertia = naive::inertia(x.view(), model.labels(), model.centroids());
        prop_assert!((model.inertia() - inertia).abs() <= 1e-9 * inertia.max(1e-300));
    }
}
