//! Variances and standard deviations.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::or_panic;
use crate::ops::power::root_of_squares;
use crate::ops::reduce::rows_over;
use purlin_backend::{Buffer, reduce};
use purlin_core::{Real, Shape};

/// The variance along an axis with mean `m` over `n` elements, so `dy/dx = 2 (x - m) / n`.
struct VarBackward<T: Real> {
    axis: usize,
    x: Tensor<T>,
    mean: Tensor<T>,
}

impl<T: Real> Backward<T> for VarBackward<T> {
    fn name(&self) -> &'static str {
        "var"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let axis = self.axis.cast_signed();
        if flow.is_graph() {
            compose(&grad, flow, &[(0, &self.x)], |v| {
                let centred = &v[0] - v[0].mean_axis(axis, true);
                centred.square().mean_axis(axis, true).reshape(grad.shape())
            });
            return;
        }
        let n = self.x.dims()[self.axis] as f64;
        let scaled = grad.mul_scalar(2.0 / n).reshape(self.mean.shape());
        flow.send(0, (&self.x - &self.mean) * scaled);
    }
}

impl<T: Real> Tensor<T> {
    /// The population variance along `axis` (the mean of the squared deviations: the divisor is
    /// the size, not one less), computed in two passes.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 3.0]]).var_axis(1, false).data(), [1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn var_axis(&self, axis: isize, keepdim: bool) -> Self {
        let axis = or_panic(self.shape().axis("var", axis));
        assert!(
            self.dims()[axis] > 0,
            "var: expected at least 1 element along axis {axis}, got shape {}",
            self.shape()
        );
        corrected("var", self, &[axis.cast_signed()], 0, keepdim)
    }

    /// The variance along several axes with the divisor `n - correction`: 0 for the population
    /// (NumPy's default), 1 for an unbiased estimate from a sample (PyTorch's).
    ///
    /// # Panics
    ///
    /// When an axis is out of range or named twice, or there are not more than `correction`
    /// elements along the axes.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0], [5.0, 7.0]]);
    /// assert_eq!(x.var_axes(&[1], 1, false).data(), [2.0, 2.0]);
    /// assert_eq!(x.var_axes(&[0, 1], 0, false).item(), 5.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn var_axes(&self, axes: &[isize], correction: usize, keepdim: bool) -> Self {
        corrected("var", self, axes, correction, keepdim)
    }

    /// The variance of all elements, of rank 0; see [`Tensor::var_axes`].
    ///
    /// # Panics
    ///
    /// When there are not more than `correction` elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 3.0]).var(1).item(), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn var(&self, correction: usize) -> Self {
        corrected("var", self, &all_axes(self), correction, false)
    }

    /// The standard deviation along `axis`, the root of [`Tensor::var_axis`]. Where all elements
    /// are equal its derivative is 0.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or empty.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1.0f32, 5.0]]).std_axis(1, false).data(), [2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn std_axis(&self, axis: isize, keepdim: bool) -> Self {
        root_of_squares(&corrected("std", self, &[axis], 0, keepdim))
    }

    /// The standard deviation along several axes, the root of [`Tensor::var_axes`]. Where all
    /// elements are equal its derivative is 0.
    ///
    /// # Panics
    ///
    /// As [`Tensor::var_axes`].
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [5.0, 1.0]]);
    /// assert_eq!(x.std_axes(&[0, 1], 0, true).dims(), [1, 1]);
    /// assert_eq!(x.std_axes(&[0, 1], 0, true).item(), 2.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn std_axes(&self, axes: &[isize], correction: usize, keepdim: bool) -> Self {
        root_of_squares(&corrected("std", self, axes, correction, keepdim))
    }

    /// The standard deviation of all elements, of rank 0; see [`Tensor::std_axes`].
    ///
    /// # Panics
    ///
    /// When there are not more than `correction` elements.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 3.0, 5.0]).std(1).item(), 2.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn std(&self, correction: usize) -> Self {
        root_of_squares(&corrected("std", self, &all_axes(self), correction, false))
    }
}

fn all_axes<T: Real>(x: &Tensor<T>) -> Vec<isize> {
    (0..x.rank()).map(usize::cast_signed).collect()
}

#[track_caller]
fn corrected<T: Real>(
    op: &'static str,
    x: &Tensor<T>,
    axes: &[isize],
    correction: usize,
    keepdim: bool,
) -> Tensor<T> {
    let (laid_out, axis, shape) = if let [axis] = axes {
        let axis = or_panic(x.shape().axis(op, *axis));
        (x.clone(), axis, if keepdim { x.shape().with(axis, 1) } else { x.shape().without(axis) })
    } else {
        let (rows, shape) = rows_over(op, x, axes, keepdim);
        (rows, 1, shape)
    };
    let n = laid_out.dims()[axis];
    assert!(
        n > correction,
        "{op}: expected more than {correction} elements along {axes:?} of shape {}, got {n}",
        x.shape()
    );
    let var = population(&laid_out, axis, shape);
    if correction == 0 { var } else { var.mul_scalar(n as f64 / (n - correction) as f64) }
}

/// The mean of the squared deviations along an axis that is not empty, as a tensor of `shape`.
#[track_caller]
fn population<T: Real>(x: &Tensor<T>, axis: usize, shape: Shape) -> Tensor<T> {
    let (outer, size, inner) = x.shape().around(axis);
    let (mut mean, mut var) = (Buffer::scratch(outer * inner), Buffer::scratch(outer * inner));
    reduce::mean_var_axis(x.data(), outer, size, inner, &mut mean, &mut var);
    Tensor::new(shape, var).record(Edges::of(&[x]), "var", |_| VarBackward {
        axis,
        x: x.detach(),
        mean: Tensor::new(x.shape().with(axis, 1), mean),
    })
}
