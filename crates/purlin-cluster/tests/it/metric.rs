//! Distances of all pairs: the reference values, one value for each pair, the doors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::check_same_bits;
use proptest::prelude::*;
use purlin_cluster::{
    Agglomerative, CondensedMatrix, CustomMetric, Dbscan, Hdbscan, KMedoids, Linkage, MemoryBudget,
    Metric,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView};
use purlin_testkit::{reference, strategies};

fn metrics() -> Vec<Metric> {
    vec![
        Metric::Euclidean,
        Metric::SquaredEuclidean,
        Metric::Manhattan,
        Metric::Chebyshev,
        Metric::Minkowski(3.0),
        Metric::Cosine,
        Metric::Correlation,
        Metric::Canberra,
        Metric::BrayCurtis,
        Metric::Hamming,
        Metric::Jaccard,
        Metric::Custom(CustomMetric::new("first", |a, b| (a[0] - b[0]).abs())),
    ]
}

/// A dozen roundings of numbers of the size of the rows; the cosine subtracts from 1.
const REFERENCE_TOL: f64 = 1e-13;

#[test]
fn scipys_distances_are_met() {
    let Some(file) = reference::json("reference/clustering/distances.json.gz") else { return };
    let x = Matrix::from_vec(reference::numbers(&file["X"]), 14, 6).unwrap();
    let table = |name: &str, n| Matrix::from_vec(reference::numbers(&file[name]), n, 6).unwrap();
    let (marks, positive) = (table("B", 14), table("X_positive", 14));
    let covariance = covariance(&x);
    let variances = (0..6).map(|j| covariance.row(j)[j]).collect();
    let identity = Matrix::from_fn(6, 6, |i, j| f64::from(u8::from(i == j)));
    let inverse = purlin_core::linalg::solve(covariance.view(), identity.view()).unwrap();
    let cases = [
        ("euclidean", Metric::Euclidean),
        ("sqeuclidean", Metric::SquaredEuclidean),
        ("cityblock", Metric::Manhattan),
        ("chebyshev", Metric::Chebyshev),
        ("cosine", Metric::Cosine),
        ("correlation", Metric::Correlation),
        ("minkowski p=1.5", Metric::Minkowski(1.5)),
        ("minkowski p=3", Metric::Minkowski(3.0)),
        ("canberra", Metric::Canberra),
        ("braycurtis", Metric::BrayCurtis),
        ("hamming of B", Metric::Hamming),
        ("jaccard of B", Metric::Jaccard),
        ("jensenshannon of X_positive (natural logarithm)", Metric::JensenShannon),
        ("seuclidean (V = sample variances)", Metric::StandardizedEuclidean(variances)),
        ("mahalanobis (VI = inverse of the sample covariance)", Metric::Mahalanobis(inverse)),
    ];
    for (name, metric) in cases {
        let expected = reference::numbers(&file["pdist"][name]);
        let x = if name.ends_with("of B") {
            &marks
        } else if metric == Metric::JensenShannon {
            &positive
        } else {
            &x
        };
        let got = metric.pairwise(x.view()).unwrap();
        assert_eq!(got.as_slice().len(), expected.len(), "{name}");
        for (got, expected) in got.as_slice().iter().zip(expected) {
            let is_close = (got - expected).abs() <= REFERENCE_TOL * expected.max(1.0);
            assert!(is_close, "{name}: {got}, expected {expected}");
        }
        let Some(expected) = file["cdist"].get(name) else { continue };
        let got = metric.cross(x.view(), table("Y", 11).view()).unwrap();
        for (got, expected) in got.as_slice().iter().zip(reference::numbers(expected)) {
            let is_close = (got - expected).abs() <= REFERENCE_TOL * expected.max(1.0);
            assert!(is_close, "{name}: {got}, expected {expected}");
        }
    }
}

/// The sample covariance of the columns.
fn covariance(x: &Matrix<f64>) -> Matrix<f64> {
    let (n, d) = x.shape();
    let mean = |j: usize| (0..n).map(|i| x.row(i)[j]).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..d).map(mean).collect();
    let centred = |i: usize, j: usize| x.row(i)[j] - means[j];
    let sum = |a, b| (0..n).map(|i| centred(i, a) * centred(i, b)).sum::<f64>();
    Matrix::from_fn(d, d, |a, b| sum(a, b) / (n - 1) as f64)
}

