//! Optimizers: the laws, groups, options that break their rules, no subnormal numbers, clipping.

use proptest::prelude::*;
use purlin_core::Real;
use purlin_core::rng::Stream;
use purlin_nn::layers::{LayerNorm, Linear};
use purlin_nn::optim::clip::{self, Clip, NormKind};
use purlin_nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, Optimizer, ParamGroup, RAdam, RmsProp, Sgd,
};
use purlin_nn::weights::state_dict;
use purlin_nn::{Forward, Module, Param, Sequential};
use purlin_tensor::{Gradients, Tensor};
use purlin_testkit::{OptimizerCheck, check_optimizer};

/// One of each kind, with as much state as it can have.
fn all() -> Vec<Box<dyn Optimizer<f32>>> {
    vec![
        Box::new(Sgd::new(0.1)),
        Box::new(Sgd::new(0.1).momentum(0.9).nesterov().weight_decay(0.01)),
        Box::new(Sgd::new(0.1).momentum(0.9).dampening(0.5)),
        Box::new(Adam::new(0.1).weight_decay(0.01)),
        Box::new(Adam::new(0.1).amsgrad()),
        Box::new(AdamW::new(0.1).amsgrad()),
        Box::new(RmsProp::new(0.1)),
        Box::new(RmsProp::new(0.1).momentum(0.9)),
        Box::new(RmsProp::new(0.1).centered()),
        Box::new(RmsProp::new(0.1).centered().momentum(0.9)),
        Box::new(Adagrad::new(0.1).lr_decay(0.1).initial_accumulator(0.1)),
        Box::new(Adadelta::new(1.0)),
        Box::new(Adamax::new(0.1)),
        Box::new(NAdam::new(0.1)),
        Box::new(RAdam::new(0.1)),
        Box::new(Lion::new(0.1).weight_decay(0.1)),
    ]
}

fn param(values: &[f32]) -> Param {
    Param::new(Tensor::from_slice(values))
}

/// Gradients with these values for a single parameter.
fn grads_of(param: &Param, values: &[f32]) -> Gradients {
    let mut grads = Gradients::new();
    grads.set(param, &Tensor::from_slice(values)).unwrap();
    grads
}

fn network(seed: u64) -> Sequential {
    let stream = Stream::new(seed, "init");
    Sequential::new()
        .push_named("body", Linear::new(3, 4, &stream.child("body")))
        .push_named("norm", LayerNorm::new(4))
        .push_named("head", Linear::new(4, 2, &stream.child("head")))
}

fn grads_for(model: &Sequential) -> Gradients {
    let x = Tensor::uniform([5, 3], -1.0, 1.0, &Stream::new(3, "x"));
    let y = model.forward(&x, &mut purlin_nn::Context::train(0));
    y.square().mean().backward()
}

fn values(model: &Sequential, name: &str) -> Vec<f32> {
    let state = state_dict(model);
    state.iter().find(|(own, _)| own == name).unwrap().1.to_vec()
}

/// With as much state as each can have.
fn laws<T: Real>() {
    check_optimizer(|| Sgd::<T>::new(0.1));
    check_optimizer(|| Sgd::<T>::new(0.1).momentum(0.9).dampening(0.5));
    check_optimizer(|| Sgd::<T>::new(0.1).momentum(0.9).nesterov());
    check_optimizer(|| Adam::<T>::new(0.1));
    check_optimizer(|| Adam::<T>::new(0.1).amsgrad());
    check_optimizer(|| RmsProp::<T>::new(0.1));
    check_optimizer(|| RmsProp::<T>::new(0.1).momentum(0.9));
    check_optimizer(|| RmsProp::<T>::new(0.1).centered());
    check_optimizer(|| RmsProp::<T>::new(0.1).centered().momentum(0.9));
    check_optimizer(|| Adagrad::<T>::new(0.1).lr_decay(0.1).initial_accumulator(0.1));
    check_optimizer(|| Adadelta::<T>::new(1.0));
    check_optimizer(|| Adamax::<T>::new(0.1));
    check_optimizer(|| NAdam::<T>::new(0.1));
    check_optimizer(|| RAdam::<T>::new(0.1));
    check_optimizer(|| Lion::<T>::new(0.1));

    let decaying = OptimizerCheck::new().decays_weights();
    decaying.run(|| Sgd::<T>::new(0.1).momentum(0.9).nesterov().weight_decay(0.01));
    decaying.run(|| Adam::<T>::new(0.1).weight_decay(0.01));
    decaying.run(|| AdamW::<T>::new(0.1));
    decaying.run(|| AdamW::<T>::new(0.1).amsgrad());
    decaying.run(|| RmsProp::<T>::new(0.1).centered().weight_decay(0.01));
    decaying.run(|| Adagrad::<T>::new(0.1).weight_decay(0.01));
    decaying.run(|| Adadelta::<T>::new(1.0).weight_decay(0.01));
    decaying.run(|| Adamax::<T>::new(0.1).weight_decay(0.01));
    decaying.run(|| NAdam::<T>::new(0.1).weight_decay(0.01));
    decaying.run(|| RAdam::<T>::new(0.1).weight_decay(0.01));
    decaying.run(|| Lion::<T>::new(0.1).weight_decay(0.1));
}

