//! Elementwise maps, elementary functions, reductions, softmax, norms and layout, by size.
//! Run: cargo bench -p purlin-backend --bench kernels
//!
//! Bytes per second count the least traffic: every input read once, every output written once.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use purlin_backend::elementwise::{self, MapOp, ops};
use purlin_backend::norm::{BatchNorm, batch_norm_stats, layer_norm};
use purlin_backend::random::{fill_bernoulli, fill_normal, fill_uniform};
use purlin_backend::softmax::{CrossEntropy, softmax};
use purlin_backend::{layout, reduce};
use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};
use std::hint::black_box;

fn numbers<T: Real>(n: usize) -> Vec<T> {
    let mut x = vec![T::ZERO; n];
    fill_uniform(&Stream::new(42, "bench"), 0, -2.0, 2.0, &mut x);
    x
}

fn bytes<T>(elements: usize) -> Throughput {
    Throughput::Bytes((elements * size_of::<T>()) as u64)
}

fn maps(c: &mut Criterion) {
    let mut group = c.benchmark_group("elementwise");
    for n in [16, 1_000, 100_000, 10_000_000] {
        let (a, b) = (numbers::<f32>(n), numbers::<f32>(n));
        let mut y = vec![0.0f32; n];
        group.throughput(bytes::<f32>(3 * n));
        group.bench_function(BenchmarkId::new("add_f32", n), |bench| {
            bench.iter(|| elementwise::zip(ops::Add, black_box(&a), black_box(&b), &mut y));
        });
        group.throughput(bytes::<f32>(2 * n));
        group.bench_function(BenchmarkId::new("relu_f32", n), |bench| {
            bench.iter(|| elementwise::map(ops::Relu, black_box(&a), &mut y));
        });
    }
    for [rows, cols] in [[4096, 32], [4096, 1000]] {
        let (x, bias) = (numbers::<f32>(rows * cols), numbers::<f32>(cols));
        let (shape, bias_shape) = (Shape::from([rows, cols]), Shape::from([cols]));
        let mut y = vec![0.0f32; rows * cols];
        group.throughput(bytes::<f32>(2 * rows * cols));
        group.bench_function(BenchmarkId::new("add_bias_f32", format!("{rows}x{cols}")), |bench| {
            bench.iter(|| {
                let (x, bias) = (black_box(&x), black_box(&bias));
                elementwise::zip_broadcast(ops::Add, x, &shape, bias, &bias_shape, &mut y, &shape);
            });
        });
    }
    group.finish();
}

fn math(c: &mut Criterion) {
    fn one<T: Real, F: MapOp>(c: &mut Criterion, name: &str, op: F) {
        let n = 10_000; // stays in the second cache: the cost of the function itself
        let x: Vec<T> = numbers::<T>(n).into_iter().map(|v| v + T::from_f64(2.5)).collect();
        let mut y = vec![T::ZERO; n];
        let mut group = c.benchmark_group(format!("math/{}", T::NAME));
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new(name, n), |bench| {
            bench.iter(|| elementwise::map(op, black_box(&x), &mut y));
        });
        group.finish();
    }
    fn both<F: MapOp>(c: &mut Criterion, name: &str, op: F) {
        one::<f32, F>(c, name, op);
        one::<f64, F>(c, name, op);
    }
    both(c, "exp", ops::Exp);
    both(c, "ln", ops::Ln);
    both(c, "tanh", ops::Tanh);
    both(c, "sigmoid", ops::Sigmoid);
    both(c, "gelu", ops::Gelu);
    both(c, "gelu_tanh", ops::GeluTanh);
    both(c, "erf", ops::Erf);
    both(c, "sin", ops::Sin);
    both(c, "pow", ops::Pow(1.7));
}

