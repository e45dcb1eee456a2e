//! What a module holds: parameters, which training changes through gradients, and buffers, which
//! the forward pass changes.

use purlin_core::{Error, Real, Result};
use purlin_tensor::Tensor;
use std::fmt;
use std::ops::Deref;
use std::sync::{PoisonError, RwLock};

/// A tensor that training changes: a leaf of the graph while it is trainable.
///
/// It dereferences to its tensor, so `&layer.weight` serves as an operand and as the key of its
/// gradient. A clone has the same values and is a leaf of its own.
///
/// # Examples
///
/// ```
/// use purlin_nn::Param;
/// use purlin_tensor::Tensor;
///
/// let mut weight = Param::new(Tensor::from([1.0, 2.0]));
/// let grads = (&*weight * &*weight).sum().backward();
/// let grad = grads.require(&weight)?;
/// for (w, g) in weight.data_mut().iter_mut().zip(grad.data()) {
///     *w -= 0.25 * g;
/// }
/// assert_eq!(weight.to_vec(), [0.5, 1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub struct Param<T: Real = f32> {
    value: Tensor<T>,
    trainable: bool,
}

impl<T: Real> Param<T> {
    /// A trainable parameter with these values.
    pub fn new(value: Tensor<T>) -> Self {
        Self { value: value.requires_grad(), trainable: true }
    }

    /// The tensor: a leaf if the parameter is trainable, untracked if it is frozen.
    pub fn tensor(&self) -> &Tensor<T> {
        &self.value
    }

    /// Whether training may change it.
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Freezes (`false`) or unfreezes it. A frozen parameter builds no graph and has no
    /// gradient.
    pub fn set_trainable(&mut self, trainable: bool) {
        if trainable != self.trainable {
            self.trainable = trainable;
            self.value = self.leaf(self.value.detach());
        }
    }

    /// Replaces the values.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shape differs.
    pub fn set(&mut self, value: &Tensor<T>) -> Result<()> {
        if value.shape() != self.value.shape() {
            return Err(Error::shape(
                "param",
                format!("values of shape {}", self.value.shape()),
                value.shape(),
            ));
        }
        self.value = self.leaf(value.detach());
        Ok(())
    }

    /// The values, to change in place, as an optimizer does. Storage that a clone or a snapshot
    /// shares is copied first; the gradients of an earlier pass stay those of this parameter.
    pub fn data_mut(&mut self) -> &mut [T] {
        self.value.data_mut()
    }

    fn leaf(&self, value: Tensor<T>) -> Tensor<T> {
        if self.trainable { value.requires_grad() } else { value }
    }
}

impl<T: Real> Deref for Param<T> {
    type Target = Tensor<T>;
    fn deref(&self) -> &Tensor<T> {
        &self.value
    }
}

impl<T: Real> Clone for Param<T> {
    fn clone(&self) -> Self {
        Self { value: self.leaf(self.value.detach()), trainable: self.trainable }
    }
}

impl<T: Real> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.trainable { "" } else { ", frozen" };
        write!(f, "Param<{}>({}{state})", T::NAME, self.value.shape())
    }
}

/// A tensor that the forward pass keeps, such as a running mean: saved with the model, not
/// trained.
///
/// Layers are shared while they compute, so a buffer is replaced through `&self`; a lock guards
/// it. Two threads that train the same layer at once would make its statistics depend on their
/// order: give each a clone.
///
/// # Examples
///
/// ```
/// use purlin_nn::Buffer;
/// use purlin_tensor::Tensor;
///
/// let mut mean = Buffer::new(Tensor::zeros([2]));
/// mean.replace(Tensor::from([1.0, 2.0]));
/// mean.set_frozen(true);
/// mean.replace(Tensor::from([9.0, 9.0])); // no effect: it is frozen
/// assert_eq!(mean.get().to_vec(), [1.0, 2.0]);
/// ```
pub struct Buffer<T: Real = f32> {
    value: RwLock<Tensor<T>>,
    frozen: bool,
}

impl<T: Real> Buffer<T> {
    /// A buffer that follows the data.
    #[allow(clippy::needless_pass_by_value, reason = "it takes its values over")]
    pub fn new(value: Tensor<T>) -> Self {
        Self { value: RwLock::new(value.detach()), frozen: false }
    }

    /// The current values; they share storage and stay what they are when the buffer moves on.
    pub fn get(&self) -> Tensor<T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a forward pass does with new statistics; a frozen buffer stays as it is.
    ///
    /// # Panics
    ///
    /// When the shape differs.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "it takes its values over")]
    pub fn replace(&self, value: Tensor<T>) {
        if self.frozen {
            return;
        }
        let mut current = self.value.write().unwrap_or_else(PoisonError::into_inner);
        assert!(
            current.shape() == value.shape(),
            "buffer: expected values of shape {}, got {}",
            current.shape(),
            value.shape()
        );
        *current = value.detach();
    }

    /// Replaces the values, frozen or not, as loading does.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the shape differs.
    pub fn set(&mut self, value: &Tensor<T>) -> Result<()> {
        let current = self.value.get_mut().unwrap_or_else(PoisonError::into_inner);
        if value.shape() != current.shape() {
            return Err(Error::shape(
                "buffer",
                format!("values of shape {}", current.shape()),
                value.shape(),
            ));
        }
        *current = value.detach();
        Ok(())
    }

    /// Whether forward passes leave it as it is.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Freezes it, or lets it follow the data again.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }
}

impl<T: Real> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self { value: RwLock::new(self.get()), frozen: self.frozen }
    }
}

impl<T: Real> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.frozen { ", frozen" } else { "" };
        write!(f, "Buffer<{}>({}{state})", T::NAME, self.get().shape())
    }
}
