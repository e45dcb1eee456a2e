//! Losses against PyTorch: each reduction and its gradients, f32 and f64.

use crate::common::{Outcome, array, channels_last, compare, document, inverse, permuted, tensor};
use purlin_core::{Real, Result};
use purlin_nn::losses::{
    Bce, BceWithLogits, CosineEmbedding, CrossEntropy, Ctc, GaussianNll, Hinge, HingeEmbedding,
    Huber, KlDiv, L1, MarginRanking, Mse, MultiMargin, Nll, PoissonNll, Reduction, SmoothL1,
    SoftMargin, TripletMargin,
};
use purlin_tensor::Tensor;
use purlin_testkit::reference::{Array, Case, Cases};

/// A class that the reference marks by a negative number.
const IGNORED: usize = usize::MAX;

fn classes(x: &Array) -> Vec<usize> {
    x.to_i64().into_iter().map(|t| usize::try_from(t).unwrap_or(IGNORED)).collect()
}

/// The loss of the inputs that get a gradient.
type Compute<'a, T> = Box<dyn Fn(&[Tensor<T>], Reduction) -> Result<Tensor<T>> + 'a>;

/// The name of the input that gets a gradient, and the loss of it; `None` if there is none yet.
#[allow(clippy::type_complexity, reason = "one function per case, used once")]
fn of_one<'a, T: Real>(
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
        "soft_margin" => {
            ("x", Box::new(move |x, r| SoftMargin::new().reduction(r).loss(x, &target())))
        }
        "hinge_embedding" => {
            let loss = HingeEmbedding::new(case.f64("margin")?);
            ("x", Box::new(move |x, r| loss.reduction(r).loss(x, &target())))
        }
        "poisson_nll" if is_flag("log_input") && !is_flag("full") => {
            ("x", Box::new(move |x, r| PoissonNll::new().reduction(r).loss(x, &target())))
        }
        "multi_margin" if case.f64("p") == Some(1.0) => {
            let loss = MultiMargin::new(case.f64("margin")?);
            ("x", Box::new(move |x, r| loss.reduction(r).loss(x, &classes(case.input("t")))))
        }
        "ctc" => (
            "x",
            Box::new(move |x, r| {
                let numbers = |key: &str| -> Vec<usize> {
                    let list = case.config[key].as_array().unwrap().iter();
                    list.map(|n| n.as_u64().unwrap() as usize).collect()
                };
                let labels = case.input("targets");
                let rows = labels.to_usize();
                let rows = rows.chunks(labels.shape[1]).zip(numbers("target_lengths"));
                let targets: Vec<Vec<usize>> = rows.map(|(row, n)| row[..n].to_vec()).collect();
                let loss = Ctc::new().blank(case.usize("blank").unwrap()).reduction(r);
                loss.loss(x, &targets, Some(&numbers("input_lengths")))
            }),
        ),
        _ => return None,
    })
}

/// The names of the inputs that get gradients, and the loss of them; `None` if there is none yet.
fn setup<T: Real>(case: &Case) -> Option<(Vec<&'static str>, Compute<'_, T>)> {
    let target = || tensor::<T>(case.input("t"));
    let margin = || case.f64("margin").unwrap();
    Some(match case.kind.as_str() {
        "margin_ranking" => (
            vec!["a", "b"],
            Box::new(move |x, r| {
                MarginRanking::new(margin()).reduction(r).loss(&x[0], &x[1], &target())
            }),
        ),
        "cosine_embedding" => (
            vec!["a", "b"],
            Box::new(move |x, r| {
                CosineEmbedding::new(margin()).reduction(r).loss(&x[0], &x[1], &target())
            }),
        ),
        "triplet_margin" => (
            vec!["anchor", "positive", "negative"],
            Box::new(move |x, r| {
                TripletMargin::new(margin()).reduction(r).loss(&x[0], &x[1], &x[2])
            }),
        ),
        "gaussian_nll" => (
            vec!["mean", "var"],
            Box::new(move |x, r| {
                let loss = GaussianNll::new().eps(case.f64("eps").unwrap());
                loss.reduction(r).loss(&x[0], &x[1], &target())
            }),
        ),
        _ => {
            let (name, loss) = of_one::<T>(case)?;
            (vec![name], Box::new(move |x, r| loss(&x[0], r)))
        }
    })
}

/// The order of the axes of an input here, by those there.
fn axes(case: &Case, rank: usize) -> Vec<usize> {
    match case.id.as_str() {
        // Images of logits have their classes second there, last here.
        "cross_entropy-spatial" => channels_last(rank),
        // Time comes before the batch there.
        "ctc" => vec![1, 0, 2],
        _ => (0..rank).collect(),
    }
}

/// Runs a case in one number type; `None` if nothing here computes it.
fn run<T: Real>(case: &Case) -> Option<std::result::Result<(), String>> {
    let (names, loss) = setup::<T>(case)?;
    Some((|| {
        let leaf = |name: &&str| {
            let input = case.input(name);
            let ours = permuted(input, &axes(case, input.shape.len()));
            tensor::<T>(&ours).requires_grad()
        };
        let x: Vec<Tensor<T>> = names.iter().map(leaf).collect();
        for (reduction, key) in
            [(Reduction::None, "none"), (Reduction::Mean, "mean"), (Reduction::Sum, "sum")]
        {
            let y = loss(&x, reduction).map_err(|err| err.to_string())?;
            if let Some(expected) = case.get("outputs", key) {
                compare::<T>(key, &array(&y), expected)?;
            }
            let mut grads = None;
            for (name, x) in names.iter().zip(&x) {
                let what = format!("{key}.{name}");
                let Some(expected) = case.get("grads", &what) else { continue };
                let grads = grads.get_or_insert_with(|| y.backward());
                let grad = array(grads.require(x).map_err(|err| err.to_string())?);
                let theirs = permuted(&grad, &inverse(&axes(case, grad.shape.len())));
                compare::<T>(&format!("grad {what}"), &theirs, expected)?;
            }
        }
        let compared = case.names("outputs").len() + case.names("grads").len();
        if compared == 0 { Err("nothing to compare with".to_owned()) } else { Ok(()) }
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
