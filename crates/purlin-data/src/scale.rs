//! Fitted scaling of features, and of the channels of pictures.

use crate::Dataset;
use purlin_backend::{Buffer, Kernel, dispatch, parallel};
use purlin_core::rng::Stream;
use purlin_core::simd::Isa;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use serde::{Deserialize, Serialize};

/// Shifts and scales each feature to mean 0 and standard deviation 1.
///
/// A feature is a place along the last axis: a column of a table, a channel of a picture. The
/// deviation is the population's (divided by `n`); a constant feature is only shifted.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::StandardScaler;
///
/// let x = Matrix::from_rows(&[[1.0, 10.0], [3.0, 10.0]]);
/// let scaler = StandardScaler::fit(x.view())?;
/// assert_eq!(scaler.mean(), [2.0, 10.0]);
/// assert_eq!(scaler.transform(x.view())?.as_slice(), [-1.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardScaler {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl StandardScaler {
    /// A scaler with known statistics.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`]: not as many deviations as means.
    /// - [`Error::InvalidParam`]: a mean that is not finite, a deviation that is not positive and
    ///   finite.
    pub fn new(mean: Vec<f64>, std: Vec<f64>) -> Result<Self> {
        let scaler = Self { mean, std };
        scaler.check()?;
        Ok(scaler)
    }

    /// Refuses statistics that a damaged file may hold; see [`StandardScaler::new`].
    pub(crate) fn check(&self) -> Result<()> {
        let Self { mean, std } = self;
        if mean.len() != std.len() || mean.is_empty() {
            let expected = format!("as many deviations as means ({}), at least 1", mean.len());
            return Err(Error::shape("standard_scaler", expected, std.len()));
        }
        if let Some(m) = mean.iter().find(|m| !m.is_finite()) {
            return Err(Error::param("standard_scaler", "mean", "finite", m));
        }
        match std.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            Some(s) => Err(Error::param("standard_scaler", "std", "positive and finite", s)),
            None => Ok(()),
        }
    }

    /// The statistics of a table's columns, in double precision.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewSamples`]: no rows. [`Error::NonFinite`]: NaN or an infinity.
    pub fn fit<T: Real>(x: MatrixView<'_, T>) -> Result<Self> {
        if x.n_rows() == 0 {
            return Err(Error::TooFewSamples { op: "standard_scaler", expected: 1, got: 0 });
        }
        x.check_finite("standard_scaler", "x")?;
        let n = x.n_rows() as f64;
        let mut mean = vec![0.0; x.n_cols()];
        for row in x.rows() {
            add_each(&mut mean, row.iter().map(|v| v.to_f64()));
        }
        for m in &mut mean {
            *m /= n;
        }
        let mut var = vec![0.0; x.n_cols()];
        for row in x.rows() {
            add_each(&mut var, row.iter().zip(&mean).map(|(v, m)| square(v.to_f64() - m)));
        }
        Ok(Self::from_moments(mean, var.into_iter().map(|v| v / n)))
    }

    /// The statistics of a data set's samples, over all places but the last axis: of channels for
    /// pictures, of features for rows. Fit on evaluation data, without random augmentation.
    ///
    /// Samples are read in parallel; their statistics are joined in a fixed tree.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: no samples.
    /// - [`Error::NonFinite`]: NaN or an infinity (row: sample, column: place in it).
    /// - What reading gives.
    pub fn fit_dataset(dataset: &dyn Dataset) -> Result<Self> {
        let shape = dataset.sample_shape();
        let channels = shape.last().copied().unwrap_or(1).max(1);
        let stream = Stream::new(0, "standard_scaler");
        let of_sample = |i: usize| -> Result<Moments> {
            let mut x = Buffer::scratch(shape.numel());
            dataset.read(i, &mut stream.rng(i as u64), &mut x)?;
            if let Some(at) = x.iter().position(|v| !v.is_finite()) {
                let value = f64::from(x[at]);
                let op = "standard_scaler";
                return Err(Error::NonFinite { op, name: "sample", value, row: i, column: at });
            }
            Ok(Moments::of(&x, channels))
        };
        let join = |a: Result<Moments>, b: Result<Moments>| Ok(a?.join(&b?));
        // Reading a sample is worth a thread.
        let all = parallel::reduce(dataset.len(), usize::MAX, of_sample, join);
        let Some(all) = all.transpose()?.filter(|all| all.n > 0.0) else {
            return Err(Error::TooFewSamples { op: "standard_scaler", expected: 1, got: 0 });
        };
        let var: Vec<f64> = all.m2.iter().map(|m2| m2 / all.n).collect();
        Ok(Self::from_moments(all.mean, var.into_iter()))
    }

    fn from_moments(mean: Vec<f64>, var: impl Iterator<Item = f64>) -> Self {
        let std = var.map(|v| if v > 0.0 { v.sqrt() } else { 1.0 }).collect();
        Self { mean, std }
    }

    /// What is taken away from each feature.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What each feature is divided by; 1 for constant ones.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// The scaled table.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: another number of columns than was fitted.
    pub fn transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        each_column("standard_scaler", x, self.mean.len(), |j, v| (v - self.mean[j]) / self.std[j])
    }

    /// Undoes [`StandardScaler::transform`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: another number of columns than was fitted.
    pub fn inverse_transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        each_column("standard_scaler", x, self.mean.len(), |j, v| v * self.std[j] + self.mean[j])
    }

    /// Scales numbers whose last axis is the features, in place, in single precision.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: the length is no multiple of the number of features.
    pub fn apply(&self, x: &mut [f32]) -> Result<()> {
        apply("standard_scaler", x, &self.mean, &self.std)
    }
}

