//! What a model says of new rows.

use super::{check_refuses_non_finite, guard, labels_of};
use crate::check_same_bits_on_threads;
use purlin_cluster::{Clusterer, Predict};
use purlin_core::{Error, Matrix, MatrixView, Real};

/// Law: a model predicts the labels of the rows it was fitted to.
///
/// And: rows one by one as together, on any number of threads; no row for no row; a table with
/// another number of columns is refused with [`Error::Shape`], NaN and infinities with their row
/// and column.
///
/// # Panics
///
/// When a law is broken; the text names it and the first row.
///
/// # Examples
///
/// ```
/// use purlin_cluster::KMeans;
/// use purlin_testkit::{check_predict, three_groups};
///
/// check_predict(&KMeans::new(5).seed(2), three_groups::<f32>(300, 4).view());
/// ```
#[track_caller]
pub fn check_predict<T: Real, C: Clusterer<T>>(algorithm: &C, x: MatrixView<'_, T>)
where
    C::Model: Predict<T> + Sync,
{
    let model = guard("fit", || algorithm.fit(x));
    let model = model.unwrap_or_else(|err| panic!("law of predictions: x is accepted: {err}"));
    let expected = labels_of("x", &model, x.shape());
    let predict = |x: MatrixView<'_, T>| {
        let labels = guard("predict", || model.predict(x));
        labels.unwrap_or_else(|err| panic!("law of predictions: good rows are accepted: {err}"))
    };
    let together = predict(x);
    assert_eq!(together.len(), x.n_rows(), "law of predictions: one label for each row");
    let differs = |&i: &usize| together[i] != expected[i];
    if let Some(i) = (0..expected.len()).find(differs) {
        let count = (0..expected.len()).filter(differs).count();
        panic!(
            "law of predictions: predict(x) is the labels: row {i} is in {:?}, expected {:?} \
             ({count} of {} differ)",
            together[i],
            expected[i],
            expected.len()
        );
    }
    for (i, &expected) in together.iter().enumerate().take(50) {
        let alone = predict(x.row_range(i..i + 1));
        assert!(
            alone == [expected],
            "law of predictions: a row alone as among others: row {i} is in {alone:?}, expected \
             {expected:?}"
        );
    }
    assert!(predict(x.row_range(0..0)).is_empty(), "law of predictions: no label for no row");
    check_same_bits_on_threads(|| predict(x));

    let (n, d) = x.shape();
    for columns in [0, d - 1, d + 1] {
        let result = guard("predict", || model.predict(Matrix::zeros(n, columns).view()));
        let got = match result {
            Err(Error::Shape { .. }) => continue,
            Err(err) => err.to_string(),
            Ok(_) => "labels".to_owned(),
        };
        panic!("law of predictions: {columns} columns for {d} are an error of shape, got {got}");
    }
    check_refuses_non_finite("predict", x, |x| model.predict(x));
}
