//! Gaussian mixtures of linfa-clustering.

use crate::blobs::{Blobs, Table};
use crate::kmeans::array;
use crate::measure::Row;
use crate::task::{Task, both, row};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{GaussianMixtureModel, GmmError};
use std::hint::black_box;

const SET: Blobs = Blobs::new("gmm-100k-16", (100_000, 16, 10), 4.0, 404);

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    let family = ("gmm-full-20it", "linfa-clustering");
    both(&mut tasks, family, SET, rounds, rounds);
    tasks
}

/// Twenty rounds. The start is its own k-means of ten runs, which cannot be replaced, and a fit that
/// ends by its number of rounds returns no model: what it found is not compared.
fn rounds<T: linfa::Float>(x: Table<T>) -> Row {
    let params = GaussianMixtureModel::params(SET.k)
        .n_runs(1)
        .max_n_iterations(20)
        .tolerance(<T as num_traits::Float>::min_positive_value());
    let data = DatasetBase::from(array(x));
    row(
        || match params.fit(black_box(&data)) {
            Ok(_) => true,
            Err(GmmError::NotConverged(_)) => false,
            Err(error) => panic!("blobs can be clustered: {error}"),
        },
        |&has_converged, row| {
            row.with("note", "its own k-means within the time").with("has_converged", has_converged)
        },
    )
}
