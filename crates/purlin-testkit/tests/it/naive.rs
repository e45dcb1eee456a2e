//! The naive references against hand-made answers and an established library.

use proptest::prelude::*;
use purlin_backend::conv::Conv2d;
use purlin_backend::pool::Pool2d;
use purlin_core::{Matrix, rng::Stream};
use purlin_testkit::reference::{Array, Case, Cases};
use purlin_testkit::{Tolerance, assert_close, naive, strategies};

/// `(batch, channels, height, width)` to `(batch, height, width, channels)`.
fn channels_last(x: &Array) -> Vec<f64> {
    let [n, c, h, w] = x.shape[..] else { panic!("expected four axes, got {:?}", x.shape) };
    let at = |b, i, j, k| x.values[((b * c + k) * h + i) * w + j];
    let mut out = Vec::new();
    for b in 0..n {
        for (i, j) in (0..h).flat_map(|i| (0..w).map(move |j| (i, j))) {
            out.extend((0..c).map(|k| at(b, i, j, k)));
        }
    }
    out
}

/// `(out, in, height, width)` to `(height, width, in, out)`.
fn weight_last(x: &Array) -> Vec<f64> {
    let [o, i, h, w] = x.shape[..] else { panic!("expected four axes, got {:?}", x.shape) };
    let mut out = Vec::new();
    for (r, s) in (0..h).flat_map(|r| (0..w).map(move |s| (r, s))) {
        for k in 0..i {
            out.extend((0..o).map(|m| x.values[((m * i + k) * h + r) * w + s]));
        }
    }
    out
}

fn conv_spec(case: &Case) -> Conv2d {
    let [batch, in_channels, height, width] = case.input("x").shape[..] else { panic!("{case}") };
    let padding = case.pair("padding").unwrap_or([0, 0]);
    Conv2d {
        stride: case.pair("stride").unwrap_or([1, 1]),
        dilation: case.pair("dilation").unwrap_or([1, 1]),
        padding: padding.map(|p| [p, p]),
        groups: case.usize("groups").unwrap_or(1),
        ..Conv2d::new(
            batch,
            height,
            width,
            in_channels,
            case.usize("out_channels").expect("a count"),
            case.pair("kernel_size").expect("a kernel"),
        )
    }
}

#[test]
fn convolution_and_its_gradients_are_torchs() {
    let Some(cases) = Cases::open("layers") else { return };
    for case in cases.of_kind("conv2d") {
        let spec = conv_spec(case);
        let (x, weight) = (channels_last(case.input("x")), weight_last(case.param("weight")));
        let mut y = naive::conv2d(&spec, &x, &weight);
        if let Some(bias) = case.get("params", "bias") {
            y.iter_mut().zip(bias.values.iter().cycle()).for_each(|(y, b)| *y += b);
        }
        assert_close(&y, &channels_last(case.output("y")), Tolerance::F64);
        let grad_y = channels_last(case.upstream("y"));
        let grad_x = naive::conv2d_input_grad(&spec, &grad_y, &weight);
        assert_close(&grad_x, &channels_last(case.grad("x")), Tolerance::F64);
        let grad_weight = naive::conv2d_weight_grad(&spec, &x, &grad_y);
        assert_close(&grad_weight, &weight_last(case.grad("weight")), Tolerance::F64);
    }
}

#[test]
fn pooling_is_torchs() {
    let Some(cases) = Cases::open("layers") else { return };
    for (case, is_max) in cases
        .of_kind("max_pool2d")
        .map(|case| (case, true))
        .chain(cases.of_kind("avg_pool2d").map(|case| (case, false)))
    {
        let [batch, channels, height, width] = case.input("x").shape[..] else { panic!("{case}") };
        let kernel = case.pair("kernel_size").unwrap();
        let padding = case.pair("padding").unwrap_or([0, 0]);
        let spec = Pool2d {
            stride: case.pair("stride").unwrap_or(kernel),
            padding: padding.map(|p| [p, p]),
            dilation: case.pair("dilation").unwrap_or([1, 1]),
            ceil_mode: case.bool("ceil_mode").unwrap_or(false),
            ..Pool2d::new(batch, height, width, channels, kernel)
        };
        let x = channels_last(case.input("x"));
        let y = if is_max {
            naive::max_pool2d(&spec, &x)
        } else {
            naive::avg_pool2d(&spec, case.bool("count_include_pad").unwrap_or(true), &x)
        };
        assert_close(&y, &channels_last(case.output("y")), Tolerance::F64);
    }
}

