//! What the tests of several algorithms share: the reference results, tables, the law of bits.

use purlin_backend::parallel;
use purlin_cluster::Result;
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, check_same_bits_on_all_isas, check_same_bits_on_threads, reference};
use serde_json::Value;

/// The sets of `reference/clustering`, by name.
const SETS: [&str; 13] = [
    "blobs-no-ties",
    "compound",
    "digits-120",
    "flame",
    "hepta",
    "iris",
    "jain",
    "lsun",
    "pathbased",
    "r15",
    "spiral",
    "tetra",
    "wine-standardised",
];

/// Names and contents of all sets; none where the folder of test data is not at hand.
pub(crate) fn reference_sets() -> Option<Vec<(&'static str, Value)>> {
    let read =
        |name| Some((name, reference::json(&format!("reference/clustering/{name}.json.gz"))?));
    SETS.into_iter().map(read).collect()
}

/// Samples around `k` centers in turn, `std` in each direction.
pub(crate) fn blobs<T: Real>(n: usize, d: usize, k: usize, std: f64, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "blobs").rng(0);
    let centers: Vec<f64> = (0..k * d).map(|_| rng.uniform_in(-10.0, 10.0)).collect();
    Matrix::from_fn(n, d, |i, j| T::from_f64(centers[i % k * d + j] + std * rng.normal()))
}

/// Rows of a table that is so large that even one operation on each number is cut for threads.
pub(crate) fn many_rows(n_features: usize) -> usize {
    parallel::THRESHOLD.div_ceil(n_features)
}

/// The same bits on any number of threads and any instruction set.
#[track_caller]
pub(crate) fn check_same_bits<R: Bits + Send>(f: impl Fn() -> R + Sync + Send) {
    check_same_bits_on_threads(&f);
    check_same_bits_on_all_isas(&f);
}

/// Labels by first appearance.
pub(crate) fn canonical(labels: impl Iterator<Item = Option<usize>>) -> Vec<Option<usize>> {
    let mut seen = Vec::new();
    labels
        .map(|label| {
            let label = label?;
            Some(seen.iter().position(|&known| known == label).unwrap_or_else(|| {
                seen.push(label);
                seen.len() - 1
            }))
        })
        .collect()
}

/// How many rows are apart from all before.
pub(crate) fn n_distinct(
    x: MatrixView<'_, f64>,
    is_apart: impl Fn(&[f64], &[f64]) -> bool,
) -> usize {
    let mut known: Vec<&[f64]> = Vec::new();
    for row in x.rows() {
        if known.iter().all(|other| is_apart(other, row)) {
            known.push(row);
        }
    }
    known.len()
}

/// The refusal of a table with fewer different rows than clusters, if this is one: rows whose
/// squares underflow are as one.
pub(crate) fn too_few_distinct(x: MatrixView<'_, f64>, k: usize) -> Option<&'static str> {
    use purlin_backend::distance::naive::squared_euclidean;
    (n_distinct(x, |a, b| squared_euclidean(a, b) > 0.0) < k).then_some("distinct samples, got")
}

/// The model, or none where a refusal in these words is due; whatever else is fitted or refused
/// fails.
#[track_caller]
pub(crate) fn model_unless<M>(refusal: Option<&str>, fitted: Result<M>) -> Option<M> {
    match (refusal, fitted) {
        (None, Ok(model)) => Some(model),
        (Some(words), Err(err)) => {
            assert!(err.to_string().contains(words), "expected {words}, got {err}");
            None
        }
        (refusal, fitted) => panic!("expected {refusal:?}, got {:?}", fitted.err()),
    }
}
