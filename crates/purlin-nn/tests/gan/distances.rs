//! Distances between sets of samples: answers that are known.

use crate::assert_near;
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView};
use purlin_nn::metrics::{frechet_distance, kernel_distance, mode_coverage};
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};

fn normal(n: usize, d: usize, name: &str) -> Matrix<f64> {
    let mut rng = Stream::new(3, name).rng(0);
    Matrix::from_fn(n, d, |_, _| rng.normal())
}

#[test]
fn sets_of_known_moments_have_the_distance_of_the_formula() {
    // Corners of boxes: means and covariances are exact, off the diagonal they are 0.
    let corners = |center: [f64; 2], half: [f64; 2]| {
        Matrix::from_fn(4, 2, |i, j| {
            let sign = if [i % 2, i / 2][j] == 0 { -1.0 } else { 1.0 };
            center[j] + sign * half[j]
        })
    };
    let (a, b) = (corners([0.0, 1.0], [1.0, 2.0]), corners([3.0, -1.0], [2.0, 0.5]));
    // Deviations are half * sqrt(4 / 3); of commuting covariances their differences count.
    let expected = 9.0 + 4.0 + (1.0 + 1.5 * 1.5) * 4.0 / 3.0;
    assert_near(&[frechet_distance(a.view(), b.view()).unwrap()], &[expected], 1e-12);
    assert_near(&[frechet_distance(b.view(), a.view()).unwrap()], &[expected], 1e-12);
    assert!(frechet_distance(a.view(), a.view()).unwrap() < 1e-12);
}

#[test]
fn turning_both_sets_changes_no_distance() {
    // Covariances that do not commute: by hand for two dimensions,
    // tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)).
    let mix = |x: &Matrix<f64>, m: [[f64; 2]; 2]| {
        Matrix::from_fn(x.n_rows(), 2, |i, j| m[j][0] * x[(i, 0)] + m[j][1] * x[(i, 1)])
    };
    let a = mix(&normal(500, 2, "a"), [[1.0, 0.3], [0.0, 0.5]]);
    let b = mix(&normal(400, 2, "b"), [[0.4, 0.0], [-0.7, 1.5]]);
    let moments = |x: &Matrix<f64>| {
        let n = x.n_rows() as f64;
        let mean = |j: usize| x.rows().map(|row| row[j]).sum::<f64>() / n;
        let (mx, my) = (mean(0), mean(1));
        let cov = |i: usize, j: usize| {
            let m = [mx, my];
            x.rows().map(|r| (r[i] - m[i]) * (r[j] - m[j])).sum::<f64>() / (n - 1.0)
        };
        ([mx, my], [cov(0, 0), cov(0, 1), cov(1, 1)])
    };
    let ((ma, ca), (mb, cb)) = (moments(&a), moments(&b));
    let det = |c: [f64; 3]| c[0] * c[2] - c[1] * c[1];
    let trace_of_product = ca[0] * cb[0] + 2.0 * ca[1] * cb[1] + ca[2] * cb[2];
    let root = (trace_of_product + 2.0 * (det(ca) * det(cb)).sqrt()).sqrt();
    let apart = (ma[0] - mb[0]).powi(2) + (ma[1] - mb[1]).powi(2);
    let expected = apart + ca[0] + ca[2] + cb[0] + cb[2] - 2.0 * root;
    let got = frechet_distance(a.view(), b.view()).unwrap();
    assert_near(&[got], &[expected], 1e-10);
    let turn = [[0.6, -0.8], [0.8, 0.6]];
    let turned = frechet_distance(mix(&a, turn).view(), mix(&b, turn).view()).unwrap();
    assert_near(&[turned], &[expected], 1e-10);
}

#[test]
fn features_that_are_all_one_plane_have_a_distance() {
    // More features than samples: covariances without full rank.
    let (a, b) = (normal(6, 10, "a"), normal(5, 10, "b"));
    let d = frechet_distance(a.view(), b.view()).unwrap();
    assert!(d.is_finite() && d > 0.0);
    assert!(frechet_distance(a.view(), a.view()).unwrap() < 1e-6);
}

