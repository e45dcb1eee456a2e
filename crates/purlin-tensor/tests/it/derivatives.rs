//! Every differentiable operation against finite differences in f64, first and second
//! derivatives, over broadcast shapes, empty and size-1 axes, non-square everything.

use crate::{distinct, positive, random};
use purlin_core::rng::Stream;
use purlin_tensor::{
    Activation, Conv1dOptions, Conv2dOptions, ConvTranspose2dOptions, CrossEntropyOptions,
    FeedForwardActivation, FeedForwardWeights, GradcheckOptions, Norm, Pool2dOptions, Reduction,
    Tensor, adaptive_avg_pool2d, avg_pool2d, batch_norm, batch_norm_infer, conv_transpose2d,
    conv1d, conv2d, cross_entropy, dropout, einsum, feed_forward, gradcheck, gradgradcheck,
    group_norm, layer_norm, linear, max_pool2d, where_,
};

type T = Tensor<f64>;
type Named = (&'static str, fn(&T) -> T);

/// Central differences with h = 1e-5: see `GradcheckOptions`.
const FIRST: GradcheckOptions = GradcheckOptions { step: 1e-5, rtol: 1e-6, atol: 1e-8 };
/// Second derivatives go through longer formulas; their rounding is a few times larger.
const SECOND: GradcheckOptions = GradcheckOptions { step: 1e-5, rtol: 5e-6, atol: 5e-8 };

#[track_caller]
fn first(name: &str, inputs: &[T], f: impl Fn(&[T]) -> T) {
    if let Err(err) = gradcheck(f, inputs, &FIRST) {
        panic!("{name}: {err}");
    }
}

#[track_caller]
fn both(name: &str, inputs: &[T], f: impl Fn(&[T]) -> T) {
    first(name, inputs, &f);
    // The second pass multiplies by something curved, so that the derivative of the incoming
    // gradient is checked too.
    if let Err(err) = gradgradcheck(|v| f(v).square() + f(v), inputs, &SECOND) {
        panic!("{name}, second derivative: {err}");
    }
}

#[test]
fn functions_of_one_number() {
    let smooth: &[Named] = &[
        ("exp", Tensor::exp),
        ("expm1", Tensor::expm1),
        ("sin", Tensor::sin),
        ("cos", Tensor::cos),
        ("tanh", Tensor::tanh),
        ("sigmoid", Tensor::sigmoid),
        ("softplus", Tensor::softplus),
        ("softplus 1.7", |x| x.softplus_with(1.7, f64::INFINITY)),
        ("erfc", Tensor::erfc),
        ("silu", Tensor::silu),
        ("gelu", Tensor::gelu),
        ("gelu_tanh", Tensor::gelu_tanh),
        ("erf", Tensor::erf),
        ("square", Tensor::square),
        ("neg", |x| -x),
        ("powi 3", |x| x.powi(3)),
        ("powi 1", |x| x.powi(1)),
        ("powi 0", |x| x.powi(0) * x),
        ("x + c", |x| x + 1.5),
        ("x - c", |x| x - 1.5),
        ("c - x", |x| 1.5 - x),
        ("x * c", |x| x * -1.5),
        ("x / c", |x| x / -1.5),
        ("add_scalar", |x| x.add_scalar(0.5)),
        ("mul_scalar", |x| x.mul_scalar(0.5)),
    ];
    for shape in [vec![2, 3], vec![1], vec![0, 2], vec![]] {
        let x = random(shape, "x");
        for (name, f) in smooth {
            both(name, std::slice::from_ref(&x), |v| f(&v[0]));
        }
    }
}

#[test]
fn functions_of_a_positive_number() {
    let positive_only: &[Named] = &[
        ("ln", Tensor::ln),
        ("ln_1p", Tensor::ln_1p),
        ("sqrt", Tensor::sqrt),
        ("rsqrt", Tensor::rsqrt),
        ("recip", Tensor::recip),
        ("powi -2", |x| x.powi(-2)),
        ("powf", |x| x.powf(1.7)),
        ("powf 0", |x| x.powf(0.0) * x),
        ("c / x", |x| 1.5 / x),
    ];
    for (name, f) in positive_only {
        both(name, &[positive([3, 2], "x")], |v| f(&v[0]));
    }
}

#[test]
fn functions_with_corners_away_from_them() {
    let cornered: &[Named] = &[
        ("relu", Tensor::relu),
        ("leaky_relu", |x| x.leaky_relu(0.1)),
        ("elu", |x| x.elu(1.3)),
        ("activate", |x| x.activate(Activation::LeakyRelu(0.1))),
        ("softplus 2 above 0.4", |x| x.softplus_with(2.0, 0.4)),
        ("abs", Tensor::abs),
        ("clamp", |x| x.clamp(-0.2, 0.3)),
        ("sign", |x| x.sign() * x),
        ("floor", |x| x.floor() * x),
        ("round", |x| x.round() * x),
    ];
    for (name, f) in cornered {
        both(name, &[distinct([3, 4], "x")], |v| f(&v[0]));
    }
}

#[test]
fn operators_broadcast() {
    let shapes = [
        (vec![2, 3], vec![2, 3]),
        (vec![2, 3], vec![3]),
        (vec![2, 3], vec![2, 1]),
        (vec![1, 3], vec![2, 1]),
        (vec![2, 1, 3], vec![4, 1]),
        (vec![2, 3], vec![]),
        (vec![], vec![2]),
        (vec![1, 1], vec![1]),
        (vec![0, 3], vec![3]),
        (vec![0, 3], vec![1, 1]),
    ];
    for (a, b) in shapes {
        let (x, y) = (distinct(a.clone(), "a"), positive(b.clone(), "b"));
        let inputs = [x, y];
        let name = format!("{a:?} and {b:?}");
        both(&format!("add {name}"), &inputs, |v| &v[0] + &v[1]);
        both(&format!("sub {name}"), &inputs, |v| &v[0] - &v[1]);
        both(&format!("mul {name}"), &inputs, |v| &v[0] * &v[1]);
        both(&format!("div {name}"), &inputs, |v| &v[0] / &v[1]);
        both(&format!("maximum {name}"), &inputs, |v| v[0].maximum(&v[1]));
        both(&format!("minimum {name}"), &inputs, |v| v[0].minimum(&v[1]));
        both(&format!("pow {name}"), &inputs, |v| v[0].square().add_scalar(0.3).pow(&v[1]));
    }
    let mask = Tensor::from([[1.0, 0.0, 1.0]]);
    let inputs = [random([2, 3], "a"), random([2, 1], "b")];
    both("where", &inputs, |v| where_(&mask, &v[0], &v[1]));
    both("masked_fill", &inputs[..1], |v| v[0].masked_fill(&mask, 0.3));
}

#[test]
fn products_of_matrices() {
    let shapes = [
        (vec![2, 3], vec![3, 4]),
        (vec![3], vec![3]),
        (vec![3], vec![3, 2]),
        (vec![2, 3], vec![3]),
        (vec![2, 2, 3], vec![3, 4]),
        (vec![2, 2, 3], vec![2, 3, 4]),
        (vec![2, 3], vec![2, 3, 1]),
        (vec![2, 1, 2, 3], vec![3, 3, 2]),
        (vec![1, 2, 3], vec![2, 3, 2]),
        (vec![2, 0], vec![0, 3]),
        (vec![0, 3], vec![3, 2]),
        (vec![2, 2, 3], vec![3]),
    ];
    for (a, b) in shapes {
        let inputs = [random(a.clone(), "a"), random(b.clone(), "b")];
        both(&format!("matmul {a:?} {b:?}"), &inputs, |v| v[0].matmul(&v[1]));
    }
    for (a, b) in
        [(vec![2, 3], vec![4, 3]), (vec![2, 2, 3], vec![4, 3]), (vec![1, 2, 3], vec![2, 4, 3])]
    {
        let inputs = [random(a.clone(), "a"), random(b.clone(), "b")];
        both(&format!("matmul_nt {a:?} {b:?}"), &inputs, |v| v[0].matmul_nt(&v[1]));
    }
    for (a, b) in
        [(vec![3, 2], vec![3, 4]), (vec![2, 3, 2], vec![3, 4]), (vec![3, 2], vec![2, 3, 1])]
    {
        let inputs = [random(a.clone(), "a"), random(b.clone(), "b")];
        both(&format!("matmul_tn {a:?} {b:?}"), &inputs, |v| v[0].matmul_tn(&v[1]));
    }
}

#[test]
fn reductions() {
    for shape in [vec![2, 3, 4], vec![1, 3, 1]] {
        let x = [distinct(shape, "x")];
        both("sum", &x, |v| v[0].sum());
        both("mean", &x, |v| v[0].mean());
        both("prod", &x, |v| (&v[0] * 0.3 + 1.1).prod());
        both("max", &x, |v| v[0].max());
        both("min", &x, |v| v[0].min());
        for axis in [-3, -1, 1] {
            for keepdim in [false, true] {
                both("sum_axis", &x, |v| v[0].sum_axis(axis, keepdim));
                both("mean_axis", &x, |v| v[0].mean_axis(axis, keepdim));
                both("var_axis", &x, |v| v[0].var_axis(axis, keepdim));
                both("std_axis", &x, |v| (v[0].std_axis(axis, keepdim) + 0.3).square());
                both("prod_axis", &x, |v| v[0].prod_axis(axis, keepdim));
                both("max_axis", &x, |v| v[0].max_axis(axis, keepdim));
                both("min_axis", &x, |v| v[0].min_axis(axis, keepdim));
            }
            both("softmax", &x, |v| v[0].softmax(axis));
            both("log_softmax", &x, |v| v[0].log_softmax(axis));
            both("log_sum_exp", &x, |v| v[0].log_sum_exp(axis));
            both("cumsum", &x, |v| v[0].cumsum(axis));
            both("cumprod", &x, |v| v[0].cumprod(axis));
            both("sort", &x, |v| v[0].sort(axis, true).0);
        }
        both("sum_axes", &x, |v| v[0].sum_axes(&[0, -1], false));
        both("mean_axes", &x, |v| v[0].mean_axes(&[1, 2], true));
        both("var", &x, |v| v[0].var(1));
        both("std", &x, |v| v[0].std(0));
        for axes in [&[0, -2][..], &[1, 2], &[1]] {
            both("var_axes", &x, |v| v[0].var_axes(axes, 1, true));
            both("std_axes", &x, |v| v[0].std_axes(axes, 1, false));
        }
        for norm in [Norm::L1, Norm::L2, Norm::Inf] {
            both(&format!("norm {norm:?}"), &x, |v| v[0].norm(norm));
            for axes in [&[0, -1][..], &[1], &[]] {
                for keepdim in [false, true] {
                    both(&format!("norm {norm:?} along {axes:?}"), &x, |v| {
                        v[0].norm_axes(norm, axes, keepdim)
                    });
                }
            }
        }
    }
    let with_zeros = [Tensor::from([[2.0, 0.0, -1.5], [0.0, 0.0, 3.0], [1.0, 0.5, 0.0]])];
    both("prod with zeros", &with_zeros, |v| v[0].prod_axis(1, false));
    both("cumprod with zeros", &with_zeros, |v| v[0].cumprod(1));
    both("cumprod with zeros down", &with_zeros, |v| v[0].cumprod(0));
    both("topk", &[distinct([2, 5], "x")], |v| v[0].topk(2, -1).0);
    let empty = [random([2, 0, 3], "x")];
    first("sum of nothing", &empty, |v| v[0].sum());
    first("sum_axis of nothing", &empty, |v| v[0].sum_axis(1, false));
    first("prod_axis of nothing", &empty, |v| v[0].prod_axis(1, false));
    first("cumprod of nothing", &empty, |v| v[0].cumprod(1));
    first("norm of nothing", &empty, |v| v[0].norm(Norm::L2));
}

#[test]
fn rearrangements() {
    let x = [random([2, 3, 4], "x")];
    both("reshape", &x, |v| v[0].reshape([4, 6]));
    both("flatten", &x, |v| v[0].flatten(1));
    both("unsqueeze", &x, |v| v[0].unsqueeze(1).squeeze(1));
    both("permute", &x, |v| v[0].permute(&[2, 0, 1]));
    both("transpose", &x, |v| v[0].transpose(0, -1));
    both("slice", &x, |v| v[0].slice(1, 1..3));
    both("empty slice", &x, |v| v[0].slice(1, 1..1).sum() + v[0].sum());
    both("split", &x, |v| {
        let parts = v[0].split(2, &[1, 0, 3]);
        &parts[2] * &parts[0]
    });
    both("pad", &x, |v| v[0].pad(&[[1, 0], [0, 0], [2, 1]], 0.7));
    both("index_select", &x, |v| v[0].index_select(1, &[2, 0, 2, 2]));
    both("gather", &x, |v| v[0].gather(1, &[0, 2, 2, 1, 1, 1, 0, 0], [2, 1, 4]));
    both("slice_step", &x, |v| v[0].slice_step(2, 1.., 2));
    both("flip", &x, |v| v[0].flip(&[0, -1]));
    both("roll", &x, |v| v[0].roll(-3, 1) + v[0].roll(1, 2) + v[0].roll(4, 2));
    both("tile", &x, |v| v[0].tile(&[2, 1, 3]));
    both("tile to nothing", &x, |v| v[0].tile(&[1, 0, 1]).sum() + v[0].sum());
    both("repeat_interleave", &x, |v| v[0].repeat_interleave(2, 1));
    both("tril", &x, |v| v[0].tril(-1));
    both("triu", &x, |v| v[0].triu(1));
    let pair = [random([2, 3, 4], "x"), random([2, 2, 4], "src")];
    let at: Vec<usize> = (0..16).map(|i| i * 5 % 7 % 3).collect();
    both("scatter", &pair, |v| v[0].scatter(1, &at, &v[1]));
    both("scatter_add", &pair, |v| v[0].scatter_add(1, &at, &v[1]));
    both("index_add", &pair, |v| v[0].index_add(1, &[2, 2], &v[1]));
    both("broadcast_to", &[random([3, 1], "x")], |v| v[0].broadcast_to([2, 3, 4]));
    let parts =
        [random([2, 1], "a"), random([2, 3], "b"), random([2, 0], "c"), random([2, 2], "d")];
    both("concat of four", &parts, |v| Tensor::concat(&[&v[0], &v[1], &v[2], &v[3]], 1));
    let parts = [random([2, 3], "a"), random([2, 3], "b")];
    both("stack", &parts, |v| Tensor::stack(&[&v[0], &v[1], &v[0]], -1));
}

const ACTIVATIONS: [Activation; 5] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu(0.2),
    Activation::Sigmoid,
    Activation::Tanh,
];

