//! Principal components agree with an established library's, up to sign.

use purlin_core::Matrix;
use purlin_core::linalg::Pca;
use purlin_testkit::reference::{json, numbers};
use purlin_testkit::{Tolerance, assert_close};

/// Two backward stable programs on the same numbers; components turn by rounding over the gap.
const TOLERANCE: Tolerance = Tolerance { rtol: 1e-9, atol: 1e-9 };

const DATA_SETS: [&str; 11] = [
    "blobs-no-ties",
    "compound",
    "digits-120",
    "flame",
    "hepta",
    "iris",
    "jain",
    "lsun",
    "r15",
    "tetra",
    "wine-standardised",
];

#[test]
fn principal_components_are_scikit_learns() {
    let mut n_compared = 0;
    for name in DATA_SETS {
        let path = format!("reference/clustering/{name}.json.gz");
        let Some(case) = json(&path) else { return };
        let expected = &case["pca"];
        let Some(n_components) = expected["n_components"].as_u64() else { continue };
        let (n, d) = (case["n"].as_u64().unwrap() as usize, case["d"].as_u64().unwrap() as usize);
        let x = Matrix::from_vec(numbers(&case["X"]), n, d).unwrap();
        let model = Pca::new(n_components as usize).fit(x.view()).unwrap();
        assert_close(model.mean(), &numbers(&expected["mean"]), TOLERANCE);
        let variance = numbers(&expected["explained_variance"]);
        assert_close(model.explained_variance(), &variance, TOLERANCE);
        let ratio = numbers(&expected["explained_variance_ratio"]);
        assert_close(model.explained_variance_ratio(), &ratio, TOLERANCE);
        let singular = numbers(&expected["singular_values"]);
        assert_close(model.singular_values(), &singular, TOLERANCE);
        let components = numbers(&expected["components_up_to_sign"]);
        for (ours, theirs) in model.components().rows().zip(components.chunks(d)) {
            let inner: f64 = ours.iter().zip(theirs).map(|(a, b)| a * b).sum();
            let theirs: Vec<f64> = theirs.iter().map(|v| v * inner.signum()).collect();
            assert_close(ours, &theirs, TOLERANCE);
        }
        n_compared += 1;
    }
    assert!(n_compared >= 5, "expected at least 5 sets with components, got {n_compared}");
}
