//! Decompositions agree with their definitions, on friendly and on hostile tables.

use proptest::prelude::*;
use purlin_core::linalg::{self, Pca};
use purlin_core::{Error, Matrix, MatrixView, rng::Stream};

/// Roundings allowed per unit of the largest number and per row or column: Householder methods
/// are backward stable with a small constant.
const ROUNDINGS: f64 = 40.0;

fn product(a: &Matrix<f64>, b: &Matrix<f64>) -> Matrix<f64> {
    assert_eq!(a.n_cols(), b.n_rows());
    Matrix::from_fn(a.n_rows(), b.n_cols(), |i, j| {
        (0..a.n_cols()).map(|k| a[(i, k)] * b[(k, j)]).sum()
    })
}

fn largest(x: &Matrix<f64>) -> f64 {
    x.as_slice().iter().fold(0.0, |m, v| m.max(v.abs()))
}

#[track_caller]
fn assert_near(a: &Matrix<f64>, b: &Matrix<f64>, scale: f64) {
    assert_eq!(a.shape(), b.shape());
    let size = (a.n_rows() + a.n_cols()).max(4) as f64;
    // Below the normal numbers each term of a sum is off by up to half the smallest number.
    let bound = ROUNDINGS * (f64::EPSILON * scale * size).max(size * 5e-324);
    for (i, (x, y)) in a.as_slice().iter().zip(b.as_slice()).enumerate() {
        assert!(
            (x - y).abs() <= bound,
            "number {i}: {x:e} and {y:e} differ by more than {bound:e}"
        );
    }
}

#[track_caller]
fn assert_orthonormal_columns(q: &Matrix<f64>) {
    assert_near(&product(&q.transpose(), q), &Matrix::identity(q.n_cols()), 1.0);
}

fn diagonal(d: &[f64]) -> Matrix<f64> {
    Matrix::from_fn(d.len(), d.len(), |i, j| if i == j { d[i] } else { 0.0 })
}

fn random(seed: u64, n_rows: usize, n_cols: usize) -> Matrix<f64> {
    let mut rng = Stream::new(seed, "linalg test").rng(0);
    Matrix::from_fn(n_rows, n_cols, |_, _| rng.normal())
}

