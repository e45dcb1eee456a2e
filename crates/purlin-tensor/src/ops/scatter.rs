//! Elements put or added where indices say.

use crate::ops::index::{Picks, Select};
use crate::ops::linear_map::{self, LinearMap};
use crate::{Tensor, where_};
use purlin_backend::Buffer;
use purlin_core::Real;
use std::sync::Arc;

/// An entry of [`Picks::at`] that a later one has overwritten.
const OVERWRITTEN: u32 = u32::MAX;

/// `y[o, at[o, j, i], i] = x[o, j, i]`, 0 elsewhere, where each position of `y` is named once; the
/// adjoint picks from there.
struct Place(Picks);

impl Place {
    /// Of entries that name one position the last counts.
    fn new(mut picks: Picks) -> Self {
        let (outer, n, inner) = picks.shape.around(picks.axis);
        let mut is_taken = vec![false; outer * picks.size * inner];
        for k in (0..picks.at.len()).rev() {
            let target = target(k, picks.at[k], (n, picks.size, inner));
            if std::mem::replace(&mut is_taken[target], true) {
                picks.at[k] = OVERWRITTEN;
            }
        }
        Self(picks)
    }

    /// Pairs of positions in `x` and `y`.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let (_, n, inner) = self.0.shape.around(self.0.axis);
        let size = self.0.size;
        let kept = self.0.at.iter().enumerate().filter(|&(_, &at)| at != OVERWRITTEN);
        kept.map(move |(k, &at)| (k, target(k, at, (n, size, inner))))
    }
}

/// Where entry `k` of `(outer, n, inner)` goes in `(outer, size, inner)`.
fn target(k: usize, at: u32, (n, size, inner): (usize, usize, usize)) -> usize {
    (k / (n * inner) * size + at as usize) * inner + k % inner
}

impl<T: Real> LinearMap<T> for Place {
    const NAME: &'static str = "scatter";
    const ADJOINT: &'static str = "gather";

    fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        let shape = self.0.shape.with(self.0.axis, self.0.size);
        let mut out = Buffer::zeroed(shape.numel());
        for (from, to) in self.pairs() {
            out[to] = x.data()[from];
        }
        Tensor::new(shape, out)
    }

    fn adjoint(&self, y: &Tensor<T>) -> Tensor<T> {
        let mut out = Buffer::zeroed(self.0.shape.numel());
        for (from, to) in self.pairs() {
            out[from] = y.data()[to];
        }
        Tensor::new(self.0.shape, out)
    }
}

impl<T: Real> Tensor<T> {
    /// This tensor with `src` written over it: `y[o, indices[o, j, i], i] = src[o, j, i]`. Where a
    /// position is named several times the last one in row-major order stays, in the value and in
    /// the gradient.
    ///
    /// | value | shape |
    /// |---|---|
    /// | `self`, result | `(.., size, ..)` |
    /// | `src`, `indices` (row-major) | the same with any size along `axis` |
    ///
    /// # Panics
    ///
    /// When the axis or an index is out of range, or `src` does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let one_hot = Tensor::<f32>::zeros([2, 3]).scatter(1, &[2, 0], &Tensor::ones([2, 1]));
    /// assert_eq!(one_hot.data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn scatter(&self, axis: isize, indices: &[usize], src: &Self) -> Self {
        let picks = Picks::new("scatter", "src", self.shape(), axis, indices, *src.shape());
        let place = Arc::new(Place::new(picks));
        let is_written = place.apply(&src.ones_like());
        where_(&is_written, &linear_map::apply(src, &place), self)
    }

    /// This tensor with `src` added to it: `y[o, indices[o, j, i], i] += src[o, j, i]`. What meets
    /// in one position is added up in row-major order, then to `self`. Shapes as
    /// [`Tensor::scatter`].
    ///
    /// # Panics
    ///
    /// When the axis or an index is out of range, or `src` does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let counts = Tensor::<f32>::zeros([3]).scatter_add(0, &[2, 0, 2], &Tensor::ones([3]));
    /// assert_eq!(counts.data(), [1.0, 0.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, indices: &[usize], src: &Self) -> Self {
        let picks = Picks::new("scatter_add", "src", self.shape(), axis, indices, *src.shape());
        self + linear_map::adjoint(src, &Arc::new(picks))
    }

    /// This tensor with the entries of `src` along `axis` added to those at `indices`:
    /// `y[.., indices[j], ..] += src[.., j, ..]`. What meets in one entry is added up in the order
    /// of `indices`, then to `self`.
    ///
    /// # Panics
    ///
    /// When the axis or an index is out of range, or `src` does not have this shape with
    /// `indices.len()` entries along `axis`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let rows = Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// let sums = Tensor::zeros([2, 2]).index_add(0, &[1, 0, 1], &rows); // by group
    /// assert_eq!(sums.data(), [3.0, 4.0, 6.0, 8.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn index_add(&self, axis: isize, indices: &[usize], src: &Self) -> Self {
        let select = Select::new("index_add", self.shape(), axis, indices);
        let expected = select.shape(self.shape());
        assert!(
            *src.shape() == expected,
            "index_add: expected src {expected} for {} indices and shape {}, got {}",
            indices.len(),
            self.shape(),
            src.shape()
        );
        self + linear_map::adjoint(src, &Arc::new(select))
    }
}
