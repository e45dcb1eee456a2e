//! What a weight means.

use super::{assert_same_partition, guard, labels_of};
use purlin_cluster::Clustering;
use purlin_core::{Error, MatrixView, Real};

/// Law: a weight of `w` is `w` samples in one place.
///
/// `fit` clusters a table with a weight for each row. Give it weights of 0 where the algorithm takes
/// such rows for absent (DBSCAN does not: their neighbours may make them cores); their own labels
/// are not compared. Also: weights that are not one for each row, negative, not finite, or 0
/// throughout are refused.
///
/// For algorithms that draw at random the law holds where the draws do not matter: for given
/// starts, or for a table with one answer only.
///
/// # Panics
///
/// When a law is broken; the text names it and the first row.
///
/// # Examples
///
/// ```
/// use purlin_cluster::Dbscan;
/// use purlin_testkit::{check_weights, three_groups};
///
/// let x = three_groups::<f64>(90, 2);
/// let weights: Vec<usize> = (0..90).map(|i| 1 + i % 3).collect();
/// check_weights(x.view(), &weights, |x, w| Dbscan::new(0.4, 5).fit_weighted(x, w));
/// ```
#[track_caller]
pub fn check_weights<T: Real, M: Clustering<T>>(
    x: MatrixView<'_, T>,
    weights: &[usize],
    fit: impl Fn(MatrixView<'_, T>, &[T]) -> Result<M, Error>,
) {
    let n = x.n_rows();
    assert_eq!(weights.len(), n, "law of weights: one for each row of the check's table");
    let labels = |what: &str, x: MatrixView<'_, T>, weights: &[T]| {
        let model = guard(what, || fit(x, weights));
        let model = model.unwrap_or_else(|err| panic!("law of weights: {what}: {err}"));
        labels_of(what, &model, x.shape())
    };
    let numbers: Vec<T> = weights.iter().map(|&w| T::from_f64(w as f64)).collect();
    let weighted = labels("weights", x, &numbers);
    let rows: Vec<usize> = (0..n).flat_map(|i| std::iter::repeat_n(i, weights[i])).collect();
    let copied = labels("copies", x.select_rows(&rows).view(), &vec![T::ONE; rows.len()]);
    let spread: Vec<Option<usize>> = rows.iter().map(|&row| weighted[row]).collect();
    assert_same_partition("a weight of w is w copies", &spread, &copied);

    let first = |value: T| {
        let mut changed = vec![T::ONE; n];
        changed[0] = value;
        changed
    };
    for (what, bad) in [
        ("one weight too few", vec![T::ONE; n - 1]),
        ("one weight too many", vec![T::ONE; n + 1]),
        ("a negative weight", first(-T::ONE)),
        ("NaN as a weight", first(T::NAN)),
        ("an infinite weight", first(T::INFINITY)),
        ("weights of 0 throughout", vec![T::ZERO; n]),
    ] {
        let is_refused = guard(what, || fit(x, &bad)).is_err();
        assert!(is_refused, "law of weights: {what} is refused");
    }
}
