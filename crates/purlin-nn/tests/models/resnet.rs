//! Residual networks: sizes known from the papers, shapes, options, training, files.

use crate::panic_of;
use purlin_core::Shape;
use purlin_core::rng::Stream;
use purlin_nn::blocks::Shortcut;
use purlin_nn::losses::CrossEntropy;
use purlin_nn::models::{ResNet, ResNetConfig, Stem};
use purlin_nn::optim::{Optimizer, Sgd};
use purlin_nn::{Context, Forward, Module, summary, weights};
use purlin_tensor::Tensor;

fn stream() -> Stream {
    Stream::new(3, "resnet")
}

fn size(config: &ResNetConfig, n_classes: usize) -> usize {
    config.build::<f32>(n_classes, &stream()).n_params()
}

/// Torchvision's tables for 1000 classes.
#[test]
fn resnets_have_the_published_numbers_of_parameters() {
    assert_eq!(size(&ResNetConfig::resnet18(), 1000), 11_689_512);
    assert_eq!(size(&ResNetConfig::resnet34(), 1000), 21_797_672);
    assert_eq!(size(&ResNetConfig::resnet50(), 1000), 25_557_032);
}

/// By hand: the stem has `27 * 16` weights, stage `i` of width `w` one convolution of `9 w_before w`
/// and `2 n - 1` of `9 w w`, each convolution `2 w` numbers of its norm, the head 650.
#[test]
fn networks_for_small_images_have_the_published_numbers_of_parameters() {
    for (depth, expected) in
        [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
    {
        let n = (depth - 2) / 6;
        let mut by_hand = 27 * 16 + 2 * 16 + 650;
        for (before, w) in [(16, 16), (16, 32), (32, 64)] {
            by_hand += 9 * before * w + (2 * n - 1) * 9 * w * w + 2 * n * 2 * w;
        }
        assert_eq!(by_hand, expected);
        assert_eq!(size(&ResNetConfig::cifar(depth), 10), expected, "depth {depth}");
    }
    // Projections have 16 * 32 and 32 * 64 weights and their norms.
    let projected = ResNetConfig::cifar(20).shortcut(Shortcut::Projection);
    assert_eq!(size(&projected, 10), 269_722 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64);
    // Norms before convolutions: that of the stem is that of the end, and the first of each stage
    // is as wide as its input.
    let first = ResNetConfig::cifar(20).pre_activation(true);
    assert_eq!(size(&first, 10), 269_722 - 2 * 16 + 2 * 64 - 2 * 16 - 2 * 32);
    // For each block of width w: w (w / 4) weights twice, and both biases.
    let weighed = ResNetConfig::cifar(20).squeeze_excitation(4);
    let se = |w: usize| 2 * w * (w / 4) + w / 4 + w;
    assert_eq!(size(&weighed, 10), 269_722 + 3 * (se(16) + se(32) + se(64)));
}

#[test]
fn shapes_follow_the_stem_and_the_stages() {
    let model: ResNet = ResNetConfig::resnet18().width(2).build(7, &stream());
    let shape = |height, width| model.output_shape(&Shape::from([3, height, width, 3])).unwrap();
    assert_eq!(shape(33, 40), Shape::from([3, 7]));
    assert_eq!(shape(1, 1), Shape::from([3, 7]));
    let rows = summary(&model, [1, 64, 64, 3]).unwrap().to_string();
    for part in
        ["conv1 (Conv2d)", "(1, 32, 32, 2)", "(1, 16, 16, 2)", "(1, 8, 8, 4)", "(1, 2, 2, 16)"]
    {
        assert!(rows.contains(part), "{part} in\n{rows}");
    }
    let small: ResNet =
        ResNetConfig::resnet50().width(2).stem(Stem::Cifar).in_channels(1).build(2, &stream());
    assert_eq!(small.output_shape(&Shape::from([1, 8, 8, 1])).unwrap(), Shape::from([1, 2]));
    assert_eq!(small.features(&Tensor::zeros([1, 8, 8, 1]), &mut Context::eval()).dims(), [1, 64]);
}

#[test]
fn parameters_are_called_as_in_torchvision() {
    let names = |model: ResNet| {
        let mut names = Vec::new();
        model.for_each_param(&mut |name, _| names.push(name.to_owned()));
        names
    };
    let all = names(ResNetConfig::resnet50().width(1).build(2, &stream()));
    assert_eq!(all.len(), 161); // of torchvision's resnet50
    assert_eq!(
        all[..15],
        [
            "conv1.weight",
            "bn1.weight",
            "bn1.bias",
            "layer1.0.conv1.weight",
            "layer1.0.bn1.weight",
            "layer1.0.bn1.bias",
            "layer1.0.conv2.weight",
            "layer1.0.bn2.weight",
            "layer1.0.bn2.bias",
            "layer1.0.conv3.weight",
            "layer1.0.bn3.weight",
            "layer1.0.bn3.bias",
            "layer1.0.downsample.0.weight",
            "layer1.0.downsample.1.weight",
            "layer1.0.downsample.1.bias",
        ]
    );
    assert_eq!(all[159..], ["fc.weight", "fc.bias"]);
    assert_eq!(names(ResNetConfig::resnet18().width(1).build(2, &stream())).len(), 62);
}

/// A weight depends on the seed and its name, not on the options around it.
#[test]
fn options_leave_the_convolutions_as_they_are() {
    let plain: ResNet = ResNetConfig::cifar(8).width(4).build(2, &stream());
    let config = ResNetConfig::cifar(8).width(4).pre_activation(true).squeeze_excitation(2);
    let other: ResNet = config.clone().build(2, &stream());
    assert_eq!(plain.layer3[0].conv2.weight.data(), other.layer3[0].conv2.weight.data());
    let zero: ResNet = config.zero_init(true).build(2, &stream());
    assert_eq!(plain.layer3[0].conv1.weight.data(), zero.layer3[0].conv1.weight.data());
    assert!(zero.layer3[0].conv2.weight.data().iter().all(|&w| w == 0.0));
    assert_ne!(plain.layer1[0].conv1.weight.data(), plain.layer1[0].conv2.weight.data());
    // He's normal by outgoing connections: 3 * 3 * 16.
    let w = &plain.layer3[0].conv2.weight;
    let variance = w.square().mean().item();
    assert!((variance * 9.0 * 16.0 / 2.0 - 1.0).abs() < 0.1, "{variance}");
}

/// Sixteen pictures of noise and their labels, learned by heart.
#[test]
fn small_networks_learn() {
    let x = Tensor::normal([16, 8, 8, 3], 0.0, 1.0, &stream().child("x"));
    let labels: Vec<usize> = (0..16).map(|i| i % 4).collect();
    let configs = [
        ResNetConfig::cifar(8).width(8),
        ResNetConfig::cifar(8).width(8).pre_activation(true).squeeze_excitation(4),
    ];
    for config in configs {
        let mut model: ResNet = config.build(4, &stream());
        let mut optimizer = Sgd::new(0.05).momentum(0.9);
        let mut losses = Vec::new();
        for step in 0..60 {
            let logits = model.forward(&x, &mut Context::train(0).at_step(step));
            let loss = CrossEntropy::new().loss(&logits, &labels).unwrap();
            optimizer.step(&mut model, &loss.backward()).unwrap();
            losses.push(loss.item());
        }
        assert!(losses[0] > 1.0 && losses[59] < 0.1, "{config:?}: {losses:?}");
    }
}

#[test]
fn a_saved_network_is_the_same_when_loaded() {
    let config = ResNetConfig::cifar(8).width(4).squeeze_excitation(2);
    let model: ResNet = config.build(3, &stream());
    let x = Tensor::normal([2, 8, 8, 3], 0.0, 1.0, &stream().child("x"));
    model.forward(&x, &mut Context::train(0)); // statistics that differ from fresh ones
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    weights::save(&model, &path).unwrap();
    let mut other: ResNet = config.build(3, &Stream::new(9, "other"));
    let y = |model: &ResNet| model.forward(&x, &mut Context::eval());
    assert_ne!(y(&other), y(&model));
    weights::load(&mut other, &path).unwrap();
    assert_eq!(y(&other), y(&model));
    let mut deeper: ResNet =
        ResNetConfig::cifar(14).width(4).squeeze_excitation(2).build(3, &stream());
    let text = weights::load(&mut deeper, &path).unwrap_err().to_string();
    assert!(text.contains("layer1.1.conv1.weight"), "{text}");
}

#[test]
fn what_cannot_be_is_refused() {
    for depth in [0, 2, 18, 21] {
        assert_eq!(
            panic_of(|| ResNet::<f32>::cifar(depth, 10, &stream())),
            format!("resnet: depth must be 6 n + 2 with n at least 1, got {depth}")
        );
    }
    assert_eq!(
        panic_of(|| ResNet::<f32>::cifar(8, 0, &stream())),
        "resnet: n_classes must be at least 1, got 0"
    );
    assert_eq!(
        panic_of(|| ResNetConfig::resnet18().width(0)),
        "resnet: width must be at least 1, got 0"
    );
    assert_eq!(
        panic_of(|| ResNetConfig::resnet18().in_channels(0)),
        "resnet: in_channels must be at least 1, got 0"
    );
    assert_eq!(
        panic_of(|| ResNetConfig::cifar(8).squeeze_excitation(3).build::<f32>(2, &stream())),
        "squeeze_excitation: reduction must be a divisor of 16 channels, got 3"
    );
    let model: ResNet = ResNet::cifar(8, 2, &stream());
    let text = model.output_shape(&Shape::from([1, 8, 8, 1])).unwrap_err().to_string();
    assert_eq!(text, "conv2d: expected input (batch, height, width, 3), got (1, 8, 8, 1)");
    assert_eq!(
        panic_of(|| model.forward(&Tensor::zeros([1, 8, 8, 1]), &mut Context::eval())),
        text
    );
}