#[test]
fn equations_over_named_axes() {
    let one = ["ij->ji", "ij->", "ij->j", "ij"];
    for equation in one {
        both(equation, &[random([2, 3], "a")], |v| einsum(equation, &[&v[0]]));
    }
    for equation in ["ii->", "ii->i", "ii"] {
        both(equation, &[random([3, 3], "a")], |v| einsum(equation, &[&v[0]]));
    }
    let two = [
        ("ij,jk->ik", vec![2, 3], vec![3, 4]),
        ("ij,jk->ki", vec![2, 3], vec![3, 4]),
        ("ji,kj->ik", vec![3, 2], vec![4, 3]),
        ("i,i->", vec![3], vec![3]),
        ("i,j->ij", vec![3], vec![2]),
        ("ij,ij->i", vec![2, 3], vec![2, 3]),
        ("ij,ij->ij", vec![2, 3], vec![2, 3]),
        ("bij,bjk->bik", vec![2, 2, 3], vec![2, 3, 2]),
        ("bij,kbj->kib", vec![2, 2, 3], vec![3, 2, 3]),
        ("ij,kl->jl", vec![2, 3], vec![2, 2]),
        ("iij,j->i", vec![2, 2, 3], vec![3]),
        ("ij,->i", vec![2, 3], vec![]),
    ];
    for (equation, a, b) in two {
        both(equation, &[random(a, "a"), random(b, "b")], |v| einsum(equation, &[&v[0], &v[1]]));
    }
    both("of itself", &[random([2, 3], "a")], |v| einsum("ij,kj", &[&v[0], &v[0]]));
}

