//! The sizes of an n-dimensional array.

use crate::{Error, Result};
use std::fmt;
use std::ops::Deref;

/// The most axes an array can have.
const MAX_RANK: usize = 8;

/// The sizes of an array along its axes, row-major, by value and without allocation.
///
/// Rank 0 is a scalar; a size may be 0 (an empty array). It dereferences to `[usize]`.
///
/// # Examples
///
/// ```
/// use purlin_core::Shape;
///
/// let shape = Shape::from([2, 3, 4]);
/// assert_eq!(shape.numel(), 24);
/// assert_eq!(shape.strides()[..], [12, 4, 1]);
/// assert_eq!(shape.axis("sum", -1)?, 2);
/// assert_eq!(shape.broadcast("add", &Shape::from([3, 1]))?, Shape::from([2, 3, 4]));
/// assert_eq!(shape.to_string(), "(2, 3, 4)");
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Self = Self { dims: [0; MAX_RANK], rank: 0 };

    /// A shape from its sizes.
    ///
    /// # Panics
    ///
    /// With more than 8 axes, or when the number of elements overflows `usize`.
    #[track_caller]
    pub fn new(dims: &[usize]) -> Self {
        assert!(
            dims.len() <= MAX_RANK,
            "shape: rank must be at most {MAX_RANK}, got {}",
            dims.len()
        );
        let mut numel = 1usize;
        for &d in dims {
            let product = numel.checked_mul(d.max(1));
            assert!(product.is_some(), "shape: number of elements must fit in usize, got {dims:?}");
            numel = product.unwrap_or(0);
        }
        let mut shape = Self::SCALAR;
        shape.dims[..dims.len()].copy_from_slice(dims);
        shape.rank = dims.len() as u8;
        shape
    }

    /// The sizes.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The number of elements: the product of the sizes, 1 for a scalar.
    pub fn numel(&self) -> usize {
        self.dims().iter().product()
    }

    /// How many elements apart neighbours along each axis lie, row-major and contiguous.
    #[must_use]
    pub fn strides(&self) -> Self {
        let mut strides = *self;
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            strides.dims[axis] = step;
            step *= self.dims[axis].max(1);
        }
        strides
    }

    /// Resolves an axis; negative ones count from the end.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`] when the axis is out of range.
    pub fn axis(&self, op: &'static str, axis: isize) -> Result<usize> {
        let rank = self.rank().cast_signed();
        let resolved = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&resolved) {
            Ok(resolved.cast_unsigned())
        } else {
            Err(Error::param(op, "axis", format!("in {}..{rank} for shape {self}", -rank), axis))
        }
    }

    /// The common shape of two operands under NumPy's broadcasting rules: axes are aligned at
    /// the end, and a size of 1 stretches.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] naming both shapes when two sizes differ and neither is 1.
    pub fn broadcast(&self, op: &'static str, other: &Self) -> Result<Self> {
        let rank = self.rank().max(other.rank());
        let mut out = Self::SCALAR;
        out.rank = rank as u8;
        for from_end in 1..=rank {
            let size = |s: &Self| if from_end <= s.rank() { s[s.rank() - from_end] } else { 1 };
            let (a, b) = (size(self), size(other));
            out.dims[rank - from_end] = match (a, b) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => {
                    return Err(Error::shape(
                        op,
                        "shapes that broadcast",
                        format!(
                            "lhs {self} and rhs {other}, which differ in axis {}",
                            rank - from_end
                        ),
                    ));
                }
            };
        }
        Ok(out)
    }

    /// This shape without `axis`.
    #[must_use]
    pub fn without(&self, axis: usize) -> Self {
        let mut out = Self::SCALAR;
        for (i, &d) in self.iter().enumerate() {
            if i != axis {
                out.dims[out.rank as usize] = d;
                out.rank += 1;
            }
        }
        out
    }

    /// This shape with the size along `axis` replaced.
    #[must_use]
    pub fn with(&self, axis: usize, size: usize) -> Self {
        let mut out = *self;
        out.dims[axis] = size;
        out
    }

    /// `(outer, size, inner)` around `axis`: element `(o, i, j)` lies at `(o * size + i) * inner + j`.
    pub fn around(&self, axis: usize) -> (usize, usize, usize) {
        let dims = self.dims();
        (dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product())
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        self.dims()
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(dims: [usize; N]) -> Self {
        Self::new(&dims)
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        *shape
    }
}

impl From<Vec<usize>> for Shape {
    #[track_caller]
    fn from(dims: Vec<usize>) -> Self {
        Self::new(&dims)
    }
}

/// `n` elements along one axis.
impl From<usize> for Shape {
    fn from(n: usize) -> Self {
        Self::new(&[n])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(")?;
        for (i, d) in self.iter().enumerate() {
            if i > 0 {
                write!(f, ", ")?;
            }
            write!(f, "{d}")?;
        }
        write!(f, "{})", if self.rank() == 1 { "," } else { "" })
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
