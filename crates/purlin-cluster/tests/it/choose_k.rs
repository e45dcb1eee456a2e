//! The number of clusters: known answers, formulas written out, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin_cluster::{ChooseK, ChooseKTable, KMeans, Metric, metrics};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};

/// Normal samples around `k` places on a circle of radius 30.
fn blobs<T: Real>(n: usize, k: usize) -> Matrix<T> {
    let mut rng = Stream::new(4, "blobs").rng(0);
    let centers: [[f64; 2]; 4] = [[30.0, 0.0], [0.0, 30.0], [-30.0, 0.0], [0.0, -30.0]];
    Matrix::from_fn(n, 2, |i, j| T::from_f64(centers[i % k][j] + rng.normal()))
}

fn words(table: &ChooseKTable) -> Vec<u64> {
    let of = |x: Option<f64>| x.unwrap_or(f64::NAN).to_bits();
    let row = |row: &purlin_cluster::ChooseKRow| {
        let scores = [row.inertia.to_bits(), row.bic.to_bits()];
        [
            row.n_clusters as u64,
            scores[0],
            scores[1],
            of(row.silhouette),
            of(row.gap),
            of(row.gap_std),
        ]
    };
    table.rows().iter().flat_map(row).collect()
}

#[test]
fn far_blobs_are_counted() {
    for k in 2..=4 {
        let table = ChooseK::new(1..=7).seed(3).fit(blobs::<f32>(120, k).view()).unwrap();
        assert_eq!(table.best_by_silhouette(), Some(k));
        assert_eq!(table.best_by_gap(), Some(k));
        assert_eq!(table.best_by_bic(), Some(k));
        // Two blobs have their elbow at 2; with more, the first splits may gain as much each.
        assert!((2..=k).contains(&table.elbow().unwrap()), "{:?}", table.elbow());
    }
}

#[test]
fn a_table_without_clusters_is_one_cluster() {
    let mut rng = Stream::new(9, "uniform").rng(0);
    let x: Matrix<f64> = Matrix::from_fn(200, 3, |_, _| rng.uniform());
    let table = ChooseK::new(1..=4).n_init(3).fit(x.view()).unwrap();
    assert_eq!(table.best_by_gap(), Some(1));
    assert_eq!(table.rows()[0].silhouette, None);
}

/// Inertia and silhouette of k-means with the same options, the criterion by its definition: the
/// density of each sample, summed.
#[test]
fn columns_are_those_of_their_definitions() {
    let x: Matrix<f64> = blobs(60, 3);
    let table = ChooseK::new(2..=5).n_init(2).seed(8).n_references(0).fit(x.view()).unwrap();
    for row in table.rows() {
        let k = row.n_clusters;
        let model = KMeans::new(k).n_init(2).seed(8).fit(x.view()).unwrap();
        assert_eq!(row.inertia, model.inertia());
        let silhouette = metrics::silhouette(x.view(), model.labels(), &Metric::Euclidean);
        assert_eq!(row.silhouette, Some(silhouette.unwrap()));
        assert_eq!((row.gap, row.gap_std), (None, None));
        let variance = model.inertia() / (2.0 * (60 - k) as f64);
        let mut likelihood = 0.0;
        for (sample, &label) in x.rows().zip(model.labels()) {
            let square: f64 = model
                .centroids()
                .row(label)
                .iter()
                .zip(sample)
                .map(|(m, x)| (x - m) * (x - m))
                .sum();
            let weight = model.cluster_sizes()[label] as f64 / 60.0;
            let density = (-square / (2.0 * variance)).exp() / (std::f64::consts::TAU * variance);
            likelihood += (weight * density).ln();
        }
        let expected = (3 * k) as f64 * 60f64.ln() - 2.0 * likelihood;
        // 60 logarithms of some ten each.
        assert!((row.bic - expected).abs() < 1e-10, "{} {expected}", row.bic);
    }
}

#[test]
fn no_inertia_is_the_end_of_the_scale() {
    let x = Matrix::from_rows(&[[0.0], [0.0], [5.0], [5.0]]);
    let table = ChooseK::new(1..=2).fit(x.view()).unwrap();
    let [one, two] = table.rows() else { panic!("expected two rows") };
    assert_eq!((two.inertia, two.gap, two.gap_std), (0.0, Some(f64::INFINITY), Some(0.0)));
    assert_eq!((two.bic, two.silhouette), (f64::NEG_INFINITY, Some(1.0)));
    assert!(one.gap.unwrap().is_finite());
    assert_eq!((table.best_by_bic(), table.best_by_gap(), table.elbow()), (Some(2), None, None));
}

/// A power of two scales the references with the table; the inertia of each by its square.
#[test]
fn the_unit_of_the_table_does_not_count() {
    let x: Matrix<f64> = blobs(60, 3);
    let scaled = x.map(|x| x * 1024.0);
    let choice = ChooseK::new(1..=4).n_init(2).n_references(3);
    let (a, b) = (choice.fit(x.view()).unwrap(), choice.fit(scaled.view()).unwrap());
    for (a, b) in a.rows().iter().zip(b.rows()) {
        assert_eq!((a.silhouette, a.inertia * 1024.0 * 1024.0), (b.silhouette, b.inertia));
        // Differences of logarithms of some ten: a few units in the last place.
        assert!((a.gap.unwrap() - b.gap.unwrap()).abs() < 1e-13);
        assert!((a.gap_std.unwrap() - b.gap_std.unwrap()).abs() < 1e-13);
    }
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x: Matrix<f32> = blobs(600, 3);
    let choice = ChooseK::new(1..=4).n_init(1).n_references(2);
    let fit = || words(&choice.fit(x.view()).unwrap());
    check_same_bits_on_threads(fit);
    check_same_bits_on_all_isas(fit);
    assert_ne!(words(&choice.clone().seed(1).fit(x.view()).unwrap()), fit());
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0], [2.0], [4.0]]);
    let text = |choice: ChooseK| choice.fit(x.view()).unwrap_err().to_string();
    assert_eq!(text(ChooseK::new(0..=2)), "choose_k: n_clusters must be at least 1, got 0");
    #[allow(clippy::reversed_empty_ranges, reason = "what is refused")]
    let reversed = ChooseK::new(3..=2);
    assert_eq!(text(reversed), "choose_k: n_clusters must be a range that is not empty, got 3..=2");
    assert_eq!(text(ChooseK::new(1..=4)), "choose_k: expected at least 4 samples, got 3");
    assert_eq!(text(ChooseK::new(1..=2).n_init(0)), "choose_k: n_init must be at least 1, got 0");
    let nan = MatrixView::from_rows(&[[1.0], [f64::NAN]]);
    assert_eq!(
        ChooseK::new(1..=2).fit(nan).unwrap_err().to_string(),
        "choose_k: x must be finite, got NaN at row 1, column 0"
    );
}
