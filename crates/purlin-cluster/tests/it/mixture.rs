//! Gaussian mixtures: known answers, the reference results, the definition, the doors that stay
//! shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{check_same_bits, many_rows};
use proptest::prelude::*;
use purlin_cluster::{
    Covariance, Covariances, Error, GaussianMixture, GaussianMixtureModel, MixtureInit,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::strategies;
use serde_json::Value;

const KINDS: [Covariance; 4] =
    [Covariance::Full, Covariance::Tied, Covariance::Diag, Covariance::Spherical];

/// All numbers of covariances or precisions.
fn flat(all: &Covariances) -> Vec<f64> {
    match all {
        Covariances::Full(all) => all.iter().flat_map(|m| m.as_slice().to_vec()).collect(),
        Covariances::Tied(m) | Covariances::Diag(m) => m.as_slice().to_vec(),
        Covariances::Spherical(all) => all.clone(),
        _ => panic!("an unknown kind"),
    }
}

/// Everything of a model that is computed.
fn words<T: Real>(model: &GaussianMixtureModel<T>) -> Vec<u64> {
    let mut numbers = [model.weights(), &model.means().to_vec(), model.lower_bounds()].concat();
    numbers.extend(flat(model.covariances()));
    numbers.extend(flat(model.precisions()));
    let labels = model.labels().iter().map(|&label| label as u64);
    numbers.into_iter().map(f64::to_bits).chain(labels).collect()
}

fn blobs<T: Real>(n: usize, d: usize, k: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..k * d).map(|_| rng.uniform_in(-10.0, 10.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % k * d + j] + rng.normal()))
}

/// A start at the first rows, with equal weights and precisions.
fn at_first_rows(
    x: MatrixView<'_, f64>,
    kind: Covariance,
    k: usize,
    precision: f64,
) -> MixtureInit {
    let d = x.n_cols();
    let identity = || Matrix::identity(d).map(|v: f64| v * precision);
    let precisions = match kind {
        Covariance::Full => Covariances::Full(vec![identity(); k]),
        Covariance::Tied => Covariances::Tied(identity()),
        Covariance::Diag => Covariances::Diag(Matrix::from_fn(k, d, |_, _| precision)),
        Covariance::Spherical => Covariances::Spherical(vec![precision; k]),
    };
    let means = x.row_range(0..k).to_matrix();
    MixtureInit::Given { weights: vec![1.0 / k as f64; k], means, precisions }
}

fn all_close(what: &str, got: &[f64], expected: &[f64], tol: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        assert!(error <= tol * expected.abs().max(1.0), "{what} {i}: {got}, expected {expected}");
    }
}

#[test]
fn one_component_is_the_mean_and_the_covariance() {
    let x = Matrix::from_rows(&[[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]]);
    let fit = |kind| GaussianMixture::new(1).covariance(kind).reg_covar(0.0).fit(x.view()).unwrap();
    for (kind, expected) in [
        (Covariance::Full, vec![1.0, 0.0, 0.0, 4.0]),
        (Covariance::Tied, vec![1.0, 0.0, 0.0, 4.0]),
        (Covariance::Diag, vec![1.0, 4.0]),
        (Covariance::Spherical, vec![2.5]),
    ] {
        let model = fit(kind);
        assert_eq!(model.means().to_vec(), [1.0, 2.0], "{kind:?}");
        all_close("covariances", &flat(model.covariances()), &expected, 1e-14);
        assert_eq!(model.weights(), [1.0]);
        assert_eq!((model.n_iter(), model.converged()), (2, true));
        assert_eq!(model.labels(), [0; 4]);
        // det = 4 (of the sphere 6.25), squares of the standardized rows are 2 on average.
        let det: f64 = if kind == Covariance::Spherical { 6.25 } else { 4.0 };
        let expected = -std::f64::consts::TAU.ln() - 0.5 * det.ln() - 1.0;
        assert!((model.score(x.view()).unwrap() - expected).abs() < 1e-14);
    }
    assert_eq!(KINDS.map(|kind| fit(kind).n_parameters()), [5, 5, 4, 3]);
}

