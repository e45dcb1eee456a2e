//! Initialisation: bounds, moments, orthogonality, what is refused, the same bits everywhere.

use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};
use purlin_nn::Init;
use purlin_nn::init::{Distribution, Fan, Gain, fans};
use purlin_nn::layers::{Conv2d, Linear};
use purlin_tensor::Tensor;

fn draw(init: Init, shape: impl Into<Shape>) -> Tensor<f64> {
    init.tensor(shape, &Stream::new(5, "weight")).unwrap()
}

fn moments(x: &Tensor<f64>) -> (f64, f64) {
    let n = x.numel() as f64;
    let mean = x.data().iter().sum::<f64>() / n;
    (mean, (x.data().iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[test]
fn fans_are_read_off_the_last_two_axes() {
    assert_eq!(fans(&Shape::from([3, 5])), (3, 5));
    assert_eq!(fans(&Shape::from([3, 3, 16, 32])), (144, 288));
    assert_eq!(fans(&Shape::from([7])), (7, 7));
    assert_eq!(fans(&Shape::SCALAR), (1, 1));
}

#[test]
fn standard_deviations_are_those_of_the_papers() {
    // 120,000 draws: the standard deviation is known to 0.3 % (two sigma: 0.4 %).
    let (fan_in, fan_out) = (400.0f64, 300.0);
    let scaling = |gain, fan, distribution| Init::VarianceScaling { gain, fan, distribution };
    for (init, std) in [
        (Init::XavierUniform, (2.0 / (fan_in + fan_out)).sqrt()),
        (Init::XavierNormal, (2.0 / (fan_in + fan_out)).sqrt()),
        (Init::KaimingUniform, (2.0 / fan_in).sqrt()),
        (Init::KaimingNormal, (2.0 / fan_in).sqrt()),
        (Init::FanInUniform, (1.0 / (3.0 * fan_in)).sqrt()),
        (scaling(Gain::Tanh.value(), Fan::Out, Distribution::Normal), 5.0 / 3.0 / fan_out.sqrt()),
        (scaling(1.0, Fan::In, Distribution::TruncatedNormal), 1.0 / fan_in.sqrt()),
        (Init::Normal { mean: 0.0, std: 0.02 }, 0.02),
        (Init::Uniform { lo: -1.0, hi: 1.0 }, (1.0f64 / 3.0).sqrt()),
    ] {
        let (mean, measured) = moments(&draw(init, [400, 300]));
        assert!(mean.abs() < 0.02 * std, "{init:?}: mean {mean}");
        assert!((measured / std - 1.0).abs() < 0.01, "{init:?}: {measured}, expected {std}");
    }
}

#[test]
fn bounds_hold() {
    let within = |init, bound: f64| {
        let x = draw(init, [40, 30]);
        let most = x.data().iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(most <= bound && most > 0.95 * bound, "{init:?}: {most} for bound {bound}");
    };
    within(Init::XavierUniform, (6.0f64 / 70.0).sqrt());
    within(Init::KaimingUniform, (6.0f64 / 40.0).sqrt());
    within(Init::FanInUniform, (1.0f64 / 40.0).sqrt());
    within(Init::TruncatedNormal { mean: 0.0, std: 1.0, lo: -0.5, hi: 0.5 }, 0.5);
    assert_eq!(draw(Init::Constant(2.5), [2, 2]).to_vec(), [2.5; 4]);
    assert_eq!(draw(Init::Zeros, [2]).to_vec(), [0.0; 2]);
    assert_eq!(draw(Init::Ones, [2]).to_vec(), [1.0; 2]);
    assert_eq!(draw(Init::XavierUniform, [0, 3]).numel(), 0);
}

#[test]
fn orthogonal_rows_or_columns_are_orthonormal_times_the_gain() {
    for (shape, gain) in
        [(vec![6, 4], 1.0), (vec![4, 6], 2.0), (vec![3, 3, 2, 5], 0.5), (vec![1, 1], 1.0)]
    {
        let x = draw(Init::Orthogonal { gain }, shape.clone());
        let cols = shape[shape.len() - 1];
        let rows = x.numel() / cols;
        let x = x.reshape([rows, cols]);
        let transposed = x.transpose(0, 1);
        let gram = if rows < cols { x.matmul(&transposed) } else { transposed.matmul(&x) };
        let n = rows.min(cols);
        for (i, v) in gram.data().iter().enumerate() {
            let expected = if i / n == i % n { gain * gain } else { 0.0 };
            assert!(
                (v - expected).abs() < 1e-12,
                "{shape:?}: gram {i} is {v}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_larger_tensor_and_another_number_type_have_the_same_draws() {
    let init = Init::Normal { mean: 0.0, std: 1.0 };
    let (small, large) = (draw(init, [100]), draw(init, [10_000]));
    assert_eq!(small.data(), &large.data()[..100]);
    let single: Tensor<f32> = init.tensor([100], &Stream::new(5, "weight")).unwrap();
    for (a, b) in small.data().iter().zip(single.data()) {
        assert_eq!(f32::from_f64(*a), *b);
    }
    let other: Tensor<f64> = init.tensor([100], &Stream::new(6, "weight")).unwrap();
    assert_ne!(small, other);
}

#[test]
fn invalid_parameters_are_refused_with_their_numbers() {
    let refused = |init: Init, shape: &[usize]| {
        init.tensor::<f32>(shape, &Stream::new(0, "x")).unwrap_err().to_string()
    };
    assert_eq!(refused(Init::Constant(f64::NAN), &[1]), "init: value must be finite, got NaN");
    assert_eq!(
        refused(Init::Uniform { lo: 1.0, hi: -1.0 }, &[1]),
        "init: lo must be at most hi = -1, got 1"
    );
    assert_eq!(
        refused(Init::Normal { mean: 0.0, std: -1.0 }, &[1]),
        "init: std must be at least 0, got -1"
    );
    assert_eq!(
        refused(Init::TruncatedNormal { mean: 0.0, std: 1.0, lo: 5.0, hi: 6.0 }, &[1]),
        "init: [lo, hi] must be at least 0.1 std wide within 3 std of the mean, got [5, 6] for mean 0, std 1"
    );
    assert_eq!(
        refused(Init::Orthogonal { gain: 1.0 }, &[3]),
        "init: expected a weight of rank 2 or more for Orthogonal, got (3,)"
    );
}

#[test]
fn layers_begin_as_in_pytorch_and_as_in_keras_on_request() {
    let stream = Stream::new(1, "layer");
    let layer: Conv2d = Conv2d::new(4, 8, 3, &stream);
    let bound = 1.0 / 36.0f32.sqrt();
    let within = |x: &Tensor, bound: f32| x.data().iter().all(|v| v.abs() <= bound);
    assert!(within(&layer.weight, bound) && !within(&layer.weight, 0.9 * bound));
    assert!(within(layer.bias.as_deref().unwrap(), bound));
    let keras = layer.init(Init::XavierUniform).bias_init(Init::Zeros);
    assert!(!within(&keras.weight, 0.9 * (6.0f32 / 108.0).sqrt()));
    assert!(within(keras.bias.as_deref().unwrap(), 0.0));
}

#[test]
fn the_order_of_options_does_not_matter() {
    let stream = Stream::new(1, "layer");
    let new = || Conv2d::<f64>::new(4, 8, 3, &stream);
    let a = new().groups(2).init(Init::KaimingNormal).bias_init(Init::Constant(0.5));
    let b = new().bias_init(Init::Constant(0.5)).init(Init::KaimingNormal).groups(2);
    assert_eq!(*a.weight, *b.weight);
    assert_eq!(a.bias.as_deref(), b.bias.as_deref());
    let c = Linear::<f64>::new(3, 4, &stream).bias(false).bias_init(Init::Ones);
    assert!(c.bias.is_none());
    assert_eq!(c.bias(true).bias.unwrap().to_vec(), [1.0; 4]);
}

#[test]
fn bounds_of_nan_and_values_beyond_the_number_type_are_refused() {
    fn refused<T: Real>(init: Init) -> String {
        init.tensor::<T>([64, 64], &Stream::new(0, "x")).unwrap_err().to_string()
    }
    let truncated = |lo, hi| Init::TruncatedNormal { mean: 0.0, std: 1.0, lo, hi };
    assert_eq!(refused::<f32>(truncated(f64::NAN, 1.0)), "init: lo must be a number, got NaN");
    assert_eq!(refused::<f32>(truncated(-1.0, f64::NAN)), "init: hi must be a number, got NaN");
    let one_sided = truncated(0.0, f64::INFINITY).tensor::<f32>([9], &Stream::new(0, "x")).unwrap();
    assert!(one_sided.data().iter().all(|x| *x >= 0.0));
    assert_eq!(
        refused::<f64>(Init::Uniform { lo: -1e308, hi: 1e308 }),
        "init: hi - lo must be finite, got inf for [-1e308, 1e308)"
            .replace("1e308", &1e308.to_string())
    );
    let (fan, distribution) = (Fan::In, Distribution::Uniform);
    assert!(
        refused::<f64>(Init::VarianceScaling { gain: 1e308 * 16.0, fan, distribution })
            .contains("finite")
    );
    assert_eq!(
        refused::<f32>(Init::Constant(1e39)),
        format!(
            "init: parameters must be such that every value is finite in f32, got inf from {:?}",
            Init::Constant(1e39)
        )
    );
    for init in [
        Init::Normal { mean: 1e39, std: 1.0 },
        Init::Normal { mean: 0.0, std: 3e38 },
        Init::Uniform { lo: 0.0, hi: 1e39 },
        Init::Orthogonal { gain: 1e39 },
    ] {
        assert!(refused::<f32>(init).contains("finite in f32"), "{init:?}");
    }
    assert!(Init::Constant(1e39).tensor::<f64>([1], &Stream::new(0, "x")).is_ok());
}
