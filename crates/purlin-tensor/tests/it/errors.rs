//! The exact texts of shape mistakes, and the errors of constructors.

use crate::tape::panic_text;
use purlin_tensor::{
    Activation, Conv1dOptions, Conv2dOptions, ConvTranspose2dOptions, CrossEntropyOptions,
    FeedForwardActivation, FeedForwardWeights, Norm, Pool2dOptions, Tensor, adaptive_avg_pool2d,
    batch_norm, batch_norm_infer, conv_transpose2d, conv1d, conv2d, cross_entropy, dropout, einsum,
    feed_forward, group_norm, layer_norm, linear, max_pool2d,
};

fn zeros<const N: usize>(shape: [usize; N]) -> Tensor {
    Tensor::zeros(shape)
}

#[track_caller]
fn check<R>(expected: &str, f: impl FnOnce() -> R) {
    assert_eq!(panic_text(f), expected);
}

#[test]
fn operators_and_products() {
    let (a, b) = (zeros([2, 3]), zeros([4, 5]));
    check(
        "add: expected shapes that broadcast, got lhs (2, 3) and rhs (4, 5), which differ in axis 1",
        || &a + &b,
    );
    check(
        "maximum: expected shapes that broadcast, got lhs (2, 3) and rhs (4, 5), which differ in axis 1",
        || a.maximum(&b),
    );
    check("matmul: inner dimensions must match, got lhs (2, 3) and rhs (4, 5)", || a.matmul(&b));
    check("matmul: inner dimensions must match, got lhs (2, 3) and rhs (4,)", || {
        a.matmul(&zeros([4]))
    });
    check("matmul: operands must have at least 1 axis, got lhs (2, 3) and rhs ()", || {
        a.matmul(&Tensor::scalar(1.0))
    });
    check("matmul: batch axes must broadcast, got lhs (2, 2, 3) and rhs (3, 3, 4)", || {
        zeros([2, 2, 3]).matmul(&zeros([3, 3, 4]))
    });
    check("matmul_nt: inner dimensions must match, got lhs (2, 3) and rhs (4, 5)", || {
        a.matmul_nt(&b)
    });
    check("matmul_tn: operands must have at least 2 axes, got lhs (2, 3) and rhs (3,)", || {
        a.matmul_tn(&zeros([3]))
    });
}

