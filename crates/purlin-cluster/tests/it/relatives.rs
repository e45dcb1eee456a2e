//! What k-means and its relatives have in common: the doors that stay shut, in the words of each.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin_cluster::{
    BisectingKMeans, ConstrainedKMeans, Init, KMeans, KMedoids, MiniBatchKMeans, Result,
    SphericalKMeans,
};
use purlin_core::{Matrix, MatrixView};

/// The parameters that they share.
struct Params {
    n_clusters: usize,
    n_init: usize,
    max_iter: usize,
    tol: f64,
    init: Init,
}

impl Params {
    fn new(n_clusters: usize) -> Self {
        let init = Init::PlusPlus { n_local_trials: None };
        Self { n_clusters, n_init: 1, max_iter: 10, tol: 0.0, init }
    }
}

type Table<'a> = MatrixView<'a, f64>;
type FitWeighted = fn(Table<'_>, &[f64]) -> Result<()>;

/// What one of them does with a table, and what its model does with new rows.
struct Relative {
    op: &'static str,
    fit: fn(Params, Table<'_>) -> Result<()>,
    fit_weighted: Option<FitWeighted>,
    /// Fits the first table; everything that its model says of the second.
    ask: fn(Table<'_>, Table<'_>) -> Vec<Result<()>>,
}

const RELATIVES: [Relative; 6] = [
    Relative {
        op: "kmeans",
        fit: |p, x| {
            let kmeans = KMeans::new(p.n_clusters).n_init(p.n_init).max_iter(p.max_iter);
            kmeans.tol(p.tol).init(p.init).fit(x).map(drop)
        },
        fit_weighted: Some(|x, w| KMeans::new(1).fit_weighted(x, w).map(drop)),
        ask: |x, new| {
            let model = KMeans::new(1).fit(x).unwrap();
            let weighted = model.score_weighted(new, &vec![1.0; new.n_rows()]);
            let said = [model.predict(new).map(drop), model.transform(new).map(drop)];
            said.into_iter().chain([model.score(new).map(drop), weighted.map(drop)]).collect()
        },
    },
    Relative {
        op: "mini_batch_kmeans",
        fit: |p, x| {
            let kmeans = MiniBatchKMeans::new(p.n_clusters).n_init(p.n_init).max_iter(p.max_iter);
            kmeans.tol(p.tol).init(p.init).fit(x).map(drop)
        },
        fit_weighted: Some(|x, w| MiniBatchKMeans::new(1).fit_weighted(x, w).map(drop)),
        ask: |x, new| {
            let model = MiniBatchKMeans::new(1).fit(x).unwrap();
            vec![model.predict(new).map(drop), model.score(new).map(drop)]
        },
    },
    Relative {
        op: "bisecting_kmeans",
        fit: |p, x| {
            let kmeans = BisectingKMeans::new(p.n_clusters).n_init(p.n_init).max_iter(p.max_iter);
            kmeans.tol(p.tol).init(p.init).fit(x).map(drop)
        },
        fit_weighted: Some(|x, w| BisectingKMeans::new(1).fit_weighted(x, w).map(drop)),
        ask: |x, new| {
            let model = BisectingKMeans::new(1).fit(x).unwrap();
            let said = [model.predict(new).map(drop), model.transform(new).map(drop)];
            said.into_iter().chain([model.score(new).map(drop)]).collect()
        },
    },
    Relative {
        op: "spherical_kmeans",
        fit: |p, x| {
            let kmeans = SphericalKMeans::new(p.n_clusters).n_init(p.n_init).max_iter(p.max_iter);
            kmeans.tol(p.tol).init(p.init).fit(x).map(drop)
        },
        fit_weighted: Some(|x, w| SphericalKMeans::new(1).fit_weighted(x, w).map(drop)),
        ask: |x, new| {
            let model = SphericalKMeans::new(1).fit(x).unwrap();
            let said = [model.predict(new).map(drop), model.transform(new).map(drop)];
            said.into_iter().chain([model.score(new).map(drop)]).collect()
        },
    },
    Relative {
        op: "constrained_kmeans",
        fit: |p, x| {
            let kmeans = ConstrainedKMeans::new(p.n_clusters).n_init(p.n_init).max_iter(p.max_iter);
            kmeans.tol(p.tol).init(p.init).fit(x).map(drop)
        },
        fit_weighted: None,
        ask: |x, new| vec![ConstrainedKMeans::new(1).fit(x).unwrap().predict(new).map(drop)],
    },
    Relative {
        op: "kmedoids",
        fit: |p, x| KMedoids::new(p.n_clusters).max_iter(p.max_iter).fit(x).map(drop),
        fit_weighted: None,
        ask: |x, new| vec![KMedoids::new(1).fit(x).unwrap().predict(new).map(drop)],
    },
];

#[track_caller]
fn assert_refused(op: &str, result: Result<()>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), format!("{op}: {expected}"));
}

