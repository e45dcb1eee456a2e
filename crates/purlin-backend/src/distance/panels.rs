//! Rows of a table side by side, one per lane.

use crate::gemm::pack::{Source, pack_tile};
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::simd::{Isa, Lanes};
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// The rows of a table in panels of one vector (16 rows of `f32`, 8 of `f64`): a panel holds
/// feature by feature the numbers of its rows side by side, zeros where rows are missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::Panels;
/// use purlin_core::MatrixView;
///
/// let x = [[1.0f64, 2.0], [3.0, 4.0]];
/// let panels = Panels::pack(MatrixView::from_rows(&x), Some(&[1.0, 2.0]));
/// assert_eq!(panels.panel(0)[..2], [0.0, 2.0]); // the first feature, less its centre
/// assert_eq!(panels.panel(0)[8..10], [0.0, 2.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Panels<T: Real> {
    data: Buffer<T>,
    n_rows: usize,
    n_features: usize,
}

/// Panels that one task packs.
const RUN: usize = 64;

impl<T: Real> Panels<T> {
    /// Copies the rows of `x`, less the row `center` where one is given, over several threads.
    ///
    /// # Panics
    ///
    /// When `center` has not one number per column, or the copy could not be addressed.
    #[track_caller]
    pub fn pack(x: MatrixView<'_, T>, center: Option<&[T]>) -> Self {
        let (n_rows, n_features) = x.shape();
        if let Some(center) = center {
            let got = center.len();
            assert!(got == n_features, "panels: expected {n_features} centers, got {got}");
        }
        let lanes = width::<T>();
        let len = n_rows.div_ceil(lanes).checked_mul(lanes * n_features);
        let mut data = Buffer::scratch(len.expect("panels: sizes must fit in memory"));
        let out = &mut data[..];
        once!(|x: MatrixView<'_, T>, center: Option<&[T]>, out: &mut [T]| {
            let size = RUN * width::<T>() * x.n_cols();
            parallel::for_each_chunk(out, size, size_of_val(out), |run, out| {
                let first = run * RUN * width::<T>();
                let rows = first..x.n_rows().min(first + RUN * width::<T>());
                dispatch(Pack { x: x.row_range(rows), center, out });
            });
        });
        Self { data, n_rows, n_features }
    }

    /// Where the numbers of so many rows go.
    #[track_caller]
    pub(super) fn room(&mut self, n_rows: usize, n_features: usize) -> &mut [T] {
        let len = n_rows.div_ceil(width::<T>()).checked_mul(width::<T>() * n_features);
        let len = len.expect("panels: sizes must fit in memory");
        if self.data.len() < len {
            self.data = Buffer::scratch(len);
        }
        (self.n_rows, self.n_features) = (n_rows, n_features);
        &mut self.data[..len]
    }

    /// Panels of a table without rows: a place for others.
    pub fn none() -> Self {
        Self { data: Buffer::scratch(0), n_rows: 0, n_features: 0 }
    }

    /// Copies the rows of `x` that `rows` names, in that order, over several threads.
    ///
    /// # Panics
    ///
    /// When a row is missing.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::Panels;
    /// use purlin_core::MatrixView;
    ///
    /// let panels = Panels::gather(MatrixView::from_rows(&[[1.0f64], [2.0], [3.0]]), &[2, 0]);
    /// assert_eq!(panels.panel(0)[..3], [3.0, 1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn gather(x: MatrixView<'_, T>, rows: &[u32]) -> Self {
        let (lanes, n_features) = (width::<T>(), x.n_cols());
        let mut data = Buffer::scratch(rows.len().div_ceil(lanes) * lanes * n_features);
        let (size, work) = (RUN * lanes * n_features, size_of_val(&data[..]));
        parallel::for_each_chunk(&mut data, size, work, |run, out| {
            let rows = &rows[run * RUN * lanes..];
            let panels = out.chunks_exact_mut(lanes * n_features.max(1));
            for (panel, rows) in panels.zip(rows.chunks(lanes)) {
                if rows.len() < lanes {
                    panel.fill(T::ZERO);
                }
                for (lane, &row) in rows.iter().enumerate() {
                    for (j, &value) in x.row(row as usize).iter().enumerate() {
                        panel[j * lanes + lane] = value;
                    }
                }
            }
        });
        Self { data, n_rows: rows.len(), n_features }
    }

    /// The rows of the table.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns of the table.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The number of panels.
    pub fn n_panels(&self) -> usize {
        self.n_rows.div_ceil(width::<T>())
    }

    /// The rows that lie in the panels `panels`; without those that do not exist.
    pub fn rows_of(&self, panels: &Range<usize>) -> Range<usize> {
        let row = |panel: usize| panel.saturating_mul(width::<T>()).min(self.n_rows);
        row(panels.start)..row(panels.end)
    }

    /// Panel `i`: `n_features` vectors.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[inline]
    #[track_caller]
    pub fn panel(&self, i: usize) -> &[T] {
        let size = width::<T>() * self.n_features;
        &self.data[i * size..(i + 1) * size]
    }

    /// The panels `panels`, one after the other.
    #[inline]
    #[track_caller]
    pub(crate) fn run(&self, panels: &Range<usize>) -> &[T] {
        let size = width::<T>() * self.n_features;
        &self.data[panels.start * size..panels.end * size]
    }

    /// Puts another row in the place of row `i`.
    ///
    /// # Panics
    ///
    /// When there is no such row, or the new one has not one number per feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::Panels;
    /// use purlin_core::MatrixView;
    ///
    /// let mut panels = Panels::pack(MatrixView::from_rows(&[[1.0f64, 2.0], [3.0, 4.0]]), None);
    /// panels.set_row(1, &[5.0, 6.0]);
    /// assert_eq!(panels.panel(0)[..2], [1.0, 5.0]);
    /// ```
    #[track_caller]
    pub fn set_row(&mut self, i: usize, row: &[T]) {
        let (n, features) = (self.n_rows, self.n_features);
        assert!(
            i < n && row.len() == features,
            "set_row: expected a row below {n} with {features} features, got row {i} with {}",
            row.len()
        );
        let lanes = width::<T>();
        let panel = &mut self.data[i / lanes * lanes * features..][..lanes * features];
        for (out, &value) in panel.iter_mut().skip(i % lanes).step_by(lanes).zip(row) {
            *out = value;
        }
    }

    /// `limit` for each row, and NaN for each missing row of the last panel: what
    /// [`weigh_within`](super::weigh_within) and its like take.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::Panels;
    /// use purlin_core::MatrixView;
    ///
    /// let x = Panels::pack(MatrixView::from_rows(&[[1.0f64], [2.0]]), None);
    /// assert_eq!(x.limits(5.0)[..2], [5.0, 5.0]);
    /// assert!(x.limits(5.0)[2].is_nan());
    /// ```
    pub fn limits(&self, limit: T) -> Buffer<T> {
        let mut limits = Buffer::filled(self.n_panels() * width::<T>(), T::NAN);
        limits[..self.n_rows].fill(limit);
        limits
    }

    /// Rows of a panel.
    pub fn lanes() -> usize {
        width::<T>()
    }
}

