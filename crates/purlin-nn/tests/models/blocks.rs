//! Blocks: the laws of layers, values by hand, what options change, what is refused.

use crate::panic_of;
use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};
use purlin_nn::blocks::{DepthwiseSeparable, ResidualBlock, Shortcut, SqueezeExcitation};
use purlin_nn::layers::BatchNorm2d;
use purlin_nn::{Context, Forward, Init, Module};
use purlin_tensor::{Activation, Tensor};
use purlin_testkit::LayerCheck;

/// All laws; boxed, so that they are compiled once. Biases are moved away from 0: a pixel that an
/// earlier ReLU made 0 in all channels would meet the next one at its kink.
#[track_caller]
fn check<L: Forward<f64> + 'static>(input: [usize; 4], build: impl Fn(&Stream) -> L + Sync) {
    let boxed: &(dyn Fn(&Stream) -> Box<dyn Forward<f64>> + Sync) = &|s| {
        let mut layer = build(s);
        layer.for_each_param_mut(&mut |name, param| {
            if name.ends_with("bias") {
                param.data_mut().fill(0.25);
            }
        });
        Box::new(layer)
    };
    LayerCheck::new(input).run(boxed);
}

fn stream() -> Stream {
    Stream::new(5, "block")
}

/// Sets a parameter to one number.
fn fill<T: Real>(model: &mut impl Module<T>, name: &str, value: f64) {
    let mut is_there = false;
    model.for_each_param_mut(&mut |at, param| {
        if at == name {
            is_there = true;
            let values = Init::Constant(value).tensor(*param.shape(), &stream()).unwrap();
            param.set(&values).unwrap();
        }
    });
    assert!(is_there, "{name}");
}

#[test]
fn squeeze_and_excitation_obeys_the_laws() {
    check([2, 3, 2, 4], |s| SqueezeExcitation::new(4, 2, s));
    check([1, 1, 1, 3], |s| SqueezeExcitation::new(3, 1, s));
}

#[test]
fn depthwise_separable_convolutions_obey_the_laws() {
    check([2, 4, 3, 3], |s| DepthwiseSeparable::new(3, 4, s).stride(2));
    check([2, 3, 3, 2], |s| DepthwiseSeparable::new(2, 2, s));
}

#[test]
fn residual_blocks_obey_the_laws() {
    check([2, 4, 3, 2], |s| ResidualBlock::basic(2, 2, 1, s));
    check([2, 4, 3, 2], |s| ResidualBlock::basic(2, 3, 2, s).shortcut(Shortcut::Pad));
    check([2, 3, 4, 2], |s| ResidualBlock::bottleneck(2, 2, 2, s));
}

#[test]
fn residual_blocks_with_norms_first_obey_the_laws() {
    check([2, 3, 3, 2], |s| ResidualBlock::basic(2, 2, 1, s).pre_activation(true));
    check([2, 4, 3, 2], |s| {
        ResidualBlock::basic(2, 4, 2, s).pre_activation(true).squeeze_excitation(2)
    });
    check([2, 3, 3, 4], |s| ResidualBlock::bottleneck(4, 1, 1, s).pre_activation(true));
}

#[test]
fn batch_norm_applies_its_activation_and_adds() {
    let x = Tensor::normal([2, 3, 3, 4], 0.0, 1.0, &stream().child("x"));
    let other = Tensor::normal([2, 3, 3, 4], 0.0, 1.0, &stream().child("other"));
    for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu(0.1)] {
        for training in [false, true] {
            let ctx = || if training { Context::train(0) } else { Context::eval() };
            let (plain, layer) =
                (BatchNorm2d::<f64>::new(4), BatchNorm2d::new(4).activation(activation));
            let y = plain.forward(&x, &mut ctx());
            assert_eq!(layer.forward(&x, &mut ctx()), y.activate(activation));
            let sum = layer.forward_add(&x, &other, &mut ctx());
            assert_eq!(sum, (y + &other).activate(activation));
        }
    }
    check([2, 2, 3, 2], |_| BatchNorm2d::new(2).activation(Activation::Relu));
    let text = panic_of(|| {
        BatchNorm2d::new(4).forward_add(&x, &other.slice(0, ..1), &mut Context::eval())
    });
    assert_eq!(text, "batch_norm2d: expected other of shape (2, 3, 3, 4), got (1, 3, 3, 4)");
}

