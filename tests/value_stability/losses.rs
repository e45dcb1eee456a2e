//! Losses and their gradients.

use crate::table::{Hash, Table};
use purlin::core::rng::Stream;
use purlin::core::{Real, Result};
use purlin::nn::losses::{
    Bce, BceWithLogits, CrossEntropy, Hinge, Huber, KlDiv, L1, Mse, Nll, SmoothL1,
};
use purlin::tensor::Tensor;

const SEED: u64 = 1;

pub(crate) fn rows<T: Real>(t: &mut Table) {
    let shape = [50, 7];
    let x: Tensor<T> = Tensor::normal(shape, 0.0, 2.0, &Stream::new(SEED, "x"));
    let values: Tensor<T> = Tensor::uniform(shape, 0.0, 1.0, &Stream::new(SEED, "target"));
    let sign = |v: &T| if v.to_f64() < 0.5 { -T::ONE } else { T::ONE };
    let signs = Tensor::from_vec(values.data().iter().map(sign).collect(), shape).unwrap();
    let probs = values.softmax(-1);
    let classes: Vec<usize> = (0..50).map(|i| i * i % 7).collect();
    let (p, ln_p) = (x.sigmoid(), x.log_softmax(-1));
    let mut row = |name: &str, x: &Tensor<T>, loss: &dyn Fn(&Tensor<T>) -> Result<Tensor<T>>| {
        let leaf = x.detach().requires_grad();
        let value = loss(&leaf).unwrap();
        let grads = value.backward();
        let hash = Hash::new().tensor(&value).tensor(grads.require(&leaf).unwrap());
        t.row(format!("loss/{name}/{}", T::NAME), SEED, hash);
    };
    row("mse", &x, &|x| Mse::new().loss(x, &values));
    row("l1", &x, &|x| L1::new().loss(x, &values));
    row("huber", &x, &|x| Huber::new(0.8).loss(x, &values));
    row("smooth_l1", &x, &|x| SmoothL1::new(0.8).loss(x, &values));
    row("bce", &p, &|p| Bce::new().loss(p, &values));
    row("bce_with_logits", &x, &|x| BceWithLogits::new().pos_weight([3.0]).loss(x, &values));
    row("cross_entropy", &x, &|x| CrossEntropy::new().loss(x, &classes));
    row("cross_entropy_smooth", &x, &|x| {
        CrossEntropy::new().label_smoothing(0.1).loss(x, &classes)
    });
    row("cross_entropy_soft", &x, &|x| CrossEntropy::new().soft_loss(x, &probs));
    row("nll", &ln_p, &|x| Nll::new().loss(x, &classes));
    row("kl_div", &ln_p, &|x| KlDiv::new().loss(x, &probs));
    row("hinge", &x, &|x| Hinge::new().loss(x, &signs));
}
