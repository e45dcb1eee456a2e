//! Values worked out by hand or by NumPy's rules.

use crate::random;
use purlin_core::rng::Stream;
use purlin_tensor::{
    Activation, Conv2dOptions, ConvTranspose2dOptions, CrossEntropyOptions, Pool2dOptions,
    Reduction, Tensor, avg_pool2d, conv_transpose2d, conv2d, cross_entropy, dropout_mask, linear,
    max_pool2d,
};

#[test]
fn constructors() {
    assert_eq!(Tensor::from([[[1.0f32, 2.0]], [[3.0, 4.0]]]).dims(), [2, 1, 2]);
    assert_eq!(Tensor::from([[[[1.0f32], [2.0]]]]).dims(), [1, 1, 2, 1]);
    assert_eq!(Tensor::<f64>::linspace(1.0, 2.0, 3).data(), [1.0, 1.5, 2.0]);
    assert_eq!(Tensor::<f64>::linspace(1.0, 2.0, 1).data(), [1.0]);
    assert_eq!(Tensor::<f64>::eye(0).dims(), [0, 0]);
    assert_eq!(Tensor::<f32>::arange(0).dims(), [0]);
    assert_eq!(Tensor::from([1.5f64]).cast::<f32>().item(), 1.5f32);
    assert_eq!(Tensor::full([2], 3.0f32).data(), [3.0, 3.0]);
}

#[test]
fn random_tensors_follow_their_stream() {
    let stream = Stream::new(3, "x");
    let a = Tensor::<f32>::normal([1000], 1.0, 2.0, &stream);
    assert_eq!(a, Tensor::normal([1000], 1.0, 2.0, &stream));
    assert_ne!(a, Tensor::normal([1000], 1.0, 2.0, &stream.child("other")));
    assert!((a.mean().item() - 1.0).abs() < 0.3, "within 5 standard errors");
    let mask = dropout_mask::<f32>([10_000], 0.25, &stream);
    let kept = mask.data().iter().filter(|&&m| m != 0.0).count();
    assert!((kept as f64 - 7500.0).abs() < 5.0 * 43.3, "binomial, 5 sigma");
    assert!(mask.data().iter().all(|&m| m == 0.0 || m == 1.0f32 / 0.75));
    assert_eq!(dropout_mask::<f32>([3], 1.0, &stream).data(), [0.0; 3]);
}

#[test]
fn operators_in_all_mixtures() {
    let (a, b) = (Tensor::from([6.0f32, 8.0]), Tensor::from([2.0f32, 4.0]));
    let expected = [8.0, 12.0];
    assert_eq!((&a + &b).data(), expected);
    assert_eq!((a.clone() + &b).data(), expected);
    assert_eq!((&a + b.clone()).data(), expected);
    assert_eq!((a.clone() + b.clone()).data(), expected);
    assert_eq!((&a / &b).data(), [3.0, 2.0]);
    assert_eq!((a.clone() - b.clone()).data(), [4.0, 4.0]);
    assert_eq!((&b - a.clone()).data(), [-4.0, -4.0]);
    assert_eq!((&a * 0.5).data(), [3.0, 4.0]);
    assert_eq!((1.0 - &b).data(), [-1.0, -3.0]);
    assert_eq!((8.0 / b.clone()).data(), [4.0, 2.0]);
    assert_eq!((2.0 * &a + 1.0).data(), [13.0, 17.0]);
    assert_eq!((-&a).data(), [-6.0, -8.0]);
    let mut c = a.clone();
    c += &b;
    c -= 1.0;
    c *= b.clone();
    c /= 2.0;
    assert_eq!(c.data(), [7.0, 22.0]);
    assert_eq!(a.data(), [6.0, 8.0]);
}

#[test]
fn broadcasting_aligns_at_the_end() {
    let column = Tensor::from([[10.0f32], [20.0]]);
    let row = Tensor::from([1.0f32, 2.0, 3.0]);
    assert_eq!((&column + &row).data(), [11.0, 12.0, 13.0, 21.0, 22.0, 23.0]);
    assert_eq!((&row - &column).dims(), [2, 3]);
    assert_eq!((Tensor::<f32>::zeros([0, 3]) + &row).dims(), [0, 3]);
}

