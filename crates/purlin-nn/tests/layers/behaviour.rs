//! Layers: known answers, shapes, what is refused, modes.

use purlin_core::Shape;
use purlin_core::rng::Stream;
use purlin_nn::blocks::Residual;
use purlin_nn::layers::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, ConvTranspose2d,
    Dropout, Dropout1d, Dropout2d, Flatten, GlobalAvgPool2d, GroupNorm, LayerNorm, Linear,
    LogSoftmax, MaxPool2d, Padding, Relu, Softmax,
};
use purlin_nn::{Context, Forward, Init, Module, Sequential, summary};
use purlin_tensor::Tensor;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn stream() -> Stream {
    Stream::new(3, "test")
}

/// The error of `output_shape`, after checking that `forward` panics with the same text.
#[track_caller]
fn refusal(layer: &dyn Forward<f32>, shape: impl Into<Shape>) -> String {
    let shape = shape.into();
    let text = layer.output_shape(&shape).unwrap_err().to_string();
    let run = || layer.forward(&Tensor::zeros(shape), &mut Context::eval());
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&text));
    text
}

#[test]
fn every_layer_names_itself_and_what_it_expects() {
    let s = &stream();
    let cases: [(Box<dyn Forward>, Shape, &str); 17] = [
        (
            Box::new(Linear::new(4, 2, s)),
            [3, 5].into(),
            "linear: expected input (..., 4), got (3, 5)",
        ),
        (Box::new(Linear::new(4, 2, s)), Shape::SCALAR, "linear: expected input (..., 4), got ()"),
        (
            Box::new(Conv2d::new(3, 8, 3, s)),
            [8, 28, 28, 1].into(),
            "conv2d: expected input (batch, height, width, 3), got (8, 28, 28, 1)",
        ),
        (
            Box::new(Conv2d::new(3, 8, 5, s).dilation(2)),
            [8, 9, 8, 3].into(),
            "conv2d: expected width of at least 9 with padding, got 8",
        ),
        (
            Box::new(Conv1d::new(3, 8, 3, s)),
            [8, 28, 1].into(),
            "conv1d: expected input (batch, length, 3), got (8, 28, 1)",
        ),
        (
            Box::new(ConvTranspose2d::new(3, 8, 3, s)),
            [8, 28, 28].into(),
            "conv_transpose2d: expected input (batch, height, width, 3), got (8, 28, 28)",
        ),
        (
            Box::new(MaxPool2d::new(2)),
            [8, 1, 28, 3].into(),
            "max_pool2d: expected height of at least 2 with padding, got 1",
        ),
        (
            Box::new(AvgPool2d::new(2)),
            [8, 28].into(),
            "avg_pool2d: expected input (batch, height, width, channels), got (8, 28)",
        ),
        (
            Box::new(AdaptiveAvgPool2d::new(2)),
            [8, 0, 3, 3].into(),
            "adaptive_avg_pool2d: expected input (batch, height, width, channels) with pixels, got (8, 0, 3, 3)",
        ),
        (
            Box::new(GlobalAvgPool2d),
            [8, 3, 3].into(),
            "global_avg_pool2d: expected input (batch, height, width, channels) with pixels, got (8, 3, 3)",
        ),
        (
            Box::new(BatchNorm1d::new(4)),
            [3, 5].into(),
            "batch_norm1d: expected input (batch, 4) or (batch, length, 4), got (3, 5)",
        ),
        (
            Box::new(BatchNorm2d::new(4)),
            [3, 4].into(),
            "batch_norm2d: expected input (batch, height, width, 4), got (3, 4)",
        ),
        (
            Box::new(LayerNorm::new([2, 4])),
            [3, 4].into(),
            "layer_norm: expected input (..., 2, 4), got (3, 4)",
        ),
        (
            Box::new(GroupNorm::new(2, 4)),
            [4].into(),
            "group_norm: expected input (batch, ..., 4), got (4,)",
        ),
        (
            Box::new(Dropout2d::new(0.1)),
            [3, 4].into(),
            "dropout2d: expected input (batch, height, width, channels), got (3, 4)",
        ),
        (Box::new(Flatten), Shape::SCALAR, "flatten: expected input (batch, ...), got ()"),
        (
            Box::new(Residual::new(Linear::new(4, 2, s))),
            [3, 4].into(),
            "residual: expected a shortcut of shape (3, 2), as inner gives, got (3, 4)",
        ),
    ];
    for (layer, shape, expected) in cases {
        assert_eq!(refusal(&*layer, shape), expected);
    }
    let err = Forward::<f32>::output_shape(&Softmax::new(2), &Shape::from([3, 4])).unwrap_err();
    assert_eq!(err.to_string(), "softmax: axis must be in -2..2 for shape (3, 4), got 2");
    assert!(Forward::<f32>::output_shape(&LogSoftmax::new(-3), &Shape::from([3, 4])).is_err());
}