#[test]
fn shapes_and_axes() {
    let x = zeros([2, 3]);
    check(
        "reshape: number of elements must stay 6, got shape (4, 2) (8 elements) from (2, 3)",
        || x.reshape([4, 2]),
    );
    check("sum: axis must be in -2..2 for shape (2, 3), got 2", || x.sum_axis(2, false));
    check("sum: axes must differ, got [0, -2] for shape (2, 3)", || x.sum_axes(&[0, -2], false));
    check("mean: expected at least 1 element, got shape (0,)", || zeros([0]).mean());
    check("mean: expected at least 1 element to average, got shape (0, 2) along [0]", || {
        zeros([0, 2]).mean_axis(0, false)
    });
    check("max: expected at least 1 element along axis 1, got shape (2, 0)", || {
        zeros([2, 0]).max_axis(1, false)
    });
    check("softmax: expected at least 1 element along axis 0, got shape (0, 2)", || {
        zeros([0, 2]).softmax(0)
    });
    check("squeeze: size must be 1, got shape (2, 3) along axis 1", || x.squeeze(1));
    check("permute: axes must name every axis of shape (2, 3) once, got [0, 0]", || {
        x.permute(&[0, 0])
    });
    check("slice: range must lie within 0..3 along axis 1 of shape (2, 3), got 2..5", || {
        x.slice(1, 2..5)
    });
    check("split: sizes must add up to 3 along axis 1 of shape (2, 3), got [1, 1]", || {
        x.split(1, &[1, 1])
    });
    check("concat: expected at least 1 tensor, got 0", || Tensor::<f32>::concat(&[], 0));
    check("concat: shapes must match apart from axis 0, got (2, 3) and (2, 4) (tensor 1)", || {
        Tensor::concat(&[&x, &zeros([2, 4])], 0)
    });
    check("stack: shapes must match, got (2, 3) and (3, 2) (tensor 1)", || {
        Tensor::stack(&[&x, &zeros([3, 2])], 0)
    });
    check("broadcast_to: expected a shape that broadcasts to (3, 2), got (2, 3)", || {
        x.broadcast_to([3, 2])
    });
    check("index_select: indices must be below 2, got 2 at position 1", || {
        x.index_select(0, &[0, 2])
    });
    check("gather: shape must match (2, 3) apart from axis 1, got (3, 1)", || {
        x.gather(1, &[0; 3], [3, 1])
    });
    check("gather: expected 2 indices for shape (2, 1), got 3", || x.gather(1, &[0; 3], [2, 1]));
    check("pad: expected one pair for each of the 2 axes of shape (2, 3), got 1 pairs", || {
        x.pad(&[[1, 1]], 0.0)
    });
    check("topk: k must be at most 3 along axis 1 of shape (2, 3), got 4", || x.topk(4, 1));
    check("item: expected a tensor with 1 element, got shape (2, 3)", || x.item());
    check("at: index must lie within shape (2, 3), got [0, 3]", || x.at(&[0, 3]));
    check("scatter: src must match (2, 3) apart from axis 1, got (3, 1)", || {
        x.scatter(1, &[0; 3], &zeros([3, 1]))
    });
    check("scatter_add: indices must be below 3, got 3 at position 1", || {
        x.scatter_add(1, &[0, 3], &zeros([2, 1]))
    });
    check("index_add: expected src (2, 2) for 2 indices and shape (2, 3), got (2, 1)", || {
        x.index_add(1, &[0, 1], &zeros([2, 1]))
    });
    check("slice_step: step must be at least 1, got 0", || x.slice_step(1, .., 0));
    check("slice_step: range must lie within 0..3 along axis 1 of shape (2, 3), got 2..5", || {
        x.slice_step(1, 2..5, 1)
    });
    check("flip: axes must differ, got [0, -2] for shape (2, 3)", || x.flip(&[0, -2]));
    check("roll: axis must be in -2..2 for shape (2, 3), got 2", || x.roll(1, 2));
    check("tile: expected one number for each of the 2 axes of shape (2, 3), got [2]", || {
        x.tile(&[2])
    });
    check("tril: expected at least 2 axes, got shape (3,)", || zeros([3]).tril(0));
    check("masked_fill: mask must broadcast to shape (2, 3), got (2, 2, 3)", || {
        x.masked_fill(&zeros([2, 2, 3]), 0.0)
    });
    check("var: expected more than 3 elements along [1] of shape (2, 3), got 3", || {
        x.var_axes(&[1], 3, false)
    });
    check("std: expected more than 0 elements along [0] of shape (0, 2), got 0", || {
        zeros([0, 2]).std_axis(0, false)
    });
    check("norm: expected at least 1 element for the greatest, got shape (0, 2)", || {
        zeros([0, 2]).norm_axes(Norm::Inf, &[0], false)
    });
    check("norm: axis must be in -2..2 for shape (2, 3), got 2", || {
        x.norm_axes(Norm::L2, &[2], false)
    });
    check("argmax: expected at least 1 element, got shape (2, 0)", || zeros([2, 0]).argmax());
    check("any: axis must be in -2..2 for shape (2, 3), got 2", || x.any_axis(2, false));
    check("softplus: beta must be positive and finite, got 0", || x.softplus_with(0.0, 20.0));
    check("softplus: threshold must be at least 0, got NaN", || x.softplus_with(1.0, f64::NAN));
    check("clamp: low must be at most high, got low 1 and high 0", || x.clamp(1.0, 0.0));
}

#[test]
fn equations() {
    let (a, b) = (zeros([2, 3]), zeros([4, 5]));
    check("einsum: equation must name axes by letters, as in \"ij,jk->ik\", got \"i1->i\"", || {
        einsum("i1->i", &[&a])
    });
    check(
        "einsum: equation must name axes by letters, as in \"ij,jk->ik\", got \"ij->i->j\"",
        || einsum("ij->i->j", &[&a]),
    );
    for wrong in ["ij->ii", "ij->k"] {
        let letter = &wrong[wrong.len() - 1..];
        check(
            &format!(
                "einsum: result must name axes of the operands once each, got {letter} in {wrong:?}"
            ),
            || einsum(wrong, &[&a]),
        );
    }
    check("einsum: expected 1 or 2 operands, got 3", || einsum("i,i,i", &[&a, &a, &a]));
    check("einsum: expected 2 operands for \"ij,jk\", got 1", || einsum("ij,jk", &[&a]));
    check("einsum: operand 1 must have 3 axes for \"ij,jkl\", got shape (4, 5)", || {
        einsum("ij,jkl", &[&a, &b])
    });
    check("einsum: sizes of axis j must match, got 3 and 4 in \"ij,jk\"", || {
        einsum("ij,jk", &[&a, &b])
    });
}