/// Scales each feature linearly so that the range seen in fitting becomes a chosen one.
///
/// Features are places along the last axis. A constant feature goes to the lower end; values
/// outside the range seen lie outside the chosen one.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::MinMaxScaler;
///
/// let x = Matrix::from_rows(&[[1.0], [3.0], [5.0]]);
/// let scaler = MinMaxScaler::fit(x.view(), 0.0, 1.0)?;
/// assert_eq!(scaler.transform(x.view())?.as_slice(), [0.0, 0.5, 1.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinMaxScaler {
    /// `y = (x - offset) / width`.
    offset: Vec<f64>,
    width: Vec<f64>,
}

impl MinMaxScaler {
    /// Learns the range of each column; it becomes `low..=high`.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: no rows.
    /// - [`Error::NonFinite`]: NaN or an infinity.
    /// - [`Error::InvalidParam`]: not `low < high`.
    pub fn fit<T: Real>(x: MatrixView<'_, T>, low: f64, high: f64) -> Result<Self> {
        if !(low < high && low.is_finite() && high.is_finite()) {
            let rule = "finite with low < high";
            return Err(Error::param("min_max_scaler", "range", rule, format!("{low}..{high}")));
        }
        let Some(first) = x.rows().next() else {
            return Err(Error::TooFewSamples { op: "min_max_scaler", expected: 1, got: 0 });
        };
        x.check_finite("min_max_scaler", "x")?;
        let (mut least, mut most) = (first.to_vec(), first.to_vec());
        for row in x.rows() {
            for (j, &v) in row.iter().enumerate() {
                least[j] = least[j].min(v);
                most[j] = most[j].max(v);
            }
        }
        let (mut offset, mut width) = (Vec::new(), Vec::new());
        for (a, b) in least.iter().zip(&most).map(|(a, b)| (a.to_f64(), b.to_f64())) {
            let w = if b > a { (b - a) / (high - low) } else { 1.0 };
            width.push(w);
            offset.push(a - low * w);
        }
        Ok(Self { offset, width })
    }