#[test]
fn special_distances_of_a_few_numbers() {
    let shannon = Metric::JensenShannon.distance(&[2.0, 0.0], &[0.0, 5.0]);
    assert!((shannon - 2f64.ln().sqrt()).abs() < 1e-15);
    assert_eq!(Metric::JensenShannon.distance(&[2.0, 6.0], &[1.0, 3.0]), 0.0);
    assert_eq!(Metric::BrayCurtis.distance(&[0.0f32], &[0.0]), 0.0);
    assert_eq!(Metric::BrayCurtis.distance(&[1.0f32], &[-1.0]), f32::INFINITY);
    assert_eq!(Metric::Jaccard.distance(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
    assert_eq!(Metric::Hamming.distance(&[1.0f32, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 5.0]), 0.25);
    let inverse = Matrix::from_rows(&[[2.0, 1.0], [1.0, 3.0]]);
    assert_eq!(Metric::Mahalanobis(inverse).distance(&[1.0, 1.0], &[0.0, 3.0]), 10f64.sqrt());
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let text = |metric: Metric, rows: &[[f64; 2]]| {
        metric.pairwise(MatrixView::from_rows(rows)).unwrap_err().to_string()
    };
    let x = [[1.0, 2.0], [0.0, 0.0]];
    let standardized = |v: &[f64]| text(Metric::StandardizedEuclidean(v.to_vec()), &x);
    assert_eq!(standardized(&[1.0]), "pairwise: expected x with 1 columns, got 2");
    let expected = "pairwise: variances must be finite and above 0, got 0 at index 1";
    assert_eq!(standardized(&[1.0, 0.0]), expected);
    let mahalanobis = |w: Matrix<f64>| text(Metric::Mahalanobis(w), &x);
    let expected = "pairwise: expected inverse_covariance of square shape, got (1, 2)";
    assert_eq!(mahalanobis(Matrix::from_rows(&[[1.0, 2.0]])), expected);
    let expected = "pairwise: inverse_covariance must be symmetric, got 0.5 at (0, 1) and 0.25 at \
                    (1, 0)";
    assert_eq!(mahalanobis(Matrix::from_rows(&[[1.0, 0.5], [0.25, 1.0]])), expected);
    let expected = "pairwise: inverse_covariance must be above 0 on the diagonal, got -1 at (0, 0)";
    assert_eq!(mahalanobis(Matrix::from_rows(&[[-1.0, 0.0], [0.0, 1.0]])), expected);
    let expected = "pairwise: x must be above 0 somewhere in each row for JensenShannon, got zeros \
                    in row 1";
    assert_eq!(text(Metric::JensenShannon, &x), expected);
    let expected = "pairwise: x must be at least 0 for JensenShannon, got -1 at row 0, column 1";
    assert_eq!(text(Metric::JensenShannon, &[[1.0, -1.0]]), expected);
    let check = |metric: Metric, rows: &[[f64; 2]]| {
        let checked = metric.check_table("here", MatrixView::from_rows(rows));
        checked.map_err(|err| err.to_string())
    };
    let narrow = check(Metric::StandardizedEuclidean(vec![1.0]), &[[1.0, 2.0]]);
    assert_eq!(narrow.unwrap_err(), "here: expected x with 1 columns, got 2");
    let negative = check(Metric::JensenShannon, &[[1.0, 2.0], [0.5, -1.0]]);
    let expected = "here: x must be at least 0 for JensenShannon, got -1 at row 1, column 1";
    assert_eq!(negative.unwrap_err(), expected);
    assert_eq!(check(Metric::Minkowski(2.0), &[[1.0, -2.0]]), Ok(()));
    let (x, y) = (table(3, 2), table(2, 3));
    let err = Metric::Euclidean.cross(x.view(), y.view()).unwrap_err();
    assert_eq!(err.to_string(), "cross: expected y with 2 columns, got 3");
}

#[test]
fn cross_distances_are_those_of_the_rows() {
    let (x, y) = (table(70, 3), table(40, 3));
    for metric in metrics() {
        let all = metric.cross(x.view(), y.view()).unwrap();
        for i in 0..70 {
            for j in 0..40 {
                assert_eq!(all.row(i)[j], metric.distance(x.row(i), y.row(j)), "{metric:?}");
            }
        }
    }
    let none = MatrixView::from_slice(&[], 0, 3).unwrap();
    assert_eq!(Metric::Euclidean.cross(x.view(), none).unwrap().shape(), (70, 0));
    assert_eq!(Metric::Euclidean.cross(none, x.view()).unwrap().shape(), (0, 70));
}

#[test]
fn rows_are_clustered_as_their_distances_are() {
    let x = table(120, 5);
    for metric in [Metric::Correlation, Metric::Minkowski(3.0), Metric::Canberra] {
        let pairs = metric.pairwise(x.view()).unwrap();
        let average = Agglomerative::new(Linkage::Average);
        let tree = average.clone().metric(metric.clone()).fit(x.view()).unwrap();
        assert_eq!(tree, average.fit_precomputed(pairs.clone()).unwrap(), "{metric:?}");

        let mut sorted = pairs.as_slice().to_vec();
        sorted.sort_by(f64::total_cmp);
        let dbscan = Dbscan::new(sorted[sorted.len() / 20], 5);
        let clusters = dbscan.clone().metric(metric.clone()).fit(x.view()).unwrap();
        assert_eq!(clusters.labels(), dbscan.fit_precomputed(&pairs).unwrap().labels());
        assert!(clusters.n_clusters() > 0 && clusters.n_noise() > 0, "{metric:?}");

        let hdbscan = Hdbscan::new(5);
        let density = hdbscan.clone().metric(metric.clone()).fit(x.view()).unwrap();
        let known = hdbscan.fit_precomputed(&pairs).unwrap();
        assert_eq!(density.spanning_tree(), known.spanning_tree(), "{metric:?}");
        assert_eq!(density.labels(), known.labels(), "{metric:?}");

        let kmedoids = KMedoids::new(6);
        let medoids = kmedoids.clone().metric(metric.clone()).fit(x.view()).unwrap();
        let known = kmedoids.fit_precomputed(&pairs).unwrap();
        assert_eq!(medoids.medoid_indices(), known.medoid_indices(), "{metric:?}");
        assert_eq!((medoids.labels(), medoids.loss()), (known.labels(), known.loss()));
    }
}

fn table(n: usize, d: usize) -> Matrix<f64> {
    let mut rng = Stream::new(1, "table").rng(0);
    Matrix::from_fn(n, d, |_, _| rng.normal())
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = table(400, 5);
    for metric in metrics() {
        let narrow = x.cast::<f32>();
        let distances = || {
            let wide = metric.pairwise(x.view()).unwrap().into_vec();
            (wide, metric.pairwise(narrow.view()).unwrap().into_vec())
        };
        check_same_bits(distances);
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let text = |n, data: Vec<f64>| CondensedMatrix::from_vec(n, data).unwrap_err().to_string();
    let short = "condensed matrix: expected 10 distances for 5 samples, got 9";
    assert_eq!(text(5, vec![0.0; 9]), short);
    let negative = "condensed matrix: distances must be at least 0, got -1 at (1, 2)";
    assert_eq!(text(3, vec![1.0, 2.0, -1.0]), negative);
    let nan = "condensed matrix: distances must be at least 0, got NaN at (0, 2)";
    assert_eq!(text(3, vec![1.0, f64::NAN, 1.0]), nan);
    assert!(text(usize::MAX, vec![]).contains("fits in memory"));
    assert_eq!(CondensedMatrix::<f32>::bytes_needed(usize::MAX), None);
    assert_eq!(CondensedMatrix::<f64>::from_vec(0, vec![]).unwrap().n(), 0);
    assert_eq!(CondensedMatrix::<f64>::from_vec(1, vec![]).unwrap().get(0, 0), 0.0);

    let square = |rows: &[[f64; 2]]| {
        CondensedMatrix::from_square(MatrixView::from_rows(rows)).unwrap_err().to_string()
    };
    let wide = "condensed matrix: expected a square table, got (1, 2)";
    assert_eq!(square(&[[0.0, 1.0]]), wide);
    let diagonal = "condensed matrix: distances must be 0 on the diagonal, got 3 at (1, 1)";
    assert_eq!(square(&[[0.0, 1.0], [1.0, 3.0]]), diagonal);

    let x = table(100, 2);
    let budget = MemoryBudget::new(39_599);
    let err = Metric::Euclidean.pairwise_within(x.view(), budget).unwrap_err();
    let needs = "pairwise: the distance matrix needs 39600 bytes, allowed are 39599";
    assert_eq!(err.to_string(), needs);
    let err = Metric::Minkowski(0.5).pairwise(x.view()).unwrap_err();
    assert_eq!(err.to_string(), "pairwise: p must be finite and at least 1, got 0.5");
    let signed = CustomMetric::new("signed", |a, b| a[0] - b[0]);
    let err = Metric::Custom(signed).pairwise(MatrixView::from_rows(&[[0.0], [1.0]])).unwrap_err();
    assert!(err.to_string().contains("at least 0, got -1 at (0, 1)"));
    let infinite = MatrixView::from_rows(&[[0.0], [f64::INFINITY]]);
    assert!(Metric::Cosine.pairwise(infinite).unwrap_err().to_string().contains("row 1, column 0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Alone or with all others, a pair has one distance.
    #[test]
    fn pairs_have_the_distance_of_their_rows(x in strategies::hostile_matrix(1usize..80, 1usize..6)) {
        for metric in metrics() {
            let all = metric.pairwise(x.view()).unwrap();
            let square = Matrix::from_fn(x.n_rows(), x.n_rows(), |i, j| all.get(i, j));
            prop_assert_eq!(&CondensedMatrix::from_square(square.view()).unwrap(), &all);
            for i in 0..x.n_rows() {
                for j in i + 1..x.n_rows() {
                    let one = metric.distance(x.row(i), x.row(j));
                    prop_assert_eq!(all.get(i, j).to_bits(), one.to_bits(), "{:?}", metric);
                }
            }
        }
    }
}
