//! A moving average of the weights.

use super::{Callback, CallbackState, RunInfo, bad_state};
use crate::Module;
use crate::weights::{load_state_dict, state_dict};
use purlin_backend::elementwise::{UpdateOp, update};
use purlin_core::simd::Lanes;
use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;

/// The exponential moving average of parameters and buffers over the steps of a training.
///
/// ```text
/// average = d average + (1 - d) weight,    d = min(decay, (1 + t) / (10 + t))
/// ```
///
/// where `t` counts the updates so far; the first takes the weights as they are. So a short run
/// does not remember its beginning, and a long one averages over some `1 / (1 - decay)` steps.
/// Running statistics are averaged like weights, which keeps them those of the averaged network.
///
/// As a callback it follows every step of the optimizer and leaves the model alone: hand over a
/// `&mut` and [`apply`](Self::apply) the average after training, to the model or to another one of
/// its kind. A checkpoint holds it.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_nn::callbacks::Ema;
/// use purlin_tensor::Tensor;
///
/// let mut weight = Param::new(Tensor::from([1.0f32]));
/// let mut ema = Ema::new(0.75);
/// ema.update(&weight)?; // t = 0
/// weight.data_mut()[0] = 12.0;
/// ema.update(&weight)?; // t = 1: d = 2 / 11
/// ema.apply(&mut weight)?;
/// assert_eq!(weight.to_vec(), [10.0]); // 2 / 11 * 1 + 9 / 11 * 12
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - B. T. Polyak, A. B. Juditsky, *Acceleration of stochastic approximation by averaging*, SIAM
///   J. Control Optim. 30(4), 1992.
/// - Y. Yazıcı et al., *The unusual effectiveness of averaging in GAN training*, ICLR 2019.
#[derive(Debug, Clone)]
pub struct Ema<T: Real = f32> {
    decay: f64,
    n_updates: u64,
    weights: Vec<(String, Tensor<T>)>,
}

impl<T: Real> Ema<T> {
    /// With this decay, in `[0, 1)`: 0.999 is usual.
    pub fn new(decay: f64) -> Self {
        Self { decay, n_updates: 0, weights: Vec::new() }
    }

    /// The decay it was made with.
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// How often it has been updated.
    pub fn n_updates(&self) -> u64 {
        self.n_updates
    }

    /// The averages by name; nothing before the first update.
    pub fn weights(&self) -> &[(String, Tensor<T>)] {
        &self.weights
    }

    /// Takes the weights of a step into the average.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when the decay is not in `[0, 1)`, [`Error::Shape`] when the model is
    /// another one than before.
    pub fn update(&mut self, model: &(impl Module<T> + ?Sized)) -> Result<()> {
        self.check()?;
        let current = state_dict(model);
        if self.n_updates == 0 {
            self.weights = current;
        } else {
            self.check_same(&current)?;
            let t = self.n_updates as f64;
            let share = 1.0 - self.decay.min((1.0 + t) / (10.0 + t));
            for ((_, average), (_, weight)) in self.weights.iter_mut().zip(&current) {
                update(Follow { share }, [average.data_mut()], [weight.data()]);
            }
        }
        self.n_updates += 1;
        Ok(())
    }

    pub(crate) fn check(&self) -> Result<()> {
        if (0.0..1.0).contains(&self.decay) {
            Ok(())
        } else {
            Err(Error::param("ema", "decay", "in [0, 1)", self.decay))
        }
    }

    fn check_same(&self, current: &[(String, Tensor<T>)]) -> Result<()> {
        let list = |state: &[(String, Tensor<T>)]| {
            // A model that is one parameter has no name for it.
            let words = state.iter().map(|(name, x)| format!("{name} {}", x.shape()));
            words.map(|word| word.trim_start().to_owned()).collect::<Vec<_>>().join(", ")
        };
        let own = self.weights.iter().map(|(name, x)| (name, x.shape()));
        if own.eq(current.iter().map(|(name, x)| (name, x.shape()))) {
            Ok(())
        } else {
            Err(Error::shape("ema", format!("weights {}", list(&self.weights)), list(current)))
        }
    }

    /// Gives a model the averaged weights and buffers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] before the first update, and when the model is another one.
    pub fn apply(&self, model: &mut (impl Module<T> + ?Sized)) -> Result<()> {
        if self.n_updates == 0 {
            return Err(Error::param("ema", "updates", "at least 1", 0));
        }
        load_state_dict(model, &self.weights)
    }

    /// Forgets what it has seen.
    pub fn reset(&mut self) {
        self.n_updates = 0;
        self.weights.clear();
    }
}

/// `average + share (weight - average)`.
#[derive(Clone, Copy)]
struct Follow {
    share: f64,
}

impl UpdateOp<1, 1> for Follow {
    const COST: usize = 2;
    #[inline(always)]
    fn eval<V: Lanes>(self, [average]: [V; 1], [weight]: [V; 1]) -> [V; 1] {
        [V::splat_f64(self.share).mul_add(weight - average, average)]
    }
}

impl<T: Real> Callback<T> for Ema<T> {
    fn name(&self) -> String {
        format!("ema.{}", self.decay)
    }

    fn on_train_begin(&mut self, run: &RunInfo) -> Result<()> {
        if run.is_fresh() {
            self.reset();
        }
        self.check()
    }

    fn on_step(&mut self, model: &dyn Module<T>) -> Result<()> {
        self.update(model)
    }

    fn state(&self) -> Option<CallbackState<T>> {
        let record = serde_json::to_string(&self.n_updates).ok()?;
        Some(CallbackState { record, tensors: self.weights.clone() })
    }

    fn load_state(&mut self, state: CallbackState<T>) -> Result<()> {
        self.n_updates = serde_json::from_str(&state.record).map_err(|e| bad_state("ema", &e))?;
        self.weights = state.tensors;
        Ok(())
    }
}
