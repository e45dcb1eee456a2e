//! Losses against PyTorch: each reduction and its gradients, f32 and f64.

use crate::common::{Outcome, array, channels_last, compare, document, inverse, permuted, tensor};
use purlin_core::{Real, Result};
use purlin_nn::losses::{
    Bce, BceWithLogits, CrossEntropy, Hinge, Huber, KlDiv, L1, Mse, Nll, Reduction, SmoothL1,
};
use purlin_tensor::Tensor;
use purlin_testkit::reference::{Array, Case, Cases};

/// A class that the reference marks by a negative number.
const IGNORED: usize = usize::MAX;

fn classes(x: &Array) -> Vec<usize> {
    x.to_i64().into_iter().map(|t| usize::try_from(t).unwrap_or(IGNORED)).collect()
}

/// The name of the input that gets a gradient, and the loss of it; `None` if there is none yet.
#[allow(clippy::type_complexity, reason = "one function per case, used once")]
fn setup<'a, T: Real>(
    case: &'a Case,
) -> Option<(&'static str, Box<dyn Fn(&Tensor<T>, Reduction) -> Result<Tensor<T>> + 'a>)> {
    let target = || tensor::<T>(case.input("t"));
    let weights = || case.get("inputs", "weight").map(|w| w.values.clone());
    let is_flag = |key: &str| case.bool(key) == Some(true);
    Some(match case.kind.as_str() {
        "mse" => ("x", Box::new(move |x, r| Mse::new().reduction(r).loss(x, &target()))),
        "l1" => ("x", Box::new(move |x, r| L1::new().reduction(r).loss(x, &target()))),
        "huber" => {
            let loss = Huber::new(case.f64("delta")?);
            ("x", Box::new(move |x, r| loss.reduction(r).loss(x, &target())))
        }
        "smooth_l1" => {
            let loss = SmoothL1::new(case.f64("beta")?);
            ("x", Box::new(move |x, r| loss.reduction(r).loss(x, &target())))
        }
        "bce" if is_flag("weight") => (
            "p",
            Box::new(move |x, r| {
                let weight = tensor(case.input("weight"));
                Bce::new().reduction(r).weighted_loss(x, &target(), &weight)
            }),
        ),
        "bce" => ("p", Box::new(move |x, r| Bce::new().reduction(r).loss(x, &target()))),
        "bce_with_logits" => (
            "x",
            Box::new(move |x, r| {
                let mut loss = BceWithLogits::new().reduction(r);
                if is_flag("pos_weight") {
                    loss = loss.pos_weight(case.input("pos_weight").values.clone());
                }
                loss.loss(x, &target())
            }),
        ),
        "cross_entropy" if case.str("targets") == Some("probabilities") => {
            ("x", Box::new(move |x, r| CrossEntropy::new().reduction(r).soft_loss(x, &target())))
        }
        "cross_entropy" => (
            "x",
            Box::new(move |x, r| {
                let mut loss = CrossEntropy::new().reduction(r);
                if let Some(weights) = weights() {
                    loss = loss.weight(weights);
                }
                if let Some(smoothing) = case.f64("label_smoothing") {
                    loss = loss.label_smoothing(smoothing);
                }
                if let Some(index) = case.f64("ignore_index") {
                    loss = loss.ignore_index(if index < 0.0 { IGNORED } else { index as usize });
                }
                loss.loss(x, &classes(case.input("t")))
            }),
        ),
        "nll" => (
            "logp",
            Box::new(move |x, r| {
                let mut loss = Nll::new().reduction(r);
                if let Some(weights) = weights() {
                    loss = loss.weight(weights);
                }
                if let Some(index) = case.usize("ignore_index") {
                    loss = loss.ignore_index(index);
                }
                loss.loss(x, &classes(case.input("t")))
            }),
        ),
        "kl_div" => {
            let loss = if is_flag("log_target") { KlDiv::new().log_target() } else { KlDiv::new() };
            ("logp", Box::new(move |x, r| loss.reduction(r).loss(x, &target())))
        }
        "hinge" => ("x", Box::new(move |x, r| Hinge::new().reduction(r).loss(x, &target()))),
        "squared_hinge" => {
            ("x", Box::new(move |x, r| Hinge::new().squared().reduction(r).loss(x, &target())))
        }
        _ => return None,
    })
}

/// Runs a case in one number type; `None` if nothing here computes it.
fn run<T: Real>(case: &Case) -> Option<std::result::Result<(), String>> {
    let (name, loss) = setup::<T>(case)?;
    Some((|| {
        // Images of logits have their classes second there, last here.
        let input = case.input(name);
        let is_image = case.id == "cross_entropy-spatial";
        let axes = channels_last(input.shape.len());
        let ours = if is_image { permuted(input, &axes) } else { input.clone() };
        let x = tensor::<T>(&ours).requires_grad();
        for (reduction, key) in
            [(Reduction::None, "none"), (Reduction::Mean, "mean"), (Reduction::Sum, "sum")]
        {
            let y = loss(&x, reduction).map_err(|err| err.to_string())?;
            compare::<T>(key, &array(&y), case.output(key))?;
            if reduction == Reduction::None {
                continue;
            }
            let grads = y.backward();
            let grad = array(grads.require(&x).map_err(|err| err.to_string())?);
            let theirs = if is_image { permuted(&grad, &inverse(&axes)) } else { grad };
            let what = format!("{key}.{name}");
            compare::<T>(&format!("grad {what}"), &theirs, case.grad(&what))?;
        }
        Ok(())
    })())
}

#[test]
fn every_loss_that_exists_agrees_with_the_reference() {
    let Some(cases) = Cases::open("losses") else { return };
    let (mut table, mut failures) = (Vec::new(), Vec::new());
    for case in cases.iter() {
        let outcomes = [run::<f32>(case).map(|r| ("f32", r)), run::<f64>(case).map(|r| ("f64", r))];
        let outcome = if outcomes[0].is_none() { Outcome::Later } else { Outcome::Passes };
        for (real, result) in outcomes.into_iter().flatten() {
            if let Err(text) = result {
                failures.push(format!("{} {real}: {text}", case.id));
            }
        }
        table.push((case.id.clone(), case.kind.clone(), outcome));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    document("losses", &table);
}
