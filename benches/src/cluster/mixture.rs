//! Gaussian mixtures.

use super::{Blobs, Table, both, row};
use crate::Task;
use crate::measure::Row;
use purlin_cluster::{Covariance, Covariances, GaussianMixture, MixtureInit};
use purlin_core::{Matrix, Real};
use std::hint::black_box;

const SET: Blobs = Blobs::new("gmm-100k-16", (100_000, 16, 10), 4.0, 404);

/// The variance that all components start with.
const VARIANCE: f64 = 40.0;

pub(super) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    for (word, kind) in [("full", Covariance::Full), ("diag", Covariance::Diag)] {
        let name = format!("gmm-{word}-20it/{}", SET.name);
        both(&mut tasks, &name, SET, move |x| rounds(&x, kind), move |x| rounds(&x, kind));
    }
    tasks
}

/// Twenty rounds from the first points, of equal weight.
fn rounds<T: Real>(x: &Table<T>, kind: Covariance) -> Row {
    let Blobs { k, d, .. } = SET;
    let precisions = if kind == Covariance::Diag {
        Covariances::Diag(Matrix::from_fn(k, d, |_, _| 1.0 / VARIANCE))
    } else {
        let one = Matrix::from_fn(d, d, |i, j| if i == j { 1.0 / VARIANCE } else { 0.0 });
        Covariances::Full(vec![one; k])
    };
    let start =
        MixtureInit::Given { weights: vec![1.0 / k as f64; k], means: x.first(k), precisions };
    let mixture = GaussianMixture::new(k).covariance(kind).init(start).tol(0.0).max_iter(20);
    row(
        || mixture.fit(black_box(x.view())).expect("blobs can be clustered"),
        |model, row| row.with("lower_bound", model.lower_bound()).with("n_iter", model.n_iter()),
    )
}
