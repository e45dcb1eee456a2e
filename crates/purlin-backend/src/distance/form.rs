//! Chains over the features.

use purlin_core::Real;
use purlin_core::simd::Lanes;

/// What is compared with the reach: a chain over the features in their order, from 0.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Form, Panels, values_of};
/// use purlin_core::MatrixView;
///
/// let rows = Panels::pack(MatrixView::from_rows(&[[1.0, 1.0], [3.0, 4.0]]), None);
/// let mut values = [0.0; 2];
/// values_of(Form::Manhattan, &[0.0, 0.0], (&rows, 0..2), &mut values);
/// assert_eq!(values, [2.0, 7.0]);
/// values_of(Form::Chebyshev, &[0.0, 0.0], (&rows, 0..2), &mut values);
/// assert_eq!(values, [1.0, 4.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `t * t + sum` for each difference `t`, in one rounding.
    SquaredEuclidean,
    /// `sum + abs(t)`.
    Manhattan,
    /// The greater of `abs(t)` and what came before.
    Chebyshev,
}

impl Form {
    /// The chain of two rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::Form;
    ///
    /// assert_eq!(Form::SquaredEuclidean.of(&[0.0, 0.0], &[3.0, 4.0]), 25.0);
    /// assert_eq!(Form::Manhattan.of(&[0.0, 0.0], &[3.0f32, 4.0]), 7.0);
    /// assert_eq!(Form::Chebyshev.of(&[0.0, 0.0], &[3.0, 4.0]), 4.0);
    /// ```
    #[inline(always)]
    pub fn of<T: Real>(self, a: &[T], b: &[T]) -> T {
        self.of_differences(a.iter().zip(b).map(|(&a, &b)| a - b))
    }

    /// The chain of given differences.
    #[inline(always)]
    pub fn of_differences<T: Real>(self, differences: impl Iterator<Item = T>) -> T {
        differences.fold(T::ZERO, |sum, t| match self {
            Self::SquaredEuclidean => t.mul_add(t, sum),
            Self::Manhattan => sum + t.abs(),
            Self::Chebyshev => t.abs().max(sum),
        })
    }
}

/// A step of the chain.
pub(super) trait Chain {
    fn add<V: Lanes>(t: V, sum: V) -> V;

    fn add_one<T: Real>(t: T, sum: T) -> T;
}

pub(super) struct Squares;
pub(super) struct Sums;
pub(super) struct Greatest;

impl Chain for Squares {
    #[inline(always)]
    fn add<V: Lanes>(t: V, sum: V) -> V {
        t.mul_add(t, sum)
    }

    #[inline(always)]
    fn add_one<T: Real>(t: T, sum: T) -> T {
        t.mul_add(t, sum)
    }
}

impl Chain for Sums {
    #[inline(always)]
    fn add<V: Lanes>(t: V, sum: V) -> V {
        sum + t.abs()
    }

    #[inline(always)]
    fn add_one<T: Real>(t: T, sum: T) -> T {
        sum + t.abs()
    }
}

impl Chain for Greatest {
    #[inline(always)]
    fn add<V: Lanes>(t: V, sum: V) -> V {
        t.abs().max(sum)
    }

    #[inline(always)]
    fn add_one<T: Real>(t: T, sum: T) -> T {
        t.abs().max(sum)
    }
}

/// `$body` with `$chain` as the chain of `$form`.
macro_rules! with_chain {
    ($form:expr, $chain:ident => $body:expr) => {
        match $form {
            $crate::distance::Form::SquaredEuclidean => {
                type $chain = $crate::distance::form::Squares;
                $body
            }
            $crate::distance::Form::Manhattan => {
                type $chain = $crate::distance::form::Sums;
                $body
            }
            $crate::distance::Form::Chebyshev => {
                type $chain = $crate::distance::form::Greatest;
                $body
            }
        }
    };
}
pub(super) use with_chain;
