//! Running sums.

use crate::Tensor;
use crate::ops::linear_map::{self, LinearMap};
use crate::ops::or_panic;
use purlin_backend::{Buffer, parallel};
use purlin_core::Real;
use std::sync::Arc;

/// `y_i = x_0 + .. + x_i`; the adjoint runs from the end.
struct CumSum {
    axis: usize,
}

impl CumSum {
    fn run<T: Real>(&self, x: &Tensor<T>, is_reversed: bool) -> Tensor<T> {
        let (_, size, inner) = x.shape().around(self.axis);
        let mut out = Buffer::copy_of(x.data());
        let work = size_of_val(x.data());
        parallel::for_each_chunk(&mut out, (size * inner).max(1), work, |_, block| {
            if is_reversed {
                for i in (0..block.len().saturating_sub(inner)).rev() {
                    let next = block[i + inner];
                    block[i] += next;
                }
            } else {
                for i in inner..block.len() {
                    let last = block[i - inner];
                    block[i] += last;
                }
            }
        });
        Tensor::new(*x.shape(), out)
    }
}

impl<T: Real> LinearMap<T> for CumSum {
    const NAME: &'static str = "cumsum";
    const ADJOINT: &'static str = "cumsum_reversed";
    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        self.run(x, false)
    }
    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        self.run(y, true)
    }
}

impl<T: Real> Tensor<T> {
    /// The running sum along `axis`, added from the front.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.cumsum(1).data(), [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Self {
        let axis = or_panic(self.shape().axis("cumsum", axis));
        linear_map::apply(self, &Arc::new(CumSum { axis }))
    }
}
