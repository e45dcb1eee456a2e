//! One small network, forwards and backwards: the same bits on any number of threads and any
//! instruction set.

use purlin_backend::isa::{self, IsaKind};
use purlin_core::rng::Stream;
use purlin_tensor::{
    Activation, Conv2dOptions, CrossEntropyOptions, Norm, Pool2dOptions, Real, Tensor, avg_pool2d,
    batch_norm, conv2d, cross_entropy, dropout, einsum, grad, layer_norm, linear, max_pool2d,
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

/// The bits of operations on arrays that are long enough to be cut, and of their gradients.
fn operations<T: Real>() -> Vec<u64> {
    let stream = Stream::new(2, "operations");
    let leaf = |shape: &[usize], name: &str| {
        Tensor::<T>::normal(shape, 0.0, 1.0, &stream.child(name)).requires_grad()
    };
    let (x, src) = (leaf(&[5, 70, 130], "x"), leaf(&[5, 40, 130], "src"));
    let matrix = leaf(&[130, 60], "matrix");
    let at: Vec<usize> = (0..src.numel()).map(|i| i * 31 % 70).collect();
    let rows: Vec<usize> = (0..40).map(|i| i * 7 % 70).collect();
    let results = [
        x.scatter(1, &at, &src),
        x.scatter_add(1, &at, &src),
        x.index_add(1, &rows, &src),
        x.tanh().cumprod(1),
        x.prod_axis(2, false),
        x.prod(),
        x.std_axis(1, true),
        x.std_axes(&[0, 2], 1, false),
        x.norm_axes(Norm::L1, &[1], false),
        x.norm_axes(Norm::L2, &[0, 1], false),
        x.norm_axes(Norm::Inf, &[1, 2], true),
        einsum("bij,jk->kib", &[&x, &matrix]),
        einsum("bij,bkj->bik", &[&x, &src]),
        x.flip(&[1, 2]).roll(17, 1).triu(3) * x.softplus_with(2.0, 3.0),
        x.tile(&[1, 2, 1]).erfc().slice_step(1, 1.., 3),
        x.repeat_interleave(2, 0).masked_fill(&x.gt_scalar(1.0).tile(&[2, 1, 1]), 0.5),
    ];
    let mut loss = Tensor::scalar(T::ZERO);
    let mut all = Vec::new();
    for y in &results {
        all.extend(y.data().iter().map(|v| v.to_bits()));
        loss += y.square().mean();
    }
    let grads = loss.backward();
    for leaf in [&x, &src, &matrix] {
        all.extend(grads.require(leaf).unwrap().data().iter().map(|v| v.to_bits()));
    }
    all
}

fn check<T: Real>(f: fn() -> Vec<u64>) {
    let mut expected = None;
    for kind in IsaKind::available() {
        let _pin = isa::pin(kind);
        for n_threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let bits = pool.install(f);
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
    check::<f32>(network::<f32>);
    check::<f64>(network::<f64>);
}

#[test]
fn operations_on_long_arrays_have_the_same_bits_too() {
    check::<f32>(operations::<f32>);
    check::<f64>(operations::<f64>);
}
