//! Axes in another order.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_backend::{Buffer, layout};
use purlin_core::{Real, Shape};

/// `y` is `x` with its axes permuted, so `grad_x` is `grad_y` permuted back.
struct PermuteBackward {
    inverse: Vec<usize>,
}

impl<T: Real> Backward<T> for PermuteBackward {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, permute(&grad, &self.inverse));
    }
}

fn permute<T: Real>(x: &Tensor<T>, axes: &[usize]) -> Tensor<T> {
    let dims: Vec<usize> = axes.iter().map(|&axis| x.dims()[axis]).collect();
    let mut out = Buffer::scratch(x.numel());
    layout::permute(x.data(), x.shape(), axes, &mut out);
    Tensor::new(Shape::new(&dims), out).record(Edges::of(&[x]), "permute", |_| {
        let mut inverse = vec![0; axes.len()];
        for (to, &from) in axes.iter().enumerate() {
            inverse[from] = to;
        }
        PermuteBackward { inverse }
    })
}

impl<T: Real> Tensor<T> {
    /// The axes in the order `axes`: axis `i` of the result is axis `axes[i]` of `self`. Copies.
    ///
    /// # Panics
    ///
    /// When `axes` does not name every axis once.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let images = Tensor::<f32>::zeros([8, 28, 30, 3]);
    /// assert_eq!(images.permute(&[0, 3, 1, 2]).dims(), [8, 3, 28, 30]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn permute(&self, axes: &[isize]) -> Self {
        let resolved: Vec<usize> =
            axes.iter().map(|&axis| or_panic(self.shape().axis("permute", axis))).collect();
        let is_permutation =
            resolved.len() == self.rank() && (0..self.rank()).all(|axis| resolved.contains(&axis));
        assert!(
            is_permutation,
            "permute: axes must name every axis of shape {} once, got {axes:?}",
            self.shape()
        );
        permute(self, &resolved)
    }

    /// Two axes exchanged. Copies; a product takes transposed operands as they are, see
    /// [`Tensor::matmul_nt`].
    ///
    /// # Panics
    ///
    /// When an axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.transpose(0, 1).data(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let a = or_panic(self.shape().axis("transpose", a));
        let b = or_panic(self.shape().axis("transpose", b));
        let mut axes: Vec<usize> = (0..self.rank()).collect();
        axes.swap(a, b);
        permute(self, &axes)
    }
}
