//! Losses: the laws, extreme logits, what is refused, the common trait.

use purlin_nn::losses::{
    Bce, BceWithLogits, CrossEntropy, Hinge, Huber, KlDiv, L1, Loss, Mse, Nll, Reduction, SmoothL1,
    Target,
};
use purlin_tensor::Tensor;
use purlin_testkit::check_loss;

#[test]
fn every_loss_obeys_the_laws() {
    let x = Tensor::from([[0.3, -1.2, 2.1], [-0.4, 0.9, 1.7]]);
    let t = Tensor::from([[1.0, 0.0, 0.3], [0.7, 0.2, 1.0]]);
    let signs = Tensor::from([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]]);
    let probs = Tensor::from([[0.5, 0.2, 0.3], [0.0, 0.1, 0.9]]);
    check_loss(&x, |x, r| Mse::new().reduction(r).loss(x, &t));
    check_loss(&x, |x, r| L1::new().reduction(r).loss(x, &t));
    check_loss(&x, |x, r| Huber::new(0.8).reduction(r).loss(x, &t));
    check_loss(&x, |x, r| SmoothL1::new(0.8).reduction(r).loss(x, &t));
    check_loss(&x.sigmoid(), |p, r| Bce::new().reduction(r).loss(p, &t));
    check_loss(&x.sigmoid(), |p, r| Bce::new().reduction(r).weighted_loss(p, &t, &probs));
    check_loss(&t.mul_scalar(0.5).add_scalar(0.25), |t, r| {
        Bce::new().reduction(r).loss(&x.sigmoid(), t)
    });
    check_loss(&x, |x, r| BceWithLogits::new().reduction(r).loss(x, &t));
    check_loss(&x, |x, r| BceWithLogits::new().pos_weight([3.0]).reduction(r).loss(x, &t));
    check_loss(&x, |x, r| {
        BceWithLogits::new().pos_weight([3.0, 0.5, 1.0]).reduction(r).loss(x, &t)
    });
    check_loss(&x, |x, r| CrossEntropy::new().reduction(r).loss(x, &[2, 0]));
    check_loss(&x, |x, r| {
        let loss = CrossEntropy::new().label_smoothing(0.2).weight([1.0, 2.0, 0.5]);
        loss.ignore_index(0).reduction(r).loss(x, &[2, 0])
    });
    check_loss(&x, |x, r| {
        CrossEntropy::new().label_smoothing(0.2).reduction(r).soft_loss(x, &probs)
    });
    check_loss(&x, |x, r| Nll::new().weight([1.0, 2.0, 0.5]).reduction(r).loss(x, &[1, 2]));
    check_loss(&x, |x, r| KlDiv::new().reduction(r).loss(x, &probs));
    check_loss(&x, |x, r| KlDiv::new().log_target().reduction(r).loss(x, &t));
    check_loss(&x, |x, r| match r {
        Reduction::Mean => KlDiv::new().batch_mean().loss(x, &probs),
        _ => KlDiv::new().reduction(r).loss(x, &probs),
    });
    check_loss(&x, |x, r| Hinge::new().reduction(r).loss(x, &signs));
    check_loss(&x, |x, r| Hinge::new().squared().reduction(r).loss(x, &signs));
}

#[test]
fn extreme_logits_give_finite_losses_and_gradients() {
    for extreme in [88.0, 100.0, 1e3, 1e4] {
        let x = Tensor::<f32>::from([[extreme, -extreme, 0.0], [-extreme, extreme, extreme]]);
        let leaf = || x.clone().requires_grad();
        let finite = |leaf: Tensor<f32>, loss: Tensor<f32>| {
            assert!(loss.item().is_finite(), "loss {} at {extreme}", loss.item());
            let grads = loss.backward();
            assert!(grads.require(&leaf).unwrap().is_finite(), "gradient at {extreme}");
        };
        for targets in [[0, 1], [1, 0], [2, 2]] {
            let x = leaf();
            let loss = CrossEntropy::new().label_smoothing(0.1).loss(&x, &targets).unwrap();
            finite(x, loss);
        }
        for t in [0.0, 0.5, 1.0] {
            let (x, t) = (leaf(), Tensor::full([2, 3], t));
            let loss = BceWithLogits::new().pos_weight([2.0]).loss(&x, &t).unwrap();
            finite(x, loss);
            let x = leaf();
            let loss = Bce::new().loss(&x.sigmoid(), &t).unwrap();
            finite(x, loss);
        }
    }
    // By hand: the wrong class is 2e4 behind.
    let x = Tensor::<f32>::from([[1e4, -1e4]]);
    assert_eq!(CrossEntropy::new().loss(&x, &[1]).unwrap().item(), 2e4);
    assert_eq!(CrossEntropy::new().loss(&x, &[0]).unwrap().item(), 0.0);
}

#[test]
fn sure_and_right_probabilities_lose_nothing() {
    let t = Tensor::<f64>::from([0.0, 1.0]);
    assert_eq!(Bce::new().loss(&t, &t).unwrap().item(), 0.0);
    assert_eq!(KlDiv::new().loss(&Tensor::from([0.5f64.ln(), 0.0]), &t).unwrap().item(), 0.0);
}