/// Rounds from given parameters as scikit-learn does them.
#[test]
fn reference_runs_are_met() {
    let Some(sets) = crate::common::reference_sets() else { return };
    let mut n_cases = 0;
    for (name, set) in sets {
        let x = matrix(&set["X"]);
        let Some(cases) = set["gaussian_mixture"].as_array() else { continue };
        for case in cases {
            check_reference(name, x.view(), case);
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 176);
}

fn check_reference(name: &str, x: MatrixView<'_, f64>, case: &Value) {
    let number = |key: &str| case[key].as_f64().unwrap();
    let k = number("k") as usize;
    let (kind, precisions) = covariances(case, "precisions_init");
    let place = format!("{name}, k = {k}, {kind:?}, tol {}", case["tol"]);
    let model = GaussianMixture::new(k)
        .covariance(kind)
        .tol(number("tol"))
        .max_iter(number("max_iter") as usize)
        .reg_covar(number("reg_covar"))
        .init(MixtureInit::Given {
            weights: numbers(&case["weights_init"]),
            means: matrix(&case["means_init"]),
            precisions,
        })
        .fit(x)
        .unwrap();
    let close = |what: &str, got: &[f64], expected: &[f64]| {
        all_close(&format!("{place}: {what}"), got, expected, 1e-6);
    };
    assert_eq!(model.n_iter(), number("n_iter") as usize, "{place}");
    assert_eq!(model.converged(), case["converged"].as_bool().unwrap(), "{place}");
    close("lower_bound", &[model.lower_bound()], &[number("lower_bound")]);
    close("weights", model.weights(), &numbers(&case["weights"]));
    close("means", &model.means().to_vec(), matrix(&case["means"]).as_slice());
    close("covariances", &flat(model.covariances()), &flat(&covariances(case, "covariances").1));
    close("score", &[model.score(x).unwrap()], &[number("mean_log_likelihood")]);
    close("bic", &[model.bic(x).unwrap()], &[number("bic")]);
    close("aic", &[model.aic(x).unwrap()], &[number("aic")]);
    let first = x.row_range(0..10);
    let expected = numbers(&case["log_likelihood_first_10"]);
    close("densities", &model.score_samples(first).unwrap(), &expected);
    let expected = matrix(&case["responsibilities_first_10"]);
    close("shares", model.predict_proba(first).unwrap().as_slice(), expected.as_slice());
    let labels: Vec<usize> =
        numbers(&case["labels"]).into_iter().map(|label| label as usize).collect();
    assert_eq!(model.labels(), labels, "{place}");
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Matrix<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Matrix::from_row_slices(&rows).unwrap()
}

fn covariances(case: &Value, key: &str) -> (Covariance, Covariances) {
    let value = &case[key];
    let all = match case["covariance_type"].as_str().unwrap() {
        "full" => Covariances::Full(value.as_array().unwrap().iter().map(matrix).collect()),
        "tied" => Covariances::Tied(matrix(value)),
        "diag" => Covariances::Diag(matrix(value)),
        "spherical" => Covariances::Spherical(numbers(value)),
        kind => panic!("unknown kind {kind}"),
    };
    (all.kind(), all)
}

#[test]
fn every_start_finds_separate_blobs() {
    let x = blobs::<f32>(400, 3, 4, 1);
    for kind in KINDS {
        for init in [MixtureInit::KMeans, MixtureInit::PlusPlus, MixtureInit::Random] {
            let mixture = GaussianMixture::new(4).covariance(kind).init(init.clone()).n_init(8);
            let model = mixture.fit(x.view()).unwrap();
            assert!(model.converged(), "{kind:?} {init:?}");
            assert!((0..400).all(|i| model.labels()[i] == model.labels()[i % 4]), "{init:?}");
            assert!(model.weights().iter().all(|w| (w - 0.25).abs() < 0.01), "{kind:?} {init:?}");
            assert!(model.best_init() < 8);
            // The best of the starts is at least as good as the first alone.
            let one = mixture.n_init(1).fit(x.view()).unwrap();
            assert!(model.lower_bound() >= one.lower_bound());
        }
    }
}

#[test]
fn shares_labels_and_densities_belong_together() {
    let x = blobs::<f64>(1100, 2, 5, 9);
    for kind in KINDS {
        let model = GaussianMixture::new(3).covariance(kind).fit(x.view()).unwrap();
        assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        let shares = model.predict_proba(x.view()).unwrap();
        for (row, &label) in shares.rows().zip(model.labels()) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            assert!(row.iter().all(|&share| (0.0..=row[label]).contains(&share)));
        }
        let scores = model.score_samples(x.view()).unwrap();
        let mean = scores.iter().sum::<f64>() / 1100.0;
        let score = model.score(x.view()).unwrap();
        assert!((score - mean).abs() < 1e-13);
        assert!(score >= model.lower_bound());
        let p = model.n_parameters() as f64;
        let (aic, bic) = (model.aic(x.view()).unwrap(), model.bic(x.view()).unwrap());
        assert!((bic - aic - p * (1100f64.ln() - 2.0)).abs() < 1e-9);
        for c in 0..3 {
            let (a, b) = (model.covariances().full(c, 2), model.precisions().full(c, 2));
            let product = |i: usize, j: usize| a[(i, 0)] * b[(0, j)] + a[(i, 1)] * b[(1, j)];
            let all = [product(0, 0), product(0, 1), product(1, 0), product(1, 1)];
            all_close("inverse", &all, &[1.0, 0.0, 0.0, 1.0], 1e-12);
        }
    }
}