    /// The scaled table.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: another number of columns than was fitted.
    pub fn transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        let (offset, width) = (&self.offset, &self.width);
        each_column("min_max_scaler", x, offset.len(), |j, v| (v - offset[j]) / width[j])
    }

    /// Undoes [`MinMaxScaler::transform`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: another number of columns than was fitted.
    pub fn inverse_transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        let (offset, width) = (&self.offset, &self.width);
        each_column("min_max_scaler", x, offset.len(), |j, v| v * width[j] + offset[j])
    }

    /// Scales numbers whose last axis is the features, in place, in single precision.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: the length is no multiple of the number of features.
    pub fn apply(&self, x: &mut [f32]) -> Result<()> {
        apply("min_max_scaler", x, &self.offset, &self.width)
    }
}

fn square(x: f64) -> f64 {
    x * x
}

fn add_each(sums: &mut [f64], values: impl Iterator<Item = f64>) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

fn each_column<T: Real>(
    op: &'static str,
    x: MatrixView<'_, T>,
    n_cols: usize,
    f: impl Fn(usize, f64) -> f64,
) -> Result<Matrix<T>> {
    if x.n_cols() != n_cols {
        let got = format!("{} columns", x.n_cols());
        return Err(Error::shape(op, format!("{n_cols} columns"), got));
    }
    Ok(Matrix::from_fn(x.n_rows(), n_cols, |i, j| T::from_f64(f(j, x[(i, j)].to_f64()))))
}

/// `x = (x - offset) / width` along the last axis.
fn apply(op: &'static str, x: &mut [f32], offset: &[f64], width: &[f64]) -> Result<()> {
    struct Scale<'a>(&'a mut [f32], &'a [f32], &'a [f32]);
    impl Kernel for Scale<'_> {
        type Output = ();
        #[inline(always)]
        fn run<I: Isa>(self) {
            let Self(x, offset, width) = self;
            for row in x.chunks_exact_mut(offset.len()) {
                for ((x, &o), &w) in row.iter_mut().zip(offset).zip(width) {
                    *x = (*x - o) / w;
                }
            }
        }
    }
    if !x.len().is_multiple_of(offset.len()) {
        let expected = format!("a multiple of {} numbers", offset.len());
        return Err(Error::shape(op, expected, x.len()));
    }
    // A few repetitions make rows long enough to be worth a vector.
    let n = offset.len();
    let times = if x.len().is_multiple_of(16 * n) && n < 16 { 16 } else { 1 };
    let repeated = |v: &[f64]| -> Vec<f32> { (0..times * n).map(|i| v[i % n] as f32).collect() };
    dispatch(Scale(x, &repeated(offset), &repeated(width)));
    Ok(())
}

/// Count, mean and sum of squared deviations per channel.
struct Moments {
    n: f64,
    mean: Vec<f64>,
    m2: Vec<f64>,
}

impl Moments {
    fn of(x: &[f32], channels: usize) -> Self {
        let n = (x.len() / channels) as f64;
        let (mut mean, mut m2) = (vec![0.0; channels], vec![0.0; channels]);
        for pixel in x.chunks_exact(channels) {
            add_each(&mut mean, pixel.iter().map(|&v| f64::from(v)));
        }
        for m in &mut mean {
            *m /= n.max(1.0);
        }
        for pixel in x.chunks_exact(channels) {
            add_each(&mut m2, pixel.iter().zip(&mean).map(|(&v, m)| square(f64::from(v) - m)));
        }
        Self { n, mean, m2 }
    }

