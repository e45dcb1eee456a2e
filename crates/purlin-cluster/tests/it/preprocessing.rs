//! Scalers and projection: known answers, the reference values, the doors that stay shut.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::unreadable_literal, reason = "reference values as they were printed")]

use proptest::prelude::*;
use purlin_cluster::preprocessing::{MinMaxScaler, Pca, RobustScaler, ScalerModel, StandardScaler};
use purlin_core::{Matrix, MatrixView};
use purlin_testkit::{
    check_same_bits_on_all_isas, check_same_bits_on_threads, reference, strategies,
};

fn table() -> Matrix<f64> {
    Matrix::from_rows(&[
        [1.5, -2.0, 7.0],
        [0.25, 4.0, 7.0],
        [3.0, 0.5, 7.0],
        [-1.0, 10.0, 7.0],
        [2.0, 3.0, 7.0],
        [8.5, -6.0, 7.0],
    ])
}

/// A few roundings of numbers near 1.
const TOL: f64 = 1e-14;

/// The first two columns of `table`, scaled; the third, of equal numbers, becomes `flat`.
#[track_caller]
fn check(scaler: &ScalerModel, expected: [[f64; 2]; 6], flat: f64) {
    let x = table();
    let z = scaler.transform(x.view()).unwrap();
    for (row, expected) in z.view().rows().zip(expected) {
        for (z, expected) in row.iter().zip(expected) {
            assert!((z - expected).abs() < TOL, "{z}, expected {expected}");
        }
        assert_eq!(row[2], flat);
    }
    assert!(scaler.scale()[2] > 0.0 && scaler.n_features() == 3);
    let back = scaler.inverse_transform(z.view()).unwrap();
    for (back, x) in back.as_slice().iter().zip(x.as_slice()) {
        assert!((back - x).abs() < 10.0 * TOL);
    }
}

/// By scikit-learn 1.9.1 from the same table.
#[test]
fn scikit_learns_numbers_are_met() {
    let x = table();
    let standard = [
        [-0.2897447625288625, -0.7161694993042521],
        [-0.7036658518558089, 0.48299803441449574],
        [0.2069605446634732, -0.21651636025477392],
        [-1.1175869411827553, 1.6821655681332435],
        [-0.12417632679808392, 0.2831367787947044],
        [2.0282133377020375, -1.5156145217834174],
    ];
    check(&StandardScaler::new().fit(x.view()).unwrap(), standard, 0.0);
    let min_max = [
        [-0.6842105263157896, -0.75],
        [-1.342105263157895, 1.125],
        [0.10526315789473673, 0.03125],
        [-2.0, 3.0],
        [-0.42105263157894757, 0.8125],
        [3.0, -2.0],
    ];
    check(&MinMaxScaler::new().range(-2.0, 3.0).fit(x.view()).unwrap(), min_max, -2.0);
    let robust = [
        [-0.11428571428571428, -0.7317073170731707],
        [-0.6857142857142857, 0.43902439024390244],
        [0.5714285714285714, -0.24390243902439024],
        [-1.2571428571428571, 1.6097560975609757],
        [0.11428571428571428, 0.24390243902439024],
        [3.085714285714286, -1.5121951219512195],
    ];
    check(&RobustScaler::new().fit(x.view()).unwrap(), robust, 0.0);
    let wide = [
        [-0.04081632653061224, -0.3409090909090909],
        [-0.24489795918367346, 0.20454545454545456],
        [0.20408163265306123, -0.11363636363636363],
        [-0.4489795918367347, 0.75],
        [0.04081632653061224, 0.11363636363636363],
        [1.1020408163265305, -0.7045454545454546],
    ];
    check(&RobustScaler::new().quantiles(0.1, 0.9).fit(x.view()).unwrap(), wide, 0.0);
}

#[test]
fn reference_projections_are_met() {
    let Some(sets) = crate::common::reference_sets() else { return };
    for (name, set) in sets {
        let (n, d) = (set["n"].as_u64().unwrap() as usize, set["d"].as_u64().unwrap() as usize);
        let x = Matrix::from_vec(reference::numbers(&set["X"]), n, d).unwrap();
        let pca = &set["pca"];
        let k = pca["n_components"].as_u64().unwrap() as usize;
        let model = Pca::new(k).fit(x.view()).unwrap();
        let close = |got: &[f64], name: &str| {
            let expected = reference::numbers(&pca[name]);
            assert_eq!(got.len(), expected.len());
            got.iter().zip(expected).all(|(a, b)| (a - b).abs() < PCA_TOL * b.abs().max(1.0))
        };
        assert!(close(model.mean(), "mean"), "{name}");
        assert!(close(model.explained_variance(), "explained_variance"), "{name}");
        assert!(close(model.explained_variance_ratio(), "explained_variance_ratio"), "{name}");
        let expected = reference::numbers(&pca["components_up_to_sign"]);
        let components = model.components();
        for (row, expected) in components.view().rows().zip(expected.chunks(d)) {
            let dot: f64 = row.iter().zip(expected).map(|(a, b)| a * b).sum();
            assert!((dot.abs() - 1.0).abs() < PCA_TOL, "{name}: {dot}");
            let most = row.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(row.contains(&most), "{name}: the greatest number must be positive");
        }
        let plane = model.transform(x.view()).unwrap();
        let again = model.inverse_transform(plane.view()).unwrap();
        assert_eq!((plane.shape(), again.shape()), ((n, k), (n, d)));
        if k == d {
            let is_close = |(a, b): (&f64, &f64)| (a - b).abs() < PCA_TOL * b.abs().max(1.0);
            assert!(again.as_slice().iter().zip(x.as_slice()).all(is_close), "{name}");
        }
    }
}

