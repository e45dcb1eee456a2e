//! Where new rows belong, and cuts as clusterings: known answers, the definition, the doors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{check_same_bits, many_rows};
use proptest::prelude::*;
use purlin_cluster::{
    Agglomerative, Clustering, CustomMetric, Dbscan, Linkage, Metric, NearestCentroid,
    NearestNeighbor, PredictBy,
};
use purlin_core::Matrix;
use purlin_testkit::strategies;

type Labels = Vec<Option<usize>>;

/// The label of the nearest sample, looked for one by one.
fn naive_neighbor(x: &Matrix<f64>, labels: &[Option<usize>], query: &[f64]) -> Option<usize> {
    let mut best = (f64::INFINITY, None);
    for (i, row) in x.rows().enumerate() {
        let distance = Metric::Manhattan.distance(row, query);
        if distance < best.0 {
            best = (distance, Some(i));
        }
    }
    labels[best.1?]
}

/// The label of the nearest of given centroids.
fn naive_centroid(model: &NearestCentroid<f64>, query: &[f64]) -> Option<usize> {
    let mut best = (f64::INFINITY, None);
    for (&label, centroid) in model.labels().iter().zip(model.centroids().rows()) {
        let distance = Metric::SquaredEuclidean.distance(centroid, query);
        if distance < best.0 {
            best = (distance, Some(label));
        }
    }
    best.1
}

#[test]
fn labels_may_have_gaps_and_noise_has_no_centroid() {
    let x = Matrix::from_rows(&[[0.0], [2.0], [100.0], [10.0], [14.0]]);
    let labels = [Some(usize::MAX), Some(usize::MAX), None, Some(7), Some(7)];
    let centroid = NearestCentroid::fit(x.view(), &labels).unwrap();
    assert_eq!(centroid.labels(), [7, usize::MAX]);
    assert_eq!(centroid.centroids().as_slice(), [12.0, 1.0]);
    let new = Matrix::from_rows(&[[6.0], [90.0], [6.5]]);
    // 6 is between, 6.5 is nearer to 12: the smaller label has the tie, 6.5 from either.
    assert_eq!(centroid.predict(new.view()).unwrap(), [Some(usize::MAX), Some(7), Some(7)]);
    let neighbor = NearestNeighbor::fit(x.view(), &labels, Metric::Euclidean).unwrap();
    assert_eq!(neighbor.predict(new.view()).unwrap(), [Some(usize::MAX), None, Some(7)]);
    assert_eq!(neighbor.predict(x.view()).unwrap(), labels);

    let noise: Labels = vec![None; 5];
    let centroid = NearestCentroid::fit(x.view(), &noise).unwrap();
    assert_eq!(centroid.centroids().shape(), (0, 1));
    assert_eq!(centroid.predict(new.view()).unwrap(), [None; 3]);
}

#[test]
fn labels_of_another_algorithm_are_predicted_again() {
    let x = purlin_testkit::three_groups::<f32>(400, 3);
    let model = Dbscan::new(0.5, 4).fit(x.view()).unwrap();
    let nearest = NearestNeighbor::fit(x.view(), model.labels(), Metric::Euclidean).unwrap();
    assert_eq!(nearest.predict(x.view()).unwrap(), model.labels());
    let centroid = NearestCentroid::fit(x.view(), model.labels()).unwrap();
    let got = centroid.predict(x.view()).unwrap();
    let is_met = |i: &usize| model.labels()[*i].is_none_or(|label| got[*i] == Some(label));
    assert!((0..400).all(|i| is_met(&i)));
    let wide = Matrix::from_fn(many_rows(3), 3, |i, j| x[(i % 400, j)] + 0.001 * (i / 400) as f32);
    check_same_bits(|| {
        let labels = &nearest.predict(wide.view()).unwrap();
        let fitted = NearestCentroid::fit(wide.view(), labels).unwrap();
        (centroid.predict(wide.view()).unwrap(), fitted.centroids().clone(), labels.clone())
    });
}

