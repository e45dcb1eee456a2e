//! What a data set is.

use purlin_core::rng::Rng;
use purlin_core::{Result, Shape};
use std::sync::Arc;

/// What belongs to one sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// A class index.
    Class(usize),
    /// A class index for each step of a sequence.
    Classes(Vec<usize>),
    /// One number.
    Value(f32),
    /// Several numbers.
    Values(Vec<f32>),
    /// Nothing.
    None,
}

/// What belongs to every sample of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A class index below this.
    Classes(usize),
    /// A class index for each step of a sequence: [`Label::Classes`] of so many steps.
    Steps {
        /// Steps of every sample.
        steps: usize,
        /// Each class is below this.
        n_classes: usize,
    },
    /// So many numbers.
    Values(usize),
    /// Nothing.
    None,
}

/// Samples that can be read one at a time, from any thread, in any order.
///
/// A sample is `sample_shape().numel()` numbers, row-major, written where the caller says: a
/// [`Loader`](crate::Loader) hands out a slice of the batch.
///
/// Randomness, if any, comes from the `rng` of the call and from nowhere else. The loader keys it
/// by (seed, epoch, sample index), which is why batches do not depend on the number of workers.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Rng;
/// use purlin_core::{Result, Shape};
/// use purlin_data::{Dataset, Label, Loader, TargetKind};
///
/// /// x in 0..n, with its square.
/// struct Squares(usize);
///
/// impl Dataset for Squares {
///     fn len(&self) -> usize {
///         self.0
///     }
///     fn sample_shape(&self) -> Shape {
///         Shape::from([1])
///     }
///     fn target(&self) -> TargetKind {
///         TargetKind::Values(1)
///     }
///     fn read(&self, index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
///         out[0] = index as f32;
///         Ok(Label::Value((index * index) as f32))
///     }
/// }
///
/// let batch = Loader::new(Squares(10)).batch_size(4).epoch(0).next().unwrap()?;
/// assert_eq!(batch.x.data(), [0.0, 1.0, 2.0, 3.0]);
/// assert_eq!(batch.y.values().unwrap().data(), [0.0, 1.0, 4.0, 9.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub trait Dataset: Send + Sync {
    /// The number of samples.
    fn len(&self) -> usize;

    /// No samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one sample, without the batch axis.
    fn sample_shape(&self) -> Shape;

    /// What [`Dataset::read`] returns with each sample.
    fn target(&self) -> TargetKind;

    /// Writes sample `index` to `out`, all of it, and returns what belongs to it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the sample from being read, with the name of the file where there is one.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Dataset::len`], or `out` has another length than a sample.
    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label>;

    /// The class of every sample, where that is known without reading them; `None` where a sample
    /// has a class for each step.
    fn labels(&self) -> Option<Vec<usize>> {
        None
    }

    /// The names of the classes, by index; empty where there are none.
    fn class_names(&self) -> &[String] {
        &[]
    }
}

macro_rules! impl_for_pointer {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            fn len(&self) -> usize {
                (**self).len()
            }
            fn sample_shape(&self) -> Shape {
                (**self).sample_shape()
            }
            fn target(&self) -> TargetKind {
                (**self).target()
            }
            fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
                (**self).read(index, rng, out)
            }
            fn labels(&self) -> Option<Vec<usize>> {
                (**self).labels()
            }
            fn class_names(&self) -> &[String] {
                (**self).class_names()
            }
        }
    )*};
}

impl_for_pointer!(&D, Box<D>, Arc<D>);