#[test]
fn the_linear_layer() {
    for activation in ACTIVATIONS {
        let inputs = [random([3, 2], "x"), random([2, 4], "w"), random([4], "b")];
        let name = format!("linear {activation:?}");
        both(&name, &inputs, |v| linear(&v[0], &v[1], Some(&v[2]), activation));
        both(&name, &inputs[..2], |v| linear(&v[0], &v[1], None, activation));
    }
    let inputs = [random([2, 1, 2], "x"), random([2, 3], "w"), random([3], "b")];
    both("linear, batched", &inputs, |v| linear(&v[0], &v[1], Some(&v[2]), Activation::Tanh));
    let inputs = [random([0, 2], "x"), random([2, 3], "w"), random([3], "b")];
    first("linear, empty", &inputs, |v| linear(&v[0], &v[1], Some(&v[2]), Activation::Tanh));
    // The same tensor on both sides: the aliases of the graph pass keep the paths apart.
    both("linear of itself", &[random([2, 2], "x")], |v| {
        linear(&v[0], &v[0].tanh(), None, Activation::Sigmoid)
    });
}

#[test]
fn the_feed_forward_part() {
    let inputs = [
        random([3, 2], "x"),
        random([2, 5], "w1"),
        random([5, 2], "w2"),
        random([5], "b1"),
        random([2], "b2"),
    ];
    let mask = Tensor::from_fn([3, 5], |i| if i % 3 == 0 { 0.0 } else { 1.5 });
    for activation in [FeedForwardActivation::Relu, FeedForwardActivation::Gelu] {
        for mask in [None, Some(&mask)] {
            let name = format!("feed_forward {activation:?}, mask: {}", mask.is_some());
            for n in [3, 4, 5] {
                both(&name, &inputs[..n], |v| {
                    let (bias1, bias2) = (v.get(3), v.get(4));
                    let weights =
                        FeedForwardWeights { weight1: &v[1], bias1, weight2: &v[2], bias2 };
                    feed_forward(&v[0], weights, activation, mask)
                });
            }
            let inputs = [&inputs[..3], &inputs[4..]].concat();
            both(&name, &inputs, |v| {
                let (weight1, weight2) = (&v[1], &v[2]);
                let weights =
                    FeedForwardWeights { weight1, bias1: None, weight2, bias2: Some(&v[3]) };
                feed_forward(&v[0], weights, activation, mask)
            });
        }
    }
}