/// Lanes of a vector of `T`.
const fn width<T: Real>() -> usize {
    64 / size_of::<T>()
}

struct Pack<'a, T> {
    x: MatrixView<'a, T>,
    center: Option<&'a [T]>,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Pack<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, center, out } = self;
        let lanes = T::Lanes::<I>::LANES;
        if x.n_cols() == 0 {
            return;
        }
        for (p, out) in out.chunks_exact_mut(lanes * x.n_cols()).enumerate() {
            let rows = x.row_range(p * lanes..x.n_rows().min((p + 1) * lanes));
            if rows.n_rows() < lanes {
                out.fill(T::ZERO);
            }
            let source =
                Source { first: rows.row(0).as_ptr(), row_step: x.row_stride(), column_step: 1 };
            // SAFETY: `rows` has at least one row; its rows lie `row_stride` apart and have
            // `n_cols` items each.
            unsafe {
                pack_tile::<T::Lanes<I>>(source, rows.n_rows(), x.n_cols(), out, lanes);
            }
            let Some(center) = center else { continue };
            for (out, &center) in out.chunks_exact_mut(lanes).zip(center) {
                if rows.n_rows() < lanes {
                    // Missing rows stay 0.
                    for out in &mut out[..rows.n_rows()] {
                        *out -= center;
                    }
                } else {
                    (T::Lanes::<I>::load(out) - T::Lanes::<I>::splat(center)).store(out);
                }
            }
        }
    }
}
