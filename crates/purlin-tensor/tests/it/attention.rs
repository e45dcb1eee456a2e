//! Attention against its parts in basic operations, and its derivatives.

use crate::random;
use purlin_tensor::{
    AttentionOptions, GradcheckOptions, Tensor, attention, gradcheck, gradgradcheck, self_attention,
};

type T = Tensor<f64>;

const SECOND: GradcheckOptions = GradcheckOptions { step: 1e-5, rtol: 5e-6, atol: 5e-8 };

fn options() -> AttentionOptions<'static, f64> {
    AttentionOptions::default()
}

/// Keys of two heads shared by four, the first sequence shorter, some pairs hidden.
#[test]
fn derivatives_of_everything_at_once() {
    let inputs = [random([2, 3, 4, 5], "q"), random([2, 4, 2, 5], "k"), random([2, 4, 2, 3], "v")];
    let mut mask = random([1, 4, 3, 4], "mask").to_vec();
    mask[5] = f64::NEG_INFINITY;
    let mask = Tensor::from_vec(mask, [1, 4, 3, 4]).unwrap();
    let lengths = [2, 4];
    let options = AttentionOptions {
        scale: Some(0.3),
        causal: true,
        lengths: Some(&lengths),
        mask: Some(&mask),
    };
    let f = |x: &[T]| attention(&x[0], &x[1], &x[2], options);
    gradcheck(f, &inputs, &GradcheckOptions::default()).unwrap();
    gradgradcheck(|x| f(x).square(), &inputs, &SECOND).unwrap();
}

#[test]
fn a_sequence_to_itself_is_its_parts() {
    let qkv = random([2, 6, (4 + 2 * 2) * 3], "qkv").requires_grad();
    let parts = qkv.reshape([2, 6, 8, 3]).split(2, &[4, 2, 2]);
    let causal = AttentionOptions { causal: true, ..options() };
    let apart = attention(&parts[0], &parts[1], &parts[2], causal).reshape([2, 6, 12]);
    let together = self_attention(&qkv, 4, 2, causal);
    assert_eq!(apart.data(), together.data());
    let grad = random([2, 6, 12], "grad");
    let grads = [apart, together].map(|y| y.backward_with(&grad).require(&qkv).unwrap().to_vec());
    assert_eq!(grads[0], grads[1]);
    gradgradcheck(|x| self_attention(&x[0], 4, 2, causal).square(), &[qkv.detach()], &SECOND)
        .unwrap();
}

#[test]
fn a_query_that_sees_nothing_gives_nothing() {
    let x = random([1, 3, 1, 2], "x").requires_grad();
    let lengths = [0];
    let none = AttentionOptions { lengths: Some(&lengths), ..options() };
    let hidden = Tensor::full([3, 3], f64::NEG_INFINITY);
    let masked = AttentionOptions { mask: Some(&hidden), ..options() };
    for options in [none, masked] {
        let y = attention(&x, &x, &x, options);
        assert_eq!(y.data(), [0.0; 6]);
        assert_eq!(y.sum().backward().require(&x).unwrap().data(), [0.0; 6]);
    }
}

#[test]
#[should_panic(expected = "attention: expected k (1, keys, key_heads, 2), got (1, 3, 1, 4)")]
fn features_must_agree() {
    let (q, k) = (random([1, 3, 1, 2], "q"), random([1, 3, 1, 4], "k"));
    let _ = attention(&q, &k, &k, options());
}

#[test]
#[should_panic(expected = "self_attention: lengths must be at most 2, got 3")]
fn lengths_must_be_there() {
    let lengths = [3];
    let options = AttentionOptions { lengths: Some(&lengths), ..options() };
    let _ = self_attention(&random([1, 2, 3], "qkv"), 1, 1, options);
}
