//! The same seed, the same numbers: a hash of the results of each algorithm, in `values.txt`.
//!
//! A row that changes is a value change, announced in `CHANGELOG.md`;
//! `PURLIN_UPDATE_VALUES=1 cargo test -p purlin --test value_stability` writes the table anew.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clusters;
mod data;
mod kernels;
mod layers;
mod losses;
mod table;
mod training;

use purlin::backend::isa::{self, IsaKind};
use std::path::Path;
use table::Table;

fn found() -> Table {
    let mut table = Table::default();
    data::random(&mut table);
    kernels::rows::<f32>(&mut table);
    kernels::rows::<f64>(&mut table);
    layers::initialisers(&mut table);
    layers::rows::<f32>(&mut table);
    layers::rows::<f64>(&mut table);
    losses::rows::<f32>(&mut table);
    losses::rows::<f64>(&mut table);
    training::optimizers::<f32>(&mut table);
    training::optimizers::<f64>(&mut table);
    training::schedules(&mut table);
    training::whole(&mut table);
    training::gan(&mut table);
    data::generators(&mut table);
    data::pictures(&mut table);
    data::order(&mut table);
    data::decompositions(&mut table);
    clusters::rows::<f32>(&mut table);
    clusters::rows::<f64>(&mut table);
    clusters::columns(&mut table);
    table
}

#[test]
fn values_are_those_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/value_stability/values.txt");
    let found = found();
    if std::env::var_os("PURLIN_UPDATE_VALUES").is_some() {
        std::fs::write(&path, found.to_string()).unwrap();
        return;
    }
    let changes = found.changes_since(&std::fs::read_to_string(&path).unwrap().parse().unwrap());
    assert!(
        changes.is_empty(),
        "{} values are not those of tests/value_stability/values.txt:\n{}\n\
         If that is wanted, announce it in CHANGELOG.md under \"Value changes\" and write the \
         table anew with PURLIN_UPDATE_VALUES=1.",
        changes.len(),
        changes.join("\n")
    );
}

#[test]
fn values_do_not_depend_on_the_instruction_set_or_the_number_of_threads() {
    let expected = {
        let _pin = isa::pin(IsaKind::Scalar);
        found()
    };
    for kind in IsaKind::available() {
        let _pin = isa::pin(kind);
        let changes = found().changes_since(&expected);
        assert!(changes.is_empty(), "on {}:\n{}", kind.name(), changes.join("\n"));
    }
    for n_threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let changes = pool.install(found).changes_since(&expected);
        assert!(changes.is_empty(), "with {n_threads} threads:\n{}", changes.join("\n"));
    }
}