/// Tables that decompositions stumble over: all zero, repeated and zero columns, small integers
/// (equal singular values), columns of very different size, huge and tiny numbers.
fn hostile(seed: u64, n_rows: usize, n_cols: usize) -> Vec<Matrix<f64>> {
    let x = random(seed, n_rows, n_cols);
    let mut rng = Stream::new(seed, "lattice").rng(0);
    vec![
        x.clone(),
        Matrix::zeros(n_rows, n_cols),
        Matrix::from_fn(n_rows, n_cols, |i, j| if j % 2 == 0 { x[(i, j)] } else { x[(i, 0)] }),
        Matrix::from_fn(n_rows, n_cols, |i, j| if j % 3 == 1 { 0.0 } else { x[(i, j)] }),
        Matrix::from_fn(n_rows, n_cols, |_, _| rng.below(3) as f64 - 1.0),
        Matrix::from_fn(n_rows, n_cols, |i, j| x[(i, j)] * 0.001f64.powf(j as f64)),
        Matrix::from_fn(n_rows, n_cols, |i, j| f64::from(u8::from(i == j))),
        Matrix::from_fn(n_rows, n_cols, |_, _| 1.0),
        x.map(|v| v * 1e-300),
        x.map(|v| v * 1e300),
        x.map(|v| v * 5e-324 * 1e10),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn qr_multiplies_back(seed: u64, n_rows in 1usize..12, n_cols in 1usize..12) {
        for x in hostile(seed, n_rows, n_cols) {
            let f = linalg::qr(x.view()).unwrap();
            let k = n_rows.min(n_cols);
            assert_eq!((f.q.shape(), f.r.shape()), ((n_rows, k), (k, n_cols)));
            assert_orthonormal_columns(&f.q);
            assert_near(&product(&f.q, &f.r), &x, largest(&x));
            for i in 0..k {
                assert!(f.r[(i, i)] >= 0.0);
                assert!(f.r.row(i)[..i].iter().all(|&v| v == 0.0));
            }
        }
    }

    #[test]
    fn svd_multiplies_back_sorted(seed: u64, n_rows in 1usize..12, n_cols in 1usize..12) {
        for x in hostile(seed, n_rows, n_cols) {
            let f = linalg::svd(x.view()).unwrap();
            assert_orthonormal_columns(&f.u);
            assert_orthonormal_columns(&f.vt.transpose());
            assert!(f.singular_values.is_sorted_by(|a, b| a >= b));
            assert!(f.singular_values.iter().all(|&s| s >= 0.0));
            let scaled = product(&f.u, &diagonal(&f.singular_values));
            assert_near(&product(&scaled, &f.vt), &x, f.singular_values[0].max(largest(&x)));
            for row in f.vt.rows() {
                let top = row.iter().copied().fold(0.0f64, |m, v| if v.abs() > m.abs() { v } else { m });
                assert!(top > 0.0, "sign of {row:?}");
            }
        }
    }

    #[test]
    fn symmetric_eigen_multiplies_back_sorted(seed: u64, n in 1usize..12) {
        for x in hostile(seed, n, n) {
            let x = Matrix::from_fn(n, n, |i, j| x[(i.max(j), i.min(j))]);
            let f = linalg::symmetric_eigen(x.view()).unwrap();
            assert_orthonormal_columns(&f.vectors);
            assert!(f.values.is_sorted());
            let scaled = product(&f.vectors, &diagonal(&f.values));
            assert_near(&product(&scaled, &f.vectors.transpose()), &x, n as f64 * largest(&x));
        }
    }

    #[test]
    fn cholesky_multiplies_back_and_solves(seed: u64, n in 1usize..10) {
        let a = random(seed, n + 2, n);
        let x = product(&a.transpose(), &a);
        let x = Matrix::from_fn(n, n, |i, j| x[(i.max(j), i.min(j))]);
        let f = linalg::cholesky(x.view()).unwrap();
        assert_near(&product(&f.l, &f.l.transpose()), &x, largest(&x));
        let b = random(seed ^ 1, n, 2);
        let z = f.solve(b.view()).unwrap();
        assert_near(&product(&x, &z), &b, n as f64 * largest(&x) * largest(&z));
        let eigen = linalg::symmetric_eigen(x.view()).unwrap();
        let ln_det: f64 = eigen.values.iter().map(|v| v.ln()).sum();
        prop_assert!((f.ln_determinant() - ln_det).abs() < 1e-7 * ln_det.abs().max(1.0));
    }

    #[test]
    fn solving_inverting_and_the_determinant_agree(seed: u64, n in 1usize..10) {
        let a = random(seed, n, n);
        let b = random(seed ^ 1, n, 3);
        let z = linalg::solve(a.view(), b.view()).unwrap();
        assert_near(&product(&a, &z), &b, n as f64 * largest(&a) * largest(&z));
        let inverse = linalg::inverse(a.view()).unwrap();
        let size = n as f64 * largest(&a) * largest(&inverse);
        assert_near(&product(&a, &inverse), &Matrix::identity(n), size);
        let det = linalg::determinant(a.view()).unwrap();
        let singular = linalg::svd(a.view()).unwrap().singular_values;
        let magnitude: f64 = singular.iter().product();
        prop_assert!((det.abs() - magnitude).abs() <= 1e-10 * magnitude.max(1e-3));
        let swapped = Matrix::from_fn(n, n, |i, j| if n > 1 && i < 2 { a[(1 - i, j)] } else { a[(i, j)] });
        if n > 1 {
            let other = linalg::determinant(swapped.view()).unwrap();
            prop_assert!((other + det).abs() <= 1e-10 * magnitude.max(1e-3));
        }
    }

    #[test]
    fn least_squares_leaves_residuals_at_right_angles(seed: u64, n_rows in 1usize..12, n_cols in 1usize..8) {
        for x in hostile(seed, n_rows, n_cols).into_iter().take(8) {
            let b = random(seed ^ 1, n_rows, 2);
            let fit = linalg::lstsq(x.view(), b.view()).unwrap();
            let fitted = product(&x, &fit.solution);
            let left = Matrix::from_fn(n_rows, 2, |i, j| b[(i, j)] - fitted[(i, j)]);
            let angles = product(&x.transpose(), &left);
            let size = largest(&x).max(1.0) * (1.0 + largest(&x) * largest(&fit.solution));
            assert_near(&angles, &Matrix::zeros(n_cols, 2), n_rows as f64 * size);
            for j in 0..2 {
                let sum: f64 = left.column(j).map(|v| v * v).sum();
                prop_assert!((fit.residuals[j] - sum).abs() <= 1e-9 * sum.max(1.0));
            }
        }
    }
}

#[test]
fn the_shortest_of_many_solutions_is_taken() {
    // x + y = 2 has the shortest solution (1, 1); the doubled column halves it again.
    let a = Matrix::from_rows(&[[1.0f32, 1.0], [2.0, 2.0]]);
    let fit = linalg::lstsq(a.view(), Matrix::from_rows(&[[2.0f32], [4.0]]).view()).unwrap();
    assert_eq!(fit.rank, 1);
    assert!(fit.solution.as_slice().iter().all(|v| (v - 1.0).abs() < 1e-14));
    let none = linalg::lstsq(Matrix::<f64>::zeros(3, 2).view(), random(1, 3, 1).view()).unwrap();
    assert_eq!((none.rank, none.solution.as_slice()), (0, &[0.0, 0.0][..]));
}

#[test]
fn scale_does_not_decide_what_is_singular() {
    let tiny = Matrix::from_rows(&[[1e-200, 1e-200], [1e-200, -1e-200]]);
    let z = linalg::solve(tiny.view(), Matrix::from_rows(&[[2e-200], [0.0]]).view()).unwrap();
    assert_eq!(z.as_slice(), [1.0, 1.0]);
    // Rows in very different units.
    let graded = Matrix::from_rows(&[[1.0, 1.0], [1e-20, 2e-20]]);
    let z = linalg::solve(graded.view(), Matrix::from_rows(&[[3.0], [5e-20]]).view()).unwrap();
    assert!((z[(0, 0)] - 1.0).abs() < 1e-14 && (z[(1, 0)] - 2.0).abs() < 1e-14);
    // Singular up to the rounding of its decimals.
    let rounded = Matrix::from_rows(&[[0.1, 0.2], [0.3, 0.6]]);
    let err = linalg::solve(rounded.view(), random(1, 2, 1).view()).unwrap_err();
    assert!(err.to_string().starts_with("solve: a must be invertible, got pivot"), "{err}");
    // Partial products of the determinant leave the range of f64.
    let wide = diagonal(&[1e200, 1e200, 1e-300, 1e-100]);
    let det = linalg::determinant(wide.view()).unwrap();
    assert!((det - 1.0).abs() < 1e-14);
    assert_eq!(linalg::determinant(diagonal(&[1e200, 1e200]).view()).unwrap(), f64::INFINITY);
    assert_eq!(linalg::determinant(diagonal(&[3.0, 0.0]).view()).unwrap(), 0.0);
}

#[test]
fn a_solution_beyond_the_numbers_is_an_error() {
    let a = diagonal(&[1e-200, 1.0]);
    let err = linalg::solve(a.view(), Matrix::from_rows(&[[1e200], [1.0]]).view()).unwrap_err();
    assert!(matches!(
        err,
        Error::NonFinite { op: "solve", name: "solution", row: 0, column: 0, .. }
    ));
}

#[test]
fn doors_refuse_what_they_cannot_decompose() {
    let text = |err: Error| err.to_string();
    let wide = Matrix::from_rows(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let nan = Matrix::from_rows(&[[1.0, 0.0], [0.0, f64::NAN]]);
    let empty = Matrix::<f64>::zeros(0, 3);
    assert_eq!(
        text(linalg::qr(empty.view()).unwrap_err()),
        "qr: expected x with at least 1 row and 1 column, got (0, 3)"
    );
    assert_eq!(
        text(linalg::svd(nan.view()).unwrap_err()),
        "svd: x must be finite, got NaN at row 1, column 1"
    );
    assert_eq!(
        text(linalg::symmetric_eigen(wide.view()).unwrap_err()),
        "symmetric_eigen: expected a square x, got (2, 3)"
    );
    assert_eq!(
        text(linalg::cholesky(diagonal(&[4.0, 1.0, 0.0, 2.0]).view()).unwrap_err()),
        "cholesky: x must be positive definite, got pivot 0 in row 2"
    );
    let tiny = linalg::cholesky(diagonal(&[1e-300]).view()).unwrap();
    assert_eq!(
        text(tiny.solve(Matrix::from_rows(&[[1e200]]).view()).unwrap_err()),
        "cholesky: solution must be finite, got inf at row 0, column 0"
    );
    assert_eq!(
        text(linalg::determinant(wide.view()).unwrap_err()),
        "determinant: expected a square a, got (2, 3)"
    );
    assert_eq!(
        text(linalg::solve(Matrix::<f64>::identity(2).view(), random(1, 3, 1).view()).unwrap_err()),
        "solve: expected b with 2 rows, as a (2, 2) has, got (3, 1)"
    );
    assert_eq!(
        text(linalg::lstsq(wide.view(), nan.view()).unwrap_err()),
        "lstsq: b must be finite, got NaN at row 1, column 1"
    );
    assert_eq!(
        text(Pca::new(3).fit(wide.view()).unwrap_err()),
        "pca: n_components must be in 1..=2, got 3"
    );
    assert_eq!(
        text(Pca::new(0).fit(wide.view()).unwrap_err()),
        "pca: n_components must be in 1..=2, got 0"
    );
    assert_eq!(
        text(Pca::new(1).fit(wide.view().row_range(0..1)).unwrap_err()),
        "pca: expected at least 2 samples, got 1"
    );
    let model = Pca::new(1).fit(wide.view()).unwrap();
    assert_eq!(
        text(model.transform(nan.view()).unwrap_err()),
        "pca: expected x with 3 features, got (2, 2)"
    );
    assert_eq!(
        text(model.inverse_transform(nan.view()).unwrap_err()),
        "pca: expected z with 1 components, got (2, 2)"
    );
}

#[test]
fn single_precision_tables_are_decomposed_in_double() {
    let x = Matrix::from_rows(&[[0.1f32, 0.2], [0.3, 0.4], [0.5, 0.7]]);
    assert_eq!(linalg::svd(x.view()).unwrap(), linalg::svd(x.cast::<f64>().view()).unwrap());
    // Off symmetry by one rounding of f32, which f64 would call asymmetric.
    let s = Matrix::from_rows(&[[1.0f32, 0.3], [0.3f32.next_up(), 1.0]]);
    linalg::symmetric_eigen(s.view()).unwrap();
    assert!(linalg::symmetric_eigen(s.cast::<f64>().view()).is_err());
}

/// Tall tables are reduced some rows at a time.
#[test]
fn pca_of_a_tall_table_is_its_decomposition() {
    let mut rng = Stream::new(9, "tall").rng(0);
    for (n, d) in [(7, 6), (6, 6), (256, 3), (257, 3), (2000, 5), (1300, 300)] {
        // Columns whose sizes differ by many orders keep their small singular values.
        let sizes = [1e6, 1.0, 1e-3, 10.0, 1e-5];
        let x = Matrix::from_fn(n, d, |_, j| sizes[j % 5] * (rng.normal() + 3.0));
        let means: Vec<f64> = (0..d).map(|j| x.column(j).sum::<f64>() / n as f64).collect();
        let centred = Matrix::from_fn(n, d, |i, j| x[(i, j)] - means[j]);
        let svd = linalg::svd(centred.view()).unwrap();
        let k = d.min(n - 1);
        let model = Pca::new(k).fit(x.view()).unwrap();
        for i in 0..k {
            let (value, expected) = (model.singular_values()[i], svd.singular_values[i]);
            assert!((value - expected).abs() <= 1e-8 * expected, "{n} x {d}: {value}, {expected}");
            let row = model.components().row(i);
            let cosine: f64 = row.iter().zip(svd.vt.row(i)).map(|(a, b)| a * b).sum();
            assert!(d > 5 || (cosine - 1.0).abs() < 1e-9, "{n} x {d}: component {i}, {cosine}");
        }
    }
}

#[test]
fn pca_sees_through_an_offset() {
    let mut rng = Stream::new(5, "pca test").rng(0);
    let z = Matrix::from_fn(50, 2, |_, j| rng.normal() * [3.0, 0.5][j]);
    let offset = |v: f64| v + 1e6;
    let near = Pca::new(2).fit(z.view()).unwrap();
    let far = Pca::new(2).fit(z.map(offset).view()).unwrap();
    for (a, b) in near.explained_variance().iter().zip(far.explained_variance()) {
        assert!((a - b).abs() < 1e-8 * a, "{a} and {b}");
    }
    assert!((near.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-14);
}

#[test]
fn pca_of_constant_samples_explains_nothing() {
    let x = Matrix::from_rows(&[[2.0, 3.0], [2.0, 3.0], [2.0, 3.0]]);
    let model = Pca::new(2).fit(x.view()).unwrap();
    assert_eq!(model.explained_variance(), [0.0, 0.0]);
    assert_eq!(model.explained_variance_ratio(), [0.0, 0.0]);
    assert_eq!(model.transform(x.view()).unwrap(), Matrix::zeros(3, 2));
}

proptest! {
    #[test]
    fn pca_keeps_variance_and_comes_back(seed: u64, n in 2usize..20, d in 1usize..8) {
        let x = random(seed, n, d);
        let k = n.min(d);
        let model = Pca::new(k).fit(x.view()).unwrap();
        let z = model.transform(x.view()).unwrap();
        assert_near(&model.inverse_transform(z.view()).unwrap(), &x, d as f64 * (1.0 + largest(&x)));
        // Coordinates are uncorrelated, with the explained variances on the diagonal.
        let covariance = product(&z.transpose(), &z).map(|v| v / (n - 1) as f64);
        assert_near(&covariance, &diagonal(model.explained_variance()), n as f64 * largest(&covariance).max(1.0));
    }

    #[test]
    fn rows_in_another_order_have_the_same_components(seed: u64) {
        let x = random(seed, 15, 3);
        let order = Stream::new(seed, "order").rng(0).permutation(15);
        let a = Pca::new(1).fit(x.view()).unwrap();
        let b = Pca::new(1).fit(x.view().select_rows(&order).view()).unwrap();
        let gap = a.singular_values()[0] - Pca::new(2).fit(x.view()).unwrap().singular_values()[1];
        prop_assume!(gap > 0.1);
        for (u, v) in a.components().row(0).iter().zip(b.components().row(0)) {
            prop_assert!((u.abs() - v.abs()).abs() < 1e-11 / gap);
        }
    }
}

/// Strided and contiguous views of the same numbers have the same bits.
#[test]
fn the_stride_of_a_view_does_not_show() {
    let wide = random(3, 9, 7);
    let view: MatrixView<'_, f64> = wide.view().column_range(2..6);
    assert_eq!(linalg::svd(view).unwrap(), linalg::svd(view.to_matrix().view()).unwrap());
}