/// The fused operation, and the operations that it consists of, give the same bits.
#[test]
fn the_feed_forward_part_is_its_operations() {
    let x = random([2, 140, 20], "x").requires_grad();
    let [w1, w2] = [random([20, 300], "w1"), random([300, 10], "w2")].map(Tensor::requires_grad);
    let [b1, b2] = [random([300], "b1"), random([10], "b2")].map(Tensor::requires_grad);
    let weights =
        FeedForwardWeights { weight1: &w1, bias1: Some(&b1), weight2: &w2, bias2: Some(&b2) };
    let hidden = linear(&x, &w1, Some(&b1), Activation::Identity).gelu();
    let whole = linear(&hidden, &w2, Some(&b2), Activation::Identity);
    let fused = feed_forward(&x, weights, FeedForwardActivation::Gelu, None);
    assert_eq!(fused.to_vec(), whole.to_vec());
    let (expected, got) = (whole.square().sum().backward(), fused.square().sum().backward());
    for input in [&x, &w1, &b1, &w2, &b2] {
        assert_eq!(got.get(input).map(Tensor::to_vec), expected.get(input).map(Tensor::to_vec));
    }
}

fn conv_cases() -> Vec<(Vec<usize>, Vec<usize>, Conv2dOptions)> {
    let plain = Conv2dOptions::default();
    vec![
        (vec![2, 4, 3, 2], vec![3, 2, 2, 3], plain),
        (vec![1, 5, 4, 1], vec![2, 3, 1, 2], Conv2dOptions { stride: [2, 1], ..plain }),
        (vec![1, 3, 3, 2], vec![3, 3, 2, 2], Conv2dOptions { padding: [[1, 1], [2, 0]], ..plain }),
        (vec![1, 5, 5, 1], vec![2, 2, 1, 1], Conv2dOptions { dilation: [2, 3], ..plain }),
        (vec![1, 3, 3, 4], vec![2, 2, 2, 2], Conv2dOptions { groups: 2, ..plain }),
        (vec![1, 3, 2, 3], vec![2, 2, 1, 3], Conv2dOptions { groups: 3, ..plain }),
    ]
}

