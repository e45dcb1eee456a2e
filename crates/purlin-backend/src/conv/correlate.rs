//! The engine of the forward pass and of the input gradient: a correlation of channels-last
//! images with packed weights.
//!
//! For one kernel row the inputs of an output pixel are one run of memory, and the runs of
//! neighbouring pixels are `stride * channels` apart: the image row itself is the left operand
//! of a product, and nothing is unrolled into columns. A register tile of output pixels by output
//! channels stays in registers over all kernel rows. Only images that need padding are copied,
//! a band of rows at a time.

use super::band::{Axis, PaddedRows};
use super::depthwise::Depthwise;
use super::narrow::Narrow;
use crate::gemm::Epilogue;
use crate::gemm::block::{Block, block};
use crate::gemm::driver::Shared;
use crate::gemm::pack::{Source, pack_panels};
use crate::gemm::tile::{MAX_ROWS, Operands, Out, Steps, Walk};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Bytes of the input of one band: it stays in the second-level cache while all output channels
/// pass it.
const BAND_BYTES: usize = 128 << 10;

/// Tasks that a convolution is cut into where its size allows.
const MIN_TASKS: usize = 16;

/// How sums are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// Tiles of pixels by vectors of output channels.
    Tiles,
    /// Few output channels: tiles of channels by vectors of pixels.
    Narrow,
    /// One channel to one channel: vectors of channels.
    Depthwise,
}

/// A correlation of a batch of images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correlation {
    pub(super) batch: usize,
    pub(super) rows: Axis,
    pub(super) columns: Axis,
    pub(super) groups: usize,
    /// Channels of an input pixel that one group reads.
    pub(super) group_in: usize,
    /// Channels of an output pixel that one group writes.
    pub(super) group_out: usize,
    /// Items between output pixels, rows, images.
    pub(super) out_steps: [usize; 3],
}

impl Correlation {
    pub(super) fn in_channels(&self) -> usize {
        self.groups * self.group_in
    }

    /// Terms of each sum.
    pub(super) fn terms(&self) -> usize {
        self.rows.taps * self.columns.taps * self.group_in
    }

    /// Items of the packed weights of one group.
    fn group_panels<T: Real>(&self) -> usize {
        let lanes = lanes::<T>();
        self.terms() * self.group_out.div_ceil(lanes) * lanes
    }

    /// How the sums are formed: the fastest way, never another result.
    fn method<T: Real>(&self) -> Method {
        let (lanes, columns) = (lanes::<T>(), self.columns.out);
        // Vectors per term and row, with lanes over channels and with lanes over pixels.
        let over_channels = self.group_out.div_ceil(lanes) * columns;
        let over_pixels = columns.div_ceil(lanes) * self.group_out;
        if self.group_in == 1 && self.group_out == 1 && self.groups >= lanes / 2 {
            Method::Depthwise
        } else if self.groups == 1
            && self.columns.stride == 1
            && self.group_out <= MAX_ROWS / 2
            && over_pixels * 2 <= over_channels
        {
            Method::Narrow
        } else {
            Method::Tiles
        }
    }

    /// Packs the weights. `tap(ty, tx)` is the matrix of a tap: rows are the input channels of
    /// group 0, columns its output channels; `group_step` leads to the next group's.
    pub(super) fn pack<T: Real>(
        &self,
        group_step: usize,
        tap: impl Fn(usize, usize) -> Source<T>,
    ) -> Buffer<T> {
        let n_taps = self.rows.taps * self.columns.taps;
        let taps = (0..n_taps).map(|t| tap(t / self.columns.taps, t % self.columns.taps));
        let method = self.method::<T>();
        if method != Method::Tiles {
            // Term by term, the output channels side by side.
            let (rows, columns) = (self.group_in, self.group_out * self.groups);
            let mut weights = Buffer::scratch(n_taps * rows * columns);
            for (source, out) in taps.zip(weights.chunks_exact_mut((rows * columns).max(1))) {
                let source = match method {
                    Method::Depthwise => Source { column_step: group_step, ..source },
                    _ => source,
                };
                for (i, out) in out.iter_mut().enumerate() {
                    // SAFETY: a tap has that many rows and columns, or groups of one of each.
                    *out = unsafe { source.get(i / columns, i % columns) };
                }
            }
            return weights;
        }
        let mut panels = Buffer::scratch(self.groups * self.group_panels::<T>());
        let per_group = self.group_panels::<T>();
        for (t, source) in taps.enumerate() {
            for group in 0..self.groups {
                let first = group * per_group + t * self.group_in * lanes::<T>();
                dispatch(PackTap {
                    source: source.at_item(group * group_step),
                    rows: self.group_in,
                    columns: self.group_out,
                    out: &mut panels[first..],
                    panel_step: self.terms() * lanes::<T>(),
                });
            }
        }
        panels
    }

