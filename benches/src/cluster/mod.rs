//! Clustering.

mod blobs;
mod density;
mod growth;
mod hierarchy;
mod kmeans;
mod mixture;
mod scores;
mod spectral;

use crate::Task;
use crate::measure::{Row, first_call, time};
use blobs::{Blobs, Table};
pub(crate) use growth::tasks as growth;

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = kmeans::tasks();
    tasks.extend(density::tasks());
    tasks.extend(hierarchy::tasks());
    tasks.extend(mixture::tasks());
    tasks.extend(spectral::tasks());
    tasks.extend(scores::tasks());
    tasks
}

/// The same work in both precisions: `name` and `name-f64`.
fn both(
    tasks: &mut Vec<Task>,
    name: &str,
    blobs: Blobs,
    single: impl FnOnce(Table<f32>) -> Row + 'static,
    double: impl FnOnce(Table<f64>) -> Row + 'static,
) {
    tasks.push(Task::new(name, move || single(blobs.table_f32())));
    tasks.push(Task::new(format!("{name}-f64"), move || double(blobs.table())));
}

/// Seconds of `fit`, with the time and the memory of its first call and what `tell` says of the
/// last result.
fn row<M>(mut fit: impl FnMut() -> M, tell: impl FnOnce(&M, Row) -> Row) -> Row {
    let first = first_call(&mut fit);
    let mut last = None;
    let timing = time(|| last = Some(fit()));
    let row = Row::duration(&timing, 1.0, "s")
        .with("first_s", first.seconds)
        .with("extra_peak_mb", first.extra_peak_mb);
    tell(&last.expect("it ran"), row)
}