#[test]
fn convolution() {
    for (x, w, options) in conv_cases() {
        let name = format!("conv2d {x:?} {w:?} {options:?}");
        let inputs = [random(x, "x"), random(w.clone(), "w"), random([w[3]], "b")];
        both(&name, &inputs[..2], |v| conv2d(&v[0], &v[1], None, &options, Activation::Identity));
        both(&name, &inputs, |v| conv2d(&v[0], &v[1], Some(&v[2]), &options, Activation::Tanh));
    }
    for activation in ACTIVATIONS {
        let inputs = [random([1, 3, 3, 1], "x"), random([2, 2, 1, 2], "w"), random([2], "b")];
        let options = Conv2dOptions::default();
        both("conv2d", &inputs, |v| conv2d(&v[0], &v[1], Some(&v[2]), &options, activation));
    }
}

#[test]
fn a_gradient_penalty_through_convolutions_has_all_its_derivatives() {
    // As in WGAN-GP: the loss holds the norm of the gradient of a discriminator.
    let inputs = [random([2, 4, 4, 1], "x"), random([3, 3, 1, 2], "w"), random([8, 1], "head")];
    first("penalty", &inputs, |v| {
        let hidden = conv2d(&v[0], &v[1], None, &Conv2dOptions::default(), Activation::Tanh);
        let score = linear(&hidden.flatten(1), &v[2], None, Activation::Identity).sum();
        let slope = purlin_tensor::grad(&score, &[&v[0]]).remove(0);
        (slope.flatten(1).square().sum_axis(1, false).sqrt() - 1.0).square().mean()
    });
}

