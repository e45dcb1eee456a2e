//! The laws of optimizers.

mod params;
mod state;

use self::params::Params;
use self::state::state_words;
use crate::{Bits, check_same_bits_again, check_same_bits_on_all_isas, check_same_bits_on_threads};
use purlin_backend::parallel::THRESHOLD;
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Shape};
use purlin_nn::optim::Optimizer;
use purlin_tensor::{Gradients, Tensor};
use std::ops::Range;

/// Which laws an optimizer is held to; [`check_optimizer`] with its defaults.
///
/// On a model with a matrix, a vector, a scalar and an empty parameter:
///
/// 1. on a bowl, `sum(p^2)`, the loss falls; a step moves every parameter;
/// 2. a gradient of zeros moves nothing from the beginning, and neither does a learning rate of 0
///    at any time (with [`OptimizerCheck::decays_weights`]: zeros stay zeros);
/// 3. a trainable parameter without a gradient is an error that names it, a learning rate or a
///    momentum of NaN is one too, and so is remembered state of another shape: nothing has changed
///    then, neither parameters nor state;
/// 4. a frozen parameter needs no gradient, is not moved, and nothing is remembered about it;
/// 5. NaN in a gradient is not hidden: it is an error, or NaN in that number of the parameter;
/// 6. the order of the parameters does not matter;
/// 7. what it remembers is a snapshot, sorted by name; loaded into a new optimizer, learning rate
///    and momentum among it, it goes on with the same bits; another optimizer's is refused;
/// 8. the bits are the same again, on all instruction sets and on any number of threads.
///
/// # Examples
///
/// ```
/// use purlin_nn::optim::AdamW;
/// use purlin_testkit::OptimizerCheck;
///
/// OptimizerCheck::new().decays_weights().run(|| AdamW::<f32>::new(0.1).weight_decay(0.5));
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until `run` is called"]
pub struct OptimizerCheck {
    seed: u64,
    n_steps: u64,
    decays_weights: bool,
}

/// Holds an optimizer to all laws of [`OptimizerCheck`].
///
/// # Panics
///
/// When a law is broken; the text names the law.
///
/// # Examples
///
/// ```
/// use purlin_nn::optim::Adam;
/// use purlin_testkit::check_optimizer;
///
/// check_optimizer(|| Adam::<f64>::new(0.1));
/// ```
#[track_caller]
pub fn check_optimizer<T: Real, O: Optimizer<T> + 'static>(build: impl Fn() -> O + Sync) {
    OptimizerCheck::new().run(build);
}

impl Default for OptimizerCheck {
    fn default() -> Self {
        Self::new()
    }
}

/// Compiled once per number type, not once per optimizer.
type Build<'a, T> = &'a (dyn Fn() -> Box<dyn Optimizer<T>> + Sync);

impl OptimizerCheck {
    /// All laws, for an optimizer without weight decay.
    pub fn new() -> Self {
        Self { seed: 0, n_steps: 50, decays_weights: false }
    }

    /// The seed of the parameters and the gradients.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many steps it takes down the bowl (50 by default).
    pub fn n_steps(mut self, n_steps: u64) -> Self {
        self.n_steps = n_steps;
        self
    }

    /// A gradient of zeros moves weights that are not zero.
    pub fn decays_weights(mut self) -> Self {
        self.decays_weights = true;
        self
    }