#[test]
fn the_kernel_distance_has_the_value_of_its_definition_and_no_bias() {
    let (a, b) = (normal(300, 3, "a"), normal(600, 3, "b"));
    let kernel = |x: &[f64], y: &[f64]| {
        let product: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
        (product / 3.0 + 1.0).powi(3)
    };
    let mean = |x: MatrixView<'_, f64>, y: MatrixView<'_, f64>, without_own: bool| {
        let (mut sum, mut n) = (0.0, 0.0);
        for (i, r) in x.rows().enumerate() {
            for (j, s) in y.rows().enumerate() {
                if !(without_own && i == j) {
                    sum += kernel(r, s);
                    n += 1.0;
                }
            }
        }
        sum / n
    };
    let (x, y) = (a.view(), b.view());
    let expected = mean(x, x, true) + mean(y, y, true) - 2.0 * mean(x, y, false);
    let got = kernel_distance(x, y).unwrap();
    assert_near(&[got], &[expected], 1e-10);
    // Of one distribution: near 0, on both sides of it over several draws.
    let draws: Vec<f64> = (0..20)
        .map(|i| {
            let (a, b) = (normal(200, 3, &format!("a{i}")), normal(200, 3, &format!("b{i}")));
            kernel_distance(a.view(), b.view()).unwrap()
        })
        .collect();
    let average = draws.iter().sum::<f64>() / 20.0;
    let spread = (draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / 19.0).sqrt();
    assert!(average.abs() < 3.0 * spread / 20f64.sqrt(), "{average} of {spread}");
    assert!(draws.iter().any(|&d| d < 0.0) && draws.iter().any(|&d| d > 0.0));
    // Moved apart it grows.
    let moved = Matrix::from_fn(300, 3, |i, j| a[(i, j)] + 1.0);
    assert!(kernel_distance(moved.view(), y).unwrap() > 1.0);
}

#[test]
fn distances_have_the_same_bits_everywhere() {
    let (a, b) = (normal(600, 20, "a"), normal(500, 20, "b"));
    let run = || {
        let both = [
            frechet_distance(a.view(), b.view()).unwrap(),
            kernel_distance(a.view(), b.view()).unwrap(),
        ];
        both.to_vec()
    };
    check_same_bits_on_all_isas(run);
    check_same_bits_on_threads(run);
}

#[test]
fn samples_of_the_modes_themselves_cover_them() {
    let mut rng = Stream::new(1, "samples").rng(0);
    let centers =
        Matrix::from_fn(4, 2, |i, j| [[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]][i][j]);
    let samples = Matrix::from_fn(40_000, 2, |i, j| centers[(i % 4, j)] + 0.1 * rng.normal());
    let coverage = mode_coverage(samples.view(), centers.view(), 0.1).unwrap();
    assert_eq!(coverage.n_modes(), 4);
    // 1 - exp(-9 / 2) = 0.98889, standard error 0.0005.
    assert!((coverage.high_quality() - 0.988_89).abs() < 0.002, "{}", coverage.high_quality());
    let counted: usize = coverage.counts().iter().sum();
    assert_eq!(counted as f64 / 40_000.0, coverage.high_quality());
}

#[test]
fn what_is_refused() {
    let (a, b) = (normal(3, 2, "a"), normal(3, 3, "b"));
    let one = Matrix::from_rows(&[[1.0, 2.0]]);
    let broken = Matrix::from_rows(&[[1.0, 2.0], [f64::NAN, 0.0]]);
    let text = |a: &Matrix<f64>, b: &Matrix<f64>| {
        let [x, y] = [
            frechet_distance(a.view(), b.view()).unwrap_err().to_string(),
            kernel_distance(a.view(), b.view()).unwrap_err().to_string(),
        ];
        assert_eq!(x.replace("frechet", "kernel"), y);
        x
    };
    assert_eq!(text(&a, &b), "frechet_distance: expected b with 2 features, at least 1, got 3");
    assert_eq!(text(&a, &one), "frechet_distance: expected at least 2 samples, got 1");
    assert_eq!(text(&broken, &a), "frechet_distance: a must be finite, got NaN at row 1, column 0");
    let great = Matrix::from_rows(&[[1e90, -1e90], [-1e90, 1e90]]);
    let rule = "features must be of a size whose products are finite";
    let err = frechet_distance(great.view(), great.view()).unwrap_err();
    assert_eq!(err.to_string(), format!("frechet_distance: {rule}, got inf"));
    let err = kernel_distance(great.view(), great.view()).unwrap_err();
    assert_eq!(err.to_string(), format!("kernel_distance: {rule}, got NaN"));
    let coverage = |samples: &Matrix<f64>, centers: &Matrix<f64>, std: f64| {
        mode_coverage(samples.view(), centers.view(), std).unwrap_err().to_string()
    };
    assert_eq!(coverage(&a, &b, 1.0), "mode_coverage: expected centers with 2 features, got 3");
    assert_eq!(coverage(&a, &a, 0.0), "mode_coverage: std must be finite and above 0, got 0");
    let none = Matrix::zeros(0, 2);
    assert_eq!(coverage(&none, &a, 1.0), "mode_coverage: expected at least 1 samples, got 0");
}
