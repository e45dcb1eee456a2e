//! The laws of layers and losses hold for ours, and broken ones are caught.
#![cfg(feature = "nn")]

use purlin_core::rng::Stream;
use purlin_core::{Result, Shape};
use purlin_nn::layers::{
    BatchNorm1d, BatchNorm2d, Conv2d, Dropout, LayerNorm, Linear, MaxPool2d, Relu, Softmax,
};
use purlin_nn::losses::{Bce, CrossEntropy, Huber, Mse, Reduction};
use purlin_nn::{Buffer, Context, Forward, Module, Param, Sequential};
use purlin_tensor::Tensor;
use purlin_testkit::{LayerCheck, check_layer, check_loss};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn linear_convolution_and_pooling_obey_the_laws() {
    check_layer([5, 4], |s| Linear::new(4, 3, s));
    check_layer([2, 3, 4], |s| Linear::new(4, 2, s).bias(false));
    check_layer([2, 6, 5, 3], |s| Conv2d::new(3, 4, 3, s).stride([2, 1]).padding([1, 2]));
    check_layer([2, 6, 7, 2], |_| MaxPool2d::new(2));
}

#[test]
fn normalisation_dropout_and_activations_obey_the_laws() {
    check_layer([6, 3], |_| BatchNorm1d::new(3));
    check_layer([2, 3, 4, 2], |_| BatchNorm2d::new(2));
    check_layer([4, 5], |_| LayerNorm::new([5]));
    check_layer([4, 5], |_| Dropout::new(0.4));
    check_layer([4, 5], |_| Relu);
    LayerCheck::new([4, 5]).mixes_samples().run(|_| Softmax::new(0));
}

#[test]
fn a_small_network_obeys_the_laws() {
    LayerCheck::new([3, 6, 6, 1]).seed(2).run(|s| {
        Sequential::<f64>::new()
            .push(Conv2d::new(1, 3, 3, &s.child("conv")))
            .push(BatchNorm2d::new(3))
            .push(Relu)
            .push(MaxPool2d::new(2))
            .push(purlin_nn::layers::Flatten)
            .push(Dropout::new(0.25))
            .push(Linear::new(12, 4, &s.child("head")))
    });
}

#[test]
fn losses_obey_the_laws() {
    let x = Tensor::from([[0.2f64, -0.4, 1.3], [0.9, 0.1, -0.7]]);
    let t = Tensor::from([[0.5f64, 0.25, 1.0], [0.0, 0.75, 0.125]]);
    check_loss(&x, |x, r| Mse::new().reduction(r).loss(x, &t));
    check_loss(&x, |x, r| Huber::new(0.6).reduction(r).loss(x, &t));
    check_loss(&x, |x, r| CrossEntropy::new().label_smoothing(0.1).reduction(r).loss(x, &[2, 0]));
    let p = Tensor::from([[0.2f64, 0.4, 0.7], [0.9, 0.1, 0.5]]);
    check_loss(&p, |p, r| Bce::new().reduction(r).loss(p, &t));
}

/// A layer that goes wrong on request.
#[derive(Module)]
#[module(real = f64)]
struct Broken {
    weight: Param<f64>,
    unused: Option<Param<f64>>,
    calls: Buffer<f64>,
    #[module(skip)]
    fault: Fault,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Gradient,
    Shape,
    MixesBatch,
    CountsInEvaluation,
    NoGradient,
}

impl Broken {
    fn new(fault: Fault, stream: &Stream) -> Self {
        let unused = (fault == Fault::NoGradient).then(|| Param::new(Tensor::ones([2])));
        let weight = Param::new(Tensor::uniform([4], 0.5, 1.5, stream));
        Self { weight, unused, calls: Buffer::new(Tensor::zeros([1])), fault }
    }
}

impl Forward<f64> for Broken {
    fn forward(&self, x: &Tensor<f64>, ctx: &mut Context) -> Tensor<f64> {
        if ctx.is_training() || self.fault == Fault::CountsInEvaluation {
            self.calls.replace(self.calls.get() + 1.0);
        }
        let y = x * &*self.weight;
        match self.fault {
            Fault::Gradient => &y + &y.detach() * 1e-4,
            Fault::MixesBatch => &y + &x.mean_axis(0, true),
            _ => y,
        }
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(if self.fault == Fault::Shape { input.without(0) } else { *input })
    }
}

/// The text of a panic, formatted or not.
fn text_of(payload: &Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).expect("a text")
}

#[test]
fn a_broken_layer_is_caught_by_the_law_it_breaks() {
    LayerCheck::new([3, 4]).run(|s| Broken::new(Fault::None, s));
    for (fault, law) in [
        (Fault::Gradient, "the gradient in Eval mode by the input is that of finite differences"),
        (Fault::Shape, "output_shape is the shape of the output"),
        (Fault::MixesBatch, "a batch is its samples one by one, sample 0 differs"),
        (Fault::CountsInEvaluation, "a pass in evaluation mode changes no buffer"),
        (Fault::NoGradient, "unused is trainable and has no gradient in Eval mode"),
    ] {
        let check = || LayerCheck::new([3, 4]).run(|s| Broken::new(fault, s));
        let payload = catch_unwind(AssertUnwindSafe(check)).expect_err("a law is broken");
        let text = text_of(&payload);
        assert!(text.contains(law), "expected {law}, got {text}");
    }
}

#[test]
fn a_broken_loss_is_caught() {
    let x = Tensor::from([0.3f64, -0.8, 1.1]);
    let halved = |x: &Tensor<f64>, reduction: Reduction| {
        let each = (x * &x.detach()).square();
        Ok(match reduction {
            Reduction::None => each,
            Reduction::Sum => each.sum(),
            Reduction::Mean => each.mean(),
        })
    };
    let payload = catch_unwind(AssertUnwindSafe(|| check_loss(&x, halved)));
    let payload = payload.expect_err("half a gradient is missing");
    let text = text_of(&payload);
    assert!(text.starts_with("not close within"), "{text}");
}
