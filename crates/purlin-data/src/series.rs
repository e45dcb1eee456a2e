//! Time series: windows of the past with the values that followed.

use crate::memory::check_range;
use crate::{Dataset, Label, StandardScaler, TargetKind};
use purlin_core::rng::Rng;
use purlin_core::{Error, Matrix, MatrixView, Real, Result, Shape};
use purlin_tensor::Tensor;
use std::ops::Range;
use std::sync::Arc;

const OP: &str = "series_windows";

/// Windows of a series, each with what comes after it.
///
/// A series is a table with a row per moment, equally spaced, and a column per quantity.
///
/// | value | shape |
/// |---|---|
/// | `x` | `(input, n_columns)`: rows of the series |
/// | target | `horizon * n_targets` values: the next rows, row by row, of the columns to forecast |
///
/// Windows begin every `stride` rows (1 unless set); all columns are forecast unless
/// [`Windows::targets`] chooses some.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::series::Windows;
/// use purlin_data::{Dataset, Loader};
///
/// let series = Matrix::from_fn(6, 2, |i, j| (i * 10 + j) as f32);
/// let windows = Windows::new(series.view(), 3, 2)?.targets(&[1])?;
/// assert_eq!(windows.len(), 2);
/// let batch = Loader::new(windows).all()?;
/// assert_eq!(batch.x.dims(), [2, 3, 2]);
/// assert_eq!(batch.x.data()[..6], [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
/// assert_eq!(batch.y.values().unwrap().data(), [31.0, 41.0, 41.0, 51.0]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Windows {
    series: Arc<Matrix<f64>>,
    rows: Range<usize>,
    input: usize,
    horizon: usize,
    stride: usize,
    targets: Vec<usize>,
}

impl Windows {
    /// Windows of `input` rows, with the `horizon` rows that follow.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `input` or `horizon` is 0, or a number is beyond the range of
    ///   single precision.
    /// - [`Error::Shape`]: no columns. [`Error::TooFewSamples`]: fewer than `input + horizon` rows.
    /// - [`Error::NonFinite`]: NaN or an infinity.
    pub fn new<T: Real>(series: MatrixView<'_, T>, input: usize, horizon: usize) -> Result<Self> {
        for (name, value) in [("input", input), ("horizon", horizon)] {
            if value == 0 {
                return Err(Error::param(OP, name, "at least 1", value));
            }
        }
        if series.n_cols() == 0 {
            return Err(Error::shape(OP, "at least 1 column", "0 columns"));
        }
        check_range(OP, "series", series)?;
        let (rows, targets) = (0..series.n_rows(), (0..series.n_cols()).collect());
        let series = Arc::new(series.cast::<f64>());
        Self { series, rows, input, horizon, stride: 1, targets }.checked()
    }

    /// Rows between the beginnings of two windows.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: it is 0.
    pub fn stride(self, stride: usize) -> Result<Self> {
        match stride {
            0 => Err(Error::param(OP, "stride", "at least 1", stride)),
            _ => Ok(Self { stride, ..self }),
        }
    }

    /// The columns to forecast, in this order; the input keeps all.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: none, or a column that the series does not have.
    pub fn targets(self, columns: &[usize]) -> Result<Self> {
        let n = self.series.n_cols();
        if columns.is_empty() {
            return Err(Error::param(OP, "columns", "at least 1 column", "none"));
        }
        match columns.iter().find(|&&column| column >= n) {
            Some(column) => Err(Error::param(OP, "columns", format!("below {n}"), column)),
            None => Ok(Self { targets: columns.to_vec(), ..self }),
        }
    }

    /// The windows of the first `fraction` of the rows, for training, and those of the later rows,
    /// for validation. Each window lies with its targets in one part, so neither part knows
    /// anything of the other.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidParam`]: `fraction` is not in 0..=1.
    /// - [`Error::TooFewSamples`]: a part has fewer than `input + horizon` rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::Matrix;
    /// use purlin_data::Dataset;
    /// use purlin_data::series::Windows;
    ///
    /// let series = Matrix::from_fn(100, 1, |i, _| i as f32);
    /// let (train, validation) = Windows::new(series.view(), 4, 1)?.split(0.8)?;
    /// assert_eq!((train.len(), validation.len()), (76, 16)); // of 80 and 20 rows
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn split(&self, fraction: f64) -> Result<(Self, Self)> {
        let border = border(OP, &self.rows, fraction)?;
        let part = |rows| Self { rows, ..self.clone() }.checked();
        Ok((part(self.rows.start..border)?, part(border..self.rows.end)?))
    }

