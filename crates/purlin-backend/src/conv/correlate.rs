//! The engine of the forward pass and of the input gradient: a correlation of channels-last
//! images with packed weights.
//!
//! For one kernel row the inputs of an output pixel are one run of memory, and the runs of
//! neighbouring pixels are `stride * channels` apart: the image row itself is the left operand
//! of a product, and nothing is unrolled into columns. A register tile of output pixels by output
//! channels stays in registers over all kernel rows. Only images that need padding are copied,
//! a band of rows at a time.

use super::band::{Axis, PaddedRows};
use crate::gemm::Epilogue;
use crate::gemm::block::{Block, block};
use crate::gemm::driver::Shared;
use crate::gemm::pack::{Source, pack_panels};
use crate::gemm::tile::{Operands, Out, Steps, Walk};
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Bytes of the input of one band: it stays in the second-level cache while all output channels
/// pass it.
const BAND_BYTES: usize = 128 << 10;

/// Tasks that a convolution is cut into where its size allows.
const MIN_TASKS: usize = 16;

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

    /// Packs the weights. `tap(ty, tx)` is the matrix of a tap: rows are the input channels of
    /// group 0, columns its output channels; `group_step` leads to the next group's.
    pub(super) fn pack<T: Real>(
        &self,
        group_step: usize,
        tap: impl Fn(usize, usize) -> Source<T>,
    ) -> Buffer<T> {
        let mut panels = Buffer::scratch(self.groups * self.group_panels::<T>());
        let per_group = self.group_panels::<T>().max(1);
        for (group, panels) in panels.chunks_exact_mut(per_group).enumerate() {
            for t in 0..self.rows.taps * self.columns.taps {
                let source = tap(t / self.columns.taps, t % self.columns.taps);
                dispatch(PackTap {
                    source: source.at_item(group * group_step),
                    rows: self.group_in,
                    columns: self.group_out,
                    out: &mut panels[t * self.group_in * lanes::<T>()..],
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
        panels: &[T],
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
            dispatch(Band {
                spec: self,
                image: &x[n * image..][..image],
                panels,
                out: out.at(n * self.out_steps[2]),
                start: self.rows.out * band / bands,
                end: self.rows.out * (band + 1) / bands,
                epilogue: *epilogue,
            });
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
struct Band<'a, T> {
    spec: &'a Correlation,
    image: &'a [T],
    panels: &'a [T],
    out: Shared<T>,
    start: usize,
    end: usize,
    epilogue: Epilogue<'a, T>,
}

impl<T: Real> Kernel for Band<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, image, panels, out, start, end, epilogue } = self;
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
        let mut row = start;
        while row < end {
            // Rows that see the same kernel rows inside the image.
            let taps = rows.taps_inside(row);
            let mut next = row + 1;
            while next < end && rows.taps_inside(next) == taps {
                next += 1;
            }
            let top = rows.first(row) + (taps.start * rows.dilation).cast_signed();
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
                    a: input.at(top.max(0).cast_unsigned()).wrapping_add(group * group_in),
                    a_row: columns.stride * channels,
                    a_step: 1,
                    b: first_panel.as_ptr().wrapping_add(taps.start * columns.taps * term),
                    b_step: lanes,
                    b_vector: spec.terms() * lanes,
                };
                let shape = Block {
                    groups: next - row,
                    group_a: rows.stride * input.row,
                    group_c: spec.out_steps[1],
                    ..Block::new(columns.out, group_out)
                };
                let c = out.0.wrapping_add(row * spec.out_steps[1] + group * group_out);
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
            row = next;
        }
    }
}
