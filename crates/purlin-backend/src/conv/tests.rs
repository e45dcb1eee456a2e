//! The fast convolutions have the bits of the naive ones, and are adjoint to each other.

use super::{Conv2d, conv2d, conv2d_input_grad, conv2d_weight_grad, naive};
use crate::gemm::testing::{bits, inner, numbers, on_threads};
use crate::gemm::{Activation, Epilogue};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

/// The results of all three functions.
fn all<T: Real>(spec: &Conv2d, activation: Activation) -> [Vec<u64>; 3] {
    let [x, weight, y] = spec.sizes().unwrap();
    let (x_values, weight_values) = (numbers::<T>(x, 1), numbers::<T>(weight, 2));
    let (grad_y, bias) = (numbers::<T>(y, 3), numbers::<T>(spec.out_channels, 4));
    let epilogue = Epilogue { bias: Some(&bias), activation };
    let mut out = [vec![T::NAN; y], vec![T::NAN; x], vec![T::NAN; weight]];
    conv2d(spec, &x_values, &weight_values, &epilogue, &mut out[0]);
    conv2d_input_grad(spec, &grad_y, &weight_values, &mut out[1]);
    conv2d_weight_grad(spec, &x_values, &grad_y, &mut out[2]);
    out.map(|out| bits(&out))
}

fn all_naive<T: Real>(spec: &Conv2d, activation: Activation) -> [Vec<u64>; 3] {
    let [x, weight, y] = spec.sizes().unwrap();
    let (x_values, weight_values) = (numbers::<T>(x, 1), numbers::<T>(weight, 2));
    let (grad_y, bias) = (numbers::<T>(y, 3), numbers::<T>(spec.out_channels, 4));
    let epilogue = Epilogue { bias: Some(&bias), activation };
    let mut out = [vec![T::NAN; y], vec![T::NAN; x], vec![T::NAN; weight]];
    naive::conv2d(spec, &x_values, &weight_values, &epilogue, &mut out[0]);
    naive::conv2d_input_grad(spec, &grad_y, &weight_values, &mut out[1]);
    naive::conv2d_weight_grad(spec, &x_values, &grad_y, &mut out[2]);
    out.map(|out| bits(&out))
}

const NAMES: [&str; 3] = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"];

fn check<T: Real>(spec: &Conv2d, activation: Activation) {
    let expected = all_naive::<T>(spec, activation);
    for kind in IsaKind::available() {
        let _pin = pin(kind);
        let got = all::<T>(spec, activation);
        for (name, (got, expected)) in NAMES.iter().zip(got.iter().zip(&expected)) {
            assert_eq!(got, expected, "{name} {spec:?} {kind:?}");
        }
    }
}

