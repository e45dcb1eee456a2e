//! The gradient penalty: its value and its gradient by PyTorch and by differences, what it refuses.

use crate::assert_near;
use purlin_core::rng::Stream;
use purlin_nn::gan::{clip_weights, gradient_penalty};
use purlin_nn::layers::{Conv2d, Flatten, LayerNorm, LeakyRelu, Linear, Tanh};
use purlin_nn::weights::{load_state_dict, state_dict};
use purlin_nn::{Context, Forward, Module, Sequential};
use purlin_tensor::{Activation, GradcheckOptions, Tensor, gradcheck};

/// A critic of one kind of layer each, with whatever a critic may hold.
fn critic() -> Sequential<f64> {
    let stream = Stream::new(3, "critic");
    Sequential::new()
        .push(
            Conv2d::new(2, 3, 3, &stream.child("0"))
                .stride(2)
                .padding(1)
                .activation(Activation::LeakyRelu(0.2)),
        )
        .push(Conv2d::new(3, 2, 2, &stream.child("1")))
        .push(Flatten)
        .push(LayerNorm::new([2]))
        .push(LeakyRelu::new(0.2))
        .push(Linear::new(2, 3, &stream.child("2")).activation(Activation::Tanh))
        .push(Tanh)
        .push(Linear::new(3, 1, &stream.child("3")))
}

fn images(n: usize, name: &str) -> Tensor<f64> {
    Tensor::normal([n, 4, 4, 2], 0.0, 1.0, &Stream::new(5, name))
}