#[test]
fn a_fitted_model_is_a_start() {
    let x = blobs::<f64>(300, 3, 6, 4);
    for kind in KINDS {
        let mixture = GaussianMixture::new(3).covariance(kind).tol(0.0);
        let whole = mixture.clone().max_iter(12).fit(x.view()).unwrap();
        let half = mixture.clone().max_iter(6).fit(x.view()).unwrap();
        let rest = mixture.max_iter(6).init(half.parameters()).fit(x.view()).unwrap();
        let bounds = [half.lower_bounds(), rest.lower_bounds()].concat();
        all_close("bounds", &bounds, whole.lower_bounds(), 1e-12);
        all_close("means", &rest.means().to_vec(), &whole.means().to_vec(), 1e-9);
        assert_eq!(rest.labels(), whole.labels());
    }
}

#[test]
fn an_offset_costs_no_digits() {
    // Multiples of 1/1024, which 1e8 leaves exact.
    let x = blobs::<f64>(500, 3, 3, 2).map(|v| (v * 1024.0).round() / 1024.0);
    let moved = x.map(|v| v + 1e8);
    for kind in KINDS {
        let fit = |x: &Matrix<f64>| {
            let mixture = GaussianMixture::new(3).covariance(kind).max_iter(30);
            mixture.init(at_first_rows(x.view(), kind, 3, 0.1)).fit(x.view()).unwrap()
        };
        let (near, far) = (fit(&x), fit(&moved));
        assert_eq!((near.n_iter(), near.labels()), (far.n_iter(), far.labels()));
        all_close("bounds", far.lower_bounds(), near.lower_bounds(), 1e-9);
        all_close("covariances", &flat(far.covariances()), &flat(near.covariances()), 1e-6);
        let means: Vec<f64> = far.means().to_vec().iter().map(|v| v - 1e8).collect();
        all_close("means", &means, &near.means().to_vec(), 1e-6);
    }
}

#[test]
fn clusters_far_apart_keep_their_small_covariances() {
    // The start lies 1e6 standard deviations from the means that the first round finds.
    let mut rng = Stream::new(3, "far").rng(0);
    let x = Matrix::from_fn(200, 2, |i, _| (i % 2) as f64 * 1e6 + rng.normal());
    for kind in KINDS {
        let start = MixtureInit::Given {
            weights: vec![0.5; 2],
            means: Matrix::from_rows(&[[-1e6; 2], [2e6; 2]]),
            precisions: match at_first_rows(x.view(), kind, 2, 1e-12) {
                MixtureInit::Given { precisions, .. } => precisions,
                _ => unreachable!(),
            },
        };
        let mixture = GaussianMixture::new(2).covariance(kind).init(start);
        let model = mixture.fit(x.view()).unwrap();
        for c in 0..2 {
            let covariance = model.covariances().full(c, 2);
            assert!((0.7..1.4).contains(&covariance[(0, 0)]), "{kind:?}: {covariance:?}");
            assert!(covariance[(0, 1)].abs() < 0.4, "{kind:?}: {covariance:?}");
        }
    }
}

#[test]
fn single_precision_is_only_how_samples_are_given() {
    let x = blobs::<f32>(700, 4, 3, 8);
    let wide: Matrix<f64> = x.cast();
    for kind in KINDS {
        let start = at_first_rows(wide.view(), kind, 3, 0.5);
        let mixture = GaussianMixture::new(3).covariance(kind).init(start);
        let (a, b) = (mixture.fit(x.view()).unwrap(), mixture.fit(wide.view()).unwrap());
        assert_eq!(words(&a), words(&b));
    }
}