#[test]
fn convolution_by_hand() {
    // A 2x2 image of two channels; the kernel mixes them into one.
    let x =
        Tensor::from([[1.0f64, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]]).reshape([1, 2, 2, 2]);
    let weight = Tensor::from([1.0, 0.1]).reshape([1, 1, 2, 1]);
    let options = Conv2dOptions::default();
    let y = conv2d(&x, &weight, Some(&Tensor::from([-5.0])), &options, Activation::Relu);
    assert_eq!(y.data(), [0.0, 0.0, 1.0, 3.0]);
    // Same padding, a kernel that looks one pixel to the left.
    let weight = Tensor::from([1.0, 0.0, 0.0]).reshape([1, 3, 1, 1]);
    let options = Conv2dOptions { padding: [[0, 0], [1, 1]], ..options };
    let x = Tensor::<f64>::arange(3).reshape([1, 1, 3, 1]);
    assert_eq!(conv2d(&x, &weight, None, &options, Activation::Identity).data(), [0.0, 0.0, 1.0]);
}

#[test]
fn transposed_convolution_is_the_adjoint() {
    // <conv(x), y> = <x, conv_transpose(y)>
    let x = random([2, 7, 6, 3], "x");
    let weight = random([3, 2, 3, 4], "w");
    let (stride, padding) = ([2, 3], [[1, 0], [1, 1]]);
    let options = Conv2dOptions { stride, padding, ..Conv2dOptions::default() };
    let forward = conv2d(&x, &weight, None, &options, Activation::Identity);
    let y = random(forward.shape(), "y");
    let output_padding = [1, 0];
    let options = ConvTranspose2dOptions { stride, padding, output_padding, ..Default::default() };
    let back = conv_transpose2d(&y, &weight, None, &options, Activation::Identity);
    assert_eq!(back.shape(), x.shape());
    let (left, right) = ((forward * y).sum().item(), (x * back).sum().item());
    assert!((left - right).abs() < 1e-10 * left.abs().max(1.0), "{left} {right}");
}

#[test]
fn output_padding_may_reach_the_dilation() {
    // PyTorch's rule: below the stride or the dilation. The row behind the last tap has no window.
    let x = Tensor::from([1.0f64, 2.0]).reshape([1, 2, 1, 1]);
    let weight = Tensor::from([1.0f64, 10.0]).reshape([2, 1, 1, 1]);
    let options = ConvTranspose2dOptions {
        dilation: [3, 1],
        output_padding: [2, 0],
        ..ConvTranspose2dOptions::default()
    };
    let run = |options: &ConvTranspose2dOptions| {
        let bias = Tensor::from([0.5]);
        conv_transpose2d(&x, &weight, Some(&bias), options, Activation::Identity)
    };
    let full = run(&options);
    assert_eq!(full.dims(), [1, 7, 1, 1]);
    assert_eq!(full.data(), [1.5, 2.5, 0.5, 10.5, 20.5, 0.5, 0.5]);
    // Cutting off behind takes the added rows first.
    for cut in 0..4 {
        let y = run(&ConvTranspose2dOptions { padding: [[1, cut], [0, 0]], ..options });
        assert_eq!(y, full.slice(1, 1..7 - cut), "{cut}");
    }
}

#[test]
fn variances_with_a_correction() {
    let x = Tensor::from([[1.0f64, 2.0, 6.0], [0.0, 4.0, 5.0]]); // means 3 and 3
    assert_eq!(x.var_axes(&[1], 0, false).data(), x.var_axis(1, false).data());
    assert_eq!(x.var_axes(&[1], 1, false).data(), [7.0, 7.0]);
    assert!((x.var(1).item() - 5.6).abs() < 1e-15, "28 / 5, rounded twice");
    assert_eq!(x.var_axes(&[0, 1], 0, true).dims(), [1, 1]);
    assert_eq!(x.std_axes(&[0], 1, false).data()[0], 0.5f64.sqrt());
    let deep = random([2, 3, 4, 5], "deep");
    let outer = deep.var_axes(&[0, -2], 1, false);
    let by_hand = deep.permute(&[1, 3, 0, 2]).reshape([15, 8]).var_axes(&[1], 1, false);
    assert_eq!(outer.dims(), [3, 5]);
    assert_eq!(outer.data(), by_hand.data());
}

