//! Pooling has the bits of its definition, on every instruction set and any number of threads.

use super::{AdaptiveAvgPool2d, Pool2d, naive};
use super::{adaptive_avg_pool2d, adaptive_avg_pool2d_grad, avg_pool2d, avg_pool2d_grad};
use super::{max_pool2d, max_pool2d_grad, max_pool2d_infer};
use crate::gemm::testing::{bits, inner, numbers, on_threads};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::Real;

/// Numbers with many ties, and NaN, infinities and zeros of both signs among them.
fn ties<T: Real>(len: usize, seed: u64) -> Vec<T> {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0];
    let of = |(i, x): (usize, T)| match special.get((i + seed as usize) % 23) {
        Some(&special) => T::from_f64(special),
        None => T::from_f64((x.to_f64() * 3.0).round()),
    };
    numbers::<T>(len, seed).into_iter().enumerate().map(of).collect()
}

/// Values and indices of maximum pooling, its gradient, and average pooling with its gradient.
type Results = [Vec<u64>; 6];

fn fast<T: Real>(spec: &Pool2d, count_include_pad: bool) -> Results {
    let [n_x, n_y] = spec.sizes().unwrap();
    let (x, grad_y) = (ties::<T>(n_x, 1), numbers::<T>(n_y, 2));
    let (mut y, mut infer, mut indices) = (vec![T::NAN; n_y], vec![T::NAN; n_y], vec![9; n_y]);
    let mut grad_x = vec![T::NAN; n_x];
    max_pool2d(spec, &x, &mut y, &mut indices);
    max_pool2d_infer(spec, &x, &mut infer);
    assert_eq!(bits(&infer), bits(&y), "max_pool2d_infer {spec:?}");
    max_pool2d_grad(spec, &grad_y, &indices, &mut grad_x);
    let (mut mean, mut mean_grad) = (vec![T::NAN; n_y], vec![T::NAN; n_x]);
    avg_pool2d(spec, count_include_pad, &x, &mut mean);
    avg_pool2d_grad(spec, count_include_pad, &grad_y, &mut mean_grad);
    let indices = indices.into_iter().map(u64::from).collect();
    [bits(&y), indices, bits(&grad_x), bits(&infer), bits(&mean), bits(&mean_grad)]
}

fn slow<T: Real>(spec: &Pool2d, count_include_pad: bool) -> Results {
    let [n_x, n_y] = spec.sizes().unwrap();
    let (x, grad_y) = (ties::<T>(n_x, 1), numbers::<T>(n_y, 2));
    let (mut y, mut indices, mut grad_x) = (vec![T::NAN; n_y], vec![9; n_y], vec![T::NAN; n_x]);
    naive::max_pool2d(spec, &x, &mut y, &mut indices);
    naive::max_pool2d_grad(spec, &grad_y, &indices, &mut grad_x);
    let (mut mean, mut mean_grad) = (vec![T::NAN; n_y], vec![T::NAN; n_x]);
    naive::avg_pool2d(spec, count_include_pad, &x, &mut mean);
    naive::avg_pool2d_grad(spec, count_include_pad, &grad_y, &mut mean_grad);
    let indices = indices.into_iter().map(u64::from).collect();
    [bits(&y), indices, bits(&grad_x), bits(&y), bits(&mean), bits(&mean_grad)]
}

fn check<T: Real>(spec: &Pool2d) {
    for count_include_pad in [false, true] {
        let expected = slow::<T>(spec, count_include_pad);
        for kind in IsaKind::available() {
            let _pin = pin(kind);
            assert_eq!(fast::<T>(spec, count_include_pad), expected, "{spec:?} {kind:?}");
        }
    }
}

