//! A generator of handwritten digits (DCGAN and its kin), judged by Fréchet and kernel distance in the
//! features of a classifier that is trained first. Without arguments it learns from 1,797 digits of 8x8
//! pixels that are built in.
//! Run: cargo run --release --example gan_digits -- --conditional
//! With MNIST: ... --example gan_digits -- --data DIR
#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "shared/gan/mod.rs"]
mod gan;

use clap::Parser;
use gan::{Pictures, Training};
use purlin::data::{MemoryDataset, Targets, sets};
use std::error::Error;
use std::path::PathBuf;

/// Trains a generator of digits.
#[derive(Parser)]
struct Arguments {
    /// Folder with the four IDX files of MNIST [default: the built-in digits].
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    training: Training,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { data, training } = Arguments::parse();
    let pictures = match &data {
        Some(folder) => gan::from_idx(folder, "gan_digits", &training)?,
        None => built_in()?,
    };
    gan::run(&pictures, &training)
}

/// The built-in digits: 70 % to learn from, 30 % to be judged by.
fn built_in() -> purlin::core::Result<Pictures> {
    let all = gan::to_memory(&sets::digits_images(), None)?;
    let labels = sets::digits().labels;
    let part = |rows: &[usize]| {
        let classes = rows.iter().map(|&row| labels[row]).collect();
        MemoryDataset::new(all.x().index_select(0, rows), Targets::Classes(classes))
    };
    let (training, held_out) = sets::digits_split();
    Ok(Pictures {
        example: "gan_digits",
        training: part(&training)?,
        held_out: part(&held_out)?,
        epochs: (150, 30),
        width: 64,
    })
}