#[test]
fn every_optimizer_obeys_the_laws() {
    laws::<f32>();
    laws::<f64>();
}

#[test]
fn a_missing_gradient_is_named() {
    let mut model = network(1);
    let mut grads = grads_for(&model);
    model.for_each_param(&mut |name, param| {
        if name == "head.bias" {
            grads.take(param);
        }
    });
    let err = Lion::new(0.1).step(&mut model, &grads).unwrap_err().to_string();
    assert_eq!(
        err,
        "lion: gradient must be there for every trainable parameter, got none for head.bias"
    );
}

#[test]
fn a_missing_gradient_may_be_allowed() {
    let mut model = network(1);
    let mut optimizer = Adam::new(0.1).allow_missing_gradients();
    let before = values(&model, "head.bias");
    let mut grads = grads_for(&model);
    model.for_each_param(&mut |name, param| {
        if name == "head.bias" {
            grads.take(param);
        }
    });
    optimizer.step(&mut model, &grads).unwrap();
    assert_eq!(values(&model, "head.bias"), before);
    assert_eq!(optimizer.state().params.len(), 5);
}

#[test]
fn a_thawed_parameter_begins_with_its_own_first_step() {
    let mut optimizer = Adam::new(0.25);
    let mut params = vec![param(&[1.0]), param(&[1.0])];
    params[1].set_trainable(false);
    for _ in 0..3 {
        let grads = params[0].square().sum().backward();
        optimizer.step(&mut params, &grads).unwrap();
    }
    params[1].set_trainable(true);
    let grads = (params[0].square() + params[1].square()).sum().backward();
    optimizer.step(&mut params, &grads).unwrap();
    assert_eq!(params[1].item(), 0.75, "the first step of Adam has the length lr");
}

#[test]
fn the_first_group_that_selects_a_parameter_counts() {
    let mut model = network(1);
    let grads = grads_for(&model);
    let before = state_dict(&model);
    let mut optimizer = Sgd::new(0.5)
        .weight_decay(0.1)
        .group(ParamGroup::matching(["head.*"]).lr(0.25))
        .group(ParamGroup::vectors().weight_decay(0.0))
        .group(ParamGroup::matching(["norm.*", "body.weight"]).lr_scale(0.0));
    optimizer.step(&mut model, &grads).unwrap();
    model.for_each_param(&mut |name, param| {
        let (lr, decay) = match name {
            "head.weight" | "head.bias" => (0.25, 0.1),
            "body.weight" => (0.0, 0.1),
            _ => (0.5, 0.0),
        };
        let (_, old) = before.iter().find(|(own, _)| own == name).unwrap();
        let grad = grads.require(param).unwrap();
        for ((&new, &old), &g) in param.data().iter().zip(old.data()).zip(grad.data()) {
            let expected = old - lr * (g + decay * old);
            assert!((new - expected).abs() <= 1e-6, "{name}: expected {expected}, got {new}");
        }
    });
    optimizer.set_lr(0.25);
    assert_eq!(optimizer.lr(), 0.25);
}

#[test]
fn a_group_that_selects_nothing_is_a_misspelt_name() {
    let mut model = network(1);
    let grads = grads_for(&model);
    let mut optimizer = Sgd::new(0.5).group(ParamGroup::matching(["heed.*", "x"]));
    let err = optimizer.step(&mut model, &grads).unwrap_err().to_string();
    assert_eq!(
        err,
        "sgd: groups must be such that each selects a parameter, got none for heed.*, x"
    );
}

#[test]
fn options_that_break_their_rules_are_refused_at_the_step() {
    let mut optimizers: Vec<(Box<dyn Optimizer<f32>>, &str)> = vec![
        (Box::new(Sgd::new(f64::NAN)), "sgd: lr must be finite and at least 0, got NaN"),
        (Box::new(Sgd::new(-0.1)), "sgd: lr must be finite and at least 0, got -0.1"),
        (Box::new(Sgd::new(0.1).momentum(1.0)), "sgd: momentum must be in [0, 1), got 1"),
        (
            Box::new(Sgd::new(0.1).weight_decay(-1.0)),
            "sgd: weight_decay must be finite and at least 0, got -1",
        ),
        (
            Box::new(Sgd::new(0.1).nesterov()),
            "sgd: nesterov must be used with momentum and no dampening, got momentum None and dampening 0",
        ),
        (Box::new(Adam::new(0.1).betas(0.9, 1.0)), "adam: beta2 must be in [0, 1), got 1"),
        (Box::new(AdamW::new(0.1).eps(0.0)), "adamw: eps must be finite and greater than 0, got 0"),
        (Box::new(RmsProp::new(0.1).alpha(-0.5)), "rmsprop: alpha must be in [0, 1), got -0.5"),
        (
            Box::new(Adagrad::new(0.1).lr_decay(-0.5)),
            "adagrad: lr_decay must be finite and at least 0, got -0.5",
        ),
        (Box::new(Adadelta::new(0.1).rho(2.0)), "adadelta: rho must be in [0, 1), got 2"),
        (Box::new(Lion::new(0.1).betas(f64::NAN, 0.9)), "lion: beta1 must be in [0, 1), got NaN"),
    ];
    for (optimizer, expected) in &mut optimizers {
        let mut p = param(&[1.0]);
        let grads = grads_of(&p, &[1.0]);
        assert_eq!(optimizer.step(&mut p, &grads).unwrap_err().to_string(), *expected);
        assert_eq!(p.item(), 1.0);
    }
}