/// `relu(norm(x) + x^2)`.
#[derive(Module)]
#[module(real = f64)]
struct NormPlusSquare {
    norm: BatchNorm2d<f64>,
}

impl Forward<f64> for NormPlusSquare {
    fn forward(&self, x: &Tensor<f64>, ctx: &mut Context) -> Tensor<f64> {
        self.norm.forward_add(x, &x.square(), ctx)
    }
    fn output_shape(&self, input: &Shape) -> purlin_core::Result<Shape> {
        self.norm.output_shape(input)
    }
}

#[test]
fn a_sum_behind_a_norm_has_its_gradients() {
    check([3, 2, 2, 2], |_| NormPlusSquare {
        norm: BatchNorm2d::new(2).activation(Activation::Relu),
    });
}

/// Windows of ones have 4, 6 or 9 ones inside the image.
#[test]
fn a_depthwise_separable_convolution_by_hand() {
    let mut block: DepthwiseSeparable<f64> = DepthwiseSeparable::new(1, 2, &stream());
    fill(&mut block, "depthwise.weight", 1.0);
    fill(&mut block, "pointwise.weight", 2.0);
    let y = block.forward(&Tensor::ones([1, 3, 3, 1]), &mut Context::eval());
    let scale = 2.0 / (1.0 + 1e-5); // two norms by a variance of 1, each with eps below the root
    let counts = [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0];
    for (pair, count) in y.data().chunks(2).zip(counts) {
        assert!(pair.iter().all(|y| (y - scale * count).abs() < 1e-12), "{pair:?} {count}");
    }
    fill(&mut block, "depthwise.weight", -1.0); // the ReLU between
    let y = block.forward(&Tensor::ones([1, 3, 3, 1]), &mut Context::eval());
    assert!(y.data().iter().all(|&y| y == 0.0));
}

#[test]
fn a_block_begins_as_its_shortcut() {
    let x = Tensor::<f64>::normal([2, 4, 4, 4], 0.0, 1.0, &stream().child("x"));
    let basic = || ResidualBlock::basic(4, 4, 1, &stream()).zero_init(true);
    let bottleneck = || ResidualBlock::bottleneck(4, 1, 1, &stream()).zero_init(true);
    for mut ctx in [Context::eval(), Context::train(0)] {
        assert_eq!(basic().forward(&x, &mut ctx), x.relu());
        assert_eq!(bottleneck().forward(&x, &mut ctx), x.relu());
        assert_eq!(basic().pre_activation(true).forward(&x, &mut ctx), x);
        assert_eq!(bottleneck().pre_activation(true).forward(&x, &mut ctx), x);
    }
    // Every second pixel, and a channel of zeros.
    let block: ResidualBlock<f64> =
        ResidualBlock::basic(1, 2, 2, &stream()).zero_init(true).shortcut(Shortcut::Pad);
    let x = Tensor::from_vec((1..=9).map(f64::from).collect(), [1, 3, 3, 1]).unwrap();
    let y = block.forward(&x, &mut Context::train(0));
    assert_eq!(y.to_vec(), [1.0, 0.0, 3.0, 0.0, 7.0, 0.0, 9.0, 0.0]);
}

#[test]
fn a_block_that_begins_as_its_shortcut_learns() {
    let x = Tensor::<f64>::normal([2, 4, 4, 4], 0.0, 1.0, &stream().child("x"));
    for first in [false, true] {
        let basic = ResidualBlock::basic(4, 4, 1, &stream());
        let bottleneck = ResidualBlock::bottleneck(4, 1, 1, &stream());
        for (block, last) in [(basic, "2"), (bottleneck, "3")] {
            let block = block.zero_init(true).pre_activation(first);
            let grads = block.forward(&x, &mut Context::train(0)).square().mean().backward();
            let name =
                if first { format!("conv{last}.weight") } else { format!("bn{last}.weight") };
            block.for_each_param(&mut |own, param| {
                let grad = grads.require(param).unwrap();
                assert!(own != name || grad.abs().max().item() > 1e-3, "{name} {grad:?}");
            });
        }
    }
}

