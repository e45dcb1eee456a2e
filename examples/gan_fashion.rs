//! A generator of Fashion-MNIST pictures: sample grids over time, Fréchet and kernel distance in the
//! features of a classifier that is trained first.
//! Run: cargo run --release --example gan_fashion -- --data DIR
#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "shared/gan/mod.rs"]
mod gan;

use clap::Parser;
use gan::Training;
use std::error::Error;
use std::path::PathBuf;

/// Trains a generator of pictures of clothes.
#[derive(Parser)]
struct Arguments {
    /// Folder with the four IDX files of Fashion-MNIST.
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    training: Training,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { data, training } = Arguments::parse();
    gan::run(&gan::from_idx(&data, "gan_fashion", &training)?, &training)
}
