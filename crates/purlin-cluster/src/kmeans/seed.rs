//! The first centroids, for the relatives of k-means.

use super::table::Table;
use super::{Init, KMeans, init};
use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};

/// Chooses the first `k` centroids of `x`, as k-means does, with errors in the name of `op`.
///
/// The caller has checked `x` and the weights.
pub(crate) fn first_centroids<T: Real>(
    op: &'static str,
    init: &Init,
    x: MatrixView<'_, T>,
    weights: Option<&[T]>,
    k: usize,
    stream: &Stream,
) -> Result<Matrix<T>> {
    let first = match init {
        Init::Centroids(given) => KMeans::new(k).given(given, x.n_cols()),
        _ => Table::new(x, weights)
            .and_then(|table| init::start(init, &table, k, std::slice::from_ref(stream)))
            .map(|mut all| all.swap_remove(0)),
    };
    first.map_err(|err| in_the_name_of(op, err))
}

/// Refuses parameters of `init` outside of their range, with errors in the name of `op`.
pub(crate) fn check_init(op: &'static str, init: &Init, n_init: usize) -> Result<()> {
    let kmeans = KMeans::new(1).init(init.clone()).n_init(n_init);
    kmeans.check().map_err(|err| in_the_name_of(op, err))
}

/// The same error of another operation.
pub(super) fn in_the_name_of(name: &'static str, mut err: Error) -> Error {
    match &mut err {
        Error::Shape { op, .. }
        | Error::InvalidParam { op, .. }
        | Error::NonFinite { op, .. }
        | Error::TooFewSamples { op, .. }
        | Error::OutOfBudget { op, .. } => *op = name,
        _ => {}
    }
    err
}
