//! Data sets made of data sets.

use crate::{Dataset, Label, TargetKind};
use purlin_backend::Buffer;
use purlin_core::rng::Rng;
use purlin_core::{Error, Result, Shape};
use std::fmt;
use std::sync::Arc;

/// Some samples of a data set, in a chosen order; an index may come more than once.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::{Dataset, MemoryDataset, Subset};
///
/// let x = Matrix::from_rows(&[[0.0], [1.0], [2.0]]);
/// let all = MemoryDataset::classes(x.view(), &[0, 1, 2], 3)?;
/// let some = Subset::new(all, vec![2, 0])?;
/// assert_eq!(some.labels(), Some(vec![2, 0]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Subset {
    dataset: Arc<dyn Dataset>,
    indices: Vec<usize>,
}

impl Subset {
    /// The samples at `indices`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: an index of `dataset.len()` or above.
    pub fn new(dataset: impl Dataset + 'static, indices: Vec<usize>) -> Result<Self> {
        Self::shared(Arc::new(dataset), indices)
    }

    pub(crate) fn shared(dataset: Arc<dyn Dataset>, indices: Vec<usize>) -> Result<Self> {
        let n = dataset.len();
        match indices.iter().find(|&&i| i >= n) {
            Some(i) => Err(Error::param("subset", "indices", format!("below {n}"), i)),
            None => Ok(Self { dataset, indices }),
        }
    }

    /// Where the samples come from.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn sample_shape(&self) -> Shape {
        self.dataset.sample_shape()
    }

    fn target(&self) -> TargetKind {
        self.dataset.target()
    }

    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        self.dataset.read(self.indices[index], rng, out)
    }

    fn labels(&self) -> Option<Vec<usize>> {
        let all = self.dataset.labels()?;
        Some(self.indices.iter().map(|&i| all[i]).collect())
    }

    fn class_names(&self) -> &[String] {
        self.dataset.class_names()
    }
}

impl fmt::Debug for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subset({} of {} samples)", self.indices.len(), self.dataset.len())
    }
}

/// What a [`Map`] does: input numbers, randomness of the sample, output numbers.
type Transform = dyn Fn(&[f32], &mut Rng, &mut [f32]) -> Result<()> + Send + Sync;

/// A data set whose samples pass through a function.
///
/// # Examples
///
/// ```
/// use purlin_core::{Matrix, Shape};
/// use purlin_data::{Dataset, Loader, Map, MemoryDataset};
///
/// let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]]);
/// let pairs = MemoryDataset::classes(x.view(), &[0, 1], 2)?;
/// let sums = Map::new(pairs, Shape::from([1]), |x, _rng, out| {
///     out[0] = x[0] + x[1];
///     Ok(())
/// });
/// assert_eq!(Loader::new(sums).all()?.x.data(), [3.0, 7.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub struct Map {
    dataset: Arc<dyn Dataset>,
    shape: Shape,
    transform: Box<Transform>,
}

impl Map {
    /// Samples of `shape`, made by `transform` from those of `dataset`. Randomness comes from the
    /// generator it is handed, and from nowhere else.
    pub fn new(
        dataset: impl Dataset + 'static,
        shape: Shape,
        transform: impl Fn(&[f32], &mut Rng, &mut [f32]) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { dataset: Arc::new(dataset), shape, transform: Box::new(transform) }
    }
}

impl Dataset for Map {
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn sample_shape(&self) -> Shape {
        self.shape
    }

    fn target(&self) -> TargetKind {
        self.dataset.target()
    }

    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        let mut x = Buffer::scratch(self.dataset.sample_shape().numel());
        let label = self.dataset.read(index, rng, &mut x)?;
        (self.transform)(&x, rng, out)?;
        Ok(label)
    }

    fn labels(&self) -> Option<Vec<usize>> {
        self.dataset.labels()
    }

    fn class_names(&self) -> &[String] {
        self.dataset.class_names()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} samples to {})", self.dataset.len(), self.shape)
    }
}

/// Data sets one after the other.
#[derive(Clone)]
pub struct Concat {
    parts: Vec<Arc<dyn Dataset>>,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl Concat {
    /// The samples of all parts, in order.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: no parts.
    /// - [`Error::Shape`]: a part has another sample shape, other targets or other class names
    ///   than the first.
    pub fn new(parts: Vec<Arc<dyn Dataset>>) -> Result<Self> {
        let Some(first) = parts.first() else {
            return Err(Error::param("concat", "parts", "at least one data set", 0));
        };
        let describe = |d: &Arc<dyn Dataset>| {
            let names = if d.class_names().is_empty() {
                String::new()
            } else {
                format!(" {:?}", d.class_names())
            };
            format!("samples {} with {:?}{names}", d.sample_shape(), d.target())
        };
        let expected = describe(first);
        let mut ends = Vec::with_capacity(parts.len());
        let mut end = 0;
        for (i, part) in parts.iter().enumerate() {
            let got = describe(part);
            if got != expected {
                return Err(Error::shape("concat", expected, format!("{got} in part {i}")));
            }
            end += part.len();
            ends.push(end);
        }
        Ok(Self { parts, ends })
    }
}

impl Dataset for Concat {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn sample_shape(&self) -> Shape {
        self.parts[0].sample_shape()
    }

    fn target(&self) -> TargetKind {
        self.parts[0].target()
    }

    fn read(&self, index: usize, rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        let part = self.ends.partition_point(|&end| end <= index);
        let before = if part == 0 { 0 } else { self.ends[part - 1] };
        self.parts[part].read(index - before, rng, out)
    }

    fn labels(&self) -> Option<Vec<usize>> {
        let mut all = Vec::with_capacity(self.len());
        for part in &self.parts {
            all.extend(part.labels()?);
        }
        Some(all)
    }

    fn class_names(&self) -> &[String] {
        self.parts[0].class_names()
    }
}

impl fmt::Debug for Concat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Concat({} parts, {} samples)", self.parts.len(), self.len())
    }
}