#[test]
fn constructors_refuse_what_cannot_be() {
    #[allow(clippy::needless_pass_by_value, reason = "reads better in the table below")]
    fn boxed(layer: impl Forward<f32>) {
        assert_eq!(layer.kind(), "refused before");
    }
    let s = stream();
    let text = |f: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let cases: [(&dyn Fn(), &str); 13] = [
        (&|| boxed(Linear::<f32>::new(0, 2, &s)), "linear: in_features must be at least 1, got 0"),
        (
            &|| boxed(Conv2d::<f32>::new(3, 0, 3, &s)),
            "conv2d: out_channels must be at least 1, got 0",
        ),
        (
            &|| boxed(Conv2d::<f32>::new(3, 8, [3, 0], &s)),
            "conv2d: kernel_size must be at least 1, got 0",
        ),
        (
            &|| boxed(Conv2d::<f32>::new(3, 8, 3, &s).stride(0)),
            "conv2d: stride must be at least 1, got 0",
        ),
        (
            &|| boxed(Conv2d::<f32>::new(4, 6, 3, &s).groups(4)),
            "conv2d: groups must be a divisor of in_channels 4 and out_channels 6, got 4",
        ),
        (
            &|| boxed(Conv1d::<f32>::new(4, 6, 3, &s).dilation(0)),
            "conv1d: dilation must be at least 1, got 0",
        ),
        (
            &|| boxed(MaxPool2d::new(2).padding(2)),
            "max_pool2d: padding must be below the kernel's reach 2, got 2",
        ),
        (&|| boxed(Dropout::new(1.5)), "dropout: p must be in 0..=1, got 1.5"),
        (&|| boxed(Dropout1d::new(f64::NAN)), "dropout1d: p must be in 0..=1, got NaN"),
        (
            &|| boxed(BatchNorm1d::<f32>::new(4).momentum(-0.1)),
            "batch_norm1d: momentum must be in 0..=1, got -0.1",
        ),
        (
            &|| boxed(BatchNorm1d::<f32>::new(4).eps(0.0)),
            "batch_norm1d: eps must be finite and above 0, got 0",
        ),
        (
            &|| boxed(GroupNorm::<f32>::new(3, 4)),
            "group_norm: num_groups must be a divisor of num_channels 4, got 3",
        ),
        (
            &|| boxed(LayerNorm::<f32>::new([3, 0])),
            "layer_norm: normalized_shape must be non-empty, got (3, 0)",
        ),
    ];
    for (f, expected) in cases {
        assert_eq!(text(f), expected);
    }
}