    /// Writes every output: `out[pixel] = epilogue(sum over taps and channels)`.
    ///
    /// # Safety
    ///
    /// `out` must be writable at all pixels that `out_steps` reach, with all output channels.
    pub(super) unsafe fn run<T: Real>(
        &self,
        x: &[T],
        weights: &[T],
        out: *mut T,
        epilogue: &Epilogue<'_, T>,
    ) {
        let row_bytes =
            self.columns.span(0, self.columns.out) * self.in_channels() * size_of::<T>();
        let halo = (self.rows.taps - 1) * self.rows.dilation;
        let per_band = (BAND_BYTES / row_bytes.max(1)).saturating_sub(halo) / self.rows.stride;
        let mut bands = self.rows.out.div_ceil(per_band.max(1));
        if self.batch < MIN_TASKS {
            bands = bands.max(MIN_TASKS.div_ceil(self.batch).min(self.rows.out));
        }
        let outputs = self.batch * self.rows.out * self.columns.out * self.groups * self.group_out;
        let out = Shared(out);
        let image = self.rows.size * self.columns.size * self.in_channels();
        parallel::for_each(self.batch * bands, outputs.saturating_mul(self.terms()) / 16, |i| {
            let (n, band) = (i / bands, i % bands);
            let band = Band {
                spec: self,
                image: &x[n * image..][..image],
                weights,
                out: out.at(n * self.out_steps[2]),
                start: self.rows.out * band / bands,
                end: self.rows.out * (band + 1) / bands,
                epilogue: *epilogue,
            };
            match self.method::<T>() {
                Method::Tiles => dispatch(Tiles(band)),
                Method::Narrow => dispatch(Narrow(band)),
                Method::Depthwise => dispatch(Depthwise(band)),
            }
        });
    }
}

/// Lanes of a vector of `T`.
pub(super) const fn lanes<T: Real>() -> usize {
    64 / size_of::<T>()
}

struct PackTap<'a, T> {
    source: Source<T>,
    rows: usize,
    columns: usize,
    out: &'a mut [T],
    panel_step: usize,
}

impl<T: Real> Kernel for PackTap<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { source, rows, columns, out, panel_step } = self;
        // SAFETY: a tap of the weights has that many rows and columns.
        unsafe { pack_panels::<T::Lanes<I>>(source, rows, columns, out, panel_step) };
    }
}

/// Output rows `start..end` of one image.
pub(super) struct Band<'a, T> {
    pub(super) spec: &'a Correlation,
    pub(super) image: &'a [T],
    /// As [`Correlation::pack`] leaves them.
    pub(super) weights: &'a [T],
    pub(super) out: Shared<T>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) epilogue: Epilogue<'a, T>,
}

/// Lanes over output channels, tiles of pixels.
struct Tiles<'a, T>(Band<'a, T>);

impl<T: Real> Kernel for Tiles<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Band { spec, image, weights: panels, out, start, end, epilogue } = self.0;
        let lanes = T::Lanes::<I>::LANES;
        let (rows, columns) = (&spec.rows, &spec.columns);
        let channels = spec.in_channels();
        let input =
            PaddedRows::new(columns, channels, (image, 1), rows.size, rows.inside(start, end));
        let (group_in, group_out) = (spec.group_in, spec.group_out);
        let term = group_in * lanes;
        let (inner, len) = if spec.groups == 1 && columns.dilation == 1 {
            (Steps::ONE, columns.taps * group_in)
        } else {
            let a = columns.dilation * channels;
            (Steps { n: columns.taps, a, b: term }, group_in)
        };
        for (outputs, taps, top) in rows.runs(start..end) {
            let walk = Walk {
                outer: Steps {
                    n: taps.len(),
                    a: rows.dilation * input.row,
                    b: columns.taps * term,
                },
                inner,
                len,
            };
            for group in 0..spec.groups {
                let first_panel = &panels[group * spec.group_panels::<T>()..];
                let operands = Operands {
                    a: input.at(top).wrapping_add(group * group_in),
                    a_row: columns.stride * channels,
                    a_step: 1,
                    b: first_panel.as_ptr().wrapping_add(taps.start * columns.taps * term),
                    b_step: lanes,
                    b_vector: spec.terms() * lanes,
                };
                let shape = Block {
                    groups: outputs.len(),
                    group_a: rows.stride * input.row,
                    group_c: spec.out_steps[1],
                    ..Block::new(columns.out, group_out)
                };
                let c = out.0.wrapping_add(outputs.start * spec.out_steps[1] + group * group_out);
                let epilogue = Epilogue {
                    bias: epilogue.bias.map(|bias| &bias[group * group_out..][..group_out]),
                    ..epilogue
                };
                // SAFETY: `input` holds every pixel under the windows of these taps, the panels
                // every term for whole vectors, and the caller of `Correlation::run` vouches
                // for the output.
                unsafe {
                    block::<T::Lanes<I>>(
                        &shape,
                        &walk,
                        &operands,
                        &Out::rows(c, spec.out_steps[0], &epilogue),
                    );
                }
            }
        }
    }
}