#[test]
fn samples_have_the_moments_of_the_mixture() {
    let x = blobs::<f64>(300, 2, 2, 5);
    for kind in KINDS {
        let model = GaussianMixture::new(2).covariance(kind).fit(x.view()).unwrap();
        let n = 20_000;
        let (samples, components) = model.sample(n, 11).unwrap();
        for c in 0..2 {
            let rows: Vec<usize> = (0..n).filter(|&i| components[i] == c).collect();
            let share = rows.len() as f64 / n as f64;
            assert!((share - model.weights()[c]).abs() < 0.015, "{kind:?}: {share}");
            let mean = |f: &dyn Fn(usize) -> f64| {
                rows.iter().map(|&i| f(i)).sum::<f64>() / rows.len() as f64
            };
            let centred = |i: usize, j: usize| samples[(i, j)] - model.means().row(c)[j];
            let covariance = model.covariances().full(c, 2);
            for i in 0..2 {
                assert!(mean(&|row| centred(row, i)).abs() < 0.06, "{kind:?}");
                for j in 0..2 {
                    let found = mean(&|row| centred(row, i) * centred(row, j));
                    assert!((found - covariance[(i, j)]).abs() < 0.08, "{kind:?}: {found}");
                }
            }
        }
        // A longer list begins with the shorter one, another seed gives another.
        let (few, labels) = model.sample(10, 11).unwrap();
        assert_eq!(few.as_slice(), &samples.as_slice()[..20]);
        assert_eq!(labels, components[..10]);
        assert_ne!(model.sample(10, 12).unwrap().0, few);
        assert_eq!(model.sample(0, 1).unwrap().0.shape(), (0, 2));
    }
}

#[test]
fn degenerate_tables_have_an_answer() {
    let one_row = Matrix::from_rows(&[[3.0, 4.0]]);
    let equal = Matrix::from_rows(&[[3.0, 4.0]; 9]);
    let few = Matrix::from_rows(&[[0.0, 0.0], [5.0, 1.0], [1.0, 9.0]]);
    let tiny = blobs::<f64>(40, 2, 2, 1).map(|v| v * 1e-170);
    for kind in KINDS {
        for x in [&one_row, &equal] {
            let model = GaussianMixture::new(1).covariance(kind).fit(x.view()).unwrap();
            assert_eq!(model.means().to_vec(), [3.0, 4.0]);
            all_close("covariance", model.covariances().full(0, 2).row(0), &[1e-6, 0.0], 1e-15);
        }
        // Two components on one place share it.
        let start = at_first_rows(equal.view(), kind, 2, 1.0);
        let model = GaussianMixture::new(2).covariance(kind).init(start).fit(equal.view()).unwrap();
        assert_eq!((model.weights(), model.labels()), (&[0.5; 2][..], &[0; 9][..]));
        // As many components as samples.
        let model = GaussianMixture::new(3).covariance(kind).fit(few.view()).unwrap();
        let mut labels = model.labels().to_vec();
        labels.sort_unstable();
        assert_eq!(labels, [0, 1, 2], "{kind:?}");
        // Squares that underflow: `reg_covar` is all there is.
        let start = at_first_rows(tiny.view(), kind, 2, 1.0);
        let mixture = GaussianMixture::new(2).covariance(kind).init(start);
        let model = mixture.fit(tiny.view()).unwrap();
        assert!(model.lower_bound().is_finite());
        let err = mixture.reg_covar(0.0).fit(tiny.view());
        assert!(matches!(err, Err(Error::Diverged { .. })), "{kind:?}");
    }
}

