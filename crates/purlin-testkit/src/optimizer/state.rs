//! The laws of what an optimizer remembers.

use super::params::Params;
use super::{Build, OptimizerCheck, law, refusal};
use crate::Bits;
use purlin_core::{Error, Real, Shape};
use purlin_nn::optim::{Optimizer, OptimizerState, ParamState};

impl OptimizerCheck {
    #[track_caller]
    pub(super) fn check_state<T: Real>(&self, build: Build<'_, T>) {
        let (mut whole, mut model) = (build(), self.model::<T>());
        law(whole.state().params.is_empty(), "a new one remembers nothing");
        self.train(&mut *whole, &mut model, 0..4);
        let (lr, momentum) = (whole.lr() * 0.5, whole.momentum().map(|m| m * 0.5));
        whole.set_lr(lr);
        if let Some(momentum) = momentum {
            whole.set_momentum(momentum);
        }
        let (state, mut resumed) = (whole.state(), model.clone());
        law(
            (state.lr, state.momentum) == (lr, momentum)
                && (whole.lr(), whole.momentum()) == (lr, momentum),
            "learning rate and momentum are what was set, and remembered",
        );
        let names: Vec<&str> = state.params.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(
            names,
            ["bias", "nothing", "scale", "weight"],
            "law of optimizers: one entry per parameter, sorted by name"
        );
        for param in &state.params {
            let shape = *model.param(&param.name).shape();
            let fits = param.steps == 4 && param.slots.iter().all(|(_, x)| *x.shape() == shape);
            assert!(
                fits,
                "law of optimizers: state counts 4 steps and has the shape of its parameter, \
                 got {param:?}"
            );
        }

        let snapshot = state_words(&state);
        self.train(&mut *whole, &mut model, 4..8);
        law(state_words(&state) == snapshot, "state is a snapshot");
        let mut other = build();
        let stranger = OptimizerState { kind: format!("not {}", state.kind), ..state.clone() };
        let err = other.load_state(stranger);
        assert!(
            matches!(err, Err(Error::InvalidParam { .. })),
            "law of optimizers: the state of another optimizer is an InvalidParam, got {err:?}"
        );
        load(&mut *other, state);
        law(
            state_words(&other.state()) == snapshot,
            "state that is loaded is the state that was saved",
        );
        self.train(&mut *other, &mut resumed, 4..8);
        law(
            resumed.to_words() == model.to_words()
                && state_words(&other.state()) == state_words(&whole.state()),
            "saved, loaded and gone on, the same bits as without the break",
        );
    }

    #[track_caller]
    pub(super) fn check_shapes<T: Real>(&self, build: Build<'_, T>) {
        let (mut optimizer, mut model) = (build(), self.model());
        self.train(&mut *optimizer, &mut model, 0..1);
        let state = optimizer.state();
        if state.params.iter().all(|param| param.slots.is_empty()) {
            return; // nothing that could misfit
        }
        let mut other = Params::new(self.seed, &[("weight", Shape::from([5, 3]))]);
        let (before, grads) = (other.to_words(), self.gradients(&other, 0));
        let mut restored = build();
        load(&mut *restored, state);
        let err = refusal(&mut *restored, &mut other, &grads, "state of another shape");
        assert!(
            matches!(err, Error::Shape { .. }) && other.to_words() == before,
            "law of optimizers: state of another shape is a Shape error, and nothing has \
             changed, got {err}"
        );
    }
}

pub(super) fn state_words<T: Real>(state: &OptimizerState<T>) -> Vec<u64> {
    let param = |param: &ParamState<T>| (param.name.clone(), param.steps, param.slots.clone());
    let params: Vec<_> = state.params.iter().map(param).collect();
    (state.kind.clone(), state.lr, state.momentum, params).to_words()
}

#[track_caller]
fn load<T: Real>(optimizer: &mut dyn Optimizer<T>, state: OptimizerState<T>) {
    let result = optimizer.load_state(state);
    result.unwrap_or_else(|err| panic!("law of optimizers: its own state is loaded: {err}"));
}
