//! The gradient of broadcasting.

use super::sum_axis;
use crate::Buffer;
use crate::mono::once;
use purlin_core::{Real, Shape};

/// Sums `x` over the axes along which `out_shape` was stretched to `x_shape`.
///
/// # Panics
///
/// When `out_shape` does not broadcast to `x_shape`, or a length differs from its shape.
///
/// # Examples
///
/// ```
/// use purlin_backend::reduce::sum_to;
/// use purlin_core::Shape;
///
/// let mut out = [0.0f32; 2];
/// let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// sum_to(&x, &Shape::from([3, 2]), &mut out, &Shape::from([1, 2]));
/// assert_eq!(out, [9.0, 12.0]);
/// ```
#[track_caller]
pub fn sum_to<T: Real>(x: &[T], x_shape: &Shape, out: &mut [T], out_shape: &Shape) {
    once!(|x: &[T], x_shape: &Shape, out: &mut [T], out_shape: &Shape| {
        let fits = out_shape.broadcast("sum_to", x_shape).is_ok_and(|s| s == *x_shape);
        assert!(fits, "sum_to: expected a shape that broadcasts to {x_shape}, got {out_shape}");
        assert_eq!(x.len(), x_shape.numel(), "sum_to: x must have shape {x_shape}");
        assert_eq!(out.len(), out_shape.numel(), "sum_to: out must have shape {out_shape}");
        if x.is_empty() {
            out.fill(T::ZERO);
            return;
        }
        // Neighbouring axes of one fate are one axis: (size, is it summed).
        let skipped = x_shape.rank() - out_shape.rank();
        let mut groups: Vec<(usize, bool)> = Vec::with_capacity(x_shape.rank());
        for (axis, &size) in x_shape.iter().enumerate() {
            if size == 1 {
                continue;
            }
            let is_summed = axis < skipped || out_shape[axis - skipped] == 1;
            match groups.last_mut() {
                Some((total, fate)) if *fate == is_summed => *total *= size,
                _ => groups.push((size, is_summed)),
            }
        }
        // From the last axis: what is left to sum shrinks fastest where it lies closest.
        let mut current: Option<Buffer<T>> = None;
        while let Some(axis) = groups.iter().rposition(|&(_, is_summed)| is_summed) {
            let size = groups[axis].0;
            let outer: usize = groups[..axis].iter().map(|g| g.0).product();
            let inner: usize = groups[axis + 1..].iter().map(|g| g.0).product();
            groups.remove(axis);
            let source = current.as_deref().unwrap_or(x);
            if groups.iter().any(|&(_, is_summed)| is_summed) {
                let mut next = Buffer::scratch(outer * inner);
                sum_axis(source, outer, size, inner, &mut next);
                current = Some(next);
            } else {
                sum_axis(source, outer, size, inner, out);
                return;
            }
        }
        out.copy_from_slice(x);
    });
}
