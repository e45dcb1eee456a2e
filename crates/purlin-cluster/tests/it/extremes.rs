//! Huge, tiny, far and constant numbers: the right answer or an error, never a wrong one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin_cluster::{
    Affinity, Agglomerative, BisectingKMeans, ConstrainedKMeans, CustomMetric, Dbscan,
    EmptyCluster, Hdbscan, Init, KMeans, KMedoids, Linkage, MeanShift, Metric, MiniBatchKMeans,
    NeighborGraph, Optics, SpatialIndex, SpectralClustering, estimate_bandwidth,
};
use purlin_core::{Matrix, MatrixView, Real};

fn column<T: Real>(values: &[f64]) -> Matrix<T> {
    Matrix::from_fn(values.len(), 1, |i, _| T::from_f64(values[i]))
}

#[test]
fn one_far_value_does_not_make_twins_of_the_others() {
    // Less the mean of some 3e8 the first four are one number in single precision.
    let x = column::<f32>(&[0.0, 1.0, 2.0, 3.0, 1e9, 1e9]);
    let parallel = Init::Parallel { rounds: 3, oversampling: 2.0 };
    for init in [Init::PlusPlus { n_local_trials: None }, parallel, Init::Random] {
        let model = KMeans::new(5).init(init).fit(x.view()).unwrap();
        assert_eq!(model.inertia(), 0.0, "{:?}", model.labels());
        let mut sizes = model.cluster_sizes().to_vec();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 1, 1, 1, 2]);
    }
    let x = column::<f64>(&[0.0, 1.0, 1e17]);
    assert_eq!(KMeans::new(3).fit(x.view()).unwrap().inertia(), 0.0);
}

#[test]
fn centroids_too_far_for_their_squares_are_refused() {
    let x = column::<f32>(&[1.0, 2.0, 3.0, 4.0]);
    let far = Init::Centroids(Matrix::from_rows(&[[0.0], [1e30]]));
    let err = ConstrainedKMeans::new(2).init(far).fit(x.view()).unwrap_err().to_string();
    let expected = "constrained_kmeans: centroids must be small enough that squared distances are \
                    finite in f32, got 1e30 at row 1";
    assert_eq!(err, expected);
}

#[test]
fn tables_whose_sums_overflow_are_refused() {
    let x = column::<f64>(&[1.2e308, 1.3e308]);
    let err = KMeans::new(2).fit(x.view()).unwrap_err().to_string();
    let rule = "x must be small enough that squared distances are finite in f64";
    assert_eq!(err, format!("kmeans: {rule}, got 1.3e308 at row 1"));
}

#[test]
fn more_samples_than_a_number_of_32_bits_counts_are_refused() {
    let n = u32::MAX as usize;
    let text = |n| Agglomerative::new(Linkage::Single).plan::<f64>(n, 2).unwrap_err().to_string();
    assert_eq!(text(n), format!("agglomerative: expected fewer than {n} samples, got {n}"));
    assert!(text(n - 1).ends_with("bytes, allowed are 4294967296"), "{}", text(n - 1));
}

#[test]
fn weights_whose_sum_overflows_are_refused() {
    let x = column::<f64>(&[0.0, 1.0, 5.0]);
    let weights = [1e308; 3];
    let expected = ": sample_weight must be of a finite sum, got inf";
    let err = KMeans::new(2).fit_weighted(x.view(), &weights).unwrap_err().to_string();
    assert_eq!(err, format!("kmeans{expected}"));
    let err = Dbscan::new(1.0, 2).fit_weighted(x.view(), &weights).unwrap_err().to_string();
    assert_eq!(err, format!("dbscan{expected}"));
}

#[test]
fn new_rows_too_large_for_their_squares_are_refused() {
    let x = column::<f32>(&[0.0, 1.0, 9.0, 10.0]);
    let far = column::<f32>(&[1.0, 1e30]);
    let rule = "x must be small enough that squared distances are finite in f32, got 1e30 at row 1";
    let check = |op: &str, result: purlin_cluster::Result<Vec<usize>>| {
        assert_eq!(result.unwrap_err().to_string(), format!("{op}: {rule}"));
    };
    let model = KMeans::new(2).fit(x.view()).unwrap();
    check("kmeans", model.predict(far.view()));
    check("kmeans", model.transform(far.view()).map(|_| Vec::new()));
    check("kmeans", model.score(far.view()).map(|_| Vec::new()));
    let model = MiniBatchKMeans::new(2).fit(x.view()).unwrap();
    check("mini_batch_kmeans", model.predict(far.view()));
    check("bisecting_kmeans", BisectingKMeans::new(2).fit(x.view()).unwrap().predict(far.view()));
    let model = ConstrainedKMeans::new(2).fit(x.view()).unwrap();
    check("constrained_kmeans", model.predict(far.view()));
    check("kmedoids", KMedoids::new(2).fit(x.view()).unwrap().predict(far.view()));
}

