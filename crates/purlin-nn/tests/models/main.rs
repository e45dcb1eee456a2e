//! Blocks of image networks and the architectures made of them.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod bits;
mod blocks;
mod resnet;
mod torch;
mod vision_transformer;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of the panic in `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("a panic");
    panic.downcast_ref::<String>().expect("a panic with a text").clone()
}
