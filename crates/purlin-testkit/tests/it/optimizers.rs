//! The laws of optimizers and schedules hold for ours, and broken ones are caught.
#![cfg(feature = "nn")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin_core::Result;
use purlin_nn::Module;
use purlin_nn::optim::{Adam, AdamW, Optimizer, OptimizerState, ParamGroup, Sgd};
use purlin_nn::schedule::{Constant, FnSchedule, OneCycle, Schedule, Sequence};
use purlin_tensor::Gradients;
use purlin_testkit::{OptimizerCheck, check_optimizer, check_schedule};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn ours_obey_the_laws_of_optimizers() {
    check_optimizer(|| Sgd::<f64>::new(0.1).group(ParamGroup::vectors().lr_scale(0.5)));
    OptimizerCheck::new().seed(3).n_steps(20).run(|| Adam::<f32>::new(0.01));
    OptimizerCheck::new().decays_weights().run(|| AdamW::<f64>::new(0.1));
}

/// Adam that goes wrong on request.
struct Broken {
    adam: Adam<f64>,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Climbs,
    Drifts,
    ForgetsLr,
    SkipsMissing,
    ChangesBeforeItRefuses,
    HidesNan,
    MindsOrder,
    Forgets,
    TakesAnyState,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        let adam = Adam::new(0.1);
        let adam = if fault == Fault::Climbs { adam.maximize() } else { adam };
        let adam = if fault == Fault::SkipsMissing { adam.allow_missing_gradients() } else { adam };
        Self { adam, fault }
    }
}

impl Optimizer<f64> for Broken {
    fn step(&mut self, model: &mut dyn Module<f64>, grads: &Gradients<f64>) -> Result<()> {
        let mut grads = grads.clone();
        match self.fault {
            Fault::ForgetsLr => self.adam.set_lr(0.1),
            Fault::HidesNan => grads.iter_mut().for_each(|grad| {
                grad.data_mut().iter_mut().filter(|g| g.is_nan()).for_each(|g| *g = 0.0);
            }),
            Fault::MindsOrder => {
                let mut factor = 1.0;
                model.for_each_param(&mut |_, param| {
                    let grad = grads.get_mut(param).map(|grad| grad.data_mut());
                    grad.into_iter().flatten().for_each(|g| *g *= factor);
                    factor += 1.0;
                });
            }
            _ => {}
        }
        let result = self.adam.step(model, &grads);
        let drifts = self.fault == Fault::Drifts
            || self.fault == Fault::ChangesBeforeItRefuses && result.is_err();
        if drifts {
            model.for_each_param_mut(&mut |_, param| {
                param.data_mut().iter_mut().for_each(|p| *p -= 1e-9);
            });
        }
        result
    }

    fn lr(&self) -> f64 {
        self.adam.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.adam.set_lr(lr);
    }

    fn momentum(&self) -> Option<f64> {
        Optimizer::momentum(&self.adam)
    }

    fn set_momentum(&mut self, momentum: f64) {
        Optimizer::set_momentum(&mut self.adam, momentum);
    }

    fn state(&self) -> OptimizerState<f64> {
        self.adam.state()
    }

    fn load_state(&mut self, mut state: OptimizerState<f64>) -> Result<()> {
        match self.fault {
            Fault::Forgets => state.params.clear(),
            Fault::TakesAnyState => state.kind = String::from("adam"),
            _ => {}
        }
        self.adam.load_state(state)
    }
}

/// The text of the panic that `f` ends with.
fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a law is broken");
    let text = payload.downcast_ref::<String>().cloned();
    text.unwrap_or_else(|| payload.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn a_broken_optimizer_is_caught_by_the_law_it_breaks() {
    check_optimizer(|| Broken::new(Fault::None));
    for (fault, law) in [
        (Fault::Climbs, "50 steps go down a bowl"),
        (Fault::Drifts, "a gradient of zeros moves nothing"),
        (Fault::ForgetsLr, "a learning rate of 0 moves nothing"),
        (Fault::SkipsMissing, "a missing gradient is refused"),
        (Fault::ChangesBeforeItRefuses, "a step that is refused changes neither"),
        (Fault::HidesNan, "NaN in a gradient is an error or NaN in that number"),
        (Fault::MindsOrder, "the order of the parameters does not matter"),
        (Fault::Forgets, "state that is loaded is the state that was saved"),
        (Fault::TakesAnyState, "the state of another optimizer is an InvalidParam"),
    ] {
        let text = panic_text(|| check_optimizer(move || Broken::new(fault)));
        assert!(text.contains(law), "{fault:?}: expected {law}, got {text}");
    }
    let text = panic_text(|| check_optimizer(|| Sgd::<f32>::new(0.1).weight_decay(0.1)));
    assert!(text.contains("a gradient of zeros moves nothing"), "{text}");
}

#[test]
fn ours_obey_the_laws_of_schedules_and_broken_ones_are_caught() {
    let warm = Sequence::new(OneCycle::new(0.1, 20)).then(20, Constant::new(0.01));
    check_schedule(&warm, 0..30);
    let calls = AtomicU64::new(0);
    let counts = FnSchedule::new(move |_| calls.fetch_add(1, Ordering::Relaxed) as f64);
    let negative = FnSchedule::new(|step| 2.0 - step as f64);
    let broken: [(&dyn Schedule, &str); 3] = [
        (&Constant::new(-1.0), "constant: lr must be finite and at least 0, got -1"),
        (&negative, "finite and at least 0, got -1 at step 3"),
        (&counts, "a pure function of the step"),
    ];
    for (schedule, law) in broken {
        let text = panic_text(|| check_schedule(schedule, 0..10));
        assert!(text.contains(law), "expected {law}, got {text}");
    }
}
