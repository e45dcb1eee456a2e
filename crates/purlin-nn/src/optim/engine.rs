//! The walk that all optimizers share: groups, state per parameter, errors before changes.

use super::check::check_step;
use super::{Optimizer, OptimizerState, ParamGroup, ParamState};
use crate::{Module, Param};
use purlin_core::simd::Lanes;
use purlin_core::{Error, Real, Result};
use purlin_tensor::{Gradients, Tensor};
use std::collections::BTreeMap;
use std::fmt;

/// Settings and state that every optimizer has.
///
/// An optimizer of your own holds one of these and implements [`UpdateRule`].
#[derive(Clone)]
pub struct Settings<T: Real = f32> {
    pub(super) lr: f64,
    initial_lr: f64,
    weight_decay: f64,
    maximize: bool,
    pub(super) allow_missing: bool,
    pub(super) groups: Vec<ParamGroup>,
    pub(super) groups_are_checked: bool,
    pub(super) entries: BTreeMap<String, Entry<T>>,
}

/// State of one parameter.
#[derive(Debug, Clone)]
pub(super) struct Entry<T: Real> {
    pub(super) steps: u64,
    pub(super) slots: Vec<Tensor<T>>,
}

/// The options without the state: what [`Optimizer::describe`] is made from.
impl<T: Real> fmt::Debug for Settings<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("lr", &self.lr)
            .field("weight_decay", &self.weight_decay)
            .field("maximize", &self.maximize)
            .field("allow_missing", &self.allow_missing)
            .field("groups", &self.groups)
            .finish_non_exhaustive()
    }
}

impl<T: Real> Settings<T> {
    /// A learning rate, no weight decay, no groups.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            initial_lr: lr,
            weight_decay: 0.0,
            maximize: false,
            allow_missing: false,
            groups: Vec::new(),
            groups_are_checked: false,
            entries: BTreeMap::new(),
        }
    }

    /// Sets the weight decay of parameters whose group has none of its own.
    pub fn set_weight_decay(&mut self, weight_decay: f64) {
        self.weight_decay = weight_decay;
    }

    /// Makes steps go up the gradient.
    pub fn set_maximize(&mut self, maximize: bool) {
        self.maximize = maximize;
    }

    /// Leaves parameters without a gradient alone instead of refusing the step.
    pub fn set_allow_missing(&mut self, allow_missing: bool) {
        self.allow_missing = allow_missing;
    }

    /// Adds a group; see [`ParamGroup`].
    pub fn add_group(&mut self, group: ParamGroup) {
        self.groups.push(group);
    }

    pub(super) fn check(&self, op: &'static str) -> Result<()> {
        for (name, value) in [("lr", self.lr), ("weight_decay", self.weight_decay)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::param(op, name, "finite and at least 0", value));
            }
        }
        self.groups.iter().try_for_each(|group| group.check(op, self.initial_lr))
    }

    fn group_of(&self, name: &str, param: &Param<T>) -> Option<&ParamGroup> {
        self.groups.iter().find(|group| group.selects(name, param.shape()))
    }
}

/// What a rule is told besides the numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateArgs {
    /// The learning rate of this parameter.
    pub lr: f64,
    /// Its weight decay.
    pub weight_decay: f64,
    /// 1, or -1 to go up the gradient; the gradient is multiplied with it.
    pub sign: f64,
    /// Which step of this parameter it is, from 1.
    pub step: u64,
    /// Whether the state was made for this step and still holds its initial values.
    pub is_fresh: bool,
}