#[test]
fn pooling_by_hand() {
    let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).reshape([1, 2, 3, 1]);
    let options = Pool2dOptions { stride: [1, 1], ..Pool2dOptions::new([2, 2]) };
    assert_eq!(max_pool2d(&x, &options).data(), [5.0, 6.0]);
    assert_eq!(avg_pool2d(&x, &options, true).data(), [3.0, 4.0]);
    let padded = Pool2dOptions { padding: [[0, 0], [1, 0]], ..Pool2dOptions::new([2, 2]) };
    assert_eq!(avg_pool2d(&x, &padded, true).data(), [1.25, 4.0]);
    assert_eq!(avg_pool2d(&x, &padded, false).data(), [2.5, 4.0]);
    assert_eq!(max_pool2d(&(-x), &padded).data(), [-1.0, -2.0], "padding is no zero");
}

#[test]
fn linear_and_matmul_agree() {
    let (x, w, b) = (random([4, 3], "x"), random([3, 2], "w"), random([2], "b"));
    assert_eq!(linear(&x, &w, None, Activation::Identity), x.matmul(&w));
    assert_eq!(linear(&x, &w, Some(&b), Activation::Relu), (x.matmul(&w) + b).relu());
    assert_eq!(x.matmul(&w), x.matmul_nt(&w.transpose(0, 1)));
    assert_eq!(x.matmul(&w), x.transpose(0, 1).matmul_tn(&w));
    let batch = Tensor::stack(&[&x, &(&x * 2.0)], 0);
    let product = batch.matmul(&w);
    assert_eq!(product.slice(0, 1..).squeeze(0), (&x * 2.0).matmul(&w));
    let shared = x.matmul(&Tensor::stack(&[&w, &(&w * 0.5)], 0));
    assert_eq!(shared.slice(0, ..1).squeeze(0), x.matmul(&w));
}

#[test]
fn cross_entropy_is_softmax_and_a_logarithm() {
    let logits = random([5, 4], "logits");
    let targets = [3, 0, 1, 1, 2];
    let each = CrossEntropyOptions { reduction: Reduction::None, ..Default::default() };
    let loss = cross_entropy(&logits, &targets, &each);
    let log_probs = logits.log_softmax(-1);
    for (i, &t) in targets.iter().enumerate() {
        assert!((loss.data()[i] + log_probs.at(&[i, t])).abs() < 1e-14);
    }
    // The weighted mean divides by the weights of the targets that count.
    let weight = Tensor::from([1.0, 2.0, 4.0, 8.0]);
    let mean = CrossEntropyOptions {
        weight: Some(weight.clone()),
        ignore_index: Some(3),
        ..Default::default()
    };
    let weights = [0.0, 1.0, 2.0, 2.0, 4.0];
    let expected = loss.data().iter().zip(weights).map(|(l, w)| l * w).sum::<f64>() / 9.0;
    let got = cross_entropy(&logits, &targets, &mean).item();
    assert!((got - expected).abs() < 1e-14, "{got} {expected}");
}

#[test]
fn rank_zero_tensors_work_everywhere_they_can() {
    let x = Tensor::scalar(2.0f64);
    assert_eq!(x.sum().item(), 2.0);
    assert_eq!(x.mean().item(), 2.0);
    assert_eq!(x.max().item(), 2.0);
    assert_eq!(x.sum_axes(&[], true).item(), 2.0);
    assert_eq!(x.flatten(0).dims(), [1]);
    assert_eq!(x.unsqueeze(0).dims(), [1]);
    assert_eq!(x.reshape([1, 1]).dims(), [1, 1]);
    assert_eq!(x.broadcast_to([2, 2]).data(), [2.0; 4]);
    assert_eq!(x.permute(&[]).item(), 2.0);
}
