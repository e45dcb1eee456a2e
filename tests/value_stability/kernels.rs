//! Kernels on slices.

use crate::table::{Hash, Table};
use purlin::backend::conv::{Conv2d, conv2d, conv2d_input_grad, conv2d_weight_grad};
use purlin::backend::elementwise::{map, ops, zip};
use purlin::backend::gemm::{Epilogue, Gemm, gemm};
use purlin::backend::random::{fill_bernoulli, fill_normal, fill_uniform};
use purlin::backend::softmax::{log_softmax, log_sum_exp, softmax};
use purlin::backend::{math, reduce};
use purlin::core::Real;
use purlin::core::rng::Stream;

const SEED: u64 = 1;

/// Standard normal numbers.
fn normal<T: Real>(n: usize, purpose: &str) -> Vec<T> {
    let mut x = vec![T::ZERO; n];
    fill_normal(&Stream::new(SEED, purpose), 0, 0.0, 1.0, &mut x);
    x
}

/// Numbers of all sizes, and those that code trips over.
fn wide<T: Real>() -> Vec<T> {
    let mut x: Vec<T> = normal(3000, "wide");
    for (i, x) in x.iter_mut().enumerate() {
        *x *= T::from_f64([1e-8, 1e-3, 1.0, 30.0, 1e6][i % 5]);
    }
    let (tiny, large) = (T::MIN_POSITIVE, T::MAX);
    x.extend([T::ZERO, -T::ZERO, tiny, T::from_f64(0.25) * tiny, large, -large]);
    x.extend([T::INFINITY, T::NEG_INFINITY, T::NAN]);
    x
}

pub(crate) fn rows<T: Real>(t: &mut Table) {
    random::<T>(t);
    functions::<T>(t);
    products::<T>(t);
    reductions::<T>(t);
}

fn random<T: Real>(t: &mut Table) {
    // More than one block, and no multiple of a vector.
    let mut x = vec![T::ZERO; 20_003];
    for seed in [0, SEED, u64::MAX] {
        let stream = Stream::new(seed, "values");
        fill_uniform(&stream, 0, -1.0, 1.0, &mut x);
        t.row(format!("fill/uniform/{}", T::NAME), seed, Hash::of(&x));
        fill_normal(&stream, 1, 0.5, 2.0, &mut x);
        t.row(format!("fill/normal/{}", T::NAME), seed, Hash::of(&x));
        fill_bernoulli(&stream, 2, 0.3, &mut x);
        t.row(format!("fill/bernoulli/{}", T::NAME), seed, Hash::of(&x));
    }
}

fn functions<T: Real>(t: &mut Table) {
    let x: Vec<T> = wide();
    let mut y = x.clone();
    let mut row = |name: &str, y: &[T]| {
        t.row(format!("function/{name}/{}", T::NAME), SEED, Hash::of(y));
    };
    macro_rules! functions {
        ($($name:literal $op:expr;)*) => {$(
            map($op, &x, &mut y);
            row($name, &y);
        )*};
    }
    functions! {
        "exp" ops::Exp;
        "expm1" ops::Expm1;
        "ln" ops::Ln;
        "ln_1p" ops::Ln1p;
        "sin" ops::Sin;
        "cos" ops::Cos;
        "tanh" ops::Tanh;
        "sigmoid" ops::Sigmoid;
        "softplus" ops::Softplus(1.0, 20.0);
        "silu" ops::Silu;
        "erf" ops::Erf;
        "erfc" ops::Erfc;
        "gelu" ops::Gelu;
        "gelu_tanh" ops::GeluTanh;
        "elu" ops::Elu(0.5);
        "sqrt" ops::Sqrt;
        "rsqrt" ops::Rsqrt;
        "pow" ops::Pow(2.7);
        "powi" ops::Powi(-5);
    }
    let mut exponents = x.clone();
    exponents.rotate_left(7);
    zip(ops::PowElem, &x, &exponents, &mut y);
    row("pow_elem", &y);
    let one_by_one = x.iter().map(|&x| math::scalar(ops::Exp, x));
    row("exp_scalar", &one_by_one.collect::<Vec<T>>());
}