#[test]
fn tables_too_large_for_their_squares_are_refused() {
    let x = column::<f32>(&[0.0, 2e19, 4e19, 5e19, 6e19, 7e19, 8e19]);
    let rule =
        ": x must be small enough that squared distances are finite in f32, got 8e19 at row 6";
    let err = |text: String, op: &str| assert_eq!(text, format!("{op}{rule}"));
    err(Dbscan::new(3e19, 2).fit(x.view()).unwrap_err().to_string(), "dbscan");
    err(Hdbscan::new(2).fit(x.view()).unwrap_err().to_string(), "hdbscan");
    err(Optics::new(2).fit(x.view()).unwrap_err().to_string(), "optics");
    err(SpatialIndex::new(x.view(), Metric::Euclidean).unwrap_err().to_string(), "index");
    // Distances that are not squared have room.
    let dbscan = Dbscan::new(3e19, 2).metric(Metric::Manhattan);
    assert_eq!(dbscan.fit(x.view()).unwrap().n_clusters(), 1);
    let wide = column::<f64>(&[0.0, 1e200, 2e200, 3e200]);
    let rule =
        "x must be small enough that squared distances are finite in f64, got 3e200 at row 3";
    let near = Affinity::NearestNeighbors(2);
    let spectral = SpectralClustering::new(2).affinity(near).fit(wide.view()).unwrap_err();
    assert_eq!(spectral.to_string(), format!("spectral_clustering: {rule}"));
    let bandwidth = estimate_bandwidth(wide.view(), 0.5, None, 0).unwrap_err();
    assert_eq!(bandwidth.to_string(), format!("mean_shift: {rule}"));
}

#[test]
fn mean_shift_is_in_double_precision_to_the_end() {
    // The squares of these leave single precision.
    for scale in [1e25, 1e-25] {
        let x = column::<f32>(&[0.0, 1.0, 0.5, 10.0, 11.0, 10.5].map(|v| v * scale));
        let model = MeanShift::new().bandwidth(2.0 * scale).fit(x.view()).unwrap();
        let [a, b] = [model.labels()[0], model.labels()[3]];
        assert_eq!(model.labels(), [a, a, a, b, b, b]);
        assert_ne!(a, b);
    }
}

#[test]
fn the_last_assignment_may_be_the_one_that_empties_a_cluster() {
    let x = column::<f64>(&[18.0, 18.0, 21.0, 27.0, 27.0, 29.0]);
    let init = Init::Centroids(Matrix::from_rows(&[[34.0], [23.0], [19.0]]));
    let kmeans = KMeans::new(3).init(init).max_iter(1);
    let err = kmeans.clone().empty_cluster(EmptyCluster::Error).fit(x.view()).unwrap_err();
    let expected = "kmeans: samples must be kept by every cluster (see empty_cluster), got none in \
                    cluster 1";
    assert_eq!(err.to_string(), expected);
    // A model with fewer clusters starts one with as many.
    let model = kmeans.clone().empty_cluster(EmptyCluster::Drop).fit(x.view()).unwrap();
    assert_eq!(model.n_clusters(), 2);
    assert_eq!(kmeans.warm_start(&model).fit(x.view()).unwrap().n_clusters(), 2);
}

#[test]
fn constant_rows_have_no_direction() {
    for (a, b) in [(0.1, 0.7), (0.3, 0.3), (1.1, 9.9)] {
        for d in [3, 6, 7, 10] {
            let (a, b) = (vec![a; d], vec![b; d]);
            assert_eq!(Metric::Correlation.distance(&a, &b), 0.0);
            let other: Vec<f64> = (0..d).map(|j| j as f64).collect();
            assert_eq!(Metric::Correlation.distance(&a, &other), 1.0);
        }
    }
}