#[test]
fn same_padding_divides_the_size_by_the_stride_and_pads_after() {
    for size in 1..12 {
        for kernel in 1..5 {
            for stride in 1..5 {
                for dilation in 1..3 {
                    let layer: Conv1d = Conv1d::new(1, 1, kernel, &stream())
                        .stride(stride)
                        .dilation(dilation)
                        .padding(Padding::Same);
                    let shape = layer.output_shape(&Shape::from([1, size, 1])).unwrap();
                    assert_eq!(
                        shape[1],
                        size.div_ceil(stride),
                        "size {size}, kernel {kernel}, stride {stride}"
                    );
                }
            }
        }
    }
    // Keras, by hand: size 5, kernel 2, stride 2: outputs 3, one pad in all, after the end.
    let layer = Conv1d::new(1, 1, 2, &stream())
        .stride(2)
        .padding(Padding::Same)
        .init(Init::Ones)
        .bias(false);
    let x = Tensor::<f32>::from([[[1.0], [2.0], [3.0], [4.0], [5.0]]]);
    assert_eq!(layer.forward(&x, &mut Context::eval()).to_vec(), [3.0, 7.0, 5.0]);
}

#[test]
fn same_averages_do_not_count_the_padding_and_explicit_ones_do() {
    let x = Tensor::<f32>::ones([1, 3, 3, 1]);
    let same = AvgPool2d::new(2).stride(1).padding(Padding::Same);
    assert!(same.forward(&x, &mut Context::eval()).data().iter().all(|&v| v == 1.0));
    let counted = same.count_include_pad(true).forward(&x, &mut Context::eval());
    assert_eq!(counted.data()[8], 0.25);
    let explicit = AvgPool2d::new(2).stride(1).padding(1).forward(&x, &mut Context::eval());
    assert_eq!(explicit.data()[0], 0.25);
}

#[test]
fn a_transposed_convolution_is_the_adjoint_of_the_convolution() {
    // <conv(x), y> = <x, conv_t(y)> for the same weight.
    let conv = Conv2d::<f64>::new(2, 3, [3, 2], &stream()).stride(2).padding(1).bias(false);
    let mut transposed = ConvTranspose2d::<f64>::new(3, 2, [3, 2], &stream())
        .stride(2)
        .padding(1)
        .output_padding([1, 0])
        .bias(false);
    transposed.weight.set(&conv.weight).unwrap();
    let x = Tensor::normal([2, 6, 6, 2], 0.0, 1.0, &stream().child("x"));
    let ax = conv.forward(&x, &mut Context::eval());
    let y = Tensor::normal(*ax.shape(), 0.0, 1.0, &stream().child("y"));
    let aty = transposed.forward(&y, &mut Context::eval());
    assert_eq!(aty.shape(), x.shape());
    let (left, right) = ((ax * y).sum().item(), (x * aty).sum().item());
    assert!((left - right).abs() < 1e-12 * left.abs().max(1.0), "{left} and {right}");
}

#[test]
fn transposed_same_multiplies_the_size_by_the_stride() {
    for (kernel, stride) in [(3, 2), (2, 2), (1, 3), (4, 1), (5, 3)] {
        let layer: ConvTranspose2d =
            ConvTranspose2d::new(1, 1, kernel, &stream()).stride(stride).padding(Padding::Same);
        let input = Tensor::ones([1, 4, 5, 1]);
        let y = layer.forward(&input, &mut Context::eval());
        assert_eq!(y.dims(), [1, 4 * stride, 5 * stride, 1], "kernel {kernel}, stride {stride}");
    }
    let both =
        ConvTranspose2d::<f32>::new(1, 1, 3, &stream()).padding(Padding::Same).output_padding(0);
    let err = both.output_shape(&Shape::from([1, 4, 4, 1])).unwrap_err();
    assert_eq!(
        err.to_string(),
        "conv_transpose2d: output_padding must be unset with padding Same, got [0, 0]"
    );
}

