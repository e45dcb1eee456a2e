//! Every learning rate of the reference schedules.
use purlin_nn::metrics::Goal;
use purlin_nn::schedule::{
    Anneal, Constant, Cosine, CosineRestarts, Cyclic, CyclicMode, ExponentialDecay, FnSchedule,
    Linear, MultiStepDecay, Noam, OneCycle, Polynomial, ReduceOnPlateau, Schedule, Sequence,
    StepDecay, Threshold, WarmupCosine,
};
use purlin_testkit::reference::{Case, Cases};
use serde_json::Value;

/// Double precision, a few operations; the reference multiplies its rates along step by step.
const TOL: f64 = 1e-12;

fn numbers(case: &Case, key: &str) -> Option<Vec<f64>> {
    let list = case.json[key].as_array()?;
    Some(list.iter().map(|x| x.as_f64().unwrap()).collect())
}

fn named(kind: &str, lr: f64, config: &Value) -> Option<Box<dyn Schedule>> {
    let number = |key: &str, default: f64| config[key].as_f64().unwrap_or(default);
    let count = |key: &str| config[key].as_u64().unwrap();
    let list = |key: &str| -> Vec<u64> {
        config[key].as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect()
    };
    Some(match kind {
        "StepLR" => Box::new(StepDecay::new(lr, count("step_size"), number("gamma", 0.1))),
        "MultiStepLR" => {
            Box::new(MultiStepDecay::new(lr, &list("milestones"), number("gamma", 0.1)))
        }
        "ExponentialLR" => Box::new(ExponentialDecay::new(lr, number("gamma", 0.1))),
        "CosineAnnealingLR" => {
            Box::new(Cosine::new(lr, count("T_max")).floor(number("eta_min", 0.0)).periodic())
        }
        "CosineAnnealingWarmRestarts" => Box::new(
            CosineRestarts::new(lr, count("T_0"))
                .factor(config["T_mult"].as_u64().unwrap_or(1))
                .floor(number("eta_min", 0.0)),
        ),
        "OneCycleLR" => {
            let schedule = OneCycle::new(number("max_lr", 0.0), count("total_steps"))
                .pct_start(number("pct_start", 0.3))
                .anneal(match config["anneal_strategy"].as_str() {
                    Some("linear") => Anneal::Linear,
                    _ => Anneal::Cosine,
                });
            match config["three_phase"].as_bool() {
                Some(true) => Box::new(schedule.three_phase()),
                _ => Box::new(schedule),
            }
        }
        "LinearLR" => Box::new(Linear::new(
            lr,
            number("start_factor", 1.0 / 3.0),
            number("end_factor", 1.0),
            count("total_iters"),
        )),
        "ConstantLR" => {
            Box::new(Constant::new(lr).held_down(number("factor", 1.0 / 3.0), count("total_iters")))
        }
        "PolynomialLR" => Box::new(Polynomial::new(lr, count("total_iters"), number("power", 1.0))),
        "CyclicLR" => {
            let up = count("step_size_up");
            let down = config["step_size_down"].as_u64().unwrap_or(up);
            let mode = match config["mode"].as_str() {
                Some("triangular2") => CyclicMode::Triangular2,
                _ => CyclicMode::Triangular,
            };
            let (low, high) = (number("base_lr", 0.0), number("max_lr", 0.0));
            Box::new(Cyclic::new(low, high, up, down).mode(mode))
        }
        "noam" => Box::new(Noam::new(lr, count("d_model"), count("warmup"))),
        "warmup-cosine" => Box::new(
            WarmupCosine::new(lr, count("warmup"), count("total")).floor(number("floor", 0.0)),
        ),
        "lambda-warmup" => {
            let (warmup, decay) = (number("warmup", 0.0), number("decay", 0.0));
            Box::new(FnSchedule::new(move |t| {
                lr * ((t + 1) as f64 / warmup).min(1.0) * decay.powi(t as i32)
            }))
        }
        _ => return None,
    })
}

/// The linear and the cosine part of the only sequence there is.
fn sequence(lr: f64, config: &Value) -> Sequence {
    let (parts, at) = (&config["parts"], config["milestones"][0].as_u64().unwrap());
    assert_eq!((&parts[0][0], &parts[1][0]), (&"LinearLR".into(), &"CosineAnnealingLR".into()));
    let (first, second) = (&parts[0][1], &parts[1][1]);
    let start = first["start_factor"].as_f64().unwrap();
    let linear = Linear::new(lr, start, 1.0, first["total_iters"].as_u64().unwrap());
    Sequence::new(linear).then(at, Cosine::new(lr, second["T_max"].as_u64().unwrap()).periodic())
}

fn plateau(case: &Case, config: &Value) -> ReduceOnPlateau {
    let number = |key: &str, default: f64| config[key].as_f64().unwrap_or(default);
    let goal = if case.str("mode") == Some("max") { Goal::Maximize } else { Goal::Minimize };
    let threshold = number("threshold", 1e-4);
    ReduceOnPlateau::new(goal)
        .factor(number("factor", 0.1))
        .patience(config["patience"].as_u64().unwrap_or(10))
        .cooldown(config["cooldown"].as_u64().unwrap_or(0))
        .min_lr(number("min_lr", 0.0))
        .threshold(match case.str("threshold_mode") {
            Some("abs") => Threshold::Absolute(threshold),
            _ => Threshold::Relative(threshold),
        })
}

fn close(case: &Case, step: usize, got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= TOL * expected.abs() + 1e-16,
        "{case}: step {step}: expected {expected:e}, got {got:e}"
    );
}

fn agrees(case: &Case) {
    let lr = case.json["base_lr"].as_f64().unwrap();
    let expected = numbers(case, "lr_in_effect_at_step").unwrap();
    if case.kind == "ReduceLROnPlateau" {
        let mut plateau = plateau(case, &case.config);
        plateau.check().unwrap();
        let (mut lr, metrics) = (lr, numbers(case, "metric_given_after_step").unwrap());
        for (step, (&expected, &metric)) in expected.iter().zip(&metrics).enumerate() {
            close(case, step, lr, expected);
            lr = plateau.observe(metric, lr);
        }
        return;
    }
    let schedule = match case.kind.as_str() {
        "sequential" => Box::new(sequence(lr, &case.config)),
        kind => named(kind, lr, &case.config).unwrap_or_else(|| panic!("{case}: unknown kind")),
    };
    schedule.check().unwrap();
    for (step, &expected) in expected.iter().enumerate() {
        close(case, step, schedule.lr(step as u64), expected);
    }
    for (step, expected) in numbers(case, "momentum_in_effect_at_step").iter().flatten().enumerate()
    {
        close(case, step, schedule.momentum(step as u64).unwrap(), *expected);
    }
}

#[test]
fn all_schedules_agree_with_the_reference() {
    let Some(cases) = Cases::open("schedulers") else { return };
    let n = cases.iter().inspect(|case| agrees(case)).count();
    assert_eq!(n, 20, "the reference has 20 schedules");
}
