//! A measured row.

use crate::blobs::{Blobs, Table};
use crate::measure::{Row, first_call, time};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A row of one crate.
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) peer: &'static str,
    pub(crate) run: Box<dyn FnOnce() -> Row>,
}

/// The same work in both precisions: `family/set` and `family/set-f64`.
pub(crate) fn both(
    tasks: &mut Vec<Task>,
    (family, peer): (&str, &'static str),
    set: Blobs,
    single: impl FnOnce(Table<f32>) -> Row + 'static,
    double: impl FnOnce(Table<f64>) -> Row + 'static,
) {
    let name = format!("{family}/{}", set.name);
    let double_name = format!("{name}-f64");
    tasks.push(Task { name, peer, run: Box::new(move || single(set.table_f32())) });
    tasks.push(Task { name: double_name, peer, run: Box::new(move || double(set.table())) });
}

/// Longest first call.
const LIMIT: Duration = Duration::from_secs(60);

/// Seconds of `fit`, with the time and the memory of its first call and what `tell` says of the
/// last result. Ends the process when the first call takes too long.
pub(crate) fn row<M>(mut fit: impl FnMut() -> M, tell: impl FnOnce(&M, Row) -> Row) -> Row {
    static IS_IN_TIME: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        if !IS_IN_TIME.load(Ordering::Relaxed) {
            eprintln!("the first call takes more than {} s", LIMIT.as_secs());
            std::process::exit(1);
        }
    });
    let first = first_call(&mut fit);
    IS_IN_TIME.store(true, Ordering::Relaxed);
    let mut last = None;
    let timing = time(|| last = Some(fit()));
    let row = Row::duration(&timing, 1.0, "s")
        .with("first_s", first.seconds)
        .with("extra_peak_mb", first.extra_peak_mb);
    tell(&last.expect("it ran"), row)
}