#[test]
fn dropout_keeps_the_mean_and_draws_anew_for_each_layer_and_step() {
    let x = Tensor::<f32>::ones([100, 100]);
    let layer = Dropout::new(0.3);
    let mut ctx = Context::train(1);
    let (a, b) = (layer.forward(&x, &mut ctx), layer.forward(&x, &mut ctx));
    let dropped = a.data().iter().filter(|&&v| v == 0.0).count();
    assert!((2800..3200).contains(&dropped), "{dropped} of 10,000 dropped, expected 3,000");
    assert!((a.mean().item() - 1.0).abs() < 0.03);
    assert_ne!(a, b);
    assert_ne!(a, layer.forward(&x, &mut Context::train(1).at_step(1)));
    assert_eq!(a, layer.forward(&x, &mut Context::train(1)));
    assert_eq!(Dropout::new(1.0).forward(&x, &mut ctx).sum().item(), 0.0);
    assert_eq!(Dropout::new(0.0).forward(&x, &mut ctx), x);
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    let x = Tensor::<f32>::ones([4, 3, 5, 16]);
    let y = Dropout2d::new(0.5).forward(&x, &mut Context::train(1));
    for sample in y.data().chunks(3 * 5 * 16) {
        let first = &sample[..16];
        assert!(sample.chunks(16).all(|pixel| pixel == first));
        assert!(first.contains(&0.0) && first.contains(&2.0));
    }
    let y = Dropout1d::new(0.5).forward(&Tensor::<f32>::ones([2, 6, 8]), &mut Context::train(2));
    assert!(y.data().chunks(6 * 8).all(|s| s.chunks(8).all(|step| step == &s[..8])));
}

#[test]
fn batch_norm_follows_the_batches_and_stops_when_frozen() {
    let mut layer = BatchNorm2d::<f64>::new(2).momentum(0.5);
    let x = Tensor::from([[[[1.0, 10.0], [3.0, 10.0]]]]);
    layer.forward(&x, &mut Context::train(0));
    assert_eq!(layer.running_mean.get().to_vec(), [1.0, 5.0]);
    assert_eq!(layer.running_var.get().to_vec(), [1.5, 0.5]); // unbiased variances 2 and 0
    layer.forward(&x, &mut Context::eval());
    assert_eq!(layer.running_mean.get().to_vec(), [1.0, 5.0]);

    layer.freeze_params();
    layer.forward(&x, &mut Context::train(0));
    assert_eq!(layer.running_mean.get().to_vec(), [1.5, 7.5]);

    layer.freeze();
    let training = layer.forward(&x, &mut Context::train(0));
    assert_eq!(training, layer.forward(&x, &mut Context::eval()));
    assert_eq!(layer.running_mean.get().to_vec(), [1.5, 7.5]);
}

#[test]
#[should_panic(
    expected = "batch_norm1d: expected more than 1 value per channel when training, got input (1, 3)"
)]
fn one_value_per_channel_has_no_variance() {
    BatchNorm1d::<f32>::new(3).forward(&Tensor::ones([1, 3]), &mut Context::train(0));
}

#[test]
fn frozen_parameters_build_no_graph() {
    let mut model: Sequential = Sequential::new()
        .push(Linear::new(3, 4, &stream()))
        .push(Relu)
        .push(Linear::new(4, 2, &stream()));
    let x = Tensor::ones([2, 3]);
    model.get_mut("0").unwrap().freeze();
    let grads = model.forward(&x, &mut Context::train(0)).sum().backward();
    assert_eq!(grads.len(), 2); // weight and bias of the last layer
    model.freeze();
    assert!(!model.forward(&x, &mut Context::train(0)).is_tracked());
}

