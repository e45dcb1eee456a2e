//! What is checked before a step: options, gradients, shapes. Nothing has changed then.

use super::engine::{Settings, UpdateRule};
use crate::{Module, Param};
use purlin_backend::reduce;
use purlin_core::{Error, Real, Result};
use purlin_tensor::{Gradients, Tensor};

/// Everything that can be wrong with a step, before anything is changed.
pub(super) fn check_step<T: Real>(
    rule: &(impl UpdateRule<T> + ?Sized),
    model: &dyn Module<T>,
    grads: &Gradients<T>,
) -> Result<()> {
    let (op, settings) = (rule.name(), rule.settings());
    settings.check(op)?;
    rule.check()?;
    let mut result = Ok(());
    let mut is_used = vec![settings.groups_are_checked; settings.groups.len()];
    model.for_each_param(&mut |name, param| {
        for (group, is_used) in settings.groups.iter().zip(&mut is_used) {
            *is_used = *is_used || group.selects(name, param.shape());
        }
        if result.is_ok() && param.is_trainable() {
            result = check_param(op, settings, name, param, grads.get(param));
        }
    });
    result?;
    match settings.groups.iter().zip(is_used).find(|(_, is_used)| !is_used) {
        Some((group, _)) => {
            let rule = "such that each selects a parameter";
            Err(Error::param(op, "groups", rule, format!("none for {}", group.describe())))
        }
        None => Ok(()),
    }
}

fn check_param<T: Real>(
    op: &'static str,
    settings: &Settings<T>,
    name: &str,
    param: &Param<T>,
    grad: Option<&Tensor<T>>,
) -> Result<()> {
    let shape = param.shape();
    match grad {
        None if settings.allow_missing => return Ok(()),
        None => {
            let rule = "there for every trainable parameter";
            return Err(Error::param(op, "gradient", rule, format!("none for {name}")));
        }
        Some(grad) if grad.shape() != shape => {
            let expected = format!("a gradient of shape {shape} for {name}");
            return Err(Error::shape(op, expected, grad.shape()));
        }
        Some(grad) => {
            let step = settings.entries.get(name).map_or(0, |entry| entry.steps);
            check_gradient(op, step, name, grad.data())?;
        }
    }
    let Some(entry) = settings.entries.get(name) else { return Ok(()) };
    match entry.slots.iter().find(|slot| slot.shape() != shape) {
        Some(slot) => {
            Err(Error::shape(op, format!("state of shape {shape} for {name}"), slot.shape()))
        }
        None => Ok(()),
    }
}

/// A sum is finite only if everything in it is, so one pass over the gradient at the speed of the
/// memory answers for nearly all; where a sum of finite numbers overflows, each is looked at.
fn check_gradient<T: Real>(op: &'static str, step: u64, name: &str, grad: &[T]) -> Result<()> {
    if reduce::sum(grad).is_finite() {
        return Ok(());
    }
    match grad.iter().find(|g| !g.is_finite()) {
        None => Ok(()),
        Some(g) => {
            // A model that is one parameter has no name for it.
            let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
            let what = format!("gradient{of}");
            Err(Error::Diverged { op, step, what, value: g.to_f64() })
        }
    }
}

/// `value` must lie in `[0, 1)`.
pub(super) fn check_unit(op: &'static str, param: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(Error::param(op, param, "in [0, 1)", value))
    }
}

/// `value` must be finite and at least 0.
pub(super) fn check_not_negative(op: &'static str, param: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::param(op, param, "finite and at least 0", value))
    }
}

/// `value` must be finite and above 0.
pub(super) fn check_positive(op: &'static str, param: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(Error::param(op, param, "finite and greater than 0", value))
    }
}