#[test]
fn layers() {
    let (x, w) = (zeros([8, 28, 28, 1]), zeros([3, 3, 3, 16]));
    let options = Conv2dOptions::default();
    let id = Activation::Identity;
    check("conv2d: expected input (batch, height, width, 3), got (8, 28, 28, 1)", || {
        conv2d(&x, &w, None, &options, id)
    });
    check(
        "conv2d: expected weight (kernel_h, kernel_w, in_channels / groups, out_channels), got (3, 3)",
        || conv2d(&x, &zeros([3, 3]), None, &options, id),
    );
    check("conv2d: expected bias (16,), got (3,)", || {
        conv2d(&zeros([1, 4, 4, 3]), &w, Some(&zeros([3])), &options, id)
    });
    check("conv2d: kernel must be at most the padded height 2 after dilation, got 3", || {
        conv2d(&zeros([1, 2, 4, 3]), &w, None, &options, id)
    });
    check("conv1d: expected input (batch, length, 3), got (2, 5, 4)", || {
        conv1d(&zeros([2, 5, 4]), &zeros([2, 3, 1]), None, &Conv1dOptions::default(), id)
    });
    let transposed =
        ConvTranspose2dOptions { output_padding: [2, 0], stride: [2, 2], ..Default::default() };
    check(
        "conv_transpose2d: output_padding must be below the stride 2 or the dilation 1 (height), got 2",
        || conv_transpose2d(&zeros([1, 2, 2, 4]), &zeros([2, 2, 1, 4]), None, &transposed, id),
    );
    let cut = ConvTranspose2dOptions { padding: [[usize::MAX; 2], [0; 2]], ..Default::default() };
    check(
        &format!("conv_transpose2d: padding must be below 3 in all (height), got {}", usize::MAX),
        || conv_transpose2d(&zeros([1, 2, 2, 4]), &zeros([2, 2, 1, 4]), None, &cut, id),
    );
    check("conv_transpose2d: expected input (batch, height, width, 4), got (1, 2, 2, 3)", || {
        conv_transpose2d(
            &zeros([1, 2, 2, 3]),
            &zeros([2, 2, 1, 4]),
            None,
            &ConvTranspose2dOptions::default(),
            id,
        )
    });
    check("linear: expected input (.., 3) for weight (3, 4), got (2, 5)", || {
        linear(&zeros([2, 5]), &zeros([3, 4]), None, id)
    });
    check("linear: expected bias (4,), got (3,)", || {
        linear(&zeros([2, 3]), &zeros([3, 4]), Some(&zeros([3])), id)
    });
    let parts =
        |x: [usize; 2], w1: [usize; 2], w2: [usize; 2], bias: usize, mask: Option<[usize; 2]>| {
            let (weight1, weight2, bias) = (&zeros(w1), &zeros(w2), &zeros([bias]));
            let weights = FeedForwardWeights { weight1, bias1: Some(bias), weight2, bias2: None };
            let mask = mask.map(zeros);
            feed_forward(&zeros(x), weights, FeedForwardActivation::Gelu, mask.as_ref())
        };
    check("feed_forward: expected weight2 (4, outputs) for weight1 (3, 4), got (3, 2)", || {
        parts([2, 3], [3, 4], [3, 2], 4, None)
    });
    check("feed_forward: expected input (.., 3) for weight1 (3, 4), got (2, 5)", || {
        parts([2, 5], [3, 4], [4, 2], 4, None)
    });
    check("feed_forward: expected bias1 (4,), got (3,)", || parts([2, 3], [3, 4], [4, 2], 3, None));
    check("feed_forward: expected mask (2, 4), got (2, 3)", || {
        parts([2, 3], [3, 4], [4, 2], 4, Some([2, 3]))
    });
    check("max_pool2d: expected input (batch, height, width, channels), got (2, 5)", || {
        max_pool2d(&zeros([2, 5]), &Pool2dOptions::new([2, 2]))
    });
    check(
        "adaptive_avg_pool2d: expected input (batch, height, width, channels), got (2, 5)",
        || adaptive_avg_pool2d(&zeros([2, 5]), [1, 1]),
    );
    check("batch_norm: expected weight (3,), got (2,)", || {
        batch_norm(&zeros([4, 3]), Some(&zeros([2])), None, 1e-5)
    });
    check("batch_norm: expected at least 1 row to take statistics of, got shape (0, 3)", || {
        batch_norm(&zeros([0, 3]), None, None, 1e-5)
    });
    check("batch_norm: eps must be at least 0, got NaN", || {
        batch_norm(&zeros([4, 3]), None, None, f64::NAN)
    });
    check(
        "batch_norm_infer: mean and var must be constants, got a tracked tensor; detach it",
        || {
            batch_norm_infer(
                &zeros([4, 3]),
                &zeros([3]).requires_grad(),
                &zeros([3]),
                None,
                None,
                1e-5,
            )
        },
    );
    check("layer_norm: n_axes must be in 1..=2 for shape (4, 3), got 3", || {
        layer_norm(&zeros([4, 3]), 3, None, None, 1e-5)
    });
    check("layer_norm: expected bias (3,), got (4,)", || {
        layer_norm(&zeros([4, 3]), 1, None, Some(&zeros([4])), 1e-5)
    });
    check("group_norm: groups must be a divisor of the 3 channels, got 2", || {
        group_norm(&zeros([4, 2, 3]), 2, None, None, 1e-5)
    });
    check("dropout: p must be in [0, 1], got 1.5", || {
        dropout(&zeros([2]), 1.5, &purlin_core::rng::Stream::new(0, "d"))
    });
    let options = CrossEntropyOptions::default();
    check("cross_entropy: expected 2 targets for logits (2, 3), got 1", || {
        cross_entropy(&zeros([2, 3]), &[0], &options)
    });
    check(
        "cross_entropy: targets must be below 3 (the number of classes), got 3 at position 1",
        || cross_entropy(&zeros([2, 3]), &[0, 3], &options),
    );
    let options = CrossEntropyOptions { label_smoothing: -0.1, ..Default::default() };
    check("cross_entropy: label_smoothing must be in [0, 1], got -0.1", || {
        cross_entropy(&zeros([2, 3]), &[0, 1], &options)
    });
}