#[test]
fn a_sequence_can_be_cut_named_and_extended() {
    let mut model: Sequential = Sequential::new()
        .push(Linear::new(3, 4, &stream()))
        .push(Relu)
        .push_named("head", Linear::new(4, 2, &stream()));
    let x = Tensor::ones([5, 3]);
    assert_eq!(model.forward_until(2, &x, &mut Context::eval()).dims(), [5, 4]);
    let (name, head) = model.pop().unwrap();
    assert_eq!((name.as_str(), head.kind()), ("head", "Linear"));
    model.add_named("new_head", Box::new(Linear::new(4, 7, &stream())));
    assert_eq!(model.forward(&x, &mut Context::eval()).dims(), [5, 7]);
    assert_eq!(format!("{model:?}"), r#"{"0": "Linear", "1": "Relu", "new_head": "Linear"}"#);
    assert!(Sequential::<f32>::default().is_empty());
}

#[test]
#[should_panic(expected = "sequential: name must be new, got \"a\"")]
fn a_name_is_given_once() {
    let _ = Sequential::<f32>::new().push_named("a", Relu).push_named("a", Relu);
}

#[derive(Module)]
struct Shared {
    layer: Linear,
    extra: purlin_nn::Param,
}

impl Forward for Shared {
    fn forward(&self, x: &Tensor, ctx: &mut Context) -> Tensor {
        let once = self.layer.forward(x, ctx);
        self.layer.forward(&once, ctx) * &*self.extra
    }
}

#[test]
fn a_summary_shows_models_written_by_hand_and_counts_shared_layers_once() {
    let model = Shared {
        layer: Linear::new(2, 2, &stream()),
        extra: purlin_nn::Param::new(Tensor::ones([2])),
    };
    let table = summary(&model, [7, 2]).unwrap();
    let counts: Vec<_> = table.rows().iter().map(|r| (r.name.as_str(), r.n_params)).collect();
    assert_eq!(counts, [("layer", 6), ("layer", 0)]);
    assert_eq!((table.n_params(), table.n_trainable_params()), (8, 8));
    assert!(table.to_string().contains("(outside layers)"));
    assert!(summary(&Sequential::<f32>::new().push(Linear::new(2, 2, &stream())), [7, 3]).is_err());
}

#[test]
fn a_summary_tells_activations_apart_and_shows_what_is_frozen() {
    let mut model: Sequential = Sequential::new()
        .push(Conv2d::new(1, 4, 3, &stream()))
        .push(BatchNorm2d::new(4))
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Relu)
        .push(Flatten)
        .push(Linear::new(4 * 13 * 13, 10, &stream()));
    model.get_mut("0").unwrap().freeze();
    let table = summary(&model, [8, 28, 28, 1]).unwrap();
    let rows: Vec<String> = table
        .rows()
        .iter()
        .map(|r| {
            format!("{} {} {} {} {}", r.name, r.kind, r.output, r.n_params, r.n_trainable_params)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "0 Conv2d (8, 26, 26, 4) 40 0",
            "1 BatchNorm2d (8, 26, 26, 4) 8 8",
            "2 Relu (8, 26, 26, 4) 0 0",
            "3 MaxPool2d (8, 13, 13, 4) 0 0",
            "4 Relu (8, 13, 13, 4) 0 0",
            "5 Flatten (8, 676) 0 0",
            "6 Linear (8, 10) 6770 6770",
        ]
    );
    assert!(table.to_string().contains("Frozen parameters:"));
}

#[test]
fn the_default_output_shape_runs_the_model() {
    let model = Shared {
        layer: Linear::new(2, 2, &stream()),
        extra: purlin_nn::Param::new(Tensor::ones([2])),
    };
    assert_eq!(model.output_shape(&Shape::from([3, 2])).unwrap(), Shape::from([3, 2]));
}

#[test]
fn empty_batches_pass_through() {
    let model: Sequential = Sequential::new()
        .push(Conv2d::new(1, 2, 3, &stream()))
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Flatten)
        .push(Linear::new(2 * 3 * 3, 4, &stream()));
    let y = model.forward(&Tensor::zeros([0, 8, 8, 1]), &mut Context::eval());
    assert_eq!(y.dims(), [0, 4]);
}

#[test]
fn layers_are_send_and_sync() {
    fn check<X: Send + Sync>() {}
    check::<Sequential>();
    check::<Box<dyn Forward<f64>>>();
    check::<BatchNorm2d>();
}
