//! Layers against PyTorch: forward values and every gradient, f32 and f64.

use crate::common::{Outcome, array, channels_last, compare, document, inverse, permuted, tensor};
use purlin_core::rng::Stream;
use purlin_core::{Real, Result, Shape};
use purlin_nn::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d,
    Conv2d, ConvTranspose2d, Dropout, Elu, Embedding, Gelu, GeluTanh, GroupNorm, LayerNorm,
    LeakyRelu, Linear, LogSoftmax, MaxPool1d, MaxPool2d, Padding, Relu, RmsNorm, Sigmoid, Silu,
    Softmax, Softplus, Tanh,
};
use purlin_nn::{Context, Forward, Module};
use purlin_tensor::Tensor;
use purlin_testkit::reference::{Case, Cases};
use std::collections::BTreeMap;

/// An operation of the tensors that is no layer here.
#[derive(Module)]
struct LogSumExp {
    #[module(skip)]
    axis: isize,
}

impl<T: Real> Forward<T> for LogSumExp {
    fn forward(&self, x: &Tensor<T>, _ctx: &mut Context) -> Tensor<T> {
        x.log_sum_exp(self.axis)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        Ok(input.without(input.axis("logsumexp", self.axis)?))
    }
}

/// Zeros left, right, above and below a picture: an operation of the tensors as well.
#[derive(Module)]
struct ZeroPad2d {
    #[module(skip)]
    sides: [usize; 4],
}

impl<T: Real> Forward<T> for ZeroPad2d {
    fn forward(&self, x: &Tensor<T>, _ctx: &mut Context) -> Tensor<T> {
        let [left, right, top, bottom] = self.sides;
        x.pad(&[[0, 0], [top, bottom], [left, right], [0, 0]], T::ZERO)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        let [left, right, top, bottom] = self.sides;
        Ok(input.with(1, input[1] + top + bottom).with(2, input[2] + left + right))
    }
}

/// A layer made from a case, and how the reference's arrays are laid out.
struct Setup<T: Real> {
    layer: Box<dyn Forward<T>>,
    /// Whether inputs and outputs are channels-first there.
    channels_first: bool,
    /// From the reference's weight axes to ours.
    weight_axes: Vec<usize>,
}

impl<T: Real> Setup<T> {
    fn plain(layer: impl Forward<T> + 'static) -> Self {
        Self { layer: Box::new(layer), channels_first: false, weight_axes: Vec::new() }
    }

    fn images(layer: impl Forward<T> + 'static) -> Self {
        Self { layer: Box::new(layer), channels_first: true, weight_axes: Vec::new() }
    }

    fn weighted(layer: impl Forward<T> + 'static, first: bool, axes: &[usize]) -> Self {
        Self { layer: Box::new(layer), channels_first: first, weight_axes: axes.to_vec() }
    }
}

