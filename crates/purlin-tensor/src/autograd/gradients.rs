//! The result of a backward pass.

use crate::Tensor;
use purlin_core::{Error, Real, Result};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The derivative of a loss with respect to each leaf it was made from, found by the leaf.
///
/// Kept in the order in which the leaves were made, so that a sum over all gradients (a norm,
/// say) has the same bits every time.
///
/// # Examples
///
/// ```
/// use purlin_tensor::Tensor;
///
/// let w = Tensor::from([3.0f32]).requires_grad();
/// let unused = Tensor::from([1.0f32]).requires_grad();
/// let grads = (&w * &w).sum().backward();
/// assert_eq!(grads.require(&w)?.data(), [6.0]);
/// assert!(grads.get(&unused).is_none());
/// assert!(grads.require(&unused).is_err());
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Gradients<T: Real = f32> {
    by_id: BTreeMap<u64, Tensor<T>>,
}

impl<T: Real> Gradients<T> {
    /// No gradients: the start of an accumulation.
    pub fn new() -> Self {
        Self { by_id: BTreeMap::new() }
    }

    pub(crate) fn insert_id(&mut self, id: u64, grad: Tensor<T>) {
        self.by_id.insert(id, grad);
    }

    /// The gradient of `leaf`, of its shape; `None` where the loss does not depend on it.
    pub fn get(&self, leaf: &Tensor<T>) -> Option<&Tensor<T>> {
        self.by_id.get(&leaf.node()?.id())
    }

    /// The gradient of `leaf`, to change in place.
    pub fn get_mut(&mut self, leaf: &Tensor<T>) -> Option<&mut Tensor<T>> {
        self.by_id.get_mut(&leaf.node()?.id())
    }

    /// Takes the gradient of `leaf` out.
    pub fn take(&mut self, leaf: &Tensor<T>) -> Option<Tensor<T>> {
        self.by_id.remove(&leaf.node()?.id())
    }

    /// The gradient of `leaf`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when there is none: the loss does not depend on the leaf, or it
    /// was made inside `no_grad`. A missing gradient is never a silent zero.
    pub fn require(&self, leaf: &Tensor<T>) -> Result<&Tensor<T>> {
        self.get(leaf).ok_or_else(|| {
            let state =
                if leaf.is_leaf() { "a leaf without gradient" } else { "a tensor that is no leaf" };
            Error::param(
                "gradients",
                "leaf",
                "used by the loss",
                format!("{state} of shape {}", leaf.shape()),
            )
        })
    }

    /// Sets the gradient of `leaf`, and returns the one it replaces.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when `leaf` is not tracked, [`Error::Shape`] when the shapes differ.
    pub fn set(&mut self, leaf: &Tensor<T>, grad: &Tensor<T>) -> Result<Option<Tensor<T>>> {
        let Some(node) = leaf.node() else {
            return Err(Error::param(
                "gradients",
                "leaf",
                "tracked",
                "a tensor without requires_grad",
            ));
        };
        if leaf.shape() != grad.shape() {
            return Err(Error::shape("gradients", leaf.shape(), grad.shape()));
        }
        Ok(self.by_id.insert(node.id(), grad.detach()))
    }

    /// Adds the gradients of another pass, in place where storage is not shared: accumulation
    /// over several batches.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::{Gradients, Tensor};
    ///
    /// let w = Tensor::from([1.0f32]).requires_grad();
    /// let mut grads = Gradients::new();
    /// for scale in [1.0, 10.0] {
    ///     grads.accumulate((&w * scale).sum().backward());
    /// }
    /// assert_eq!(grads.require(&w)?.data(), [11.0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn accumulate(&mut self, other: Self) {
        for (id, grad) in other.by_id {
            match self.by_id.entry(id) {
                Entry::Vacant(slot) => {
                    slot.insert(grad);
                }
                Entry::Occupied(mut slot) => {
                    let sum = std::mem::replace(slot.get_mut(), Tensor::empty());
                    slot.insert(sum + grad);
                }
            }
        }
    }

    /// Multiplies every gradient by `factor`.
    pub fn scale(&mut self, factor: T) {
        for grad in self.by_id.values_mut() {
            let before = std::mem::replace(grad, Tensor::empty());
            *grad = before * factor;
        }
    }

    /// The gradients, in the order in which their leaves were made.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor<T>> {
        self.by_id.values()
    }

    /// The gradients, to change in place, in the order in which their leaves were made.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tensor<T>> {
        self.by_id.values_mut()
    }

    /// The number of leaves with a gradient.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether no leaf has a gradient.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
