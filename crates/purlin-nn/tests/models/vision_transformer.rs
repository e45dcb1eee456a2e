//! The vision transformer: its size, its laws, what it does not see, what is refused.

use crate::panic_of;
use purlin_core::Shape;
use purlin_core::rng::Stream;
use purlin_nn::losses::CrossEntropy;
use purlin_nn::models::{Pooling, VisionTransformer, VisionTransformerConfig};
use purlin_nn::optim::{Adam, Optimizer};
use purlin_nn::{Context, Forward, Module};
use purlin_tensor::Tensor;
use purlin_testkit::LayerCheck;

fn stream() -> Stream {
    Stream::new(4, "vit")
}

fn small() -> VisionTransformerConfig {
    VisionTransformerConfig::new([4, 6], 2).features(4).heads(2).hidden(6).depth(1).in_channels(2)
}

/// ViT-Ti/16 for 1000 classes has 5,717,416 parameters (timm's `vit_tiny_patch16_224`).
#[test]
fn the_small_network_has_its_published_number_of_parameters() {
    let model: VisionTransformer = VisionTransformerConfig::new(224, 16).build(1000, &stream());
    assert_eq!(model.n_params(), 5_717_416);
    let mut first = Vec::new();
    model.for_each_param(&mut |name, param| first.push(format!("{name} {}", param.shape())));
    assert_eq!(
        first[..5],
        [
            "patches.weight (16, 16, 3, 192)",
            "patches.bias (192,)",
            "class_token (1, 1, 192)",
            "positions.weight (197, 192)",
            "layers.0.self_attention.weight_in (192, 576)",
        ]
    );
}

#[test]
fn it_obeys_the_laws_of_layers() {
    for pooling in [Pooling::ClassToken, Pooling::Mean] {
        LayerCheck::new([2, 4, 6, 2])
            .run(|s| small().pooling(pooling).dropout(0.2).build::<f64>(3, s));
    }
}

/// Without positions, patches may change places; with them not.
#[test]
fn only_positions_tell_patches_apart() {
    let x = Tensor::<f64>::normal([1, 4, 6, 2], 0.0, 1.0, &stream().child("x"));
    // The columns of patches in another order.
    let moved = Tensor::concat(&[&x.slice(2, 4..), &x.slice(2, ..4)], 2);
    for pooling in [Pooling::ClassToken, Pooling::Mean] {
        let mut model: VisionTransformer<f64> = small().pooling(pooling).build(3, &stream());
        let apart = |model: &VisionTransformer<f64>| {
            let y = [&x, &moved].map(|x| model.forward(x, &mut Context::eval()));
            (&y[0] - &y[1]).abs().max().item()
        };
        assert!(apart(&model) > 1e-4);
        let zeros = model.positions.weight.zeros_like();
        model.positions.weight.set(&zeros).unwrap();
        assert!(apart(&model) < 1e-14);
    }
}

#[test]
fn it_learns() {
    let x = Tensor::normal([16, 4, 6, 2], 0.0, 1.0, &stream().child("x"));
    let labels: Vec<usize> = (0..16).map(|i| i % 4).collect();
    let mut model: VisionTransformer = small().features(16).hidden(32).build(4, &stream());
    let mut optimizer = Adam::new(1e-2);
    let mut last = f32::INFINITY;
    for step in 0..60 {
        let logits = model.forward(&x, &mut Context::train(0).at_step(step));
        let loss = CrossEntropy::new().loss(&logits, &labels).unwrap();
        optimizer.step(&mut model, &loss.backward()).unwrap();
        last = loss.item();
    }
    assert!(last < 0.05, "{last}");
}

#[test]
fn what_cannot_be_is_refused() {
    let texts: [(String, &str); 6] = [
        (
            panic_of(|| VisionTransformerConfig::new([32, 30], 4)),
            "vision_transformer: patch_size must be a divisor of image_size 30, got 4",
        ),
        (
            panic_of(|| VisionTransformerConfig::new(32, 0)),
            "vision_transformer: patch_size must be at least 1, got 0",
        ),
        (panic_of(|| small().depth(0)), "vision_transformer: depth must be at least 1, got 0"),
        (
            panic_of(|| small().dropout(1.5)),
            "vision_transformer: dropout must be in 0..=1, got 1.5",
        ),
        (
            panic_of(|| small().heads(3).build::<f32>(2, &stream())),
            "attention: heads must be a divisor of 4 features, got 3",
        ),
        (
            panic_of(|| small().build::<f32>(0, &stream())),
            "vision_transformer: n_classes must be at least 1, got 0",
        ),
    ];
    for (text, expected) in texts {
        assert_eq!(text, expected);
    }
    let model: VisionTransformer = small().build(3, &stream());
    let text = model.output_shape(&Shape::from([1, 4, 4, 2])).unwrap_err().to_string();
    assert_eq!(text, "vision_transformer: expected input (batch, 4, 6, 2), got (1, 4, 4, 2)");
}
