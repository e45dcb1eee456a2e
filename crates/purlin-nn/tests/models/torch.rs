//! The same networks written in PyTorch 2.15, in double precision, with weights by a formula.
//!
//! The modules there are those of torchvision's `resnet.py` (with squeeze and excitation before the
//! sum, and norms before convolutions, where named), their parameters and statistics sorted by name.
//! Element `i` of tensor `k`, both from 0, in PyTorch's order of axes, comes from
//! `v = sin(0.7 i + k)`: a `running_var` is `1 + v / 2`, a weight of rank 2 or more
//! `2 v / sqrt(fan_in)`, the weight of a norm `1 + v / 10`, anything else `v / 10`. Element `i` of
//! the input `(2, 32, 32, 3)` is `sin(0.1 i)`.

use purlin_core::rng::Stream;
use purlin_nn::models::{ResNet, ResNetConfig};
use purlin_nn::weights::{PyTorch, TensorFile, TensorWriter, state_dict};
use purlin_nn::{Context, Forward};
use purlin_tensor::Tensor;
use std::collections::BTreeMap;

/// The file that PyTorch would have written.
fn state_of_torch(model: &ResNet<f64>) -> TensorFile {
    let mut writer = TensorWriter::new();
    let sorted: BTreeMap<String, Tensor<f64>> = state_dict(model).into_iter().collect();
    for (k, (name, own)) in sorted.iter().enumerate() {
        let shape = match *own.dims() {
            [h, w, i, o] => vec![o, i, h, w],
            [i, o] => vec![o, i],
            ref dims => dims.to_vec(),
        };
        let fan_in: usize = shape[1..].iter().product();
        let value = |i: usize| {
            let v = (0.7 * i as f64 + k as f64).sin();
            match name.rsplit('.').next() {
                Some("running_var") => 1.0 + v / 2.0,
                Some("weight") if shape.len() > 1 => 2.0 * v / (fan_in as f64).sqrt(),
                Some("weight") => 1.0 + v / 10.0,
                _ => v / 10.0,
            }
        };
        let values = (0..own.numel()).map(value).collect();
        writer.tensor(name, &Tensor::from_vec(values, shape.clone()).unwrap()).unwrap();
    }
    TensorFile::from_bytes("memory", writer.to_bytes()).unwrap()
}

/// Relative: sums of some thousand terms in another order, through fifty layers.
const TOLERANCE: f64 = 1e-9;

#[track_caller]
fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() <= TOLERANCE * expected.abs(), "{got:e} {expected:e}");
}

/// Scores of both pictures in evaluation, and in training the length of the gradients of half the
/// sum of squared scores by the first convolution and by the second of a block further on.
#[track_caller]
fn check(config: &ResNetConfig, scores: [f64; 6], gradients: [f64; 2]) {
    let mut model: ResNet<f64> = config.clone().width(2).build(3, &Stream::new(0, "replaced"));
    let file = state_of_torch(&model);
    let report = PyTorch::new().load(&mut model, &file).unwrap();
    assert_eq!(report.matched.len(), state_dict(&model).len());

    let values = (0..2 * 32 * 32 * 3).map(|i| (0.1 * f64::from(i)).sin()).collect();
    let x = Tensor::from_vec(values, [2, 32, 32, 3]).unwrap();
    let y = model.forward(&x, &mut Context::eval());
    for (got, expected) in y.data().iter().zip(scores) {
        close(*got, expected);
    }
    let y = model.forward(&x, &mut Context::train(0));
    let grads = y.square().sum().mul_scalar(0.5).backward();
    let weights = [&model.conv1.weight, &model.layer2[0].conv2.weight];
    for (weight, expected) in weights.into_iter().zip(gradients) {
        close(grads.require(weight).unwrap().square().sum().item().sqrt(), expected);
    }
}

#[test]
fn basic_blocks_agree_with_torch() {
    check(
        &ResNetConfig::resnet18(),
        [
            2.892161004865880e+02,
            4.677801915763791e+01,
            -2.702856488072383e+02,
            3.737679574993431e+02,
            8.660402359150787e+01,
            -3.386677606069079e+02,
        ],
        [6.128477403363015e+00, 6.405167183756894e-02],
    );
}

#[test]
fn bottlenecks_with_squeeze_and_excitation_agree_with_torch() {
    check(
        &ResNetConfig::resnet50().squeeze_excitation(2),
        [
            1.252348873898568e+01,
            -2.202485681485925e+01,
            -4.265795682776896e+01,
            1.134898615884722e+01,
            -2.491442968906626e+01,
            -4.543580600099565e+01,
        ],
        [9.903666565914370e+02, 3.010660393912910e+01],
    );
}

#[test]
fn norms_before_convolutions_agree_with_torch() {
    check(
        &ResNetConfig::resnet18().pre_activation(true).squeeze_excitation(2),
        [
            -3.971842432409408e+01,
            -5.676451739144182e+01,
            1.678290893909658e+01,
            -3.480598434321448e+01,
            -4.895810278321936e+01,
            1.503994922712679e+01,
        ],
        [6.250155762040197e+00, 1.496695254920114e-01],
    );
    check(
        &ResNetConfig::resnet50().pre_activation(true),
        [
            2.917335645870803e+03,
            -4.129375516374801e+04,
            -5.939883181886262e+04,
            2.841472204980193e+03,
            -3.936461999940731e+04,
            -5.668430132191005e+04,
        ],
        [1.261841059987919e-01, 1.826405011193903e-03],
    );
}
