//! Elementwise work: small calls by their overhead, large ones by their bandwidth.

use crate::Task;
use crate::inputs::{normal, to_f32};
use crate::measure::{Row, time};
use purlin_backend::elementwise::{self, ops};
use purlin_backend::{layout, reduce, softmax};
use purlin_tensor::{Tensor, layer_norm, no_grad};
use std::hint::black_box;

const N: usize = 10_000_000;
const ROWS: usize = 10_000;
const COLS: usize = 1000;

pub(crate) fn tasks() -> Vec<Task> {
    let mut tasks = tiny();
    tasks.extend(into_given_output());
    tasks.extend(allocating());
    tasks
}

fn random(seed: u64, shape: &[usize]) -> Tensor {
    let n = shape.iter().product();
    Tensor::from_vec(to_f32(&normal(seed, n)), shape).expect("the length is the product")
}

fn micros(name: &str, call: impl Fn() -> Tensor + 'static) -> Task {
    Task::new(name, move || {
        let timing = time(|| drop(black_box(call())));
        Row::duration(&timing, 1e6, "us")
    })
}

fn tiny() -> Vec<Task> {
    let (a, b) = (random(1, &[16]), random(2, &[16]));
    let (m, n) = (random(1, &[16, 16]), random(2, &[16, 16]));
    let relu = a.clone();
    let (x, bias) = (m.clone(), a.clone());
    let weight = n.clone().requires_grad();
    vec![
        micros("tiny16/add", move || no_grad(|| black_box(&a) + black_box(&b))),
        micros("tiny16/relu", move || no_grad(|| black_box(&relu).relu())),
        micros("tiny16x16/matmul", move || no_grad(|| black_box(&m).matmul(black_box(&n)))),
        micros("tiny16x16/relu(x@w+b).sum-forward+backward", move || {
            let loss = (x.matmul(&weight) + &bias).relu().sum();
            loss.backward().take(&weight).expect("the weight is used")
        }),
    ]
}

/// `bytes` per element is the least traffic that the work needs.
fn bandwidth(
    name: &str,
    bytes: f64,
    mut call: impl FnMut(&[f32], &[f32], &mut [f32]) + 'static,
) -> Task {
    Task::new(name, move || {
        let (x, y) = (to_f32(&normal(1, N)), to_f32(&normal(2, N)));
        let mut out = vec![0.0f32; N];
        let timing = time(|| call(black_box(&x), black_box(&y), black_box(&mut out)));
        Row::rate(&timing, 1e-9 * bytes * N as f64, "GB/s").with("first", out[0])
    })
}

fn into_given_output() -> Vec<Task> {
    vec![
        bandwidth("large1e7/copy-out", 8.0, |x, _, out| out.copy_from_slice(x)),
        bandwidth("large1e7/add-out", 12.0, |x, y, out| elementwise::zip(ops::Add, x, y, out)),
        bandwidth("large1e7/exp-out", 8.0, |x, _, out| elementwise::map(ops::Exp, x, out)),
        bandwidth("large1e7/tanh-out", 8.0, |x, _, out| elementwise::map(ops::Tanh, x, out)),
        bandwidth("large1e7/sigmoid-out", 8.0, |x, _, out| elementwise::map(ops::Sigmoid, x, out)),
        bandwidth("large1e7/sum", 4.0, |x, _, out| out[0] = reduce::sum(x)),
        bandwidth("large1e7/sum-dim1-10000x1000", 4.0, |x, _, out| {
            reduce::sum_axis(x, ROWS, COLS, 1, &mut out[..ROWS]);
        }),
        bandwidth("large1e7/sum-dim0-10000x1000", 4.0, |x, _, out| {
            reduce::sum_axis(x, 1, ROWS, COLS, &mut out[..COLS]);
        }),
        bandwidth("large1e7/softmax-10000x1000-out", 8.0, |x, _, out| {
            softmax::softmax(x, ROWS, COLS, out);
        }),
        bandwidth("large1e7/transpose-copy-10000x1000", 8.0, |x, _, out| {
            layout::transpose(x, ROWS, COLS, out);
        }),
    ]
}

/// As a user of tensors calls it: the result is a new tensor.
fn allocating() -> Vec<Task> {
    fn row(name: &'static str, bytes: f64, call: fn(&Tensor, &Tensor) -> Tensor) -> Task {
        Task::new(name, move || {
            let (x, y) = (random(1, &[ROWS, COLS]), random(2, &[ROWS, COLS]));
            let timing = time(|| drop(black_box(no_grad(|| call(black_box(&x), black_box(&y))))));
            Row::rate(&timing, 1e-9 * bytes * N as f64, "GB/s")
        })
    }
    vec![
        row("large1e7/add-alloc", 12.0, |x, y| x + y),
        row("large1e7/relu-alloc", 8.0, |x, _| x.relu()),
        row("large1e7/gelu-alloc", 8.0, |x, _| x.gelu()),
        row("large1e7/layernorm-10000x1000-alloc", 8.0, |x, _| layer_norm(x, 1, None, None, 1e-5)),
    ]
}