#[test]
fn constructors_return_errors() {
    let err = Tensor::from_vec(vec![1.0f32; 5], [2, 3]).unwrap_err();
    assert_eq!(err.to_string(), "from_vec: expected 6 values for shape (2, 3), got 5");
    let buffer = purlin_backend::Buffer::<f32>::zeroed(2);
    let err = Tensor::from_buffer(buffer, [3]).unwrap_err();
    assert_eq!(err.to_string(), "from_buffer: expected 3 values for shape (3,), got 2");
    check("uniform: low must be at most high, both finite, got low 1 and high 0", || {
        Tensor::<f32>::uniform([2], 1.0, 0.0, &purlin_core::rng::Stream::new(0, "u"))
    });
    check("normal: std must be at least 0, and both finite, got mean 0 and std -1", || {
        Tensor::<f32>::normal([2], 0.0, -1.0, &purlin_core::rng::Stream::new(0, "u"))
    });
}

#[test]
fn a_panic_points_at_the_callers_line() {
    use std::sync::Mutex;
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        if let Some(at) = info.location() {
            SEEN.lock().unwrap().push(format!("{}:{}", at.file(), at.line()));
        }
    }));
    let line = line!() + 1;
    let add = std::panic::catch_unwind(|| zeros([2]) + zeros([3]));
    let product = std::panic::catch_unwind(|| zeros([2, 2]).matmul(&zeros([3, 3])));
    let conv = std::panic::catch_unwind(|| {
        conv2d(
            &zeros([2, 2]),
            &zeros([1, 1, 1, 1]),
            None,
            &Conv2dOptions::default(),
            Activation::Identity,
        )
    });
    std::panic::set_hook(before);
    assert!(add.is_err() && product.is_err() && conv.is_err());
    let seen = SEEN.lock().unwrap();
    for offset in [0, 1, 3] {
        let at = format!("errors.rs:{}", line + offset);
        assert!(seen.iter().any(|s| s.ends_with(&at)), "{at} is not among {seen:?}");
    }
}
