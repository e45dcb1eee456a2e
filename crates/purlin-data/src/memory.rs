//! Data sets that lie in memory.

use crate::{Array, ArrayData, Dataset, Label, TargetKind, Targets};
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
    /// Classes of a sample, where every step has one.
    steps: Option<usize>,
    class_names: Vec<String>,
}

impl MemoryDataset {
    /// `x`, `(n, ...)`, and its `n` targets, all finite. The number of classes is the largest class
    /// and one more, or what [`MemoryDataset::with_class_names`] says.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: `x` is a scalar, or the targets are not `n`.
    /// - [`Error::NonFinite`]: NaN or an infinity in `x` or in the targets' values (row: sample,
    ///   column: place in it). [`MemoryDataset::with_non_finite`] takes them.
    pub fn new(x: Tensor<f32>, y: Targets) -> Result<Self> {
        let dataset = Self::with_non_finite(x, y)?;
        check_finite("x", &dataset.x)?;
        if let Targets::Values(values) = &dataset.y {
            check_finite("values", values)?;
        }
        Ok(dataset)
    }

    /// As [`MemoryDataset::new`], but NaN and infinities may stand for what is missing; whoever
    /// reads the samples has to deal with them.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: `x` is a scalar, or the targets are not `n`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_data::{MemoryDataset, Targets};
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::from_vec(vec![1.0, f32::NAN], [1, 2])?;
    /// assert_eq!(
    ///     MemoryDataset::new(x.clone(), Targets::None).unwrap_err().to_string(),
    ///     "memory_dataset: x must be finite, got NaN at row 0, column 1"
    /// );
    /// assert!(MemoryDataset::with_non_finite(x, Targets::None)?.x().data()[1].is_nan());
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn with_non_finite(x: Tensor<f32>, y: Targets) -> Result<Self> {
        let Some(&n) = x.dims().first() else {
            return Err(Error::shape(OP, "x (n, ...)", x.shape()));
        };
        let expected = |got: String| Err(Error::shape(OP, format!("{n} targets"), got));
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
        Ok(Self { x, y, n_classes, steps: None, class_names: Vec::new() })
    }

    /// `x`, `(n, ...)`, all finite, and a class below `n_classes` for each of the `steps` steps of
    /// each sample, sample by sample. The data set does not know its labels
    /// ([`Dataset::labels`]): they belong to steps.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: `x` is a scalar, or the classes are not `n * steps`.
    /// - [`Error::NonFinite`]: NaN or an infinity in `x`.
    /// - [`Error::InvalidParam`]: a class of `n_classes` or above.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_data::{Loader, MemoryDataset};
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::zeros([2, 3, 1]); // two sequences of three steps with one feature
    /// let tagged = MemoryDataset::per_step(x, vec![0, 1, 0, 1, 1, 0], 3, 2)?;
    /// let batch = Loader::new(tagged).batch_size(2).epoch(0).next().unwrap()?;
    /// assert_eq!(batch.y.classes().unwrap(), [0, 1, 0, 1, 1, 0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn per_step(
        x: Tensor<f32>,
        classes: Vec<usize>,
        steps: usize,
        n_classes: usize,
    ) -> Result<Self> {
        let mut dataset = Self::new(x, Targets::None)?;
        let n = dataset.len();
        if classes.len() != n.saturating_mul(steps) {
            let expected = format!("{n} times {steps} classes, one per step");
            return Err(Error::shape(OP, expected, format!("{} classes", classes.len())));
        }
        dataset.n_classes = classes.iter().max().map_or(0, |&c| c + 1);
        dataset.y = Targets::Classes(classes);
        dataset.steps = Some(steps);
        dataset.set_n_classes(n_classes)?;
        Ok(dataset)
    }

    /// Rows of a table with a class each, of `n_classes`; numbers are rounded to single precision.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: not one class per row.
    /// - [`Error::NonFinite`]: NaN or an infinity.
    /// - [`Error::InvalidParam`]: a class of `n_classes` or above, a number beyond the range of
    ///   single precision.
    pub fn classes<T: Real>(
        x: MatrixView<'_, T>,
        classes: &[usize],
        n_classes: usize,
    ) -> Result<Self> {
        let mut dataset = Self::new(to_tensor("x", x)?, Targets::Classes(classes.to_vec()))?;
        dataset.set_n_classes(n_classes)?;
        Ok(dataset)
    }

    /// Rows of a table with one number each; numbers are rounded to single precision.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: not one number per row.
    /// - [`Error::NonFinite`]: NaN or an infinity.
    /// - [`Error::InvalidParam`]: a number beyond the range of single precision.
    pub fn values<T: Real>(x: MatrixView<'_, T>, values: &[T]) -> Result<Self> {
        let y = to_tensor("values", MatrixView::from_slice(values, values.len(), 1)?)?;
        Self::new(to_tensor("x", x)?, Targets::Values(y))
    }

    /// An array from a file, `(n, ...)`, with a class per item of its first axis; numbers are
    /// rounded to single precision.
    ///
    /// # Errors
    ///
    /// As [`MemoryDataset::classes`].
    pub fn from_array(x: &Array, classes: Vec<usize>) -> Result<Self> {
        if let ArrayData::F64(v) = x.data() {
            let n_rows = x.shape().iter().next().copied().unwrap_or(1);
            let n_cols = v.len().checked_div(n_rows).unwrap_or(0);
            check_range(OP, "x", MatrixView::from_slice(v, n_rows, n_cols)?)?;
        }
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
            return Err(Error::param(OP, "classes", rule, value));
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

const OP: &str = "memory_dataset";

/// Names the first number that is not finite by its sample and its place in it.
fn check_finite(name: &'static str, x: &Tensor<f32>) -> Result<()> {
    match x.data().iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let n = x.numel() / x.dims()[0];
            let (row, column, value) = (at / n, at % n, f64::from(x.data()[at]));
            Err(Error::NonFinite { op: OP, name, value, row, column })
        }
    }
}