/// The layer of a case; `None` if there is none yet.
fn setup<T: Real>(case: &Case) -> Option<Setup<T>> {
    let stream = Stream::new(0, "overwritten");
    let count = |key: &str| case.usize(key);
    let pair = |key: &str, default: usize| case.pair(key).unwrap_or([default; 2]);
    let has_bias = case.bool("bias").unwrap_or(true);
    let pads = |n: [usize; 2]| Padding::Explicit([[n[0]; 2], [n[1]; 2]]);
    Some(match case.kind.as_str() {
        "linear" => {
            let layer = Linear::<T>::new(count("in_features")?, count("out_features")?, &stream);
            Setup::weighted(layer.bias(has_bias), false, &[1, 0])
        }
        "conv1d" => {
            let (inputs, outputs) = (count("in_channels")?, count("out_channels")?);
            let layer = Conv1d::<T>::new(inputs, outputs, count("kernel_size")?, &stream)
                .stride(count("stride").unwrap_or(1))
                .padding(count("padding").unwrap_or(0))
                .dilation(count("dilation").unwrap_or(1))
                .groups(count("groups").unwrap_or(1))
                .bias(has_bias);
            Setup::weighted(layer, true, &[2, 1, 0])
        }
        "conv2d" => {
            let (inputs, outputs) = (count("in_channels")?, count("out_channels")?);
            let layer = Conv2d::<T>::new(inputs, outputs, pair("kernel_size", 0), &stream)
                .stride(pair("stride", 1))
                .padding(pads(pair("padding", 0)))
                .dilation(pair("dilation", 1))
                .groups(count("groups").unwrap_or(1))
                .bias(has_bias);
            Setup::weighted(layer, true, &[2, 3, 1, 0])
        }
        "conv_transpose2d" => {
            let (inputs, outputs) = (count("in_channels")?, count("out_channels")?);
            let layer = ConvTranspose2d::<T>::new(inputs, outputs, pair("kernel_size", 0), &stream)
                .stride(pair("stride", 1))
                .padding(pads(pair("padding", 0)))
                .output_padding(pair("output_padding", 0))
                .dilation(pair("dilation", 1))
                .groups(count("groups").unwrap_or(1))
                .bias(has_bias);
            Setup::weighted(layer, true, &[2, 3, 1, 0])
        }
        "max_pool1d" => Setup::images(MaxPool1d::new(count("kernel_size")?)),
        "max_pool2d" => {
            let kernel = pair("kernel_size", 0);
            Setup::images(
                MaxPool2d::new(kernel)
                    .stride(case.pair("stride").unwrap_or(kernel))
                    .dilation(pair("dilation", 1))
                    .padding(pads(pair("padding", 0)))
                    .ceil_mode(case.bool("ceil_mode").unwrap_or(false)),
            )
        }
        "avg_pool1d" => {
            let kernel = count("kernel_size")?;
            Setup::images(AvgPool1d::new(kernel).stride(count("stride").unwrap_or(kernel)))
        }
        "avg_pool2d" => {
            let kernel = pair("kernel_size", 0);
            Setup::images(
                AvgPool2d::new(kernel)
                    .stride(case.pair("stride").unwrap_or(kernel))
                    .padding(pads(pair("padding", 0)))
                    .ceil_mode(case.bool("ceil_mode").unwrap_or(false))
                    .count_include_pad(case.bool("count_include_pad").unwrap_or(true)),
            )
        }
        "adaptive_avg_pool1d" => Setup::images(AdaptiveAvgPool1d::new(count("output_size")?)),
        "adaptive_avg_pool2d" => Setup::images(AdaptiveAvgPool2d::new(pair("output_size", 0))),
        "batch_norm1d" | "batch_norm2d" => batch_norm(case),
        "layer_norm" => {
            let shape: Vec<usize> = case.config["normalized_shape"]
                .as_array()?
                .iter()
                .map(|n| n.as_u64().unwrap() as usize)
                .collect();
            let affine = case.bool("elementwise_affine").unwrap_or(true);
            let layer = LayerNorm::<T>::new(shape).eps(case.f64("eps").unwrap_or(1e-5));
            Setup::plain(layer.affine(affine))
        }
        "rms_norm" => {
            let features = *case.input("x").shape.last()?;
            Setup::plain(RmsNorm::<T>::new(features).eps(case.f64("eps")?))
        }
        "group_norm" => {
            let channels = case.input("x").shape[1];
            let affine = case.bool("affine").unwrap_or(true);
            Setup::images(GroupNorm::<T>::new(count("num_groups")?, channels).affine(affine))
        }
        // One group per channel.
        "instance_norm2d" => {
            let channels = case.input("x").shape[1];
            Setup::images(GroupNorm::<T>::new(channels, channels))
        }
        "dropout" => Setup::plain(Dropout::new(case.f64("p")?)),
        "relu" => Setup::plain(Relu),
        "leaky_relu" => Setup::plain(LeakyRelu::new(case.f64("negative_slope")?)),
        "elu" => Setup::plain(Elu::new(case.f64("alpha")?)),
        "gelu" if case.str("approximate") == Some("tanh") => Setup::plain(GeluTanh),
        "gelu" => Setup::plain(Gelu),
        "silu" => Setup::plain(Silu),
        "softplus" => {
            Setup::plain(Softplus::new(case.f64("beta")?).threshold(case.f64("threshold")?))
        }
        "sigmoid" => Setup::plain(Sigmoid),
        "tanh" => Setup::plain(Tanh),
        "softmax" => Setup::plain(Softmax::new(case.f64("dim")? as isize)),
        "logsumexp" => Setup::plain(LogSumExp { axis: case.f64("dim")? as isize }),
        "zero_pad2d" => Setup::images(ZeroPad2d { sides: counts(case, "padding")? }),
        "log_softmax" => Setup::plain(LogSoftmax::new(case.f64("dim")? as isize)),
        _ => return None,
    })
}

/// Four counts of a case.
fn counts(case: &Case, key: &str) -> Option<[usize; 4]> {
    let list = case.config[key].as_array()?;
    let counts: Vec<usize> = list.iter().filter_map(|n| Some(n.as_u64()? as usize)).collect();
    counts.try_into().ok()
}