#[test]
fn transposed_and_one_dimensional_convolution() {
    let plain = ConvTranspose2dOptions::default();
    let cases = [
        (vec![1, 2, 3, 2], vec![2, 3, 1, 2], plain),
        (vec![1, 2, 2, 1], vec![3, 3, 2, 1], ConvTranspose2dOptions { stride: [2, 2], ..plain }),
        (
            vec![1, 2, 3, 1],
            vec![3, 3, 1, 1],
            ConvTranspose2dOptions {
                stride: [2, 3],
                padding: [[1, 1], [0, 1]],
                output_padding: [1, 2],
                ..plain
            },
        ),
        (vec![1, 2, 2, 4], vec![2, 2, 1, 4], ConvTranspose2dOptions { groups: 2, ..plain }),
        (vec![1, 2, 2, 1], vec![2, 2, 1, 1], ConvTranspose2dOptions { dilation: [2, 1], ..plain }),
        (
            vec![1, 2, 2, 1],
            vec![2, 2, 1, 1],
            ConvTranspose2dOptions {
                dilation: [4, 3],
                padding: [[1, 2], [0, 1]],
                output_padding: [3, 2],
                ..plain
            },
        ),
    ];
    for (x, w, options) in cases {
        let channels = w[2] * options.groups;
        let inputs = [random(x, "x"), random(w, "w"), random([channels], "b")];
        both(&format!("conv_transpose2d {options:?}"), &inputs, |v| {
            conv_transpose2d(&v[0], &v[1], Some(&v[2]), &options, Activation::Sigmoid)
        });
    }
    let options = Conv1dOptions { stride: 2, padding: [1, 0], ..Conv1dOptions::default() };
    let inputs = [random([2, 5, 2], "x"), random([3, 2, 3], "w"), random([3], "b")];
    both("conv1d", &inputs, |v| conv1d(&v[0], &v[1], Some(&v[2]), &options, Activation::Tanh));
}

#[test]
fn pooling() {
    let x = [distinct([2, 5, 4, 2], "x")];
    let options = [
        Pool2dOptions::new([2, 2]),
        Pool2dOptions { stride: [1, 2], ..Pool2dOptions::new([3, 2]) },
        Pool2dOptions { padding: [[1, 1], [1, 0]], ..Pool2dOptions::new([2, 2]) },
        Pool2dOptions { ceil_mode: true, ..Pool2dOptions::new([2, 3]) },
        Pool2dOptions { dilation: [2, 1], stride: [1, 1], ..Pool2dOptions::new([2, 2]) },
    ];
    for options in options {
        both(&format!("max_pool2d {options:?}"), &x, |v| max_pool2d(&v[0], &options));
        for count_include_pad in [false, true] {
            both(&format!("avg_pool2d {options:?}"), &x, |v| {
                avg_pool2d(&v[0], &options, count_include_pad)
            });
        }
    }
    for size in [[1, 1], [2, 3], [5, 4], [7, 1]] {
        both("adaptive_avg_pool2d", &x, |v| adaptive_avg_pool2d(&v[0], size));
    }
}