#[test]
fn directions_do_not_depend_on_the_size() {
    let expected = 1.0 - 0.5f64.sqrt();
    for scale in [1e20f32, 1e-25, 1e-38, 1.0] {
        let (a, b) = ([scale, 0.0], [scale, scale]);
        let got = f64::from(Metric::Cosine.distance(&a, &b));
        assert!((got - expected).abs() < 1e-6, "{scale:e}: {got}");
    }
    for scale in [1e200f64, 1e-200, 1e-310] {
        let (a, b) = ([scale, 0.0, 0.0], [scale, scale, 0.0]);
        assert!((Metric::Cosine.distance(&a, &b) - expected).abs() < 1e-12, "{scale:e}");
        let (a, b) = ([0.0, scale, scale * 2.0], [0.0, -scale, -2.0 * scale]);
        assert!((Metric::Correlation.distance(&a, &b) - 2.0).abs() < 1e-12, "{scale:e}");
    }
    assert_eq!(Metric::Cosine.distance(&[0.0, 0.0], &[1e200, 0.0]), 1.0);
    // Powers that leave the range.
    let far: f64 = Metric::Minkowski(100.0).distance(&[0.0, 0.0], &[1e4, 3.0]);
    assert!((far / 1e4 - 1.0).abs() < 1e-12);
    let near: f64 = Metric::Minkowski(100.0).distance(&[0.0, 0.0], &[1e-4, 3e-5]);
    assert!((near / 1e-4 - 1.0).abs() < 1e-12);
}

#[test]
fn equal_heights_are_consistent_and_correlate_with_nothing() {
    for step in [0.1, 0.7, 0.3, 1.1] {
        let x = Matrix::from_fn(4, 4, |i, j| if i == j { step } else { 0.0 });
        let tree = Agglomerative::new(Linkage::Single).fit(x.view()).unwrap();
        for link in tree.inconsistency(3).unwrap() {
            assert_eq!((link.std, link.coefficient), (0.0, 0.0));
        }
        let pairs = Metric::Euclidean.pairwise(x.view()).unwrap();
        assert_eq!(tree.cophenetic_correlation(&pairs).unwrap(), None);
    }
}

#[test]
fn distances_of_the_callers_are_looked_at() {
    let x = column::<f64>(&[0.0, 1.0, 2.0]);
    for (value, shown) in [(f64::NAN, "NaN"), (-1.0, "-1")] {
        let metric = CustomMetric::new("bad", move |_: &[f64], _: &[f64]| value);
        let err = Dbscan::new(1.0, 2).metric(Metric::Custom(metric)).fit(x.view()).unwrap_err();
        assert_eq!(err.to_string(), format!("dbscan: distances must be at least 0, got {shown}"));
    }
    let shares = Matrix::from_rows(&[[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]]);
    let model = Dbscan::new(0.5, 2).metric(Metric::JensenShannon).fit(shares.view()).unwrap();
    assert!(model.predict(MatrixView::from_rows(&[[0.5, -0.5]])).is_err());
    let index = SpatialIndex::new(shares.view(), Metric::JensenShannon).unwrap();
    assert!(index.nearest(&[0.0, 0.0], 1).is_err());
}

#[test]
fn known_neighbours_may_have_weights() {
    let x = column::<f64>(&[0.0, 1.0, 5.0, 5.5, 9.0]);
    let weights = [2.0, 1.0, 0.5, 0.5, 3.0];
    let dbscan = Dbscan::new(1.0, 3);
    let rows = dbscan.fit_weighted(x.view(), &weights).unwrap();
    let pairs = Metric::Euclidean.pairwise(x.view()).unwrap();
    let known = dbscan.fit_precomputed_weighted(&pairs, &weights).unwrap();
    assert_eq!(known.labels(), rows.labels());
    assert_eq!(known.labels(), [Some(0), Some(0), None, None, Some(1)]);
    let index = SpatialIndex::new(x.view(), Metric::Euclidean).unwrap();
    let graph: NeighborGraph<f64> = index.within_batch(x.view(), 2.0).unwrap();
    assert_eq!(dbscan.fit_graph_weighted(&graph, &weights).unwrap().labels(), rows.labels());
    let err = dbscan.fit_graph_weighted(&graph, &[1.0]).unwrap_err().to_string();
    assert_eq!(err, "dbscan: expected sample_weight of 5 samples, got 1");
}
