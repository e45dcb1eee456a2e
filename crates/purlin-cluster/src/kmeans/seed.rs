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
        _ => Seeds::new(op, x, weights).and_then(|seeds| seeds.choose(init, k, stream)),
    };
    first.map_err(|err| in_the_name_of(op, err))
}

/// Samples among which several pairs, triples and so on of first centroids are chosen.
pub(crate) struct Seeds<'a, T: Real> {
    op: &'static str,
    table: Table<'a, T>,
}

impl<'a, T: Real> Seeds<'a, T> {
    /// The caller has checked `x` and the weights.
    pub(crate) fn new(
        op: &'static str,
        x: MatrixView<'a, T>,
        weights: Option<&'a [T]>,
    ) -> Result<Self> {
        let table = Table::new(x, weights).map_err(|err| in_the_name_of(op, err))?;
        Ok(Self { op, table })
    }

    /// The mean variance of the columns.
    pub(crate) fn variance(&self) -> f64 {
        self.table.variance
    }

    /// The first `k` centroids by `init`, which gives none.
    pub(crate) fn choose(&self, init: &Init, k: usize, stream: &Stream) -> Result<Matrix<T>> {
        init::start(init, &self.table, k, std::slice::from_ref(stream))
            .map(|mut all| all.swap_remove(0))
            .map_err(|err| in_the_name_of(self.op, err))
    }
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
