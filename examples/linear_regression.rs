//! The textbook run: y = 2x + 1 + noise, by gradient descent through autograd, full-batch and in
//! mini-batches, checked against least squares.
//! Run: cargo run --release --example linear_regression
#![allow(clippy::print_stdout, reason = "an example prints")]

use clap::Parser;
use purlin::core::rng::Stream;
use purlin::core::{Matrix, MatrixView, linalg};
use purlin::tensor::Tensor;

/// Fits a line to y = 2x + 1 + noise.
#[derive(Parser)]
struct Arguments {
    /// Points, 10 to a million.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    n_samples: u32,
    /// Passes over the data.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Learning rate; from about 1 on, descent diverges.
    #[arg(long, default_value_t = 0.1)]
    lr: f32,
    /// Standard deviation of the noise.
    #[arg(long, default_value_t = 0.1)]
    noise: f64,
    /// Points in a mini-batch of the second run.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Seed of the data and of the order of the mini-batches.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// The line's parameters: leaves of the tape.
struct Line {
    slope: Tensor,
    intercept: Tensor,
}

impl Line {
    fn zero() -> Self {
        let zero = || Tensor::scalar(0.0).requires_grad();
        Self { slope: zero(), intercept: zero() }
    }

    fn mean_squared_error(&self, x: &Tensor, y: &Tensor) -> Tensor {
        (&self.slope * x + &self.intercept - y).square().mean()
    }

    /// One step downhill; returns the loss before it.
    fn descend(&mut self, x: &Tensor, y: &Tensor, lr: f32) -> Result<f32, purlin::core::Error> {
        let loss = self.mean_squared_error(x, y);
        let grads = loss.backward();
        for parameter in [&mut self.slope, &mut self.intercept] {
            let step = grads.require(parameter)? * lr;
            *parameter = (parameter.detach() - step).requires_grad();
        }
        Ok(loss.item())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let n = arguments.n_samples as usize;
    let stream = Stream::new(arguments.seed, "data");
    let x: Tensor = Tensor::uniform([n], -1.0, 1.0, &stream.child("x"));
    let noise: Tensor = Tensor::normal([n], 0.0, arguments.noise, &stream.child("noise"));
    let y = &x * 2.0 + 1.0 + noise;
    println!("{n} points of y = 2x + 1 + noise of deviation {}\n", arguments.noise);

    println!("full-batch gradient descent, learning rate {}", arguments.lr);
    let mut full = Line::zero();
    for epoch in 0..arguments.epochs {
        let loss = full.descend(&x, &y, arguments.lr)?;
        if epoch % 100 == 0 {
            println!("  epoch {epoch:>4}  loss {loss:.6}");
        }
    }
    println!("  epoch {:>4}  loss {:.6}", arguments.epochs, full.mean_squared_error(&x, &y).item());

    println!(
        "\nmini-batches of {}, learning rate falling from {}",
        arguments.batch_size, arguments.lr
    );
    let mut mini = Line::zero();
    let epochs = (arguments.epochs / 50).max(1);
    for epoch in 0..epochs {
        let order = stream.child("order").rng(epoch.into()).permutation(n);
        let lr = arguments.lr * (1.0 - epoch as f32 / epochs as f32);
        for batch in order.chunks(arguments.batch_size as usize) {
            mini.descend(&x.index_select(0, batch), &y.index_select(0, batch), lr)?;
        }
    }
    println!("  epoch {epochs:>4}  loss {:.6}", mini.mean_squared_error(&x, &y).item());

    let rows: Vec<[f32; 2]> = x.data().iter().map(|&x| [x, 1.0]).collect();
    let targets = MatrixView::from_slice(y.data(), n, 1)?;
    let fit = linalg::lstsq(Matrix::from_rows(&rows).view(), targets)?;
    let exact = [fit.solution[(0, 0)] as f32, fit.solution[(1, 0)] as f32];

    println!("\n{:<28} {:>10} {:>10}", "", "slope", "intercept");
    for (name, slope, intercept) in [
        ("truth", 2.0, 1.0),
        ("least squares", exact[0], exact[1]),
        ("gradient descent", full.slope.item(), full.intercept.item()),
        ("mini-batch descent", mini.slope.item(), mini.intercept.item()),
    ] {
        println!("{name:<28} {slope:>10.6} {intercept:>10.6}");
    }
    let off = (full.slope.item() - exact[0]).abs().max((full.intercept.item() - exact[1]).abs());
    println!("\nfull-batch descent is {off:.1e} away from least squares");
    if arguments.epochs < 1000 || arguments.lr < 0.1 {
        println!("(with fewer epochs or a lower rate than by default it need not have arrived)");
        return Ok(());
    }
    // Single precision gives the last digits of numbers near 2 no better than 2.4e-7.
    if off.is_nan() || off > 1e-4 {
        return Err(format!("expected at most 1e-4 from least squares, got {off:.1e}").into());
    }
    Ok(())
}