#[test]
fn bad_parameters_are_refused_with_their_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 5.0]]);
    let one = || Params::new(1);
    let given = |rows: &[[f64; 1]]| Init::Centroids(Matrix::from_rows(rows));
    for Relative { op, fit, .. } in RELATIVES {
        let check = |params, expected: &str| assert_refused(op, fit(params, x.view()), expected);
        check(Params::new(0), "n_clusters must be at least 1, got 0");
        check(Params::new(3), "expected at least 3 samples, got 2");
        check(Params { max_iter: 0, ..one() }, "max_iter must be at least 1, got 0");
        if op == "kmedoids" {
            continue;
        }
        check(Params { n_init: 0, ..one() }, "n_init must be at least 1, got 0");
        for (tol, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-1.0, "-1")] {
            let expected = format!("tol must be finite and at least 0, got {shown}");
            check(Params { tol, ..one() }, &expected);
        }
        let init = Init::PlusPlus { n_local_trials: Some(0) };
        check(Params { init, ..one() }, "n_local_trials must be at least 1, got 0");
        if op == "bisecting_kmeans" {
            let init = Init::Centroids(x.clone());
            let rule = "init must be a choice among the samples of a split, got centroids (2, 2)";
            check(Params { init, ..Params::new(2) }, rule);
            continue;
        }
        let narrow = Params { init: given(&[[1.0]]), ..one() };
        check(narrow, "expected centroids (1, 2), got (1, 1)");
        let twice = Params { init: given(&[[1.0]]), n_init: 2, ..one() };
        check(twice, "n_init must be 1 where the centroids are given, got 2");
    }
}

#[test]
fn bad_tables_are_refused_with_their_numbers() {
    let far = |op| match op {
        "spherical_kmeans" => None, // directions have no size
        "kmedoids" => Some("sums of distances are finite in f64, got 1e200 at row 1"),
        _ => Some("squared distances are finite in f64, got 1e200 at row 1"),
    };
    for Relative { op, fit, .. } in RELATIVES {
        let check =
            |x: Table<'_>, k, expected: &str| assert_refused(op, fit(Params::new(k), x), expected);
        let empty = MatrixView::from_slice(&[], 0, 2).unwrap();
        check(empty, 1, "expected at least 1 samples, got 0");
        let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
        check(none, 1, "expected x with at least 1 column, got 0");
        let nan = MatrixView::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
        check(nan, 1, "x must be finite, got NaN at row 1, column 1");
        let infinite = MatrixView::from_rows(&[[f64::NEG_INFINITY, 2.0], [3.0, 4.0]]);
        check(infinite, 1, "x must be finite, got -inf at row 0, column 0");
        let equal = MatrixView::from_rows(&[[1.0, 2.0]; 5]);
        check(equal, 2, "expected at least 2 distinct samples, got 1");
        if let Some(rule) = far(op) {
            let huge = MatrixView::from_rows(&[[0.0], [-1e200]]);
            check(huge, 1, &format!("x must be small enough that {rule}"));
        }
    }
}

#[test]
fn bad_weights_are_refused_with_their_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 5.0]]);
    for Relative { op, fit_weighted, .. } in RELATIVES {
        let Some(fit) = fit_weighted else { continue };
        let check =
            |weights: &[f64], expected: &str| assert_refused(op, fit(x.view(), weights), expected);
        check(&[1.0], "expected sample_weight of 2 samples, got 1");
        check(&[], "expected sample_weight of 2 samples, got 0");
        let rule = "sample_weight must be finite and at least 0, got";
        check(&[1.0, -2.0], &format!("{rule} -2 at index 1"));
        check(&[f64::NAN, 1.0], &format!("{rule} NaN at index 0"));
        check(&[0.0, 0.0], "sample_weight must be above 0 for at least 1 sample, got 0");
    }
}

#[test]
fn bad_new_rows_are_refused_with_their_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 5.0]]);
    for Relative { op, ask, .. } in RELATIVES {
        for (new, expected) in [
            (MatrixView::from_rows(&[[1.0]]), "expected x with 2 columns, got 1"),
            (MatrixView::from_rows(&[[1.0; 3]]), "expected x with 2 columns, got 3"),
            (
                MatrixView::from_rows(&[[1.0, f64::INFINITY]]),
                "x must be finite, got inf at row 0, column 1",
            ),
        ] {
            for said in ask(x.view(), new) {
                assert_refused(op, said, expected);
            }
        }
    }
}