fn reductions(c: &mut Criterion) {
    let mut group = c.benchmark_group("reduce");
    for n in [1_000, 10_000_000] {
        let x = numbers::<f32>(n);
        group.throughput(bytes::<f32>(n));
        group.bench_function(BenchmarkId::new("sum_f32", n), |bench| {
            bench.iter(|| reduce::sum(black_box(&x)));
        });
    }
    // Rows, a bias gradient of few and of many channels, a middle axis.
    for [outer, size, inner] in [[4096, 1000, 1], [1, 100_352, 3], [1, 100_352, 64], [32, 64, 1024]]
    {
        let x = numbers::<f32>(outer * size * inner);
        let (mut y, mut var) = (vec![0.0f32; outer * inner], vec![0.0f32; outer * inner]);
        let mut index = vec![0; outer * inner];
        let name = format!("{outer}x{size}x{inner}");
        group.throughput(bytes::<f32>(x.len()));
        group.bench_function(BenchmarkId::new("sum_axis_f32", &name), |bench| {
            bench.iter(|| reduce::sum_axis(black_box(&x), outer, size, inner, &mut y));
        });
        group.bench_function(BenchmarkId::new("mean_var_axis_f32", &name), |bench| {
            bench.iter(|| {
                reduce::mean_var_axis(black_box(&x), outer, size, inner, &mut y, &mut var);
            });
        });
        group.bench_function(BenchmarkId::new("argmax_axis_f32", &name), |bench| {
            bench.iter(|| reduce::argmax_axis(black_box(&x), outer, size, inner, &mut index));
        });
    }
    group.finish();
}

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("rows");
    for [rows, cols] in [[64, 10], [4096, 10], [4096, 1000]] {
        let x = numbers::<f32>(rows * cols);
        let mut y = vec![0.0f32; rows * cols];
        let name = format!("{rows}x{cols}");
        group.throughput(bytes::<f32>(2 * x.len()));
        group.bench_function(BenchmarkId::new("softmax_f32", &name), |bench| {
            bench.iter(|| softmax(black_box(&x), rows, cols, &mut y));
        });
        let targets: Vec<u32> = (0..rows).map(|r| (r % cols) as u32).collect();
        let mut loss = vec![0.0f32; rows];
        group.bench_function(BenchmarkId::new("cross_entropy_f32", &name), |bench| {
            let spec = CrossEntropy::default();
            bench.iter(|| spec.forward(black_box(&x), rows, cols, &targets, &mut loss, &mut y));
        });
        let (mut mean, mut rstd) = (vec![0.0f32; rows], vec![0.0f32; rows]);
        group.bench_function(BenchmarkId::new("layer_norm_f32", &name), |bench| {
            bench.iter(|| {
                let x = black_box(&x);
                layer_norm(x, rows, cols, 1e-5, None, None, &mut y, &mut mean, &mut rstd);
            });
        });
    }
    for [rows, channels] in [[100_352, 32], [12_544, 128]] {
        let x = numbers::<f32>(rows * channels);
        let mut y = vec![0.0f32; x.len()];
        let (mut mean, mut var) = (vec![0.0f32; channels], vec![0.0f32; channels]);
        let name = format!("{rows}x{channels}");
        group.throughput(bytes::<f32>(2 * x.len()));
        group.bench_function(BenchmarkId::new("batch_norm_train_f32", &name), |bench| {
            bench.iter(|| {
                let x = black_box(&x);
                batch_norm_stats(x, rows, channels, &mut mean, &mut var);
                let (mean, var) = (&mean[..], &var[..]);
                let norm = BatchNorm { mean, var, eps: 1e-5, gamma: None, beta: None };
                norm.forward(x, rows, &mut y);
            });
        });
    }
    group.finish();
}

fn moves(c: &mut Criterion) {
    let mut group = c.benchmark_group("layout");
    for [rows, cols] in [[100, 100], [1000, 1000], [4096, 1024]] {
        let x = numbers::<f32>(rows * cols);
        let mut y = vec![0.0f32; x.len()];
        group.throughput(bytes::<f32>(2 * x.len()));
        group.bench_function(
            BenchmarkId::new("transpose_f32", format!("{rows}x{cols}")),
            |bench| {
                bench.iter(|| layout::transpose(black_box(&x), rows, cols, &mut y));
            },
        );
    }
    let shape = Shape::from([32, 56, 56, 64]);
    let x = numbers::<f32>(shape.numel());
    let mut y = vec![0.0f32; x.len()];
    group.throughput(bytes::<f32>(2 * x.len()));
    group.bench_function(BenchmarkId::new("nhwc_to_nchw_f32", "32x56x56x64"), |bench| {
        bench.iter(|| layout::permute(black_box(&x), &shape, &[0, 3, 1, 2], &mut y));
    });
    group.finish();
}

fn draws(c: &mut Criterion) {
    let mut group = c.benchmark_group("random");
    let stream = Stream::new(1, "bench");
    let n = 1_000_000;
    let mut x = vec![0.0f32; n];
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function(BenchmarkId::new("normal_f32", n), |bench| {
        bench.iter(|| fill_normal(&stream, 0, 0.0, 1.0, &mut x));
    });
    group.bench_function(BenchmarkId::new("bernoulli_f32", n), |bench| {
        bench.iter(|| fill_bernoulli(&stream, 0, 0.5, &mut x));
    });
    group.finish();
}

criterion_group!(benches, maps, math, reductions, rows, moves, draws);
criterion_main!(benches);