/// With weights of 0 every channel is multiplied by `sigmoid(0)`.
#[test]
fn squeeze_and_excitation_stands_before_the_sum() {
    let x = Tensor::<f64>::normal([2, 4, 4, 4], 0.0, 1.0, &stream().child("x"));
    let ctx = || Context::train(0);
    let halved = |block: ResidualBlock<f64>| {
        let mut block = block.squeeze_excitation(2);
        for name in ["se.fc1.weight", "se.fc1.bias", "se.fc2.weight", "se.fc2.bias"] {
            fill(&mut block, name, 0.0);
        }
        block.forward(&x, &mut ctx())
    };
    let block = || ResidualBlock::basic(4, 4, 1, &stream());
    let mut half = block();
    fill(&mut half, "bn2.weight", 0.5);
    assert_eq!(halved(block()), half.forward(&x, &mut ctx()));

    let first = || block().pre_activation(true);
    let (whole, half) = (first().forward(&x, &mut ctx()) - &x, halved(first()) - &x);
    let apart = (whole.mul_scalar(0.5) - half).abs().max().item();
    assert!(apart < 1e-15, "{apart}");
    assert_ne!(block().forward(&x, &mut ctx()), first().forward(&x, &mut ctx()));
}

#[test]
fn options_may_come_in_any_order_and_keep_the_convolutions() {
    let make = || ResidualBlock::<f32>::basic(2, 4, 2, &stream());
    let a = make().zero_init(true).pre_activation(true).squeeze_excitation(2);
    let b = make().squeeze_excitation(2).pre_activation(true).zero_init(true);
    let state = purlin_nn::weights::state_dict::<f32>;
    assert_eq!(state(&a), state(&b));
    let back = a.clone().pre_activation(false);
    assert_eq!(back.conv1.weight.data(), make().conv1.weight.data());
    assert_eq!(back.conv2.weight.data(), make().conv2.weight.data());
    let projection =
        |block: &ResidualBlock| block.downsample.as_ref().unwrap().0.weight.data().to_vec();
    assert_eq!(projection(&back), projection(&make()));
    assert_eq!(
        projection(&make().shortcut(Shortcut::Pad).shortcut(Shortcut::Projection)),
        projection(&a)
    );
    assert!(make().shortcut(Shortcut::Pad).downsample.is_none());
    assert_eq!(back.bn2.weight.as_ref().unwrap().data(), [0.0; 4]);
}

#[test]
fn what_cannot_be_is_refused() {
    let s = stream();
    let block = || ResidualBlock::<f32>::basic(4, 4, 1, &s);
    let texts: [(String, &str); 8] = [
        (
            panic_of(|| SqueezeExcitation::<f32>::new(4, 3, &s)),
            "squeeze_excitation: reduction must be a divisor of 4 channels, got 3",
        ),
        (
            panic_of(|| block().squeeze_excitation(0)),
            "squeeze_excitation: reduction must be a divisor of 4 channels, got 0",
        ),
        (
            panic_of(|| DepthwiseSeparable::<f32>::new(0, 3, &s)),
            "depthwise_separable: in_channels must be at least 1, got 0",
        ),
        (
            panic_of(|| DepthwiseSeparable::<f32>::new(1, 3, &s).stride(0)),
            "depthwise_separable: stride must be at least 1, got 0",
        ),
        (
            panic_of(|| ResidualBlock::<f32>::basic(4, 0, 1, &s)),
            "residual_block: channels must be at least 1, got 0",
        ),
        (
            panic_of(|| ResidualBlock::<f32>::bottleneck(4, 1, 0, &s)),
            "residual_block: stride must be at least 1, got 0",
        ),
        (
            panic_of(|| ResidualBlock::<f32>::basic(4, 2, 1, &s).shortcut(Shortcut::Pad)),
            "residual_block: shortcut must be Projection where channels fall from 4 to 2, got Pad",
        ),
        (
            panic_of(|| block().forward(&Tensor::zeros([1, 2, 2, 3]), &mut Context::eval())),
            "conv2d: expected input (batch, height, width, 4), got (1, 2, 2, 3)",
        ),
    ];
    for (text, expected) in texts {
        assert_eq!(text, expected);
    }
    let err = SqueezeExcitation::<f32>::new(4, 2, &s).output_shape(&Shape::from([1, 0, 2, 4]));
    assert_eq!(
        err.unwrap_err().to_string(),
        "squeeze_excitation: expected input (batch, height, width, 4) with pixels, got (1, 0, 2, 4)"
    );
}
