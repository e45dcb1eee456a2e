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
/// deviation is the population's (divided by `n`). A feature whose values are all equal is only
/// shifted: it becomes exactly 0, its deviation counts as 1.
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
#[serde(try_from = "StandardRecord")]
pub struct StandardScaler {
    mean: Vec<f64>,
    std: Vec<f64>,
}

/// What a file holds; it becomes a scaler once it has been checked.
#[derive(Deserialize)]
struct StandardRecord {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl TryFrom<StandardRecord> for StandardScaler {
    type Error = Error;

    fn try_from(record: StandardRecord) -> Result<Self> {
        Self::new(record.mean, record.std)
    }
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
        if mean.len() != std.len() || mean.is_empty() {
            let expected = format!("as many deviations as means ({}), at least 1", mean.len());
            return Err(Error::shape("standard_scaler", expected, std.len()));
        }
        if let Some(m) = mean.iter().find(|m| !m.is_finite()) {
            return Err(Error::param("standard_scaler", "mean", "finite", m));
        }
        match std.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            Some(s) => Err(Error::param("standard_scaler", "std", "positive and finite", s)),
            None => Ok(Self { mean, std }),
        }
    }

    /// The statistics of a table's columns, in double precision.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: no rows. [`Error::Shape`]: no columns.
    /// - [`Error::NonFinite`]: NaN or an infinity.
    /// - [`Error::InvalidParam`]: a column of numbers so large or so small that the mean or the
    ///   variance leaves the range of double precision.
    pub fn fit<T: Real>(x: MatrixView<'_, T>) -> Result<Self> {
        check_table("standard_scaler", x)?;
        let mut moments = Moments::new(x.n_cols());
        moments.n = x.n_rows() as f64;
        moments.measure(|| x.rows().map(|row| row.iter().map(|v| v.to_f64())));
        Self::from_moments(moments)
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
    /// - [`Error::InvalidParam`]: as [`StandardScaler::fit`].
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
        Self::from_moments(all)
    }

    /// A constant feature is told by its range: its variance, computed from a rounded mean, need
    /// not be 0.
    fn from_moments(moments: Moments) -> Result<Self> {
        let Moments { n, mut mean, m2, low, high } = moments;
        let mut std = Vec::with_capacity(m2.len());
        for (j, m2) in m2.into_iter().enumerate() {
            let is_constant = low[j] == high[j];
            if is_constant {
                mean[j] = low[j];
            }
            let variance = if is_constant { 1.0 } else { m2 / n };
            if !(variance > 0.0 && variance.is_finite() && mean[j].is_finite()) {
                let value = format!("{:?}..={:?} in column {j}", low[j], high[j]);
                let rule = "such that mean and variance fit in double precision";
                return Err(Error::param("standard_scaler", "x", rule, value));
            }
            std.push(variance.sqrt());
        }
        Ok(Self { mean, std })
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
    /// - [`Error::Shape`]: the length is no multiple of the number of features.
    /// - [`Error::InvalidParam`]: a mean or deviation outside the range of single precision, where
    ///   [`StandardScaler::transform`] is the way.
    pub fn apply(&self, x: &mut [f32]) -> Result<()> {
        apply("standard_scaler", x, ("mean", &self.mean), ("std", &self.std))
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
#[serde(try_from = "MinMaxRecord")]
pub struct MinMaxScaler {
    /// `y = (x - offset) / width`.
    offset: Vec<f64>,
    width: Vec<f64>,
}

/// What a file holds; it becomes a scaler once it has been checked.
#[derive(Deserialize)]
struct MinMaxRecord {
    offset: Vec<f64>,
    width: Vec<f64>,
}

impl TryFrom<MinMaxRecord> for MinMaxScaler {
    type Error = Error;

    fn try_from(MinMaxRecord { offset, width }: MinMaxRecord) -> Result<Self> {
        if offset.len() != width.len() || offset.is_empty() {
            let expected = format!("as many widths as offsets ({}), at least 1", offset.len());
            return Err(Error::shape("min_max_scaler", expected, width.len()));
        }
        let scaler = Self { offset, width };
        scaler.check()?;
        Ok(scaler)
    }
}

impl MinMaxScaler {
    /// Learns the range of each column; it becomes `low..=high`.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: no rows. [`Error::Shape`]: no columns.
    /// - [`Error::NonFinite`]: NaN or an infinity.
    /// - [`Error::InvalidParam`]: not `low < high`, or ranges that leave double precision.
    pub fn fit<T: Real>(x: MatrixView<'_, T>, low: f64, high: f64) -> Result<Self> {
        if !(low < high && low.is_finite() && high.is_finite()) {
            let rule = "finite with low < high";
            return Err(Error::param("min_max_scaler", "range", rule, format!("{low}..{high}")));
        }
        check_table("min_max_scaler", x)?;
        let (least, most) = ranges(x.n_cols(), x.rows().map(|row| row.iter().map(|v| v.to_f64())));
        let (mut offset, mut width) = (Vec::new(), Vec::new());
        for (a, b) in least.iter().zip(&most) {
            let w = if b > a { (b - a) / (high - low) } else { 1.0 };
            width.push(w);
            offset.push(a - low * w);
        }
        let scaler = Self { offset, width };
        scaler.check()?;
        Ok(scaler)
    }

    fn check(&self) -> Result<()> {
        if let Some(width) = self.width.iter().find(|w| !(w.is_finite() && **w > 0.0)) {
            return Err(Error::param("min_max_scaler", "width", "positive and finite", width));
        }
        match self.offset.iter().find(|o| !o.is_finite()) {
            Some(offset) => Err(Error::param("min_max_scaler", "offset", "finite", offset)),
            None => Ok(()),
        }
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
    /// - [`Error::Shape`]: the length is no multiple of the number of features.
    /// - [`Error::InvalidParam`]: a range of a feature (its `offset` or `width`) that single
    ///   precision cannot hold, where [`MinMaxScaler::transform`] is the way.
    pub fn apply(&self, x: &mut [f32]) -> Result<()> {
        apply("min_max_scaler", x, ("offset", &self.offset), ("width", &self.width))
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

/// Insists on rows, columns and finite numbers.
fn check_table<T: Real>(op: &'static str, x: MatrixView<'_, T>) -> Result<()> {
    if x.n_rows() == 0 {
        return Err(Error::TooFewSamples { op, expected: 1, got: 0 });
    }
    if x.n_cols() == 0 {
        return Err(Error::shape(op, "at least 1 column", "0 columns"));
    }
    x.check_finite(op, "x")
}

/// The least and the largest value of each column.
fn ranges<R: Iterator<Item = f64>>(
    n_cols: usize,
    rows: impl Iterator<Item = R>,
) -> (Vec<f64>, Vec<f64>) {
    let (mut low, mut high) = (vec![f64::INFINITY; n_cols], vec![f64::NEG_INFINITY; n_cols]);
    for row in rows {
        for ((low, high), v) in low.iter_mut().zip(&mut high).zip(row) {
            *low = low.min(v);
            *high = high.max(v);
        }
    }
    (low, high)
}

/// A name for errors, and a number per feature.
type Named<'a> = (&'static str, &'a [f64]);

/// `x = (x - offset) / width` along the last axis.
fn apply(op: &'static str, x: &mut [f32], offset: Named<'_>, width: Named<'_>) -> Result<()> {
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
    let rule = "within the range of single precision";
    if let Some(o) = offset.1.iter().find(|o| !(**o as f32).is_finite()) {
        return Err(Error::param(op, offset.0, rule, format!("{o:?}")));
    }
    // Rounded to 0, or to a number of few bits, it would make infinities or wrong values.
    if let Some(w) = width.1.iter().find(|w| !(**w as f32).is_normal()) {
        return Err(Error::param(op, width.0, rule, format!("{w:?}")));
    }
    let (offset, width) = (offset.1, width.1);
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

/// Count, mean, sum of squared deviations and range per channel.
struct Moments {
    n: f64,
    mean: Vec<f64>,
    m2: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Moments {
    fn new(channels: usize) -> Self {
        let zeros = || vec![0.0; channels];
        Self { n: 0.0, mean: zeros(), m2: zeros(), low: zeros(), high: zeros() }
    }

    fn of(x: &[f32], channels: usize) -> Self {
        let mut moments = Self::new(channels);
        moments.n = (x.len() / channels) as f64;
        moments.measure(|| x.chunks_exact(channels).map(|p| p.iter().map(|&v| f64::from(v))));
        moments
    }

    /// Fills in all but the count, in three passes over the `n` rows.
    fn measure<R, I>(&mut self, rows: impl Fn() -> R)
    where
        R: Iterator<Item = I>,
        I: Iterator<Item = f64>,
    {
        for row in rows() {
            add_each(&mut self.mean, row);
        }
        for m in &mut self.mean {
            *m /= self.n.max(1.0);
        }
        for row in rows() {
            add_each(&mut self.m2, row.zip(&self.mean).map(|(v, m)| square(v - m)));
        }
        (self.low, self.high) = ranges(self.mean.len(), rows());
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
                self.low[j] = self.low[j].min(other.low[j]);
                self.high[j] = self.high[j].max(other.high[j]);
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
    fn a_constant_column_becomes_exactly_0() {
        fn check<T: Real>(n: usize, value: f64) {
            let value = T::from_f64(value);
            let x =
                Matrix::from_fn(n, 2, |i, j| if j == 0 { value } else { T::from_f64(i as f64) });
            let scaler = StandardScaler::fit(x.view()).unwrap();
            assert_eq!((scaler.mean()[0], scaler.std()[0]), (value.to_f64(), 1.0));
            let y = scaler.transform(x.view()).unwrap();
            assert!(y.column(0).all(|v| v.to_f64() == 0.0), "{n} times {value}");
            let tensor = x.cast::<f32>().into_vec();
            let tensor = purlin_tensor::Tensor::from_vec(tensor, [n, 2]).unwrap();
            let dataset = MemoryDataset::new(tensor, crate::Targets::None).unwrap();
            assert_eq!(StandardScaler::fit_dataset(&dataset).unwrap().std()[0], 1.0);
        }
        for value in [0.1, 1e6 + 0.1, -1e-30, 0.0] {
            for n in [3, 1000] {
                check::<f64>(n, value);
                check::<f32>(n, value);
            }
        }
        // What varies in the last bit only is no constant.
        let x = Matrix::from_rows(&[[1.0], [1.0f64.next_up()]]);
        assert!(StandardScaler::fit(x.view()).unwrap().std()[0] < 1e-15);
    }

    #[test]
    fn numbers_beyond_the_precision_are_refused() {
        let text = |e: Error| e.to_string();
        for x in [[[1e308], [1.5e308]], [[1e-200], [2e-200]]] {
            let x = Matrix::from_rows(&x);
            let text = text(StandardScaler::fit(x.view()).unwrap_err());
            let start = "standard_scaler: x must be such that mean and variance fit in double \
                         precision, got ";
            assert!(text.starts_with(start) && text.ends_with(" in column 0"), "{text}");
        }
        let apply = |mean, std| {
            StandardScaler::new(vec![mean], vec![std]).unwrap().apply(&mut [1.0]).unwrap_err()
        };
        assert_eq!(
            text(apply(0.0, 1e-46)),
            "standard_scaler: std must be within the range of single precision, got 1e-46"
        );
        assert!(text(apply(1e39, 1.0)).starts_with("standard_scaler: mean must be within"));
        let wide = Matrix::from_rows(&[[-1.7e308], [1.7e308]]);
        let refused = MinMaxScaler::fit(wide.view(), 0.0, 1.0).unwrap_err();
        assert_eq!(text(refused), "min_max_scaler: width must be positive and finite, got inf");
    }

    #[test]
    fn damaged_records_are_refused() {
        let standard = |json| serde_json::from_str::<StandardScaler>(json).unwrap_err().to_string();
        assert_eq!(
            standard(r#"{"mean":[0.0,1.0],"std":[1.0]}"#),
            "standard_scaler: expected as many deviations as means (2), at least 1, got 1"
        );
        assert_eq!(
            standard(r#"{"mean":[0.0],"std":[-1.0]}"#),
            "standard_scaler: std must be positive and finite, got -1"
        );
        let min_max = |json| serde_json::from_str::<MinMaxScaler>(json).unwrap_err().to_string();
        assert_eq!(
            min_max(r#"{"offset":[0.0,1.0],"width":[1.0]}"#),
            "min_max_scaler: expected as many widths as offsets (2), at least 1, got 1"
        );
        assert_eq!(
            min_max(r#"{"offset":[0.0],"width":[0.0]}"#),
            "min_max_scaler: width must be positive and finite, got 0"
        );
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
            for (i, (a, b)) in narrow.iter().zip(y.as_slice()).enumerate() {
                // A number of the table is rounded once, and so is its mean.
                let rounding = f64::from(f32::EPSILON) * x.as_slice()[i].abs() / scaler.std[i % 3];
                let allowed = 1e-3 * b.abs().max(1.0) + 2.0 * rounding;
                prop_assert!((f64::from(*a) - b).abs() < allowed);
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
