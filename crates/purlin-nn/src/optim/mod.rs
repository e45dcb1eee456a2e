//! Optimizers: what turns gradients into better weights.
//!
//! | optimizer | state per number | source |
//! |---|---|---|
//! | [`Sgd`] | none, or a velocity | Robbins & Monro 1951; Polyak 1964; Nesterov 1983 |
//! | [`Adam`], [`AdamW`] | two moments (AMSGrad: three) | Kingma & Ba 2015; Loshchilov & Hutter 2019 |
//! | [`RmsProp`] | one moment (centered: two; momentum: one more) | Tieleman & Hinton 2012 |
//! | [`Adagrad`] | a sum of squares | Duchi, Hazan & Singer 2011 |
//! | [`Adadelta`] | two moments | Zeiler 2012 |
//! | [`Adamax`] | a moment and a maximum | Kingma & Ba 2015 |
//! | [`NAdam`], [`RAdam`] | two moments | Dozat 2016; Liu et al. 2020 |
//! | [`Lion`] | one moment | Chen et al. 2023 |
//!
//! The defaults are those of PyTorch. A step reads every number once and writes it once, in
//! parallel, in place. State keeps no subnormal numbers: they become zero, because arithmetic on
//! them is many times slower and moments of unused weights decay into them. Scalars such as bias
//! corrections are computed in double precision with the `libm` crate, so a step has the same bits
//! everywhere.
//!
//! A trainable parameter without a gradient, or with one that holds NaN or an infinity, is an error
//! that names it, raised before any parameter has changed; frozen parameters are skipped. [`ParamGroup`] gives some parameters their own
//! learning rate or weight decay, [`clip`] bounds the gradients.
//!
//! # Examples
//!
//! ```
//! use purlin_nn::optim::{Optimizer, ParamGroup, Sgd};
//! use purlin_nn::{Module, Param};
//! use purlin_tensor::Tensor;
//!
//! #[derive(Module)]
//! struct Line {
//!     slope: Param,
//!     offset: Param,
//! }
//!
//! let mut line = Line { slope: Param::new(Tensor::scalar(0.0)), offset: Param::new(Tensor::scalar(0.0)) };
//! let mut optimizer = Sgd::new(0.1).momentum(0.9).group(ParamGroup::matching(["offset"]).lr_scale(2.0));
//! let (x, y) = (Tensor::from([0.0, 1.0, 2.0]), Tensor::from([1.0, 3.0, 5.0]));
//! for _ in 0..200 {
//!     let error = &x * &*line.slope + &*line.offset - &y;
//!     let grads = (&error * &error).mean().backward();
//!     optimizer.step(&mut line, &grads)?;
//! }
//! assert!((line.slope.item() - 2.0).abs() < 1e-3 && (line.offset.item() - 1.0).abs() < 1e-3);
//! # Ok::<(), purlin_core::Error>(())
//! ```

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod check;
pub mod clip;
mod engine;
mod group;
mod lion;
mod nadam;
mod radam;
mod rmsprop;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use adamax::Adamax;
pub use clip::Clip;
pub use engine::{Settings, UpdateArgs, UpdateRule, flush_subnormal, slots};
pub use group::ParamGroup;
pub(crate) use group::fits;
pub use lion::Lion;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use crate::Module;
use purlin_core::{Real, Result};
use purlin_tensor::{Gradients, Tensor};

/// Changes the parameters of a model by their gradients.
///
/// Parameters are known by their names; their order does not matter. The laws are
/// `purlin_testkit::check_optimizer`: among them, NaN in a gradient is not hidden. The optimizers of
/// this crate refuse it by the name of its parameter, before anything has changed.
pub trait Optimizer<T: Real = f32>: Send {
    /// Takes one step.
    ///
    /// # Errors
    ///
    /// [`purlin_core::Error::InvalidParam`] when an option breaks its rule, a trainable parameter
    /// has no gradient, or a group matches no parameter; [`purlin_core::Error::Diverged`] when a
    /// gradient holds NaN or an infinity (the step is the number of steps that its parameter has
    /// taken); [`purlin_core::Error::Shape`] when a gradient or restored state does not fit its
    /// parameter. No parameter has changed then.
    fn step(&mut self, model: &mut dyn Module<T>, grads: &Gradients<T>) -> Result<()>;

    /// The learning rate of the next step.
    fn lr(&self) -> f64;

    /// Sets the learning rate; groups follow in proportion.
    fn set_lr(&mut self, lr: f64);

    /// The momentum (for the Adam family `beta1`) of the next step, if there is such a thing.
    fn momentum(&self) -> Option<f64>;

    /// Sets the momentum, where there is one.
    fn set_momentum(&mut self, momentum: f64);

    /// Its options as text, state apart: a run is resumed only with an optimizer that describes
    /// itself as the one that began.
    ///
    /// ```
    /// use purlin_nn::optim::{Optimizer, Sgd};
    ///
    /// let (plain, heavy): (Sgd, Sgd) = (Sgd::new(0.1), Sgd::new(0.1).momentum(0.9));
    /// assert_eq!(plain.describe(), Sgd::<f32>::new(0.1).describe());
    /// assert_ne!(plain.describe(), heavy.describe());
    /// ```
    fn describe(&self) -> String {
        self.state().kind
    }

    /// All that it remembers; tensors share storage until the next step.
    fn state(&self) -> OptimizerState<T>;

    /// Goes on from what was remembered: the next step has the same bits as without the break.
    ///
    /// # Errors
    ///
    /// [`purlin_core::Error::InvalidParam`] when the state is of another optimizer.
    fn load_state(&mut self, state: OptimizerState<T>) -> Result<()>;
}

/// What an optimizer remembers between steps.
#[derive(Debug, Clone)]
pub struct OptimizerState<T: Real = f32> {
    /// The optimizer's name: `"adam"`.
    pub kind: String,
    /// Its learning rate.
    pub lr: f64,
    /// Its momentum, if it has one.
    pub momentum: Option<f64>,
    /// One entry per parameter that has taken a step, sorted by name.
    pub params: Vec<ParamState<T>>,
}

/// What an optimizer remembers about one parameter.
#[derive(Debug, Clone)]
pub struct ParamState<T: Real = f32> {
    /// The parameter's dotted name.
    pub name: String,
    /// How many steps it has taken.
    pub steps: u64,
    /// Tensors of the parameter's shape, by the name of what they hold.
    pub slots: Vec<(String, Tensor<T>)>,
}