#[test]
fn a_component_that_loses_its_samples_keeps_its_mean() {
    let x = blobs::<f64>(60, 2, 1, 3);
    for kind in KINDS {
        let MixtureInit::Given { weights, precisions, .. } = at_first_rows(x.view(), kind, 2, 1.0)
        else {
            unreachable!()
        };
        let means = Matrix::from_rows(&[[x[(0, 0)], x[(0, 1)]], [1e4, 1e4]]);
        let start = MixtureInit::Given { weights, means, precisions };
        let model = GaussianMixture::new(2).covariance(kind).init(start).fit(x.view()).unwrap();
        all_close("mean", model.means().row(1), &[1e4, 1e4], 1e-15);
        assert!(model.weights()[1] < 1e-15);
        assert_eq!(model.labels(), [0; 60]);
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let text =
        |mixture: GaussianMixture, x: MatrixView<'_, f64>| mixture.fit(x).unwrap_err().to_string();
    let of = |mixture: GaussianMixture| text(mixture, x.view());
    let new = GaussianMixture::new;
    let number = |name: &str| format!("gaussian_mixture: {name} must be at least 1, got 0");
    assert_eq!(of(new(0)), number("n_components"));
    assert_eq!(of(new(1).n_init(0)), number("n_init"));
    assert_eq!(of(new(1).max_iter(0)), number("max_iter"));
    let range = |name: &str, got: &str| {
        format!("gaussian_mixture: {name} must be finite and at least 0, got {got}")
    };
    assert_eq!(of(new(1).tol(f64::NAN)), range("tol", "NaN"));
    assert_eq!(of(new(1).reg_covar(-1.0)), range("reg_covar", "-1"));
    assert_eq!(of(new(3)), "gaussian_mixture: expected at least 3 samples, got 2");
    let none = MatrixView::from_slice(&[], 5, 0).unwrap();
    assert_eq!(text(new(1), none), "gaussian_mixture: expected x with at least 1 column, got 0");
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    assert_eq!(
        text(new(1), nan.view()),
        "gaussian_mixture: x must be finite, got NaN at row 1, column 1"
    );
    let huge = Matrix::from_rows(&[[0.0], [1e200]]);
    assert_eq!(
        text(new(1), huge.view()),
        "gaussian_mixture: x must be small enough that squared distances are finite in f64, got \
         1e200 at row 1"
    );
    let equal = Matrix::from_rows(&[[1.0, 2.0]; 5]);
    for init in [MixtureInit::KMeans, MixtureInit::PlusPlus, MixtureInit::Random] {
        assert_eq!(
            text(new(2).init(init), equal.view()),
            "gaussian_mixture: expected at least 2 distinct samples, got 1"
        );
    }
    assert_eq!(
        text(new(1).reg_covar(0.0), equal.view()),
        "gaussian_mixture: diverged at step 0: pivot 0 of the covariance of component 0 (increase \
         reg_covar) is 0"
    );
    let model = new(1).fit(x.view()).unwrap();
    let err = model.predict(MatrixView::from_rows(&[[1.0]])).unwrap_err();
    assert_eq!(err.to_string(), "gaussian_mixture: expected x with 2 columns, got 1");
    let empty = MatrixView::from_slice(&[], 0, 2).unwrap();
    let err = model.score(empty).unwrap_err();
    assert_eq!(err.to_string(), "gaussian_mixture: expected at least 1 samples, got 0");
    let err = model.sample(usize::MAX, 0).unwrap_err();
    assert!(matches!(err, Error::Shape { .. }), "{err}");
}

#[test]
fn bad_parameters_of_a_start_are_refused_with_their_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
    let full = |m: [[f64; 2]; 2]| Covariances::Full(vec![Matrix::from_rows(&m)]);
    let identity = || full([[1.0, 0.0], [0.0, 1.0]]);
    let given = |weights: &[f64], means: Matrix<f64>, precisions| {
        let init = MixtureInit::Given { weights: weights.to_vec(), means, precisions };
        GaussianMixture::new(1).init(init).fit(x.view()).unwrap_err().to_string()
    };
    let mean = || Matrix::from_rows(&[[1.0, 2.0]]);
    for (got, expected) in [
        (given(&[0.5, 0.5], mean(), identity()), "expected 1 weights, got 2 weights"),
        (
            given(&[-1.0], mean(), identity()),
            "weights must be finite and at least 0, got -1 at index 0",
        ),
        (given(&[0.5], mean(), identity()), "weights must be of sum 1, got 0.5"),
        (
            given(&[1.0], Matrix::from_rows(&[[1.0]]), identity()),
            "expected means (1, 2), got means (1, 1)",
        ),
        (
            given(&[1.0], Matrix::from_rows(&[[1.0, f64::INFINITY]]), identity()),
            "means must be finite, got inf at row 0, column 1",
        ),
        (
            given(&[1.0], mean(), Covariances::Spherical(vec![1.0])),
            "precisions must be Full as the covariance, got Spherical",
        ),
        (
            given(&[1.0], mean(), Covariances::Full(vec![])),
            "expected 1 precisions, got 0 precisions",
        ),
        (
            given(&[1.0], mean(), Covariances::Full(vec![Matrix::identity(3)])),
            "expected precisions (2, 2), got precisions (3, 3)",
        ),
        (
            given(&[1.0], mean(), full([[1.0, 0.5], [0.0, 1.0]])),
            "precisions must be symmetric, got 0 at (1, 0) and 0.5 at (0, 1)",
        ),
        (
            given(&[1.0], mean(), full([[1.0, 2.0], [2.0, 1.0]])),
            "precisions must be positive definite, got pivot -3 in row 0 of component 0",
        ),
        (
            given(&[1.0], mean(), full([[f64::NAN, 2.0], [2.0, 1.0]])),
            "precisions must be finite, got NaN at row 0, column 0",
        ),
    ] {
        assert_eq!(got, format!("gaussian_mixture: {expected}"));
    }
    let start = at_first_rows(x.view(), Covariance::Full, 1, 1.0);
    let err = GaussianMixture::new(1).n_init(2).init(start).fit(x.view()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "gaussian_mixture: n_init must be 1 where the parameters are given, got 2"
    );
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(many_rows(7), 7, 6, 5), blobs::<f64>(many_rows(20), 20, 4, 6));
    for kind in KINDS {
        let fit = || {
            let mixture = GaussianMixture::new(4).covariance(kind).seed(3).max_iter(4);
            let mixture = mixture.init(MixtureInit::PlusPlus);
            let (a, b) = (mixture.fit(x.view()).unwrap(), mixture.fit(y.view()).unwrap());
            let shares = a.predict_proba(x.view()).unwrap().into_vec();
            let scores = b.score_samples(y.view()).unwrap();
            (words(&a), words(&b), shares, scores)
        };
        check_same_bits(fit);
    }
}