/// An optimizer that treats each number of a parameter by itself: it implements [`Optimizer`].
///
/// # Examples
///
/// Gradient descent by the sign alone:
///
/// ```
/// use purlin_backend::elementwise::{UpdateOp, update};
/// use purlin_core::{Real, Result, simd::Lanes};
/// use purlin_nn::optim::{Settings, UpdateArgs, UpdateRule};
/// use purlin_tensor::Tensor;
///
/// #[derive(Debug)]
/// struct SignSgd {
///     settings: Settings,
/// }
///
/// #[derive(Clone, Copy)]
/// struct Op {
///     lr: f64,
/// }
///
/// impl UpdateOp<1, 1> for Op {
///     #[inline(always)]
///     fn eval<V: Lanes>(self, [p]: [V; 1], [g]: [V; 1]) -> [V; 1] {
///         let zero = V::splat_f64(0.0);
///         [p - V::select(g.eq(zero), zero, V::splat_f64(self.lr).copysign(g))]
///     }
/// }
///
/// impl UpdateRule for SignSgd {
///     fn name(&self) -> &'static str {
///         "sign-sgd"
///     }
///     fn settings(&self) -> &Settings {
///         &self.settings
///     }
///     fn settings_mut(&mut self) -> &mut Settings {
///         &mut self.settings
///     }
///     fn check(&self) -> Result<()> {
///         Ok(())
///     }
///     fn slots(&self) -> Vec<(&'static str, f64)> {
///         Vec::new()
///     }
///     fn update(&self, args: &UpdateArgs, param: &mut [f32], grad: &[f32], _: &mut [Tensor]) {
///         update(Op { lr: args.lr * args.sign }, [param], [grad]);
///     }
/// }
/// let rule = SignSgd { settings: Settings::new(0.5) };
/// let mut param = [1.0, 1.0];
/// let args = UpdateArgs { lr: 0.5, weight_decay: 0.0, sign: 1.0, step: 1, is_fresh: true };
/// rule.update(&args, &mut param, &[0.1, -7.0], &mut []);
/// assert_eq!(param, [0.5, 1.5]);
/// ```
///
/// Its `Debug` text names the options; [`Optimizer::describe`] hands it out, and a checkpoint is
/// resumed only by an optimizer that describes itself alike.
pub trait UpdateRule<T: Real = f32>: Send + fmt::Debug {
    /// The name that errors and saved state carry.
    fn name(&self) -> &'static str;

    /// Shared settings and state.
    fn settings(&self) -> &Settings<T>;

    /// As [`UpdateRule::settings`], to change.
    fn settings_mut(&mut self) -> &mut Settings<T>;

    /// Whether the rule's own parameters keep their rules.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] naming the parameter, the rule and the value.
    fn check(&self) -> Result<()>;

    /// Name and initial value of each number that is remembered per number of a parameter.
    fn slots(&self) -> Vec<(&'static str, f64)>;

    /// Updates one parameter in place. `state` holds one tensor per slot, as long as `param`.
    fn update(&self, args: &UpdateArgs, param: &mut [T], grad: &[T], state: &mut [Tensor<T>]);

    /// The momentum, if there is one.
    fn momentum(&self) -> Option<f64> {
        None
    }

    /// Sets the momentum, if there is one.
    fn set_momentum(&mut self, momentum: f64) {
        let _ = momentum;
    }
}

/// The state of a rule as slices.
///
/// # Panics
///
/// When there are not exactly `N` slots.
#[track_caller]
pub fn slots<T: Real, const N: usize>(state: &mut [Tensor<T>]) -> [&mut [T]; N] {
    let n = state.len();
    let Ok(state) = <&mut [Tensor<T>; N]>::try_from(state) else {
        panic!("optimizer: expected {N} slots, got {n}");
    };
    state.each_mut().map(Tensor::data_mut)
}

/// Zero where a lane is subnormal.
///
/// Moments of unused weights decay until they are subnormal, and arithmetic on subnormal numbers
/// is done in microcode: a training that was fast for 700 steps becomes several times slower.
#[inline(always)]
pub fn flush_subnormal<V: Lanes>(x: V) -> V {
    V::select(x.abs().lt(V::splat(V::Scalar::MIN_POSITIVE)), V::splat(V::Scalar::ZERO), x)
}

impl<T: Real, R: UpdateRule<T>> Optimizer<T> for R {
    fn step(&mut self, model: &mut dyn Module<T>, grads: &Gradients<T>) -> Result<()> {
        check_step(self, model, grads)?;
        self.settings_mut().groups_are_checked = true;
        // Taken out so that the rule can be asked while its state is written.
        let mut entries = std::mem::take(&mut self.settings_mut().entries);
        let names = self.slots();
        model.for_each_param_mut(&mut |name, param| {
            let Some(grad) = grads.get(param).filter(|_| param.is_trainable()) else { return };
            if !entries.contains_key(name) {
                entries.insert(name.to_owned(), Entry { steps: 0, slots: Vec::new() });
            }
            let Some(entry) = entries.get_mut(name) else { return };
            let is_fresh = entry.slots.len() < names.len();
            for &(_, initial) in &names[entry.slots.len().min(names.len())..] {
                entry.slots.push(Tensor::full(*param.shape(), T::from_f64(initial)));
            }
            entry.steps += 1;
            let settings = self.settings();
            let group = settings.group_of(name, param);
            let args = UpdateArgs {
                lr: settings.lr * group.map_or(1.0, |group| group.scale(settings.initial_lr)),
                weight_decay: group.and_then(ParamGroup::decay).unwrap_or(settings.weight_decay),
                sign: if settings.maximize { -1.0 } else { 1.0 },
                step: entry.steps,
                is_fresh,
            };
            self.update(&args, param.data_mut(), grad.data(), &mut entry.slots);
        });
        self.settings_mut().entries = entries;
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.settings().lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.settings_mut().lr = lr;
    }

