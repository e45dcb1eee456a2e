//! What the scalers find.

use crate::check;
use purlin_backend::parallel;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use std::ops::Range;

/// Columns that are read in one walk along the rows: a cache line of doubles.
const COLUMNS: usize = 8;

/// A scaler that knows its columns: `z = (x - center) / scale + shift`, computed in double
/// precision and rounded once.
///
/// See the [module](super) for an example.
///
/// # Examples
///
/// ```
/// use purlin_cluster::{MatrixView, preprocessing::MinMaxScaler};
///
/// let x = [[10.0], [20.0], [50.0]];
/// let scaler = MinMaxScaler::new().fit(MatrixView::from_rows(&x))?;
/// assert_eq!((scaler.center(), scaler.scale()), (&[10.0][..], &[40.0][..]));
/// let z = scaler.transform(MatrixView::from_rows(&[[30.0], [90.0]]))?; // beyond what it has seen
/// assert_eq!(z.as_slice(), [0.5, 2.0]);
/// assert_eq!(scaler.inverse_transform(z.view())?.as_slice(), [30.0, 90.0]);
/// # Ok::<(), purlin_cluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScalerModel {
    op: &'static str,
    center: Vec<f64>,
    scale: Vec<f64>,
    shift: f64,
}

impl ScalerModel {
    /// Finds `(center, scale)` of each column of a table, which is checked first. A scale of 0
    /// becomes 1. Each task walks along the table for its columns, of which it holds a copy.
    pub(super) fn fit<T: Real>(
        op: &'static str,
        x: MatrixView<'_, T>,
        shift: f64,
        find: impl Fn(&mut [f64]) -> (f64, f64) + Sync + Send,
    ) -> Result<Self> {
        check::table(op, x, 1)?;
        let (n, d) = x.shape();
        let mut found = vec![(0.0, 0.0); d];
        let work = n.saturating_mul(d).saturating_mul(8);
        parallel::for_each_chunk(&mut found, COLUMNS, work, |block, found| {
            let first = block * COLUMNS;
            let mut columns = columns(x, first..first + found.len());
            for (found, column) in found.iter_mut().zip(columns.chunks_exact_mut(n)) {
                *found = find(column);
            }
        });
        let (mut center, mut scale) = (Vec::with_capacity(d), Vec::with_capacity(d));
        for (j, (at, spread)) in found.into_iter().enumerate() {
            if !(at.is_finite() && spread.is_finite()) {
                let value = format!("{spread} in column {j}");
                return Err(Error::param(op, "x", "of finite spread in each column", value));
            }
            center.push(at);
            scale.push(if spread == 0.0 { 1.0 } else { spread });
        }
        Ok(Self { op, center, scale, shift })
    }

    /// What is subtracted from each column.
    pub fn center(&self) -> &[f64] {
        &self.center
    }

    /// What each column is divided by, never 0.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// What is added at last: the lower end of the range of
    /// [`MinMaxScaler`](super::MinMaxScaler), 0 for the others.
    pub fn shift(&self) -> f64 {
        self.shift
    }

    /// The number of columns.
    pub fn n_features(&self) -> usize {
        self.center.len()
    }

    /// The scaled rows of `x`, `(n, n_features)`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when `x` has another number of columns, [`Error::NonFinite`] when it holds
    /// NaN or an infinity, or a number leaves the range of its type.
    pub fn transform<T: Real>(&self, x: MatrixView<'_, T>) -> Result<Matrix<T>> {
        self.map(x, |j, x| (x - self.center[j]) / self.scale[j] + self.shift)
    }

    /// The rows that `z` was scaled from, up to rounding.
    ///
    /// # Errors
    ///
    /// As [`ScalerModel::transform`].
    pub fn inverse_transform<T: Real>(&self, z: MatrixView<'_, T>) -> Result<Matrix<T>> {
        self.map(z, |j, z| (z - self.shift) * self.scale[j] + self.center[j])
    }

    fn map<T: Real>(
        &self,
        x: MatrixView<'_, T>,
        f: impl Fn(usize, f64) -> f64,
    ) -> Result<Matrix<T>> {
        check::features(self.op, x, self.n_features())?;
        let out =
            Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| T::from_f64(f(j, x.row(i)[j].to_f64())));
        out.view().check_finite(self.op, "the result")?;
        Ok(out)
    }
}

/// Some columns, one after the other.
fn columns<T: Real>(x: MatrixView<'_, T>, range: Range<usize>) -> Vec<f64> {
    let n = x.n_rows();
    let mut out = vec![0.0; n * range.len()];
    for (i, row) in x.rows().enumerate() {
        for (k, value) in row[range.clone()].iter().enumerate() {
            out[k * n + i] = value.to_f64();
        }
    }
    out
}
