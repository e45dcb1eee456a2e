//! What a variational autoencoder made of the digits, to look at.

use crate::{Digits, shared};
use purlin::core::rng::Stream;
use purlin::nn::Context;
use purlin::nn::models::VariationalAutoencoder;
use purlin::nn::trainer::History;
use purlin::plot::{ImageGrid, LearningCurves, Scatter};
use purlin::tensor::{Tensor, no_grad};
use std::error::Error;
use std::path::Path;

type Result = std::result::Result<(), Box<dyn Error>>;

/// Adds rows of pixels to a grid.
fn add(grid: ImageGrid, pictures: &Tensor, side: usize, label: &str) -> ImageGrid {
    let rows = pictures.data().chunks(side * side);
    rows.fold(grid, |grid, pixels| grid.image(pixels, side, side, 1, label))
}

/// The pictures that belong to codes.
fn decoded(model: &VariationalAutoencoder, codes: &Tensor) -> Tensor {
    no_grad(|| model.decode(codes, &mut Context::eval()).sigmoid())
}

pub(crate) fn curves(history: &History, out: &Path) -> Result {
    let curves = LearningCurves::new()
        .panel("nats per digit")
        .series("training", &history.values("loss"))
        .series("test, from the middle of the codes", &history.values("val_loss"))
        .title("Learning to repeat digits");
    shared::save(&curves.draw()?, &out.join("curves.png"))
}

/// Digits above, what came back of them below.
pub(crate) fn reconstructions(output: &Tensor, test: &Digits, out: &Path) -> Result {
    let (side, n) = (test.side, 10.min(test.labels.len()));
    let back = no_grad(|| output.slice(1, ..side * side).slice(0, ..n).sigmoid());
    let grid = ImageGrid::new().columns(n).cell(60).title("Digits, and what came back");
    let grid = add(grid, &test.x.slice(0, ..n), side, "digit");
    let grid = add(grid, &back, side, "back");
    shared::save(&grid.draw()?, &out.join("reconstructions.png"))
}

/// Decoded draws from the standard normal distribution.
pub(crate) fn samples(
    model: &VariationalAutoencoder,
    side: usize,
    seed: u64,
    out: &Path,
) -> Result {
    let made = model.generate(40, &Stream::new(seed, "codes")).sigmoid();
    let grid = ImageGrid::new().columns(10).cell(60).title("Digits that nobody wrote");
    shared::save(&add(grid, &made, side, "").draw()?, &out.join("samples.png"))
}

/// The plane of codes as a picture: what each place is decoded to.
pub(crate) fn plane(model: &VariationalAutoencoder, side: usize, out: &Path) -> Result {
    const N: usize = 15;
    let at = |i: usize| 2.5 * (2.0 * i as f32 / (N - 1) as f32 - 1.0);
    let codes = Tensor::from_fn([N * N, 2], |i| {
        let (row, column) = (i / 2 / N, i / 2 % N);
        if i % 2 == 0 { at(column) } else { -at(row) }
    });
    let pictures = decoded(model, &codes);
    // One picture of N x N pictures, two pixels apart.
    let step = side + 2;
    let width = N * step;
    let mut pixels = vec![0.0; width * width];
    for (i, picture) in pictures.data().chunks(side * side).enumerate() {
        for (y, row) in picture.chunks(side).enumerate() {
            let from = (i / N * step + y) * width + i % N * step;
            pixels[from..from + side].copy_from_slice(row);
        }
    }
    let label = "codes from -2.5 to 2.5, across and upwards";
    // A whole number of pixels for each, and a frame.
    let cell = (600 / width).max(1) * width + 4;
    let grid = ImageGrid::new().columns(1).cell(cell).title("The plane of codes, decoded");
    shared::save(&grid.image(&pixels, width, width, 1, label).draw()?, &out.join("plane.png"))
}

/// Where the digits lie in the plane of codes.
pub(crate) fn map(output: &Tensor, test: &Digits, out: &Path) -> Result {
    let numbers = test.side * test.side;
    let column = |i: usize| output.slice(1, numbers + i..=numbers + i).to_vec();
    let names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let scatter = Scatter::new(&column(0), &column(1))
        .classes(&test.labels)
        .class_names(&names)
        .x_label("first number of the code")
        .y_label("second number")
        .title("Where the digits lie");
    shared::save(&scatter.draw()?, &out.join("map.png"))
}

/// From one digit to another in equal steps of the code.
pub(crate) fn walks(model: &VariationalAutoencoder, test: &Digits, out: &Path) -> Result {
    const STEPS: usize = 10;
    let codes = no_grad(|| model.encode(&test.x, &mut Context::eval()).mean);
    let mut grid = ImageGrid::new().columns(STEPS).cell(60).title("From one digit to another");
    for digit in 0..5 {
        let find = |digit: usize| test.labels.iter().position(|&label| label == digit);
        let (Some(from), Some(to)) = (find(digit), find(digit + 5)) else { continue };
        let (a, b) = (codes.slice(0, from..=from), codes.slice(0, to..=to));
        for step in 0..STEPS {
            let share = step as f64 / (STEPS - 1) as f64;
            let code = a.mul_scalar(1.0 - share) + b.mul_scalar(share);
            grid = add(grid, &decoded(model, &code), test.side, "");
        }
    }
    shared::save(&grid.draw()?, &out.join("walks.png"))
}