    /// As [`Windows::split`], every column shifted and scaled to mean 0 and standard deviation 1 of
    /// the training rows: what the later rows look like is not known in training.
    ///
    /// # Errors
    ///
    /// As [`Windows::split`] and [`StandardScaler::fit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_core::Matrix;
    /// use purlin_data::Loader;
    /// use purlin_data::series::Windows;
    ///
    /// let series = Matrix::from_fn(50, 2, |i, j| (1000 * j + i) as f32);
    /// let parts = Windows::new(series.view(), 4, 2)?.targets(&[1])?.standardized(0.8)?;
    /// assert_eq!(parts.scaler().mean(), [19.5, 1019.5]); // of rows 0 to 39
    ///
    /// // A perfect forecast, in the units of the series:
    /// let batch = Loader::new(parts.validation().clone()).all()?;
    /// let forecast = parts.inverse(batch.y.values().unwrap())?;
    /// assert!((forecast.data()[0] - 1044.0).abs() < 1e-3);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    pub fn standardized(&self, fraction: f64) -> Result<Standardized> {
        let (train, validation) = self.split(fraction)?;
        let n_cols = self.series.n_cols();
        let seen = &self.series.as_slice()[train.rows.start * n_cols..train.rows.end * n_cols];
        let scaler = StandardScaler::fit(MatrixView::from_slice(seen, train.rows.len(), n_cols)?)?;
        let scaled = scaler.transform(self.series.view())?;
        check_range(OP, "series", scaled.view())?;
        let series = Arc::new(scaled);
        let of = |part: Self| Self { series: Arc::clone(&series), ..part };
        Ok(Standardized { train: of(train), validation: of(validation), scaler })
    }

    fn checked(self) -> Result<Self> {
        let (expected, got) = (self.input.saturating_add(self.horizon), self.rows.len());
        if got < expected {
            return Err(Error::TooFewSamples { op: OP, expected, got });
        }
        Ok(self)
    }
}

impl Dataset for Windows {
    fn len(&self) -> usize {
        (self.rows.len() - self.input - self.horizon) / self.stride + 1
    }

    fn sample_shape(&self) -> Shape {
        Shape::from([self.input, self.series.n_cols()])
    }

    fn target(&self) -> TargetKind {
        TargetKind::Values(self.horizon * self.targets.len())
    }

    fn read(&self, index: usize, _rng: &mut Rng, out: &mut [f32]) -> Result<Label> {
        assert!(index < self.len(), "{OP}: index must be below {}, got {index}", self.len());
        let (from, n_cols) = (self.rows.start + index * self.stride, self.series.n_cols());
        for (out, &value) in out.iter_mut().zip(&self.series.as_slice()[from * n_cols..]) {
            *out = value as f32;
        }
        let next = from + self.input..from + self.input + self.horizon;
        let values = next.flat_map(|row| self.targets.iter().map(move |&column| (row, column)));
        Ok(Label::Values(values.map(|at| self.series[at] as f32).collect()))
    }
}

/// The parts of a series in the scale of its training part; made by [`Windows::standardized`].
#[derive(Debug, Clone)]
pub struct Standardized {
    train: Windows,
    validation: Windows,
    scaler: StandardScaler,
}

impl Standardized {
    /// The windows to train on.
    pub fn train(&self) -> &Windows {
        &self.train
    }

    /// The windows that come later.
    pub fn validation(&self) -> &Windows {
        &self.validation
    }

    /// The statistics of the training rows, column by column.
    pub fn scaler(&self) -> &StandardScaler {
        &self.scaler
    }

    /// Forecasts, or targets, in the units of the series: of shape `(n, horizon * n_targets)` or
    /// `(n, horizon, n_targets)`, which they keep.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`]: another shape.
    pub fn inverse(&self, forecasts: &Tensor<f32>) -> Result<Tensor<f32>> {
        let (horizon, columns) = (self.train.horizon, &self.train.targets);
        let n = columns.len();
        match forecasts.dims() {
            [_, width] if *width == horizon * n => {}
            [_, h, c] if (*h, *c) == (horizon, n) => {}
            _ => {
                let expected = format!("forecasts (n, {horizon} * {n}) or (n, {horizon}, {n})");
                return Err(Error::shape(OP, expected, forecasts.shape()));
            }
        }
        let of = |all: &[f64]| columns.iter().map(|&column| all[column]).collect();
        let scaler = StandardScaler::new(of(self.scaler.mean()), of(self.scaler.std()))?;
        let rows = MatrixView::from_slice(forecasts.data(), forecasts.numel() / n, n)?;
        Tensor::from_vec(scaler.inverse_transform(rows)?.into_vec(), *forecasts.shape())
    }
}

