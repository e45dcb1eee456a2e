//! Other shapes over the same storage.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use crate::ops::or_panic;
use purlin_core::{Real, Shape};

/// `y` is `x` under another shape, so `grad_x` is `grad_y` under the shape of `x`.
struct ReshapeBackward(Shape);

impl<T: Real> Backward<T> for ReshapeBackward {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        flow.send(0, grad.reshape(self.0));
    }
}

fn view<T: Real>(x: &Tensor<T>, shape: Shape) -> Tensor<T> {
    let edges = Edges::of(&[x]);
    let before = *x.shape();
    x.detach().with_shape(shape).record(edges, "reshape", |_| ReshapeBackward(before))
}

impl<T: Real> Tensor<T> {
    /// The same elements, in the same order, under another shape; shares storage.
    ///
    /// # Panics
    ///
    /// When the number of elements differs.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::<f32>::arange(6).reshape([2, 3]);
    /// assert_eq!(x.at(&[1, 0]), 3.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(
            shape.numel() == self.numel(),
            "reshape: number of elements must stay {}, got shape {shape} ({} elements) from {}",
            self.numel(),
            shape.numel(),
            self.shape()
        );
        view(self, shape)
    }

    /// All axes from `start_axis` on as one: `flatten(1)` keeps the batch.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros([8, 3, 4, 5]).flatten(1).dims(), [8, 60]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn flatten(&self, start_axis: isize) -> Self {
        if self.rank() == 0 && matches!(start_axis, 0 | -1) {
            return view(self, Shape::from([1]));
        }
        let axis = or_panic(self.shape().axis("flatten", start_axis));
        let mut dims = self.dims()[..axis].to_vec();
        dims.push(self.dims()[axis..].iter().product());
        view(self, Shape::new(&dims))
    }

    /// Without `axis`, whose size must be 1.
    ///
    /// # Panics
    ///
    /// When the axis is out of range or its size is not 1.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros([2, 1, 3]).squeeze(1).dims(), [2, 3]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        let axis = or_panic(self.shape().axis("squeeze", axis));
        assert!(
            self.dims()[axis] == 1,
            "squeeze: size must be 1, got shape {} along axis {axis}",
            self.shape()
        );
        view(self, self.shape().without(axis))
    }

    /// With a new axis of size 1 in front of `axis`; -1 appends one.
    ///
    /// # Panics
    ///
    /// When the axis is out of range.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::<f32>::zeros([2, 3]);
    /// assert_eq!(x.unsqueeze(0).dims(), [1, 2, 3]);
    /// assert_eq!(x.unsqueeze(-1).dims(), [2, 3, 1]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let grown: Vec<usize> = self.dims().iter().copied().chain([1]).collect();
        let axis = or_panic(Shape::new(&grown).axis("unsqueeze", axis));
        let mut dims = self.dims().to_vec();
        dims.insert(axis, 1);
        view(self, Shape::new(&dims))
    }
}