fn batch_norm<T: Real>(case: &Case) -> Setup<T> {
    let channels = case.input("x").shape[1];
    let (eps, momentum) = (case.f64("eps").unwrap_or(1e-5), case.f64("momentum").unwrap_or(0.1));
    let affine = case.bool("affine").unwrap_or(true);
    let mut layer: Box<dyn Forward<T>> = if case.kind == "batch_norm1d" {
        Box::new(BatchNorm1d::<T>::new(channels).eps(eps).momentum(momentum).affine(affine))
    } else {
        Box::new(BatchNorm2d::<T>::new(channels).eps(eps).momentum(momentum).affine(affine))
    };
    layer.for_each_buffer_mut(&mut |name, buffer| {
        buffer.set(&tensor(case.tensor("buffers_before", name))).unwrap();
    });
    Setup { layer, channels_first: true, weight_axes: Vec::new() }
}

/// Runs a case in one number type; `None` if nothing here computes it.
fn run<T: Real>(case: &Case) -> Option<std::result::Result<(), String>> {
    if case.kind == "embedding" {
        return Some(run_embedding::<T>(case));
    }
    let Setup { mut layer, channels_first, weight_axes } = setup::<T>(case)?;
    Some((|| {
        let mut shapes = BTreeMap::new();
        layer.for_each_param_mut(&mut |name, param| {
            let value = case.param(name);
            let ours = if name == "weight" && !weight_axes.is_empty() {
                permuted(value, &weight_axes)
            } else {
                value.clone()
            };
            param.set(&tensor(&ours)).unwrap();
            shapes.insert(name.to_owned(), ours.shape);
        });
        assert_eq!(shapes.len(), case.names("params").len(), "{}: all parameters are set", case.id);

        let to_ours = |x: &purlin_testkit::reference::Array| {
            if channels_first { permuted(x, &channels_last(x.shape.len())) } else { x.clone() }
        };
        let to_theirs = |x: purlin_testkit::reference::Array| {
            if channels_first { permuted(&x, &inverse(&channels_last(x.shape.len()))) } else { x }
        };
        let x = tensor::<T>(&to_ours(case.input("x"))).requires_grad();
        let trains = case.str("mode") == Some("train");
        let mut ctx = if trains { Context::train(1) } else { Context::eval() };
        let y = layer.forward(&x, &mut ctx);
        assert_eq!(layer.output_shape(x.shape()).unwrap(), *y.shape(), "{}", case.id);
        compare::<T>("y", &to_theirs(array(&y)), case.output("y"))?;

        let grads = y.backward_with(&tensor(&to_ours(case.upstream("y"))));
        compare::<T>("grad x", &to_theirs(array(grads.require(&x).unwrap())), case.grad("x"))?;
        let mut result = Ok(());
        layer.for_each_param(&mut |name, param| {
            let grad = array(grads.require(param).unwrap());
            let theirs = if name == "weight" && !weight_axes.is_empty() {
                permuted(&grad, &inverse(&weight_axes))
            } else {
                grad
            };
            let compared = compare::<T>(&format!("grad {name}"), &theirs, case.grad(name));
            if result.is_ok() {
                result = compared;
            }
        });
        layer.for_each_buffer(&mut |name, buffer| {
            let expected = case.tensor("buffers_after", name);
            let compared = compare::<T>(name, &array(&buffer.get()), expected);
            if result.is_ok() {
                result = compared;
            }
        });
        result
    })())
}

/// Symbols have no gradient.
fn run_embedding<T: Real>(case: &Case) -> std::result::Result<(), String> {
    let count = |key: &str| case.usize(key);
    let (n, features) = (count("num_embeddings").unwrap(), count("embedding_dim").unwrap());
    let mut layer = Embedding::<T>::new(n, features, &Stream::new(0, "overwritten"));
    if let Some(symbol) = count("padding_idx") {
        layer = layer.padding_index(symbol);
    }
    layer.weight.set(&tensor(case.param("weight"))).unwrap();
    let symbols = case.input("index");
    let y = layer.lookup(&symbols.to_usize(), symbols.shape.clone());
    compare::<T>("y", &array(&y), case.output("y"))?;
    let grads = y.backward_with(&tensor(case.upstream("y")));
    compare::<T>("grad", &array(grads.require(&layer.weight).unwrap()), case.grad("weight"))
}

#[test]
fn every_layer_that_exists_agrees_with_the_reference() {
    let Some(cases) = Cases::open("layers") else { return };
    let (mut table, mut failures) = (Vec::new(), Vec::new());
    for case in cases.iter() {
        let outcomes = [run::<f32>(case).map(|r| ("f32", r)), run::<f64>(case).map(|r| ("f64", r))];
        let outcome = if outcomes[0].is_none() { Outcome::Later } else { Outcome::Passes };
        for (real, result) in outcomes.into_iter().flatten() {
            if let Err(text) = result {
                failures.push(format!("{} {real}: {text}", case.id));
            }
        }
        table.push((case.id.clone(), case.kind.clone(), outcome));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    document("layers", &table);
}
