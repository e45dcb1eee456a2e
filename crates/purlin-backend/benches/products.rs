//! Matrix products, convolutions with both gradients, and pooling, by size.
//! Run: cargo bench -p purlin-backend --bench products
//!
//! One element is one multiply-add of a product or a convolution, one number read of a pooling.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use purlin_backend::conv::{Conv2d, conv2d, conv2d_input_grad, conv2d_weight_grad};
use purlin_backend::gemm::{Activation, Epilogue, Gemm, gemm};
use purlin_backend::pool::{
    AdaptiveAvgPool2d, Pool2d, adaptive_avg_pool2d, avg_pool2d, max_pool2d, max_pool2d_grad,
};
use purlin_backend::random::fill_uniform;
use purlin_core::Real;
use purlin_core::rng::Stream;
use std::hint::black_box;

fn numbers<T: Real>(n: usize) -> Vec<T> {
    let mut x = vec![T::ZERO; n];
    fill_uniform(&Stream::new(42, "bench"), 0, -1.0, 1.0, &mut x);
    x
}

fn products(c: &mut Criterion) {
    fn one<T: Real>(c: &mut Criterion, [m, k, n]: [usize; 3], trans_b: bool) {
        let (a, b) = (numbers::<T>(m * k), numbers::<T>(k * n));
        let (mut out, bias) = (vec![T::ZERO; m * n], numbers::<T>(n));
        let spec = Gemm { trans_b, ..Gemm::new(m, k, n) };
        let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu };
        let name = format!("{m}x{k}x{n}{}", if trans_b { "-nt" } else { "" });
        let mut group = c.benchmark_group(format!("gemm/{}", T::NAME));
        group.throughput(Throughput::Elements((m * k * n) as u64));
        group.bench_function(BenchmarkId::new("bias_relu", name), |bench| {
            bench.iter(|| gemm(&spec, black_box(&a), black_box(&b), &mut out, &epilogue));
        });
    }
    for sizes in [[16; 3], [64; 3], [256; 3], [1024; 3]] {
        one::<f32>(c, sizes, false);
        one::<f64>(c, sizes, false);
    }
    for sizes in [[1, 1024, 1024], [32, 784, 128], [4096, 64, 64], [128, 6272, 512]] {
        one::<f32>(c, sizes, false);
        one::<f32>(c, sizes, true);
    }
}

/// Layers of the networks that are measured, and what lies at the edges of the engines.
fn layers() -> [(&'static str, Conv2d); 8] {
    let same = |spec: Conv2d| Conv2d { padding: [[1; 2]; 2], ..spec };
    [
        ("rgb", Conv2d::new(8, 150, 150, 3, 32, [3, 3])),
        ("32-64", Conv2d::new(8, 74, 74, 32, 64, [3, 3])),
        ("128-128", Conv2d::new(8, 17, 17, 128, 128, [3, 3])),
        ("grey", Conv2d::new(64, 28, 28, 1, 32, [3, 3])),
        ("strided", Conv2d { stride: [2, 2], ..same(Conv2d::new(32, 16, 16, 128, 256, [3, 3])) }),
        ("pointwise", Conv2d::new(32, 16, 16, 128, 256, [1, 1])),
        ("depthwise", Conv2d { groups: 64, ..same(Conv2d::new(8, 56, 56, 64, 64, [3, 3])) }),
        ("to-1", same(Conv2d::new(32, 28, 28, 64, 1, [3, 3]))),
    ]
}

fn convolutions(c: &mut Criterion) {
    for (name, spec) in layers() {
        let pixels = spec.batch * spec.out_height() * spec.out_width();
        let taps = spec.kernel[0] * spec.kernel[1] * spec.in_channels / spec.groups;
        let x = numbers::<f32>(spec.batch * spec.height * spec.width * spec.in_channels);
        let weight = numbers::<f32>(taps * spec.out_channels);
        let grad_y = numbers::<f32>(pixels * spec.out_channels);
        let (mut y, mut grad_x) = (vec![0.0; grad_y.len()], vec![0.0; x.len()]);
        let mut grad_weight = vec![0.0; weight.len()];
        let bias = numbers::<f32>(spec.out_channels);
        let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu };
        let mut group = c.benchmark_group("conv2d/f32");
        group.throughput(Throughput::Elements((pixels * taps * spec.out_channels) as u64));
        group.bench_function(BenchmarkId::new("forward", name), |bench| {
            bench.iter(|| conv2d(&spec, black_box(&x), &weight, &epilogue, &mut y));
        });
        group.bench_function(BenchmarkId::new("input_grad", name), |bench| {
            bench.iter(|| conv2d_input_grad(&spec, black_box(&grad_y), &weight, &mut grad_x));
        });
        group.bench_function(BenchmarkId::new("weight_grad", name), |bench| {
            bench.iter(|| conv2d_weight_grad(&spec, black_box(&x), &grad_y, &mut grad_weight));
        });
        group.finish();
    }
}

fn pooling(c: &mut Criterion) {
    let mut group = c.benchmark_group("pool2d/f32");
    for spec in [Pool2d::new(8, 148, 148, 32, [2, 2]), Pool2d::new(64, 24, 24, 64, [2, 2])] {
        let name = format!("{}x{}x{}x{}", spec.batch, spec.height, spec.width, spec.channels);
        let x = numbers::<f32>(spec.batch * spec.height * spec.width * spec.channels);
        let n = spec.batch * spec.out_height() * spec.out_width() * spec.channels;
        let (mut y, mut indices, mut grad_x) = (numbers::<f32>(n), vec![0; n], x.clone());
        group.throughput(Throughput::Elements(x.len() as u64));
        group.bench_function(BenchmarkId::new("max", &name), |bench| {
            bench.iter(|| max_pool2d(&spec, black_box(&x), &mut y, &mut indices));
        });
        group.bench_function(BenchmarkId::new("max_grad", &name), |bench| {
            bench.iter(|| max_pool2d_grad(&spec, black_box(&y), &indices, &mut grad_x));
        });
        group.bench_function(BenchmarkId::new("average", &name), |bench| {
            bench.iter(|| avg_pool2d(&spec, false, black_box(&x), &mut y));
        });
        let &Pool2d { batch, height, width, channels, .. } = &spec;
        let global =
            AdaptiveAvgPool2d { batch, height, width, channels, out_height: 1, out_width: 1 };
        let mut mean = vec![0.0; batch * channels];
        group.bench_function(BenchmarkId::new("global_average", &name), |bench| {
            bench.iter(|| adaptive_avg_pool2d(&global, black_box(&x), &mut mean));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = products, convolutions, pooling
}
criterion_main!(benches);