/// Insists on numbers that are finite, and stay so in single precision.
pub(crate) fn check_range<T: Real>(
    op: &'static str,
    name: &'static str,
    x: MatrixView<'_, T>,
) -> Result<()> {
    x.check_finite(op, name)?;
    for (i, row) in x.rows().enumerate() {
        if let Some(j) = row.iter().position(|v| !(v.to_f64() as f32).is_finite()) {
            let value = format!("{:?} at row {i}, column {j}", row[j].to_f64());
            return Err(Error::param(op, name, "within the range of single precision", value));
        }
    }
    Ok(())
}

fn to_tensor<T: Real>(name: &'static str, x: MatrixView<'_, T>) -> Result<Tensor<f32>> {
    check_range(OP, name, x)?;
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
        let n_classes = self.n_classes;
        match (&self.y, self.steps) {
            (Targets::Classes(_), Some(steps)) => TargetKind::Steps { steps, n_classes },
            (Targets::Classes(_), None) => TargetKind::Classes(n_classes),
            (Targets::Values(values), _) => TargetKind::Values(values.dims()[1]),
            (Targets::None, _) => TargetKind::None,
        }
    }

    fn read(&self, index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        let n = out.len();
        out.copy_from_slice(&self.x.data()[index * n..][..n]);
        Ok(match (&self.y, self.steps) {
            (Targets::Classes(classes), Some(steps)) => {
                Label::Classes(classes[index * steps..][..steps].to_vec())
            }
            (Targets::Classes(classes), None) => Label::Class(classes[index]),
            (Targets::Values(values), _) => match values.dims()[1] {
                1 => Label::Value(values.data()[index]),
                n => Label::Values(values.data()[index * n..][..n].to_vec()),
            },
            (Targets::None, _) => Label::None,
        })
    }

    fn labels(&self) -> Option<Vec<usize>> {
        let classes = self.y.classes().filter(|_| self.steps.is_none())?;
        Some(classes.to_vec())
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_training_cannot_use_are_named() {
        let text = |result: Result<MemoryDataset>| result.unwrap_err().to_string();
        let y = || Targets::Classes(vec![0, 0]);
        let x = Tensor::from_vec(vec![0.0, 1.0, 2.0, f32::INFINITY], [2, 1, 2]).unwrap();
        assert_eq!(
            text(MemoryDataset::new(x.clone(), y())),
            "memory_dataset: x must be finite, got inf at row 1, column 1"
        );
        assert!(MemoryDataset::with_non_finite(x, y()).is_ok());
        let nan = Tensor::from_vec(vec![0.0, f32::NAN], [2, 1]).unwrap();
        assert_eq!(
            text(MemoryDataset::new(Tensor::zeros([2, 3]), Targets::Values(nan))),
            "memory_dataset: values must be finite, got NaN at row 1, column 0"
        );
        let rows = [[0.0, 1e39], [0.0, 0.0]];
        let too_large = "memory_dataset: x must be within the range of single precision, got 1e39 at row 0, column 1";
        assert_eq!(
            text(MemoryDataset::classes(MatrixView::from_rows(&rows), &[0, 0], 1)),
            too_large
        );
        assert_eq!(
            text(MemoryDataset::values(MatrixView::from_rows(&rows), &[0.0, 0.0])),
            too_large
        );
        let array = Array::new([2, 2], ArrayData::F64(rows.concat())).unwrap();
        assert_eq!(text(MemoryDataset::from_array(&array, vec![0, 0])), too_large);
        let rows = [[0.0f64], [1.0]];
        assert_eq!(
            text(MemoryDataset::values(MatrixView::from_rows(&rows), &[f64::NAN, 0.0])),
            "memory_dataset: values must be finite, got NaN at row 0, column 0"
        );
    }

    #[test]
    fn no_samples_are_fine() {
        let none = MemoryDataset::new(Tensor::zeros([0, 2]), Targets::Classes(vec![])).unwrap();
        assert_eq!(none.len(), 0);
        let array = Array::new([0, 2], ArrayData::F64(vec![])).unwrap();
        assert_eq!(MemoryDataset::from_array(&array, vec![]).unwrap().len(), 0);
    }
}
