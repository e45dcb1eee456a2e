//! Losses: the laws, extreme logits, what is refused, the common trait.

use purlin_nn::losses::{
    Bce, BceWithLogits, CosineEmbedding, CrossEntropy, Ctc, GaussianNll, Hinge, HingeEmbedding,
    Huber, KlDiv, L1, Loss, MarginRanking, Mse, MultiMargin, Nll, PoissonNll, Reduction, SmoothL1,
    SoftMargin, Target, TripletMargin,
};
use purlin_tensor::{GradcheckOptions, Tensor, gradcheck};
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
    check_loss(&x, |x, r| SoftMargin::new().reduction(r).loss(x, &signs));
    check_loss(&x, |x, r| MultiMargin::new(0.7).reduction(r).loss(x, &[2, 0]));
    check_loss(&x, |x, r| MarginRanking::new(0.3).reduction(r).loss(x, &t, &signs));
    check_loss(&t, |t, r| MarginRanking::new(0.3).reduction(r).loss(&x, t, &signs));
    check_loss(&x, |x, r| HingeEmbedding::new(0.5).reduction(r).loss(x, &signs));
    check_loss(&x, |x, r| PoissonNll::new().reduction(r).loss(x, &t));
    let (one_each, variances) = (Tensor::from([1.0, -1.0]), t.add_scalar(0.5));
    check_loss(&x, |x, r| CosineEmbedding::new(-0.9).reduction(r).loss(x, &t, &one_each));
    check_loss(&t, |t, r| CosineEmbedding::new(-0.9).reduction(r).loss(&x, t, &one_each));
    check_loss(&x, |x, r| TripletMargin::new(2.0).reduction(r).loss(x, &t, &probs));
    check_loss(&t, |t, r| TripletMargin::new(2.0).reduction(r).loss(&x, t, &probs));
    check_loss(&probs, |probs, r| TripletMargin::new(2.0).reduction(r).loss(&x, &t, probs));
    check_loss(&x, |x, r| GaussianNll::new().reduction(r).loss(x, &variances, &t));
    check_loss(&variances, |v, r| GaussianNll::new().reduction(r).loss(&x, v, &t));
}

/// Logits `(3, 5, 4)` that differ everywhere.
fn sequences() -> Tensor<f64> {
    Tensor::from_fn([3, 5, 4], |i| ((i * i * 7 + 3 * i) % 23) as f64 / 7.0 - 1.5)
}

#[test]
fn labels_without_places_obey_the_laws() {
    let x = sequences();
    let targets = [vec![1, 2], vec![3, 3], vec![]];
    check_loss(&x, |x, r| Ctc::new().reduction(r).loss(x, &targets, None));
    check_loss(&x, |x, r| Ctc::new().reduction(r).loss(x, &targets, Some(&[5, 3, 4])));
    let other = [vec![0, 2, 1], vec![2], vec![1, 1, 1, 1]];
    check_loss(&x, |x, r| {
        Ctc::new().blank(3).zero_infinity().reduction(r).loss(x, &other, Some(&[5, 1, 5]))
    });
    gradcheck(
        |x| Ctc::new().reduction(Reduction::None).loss(&x[0], &targets, None).unwrap(),
        std::slice::from_ref(&x),
        &GradcheckOptions::default(),
    )
    .unwrap();
    // Log-probabilities have the softmax of the logits.
    let of = |x: &Tensor<f64>| Ctc::new().loss(x, &targets, None).unwrap().item();
    assert!((of(&x) - of(&x.log_softmax(-1))).abs() < 1e-14);
}

/// Every path of classes for the steps, its labels, and its probability.
fn paths(logits: &Tensor<f64>, blank: usize) -> Vec<(Vec<usize>, f64)> {
    let (steps, n_classes) = (logits.dims()[0], logits.dims()[1]);
    let probs = logits.softmax(-1);
    let mut paths = vec![(vec![], 1.0)];
    for t in 0..steps {
        let row = &probs.data()[t * n_classes..][..n_classes];
        let longer = |(path, p): &(Vec<usize>, f64)| -> Vec<(Vec<usize>, f64)> {
            let with = |class| [path.as_slice(), &[class]].concat();
            row.iter().enumerate().map(|(class, q)| (with(class), p * q)).collect()
        };
        paths = paths.iter().flat_map(longer).collect();
    }
    for (path, _) in &mut paths {
        path.dedup();
        path.retain(|&class| class != blank);
    }
    paths
}

