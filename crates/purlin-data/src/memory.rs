//! Data sets that lie in memory.

use crate::{Array, Dataset, Label, TargetKind, Targets};
use purlin_core::rng::Rng;
use purlin_core::{Error, MatrixView, Real, Result, Shape};
use purlin_tensor::Tensor;

/// Samples and what belongs to them, in memory.
///
/// # Examples
///
/// ```
/// use purlin_data::{Dataset, MemoryDataset, Targets};
/// use purlin_tensor::Tensor;
///
/// let images = Tensor::zeros([10, 28, 28, 1]);
/// let dataset = MemoryDataset::new(images, Targets::Classes(vec![3; 10]))?;
/// assert_eq!(dataset.sample_shape().dims(), [28, 28, 1]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryDataset {
    x: Tensor<f32>,
    y: Targets,
    n_classes: usize,
    class_names: Vec<String>,
}

impl MemoryDataset {
    /// `x`, `(n, ...)`, and its `n` targets. The number of classes is the largest class and one
    /// more, or what [`MemoryDataset::with_class_names`] says.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: `x` is a scalar, or the targets are not `n`.
    pub fn new(x: Tensor<f32>, y: Targets) -> Result<Self> {
        let Some(&n) = x.dims().first() else {
            return Err(Error::shape("memory_dataset", "x (n, ...)", x.shape()));
        };
        let expected =
            |got: String| Err(Error::shape("memory_dataset", format!("{n} targets"), got));
        match &y {
            Targets::Classes(classes) if classes.len() != n => {
                return expected(format!("{} classes", classes.len()));
            }
            Targets::Values(values) if values.rank() != 2 || values.dims()[0] != n => {
                return expected(format!("values {}", values.shape()));
            }
            _ => {}
        }
        let n_classes = y.classes().and_then(|c| c.iter().max()).map_or(0, |&c| c + 1);
        Ok(Self { x, y, n_classes, class_names: Vec::new() })
    }

    /// Rows of a table with a class each, of `n_classes`; numbers are rounded to single precision.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: not one class per row. [`Error::InvalidParam`]: a class of `n_classes` or
    /// above.
    pub fn classes<T: Real>(
        x: MatrixView<'_, T>,
        classes: &[usize],
        n_classes: usize,
    ) -> Result<Self> {
        let mut dataset = Self::new(to_tensor(x)?, Targets::Classes(classes.to_vec()))?;
        dataset.set_n_classes(n_classes)?;
        Ok(dataset)
    }

    /// Rows of a table with one number each; numbers are rounded to single precision.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: not one number per row.
    pub fn values<T: Real>(x: MatrixView<'_, T>, values: &[T]) -> Result<Self> {
        let y = values.iter().map(|v| v.to_f64() as f32).collect();
        let y = Tensor::from_vec(y, [values.len(), 1])?;
        Self::new(to_tensor(x)?, Targets::Values(y))
    }

    /// An array from a file, `(n, ...)`, with a class per item of its first axis.
    ///
    /// # Errors
    ///
    /// As [`MemoryDataset::new`].
    pub fn from_array(x: &Array, classes: Vec<usize>) -> Result<Self> {
        Self::new(Tensor::from_vec(x.to_f32(), *x.shape())?, Targets::Classes(classes))
    }

    /// Names the classes, which also says how many there are.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: fewer names than classes.
    pub fn with_class_names(mut self, names: &[impl AsRef<str>]) -> Result<Self> {
        self.set_n_classes(names.len())?;
        self.class_names = names.iter().map(|name| name.as_ref().to_owned()).collect();
        Ok(self)
    }

    fn set_n_classes(&mut self, n_classes: usize) -> Result<()> {
        if n_classes < self.n_classes {
            let rule = format!("below {n_classes}");
            let value = self.n_classes - 1;
            return Err(Error::param("memory_dataset", "classes", rule, value));
        }
        self.n_classes = n_classes;
        Ok(())
    }

    /// The samples, `(n, ...)`.
    pub fn x(&self) -> &Tensor<f32> {
        &self.x
    }

    /// What belongs to them.
    pub fn y(&self) -> &Targets {
        &self.y
    }
}

fn to_tensor<T: Real>(x: MatrixView<'_, T>) -> Result<Tensor<f32>> {
    Tensor::from_vec(x.cast::<f32>().into_vec(), [x.n_rows(), x.n_cols()])
}

impl Dataset for MemoryDataset {
    fn len(&self) -> usize {
        self.x.dims()[0]
    }

    fn sample_shape(&self) -> Shape {
        Shape::new(&self.x.dims()[1..])
    }

    fn target(&self) -> TargetKind {
        match &self.y {
            Targets::Classes(_) => TargetKind::Classes(self.n_classes),
            Targets::Values(values) => TargetKind::Values(values.dims()[1]),
            Targets::None => TargetKind::None,
        }
    }

    fn read(&self, index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        let n = out.len();
        out.copy_from_slice(&self.x.data()[index * n..][..n]);
        Ok(match &self.y {
            Targets::Classes(classes) => Label::Class(classes[index]),
            Targets::Values(values) => match values.dims()[1] {
                1 => Label::Value(values.data()[index]),
                n => Label::Values(values.data()[index * n..][..n].to_vec()),
            },
            Targets::None => Label::None,
        })
    }

    fn labels(&self) -> Option<Vec<usize>> {
        self.y.classes().map(<[usize]>::to_vec)
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }
}