#[test]
fn a_rejected_target_is_named_with_its_place() {
    let x = Tensor::<f32>::zeros([2, 3]);
    let t = Tensor::zeros([2, 3]);
    let texts = [
        (
            Mse::new().loss(&x, &Tensor::zeros([2])),
            "mse: expected target of shape (2, 3), as the prediction, got (2,)",
        ),
        (
            L1::new().loss(&x, &Tensor::zeros([3])),
            "l1: expected target of shape (2, 3), as the prediction, got (3,)",
        ),
        (
            Huber::default().loss(&x, &Tensor::zeros([2, 1])),
            "huber: expected target of shape (2, 3), as the prediction, got (2, 1)",
        ),
        (
            SmoothL1::new(1.0).loss(&x, &Tensor::zeros([6])),
            "smooth_l1: expected target of shape (2, 3), as the prediction, got (6,)",
        ),
        (Bce::new().loss(&t.add_scalar(1.5), &t), "bce: p must be in 0..=1, got 1.5 at element 0"),
        (
            Bce::new().loss(&t, &t.add_scalar(f64::NAN)),
            "bce: target must be in 0..=1, got NaN at element 0",
        ),
        (
            BceWithLogits::new().loss(&x, &t.add_scalar(2.0)),
            "bce_with_logits: target must be in 0..=1, got 2 at element 0",
        ),
        (
            BceWithLogits::new().pos_weight([1.0, 2.0]).loss(&x, &t),
            "bce_with_logits: expected 1 or 3 weights of positives, got 2",
        ),
        (
            BceWithLogits::new().pos_weight([-1.0]).loss(&x, &t),
            "bce_with_logits: pos_weight must be finite and at least 0, got -1",
        ),
        (
            CrossEntropy::new().loss(&x, &[0]),
            "cross_entropy: expected 2 targets for prediction (2, 3), got 1",
        ),
        (
            CrossEntropy::new().loss(&x, &[0, 3]),
            "cross_entropy: target must be below n_classes = 3, got 3 at row 1",
        ),
        (
            CrossEntropy::new().weight([1.0]).loss(&x, &[0, 1]),
            "cross_entropy: expected 3 class weights, got 1",
        ),
        (
            CrossEntropy::new().ignore_index(0).loss(&x, &[0, 0]),
            "cross_entropy: expected at least 1 samples, got 0",
        ),
        (
            CrossEntropy::new().soft_loss(&x, &Tensor::zeros([3, 2])),
            "cross_entropy: expected target of shape (2, 3), as the prediction, got (3, 2)",
        ),
        (
            CrossEntropy::new().ignore_index(1).soft_loss(&x, &t),
            "cross_entropy: ignore_index must be unset for probabilities, got 1",
        ),
        (
            Nll::new().weight([0.0, 1.0, 1.0]).loss(&x, &[0, 0]),
            "nll: weight must be above 0 for some target, got 0",
        ),
        (
            Nll::new().weight([f64::NAN, 1.0, 1.0]).loss(&x, &[0, 0]),
            "nll: weight must be finite and at least 0, got NaN",
        ),
        (
            KlDiv::new().loss(&x, &t.add_scalar(-0.5)),
            "kl_div: target must be in 0..=inf, got -0.5 at element 0",
        ),
        (Hinge::new().loss(&x, &t), "hinge: target must be -1 or 1, got 0 at element 0"),
        (
            Mse::new().loss(&Tensor::zeros([0]), &Tensor::zeros([0])),
            "mse: expected at least 1 samples, got 0",
        ),
    ];
    for (result, expected) in texts {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_sum_of_nothing_is_zero_and_each_of_nothing_is_empty() {
    let empty = Tensor::<f32>::zeros([0, 3]);
    let sum = CrossEntropy::new().reduction(Reduction::Sum).loss(&empty, &[]).unwrap();
    assert_eq!(sum.item(), 0.0);
    let each = CrossEntropy::new().reduction(Reduction::None).loss(&empty, &[]).unwrap();
    assert_eq!(each.dims(), [0]);
}

#[test]
fn classes_serve_binary_losses_through_the_trait() {
    let losses: [&dyn Loss; 3] = [&BceWithLogits::new(), &Hinge::new(), &CrossEntropy::new()];
    let x = Tensor::from([[2.0], [-1.0]]);
    let bce = losses[0].compute(&x, Target::Classes(&[1, 0])).unwrap();
    let by_hand = BceWithLogits::new().loss(&x, &Tensor::from([[1.0], [0.0]])).unwrap();
    assert_eq!(bce, by_hand);
    assert_eq!(losses[1].compute(&x, Target::Classes(&[1, 0])).unwrap().item(), 0.0);
    assert_eq!(losses[2].compute(&x, Target::Classes(&[0, 0])).unwrap().item(), 0.0);
    let err = losses[0].compute(&x, Target::Classes(&[1, 2])).unwrap_err();
    assert_eq!(err.to_string(), "bce_with_logits: target must be 0 or 1, got 2 at row 1");
    let mse: &dyn Loss = &Mse::new();
    let err = mse.compute(&x, Target::Classes(&[1, 2])).unwrap_err();
    assert_eq!(err.to_string(), "mse: expected a target tensor, got 2 classes");
    let nll: &dyn Loss = &Nll::new();
    let err = nll.compute(&x, Target::Values(&x)).unwrap_err();
    assert_eq!(err.to_string(), "nll: expected target classes, got a tensor (2, 1)");
}