/// Weights, means, full covariances of each component.
type Naive = (Vec<f64>, Vec<Vec<f64>>, Vec<Matrix<f64>>);

/// A round by the definition: two passes, no factors, the inverse by `linalg`.
fn naive_round(x: &Matrix<f64>, kind: Covariance, reg: f64, (w, m, s): &Naive) -> (f64, Naive) {
    let ((n, d), k) = (x.shape(), w.len());
    let inverses: Vec<_> =
        s.iter().map(|s| purlin_core::linalg::inverse(s.view()).unwrap()).collect();
    let log_dets: Vec<f64> = s
        .iter()
        .map(|s| purlin_core::linalg::cholesky(s.view()).unwrap().ln_determinant())
        .collect();
    let mut log_likelihood = 0.0;
    let mut shares = Matrix::zeros(n, k);
    for i in 0..n {
        let log = |c: usize| {
            let t = |j: usize| x[(i, j)] - m[c][j];
            let mut square = 0.0;
            for a in 0..d {
                square += (0..d).map(|b| t(a) * inverses[c][(a, b)] * t(b)).sum::<f64>();
            }
            let normal = d as f64 * std::f64::consts::TAU.ln();
            w[c].ln() - 0.5 * (normal + log_dets[c] + square)
        };
        let logs: Vec<f64> = (0..k).map(log).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
        log_likelihood += most + sum.ln();
        for c in 0..k {
            shares[(i, c)] = (logs[c] - most).exp() / sum;
        }
    }
    let totals: Vec<f64> =
        (0..k).map(|c| (0..n).map(|i| shares[(i, c)]).sum::<f64>() + 10.0 * f64::EPSILON).collect();
    // About the old mean, where an empty component stays.
    let mean = |c: usize, j: usize| {
        m[c][j] + (0..n).map(|i| shares[(i, c)] * (x[(i, j)] - m[c][j])).sum::<f64>() / totals[c]
    };
    let means: Vec<Vec<f64>> = (0..k).map(|c| (0..d).map(|j| mean(c, j)).collect()).collect();
    let scatter = |c: usize, a: usize, b: usize| -> f64 {
        (0..n).map(|i| shares[(i, c)] * (x[(i, a)] - means[c][a]) * (x[(i, b)] - means[c][b])).sum()
    };
    let covariance = |c: usize| {
        let sphere = (0..d).map(|a| scatter(c, a, a)).sum::<f64>() / totals[c] / d as f64;
        Matrix::from_fn(d, d, |a, b| {
            let on = if a == b { 1.0 } else { 0.0 };
            let (a, b) = (a.min(b), a.max(b));
            let v = match kind {
                Covariance::Full => scatter(c, a, b) / totals[c],
                Covariance::Tied => {
                    (0..k).map(|c| scatter(c, a, b)).sum::<f64>() / totals.iter().sum::<f64>()
                }
                Covariance::Diag => on * scatter(c, a, b) / totals[c],
                Covariance::Spherical => on * sphere,
            };
            v + reg * on
        })
    };
    let covariances = (0..k).map(covariance).collect();
    let all: f64 = totals.iter().sum();
    let weights = totals.iter().map(|total| total / all).collect();
    (log_likelihood / n as f64, (weights, means, covariances))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn rounds_are_those_of_the_definition(
        x in strategies::hostile_matrix(2usize..40, 1usize..6),
        k in 1usize..4,
        kind in prop::sample::select(KINDS.to_vec()),
    ) {
        let (k, d) = (k.min(x.n_rows()), x.n_cols());
        // In units of the spread, so that the matrices are well conditioned.
        let spread = x.as_slice().iter().map(|v| (v - x[(0, 0)]).abs()).fold(0.0, f64::max);
        let spread = if spread > 1e-100 { spread } else { 1.0 };
        let reg = 0.01 * spread * spread;
        let mixture = GaussianMixture::new(k).covariance(kind).reg_covar(reg).tol(0.0).max_iter(4);
        let start = at_first_rows(x.view(), kind, k, 1.0 / (spread * spread));
        let model = mixture.init(start).fit(x.view()).unwrap();
        // Less the first sample: far from the origin the definition would round its means too much.
        let near = Matrix::from_fn(x.n_rows(), d, |i, j| x[(i, j)] - x[(0, j)]);
        let mut naive: Naive = (
            vec![1.0 / k as f64; k],
            (0..k).map(|c| near.row(c).to_vec()).collect(),
            vec![Matrix::identity(d).map(|v: f64| v * spread * spread); k],
        );
        for &bound in model.lower_bounds() {
            let (expected, next) = naive_round(&near, kind, reg, &naive);
            prop_assert!((bound - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{bound} {expected}");
            naive = next;
        }
        for c in 0..k {
            prop_assert!((model.weights()[c] - naive.0[c]).abs() <= 1e-9);
            for j in 0..d {
                let error = (model.means().row(c)[j] - (naive.1[c][j] + x[(0, j)])).abs();
                let size = x.as_slice().iter().fold(0.0f64, |m, v| m.max(v.abs()));
                prop_assert!(error <= 1e-9 * spread + 1e-15 * size, "mean off by {error}");
            }
            let found = model.covariances().full(c, d);
            for (got, expected) in found.as_slice().iter().zip(naive.2[c].as_slice()) {
                prop_assert!((got - expected).abs() <= 1e-9 * spread * spread, "{got} {expected}");
            }
        }
    }

    #[test]
    fn the_lower_bound_does_not_fall(
        x in strategies::matrix(20usize..60, 1usize..4),
        kind in prop::sample::select(KINDS.to_vec()),
        k in 1usize..4,
        seed: u64,
    ) {
        let mixture = GaussianMixture::new(k).covariance(kind).reg_covar(0.0).tol(0.0).max_iter(15);
        // A component may collapse on a sample: then there is an error, and nothing to compare.
        let Ok(model) = mixture.seed(seed).init(MixtureInit::PlusPlus).fit(x.view()) else {
            return Ok(());
        };
        for pair in model.lower_bounds().windows(2) {
            prop_assert!(pair[1] >= pair[0] - 1e-8 * pair[0].abs().max(1.0), "{pair:?}");
        }
    }

    #[test]
    fn the_order_of_samples_does_not_matter(
        x in strategies::matrix(10usize..60, 1usize..4),
        kind in prop::sample::select(KINDS.to_vec()),
        seed: u64,
    ) {
        let order = Stream::new(seed, "order").rng(0).permutation(x.n_rows());
        let start = at_first_rows(x.view(), kind, 2, 1.0);
        let mixture = GaussianMixture::new(2).covariance(kind).reg_covar(0.1).max_iter(8).init(start);
        let model = mixture.fit(x.view()).unwrap();
        let moved = mixture.fit(x.view().select_rows(&order).view()).unwrap();
        let error = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max)
        };
        prop_assert!(error(model.weights(), moved.weights()) <= 1e-9);
        prop_assert!(error(&model.means().to_vec(), &moved.means().to_vec()) <= 1e-9);
        prop_assert!(error(&flat(model.covariances()), &flat(moved.covariances())) <= 1e-9);
        prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
    }
}