/// Values and gradient of adaptive average pooling.
fn adaptive<T: Real>(spec: &AdaptiveAvgPool2d, is_fast: bool) -> [Vec<u64>; 2] {
    let [n_x, n_y] = spec.sizes().unwrap();
    let (x, grad_y) = (ties::<T>(n_x, 1), numbers::<T>(n_y, 2));
    let (mut y, mut grad_x) = (vec![T::NAN; n_y], vec![T::NAN; n_x]);
    if is_fast {
        adaptive_avg_pool2d(spec, &x, &mut y);
        adaptive_avg_pool2d_grad(spec, &grad_y, &mut grad_x);
    } else {
        naive::adaptive_avg_pool2d(spec, &x, &mut y);
        naive::adaptive_avg_pool2d_grad(spec, &grad_y, &mut grad_x);
    }
    [bits(&y), bits(&grad_x)]
}

/// Poolings that [`Pool2d::check`] accepts.
fn specs() -> impl Strategy<Value = Pool2d> {
    let axis = || (1usize..10, 1usize..4, 1usize..4, 1usize..3, 0usize..3, 0usize..3);
    (0usize..3, axis(), axis(), 0usize..20, any::<bool>())
        .prop_map(|(batch, rows, columns, channels, ceil_mode)| Pool2d {
            batch,
            height: rows.0,
            width: columns.0,
            channels,
            kernel: [rows.1, columns.1],
            stride: [rows.2, columns.2],
            padding: [[rows.4, rows.5], [columns.4, columns.5]],
            dilation: [rows.3, columns.3],
            ceil_mode,
        })
        .prop_filter("windows hold cells", |spec| spec.check().is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn has_the_bits_of_the_loops(spec in specs()) {
        check::<f32>(&spec);
        check::<f64>(&spec);
    }

    #[test]
    fn adaptive_has_the_bits_of_the_loops(
        batch in 0usize..3, height in 1usize..10, width in 1usize..10,
        channels in 0usize..20, out_height in 0usize..12, out_width in 0usize..12,
    ) {
        let spec = AdaptiveAvgPool2d { batch, height, width, channels, out_height, out_width };
        let (single, double) = (adaptive::<f32>(&spec, false), adaptive::<f64>(&spec, false));
        for kind in IsaKind::available() {
            let _pin = pin(kind);
            prop_assert_eq!(&adaptive::<f32>(&spec, true), &single, "{:?}", kind);
            prop_assert_eq!(&adaptive::<f64>(&spec, true), &double, "{:?}", kind);
        }
    }

    /// `<P x, g> = <x, P^T g>`
    #[test]
    fn averages_are_adjoint_to_their_gradients(spec in specs(), count_include_pad: bool) {
        let [n_x, n_y] = spec.sizes().unwrap();
        let (x, grad_y) = (numbers::<f64>(n_x, 1), numbers::<f64>(n_y, 2));
        let (mut y, mut grad_x) = (vec![0.0; n_y], vec![0.0; n_x]);
        avg_pool2d(&spec, count_include_pad, &x, &mut y);
        avg_pool2d_grad(&spec, count_include_pad, &grad_y, &mut grad_x);
        let tolerance = 1e-14 * (1 + 9 * n_y) as f64; // rounding of the sums
        prop_assert!((inner(&y, &grad_y) - inner(&x, &grad_x)).abs() <= tolerance);
    }
}

/// Large enough for threads, with channels that fill vectors and channels that do not.
#[test]
fn threads_do_not_change_a_bit() {
    for channels in [3, 64] {
        let spec = Pool2d {
            stride: [2, 1],
            padding: [[1, 0], [1, 1]],
            ..Pool2d::new(4, 61, 67, channels, [3, 3])
        };
        let global = AdaptiveAvgPool2d {
            batch: 4,
            height: 61,
            width: 67,
            channels,
            out_height: 7,
            out_width: 5,
        };
        let run = || (fast::<f32>(&spec, true), adaptive::<f32>(&global, true));
        let expected = on_threads(1, run);
        for threads in [2, 3, 8] {
            assert_eq!(on_threads(threads, run), expected, "{spec:?} on {threads} threads");
        }
    }
}

#[test]
fn of_equal_values_the_first_counts_and_nan_beats_every_number() {
    let spec = Pool2d::new(1, 2, 2, 3, [2, 2]);
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    // Channel 0: a tie of zeros of both signs; 1: NaN late, beside infinity; 2: only -infinity.
    let x = [-0.0, 1.0, -inf, 0.0, inf, -inf, 0.0, nan, -inf, -1.0, nan, -inf];
    let (mut y, mut indices) = ([9.0f32; 3], [9; 3]);
    max_pool2d(&spec, &x, &mut y, &mut indices);
    assert_eq!(indices, [0, 2, 0]);
    assert!(y[0] == 0.0 && y[0].is_sign_negative() && y[1].is_nan() && y[2] == -inf);
    let mut grad_x = [9.0; 12];
    max_pool2d_grad(&spec, &[1.0, 2.0, 3.0], &indices, &mut grad_x);
    assert_eq!(grad_x, [1.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
}

/// Offsets are carried in lanes of `f32`, which end at 2^22: a taller window takes another path.
#[test]
fn the_index_of_a_window_of_millions_of_pixels_is_exact() {
    let spec = Pool2d::new(1, 3, (1 << 22) + 5, 1, [3, (1 << 22) + 5]);
    let mut x = vec![0.0f32; 3 * ((1 << 22) + 5)];
    let last = x.len() - 2;
    x[last] = 1.0;
    let (mut y, mut indices) = ([0.0], [0]);
    max_pool2d(&spec, &x, &mut y, &mut indices);
    assert_eq!((y, indices), ([1.0], [last as u32]));
}

#[test]
fn a_ceil_mode_window_beyond_the_padding_counts_what_is_there() {
    let spec = Pool2d {
        stride: [1, 2],
        padding: [[0, 0], [1, 1]],
        ceil_mode: true,
        ..Pool2d::new(1, 1, 4, 1, [1, 3])
    };
    assert_eq!(spec.out_width(), 3);
    let mut y = [0.0f64; 3];
    avg_pool2d(&spec, true, &[3.0, 6.0, 9.0, 12.0], &mut y);
    assert_eq!(y, [3.0, 9.0, 6.0]); // the last window holds one pixel and one cell of padding
    avg_pool2d(&spec, false, &[3.0, 6.0, 9.0, 12.0], &mut y);
    assert_eq!(y, [4.5, 9.0, 12.0]);
}

#[test]
fn geometry_is_refused_with_its_numbers() {
    let spec = Pool2d::new(1, 4, 4, 6, [3, 3]);
    let text = |spec: Pool2d| spec.check().unwrap_err().to_string();
    assert_eq!(
        text(Pool2d { height: 2, ..spec }),
        "pool2d: kernel must be at most the padded height 2 after dilation, got 3"
    );
    assert_eq!(
        text(Pool2d { stride: [1, 0], ..spec }),
        "pool2d: stride must be at least 1 (width), got 0"
    );
    assert_eq!(
        text(Pool2d { padding: [[3, 0], [0, 0]], stride: [1, 1], ..spec }),
        "pool2d: padding must be small enough that each window holds a cell (height), got 3"
    );
    assert!(text(Pool2d { batch: usize::MAX, ..spec }).contains("small enough to address"));
    let none = AdaptiveAvgPool2d {
        batch: 1,
        height: 0,
        width: 1,
        channels: 1,
        out_height: 1,
        out_width: 1,
    };
    assert_eq!(
        none.check().unwrap_err().to_string(),
        "adaptive_avg_pool2d: height must be at least 1, got 0"
    );
}

#[test]
#[should_panic(expected = "max_pool2d: expected indices with 1 items, got 2")]
fn a_wrong_number_of_indices_is_refused() {
    max_pool2d(&Pool2d::new(1, 2, 2, 1, [2, 2]), &[0.0f32; 4], &mut [0.0], &mut [0; 2]);
}
