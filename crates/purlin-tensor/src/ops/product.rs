//! Products of all elements and along an axis, and running products.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::or_panic;
use crate::ops::slice::slice_axis;
use purlin_backend::{Buffer, parallel, reduce};
use purlin_core::Real;

/// `y_i = x_0 .. x_i` for all `i`, or only the last of them. With `p_k = x_0 .. x_(k-1)` and
/// `r_k = grad_y_k + x_(k+1) r_(k+1)`: `grad_x_k = p_k r_k`. Nothing is divided, so a factor 0 is
/// one like others.
struct ProductBackward<T: Real> {
    axis: usize,
    x: Tensor<T>,
    is_running: bool,
}

impl<T: Real> Backward<T> for ProductBackward<T> {
    fn name(&self) -> &'static str {
        if self.is_running { "cumprod" } else { "prod" }
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        if self.x.is_empty() {
            flow.send(0, self.x.zeros_like());
        } else if flow.is_graph() {
            compose(&grad, flow, &[(0, &self.x)], |v| {
                let y = if self.is_running {
                    running(&v[0], self.axis)
                } else {
                    halves(&v[0], self.axis)
                };
                y.reshape(grad.shape())
            });
        } else {
            flow.send(0, self.fused(&grad));
        }
    }
}

impl<T: Real> ProductBackward<T> {
    fn fused(&self, grad: &Tensor<T>) -> Tensor<T> {
        let (_, size, inner) = self.x.shape().around(self.axis);
        let block = size * inner;
        let mut out = Buffer::scratch(self.x.numel());
        parallel::for_each_chunk(&mut out, block, 4 * size_of_val(self.x.data()), |o, out| {
            let x = &self.x.data()[o * block..][..block];
            out[..inner].fill(T::ONE);
            for i in inner..block {
                out[i] = out[i - inner] * x[i - inner];
            }
            let mut rest = Buffer::zeroed(inner);
            for k in (0..size).rev() {
                let grad = match (self.is_running, k + 1 == size) {
                    (true, _) => Some(&grad.data()[o * block + k * inner..]),
                    (false, true) => Some(&grad.data()[o * inner..]),
                    (false, false) => None,
                };
                for (j, r) in rest.iter_mut().enumerate() {
                    if k + 1 < size {
                        *r *= x[(k + 1) * inner + j];
                    }
                    if let Some(grad) = grad {
                        *r += grad[j];
                    }
                    out[k * inner + j] *= *r;
                }
            }
        });
        Tensor::new(*self.x.shape(), out)
    }
}

/// The product along an axis that is not empty, by halves, in differentiable operations.
fn halves<T: Real>(x: &Tensor<T>, axis: usize) -> Tensor<T> {
    let mut y = x.clone();
    while y.dims()[axis] > 1 {
        let (half, is_odd) = (y.dims()[axis] / 2, !y.dims()[axis].is_multiple_of(2));
        let product = slice_axis(&y, axis, 0, half) * slice_axis(&y, axis, half, half);
        y = if is_odd {
            let last = slice_axis(&y, axis, 2 * half, 1);
            Tensor::concat(&[&product, &last], axis.cast_signed())
        } else {
            product
        };
    }
    y
}

/// The running product along an axis that is not empty, in differentiable operations.
fn running<T: Real>(x: &Tensor<T>, axis: usize) -> Tensor<T> {
    let mut parts = vec![slice_axis(x, axis, 0, 1)];
    for i in 1..x.dims()[axis] {
        parts.push(&parts[i - 1] * slice_axis(x, axis, i, 1));
    }
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis.cast_signed())
}

impl<T: Real> Tensor<T> {
    /// The product of all elements, of rank 0; 1 for an empty tensor.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([2.0f32, 3.0, 4.0]).prod().item(), 24.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn prod(&self) -> Self {
        self.reshape([self.numel()]).prod_axis(0, false)
    }

    /// The product along `axis`, which is dropped, or kept with size 1.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.prod_axis(1, false).data(), [2.0, 12.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn prod_axis(&self, axis: isize, keepdim: bool) -> Self {
        let axis = or_panic(self.shape().axis("prod", axis));
        let (outer, size, inner) = self.shape().around(axis);
        let mut out = Buffer::scratch(outer * inner);
        reduce::prod_axis(self.data(), outer, size, inner, &mut out);
        let shape = if keepdim { self.shape().with(axis, 1) } else { self.shape().without(axis) };
        Self::new(shape, out).record(Edges::of(&[self]), "prod", |_| ProductBackward {
            axis,
            x: self.detach(),
            is_running: false,
        })
    }

    /// The running product along `axis`, multiplied from the front.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 0.0, 6.0]]);
    /// assert_eq!(x.cumprod(1).data(), [1.0, 2.0, 6.0, 4.0, 0.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Self {
        let axis = or_panic(self.shape().axis("cumprod", axis));
        let (_, size, inner) = self.shape().around(axis);
        let mut out = Buffer::copy_of(self.data());
        let work = size_of_val(self.data());
        parallel::for_each_chunk(&mut out, (size * inner).max(1), work, |_, block| {
            for i in inner..block.len() {
                let last = block[i - inner];
                block[i] *= last;
            }
        });
        Self::new(*self.shape(), out).record(Edges::of(&[self]), "cumprod", |_| ProductBackward {
            axis,
            x: self.detach(),
            is_running: true,
        })
    }
}