#[test]
fn the_state_of_another_optimizer_is_refused() {
    let mut p = param(&[1.0]);
    let mut adam = Adam::<f32>::new(0.1);
    let grads = grads_of(&p, &[1.0]);
    adam.step(&mut p, &grads).unwrap();
    let err = Sgd::new(0.1).load_state(adam.state()).unwrap_err().to_string();
    assert_eq!(err, "sgd: state must be the state of sgd, got that of adam");
    let err = Adam::new(0.1).amsgrad().load_state(adam.state()).unwrap_err().to_string();
    assert!(err.contains("max_mean_square"), "{err}");
    let mut longer = param(&[1.0, 2.0]);
    let grads = grads_of(&longer, &[1.0, 1.0]);
    let err = adam.step(&mut longer, &grads).unwrap_err().to_string();
    assert!(err.contains("state of shape (2,)"), "{err}");
}

#[test]
fn state_never_holds_subnormal_numbers() {
    // A gradient, and then none: moments decay to nothing. 0.9^t passes the smallest normal f32
    // after some 830 steps, 0.5^t after 126; a peer is 3.5 times slower from there on.
    for mut optimizer in all() {
        let mut p = param(&[1.0, -1.0, 0.5]);
        let grads = grads_of(&p, &[1.0, -1e-3, 1e-30]);
        optimizer.step(&mut p, &grads).unwrap();
        let nothing = grads_of(&p, &[0.0; 3]);
        for step in 0..1200 {
            optimizer.step(&mut p, &nothing).unwrap();
            for (slot, x) in optimizer.state().params.iter().flat_map(|param| &param.slots) {
                let bad = x.data().iter().find(|x| x.is_subnormal());
                assert_eq!(bad, None, "{}: {slot} after step {step}", optimizer.state().kind);
            }
        }
        assert!(p.data().iter().all(|x| x.is_finite()));
    }
}

#[test]
fn gradients_that_are_not_finite_are_not_clipped_but_named() {
    for bad in [f32::NAN, f32::INFINITY] {
        for clip in [
            Clip::norm(1.0),
            Clip::value(1.0),
            Clip::Norm { max: 1.0, kind: NormKind::L1 },
            Clip::Norm { max: 1.0, kind: NormKind::Max },
        ] {
            let params = vec![param(&[1.0]), param(&[1.0, 2.0, 3.0])];
            let mut grads = grads_of(&params[0], &[5.0]);
            grads.set(&params[1], &Tensor::from_slice(&[bad, 1.0, 7.0])).unwrap();
            let err = clip.apply(&params, &mut grads).unwrap_err().to_string();
            assert_eq!(err, "clip: gradient must be finite, got NaN or an infinity in that of 1");
            assert_eq!(grads.require(&params[0]).unwrap().item(), 5.0);
        }
    }
    let err = Clip::norm(0.0).apply(&param(&[1.0]), &mut Gradients::new()).unwrap_err();
    assert_eq!(err.to_string(), "clip: max must be finite and greater than 0, got 0");
}

#[test]
fn squares_that_leave_single_precision_are_still_measured() {
    for scale in [1e30f32, 1e-30] {
        let p = param(&[1.0, 1.0]);
        let grads = grads_of(&p, &[3.0 * scale, 4.0 * scale]);
        let norm = clip::norm(NormKind::L2, &p, &grads).unwrap();
        assert!((norm / f64::from(scale) - 5.0).abs() < 1e-6, "{norm}");
    }
}

proptest! {
    #[test]
    fn clipping_keeps_the_direction_and_the_bound(
        g in prop::collection::vec(-100.0..100.0f32, 1..20), max in 0.1..10.0f64,
    ) {
        let p = param(&vec![0.0; g.len()]);
        let mut grads = grads_of(&p, &g);
        let before = Clip::norm(max).apply(&p, &mut grads).unwrap();
        let clipped = grads.require(&p).unwrap().to_vec();
        let after = clip::norm(NormKind::L2, &p, &grads).unwrap();
        prop_assert!(after <= max.min(before) * (1.0 + 1e-5));
        let factor = (max / (before + 1e-6)).min(1.0);
        for (c, g) in clipped.iter().zip(&g) {
            prop_assert!((f64::from(*c) - f64::from(*g) * factor).abs() <= 1e-5 * f64::from(g.abs()));
        }
        let mut grads = grads_of(&p, &g);
        Clip::value(max).apply(&p, &mut grads).unwrap();
        let clipped = grads.require(&p).unwrap().to_vec();
        let max = max as f32;
        prop_assert!(clipped.iter().zip(&g).all(|(c, g)| *c == g.clamp(-max, max)));
    }
}