    /// The moments of both together: T. F. Chan, G. H. Golub, R. J. LeVeque, *Updating formulae
    /// and a pairwise algorithm for computing sample variances*, COMPSTAT 1982.
    fn join(mut self, other: &Self) -> Self {
        let n = self.n + other.n;
        if n > 0.0 {
            for (j, mean) in self.mean.iter_mut().enumerate() {
                let delta = other.mean[j] - *mean;
                *mean += delta * (other.n / n);
                self.m2[j] += other.m2[j] + delta * delta * (self.n * other.n / n);
            }
        }
        self.n = n;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDataset;
    use proptest::prelude::*;

    #[test]
    fn a_data_set_has_the_moments_of_all_its_pixels() {
        // 5 pictures of 2 x 3 pixels with 2 channels, as rows and as a table of pixels.
        let x = Matrix::from_fn(5, 12, |i, j| (i * i) as f32 * 3.0 - (j * (i + 1)) as f32);
        let pixels = Matrix::from_vec(x.as_slice().to_vec(), 30, 2).unwrap();
        let tensor = purlin_tensor::Tensor::from_vec(x.into_vec(), [5, 2, 3, 2]).unwrap();
        let dataset = MemoryDataset::new(tensor, crate::Targets::None).unwrap();
        let a = StandardScaler::fit_dataset(&dataset).unwrap();
        let b = StandardScaler::fit(pixels.view()).unwrap();
        for (a, b) in a.mean.iter().chain(&a.std).zip(b.mean.iter().chain(&b.std)) {
            assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{a} {b}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        let x = Matrix::from_rows(&[[1.0, f64::NAN]]);
        assert_eq!(
            StandardScaler::fit(x.view()).unwrap_err().to_string(),
            "standard_scaler: x must be finite, got NaN at row 0, column 1"
        );
        let x = Matrix::from_rows(&[[1.0, 2.0]]);
        let scaler = StandardScaler::fit(x.view()).unwrap();
        assert_eq!(
            scaler.transform(Matrix::from_rows(&[[1.0]]).view()).unwrap_err().to_string(),
            "standard_scaler: expected 2 columns, got 1 columns"
        );
        assert!(scaler.apply(&mut [0.0; 3]).is_err());
        assert_eq!(
            StandardScaler::new(vec![0.0], vec![0.0]).unwrap_err().to_string(),
            "standard_scaler: std must be positive and finite, got 0"
        );
        assert_eq!(
            MinMaxScaler::fit(x.view(), 1.0, 1.0).unwrap_err().to_string(),
            "min_max_scaler: range must be finite with low < high, got 1..1"
        );
    }

    proptest! {
        #[test]
        fn scaled_columns_have_mean_0_and_deviation_1_and_come_back(
            rows in proptest::collection::vec([-1e3f64..1e3, -1.0f64..1.0, 5.0f64..5.1], 2..40)
        ) {
            let x = Matrix::from_row_slices(&rows).unwrap();
            let scaler = StandardScaler::fit(x.view()).unwrap();
            let y = scaler.transform(x.view()).unwrap();
            let again = StandardScaler::fit(y.view()).unwrap();
            for j in 0..3 {
                prop_assert!(again.mean[j].abs() < 1e-9);
                prop_assert!((again.std[j] - 1.0).abs() < 1e-9);
            }
            let back = scaler.inverse_transform(y.view()).unwrap();
            for (a, b) in back.as_slice().iter().zip(x.as_slice()) {
                prop_assert!((a - b).abs() < 1e-9);
            }
            let json = serde_json::to_string(&scaler).unwrap();
            prop_assert_eq!(&serde_json::from_str::<StandardScaler>(&json).unwrap(), &scaler);
            let mut narrow: Vec<f32> = x.as_slice().iter().map(|&v| v as f32).collect();
            scaler.apply(&mut narrow).unwrap();
            for (a, b) in narrow.iter().zip(y.as_slice()) {
                prop_assert!((f64::from(*a) - b).abs() < 1e-3 * b.abs().max(1.0));
            }
        }

        #[test]
        fn the_range_becomes_the_chosen_one(
            rows in proptest::collection::vec([-1e3f64..1e3, 7.0f64..7.5], 2..40)
        ) {
            let x = Matrix::from_row_slices(&rows).unwrap();
            let scaler = MinMaxScaler::fit(x.view(), -1.0, 2.0).unwrap();
            let y = scaler.transform(x.view()).unwrap();
            for j in 0..2 {
                let low = y.column(j).fold(f64::MAX, f64::min);
                let high = y.column(j).fold(f64::MIN, f64::max);
                prop_assert!((low + 1.0).abs() < 1e-9);
                prop_assert!((high - 2.0).abs() < 1e-9);
            }
            let back = scaler.inverse_transform(y.view()).unwrap();
            for (a, b) in back.as_slice().iter().zip(x.as_slice()) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }
    }
}