/// Where the first `fraction` of a range ends, rounded, ties to the even place.
pub(crate) fn border(op: &'static str, range: &Range<usize>, fraction: f64) -> Result<usize> {
    if !(0.0..=1.0).contains(&fraction) {
        return Err(Error::param(op, "fraction", "in 0..=1", fraction));
    }
    Ok(range.start + (fraction * range.len() as f64).round_ties_even() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loader;
    use proptest::prelude::*;

    #[test]
    fn senseless_options_are_refused() {
        let text = |result: Result<Windows>| result.unwrap_err().to_string();
        let series = Matrix::from_fn(5, 2, |i, _| i as f64);
        let new = |input, horizon| Windows::new(series.view(), input, horizon);
        assert_eq!(text(new(0, 1)), "series_windows: input must be at least 1, got 0");
        assert_eq!(text(new(1, 0)), "series_windows: horizon must be at least 1, got 0");
        assert_eq!(text(new(4, 2)), "series_windows: expected at least 6 samples, got 5");
        let fine = new(2, 1).unwrap();
        assert_eq!(
            text(fine.clone().stride(0)),
            "series_windows: stride must be at least 1, got 0"
        );
        assert_eq!(
            text(fine.clone().targets(&[2])),
            "series_windows: columns must be below 2, got 2"
        );
        assert_eq!(
            text(fine.clone().targets(&[])),
            "series_windows: columns must be at least 1 column, got none"
        );
        assert_eq!(
            fine.split(0.5).unwrap_err().to_string(),
            "series_windows: expected at least 3 samples, got 2"
        );
        let broken = Matrix::from_rows(&[[0.0], [f64::NAN], [1.0]]);
        assert_eq!(
            text(Windows::new(broken.view(), 1, 1)),
            "series_windows: series must be finite, got NaN at row 1, column 0"
        );
    }

    #[test]
    fn forecasts_come_back_in_the_units_of_their_columns() {
        let series = Matrix::from_fn(40, 3, |i, j| i as f64 * [1.0, 1e3, 1e6][j]);
        let parts = Windows::new(series.view(), 3, 2).unwrap().targets(&[2, 0]).unwrap();
        let parts = parts.standardized(0.5).unwrap();
        let batch = Loader::new(parts.validation().clone()).all().unwrap();
        let flat = batch.y.values().unwrap();
        let back = parts.inverse(flat).unwrap();
        for (got, expected) in back.data().iter().zip([23e6, 23.0, 24e6, 24.0]) {
            assert!((f64::from(*got) / expected - 1.0).abs() < 1e-6, "{got} {expected}");
        }
        let cube = flat.reshape([flat.dims()[0], 2, 2]);
        assert_eq!(parts.inverse(&cube).unwrap().data(), back.data());
        let wrong = parts.inverse(&Tensor::zeros([1, 3])).unwrap_err().to_string();
        assert_eq!(wrong, "series_windows: expected forecasts (n, 2 * 2) or (n, 2, 2), got (1, 3)");
    }

    proptest! {
        #[test]
        fn windows_are_as_many_as_fit_and_training_never_sees_what_comes_later(
            n in 1usize..70, input in 1usize..8, horizon in 1usize..6, stride in 1usize..9,
            fraction in 0.0f64..1.0,
        ) {
            let series = Matrix::from_fn(n, 2, |i, j| (2 * i + j) as f64);
            let whole = Windows::new(series.view(), input, horizon);
            prop_assert_eq!(whole.is_ok(), n >= input + horizon);
            let Ok(whole) = whole else { return Ok(()) };
            let whole = whole.stride(stride).unwrap();
            let starts = (0..n).step_by(stride).filter(|from| from + input + horizon <= n).count();
            prop_assert_eq!(whole.len(), starts);
            let Ok((train, validation)) = whole.split(fraction) else { return Ok(()) };
            let (a, b) = (Loader::new(train).all().unwrap(), Loader::new(validation).all().unwrap());
            let most = |x: &[f32]| x.iter().copied().fold(f32::MIN, f32::max);
            let border = (fraction * n as f64).round_ties_even() as f32;
            prop_assert!(most(a.x.data()) < 2.0 * border);
            prop_assert!(most(a.y.values().unwrap().data()) < 2.0 * border);
            prop_assert_eq!(b.x.data()[0], 2.0 * border);
            // Changing what comes later changes neither the scale nor the training part.
            let mut other = series.clone();
            for i in border as usize..n {
                other[(i, 0)] += 1e3;
            }
            let bits = |series: &Matrix<f64>| {
                let windows = Windows::new(series.view(), input, horizon).unwrap();
                let parts = windows.stride(stride).unwrap().standardized(fraction).unwrap();
                let train = Loader::new(parts.train().clone()).all().unwrap();
                (parts.scaler().clone(), train.x.to_vec())
            };
            prop_assert_eq!(bits(&series), bits(&other));
        }
    }
}