fn products<T: Real>(t: &mut Table) {
    for (name, [m, k, n]) in [
        ("small", [3, 5, 7]),
        ("vector", [1, 300, 70]),
        ("square", [96, 96, 96]),
        ("deep", [20, 1100, 37]),
        ("wide", [130, 17, 600]),
    ] {
        let (a, b): (Vec<T>, Vec<T>) = (normal(m * k, "a"), normal(k * n, "b"));
        let mut hash = Hash::new();
        for spec in [
            Gemm::new(m, k, n),
            Gemm::new(m, k, n).trans_a(),
            Gemm::new(m, k, n).trans_b(),
            Gemm::new(m, k, n).trans_a().trans_b().accumulate(),
        ] {
            let mut c: Vec<T> = normal(m * n, "c");
            gemm(&spec, &a, &b, &mut c, &Epilogue::none());
            hash = hash.numbers(&c);
        }
        t.row(format!("gemm/{name}/{}", T::NAME), SEED, hash);
    }

    let plain = Conv2d::new(3, 12, 11, 6, 8, [3, 3]);
    let padded = Conv2d { padding: [[1; 2]; 2], ..plain };
    for (name, spec) in [
        ("plain", plain),
        ("padded", padded),
        ("strided", Conv2d { stride: [2, 3], padding: [[1, 0], [0, 2]], ..plain }),
        ("dilated", Conv2d { dilation: [2, 1], ..plain }),
        ("grouped", Conv2d { groups: 2, ..padded }),
        ("depthwise", Conv2d { groups: 6, out_channels: 6, ..padded }),
        ("pointwise", Conv2d { kernel: [1, 1], ..plain }),
        ("first", Conv2d { in_channels: 3, out_channels: 32, ..padded }),
        ("wide", Conv2d { in_channels: 40, out_channels: 70, ..padded }),
    ] {
        let taps = spec.kernel[0] * spec.kernel[1] * spec.in_channels / spec.groups;
        let n_x = spec.batch * spec.height * spec.width * spec.in_channels;
        let n_y = spec.batch * spec.out_height() * spec.out_width() * spec.out_channels;
        let (x, weight): (Vec<T>, Vec<T>) =
            (normal(n_x, "x"), normal(taps * spec.out_channels, "w"));
        let grad_y: Vec<T> = normal(n_y, "grad_y");
        let (mut y, mut grad_x) = (vec![T::ZERO; n_y], vec![T::ZERO; n_x]);
        let mut grad_weight = vec![T::ZERO; weight.len()];
        conv2d(&spec, &x, &weight, &Epilogue::none(), &mut y);
        conv2d_input_grad(&spec, &grad_y, &weight, &mut grad_x);
        conv2d_weight_grad(&spec, &x, &grad_y, &mut grad_weight);
        let hash = Hash::of(&y).numbers(&grad_x).numbers(&grad_weight);
        t.row(format!("conv2d/{name}/{}", T::NAME), SEED, hash);
    }
}

fn reductions<T: Real>(t: &mut Table) {
    let mut row = |name: &str, hash: Hash| t.row(format!("{name}/{}", T::NAME), SEED, hash);
    for n in [1, 17, 1000, 70_001] {
        let (x, y): (Vec<T>, Vec<T>) = (normal(n, "x"), normal(n, "y"));
        row(&format!("sum/{n}"), Hash::of(&[reduce::sum(&x), reduce::dot(&x, &y)]));
    }
    let [outer, size, inner] = [9, 140, 35];
    let x: Vec<T> = normal(outer * size * inner, "axis");
    let mut sums = vec![T::ZERO; outer * inner];
    let (mut means, mut variances) = (sums.clone(), sums.clone());
    reduce::sum_axis(&x, outer, size, inner, &mut sums);
    reduce::mean_var_axis(&x, outer, size, inner, &mut means, &mut variances);
    row("sum_axis", Hash::of(&sums));
    row("mean_var_axis", Hash::of(&means).numbers(&variances));
    let mut y = vec![T::ZERO; x.len()];
    let mut per_row = vec![T::ZERO; outer * size];
    softmax(&x, outer * size, inner, &mut y);
    row("softmax", Hash::of(&y));
    log_softmax(&x, outer * size, inner, &mut y);
    row("log_softmax", Hash::of(&y));
    log_sum_exp(&x, outer * size, inner, &mut per_row);
    row("log_sum_exp", Hash::of(&per_row));
}
