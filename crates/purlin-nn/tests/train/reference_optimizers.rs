//! Optimizers and gradient clipping against PyTorch: every step of every case, f32 and f64.

use crate::common::{Outcome, array, compare, document, tensor};
use purlin_core::Real;
use purlin_nn::Param;
use purlin_nn::optim::clip::{Clip, NormKind};
use purlin_nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, Optimizer, RAdam, RmsProp, Sgd,
};
use purlin_tensor::{Gradients, Tensor};
use purlin_testkit::reference::{Array, Case, Cases};
use serde_json::Value;

fn optimizer<T: Real>(case: &Case) -> Option<Box<dyn Optimizer<T>>> {
    let all = &case.config["all_settings"];
    let number = |key: &str| all[key].as_f64().unwrap_or_else(|| panic!("{case}: no {key}"));
    let is = |key: &str| all[key] == Value::Bool(true);
    let (lr, decay) = (number("lr"), number("weight_decay"));
    let betas = || (all["betas"][0].as_f64().unwrap(), all["betas"][1].as_f64().unwrap());
    Some(match case.kind.strip_prefix("optimizer ")? {
        "sgd" => {
            let mut sgd = Sgd::new(lr).dampening(number("dampening")).weight_decay(decay);
            if number("momentum") > 0.0 {
                sgd = sgd.momentum(number("momentum"));
            }
            if is("nesterov") {
                sgd = sgd.nesterov();
            }
            Box::new(if is("maximize") { sgd.maximize() } else { sgd })
        }
        "adam" => {
            let (b1, b2) = betas();
            let adam = Adam::new(lr).betas(b1, b2).eps(number("eps")).weight_decay(decay);
            Box::new(if is("amsgrad") { adam.amsgrad() } else { adam })
        }
        "adamw" => {
            let (b1, b2) = betas();
            let adam = AdamW::new(lr).betas(b1, b2).eps(number("eps")).weight_decay(decay);
            Box::new(if is("amsgrad") { adam.amsgrad() } else { adam })
        }
        "rmsprop" => {
            let mut rms = RmsProp::new(lr).alpha(number("alpha")).eps(number("eps"));
            rms = rms.weight_decay(decay);
            if number("momentum") > 0.0 {
                rms = rms.momentum(number("momentum"));
            }
            Box::new(if is("centered") { rms.centered() } else { rms })
        }
        "adagrad" => Box::new(
            Adagrad::new(lr)
                .lr_decay(number("lr_decay"))
                .eps(number("eps"))
                .initial_accumulator(number("initial_accumulator_value"))
                .weight_decay(decay),
        ),
        "adadelta" => {
            let adadelta = Adadelta::new(lr).rho(number("rho")).eps(number("eps"));
            Box::new(adadelta.weight_decay(decay))
        }
        "adamax" => {
            let (b1, b2) = betas();
            Box::new(Adamax::new(lr).betas(b1, b2).eps(number("eps")).weight_decay(decay))
        }
        "nadam" => {
            let (b1, b2) = betas();
            let nadam = NAdam::new(lr).betas(b1, b2).eps(number("eps")).weight_decay(decay);
            Box::new(nadam.momentum_decay(number("momentum_decay")))
        }
        "radam" => {
            let (b1, b2) = betas();
            Box::new(RAdam::new(lr).betas(b1, b2).eps(number("eps")).weight_decay(decay))
        }
        "lion" => {
            let (b1, b2) = betas();
            Box::new(Lion::new(lr).betas(b1, b2).weight_decay(decay))
        }
        _ => return None,
    })
}

/// Row `t` of an array of steps.
fn at_step(all: &Array, t: usize) -> Array {
    let size: usize = all.shape[1..].iter().product();
    let values = all.values[t * size..(t + 1) * size].to_vec();
    Array { shape: all.shape[1..].to_vec(), values }
}

fn steps_agree<T: Real>(case: &Case) -> Result<(), String> {
    let mut optimizer = optimizer::<T>(case).ok_or("unknown optimizer")?;
    let mut params: Vec<Param<T>> =
        ["p0", "p1"].iter().map(|p| Param::new(tensor(case.input(p)))).collect();
    let n_steps = case.input("grad_sequence0").shape[0];
    for t in 0..n_steps {
        let mut grads = Gradients::new();
        for (i, param) in params.iter().enumerate() {
            let grad = at_step(case.input(&format!("grad_sequence{i}")), t);
            grads.set(param, &tensor(&grad)).unwrap();
        }
        optimizer.step(&mut params, &grads).unwrap();
        for (i, param) in params.iter().enumerate() {
            let expected = at_step(case.output(&format!("p{i}_after_each_step")), t);
            compare::<T>(&format!("p{i} after step {t}"), &array(param), &expected)?;
        }
    }
    Ok(())
}

fn clipping_agrees<T: Real>(case: &Case) -> Result<(), String> {
    let max = case.f64("max").unwrap();
    let clip = match case.str("kind").unwrap() {
        "norm 2" => Clip::norm(max),
        "norm 1" => Clip::Norm { max, kind: NormKind::L1 },
        "norm inf" => Clip::Norm { max, kind: NormKind::Max },
        "value" => Clip::value(max),
        kind => return Err(format!("unknown clipping {kind}")),
    };
    let inputs: Vec<Tensor<T>> = ["g0", "g1"].iter().map(|g| tensor(case.input(g))).collect();
    let params: Vec<Param<T>> =
        inputs.iter().map(|grad| Param::new(Tensor::zeros(*grad.shape()))).collect();
    let mut grads = Gradients::new();
    for (param, grad) in params.iter().zip(inputs) {
        grads.set(param, &grad).unwrap();
    }
    let norm = clip.apply(&params, &mut grads).unwrap();
    if let Some(expected) = case.get("outputs", "total_norm") {
        let got = Array { shape: expected.shape.clone(), values: vec![norm] };
        compare::<T>("total norm", &got, expected)?;
    }
    for (i, param) in params.iter().enumerate() {
        let got = array(grads.require(param).unwrap());
        compare::<T>(&format!("g{i}"), &got, case.output(&format!("g{i}")))?;
    }
    Ok(())
}

#[test]
fn optimizers_and_clipping_agree_with_the_reference() {
    let Some(cases) = Cases::open("optimizers") else { return };
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for case in cases.iter() {
        let results = if case.kind == "gradient clipping" {
            [clipping_agrees::<f32>(case), clipping_agrees::<f64>(case)]
        } else {
            [steps_agree::<f32>(case), steps_agree::<f64>(case)]
        };
        for (result, name) in results.into_iter().zip(["f32", "f64"]) {
            if let Err(error) = result {
                failures.push(format!("{case} in {name}: {error}"));
            }
        }
        rows.push((case.id.clone(), case.kind.clone(), Outcome::Passes));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(rows.len(), 30, "25 optimizer settings and 5 ways to clip");
    document("optimizers", &rows);
}