const PCA_TOL: f64 = 1e-9;

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let nan = Matrix::from_rows(&[[1.0, 2.0], [3.0, f64::NAN]]);
    let none = MatrixView::<f64>::from_slice(&[], 0, 2).unwrap();
    for (op, fit) in [
        ("standard scaler", (|x| StandardScaler::new().fit(x)) as fn(MatrixView<'_, f64>) -> _),
        ("min-max scaler", |x| MinMaxScaler::new().fit(x)),
        ("robust scaler", |x| RobustScaler::new().fit(x)),
    ] {
        let text = |x| fit(x).unwrap_err().to_string();
        let expected = format!("{op}: x must be finite, got NaN at row 1, column 1");
        assert_eq!(text(nan.view()), expected);
        assert_eq!(text(none), format!("{op}: expected at least 1 samples, got 0"));
        let scaler = fit(table().view()).unwrap();
        let err = scaler.transform(nan.view()).unwrap_err().to_string();
        assert_eq!(err, format!("{op}: expected x with 3 columns, got 2"));
    }
    let x = table();
    let err = MinMaxScaler::new().range(1.0, 1.0).fit(x.view()).unwrap_err();
    let expected = "min-max scaler: range must be finite and of positive extent, got 1 to 1";
    assert_eq!(err.to_string(), expected);
    let err = RobustScaler::new().quantiles(0.5, 0.25).fit(x.view()).unwrap_err();
    let expected = "robust scaler: quantiles must be increasing, from 0 to 1, got 0.5 and 0.25";
    assert_eq!(err.to_string(), expected);
    let wide = MatrixView::from_rows(&[[f64::MAX], [f64::MIN]]);
    let err = MinMaxScaler::new().fit(wide).unwrap_err();
    let expected = "min-max scaler: x must be of finite spread in each column, got inf in column 0";
    assert_eq!(err.to_string(), expected);
}

#[test]
fn instruction_sets_do_not_change_a_bit() {
    let x = table();
    check_same_bits_on_all_isas(|| {
        let scaled = StandardScaler::new().fit(x.view()).unwrap().transform(x.view()).unwrap();
        (scaled, Pca::new(2).fit(x.view()).unwrap().transform(x.view()).unwrap())
    });
}

/// Columns are read some at a time, on several threads.
#[test]
fn a_column_is_scaled_as_if_it_were_alone() {
    let x = Matrix::from_fn(3000, 19, |i, j| ((i * (j + 3)) % 97) as f64 / (j + 1) as f64);
    let fit = |x: MatrixView<'_, f64>| {
        [
            StandardScaler::new().fit(x).unwrap(),
            MinMaxScaler::new().fit(x).unwrap(),
            RobustScaler::new().fit(x).unwrap(),
        ]
    };
    let together = fit(x.view());
    for j in 0..19 {
        for (all, one) in together.iter().zip(fit(x.view().column_range(j..j + 1))) {
            assert_eq!((all.center()[j], all.scale()[j]), (one.center()[0], one.scale()[0]));
        }
    }
    check_same_bits_on_threads(|| {
        fit(x.view()).map(|scaler| [scaler.center().to_vec(), scaler.scale().to_vec()])
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the table: columns of equal numbers are centred, others have the promised spread.
    #[test]
    fn columns_have_the_promised_spread(x in strategies::hostile_matrix(1usize..40, 1usize..5)) {
        let n = x.n_rows() as f64;
        let standard = StandardScaler::new().fit(x.view()).unwrap();
        let robust = RobustScaler::new().fit(x.view()).unwrap();
        let unit = MinMaxScaler::new().fit(x.view()).unwrap().transform(x.view()).unwrap();
        let [normal, middling] = [&standard, &robust].map(|s| s.transform(x.view()).unwrap());
        for j in 0..x.n_cols() {
            let mut sorted: Vec<f64> = middling.view().column(j).collect();
            sorted.sort_by(f64::total_cmp);
            let quantile = |share: f64| {
                let place = share * (n - 1.0);
                let [a, b] = [place.floor(), place.ceil()].map(|place| sorted[place as usize]);
                a + (b - a) * place.fract()
            };
            let spread = quantile(0.75) - quantile(0.25);
            // A number is good to a rounding of the greatest in its column.
            let most = x.view().column(j).fold(0.0, |most: f64, v| most.max(v.abs()));
            let tol = |scale: f64| 1e-13 + 8.0 * f64::EPSILON * most / scale;
            let of_robust = tol(robust.scale()[j]);
            prop_assert!(quantile(0.5).abs() <= of_robust, "median {}", quantile(0.5));
            prop_assert!(spread == 0.0 || (spread - 1.0).abs() <= of_robust, "spread {spread}");
            let tol = tol(standard.scale()[j]);
            let scaled: Vec<f64> = normal.view().column(j).collect();
            let mean = scaled.iter().sum::<f64>() / n;
            let variance = scaled.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / n;
            prop_assert!(mean.abs() <= tol, "mean {mean}");
            let column: Vec<f64> = x.view().rows().map(|row| row[j]).collect();
            let is_flat = column.iter().all(|&value| value == column[0]);
            let scaled: Vec<f64> = unit.view().rows().map(|row| row[j]).collect();
            let most = scaled.iter().copied().fold(0.0, f64::max);
            prop_assert_eq!(most, if is_flat { 0.0 } else { 1.0 });
            prop_assert!(scaled.iter().all(|value| (0.0..=1.0).contains(value)));
            if is_flat {
                prop_assert_eq!((standard.center()[j], standard.scale()[j]), (column[0], 1.0));
                prop_assert_eq!((robust.center()[j], robust.scale()[j]), (column[0], 1.0));
            } else {
                prop_assert!((variance - 1.0).abs() <= tol, "variance {variance}");
            }
        }
    }
}