#[test]
fn a_cut_is_that_of_the_tree() {
    let x = purlin_testkit::three_groups::<f64>(120, 2);
    for linkage in [Linkage::Ward, Linkage::Complete, Linkage::Median] {
        let tree = Agglomerative::new(linkage).fit(x.view()).unwrap();
        let model = Agglomerative::new(linkage).cut(5).fit(x.view()).unwrap();
        assert_eq!(model.labels(), tree.cut(5).unwrap());
        assert_eq!((model.n_clusters(), model.n_features()), (5, 2));
        assert_eq!(model.dendrogram(), &tree);
        assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        let height = tree.heights()[90];
        let model = Agglomerative::new(linkage).cut_height(height).fit(x.view()).unwrap();
        assert_eq!(model.labels(), tree.cut_height(height));
        assert_eq!(model.n_clusters(), tree.cut_height(height).into_iter().max().unwrap() + 1);
        assert_eq!(Clustering::<f64>::labels(&model).len(), 120);
    }
    let by_centroid = Agglomerative::new(Linkage::Average).cut(3);
    let by_centroid = by_centroid.predict_by(PredictBy::NearestCentroid).fit(x.view()).unwrap();
    assert_eq!(by_centroid.predict(x.view()).unwrap(), by_centroid.labels());
    assert_eq!(by_centroid.n_features(), 2);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[0.0, 1.0], [2.0, 3.0]]);
    let nan = Matrix::from_rows(&[[0.0, 1.0], [2.0, f64::NAN]]);
    let narrow = Matrix::from_rows(&[[0.0]]);
    let huge = Matrix::from_rows(&[[1e300, 0.0], [0.0, 0.0]]);
    let empty = Matrix::<f64>::zeros(0, 2);
    let none = Matrix::<f64>::zeros(2, 0);
    let centroid = |x: &Matrix<f64>, labels: &[usize]| {
        NearestCentroid::fit(x.view(), labels).unwrap_err().to_string()
    };
    let neighbor = |x: &Matrix<f64>, labels: &[usize], metric| {
        NearestNeighbor::fit(x.view(), labels, metric).unwrap_err().to_string()
    };
    for (op, text) in [
        ("nearest_centroid", [centroid(&x, &[0]), centroid(&nan, &[0, 1]), centroid(&empty, &[])]),
        (
            "nearest_neighbor",
            [
                neighbor(&x, &[0], Metric::Cosine),
                neighbor(&nan, &[0, 1], Metric::Cosine),
                neighbor(&empty, &[], Metric::Cosine),
            ],
        ),
    ] {
        assert_eq!(text[0], format!("{op}: expected 2 labels, got 1"));
        assert_eq!(text[1], format!("{op}: x must be finite, got NaN at row 1, column 1"));
        assert_eq!(text[2], format!("{op}: expected at least 1 samples, got 0"));
    }
    assert_eq!(
        centroid(&none, &[0, 0]),
        "nearest_centroid: expected x with at least 1 column, got 0"
    );
    assert!(centroid(&huge, &[0, 0]).contains("squared distances are finite in f64, got 1e300"));
    assert_eq!(
        neighbor(&x, &[0, 0], Metric::StandardizedEuclidean(vec![1.0])),
        "nearest_neighbor: expected x with 1 columns, got 2"
    );
    assert_eq!(
        neighbor(&x, &[0, 0], Metric::Minkowski(0.5)),
        "nearest_neighbor: p must be finite and at least 1, got 0.5"
    );
    let centroid = NearestCentroid::fit(x.view(), &[0, 1]).unwrap();
    let neighbor = NearestNeighbor::fit(x.view(), &[0, 1], Metric::Euclidean).unwrap();
    let text = |result: Result<Labels, purlin_cluster::Error>| result.unwrap_err().to_string();
    for (op, texts) in [
        ("nearest_centroid", [&narrow, &nan].map(|x| text(centroid.predict(x.view())))),
        ("nearest_neighbor", [&narrow, &nan].map(|x| text(neighbor.predict(x.view())))),
    ] {
        assert_eq!(texts[0], format!("{op}: expected x with 2 columns, got 1"));
        assert_eq!(texts[1], format!("{op}: x must be finite, got NaN at row 1, column 1"));
    }
    assert!(text(centroid.predict(huge.view())).contains("got 1e300 at row 0"));
    let odd = Metric::Custom(CustomMetric::new("odd", |_, _| f64::NAN));
    let odd = NearestNeighbor::fit(x.view(), &[0, 1], odd).unwrap();
    assert_eq!(
        text(odd.predict(x.view())),
        "nearest_neighbor: distances must be numbers, got NaN at row 0"
    );
}

#[test]
fn a_bad_cut_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[0.0, 1.0], [2.0, 3.0]]);
    let ward = || Agglomerative::new(Linkage::Ward);
    let text =
        |flat: purlin_cluster::FlatAgglomerative| flat.fit(x.view()).unwrap_err().to_string();
    assert_eq!(text(ward().cut(0)), "agglomerative: n_clusters must be at least 1, got 0");
    assert_eq!(text(ward().cut(3)), "agglomerative: expected at least 3 samples, got 2");
    assert_eq!(text(ward().cut_height(-1.0)), "agglomerative: height must be at least 0, got -1");
    let nan = text(ward().cut_height(f64::NAN));
    assert_eq!(nan, "agglomerative: height must be at least 0, got NaN");
    let cosine = Agglomerative::new(Linkage::Average).metric(Metric::Cosine).cut(2);
    assert_eq!(
        text(cosine.predict_by(PredictBy::NearestCentroid)),
        "agglomerative: predict_by must be NearestNeighbor for Cosine distances, got NearestCentroid"
    );
    let known = Metric::StandardizedEuclidean(vec![1.0; 3]);
    let known = Agglomerative::new(Linkage::Single).metric(known);
    assert_eq!(
        known.fit(x.view()).unwrap_err().to_string(),
        "agglomerative: expected x with 3 columns, got 2"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_nearest_is_found_on_any_table(
        x in strategies::hostile_matrix(1usize..40, 1usize..4),
        groups in proptest::collection::vec(proptest::option::of(0usize..5), 40),
    ) {
        let labels = &groups[..x.n_rows()];
        let neighbor = NearestNeighbor::fit(x.view(), labels, Metric::Manhattan).unwrap();
        let middle = Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| {
            0.5 * x[(i, j)] + 0.5 * x[((i + 1) % x.n_rows(), j)]
        });
        for table in [&x, &middle] {
            let expected: Labels =
                table.rows().map(|row| naive_neighbor(&x, labels, row)).collect();
            prop_assert_eq!(neighbor.predict(table.view()).unwrap(), expected);
        }
        if let Ok(centroid) = NearestCentroid::fit(x.view(), labels) {
            let got = centroid.predict(middle.view()).unwrap();
            let expected: Labels =
                middle.rows().map(|row| naive_centroid(&centroid, row)).collect();
            prop_assert_eq!(got, expected);
            for (label, row) in centroid.labels().iter().zip(centroid.centroids().rows()) {
                let members: Vec<usize> =
                    (0..labels.len()).filter(|&i| labels[i] == Some(*label)).collect();
                for (j, got) in row.iter().enumerate() {
                    let mean =
                        members.iter().map(|&i| x[(i, j)] / members.len() as f64).sum::<f64>();
                    let most = members.iter().fold(0.0f64, |most, &i| most.max(x[(i, j)].abs()));
                    prop_assert!((got - mean).abs() <= 1e-14 * most);
                }
            }
        }
    }
}
