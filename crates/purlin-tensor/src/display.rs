//! Tensors as text: nested brackets, long axes cut in the middle.

use crate::Tensor;
use purlin_core::Real;
use std::fmt;

/// An axis longer than this shows its first and last [`EDGE`] entries, once the tensor has more
/// than [`FULL`] elements.
const EDGE: usize = 3;
/// Tensors up to this size are shown in full.
const FULL: usize = 64;

fn write_axis<T: Real>(
    f: &mut fmt::Formatter<'_>,
    tensor: &Tensor<T>,
    axis: usize,
    start: usize,
    cell: &dyn Fn(T) -> String,
    width: usize,
) -> fmt::Result {
    if axis == tensor.rank() {
        return write!(f, "{:>width$}", cell(tensor.data()[start]));
    }
    let (size, step) = (tensor.dims()[axis], tensor.shape().strides()[axis]);
    let is_last = axis + 1 == tensor.rank();
    write!(f, "[")?;
    let mut is_first = true;
    for i in 0..size {
        let is_cut = tensor.numel() > FULL && size > 2 * EDGE && (EDGE..size - EDGE).contains(&i);
        if is_cut && i > EDGE {
            continue;
        }
        if !is_first {
            write!(f, ",")?;
            if is_last {
                write!(f, " ")?;
            } else {
                write!(f, "\n{:indent$}", "", indent = axis + 1)?;
            }
        }
        is_first = false;
        if is_cut {
            write!(f, "...")?;
        } else {
            write_axis(f, tensor, axis + 1, start + i * step, cell, width)?;
        }
    }
    write!(f, "]")
}

/// The elements in nested brackets, rows aligned; `{:.3}` sets the digits. Tensors of more than
/// 64 elements show both ends of their long axes.
///
/// # Examples
///
/// ```
/// use purlin_tensor::Tensor;
///
/// let x = Tensor::from([[1.0f32, -2.5], [10.0, 0.0]]);
/// assert_eq!(x.to_string(), "[[   1, -2.5],\n [  10,    0]]");
/// assert_eq!(format!("{:.1}", Tensor::<f32>::arange(100)), "[ 0.0,  1.0,  2.0, ..., 97.0, 98.0, 99.0]");
/// ```
impl<T: Real> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision();
        let cell = |x: T| {
            let magnitude = x.to_f64().abs();
            let is_extreme = magnitude >= 1e7 || (magnitude > 0.0 && magnitude < 1e-4);
            match precision {
                Some(digits) => format!("{x:.digits$}"),
                None if is_extreme && x.is_finite() => format!("{x:.4e}"),
                None if x.is_finite() => {
                    let text = format!("{x:.4}");
                    let text = text.trim_end_matches('0').trim_end_matches('.').to_string();
                    if text == "-0" && magnitude > 0.0 { "-0.0".into() } else { text }
                }
                None => x.to_string(),
            }
        };
        // Elements that are cut out do not widen the columns, but looking at all is simple only
        // where there are few.
        let shown = if self.numel() > FULL {
            let n = 4096.min(self.numel());
            let (head, tail) = (&self.data()[..n], &self.data()[self.numel() - n..]);
            head.iter().chain(tail).map(|&x| cell(x).len()).max()
        } else {
            self.data().iter().map(|&x| cell(x).len()).max()
        };
        write_axis(f, self, 0, 0, &cell, if self.rank() == 0 { 0 } else { shown.unwrap_or(0) })
    }
}

impl<T: Real> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tracked = match (self.is_leaf(), self.is_tracked()) {
            (true, _) => ", leaf",
            (false, true) => ", tracked",
            (false, false) => "",
        };
        write!(f, "Tensor<{}>{}{tracked} ", T::NAME, self.shape())?;
        fmt::Display::fmt(self, f)
    }
}
