//! Gradients by hand, by tape and by finite differences, side by side.
//! Run: cargo run --release --example autograd
#![allow(clippy::print_stdout, reason = "an example prints")]

use clap::Parser;
use purlin::core::rng::Stream;
use purlin::tensor::Tensor;

/// Differentiates the loss of one tanh unit, mean((tanh(x w + b) - y)^2), in three ways.
#[derive(Parser)]
struct Arguments {
    /// Samples.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    n_samples: u32,
    /// Inputs of the unit.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    n_features: u32,
    /// Seed of the data and the weights.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// x (n, d), y (n, 1), w (d, 1), b (1,).
struct Problem {
    x: Tensor<f64>,
    y: Tensor<f64>,
    w: Tensor<f64>,
    b: Tensor<f64>,
}

fn loss(p: &Problem, w: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    ((p.x.matmul(w) + b).tanh() - &p.y).square().mean()
}

/// d loss / dz = 2 (a - y) (1 - a^2) / n with a = tanh(z); then dw = x^T dz and db = sum(dz).
fn by_hand(p: &Problem) -> Vec<f64> {
    let (n, d) = (p.x.dims()[0], p.x.dims()[1]);
    let a = (p.x.matmul(&p.w) + &p.b).tanh();
    let dz: Vec<f64> = (a.data().iter().zip(p.y.data()))
        .map(|(a, y)| 2.0 * (a - y) * (1.0 - a * a) / n as f64)
        .collect();
    let mut gradient = vec![0.0; d + 1];
    for (row, dz) in p.x.data().chunks_exact(d).zip(&dz) {
        for (g, x) in gradient.iter_mut().zip(row) {
            *g += x * dz;
        }
        gradient[d] += dz;
    }
    gradient
}

/// Reverse mode: one forward pass is recorded, one backward pass gives every derivative.
fn by_tape(p: &Problem) -> Result<Vec<f64>, purlin::core::Error> {
    let (w, b) = (p.w.clone().requires_grad(), p.b.clone().requires_grad());
    let grads = loss(p, &w, &b).backward();
    Ok([grads.require(&w)?.to_vec(), grads.require(&b)?.to_vec()].concat())
}

/// Central differences: two losses for each parameter.
fn by_differences(p: &Problem, h: f64) -> Vec<f64> {
    let nudged = |tensor: &Tensor<f64>, i: usize, by: f64| {
        let mut nudged = tensor.clone();
        nudged.data_mut()[i] += by;
        nudged
    };
    let slope = |up: Tensor<f64>, down: Tensor<f64>| (up.item() - down.item()) / (2.0 * h);
    let mut gradient: Vec<f64> = (0..p.w.numel())
        .map(|i| slope(loss(p, &nudged(&p.w, i, h), &p.b), loss(p, &nudged(&p.w, i, -h), &p.b)))
        .collect();
    gradient.push(slope(loss(p, &p.w, &nudged(&p.b, 0, h)), loss(p, &p.w, &nudged(&p.b, 0, -h))));
    gradient
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let (n, d) = (arguments.n_samples as usize, arguments.n_features as usize);
    let draw = |purpose: &str, shape: [usize; 2]| {
        Tensor::<f64>::normal(shape, 0.0, 1.0, &Stream::new(arguments.seed, purpose))
    };
    let problem = Problem {
        x: draw("x", [n, d]),
        y: draw("y", [n, 1]).tanh(),
        w: draw("w", [d, 1]),
        b: Tensor::zeros([1]),
    };
    println!("loss = mean((tanh(x w + b) - y)^2), {n} samples, {} parameters", d + 1);
    println!("loss at the start: {:.6}\n", loss(&problem, &problem.w, &problem.b).item());

    let hand = by_hand(&problem);
    let tape = by_tape(&problem)?;
    let differences = by_differences(&problem, 1e-5);
    println!("{:<10} {:>20} {:>20} {:>20}", "parameter", "by hand", "by tape", "by differences");
    for i in 0..=d {
        let name = if i < d { format!("w[{i}]") } else { "b".to_owned() };
        println!("{name:<10} {:>20.12} {:>20.12} {:>20.12}", hand[i], tape[i], differences[i]);
    }

    let worst =
        |other: &[f64]| hand.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("\nlargest difference to the tape:        {:.1e}", worst(&tape));
    println!("largest difference to the differences: {:.1e}", worst(&differences));
    if worst(&tape) > 1e-12 || worst(&differences) > 1e-8 {
        return Err("the three gradients do not agree".into());
    }
    println!("The three agree.");
    Ok(())
}