#[test]
fn softmax_and_cross_entropy() {
    let logits = [random([4, 3], "x")];
    let weight = Tensor::from([0.5, 2.0, 1.25]);
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
        for weight in [None, Some(weight.clone())] {
            for (label_smoothing, ignore_index) in
                [(0.0, None), (0.3, None), (0.1, Some(1)), (1.0, Some(7))]
            {
                let options = CrossEntropyOptions {
                    weight: weight.clone(),
                    label_smoothing,
                    ignore_index,
                    reduction,
                };
                both(&format!("cross_entropy {options:?}"), &logits, |v| {
                    cross_entropy(&v[0], &[2, 1, 0, 2], &options)
                });
            }
        }
    }
    let options = CrossEntropyOptions { reduction: Reduction::None, ..Default::default() };
    both("cross_entropy of a sequence", &[random([2, 2, 3], "x")], |v| {
        let loss = cross_entropy(&v[0], &[0, 1, 2, 0], &options);
        assert_eq!(loss.dims(), [2, 2]);
        loss
    });
}

#[test]
fn normalisation() {
    let eps = 1e-3;
    for shape in [vec![5, 3], vec![3, 2, 2, 3]] {
        let inputs = [random(shape, "x"), random([3], "w"), random([3], "b")];
        both("batch_norm", &inputs, |v| batch_norm(&v[0], Some(&v[1]), Some(&v[2]), eps).y);
        both("batch_norm, bare", &inputs[..1], |v| batch_norm(&v[0], None, None, eps).y);
        both("batch_norm, shift", &[inputs[0].clone(), inputs[2].clone()], |v| {
            batch_norm(&v[0], None, Some(&v[1]), eps).y
        });
        let (mean, var) = (random([3], "mean"), positive([3], "var"));
        both("batch_norm_infer", &inputs, |v| {
            batch_norm_infer(&v[0], &mean, &var, Some(&v[1]), Some(&v[2]), eps)
        });
        both("layer_norm", &inputs, |v| layer_norm(&v[0], 1, Some(&v[1]), Some(&v[2]), eps));
        both("layer_norm, bare", &inputs[..1], |v| layer_norm(&v[0], 2, None, None, eps));
    }
    let inputs = [random([2, 3, 4], "x"), random([4], "w"), random([4], "b")];
    for groups in [1, 2] {
        both("group_norm", &inputs, |v| group_norm(&v[0], groups, Some(&v[1]), Some(&v[2]), eps));
    }
    let inputs = [random([2, 3, 2], "x"), random([3, 2], "w"), random([3, 2], "b")];
    both("layer_norm of two axes", &inputs, |v| {
        layer_norm(&v[0], 2, Some(&v[1]), Some(&v[2]), eps)
    });
}

#[test]
fn dropout_with_a_fixed_stream() {
    let stream = Stream::new(5, "dropout");
    both("dropout", &[random([4, 3], "x")], |v| dropout(&v[0], 0.4, &stream));
}

#[test]
fn a_wrong_derivative_is_reported_with_input_element_and_both_values() {
    let inputs = [random([2], "a"), Tensor::from([[1.0, 2.0]])];
    let err =
        gradcheck(|v| v[0].sum() + v[1].detach().square().sum(), &inputs, &FIRST).unwrap_err();
    assert_eq!((err.input, err.element.as_slice(), err.is_missing), (1, &[0, 0][..], true));
    assert_eq!(err.derivative, 0.0);
    assert!((err.difference - 2.0).abs() < 1e-8);
    let text = err.to_string();
    assert!(
        text.starts_with("gradcheck: derivative at input 1, element [0, 0] must be "),
        "{text}"
    );
    assert!(
        text.ends_with("(central difference), got 0e0 (no gradient reached the input)"),
        "{text}"
    );
}