#[test]
fn softmax_is_torchs() {
    let Some(cases) = Cases::open("layers") else { return };
    let last_axis = |case: &&Case| case.config["dim"] == -1;
    for case in cases.of_kind("softmax").filter(last_axis) {
        let x = case.input("x");
        let cols = *x.shape.last().unwrap();
        let y = naive::softmax(&x.values, x.values.len() / cols, cols);
        assert_close(&y, &case.output("y").values, Tolerance::F64);
    }
    for case in cases.of_kind("log_softmax").filter(last_axis) {
        let x = case.input("x");
        let cols = *x.shape.last().unwrap();
        let y = naive::log_softmax(&x.values, x.values.len() / cols, cols);
        assert_close(&y, &case.output("y").values, Tolerance::F64);
    }
}

#[test]
fn products_and_sums_by_hand() {
    let y = naive::matmul(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[1.0, 0.0, -1.0], 2, 3, 1);
    assert_eq!(y, [-2.0, -2.0]);
    assert_eq!(naive::sum(&[1e100, 1.0, -1e100, 1e-30]), 1.0);
    assert_eq!(naive::sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
    assert_eq!(naive::sum::<f32>(&[]), 0.0);
}

#[test]
fn distances_and_inertia_by_hand() {
    let x = Matrix::from_rows(&[[0.0f32, 0.0], [3.0, 4.0], [3.0, 5.0]]);
    let c = Matrix::from_rows(&[[0.0f32, 0.0], [3.0, 4.0]]);
    assert_eq!(naive::distances(x.view(), c.view()).row(1), [5.0, 0.0]);
    assert_eq!(naive::squared_distances(x.view(), c.view()).row(2), [34.0, 1.0]);
    assert_eq!(naive::inertia(x.view(), &[0, 1, 1], c.view()), 1.0);
    assert_eq!(naive::inertia(x.view(), &[0, 0, 1], c.view()), 26.0);
}

#[test]
fn finite_differences_know_calculus() {
    let f = |x: &[f64]| x[0].sin() * x[1].exp() + x[0] * x[2].powi(3);
    let x = [0.7f64, -1.3, 100.0];
    let expected =
        [x[0].cos() * x[1].exp() + x[2].powi(3), x[0].sin() * x[1].exp(), 3.0 * x[0] * x[2] * x[2]];
    // The value is 1e6: its rounding divided by a step of 1e-3 is some 1e-7.
    assert_close(&naive::gradient(f, &x), &expected, Tolerance { rtol: 1e-9, atol: 1e-6 });
}

proptest! {
    #[test]
    fn the_gradients_of_convolution_are_its_adjoints(spec in strategies::conv2d(), seed: u64) {
        let mut rng = Stream::new(seed, "adjoint").rng(0);
        let window = spec.kernel[0] * spec.kernel[1];
        let n_x = spec.batch * spec.height * spec.width * spec.in_channels;
        let n_weight = window * (spec.in_channels / spec.groups) * spec.out_channels;
        let n_y = spec.batch * spec.out_height() * spec.out_width() * spec.out_channels;
        let mut random = |n: usize| (0..n).map(|_| rng.normal()).collect::<Vec<f64>>();
        let (x, weight, grad_y) = (random(n_x), random(n_weight), random(n_y));
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let y = inner(&naive::conv2d(&spec, &x, &weight), &grad_y);
        let by_x = inner(&x, &naive::conv2d_input_grad(&spec, &grad_y, &weight));
        let by_weight = inner(&weight, &naive::conv2d_weight_grad(&spec, &x, &grad_y));
        prop_assert!((y - by_x).abs() < 1e-9 && (y - by_weight).abs() < 1e-9);
    }

    #[test]
    fn an_average_lies_between_and_a_maximum_above(spec in strategies::pool2d(), seed: u64) {
        let mut rng = Stream::new(seed, "pool").rng(0);
        let n_x = spec.batch * spec.height * spec.width * spec.channels;
        let x: Vec<f64> = (0..n_x).map(|_| rng.uniform_in(1.0, 2.0)).collect();
        let (top, mean) = (naive::max_pool2d(&spec, &x), naive::avg_pool2d(&spec, false, &x));
        prop_assert_eq!(top.len(), spec.batch * spec.out_height() * spec.out_width() * spec.channels);
        for (top, mean) in top.iter().zip(&mean) {
            prop_assert!(1.0 <= *mean && mean <= top && *top < 2.0);
        }
    }
}
