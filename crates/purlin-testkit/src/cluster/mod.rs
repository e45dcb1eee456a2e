//! The laws of clusterings.

mod clusterer;
mod dendrogram;
mod groups;
mod invariance;
mod predict;
mod weights;

pub use clusterer::{ClustererCheck, check_clusterer};
pub use dendrogram::check_dendrogram;
pub use groups::three_groups;
pub use invariance::{check_invariance, check_permutation};
pub use predict::check_predict;
pub use weights::check_weights;

use purlin_cluster::Clustering;
use purlin_core::{Error, Matrix, MatrixView, Real};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Labels of the rows, `None` for noise.
type Labels = Vec<Option<usize>>;

/// What `f` says; a panic breaks the law.
#[track_caller]
fn guard<R>(what: &str, f: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "without a text".to_owned());
        panic!("law of clusterings: no panic on data, {what}: {text}")
    })
}

/// The labels of a model, one for each of `n` rows and below the number of clusters.
#[track_caller]
fn labels_of<T: Real>(what: &str, model: &impl Clustering<T>, (n, d): (usize, usize)) -> Labels {
    let (labels, n_clusters) = (model.labels(), model.n_clusters());
    assert_eq!(labels.len(), n, "law of clusterings: one label for each row, {what}");
    let largest = labels.iter().flatten().max();
    assert!(
        largest.is_none_or(|&largest| largest < n_clusters),
        "law of clusterings: labels are below n_clusters, {what}: got {largest:?} of {n_clusters}"
    );
    let n_features = model.n_features();
    assert_eq!(n_features, d, "law of clusterings: n_features is the columns of x, {what}");
    labels
}

/// The same partition with clusters numbered by their first row.
fn renumbered(labels: &[Option<usize>]) -> Labels {
    let mut numbers: Vec<usize> = Vec::new();
    let number = |label: usize| {
        numbers.iter().position(|&other| other == label).unwrap_or_else(|| {
            numbers.push(label);
            numbers.len() - 1
        })
    };
    let mut number = number;
    labels.iter().map(|label| label.map(&mut number)).collect()
}

/// Panics with the first row where two partitions differ, whatever the numbers of the clusters.
#[track_caller]
fn assert_same_partition(law: &str, actual: &[Option<usize>], expected: &[Option<usize>]) {
    let (actual, expected) = (renumbered(actual), renumbered(expected));
    let differs = |&i: &usize| actual[i] != expected[i];
    let n = actual.len().min(expected.len());
    if let Some(i) = (0..n).find(differs) {
        let count = (0..n).filter(differs).count();
        let (a, e) = (actual[i], expected[i]);
        panic!(
            "law of clusterings: {law}: row {i} is in {a:?}, expected {e:?} ({count} of {n} \
             differ; clusters are numbered by their first row)"
        );
    }
    assert_eq!(actual.len(), expected.len(), "law of clusterings: {law}: number of labels");
}

/// Panics unless `error` names its operation.
#[track_caller]
fn assert_names_operation(what: &str, error: &Error, name: &str) {
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("{name}: ")),
        "law of clusterings: an error begins with the operation {name}, {what}: {text}"
    );
}

/// Panics unless a table with one bad number is refused with its row and column.
#[track_caller]
fn check_refuses_non_finite<T: Real, R>(
    what: &str,
    x: MatrixView<'_, T>,
    mut f: impl FnMut(MatrixView<'_, T>) -> Result<R, Error>,
) {
    let (n, d) = x.shape();
    for (bad, at) in [
        (T::NAN, (0, 0)),
        (T::INFINITY, (n - 1, d - 1)),
        (T::NEG_INFINITY, (n / 2, 0)),
        (T::NAN, (n / 2, d - 1)),
    ] {
        let mut table: Matrix<T> = x.to_matrix();
        table[at] = bad;
        let result = guard(&format!("{what}: {bad} at {at:?}"), || f(table.view()));
        let is_refused = matches!(&result, Err(Error::NonFinite { row, column, .. })
            if (*row, *column) == at);
        let got = result.err().map_or_else(|| "a result".to_owned(), |err| err.to_string());
        assert!(
            is_refused,
            "law of clusterings: {what} refuses {bad} with its row and column {at:?}, got {got}"
        );
    }
}