/// Sizes for which the window fits.
fn specs() -> impl Strategy<Value = Conv2d> {
    let axis = || (0usize..9, 1usize..4, 1usize..4, 1usize..4, 0usize..4, 0usize..3);
    let channels = (1usize..4, 0usize..7, 0usize..19, prop::bool::weighted(0.3));
    (0usize..3, axis(), axis(), channels).prop_map(|(batch, rows, columns, channels)| {
        let (groups, inputs, outputs, is_depthwise) = channels;
        let (groups, inputs, outputs) = if is_depthwise {
            (inputs.max(1) * 6, 1, 1 + outputs / 10)
        } else {
            (groups, inputs, outputs)
        };
        let fit = |(size, kernel, _, dilation, before, after): (
            usize,
            usize,
            usize,
            usize,
            usize,
            usize,
        )| {
            let extent = (kernel - 1) * dilation + 1;
            size.max(extent.saturating_sub(before + after))
        };
        Conv2d {
            batch,
            height: fit(rows),
            width: fit(columns),
            in_channels: groups * inputs,
            out_channels: groups * outputs,
            kernel: [rows.1, columns.1],
            stride: [rows.2, columns.2],
            dilation: [rows.3, columns.3],
            padding: [[rows.4, rows.5], [columns.4, columns.5]],
            groups,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn has_the_bits_of_the_loops(spec in specs()) {
        check::<f32>(&spec, Activation::Relu);
        check::<f64>(&spec, Activation::LeakyRelu(0.5));
    }

    #[test]
    fn gradients_are_adjoint(spec in specs()) {
        let [x, weight, y] = spec.sizes().unwrap();
        let (x, weight, grad_y) = (numbers::<f64>(x, 1), numbers::<f64>(weight, 2), numbers::<f64>(y, 3));
        let (mut y, mut grad_x) = (vec![0.0; y], vec![0.0; x.len()]);
        let mut grad_weight = vec![0.0; weight.len()];
        conv2d(&spec, &x, &weight, &Epilogue::none(), &mut y);
        conv2d_input_grad(&spec, &grad_y, &weight, &mut grad_x);
        conv2d_weight_grad(&spec, &x, &grad_y, &mut grad_weight);
        let forward = inner(&y, &grad_y);
        let tolerance = 1e-12 * (1.0 + (y.len() * weight.len()) as f64); // rounding of the sums
        prop_assert!((inner(&x, &grad_x) - forward).abs() <= tolerance);
        prop_assert!((inner(&weight, &grad_weight) - forward).abs() <= tolerance);
    }
}

/// Sizes at which every branch of the engines runs: several vectors, tiles, bands, runs.
fn larger() -> [Conv2d; 9] {
    let pad = |spec: Conv2d, p: usize| Conv2d { padding: [[p; 2]; 2], ..spec };
    [
        Conv2d::new(2, 30, 31, 3, 32, [3, 3]),
        pad(Conv2d::new(3, 17, 19, 16, 48, [3, 3]), 1),
        Conv2d { stride: [2, 2], ..pad(Conv2d::new(2, 20, 21, 5, 70, [4, 4]), 1) },
        Conv2d { stride: [2, 3], dilation: [3, 2], ..Conv2d::new(1, 25, 24, 8, 16, [3, 3]) },
        Conv2d::new(3, 9, 9, 40, 100, [1, 1]),
        pad(Conv2d { groups: 33, ..Conv2d::new(2, 12, 13, 33, 33, [3, 3]) }, 1),
        pad(Conv2d::new(9, 64, 40, 6, 3, [3, 3]), 1),
        pad(Conv2d::new(2, 20, 33, 16, 3, [3, 3]), 1),
        Conv2d { dilation: [2, 2], ..Conv2d::new(12, 9, 21, 32, 2, [2, 3]) },
    ]
}

#[test]
fn larger_sizes_have_the_bits_of_the_loops() {
    for spec in larger() {
        check::<f32>(&spec, Activation::Tanh);
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for spec in larger() {
        let spec = Conv2d { batch: spec.batch * 2, ..spec };
        let expected = on_threads(1, || all::<f32>(&spec, Activation::Relu));
        for threads in [2, 3, 8] {
            let got = on_threads(threads, || all::<f32>(&spec, Activation::Relu));
            assert_eq!(got, expected, "{spec:?} on {threads} threads");
        }
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch() {
    let spec = Conv2d { padding: [[1; 2]; 2], ..Conv2d::new(5, 8, 7, 6, 20, [3, 3]) };
    let [x, weight, y] = spec.sizes().unwrap();
    let (x, weight) = (numbers::<f32>(x, 1), numbers::<f32>(weight, 2));
    let mut all = vec![0.0; y];
    conv2d(&spec, &x, &weight, &Epilogue::none(), &mut all);
    let mut one = vec![0.0; y / 5];
    let image = &x[3 * x.len() / 5..4 * x.len() / 5];
    conv2d(&Conv2d { batch: 1, ..spec }, image, &weight, &Epilogue::none(), &mut one);
    assert_eq!(bits(&one), bits(&all[3 * y / 5..4 * y / 5]));
}

#[test]
fn nan_reaches_exactly_the_windows_that_see_it() {
    let spec = Conv2d::new(1, 6, 6, 1, 2, [3, 3]);
    let mut x = vec![1.0f32; 36];
    x[0] = f32::NAN;
    let mut y = vec![0.0; 32];
    conv2d(&spec, &x, &[1.0; 18], &Epilogue { bias: None, activation: Activation::Relu }, &mut y);
    assert!(y[..2].iter().all(|y| y.is_nan()));
    assert!(y[2..].iter().all(|&y| y == 9.0));
}

#[test]
fn geometry_is_refused_with_its_numbers() {
    let spec = Conv2d::new(1, 4, 4, 6, 6, [3, 3]);
    let text = |spec: Conv2d| spec.check().unwrap_err().to_string();
    assert_eq!(
        text(Conv2d { height: 2, ..spec }),
        "conv2d: kernel must be at most the padded height 2 after dilation, got 3"
    );
    assert_eq!(
        text(Conv2d { groups: 4, ..spec }),
        "conv2d: groups must be a divisor of in_channels 6 and out_channels 6, got 4"
    );
    assert_eq!(
        text(Conv2d { stride: [1, 0], ..spec }),
        "conv2d: stride must be at least 1 (width), got 0"
    );
    assert!(text(Conv2d { batch: usize::MAX, ..spec }).contains("small enough to address"));
    assert!(text(Conv2d { dilation: [usize::MAX, 1], ..spec }).contains("small enough to address"));
}

#[test]
#[should_panic(expected = "conv2d: expected weight with 9 items, got 8")]
fn short_weights_are_refused() {
    conv2d(
        &Conv2d::new(1, 3, 3, 1, 1, [3, 3]),
        &[0.0; 9],
        &[0.0; 8],
        &Epilogue::none(),
        &mut [0.0],
    );
}