    /// Checks all laws on optimizers made by `build`, which go down the gradient and refuse a
    /// missing one.
    ///
    /// # Panics
    ///
    /// When a law is broken; the text names the law.
    #[track_caller]
    pub fn run<T: Real, O: Optimizer<T> + 'static>(&self, build: impl Fn() -> O + Sync) {
        let build: Build<'_, T> = &|| Box::new(build());
        self.check_descent(build);
        self.check_rest(build);
        self.check_refusals(build);
        self.check_frozen(build);
        self.check_nan(build);
        self.check_order(build);
        self.check_state(build);
        self.check_shapes(build);
        self.check_bits(build);
    }

    #[track_caller]
    fn check_descent<T: Real>(&self, build: Build<'_, T>) {
        let (mut optimizer, mut model) = (build(), self.model());
        let before = model.clone();
        self.train(&mut *optimizer, &mut model, 0..1);
        for ((name, old), (_, new)) in before.0.iter().zip(&model.0) {
            let moved = old.numel() == 0 || old.to_words() != new.to_words();
            assert!(moved, "law of optimizers: a step moves every parameter, not {name}");
        }
        let (mut optimizer, mut model) = (build(), before);
        let loss = |model: &Params<T>| -> f64 {
            let numbers = model.0.iter().flat_map(|(_, param)| param.to_vec());
            numbers.map(|p| p.to_f64() * p.to_f64()).sum()
        };
        let start = loss(&model);
        for _ in 0..self.n_steps {
            let grads = model.gradients(|_, param| param.detach() * T::from_f64(2.0));
            step(&mut *optimizer, &mut model, &grads);
        }
        let (end, n) = (loss(&model), self.n_steps);
        assert!(
            end < start,
            "law of optimizers: {n} steps go down a bowl, got a loss of {end:e} from {start:e}"
        );
    }

    #[track_caller]
    fn check_rest<T: Real>(&self, build: Build<'_, T>) {
        let mut model = self.model();
        if self.decays_weights {
            model.0.iter_mut().for_each(|(_, param)| param.data_mut().fill(T::ZERO));
        }
        let (mut optimizer, before) = (build(), model.to_words());
        for _ in 0..3 {
            let grads = model.gradients(|_, param| param.zeros_like());
            step(&mut *optimizer, &mut model, &grads);
        }
        law(model.to_words() == before, "a gradient of zeros moves nothing from the beginning");
        let mut model = self.model();
        self.train(&mut *optimizer, &mut model, 0..3);
        let (lr, before) = (optimizer.lr(), model.to_words());
        optimizer.set_lr(0.0);
        self.train(&mut *optimizer, &mut model, 3..5);
        law(model.to_words() == before, "a learning rate of 0 moves nothing");
        optimizer.set_lr(lr);
        law(optimizer.lr().to_bits() == lr.to_bits(), "lr gives what set_lr set");
    }

    #[track_caller]
    fn check_refusals<T: Real>(&self, build: Build<'_, T>) {
        let (mut optimizer, mut model) = (build(), self.model());
        self.train(&mut *optimizer, &mut model, 0..2);
        let (lr, momentum) = (optimizer.lr(), optimizer.momentum());
        let (weights, state) = (model.to_words(), state_words(&optimizer.state()));
        let whole = self.gradients(&model, 2);
        for missing in ["weight", "bias", "scale", "nothing"] {
            let mut grads = whole.clone();
            grads.take(model.param(missing));
            let err = refusal(&mut *optimizer, &mut model, &grads, "a missing gradient");
            let is_named =
                matches!(err, Error::InvalidParam { .. }) && err.to_string().contains(missing);
            assert!(
                is_named,
                "law of optimizers: a missing gradient is an InvalidParam that names its \
                 parameter {missing}, got {err}"
            );
        }
        optimizer.set_lr(f64::NAN);
        refusal(&mut *optimizer, &mut model, &whole, "a learning rate of NaN");
        optimizer.set_lr(lr);
        if let Some(momentum) = momentum {
            optimizer.set_momentum(f64::NAN);
            refusal(&mut *optimizer, &mut model, &whole, "a momentum of NaN");
            optimizer.set_momentum(momentum);
        }
        law(
            model.to_words() == weights && state_words(&optimizer.state()) == state,
            "a step that is refused changes neither parameters nor state",
        );
    }

    #[track_caller]
    fn check_frozen<T: Real>(&self, build: Build<'_, T>) {
        let (mut optimizer, mut model) = (build(), self.model::<T>());
        for (name, param) in &mut model.0 {
            param.set_trainable(*name != "bias");
        }
        let before = model.param("bias").to_words();
        self.train(&mut *optimizer, &mut model, 0..3);
        law(model.param("bias").to_words() == before, "a frozen parameter is not moved");
        let state = optimizer.state();
        law(
            state.params.iter().all(|param| param.name != "bias"),
            "nothing is remembered about a frozen parameter",
        );
    }

    #[track_caller]
    fn check_nan<T: Real>(&self, build: Build<'_, T>) {
        let (mut optimizer, mut model) = (build(), self.model::<T>());
        let mut grads = self.gradients(&model, 0);
        let place = 4;
        if let Some(grad) = grads.get_mut(model.param("weight")) {
            grad.data_mut()[place] = T::from_f64(f64::NAN);
        }
        let is_refused = optimizer.step(&mut model, &grads).is_err();
        let got = model.param("weight").data()[place];
        assert!(
            is_refused || got.is_nan(),
            "law of optimizers: NaN in a gradient is an error or NaN in that number, got {got}"
        );
    }

    #[track_caller]
    fn check_order<T: Real>(&self, build: Build<'_, T>) {
        let run = |is_reversed: bool| {
            let (mut optimizer, mut model) = (build(), self.model());
            if is_reversed {
                model.0.reverse();
            }
            self.train(&mut *optimizer, &mut model, 0..4);
            model.0.sort_by_key(|(name, _)| *name);
            (model.to_words(), state_words(&optimizer.state()))
        };
        law(run(false) == run(true), "the order of the parameters does not matter");
    }

    #[track_caller]
    fn check_bits<T: Real>(&self, build: Build<'_, T>) {
        // Several blocks, above the threshold for threads, and no multiple of anything.
        let n = THRESHOLD / 4 + 7;
        let start = Params::new(self.seed, &[("large", Shape::from([n])), ("small", [3].into())]);
        let stream = Stream::new(self.seed, "optimizer check large gradient");
        let drawn: Vec<Tensor<T>> =
            (0..3).map(|i| Tensor::normal([n], 0.0, 1.0, &stream.child_at(i))).collect();
        let run = || {
            let (mut optimizer, mut model) = (build(), start.clone());
            for numbers in &drawn {
                let grads = model.gradients(|_, param| numbers.slice(0, ..param.numel()));
                step(&mut *optimizer, &mut model, &grads);
            }
            (model.to_words(), state_words(&optimizer.state()))
        };
        check_same_bits_again(run);
        check_same_bits_on_all_isas(run);
        check_same_bits_on_threads(run);
    }

    fn model<T: Real>(&self) -> Params<T> {
        let shapes = [
            ("weight", Shape::from([3, 5])),
            ("bias", Shape::from([7])),
            ("scale", Shape::SCALAR),
            ("nothing", Shape::from([0, 2])),
        ];
        Params::new(self.seed, &shapes)
    }

    /// Standard normal gradients of the trainable parameters.
    fn gradients<T: Real>(&self, model: &Params<T>, step: u64) -> Gradients<T> {
        let stream = Stream::new(self.seed, "optimizer check gradient").child_at(step);
        model.gradients(|name, param| Tensor::normal(*param.shape(), 0.0, 1.0, &stream.child(name)))
    }

    #[track_caller]
    fn train<T: Real>(
        &self,
        optimizer: &mut dyn Optimizer<T>,
        model: &mut Params<T>,
        steps: Range<u64>,
    ) {
        for i in steps {
            let grads = self.gradients(model, i);
            step(optimizer, model, &grads);
        }
    }
}

#[track_caller]
fn step<T: Real>(optimizer: &mut dyn Optimizer<T>, model: &mut Params<T>, grads: &Gradients<T>) {
    let result = optimizer.step(model, grads);
    result.unwrap_or_else(|err| panic!("law of optimizers: a step is taken: {err}"));
}

#[track_caller]
fn law(holds: bool, text: &str) {
    assert!(holds, "law of optimizers: {text}");
}

#[track_caller]
fn refusal<T: Real>(
    optimizer: &mut dyn Optimizer<T>,
    model: &mut Params<T>,
    grads: &Gradients<T>,
    what: &str,
) -> Error {
    let Err(err) = optimizer.step(model, grads) else {
        panic!("law of optimizers: {what} is refused")
    };
    err
}