    fn momentum(&self) -> Option<f64> {
        UpdateRule::momentum(self)
    }

    fn set_momentum(&mut self, momentum: f64) {
        UpdateRule::set_momentum(self, momentum);
    }

    fn describe(&self) -> String {
        format!("{self:?}")
    }

    fn state(&self) -> OptimizerState<T> {
        let names = self.slots();
        let param = |(name, entry): (&String, &Entry<T>)| {
            let named = names.iter().zip(&entry.slots);
            ParamState {
                name: name.clone(),
                steps: entry.steps,
                slots: named.map(|((slot, _), x)| ((*slot).to_owned(), x.clone())).collect(),
            }
        };
        OptimizerState {
            kind: self.name().to_owned(),
            lr: self.settings().lr,
            momentum: UpdateRule::momentum(self),
            params: self.settings().entries.iter().map(param).collect(),
        }
    }

    fn load_state(&mut self, state: OptimizerState<T>) -> Result<()> {
        let (op, expected) = (self.name(), self.slots());
        if state.kind != op {
            let rule = format!("the state of {op}");
            return Err(Error::param(op, "state", rule, format!("that of {}", state.kind)));
        }
        let mut entries = BTreeMap::new();
        for ParamState { name, steps, slots } in state.params {
            let fits = slots.len() == expected.len()
                && slots.iter().zip(&expected).all(|((got, _), (want, _))| got == want);
            if !fits {
                let got: Vec<String> = slots.into_iter().map(|(slot, _)| slot).collect();
                let want: Vec<&str> = expected.iter().map(|(slot, _)| *slot).collect();
                let rule = format!("{want:?} for each parameter, as its options ask");
                return Err(Error::param(op, "state", rule, format!("{got:?} for {name}")));
            }
            let slots = slots.into_iter().map(|(_, x)| x.detach()).collect();
            entries.insert(name, Entry { steps, slots });
        }
        let settings = self.settings_mut();
        (settings.lr, settings.entries) = (state.lr, entries);
        if let Some(momentum) = state.momentum {
            UpdateRule::set_momentum(self, momentum);
        }
        Ok(())
    }
}

/// The options that every optimizer of this crate has.
macro_rules! common_options {
    () => {
        /// Gives some parameters their own learning rate or weight decay; the first group that
        /// selects a parameter counts.
        #[must_use]
        pub fn group(mut self, group: crate::optim::ParamGroup) -> Self {
            self.settings.add_group(group);
            self
        }

        /// Goes up the gradient instead of down.
        #[must_use]
        pub fn maximize(mut self) -> Self {
            self.settings.set_maximize(true);
            self
        }

        /// Leaves trainable parameters without a gradient as they are instead of refusing the
        /// step.
        #[must_use]
        pub fn allow_missing_gradients(mut self) -> Self {
            self.settings.set_allow_missing(true);
            self
        }
    };
}

/// The four functions of [`UpdateRule`] that only hand out fields.
macro_rules! rule_fields {
    ($name:literal) => {
        fn name(&self) -> &'static str {
            $name
        }
        fn settings(&self) -> &crate::optim::Settings<T> {
            &self.settings
        }
        fn settings_mut(&mut self) -> &mut crate::optim::Settings<T> {
            &mut self.settings
        }
    };
}

pub(crate) use {common_options, rule_fields};
