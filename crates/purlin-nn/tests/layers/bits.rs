//! The same bits on every instruction set and any number of threads, and NaN that stays NaN.

use purlin_core::rng::Stream;
use purlin_nn::blocks::Residual;
use purlin_nn::layers::{
    AvgPool2d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Elu, Flatten, Gelu, GlobalAvgPool2d,
    GlobalMaxPool2d, GroupNorm, LayerNorm, LeakyRelu, Linear, LogSoftmax, MaxPool2d, Padding, Relu,
    Sigmoid, Silu, Softmax, Softplus, Tanh,
};
use purlin_nn::losses::CrossEntropy;
use purlin_nn::{Context, Forward, Module, Sequential};
use purlin_tensor::{Activation, Tensor};
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};

/// Two steps of plain gradient descent on a network with every kind of layer: all weights.
fn train() -> Vec<f32> {
    let init = Stream::new(9, "init");
    let block = Residual::new(
        Sequential::new()
            .push(Conv2d::new(12, 12, 3, &init.child("block")).padding(1).groups(3))
            .push(GroupNorm::new(4, 12))
            .push(Gelu),
    );
    let mut model: Sequential = Sequential::new()
        .push(
            Conv2d::new(3, 12, 3, &init.child("conv"))
                .padding(Padding::Same)
                .activation(Activation::Relu),
        )
        .push(BatchNorm2d::new(12))
        .push(block)
        .push(MaxPool2d::new(2))
        .push(ConvTranspose2d::new(12, 8, 2, &init.child("up")).stride(2))
        .push(AvgPool2d::new(2))
        .push(Silu)
        .push(Flatten)
        .push(Linear::new(8 * 64, 40, &init.child("hidden")).activation(Activation::Tanh))
        .push(LayerNorm::new(40))
        .push(Dropout::new(0.3))
        .push(Linear::new(40, 10, &init.child("head")));
    let x = Tensor::normal([8, 16, 16, 3], 0.0, 1.0, &Stream::new(2, "x"));
    let classes = [0, 1, 2, 3, 4, 5, 6, 9];
    for step in 0..2 {
        let logits = model.forward(&x, &mut Context::train(4).at_step(step));
        let loss = CrossEntropy::new().label_smoothing(0.1).loss(&logits, &classes).unwrap();
        let grads = loss.backward();
        model.for_each_param_mut(&mut |_, param| {
            let grad = grads.require(param).unwrap().to_vec();
            for (w, g) in param.data_mut().iter_mut().zip(grad) {
                *w -= 0.1 * g;
            }
        });
    }
    let mut weights = Vec::new();
    model.for_each_param(&mut |_, param| weights.extend_from_slice(param.data()));
    model.for_each_buffer(&mut |_, buffer| weights.extend_from_slice(buffer.get().data()));
    assert!(weights.iter().all(|w| w.is_finite()));
    weights
}

#[test]
fn training_gives_the_same_bits_on_every_instruction_set() {
    check_same_bits_on_all_isas(train);
}

#[test]
fn training_gives_the_same_bits_on_any_number_of_threads() {
    check_same_bits_on_threads(train);
}

#[test]
fn a_value_that_is_not_a_number_is_never_hidden() {
    let s = Stream::new(1, "init");
    let layers: Vec<Box<dyn Forward>> = vec![
        Box::new(Relu),
        Box::new(LeakyRelu::default()),
        Box::new(Elu::default()),
        Box::new(Gelu),
        Box::new(Silu),
        Box::new(Softplus::default()),
        Box::new(Sigmoid),
        Box::new(Tanh),
        Box::new(Softmax::default()),
        Box::new(LogSoftmax::default()),
        Box::new(MaxPool2d::new(2)),
        Box::new(AvgPool2d::new(2)),
        Box::new(GlobalMaxPool2d),
        Box::new(GlobalAvgPool2d),
        Box::new(Conv2d::new(3, 4, 3, &s).activation(Activation::Relu)),
        Box::new(ConvTranspose2d::new(3, 4, 3, &s).activation(Activation::LeakyRelu(0.1))),
        Box::new(Linear::new(3, 4, &s).activation(Activation::Sigmoid)),
        Box::new(BatchNorm2d::new(3)),
        Box::new(LayerNorm::new(3)),
        Box::new(GroupNorm::new(1, 3)),
    ];
    for layer in layers {
        for place in [0, 47] {
            let mut x = Tensor::zeros([1, 4, 4, 3]);
            x.data_mut()[place] = f32::NAN;
            for mut ctx in [Context::eval(), Context::train(0)] {
                let y = layer.forward(&x, &mut ctx);
                assert!(y.data().iter().any(|v| v.is_nan()), "{} at {place}", layer.kind());
            }
        }
    }
}

#[test]
fn infinities_and_signed_zeros_follow_the_limits() {
    let x = Tensor::<f64>::from([f64::NEG_INFINITY, -0.0, 0.0, f64::INFINITY, -1e300, 5e-324]);
    let value = |layer: &dyn Forward<f64>| layer.forward(&x, &mut Context::eval()).to_vec();
    assert_eq!(value(&Relu), [0.0, 0.0, 0.0, f64::INFINITY, 0.0, 5e-324]);
    assert_eq!(value(&Sigmoid), [0.0, 0.5, 0.5, 1.0, 0.0, 0.5]);
    assert_eq!(value(&Tanh), [-1.0, 0.0, 0.0, 1.0, -1.0, 5e-324]);
    assert_eq!(value(&Elu::default()), [-1.0, 0.0, 0.0, f64::INFINITY, -1.0, 5e-324]);
    let ln_2 = std::f64::consts::LN_2;
    assert_eq!(value(&Softplus::default()), [0.0, ln_2, ln_2, f64::INFINITY, 0.0, ln_2]);
    // Two of three logits at -inf: a mask. All probability goes to the third.
    let masked = Tensor::<f64>::from([f64::NEG_INFINITY, 3.0, f64::NEG_INFINITY]);
    let probs = Softmax::default().forward(&masked, &mut Context::eval());
    assert_eq!(probs.to_vec(), [0.0, 1.0, 0.0]);
    let loss = CrossEntropy::new().loss(&masked.reshape([1, 3]), &[1]).unwrap();
    assert_eq!(loss.item(), 0.0);
}
