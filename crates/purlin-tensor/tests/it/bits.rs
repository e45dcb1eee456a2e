//! One small network, forwards and backwards: the same bits on any number of threads and any
//! instruction set.

use purlin_backend::isa::{self, IsaKind};
use purlin_core::rng::Stream;
use purlin_tensor::{
    Activation, Conv2dOptions, CrossEntropyOptions, Pool2dOptions, Real, Tensor, avg_pool2d,
    batch_norm, conv2d, cross_entropy, dropout, grad, layer_norm, linear, max_pool2d,
};

/// The bits of the loss and of all gradients.
fn network<T: Real>() -> Vec<u64> {
    let stream = Stream::new(1, "network");
    let weight = |shape: &[usize], name: &str| {
        Tensor::<T>::normal(shape, 0.0, 0.3, &stream.child(name)).requires_grad()
    };
    let x = Tensor::<T>::uniform([16, 20, 18, 3], 0.0, 1.0, &stream.child("x"));
    let leaves = [
        weight(&[3, 3, 3, 8], "conv1"),
        weight(&[8], "bias1"),
        weight(&[8], "gamma"),
        weight(&[8], "beta"),
        weight(&[3, 3, 8, 16], "conv2"),
        weight(&[16 * 3 * 3, 33], "dense"),
        weight(&[33], "bias2"),
        weight(&[33, 10], "head"),
    ];
    let [conv1, bias1, gamma, beta, conv2, dense, bias2, head] = &leaves;
    let options = Conv2dOptions::default();
    let h = conv2d(&x, conv1, Some(bias1), &options, Activation::Relu);
    let h = max_pool2d(&h, &Pool2dOptions::new([2, 2]));
    let h = batch_norm(&h, Some(gamma), Some(beta), 1e-5).y;
    let h = conv2d(&h, conv2, None, &options, Activation::Tanh);
    let h = avg_pool2d(&h, &Pool2dOptions::new([2, 2]), true).flatten(1);
    let h = linear(&h, dense, Some(bias2), Activation::Sigmoid);
    let h = layer_norm(&h, 1, None, None, 1e-5).gelu() + h.exp().mean_axis(0, true);
    let h = dropout(&h, 0.3, &stream.child("dropout"));
    let logits = linear(&h, head, None, Activation::Identity);
    let targets: Vec<usize> = (0..16).map(|i| i * 7 % 10).collect();
    let loss = cross_entropy(&logits, &targets, &CrossEntropyOptions::default());
    // A second derivative as well.
    let slope = grad(&loss, &[head]).remove(0);
    let loss = loss + slope.square().sum();
    let grads = loss.backward();
    let bits = |t: &Tensor<T>| t.data().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let mut all = bits(&loss);
    for leaf in &leaves {
        all.extend(bits(grads.require(leaf).unwrap()));
    }
    all
}

fn check<T: Real>() {
    let mut expected = None;
    for kind in IsaKind::available() {
        let _pin = isa::pin(kind);
        for n_threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let bits = pool.install(network::<T>);
            assert!(bits.len() > 4000);
            let expected = expected.get_or_insert_with(|| bits.clone());
            assert!(
                *expected == bits,
                "{} {} with {n_threads} threads differs",
                T::NAME,
                kind.name()
            );
        }
    }
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    check::<f32>();
    check::<f64>();
}
