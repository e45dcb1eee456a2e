//! Many rows, prepared for being ranked against a few.

use super::Panels;
use crate::gemm::pack::{Source, pack_tile};
use crate::mono::once;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::simd::{Isa, Lanes};
use purlin_core::{MatrixView, Real};

/// Where rows are ranked: less a common row, times a power of 2.
///
/// A good frame saves time, and none changes an answer: the common row lies in the midst of the
/// rows, and the power of 2 brings their numbers to about 1.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::Frame;
///
/// let frame = Frame::new(&[1.0f32, -2.0], 5.0); // numbers are up to 5 from these
/// assert_eq!(frame.center(), [1.0, -2.0]);
/// assert_eq!(frame.scale(), 0.25);
/// ```
#[derive(Debug, Clone)]
pub struct Frame<T> {
    center: Vec<T>,
    scale: T,
}

impl<T: Real> Frame<T> {
    /// The common row, and about the greatest distance of a number from its place there.
    pub fn new(center: &[T], extent: f64) -> Self {
        let exponent = (extent.to_bits() >> 52) & 0x7ff;
        let power = f64::from_bits(0x7fe_u64.saturating_sub(exponent).max(1) << 52);
        let scale = match exponent {
            0 | 0x7ff => 1.0,
            // So that it is a normal number of the type, as its inverse is.
            _ => power.clamp(4.0 * T::MIN_POSITIVE.to_f64(), 0.25 / T::MIN_POSITIVE.to_f64()),
        };
        Self { center: center.to_vec(), scale: T::from_f64(scale) }
    }

    /// The common row.
    pub fn center(&self) -> &[T] {
        &self.center
    }

    /// What differences from it are multiplied by.
    pub fn scale(&self) -> T {
        self.scale
    }

    /// The numbers of a row in the frame, from feature `first` on, rounded to `S`.
    #[inline(always)]
    pub(super) fn of<S: Real>(&self, row: &[T], first: usize, out: &mut [S]) {
        let center = &self.center[first..first + out.len()];
        for ((out, &x), &center) in out.iter_mut().zip(&row[first..]).zip(center) {
            *out = S::from_f64(((x - center) * self.scale).to_f64());
        }
    }
}

/// The rows of a table in a [`Frame`], in single precision, with their norms: what
/// [`Centroids::nearest`](super::Centroids::nearest) reads.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Frame, Points};
/// use purlin_core::MatrixView;
///
/// let x = [[1.0f64, 2.0], [3.0, 4.0]];
/// let points = Points::pack(MatrixView::from_rows(&x), &Frame::new(&[2.0, 3.0], 1.0));
/// assert_eq!(points.n_rows(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct Points {
    pub(super) panels: Panels<f32>,
    /// The squared norms, 0 where rows are missing.
    pub(super) norms: Buffer<f32>,
}

/// Rows of a panel.
const LANES: usize = 16;

/// Panels that one task packs.
const RUN: usize = 16;

/// Features of a row that are brought into the frame at a time.
const WIDTH: usize = 64;

impl Points {
    /// Rows that lie side by side: blocks of rows start at multiples of it.
    pub const LANES: usize = LANES;

    /// Brings the rows of `x` into the frame, over several threads.
    ///
    /// # Panics
    ///
    /// When the frame has not one number per column, or the copy could not be addressed.
    #[track_caller]
    pub fn pack<T: Real>(x: MatrixView<'_, T>, frame: &Frame<T>) -> Self {
        let ((n, d), got) = (x.shape(), frame.center.len());
        assert!(got == d, "points: expected a frame of {d} features, got {got}");
        let mut panels = Panels::none();
        let mut norms = Buffer::scratch(n.next_multiple_of(LANES));
        let (out, norms_out) = (panels.room(n, d), &mut norms[..]);
        let work = size_of_val(out);
        once!(|x: MatrixView<'_, T>,
               frame: &Frame<T>,
               out: &mut [f32],
               norms_out: &mut [f32],
               work: usize| {
            let size = RUN * LANES;
            let outs = out.chunks_mut((size * x.n_cols()).max(1));
            let mut runs: Vec<_> = outs.zip(norms_out.chunks_mut(size)).collect();
            parallel::for_each_chunk(&mut runs, 1, work, |i, run| {
                let rows = i * size..x.n_rows().min((i + 1) * size);
                let (out, norms) = &mut run[0];
                dispatch(Pack { x: x.row_range(rows), frame, out, norms });
            });
        });
        Self { panels, norms }
    }

    /// Room for [`Points::gather`].
    pub(super) fn scratch() -> Self {
        Self { panels: Panels::none(), norms: Buffer::scratch(0) }
    }

    /// Copies the rows `first + row` of `points` for each of `rows`, in the place of what is there.
    #[inline(always)]
    pub(super) fn gather(&mut self, points: &Points, first: usize, rows: &[u32]) {
        let d = points.panels.n_features();
        if self.norms.len() < rows.len() {
            self.norms = Buffer::scratch(rows.len().next_multiple_of(LANES));
        }
        let panels = self.panels.room(rows.len(), d).chunks_exact_mut(LANES * d);
        let norms = self.norms.chunks_exact_mut(LANES);
        for ((rows, panel), norms) in rows.chunks(LANES).zip(panels).zip(norms) {
            let mut from = [&[][..]; LANES];
            for (lane, (from, norm)) in from.iter_mut().zip(norms).enumerate() {
                // The last row again where fewer are left.
                let row = first + rows[lane.min(rows.len() - 1)] as usize;
                *from = &points.panels.panel(row / LANES)[row % LANES..];
                *norm = points.norms[row];
            }
            for (j, out) in panel.chunks_exact_mut(LANES).enumerate() {
                for (out, from) in out.iter_mut().zip(&from) {
                    *out = from[j * LANES];
                }
            }
        }
    }

    /// The rows of the table.
    pub fn n_rows(&self) -> usize {
        self.panels.n_rows()
    }
}

struct Pack<'a, T> {
    x: MatrixView<'a, T>,
    frame: &'a Frame<T>,
    out: &'a mut [f32],
    norms: &'a mut [f32],
}

impl<T: Real> Kernel for Pack<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, frame, out, norms } = self;
        let (n, d) = x.shape();
        let mut part = [0.0f32; LANES * WIDTH];
        for (p, norms) in norms.chunks_exact_mut(LANES).enumerate() {
            let rows = x.row_range(p * LANES..n.min((p + 1) * LANES));
            let panel = &mut out[p * LANES * d..(p + 1) * LANES * d];
            // Missing rows are 0.
            part.fill(0.0);
            for first in (0..d).step_by(WIDTH) {
                let width = WIDTH.min(d - first);
                for (row, out) in rows.rows().zip(part.chunks_exact_mut(WIDTH)) {
                    frame.of(row, first, &mut out[..width]);
                }
                let source = Source { first: part.as_ptr(), row_step: WIDTH, column_step: 1 };
                let panel = &mut panel[first * LANES..(first + width) * LANES];
                // SAFETY: `part` holds `LANES` rows of `WIDTH`, and `width` is at most that.
                unsafe {
                    pack_tile::<<f32 as Real>::Lanes<I>>(source, LANES, width, panel, LANES);
                }
            }
            let mut sum = <f32 as Real>::Lanes::<I>::splat(0.0);
            for x in panel.chunks_exact(LANES) {
                let x = <f32 as Real>::Lanes::<I>::load(x);
                sum = x.mul_add(x, sum);
            }
            sum.store(norms);
        }
    }
}