#[test]
fn labels_without_places_have_the_probability_of_all_their_paths() {
    let x = sequences();
    for sample in 0..3 {
        let rows = x.slice(0, sample..=sample);
        let all = paths(&rows.reshape([5, 4]), 2);
        for target in [&[][..], &[0], &[3, 0], &[1, 1], &[0, 1, 0], &[3, 3, 3], &[0, 1, 3, 0, 1]] {
            let total: f64 = all.iter().filter(|(labels, _)| labels == target).map(|x| x.1).sum();
            let loss = Ctc::new().blank(2).loss(&rows, &[target], None).unwrap().item();
            assert!((loss + total.ln()).abs() < 1e-12, "{target:?}: {loss} {}", -total.ln());
        }
    }
}

#[test]
fn what_does_not_fit_in_its_steps_is_named_or_counts_as_nothing() {
    let x = sequences();
    let text = |loss: Ctc, targets: &[Vec<usize>], lengths: Option<&[usize]>| {
        loss.loss(&x, targets, lengths).unwrap_err().to_string()
    };
    let fine = [vec![1], vec![2], vec![3]];
    let long = [vec![1], vec![2, 2, 3, 3], vec![3]];
    assert_eq!(
        text(Ctc::new(), &long, None),
        "ctc: expected at least 6 steps for the target of sample 1, got 5"
    );
    assert_eq!(
        text(Ctc::new().blank(3), &fine, None),
        "ctc: target must be below n_classes = 4 and not the blank 3, got 3 at place 0 of sample 2"
    );
    assert_eq!(
        text(Ctc::new().blank(4), &fine, None),
        "ctc: blank must be below n_classes = 4, got 4"
    );
    assert_eq!(
        text(Ctc::new(), &fine[..2], None),
        "ctc: expected 3 targets, one per sample, got 2"
    );
    assert_eq!(
        text(Ctc::new(), &fine, Some(&[5, 0, 5])),
        "ctc: lengths must be in 1..=5, got 0 at sample 1"
    );
    assert_eq!(
        text(Ctc::new(), &fine, Some(&[5, 5])),
        "ctc: expected 3 lengths, one per sample, got 2"
    );
    let loss = Ctc::new().zero_infinity().reduction(Reduction::None);
    let leaf = x.detach().requires_grad();
    let each = loss.loss(&leaf, &long, None).unwrap();
    assert!(each.data()[1] == 0.0 && each.data()[0] > 0.0 && each.data()[2] > 0.0);
    let grad = each.sum().backward().require(&leaf).unwrap().clone();
    assert!(grad.data()[20..40].iter().all(|&g| g == 0.0), "no gradient either");
    assert!(grad.data()[..20].iter().all(|&g| g != 0.0));
    let by_trait: &dyn Loss<f64> = &Ctc::new();
    let err = by_trait.compute(&x, Target::Classes(&[1, 1, 1, 1])).unwrap_err();
    assert_eq!(
        err.to_string(),
        "ctc: expected as many target classes for each of 3 samples, got 4 classes"
    );
    let each = by_trait.each(&x, Target::Classes(&[1, 2, 3])).unwrap();
    assert_eq!(each.dims(), [3]);
}

#[test]
fn other_losses_name_what_they_refuse() {
    let (x, t) = (Tensor::<f64>::zeros([2, 3]), Tensor::ones([2]));
    let texts = [
        (SoftMargin::new().loss(&x, &x), "soft_margin: target must be -1 or 1, got 0 at element 0"),
        (
            MultiMargin::new(1.0).loss(&x, &[0, 3]),
            "multi_margin: target must be below n_classes = 3, got 3 at row 1",
        ),
        (
            CosineEmbedding::new(0.0).loss(&t, &t, &t),
            "cosine_embedding: expected vectors (n, n_features), got (2,)",
        ),
        (
            CosineEmbedding::new(0.0).loss(&x, &x, &x),
            "cosine_embedding: expected target of shape (2,), got (2, 3)",
        ),
        (
            GaussianNll::new().loss(&x, &x.add_scalar(-1.0), &x),
            "gaussian_nll: variance must be in 0..=inf, got -1 at element 0",
        ),
        (
            PoissonNll::new().loss(&x, &x.add_scalar(-1.0)),
            "poisson_nll: target must be in 0..=inf, got -1 at element 0",
        ),
        (
            TripletMargin::new(0.0).loss(&x, &x, &t),
            "triplet_margin: expected target of shape (2, 3), as the prediction, got (2,)",
        ),
    ];
    for (result, expected) in texts {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    // A variance of 0 counts as eps.
    let loss = GaussianNll::new().eps(0.25).loss(&t, &Tensor::zeros([2]), &t).unwrap();
    assert!((loss.item() - 0.25f64.ln() / 2.0).abs() < 1e-15);
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
