//! The same bits on every instruction set and any number of threads.

use purlin_core::rng::Stream;
use purlin_nn::blocks::DepthwiseSeparable;
use purlin_nn::losses::CrossEntropy;
use purlin_nn::models::{Pooling, ResNetConfig, VisionTransformerConfig};
use purlin_nn::optim::{Optimizer, Sgd};
use purlin_nn::{Context, Forward, Module, Sequential, layers::GlobalAvgPool2d, layers::Linear};
use purlin_tensor::Tensor;
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};

/// Two steps of training on each architecture: all weights and statistics.
fn train() -> Vec<f32> {
    let s = Stream::new(9, "init");
    let resnet = |config: ResNetConfig| Sequential::new().push(config.build::<f32>(4, &s));
    let transformer =
        VisionTransformerConfig::new(12, 4).features(24).heads(3).hidden(40).depth(2).dropout(0.1);
    let models = [
        resnet(ResNetConfig::cifar(8)),
        resnet(ResNetConfig::cifar(8).pre_activation(true).squeeze_excitation(4)),
        resnet(ResNetConfig::resnet50().width(2)),
        Sequential::new()
            .push(DepthwiseSeparable::new(3, 20, &s.child("a")).stride(2))
            .push(DepthwiseSeparable::new(20, 24, &s.child("b")))
            .push(GlobalAvgPool2d)
            .push(Linear::new(24, 4, &s.child("head"))),
        Sequential::new().push(transformer.clone().build::<f32>(4, &s)),
        Sequential::new().push(transformer.pooling(Pooling::Mean).build::<f32>(4, &s)),
    ];
    let x = Tensor::normal([6, 12, 12, 3], 0.0, 1.0, &Stream::new(2, "x"));
    let mut words = Vec::new();
    for mut model in models {
        let mut optimizer = Sgd::new(0.01).momentum(0.9).weight_decay(5e-4);
        for step in 0..2 {
            let logits = model.forward(&x, &mut Context::train(4).at_step(step));
            let loss = CrossEntropy::new().loss(&logits, &[0, 1, 2, 3, 1, 0]).unwrap();
            optimizer.step(&mut model, &loss.backward()).unwrap();
        }
        model.for_each_param(&mut |_, param| words.extend_from_slice(param.data()));
        model.for_each_buffer(&mut |_, buffer| words.extend_from_slice(buffer.get().data()));
    }
    assert!(words.iter().all(|w| w.is_finite()));
    words
}

#[test]
fn training_gives_the_same_bits_on_every_instruction_set() {
    check_same_bits_on_all_isas(train);
}

#[test]
fn training_gives_the_same_bits_on_any_number_of_threads() {
    check_same_bits_on_threads(train);
}
