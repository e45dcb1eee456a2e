//! The laws of data sets and loaders hold for ours, and broken ones are caught.
#![cfg(feature = "data")]

use purlin_core::rng::Rng;
use purlin_core::{Matrix, Result, Shape};
use purlin_data::{Dataset, Label, Loader, MemoryDataset, TargetKind};
use purlin_testkit::{check_dataset, check_loader};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Noisy squares that go wrong on request.
struct Squares {
    fault: Fault,
    calls: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    LeavesAHole,
    CountsCalls,
    WrongLabel,
}

impl Dataset for Squares {
    fn len(&self) -> usize {
        11
    }
    fn sample_shape(&self) -> Shape {
        Shape::from([2])
    }
    fn target(&self) -> TargetKind {
        TargetKind::Values(1)
    }
    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        out[0] = index as f32;
        if self.fault != Fault::LeavesAHole {
            out[1] = rng.uniform() as f32;
        }
        Ok(match self.fault {
            Fault::CountsCalls => Label::Value(calls as f32),
            Fault::WrongLabel => Label::Class(0),
            _ => Label::Value((index * index) as f32),
        })
    }
}

fn squares(fault: Fault) -> Squares {
    Squares { fault, calls: AtomicUsize::new(0) }
}

/// The text of a panic, formatted or not.
fn text_of(payload: &Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).expect("a text")
}

#[test]
fn ours_obey_the_laws() {
    let x = Matrix::from_fn(10, 3, |i, j| (10 * i + j) as f32);
    let labels: Vec<usize> = (0..10).map(|i| i % 3).collect();
    let dataset = MemoryDataset::classes(x.view(), &labels, 3).unwrap();
    check_dataset(&dataset);
    check_loader(&Loader::new(dataset.clone()).batch_size(3));
    check_loader(&Loader::new(dataset.clone()).batch_size(3).shuffle(5).drop_last(true));
    check_loader(&Loader::new(dataset).batch_size(64).shuffle(5));
}

#[test]
fn random_samples_obey_the_laws() {
    check_dataset(&squares(Fault::None));
    check_loader(&Loader::new(squares(Fault::None)).batch_size(4).shuffle(1));
}

#[test]
fn a_broken_data_set_is_caught_by_the_law_it_breaks() {
    for (fault, law) in [
        (Fault::LeavesAHole, "sample 10 is written whole"),
        (Fault::CountsCalls, "the same in any order"),
        (Fault::WrongLabel, "sample 0 has a label of Values(1), got Class(0)"),
    ] {
        let check = || check_dataset(&squares(fault));
        let payload = catch_unwind(AssertUnwindSafe(check)).expect_err("a law is broken");
        let text = text_of(&payload);
        assert!(text.contains(law), "expected {law}, got {text}");
    }
}

#[test]
fn a_loader_of_samples_that_depend_on_the_calls_is_caught() {
    let check = || check_loader(&Loader::new(squares(Fault::CountsCalls)).batch_size(4));
    let payload = catch_unwind(AssertUnwindSafe(check)).expect_err("a law is broken");
    let text = text_of(&payload);
    assert!(text.contains("is the same with 1 workers"), "{text}");
}