#[test]
fn its_gradient_agrees_with_differences() {
    let critic = critic();
    let (real, fake) = (images(3, "real"), images(3, "fake"));
    let state = state_dict(&critic);
    let values: Vec<Tensor<f64>> = state.iter().map(|(_, x)| x.clone()).collect();
    let names: Vec<String> = state.into_iter().map(|(name, _)| name).collect();
    // The weights as the inputs: the leaves of a critic that holds the moved ones.
    let penalty = |critic: &Sequential<f64>| {
        let score = |x: &Tensor<f64>| critic.forward(x, &mut Context::train(0));
        gradient_penalty(score, &real, &fake, &Stream::new(7, "mix")).unwrap()
    };
    let grads = penalty(&critic).backward();
    let mut slopes = Vec::new();
    critic.for_each_param(&mut |_, param| {
        slopes.push(grads.get(param).map_or_else(|| param.zeros_like(), Clone::clone));
    });
    for (i, (value, slope)) in values.iter().zip(&slopes).enumerate() {
        for j in 0..value.numel() {
            let at = |h: f64| {
                let mut moved = values.clone();
                moved[i].data_mut()[j] += h;
                let state: Vec<_> = names.iter().cloned().zip(moved).collect();
                let mut twin = self::critic();
                load_state_dict(&mut twin, &state).unwrap();
                penalty(&twin).item()
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            let (got, name) = (slope.data()[j], &names[i]);
            // A central difference in double precision.
            let is_near = (got - difference).abs() <= 1e-8 + 1e-6 * difference.abs();
            assert!(is_near, "{name}[{j}]: expected {difference}, got {got}");
        }
    }
    assert!(slopes.iter().any(|slope| slope.data().iter().any(|g| g.abs() > 1e-3)));
}

#[test]
fn it_has_the_value_and_the_gradient_of_pytorch() {
    // PyTorch 2.15: torch.autograd.grad with create_graph, then backward, in float64.
    let stream = Stream::new(0, "any");
    let mut critic: Sequential<f64> = Sequential::new()
        .push(Linear::new(2, 3, &stream).activation(Activation::LeakyRelu(0.2)))
        .push(Linear::new(3, 1, &stream));
    let weights = [
        Tensor::from([[1.0, 0.25, -1.0], [-0.5, 2.0, 0.75]]),
        Tensor::from([0.1, -0.2, 0.3]),
        Tensor::from([[0.5], [-1.5], [2.0]]),
        Tensor::from([0.0]),
    ];
    let names = ["0.weight", "0.bias", "1.weight", "1.bias"].map(String::from);
    let state: Vec<_> = names.into_iter().zip(weights).collect();
    load_state_dict(&mut critic, &state).unwrap();
    // Between a sample and itself lies the sample.
    let x = Tensor::from([[1.0, 0.5], [-2.0, 1.0], [0.3, -0.7]]);
    let score = |x: &Tensor<f64>| critic.forward(x, &mut Context::train(0));
    let penalty = gradient_penalty(score, &x, &x, &stream).unwrap();
    assert_near(&[penalty.item()], &[2.375_660_065_320_661_7], 1e-14);
    let grads = penalty.backward();
    let expected: [&[f64]; 2] = [
        &[
            -0.164_101_953_042_534_3,
            1.634_844_187_417_138_9,
            -1.985_464_693_673_157,
            -0.567_579_120_432_149_3,
            2.851_468_197_151_679_7,
            -1.717_352_902_244_906_6,
        ],
        &[0.239_375_214_347_080_73, -4.074_431_627_438_429, 0.348_725_008_494_738_6],
    ];
    let mut place = 0;
    critic.for_each_param(&mut |name, param| {
        if name.ends_with("weight") {
            assert_near(grads.require(param).unwrap().data(), expected[place], 1e-13);
            place += 1;
        }
    });
}

#[test]
fn a_critic_of_slope_one_pays_nothing_and_a_flat_one_has_no_nan() {
    let (real, fake) = (images(4, "real"), images(4, "fake"));
    let stream = Stream::new(1, "mix");
    let unit = |x: &Tensor<f64>| x.flatten(1).slice(1, 0..1);
    assert_eq!(gradient_penalty(unit, &real, &fake, &stream).unwrap().item(), 0.0);
    let weight = Tensor::scalar(0.0).requires_grad();
    let flat = |x: &Tensor<f64>| x * &weight;
    let penalty = gradient_penalty(flat, &real, &fake, &stream).unwrap();
    assert_eq!(penalty.item(), 1.0);
    assert_eq!(penalty.backward().require(&weight).unwrap().item(), 0.0);
}

#[test]
fn samples_are_mixed_one_by_one_by_the_stream() {
    let (real, fake) = (Tensor::<f64>::ones([50, 2]), Tensor::zeros([50, 2]));
    let seen = |seed| {
        let mut seen = None;
        let score = |x: &Tensor<f64>| {
            seen = Some(x.detach());
            x.square().sum_axis(1, false)
        };
        gradient_penalty(score, &real, &fake, &Stream::new(seed, "mix")).unwrap();
        seen.unwrap().to_vec()
    };
    let shares = seen(1);
    assert_eq!(shares, seen(1));
    assert_ne!(shares, seen(2));
    assert!(shares.chunks(2).all(|pair| pair[0] == pair[1] && (0.0..1.0).contains(&pair[0])));
    let mean = shares.iter().sum::<f64>() / 100.0;
    assert!((mean - 0.5).abs() < 0.15, "{mean}"); // standard error 0.04
}

#[test]
fn its_slope_in_a_weight_is_a_second_derivative() {
    // w x^2 has slope 2 w x: the penalty of a known function, differentiated by differences.
    let x = Tensor::from([[0.5], [-1.5], [2.0]]);
    let options = GradcheckOptions::default();
    let penalty = |v: &[Tensor<f64>]| {
        gradient_penalty(|x| x.square() * &v[0], &x, &x, &Stream::new(1, "mix")).unwrap()
    };
    let by_hand = [0.5f64, 1.5, 2.0].iter().map(|x| (2.0 * 0.7 * x - 1.0).powi(2)).sum::<f64>();
    assert_near(&[penalty(&[Tensor::scalar(0.7)]).item()], &[by_hand / 3.0], 1e-14);
    gradcheck(penalty, &[Tensor::scalar(0.7)], &options).unwrap();
}

#[test]
fn what_is_refused() {
    let x = Tensor::<f32>::ones([2, 3]);
    let score = |x: &Tensor| x.sum();
    let stream = Stream::new(1, "mix");
    let err = gradient_penalty(score, &x, &Tensor::ones([3, 3]), &stream).unwrap_err();
    assert_eq!(err.to_string(), "gradient_penalty: expected fake (2, 3), as real, got (3, 3)");
    let none = Tensor::ones([0, 3]);
    let err = gradient_penalty(score, &none, &none, &stream).unwrap_err();
    assert_eq!(err.to_string(), "gradient_penalty: expected at least 1 samples, got 0");
    let mut layer: Linear = Linear::new(1, 1, &stream);
    for limit in [0.0, -1.0, f64::INFINITY, 1e-50, 1e50] {
        let err = clip_weights(&mut layer, limit).unwrap_err();
        let text = format!("clip_weights: limit must be finite and above 0 in f32, got {limit}");
        assert_eq!(err.to_string(), text);
    }
}

#[test]
fn clipping_leaves_frozen_weights_and_nan_alone() {
    let mut layer: Linear = Linear::new(2, 1, &Stream::new(1, "init"));
    layer.weight.data_mut().copy_from_slice(&[f32::NAN, -7.0]);
    layer.bias.as_mut().unwrap().data_mut()[0] = 9.0;
    layer.bias.as_mut().unwrap().set_trainable(false);
    clip_weights(&mut layer, 0.5).unwrap();
    assert!(layer.weight.data()[0].is_nan());
    assert_eq!((layer.weight.data()[1], layer.bias.unwrap().item()), (-0.5, 9.0));
}
