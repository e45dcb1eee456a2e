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
            2.892_161_004_866e2,
            4.677_801_915_764e1,
            -2.702_856_488_072e2,
            3.737_679_574_993e2,
            8.660_402_359_151e1,
            -3.386_677_606_069e2,
        ],
        [6.128_477_403_363, 6.405_167_183_757e-2],
    );
}

#[test]
fn bottlenecks_with_squeeze_and_excitation_agree_with_torch() {
    check(
        &ResNetConfig::resnet50().squeeze_excitation(2),
        [
            1.252_348_873_899e1,
            -2.202_485_681_486e1,
            -4.265_795_682_777e1,
            1.134_898_615_885e1,
            -2.491_442_968_907e1,
            -4.543_580_600_100e1,
        ],
        [9.903_666_565_914e2, 3.010_660_393_913e1],
    );
}

#[test]
fn norms_before_convolutions_agree_with_torch() {
    check(
        &ResNetConfig::resnet18().pre_activation(true).squeeze_excitation(2),
        [
            -3.971_842_432_409e1,
            -5.676_451_739_144e1,
            1.678_290_893_910e1,
            -3.480_598_434_321e1,
            -4.895_810_278_322e1,
            1.503_994_922_713e1,
        ],
        [6.250_155_762_040, 1.496_695_254_920e-1],
    );
    check(
        &ResNetConfig::resnet50().pre_activation(true),
        [
            2.917_335_645_871e3,
            -4.129_375_516_375e4,
            -5.939_883_181_886e4,
            2.841_472_204_980e3,
            -3.936_461_999_941e4,
            -5.668_430_132_191e4,
        ],
        [1.261_841_059_988e-1, 1.826_405_011_194e-3],
    );
}
