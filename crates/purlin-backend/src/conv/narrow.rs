//! Correlation with few output channels: lanes over pixels.
//!
//! A vector of 3 output channels would leave 13 of 16 lanes empty. Here the input rows are
//! transposed into planes, so that neighbouring pixels of a channel are neighbours; a register
//! tile is a few output channels (rows, broadcast weights) by vectors of pixels, and the walk
//! meets the terms in the same order as ever.

use super::correlate::{Band, lanes};
use crate::gemm::block::{Block, block};
use crate::gemm::pack::{Source, pack_tile};
use crate::gemm::tile::{Operands, Out, Steps, Walk};
use crate::{Buffer, Kernel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// A band of a correlation of one group with column stride 1.
pub(super) struct Narrow<'a, T>(pub(super) Band<'a, T>);

impl<T: Real> Kernel for Narrow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Band { spec, image, weights, out, start, end, epilogue } = self.0;
        let (rows, columns) = (&spec.rows, &spec.columns);
        let (channels, outputs) = (spec.group_in, spec.group_out);
        let lanes = lanes::<T>();
        // Planes of one row: whole vectors of pixels under the last tap.
        let plane = columns.out.div_ceil(lanes) * lanes + (columns.taps - 1) * columns.dilation;
        let seen = rows.inside(start, end);
        let inside = columns.inside(0, columns.out);
        let skip = (inside.start.cast_signed() - columns.first(0)).max(0).cast_unsigned();
        let skip = skip.min(plane - inside.len().min(plane));
        let mut planes = Buffer::<T>::zeroed(seen.len() * channels * plane);
        for (iy, planes) in seen.clone().zip(planes.chunks_exact_mut((channels * plane).max(1))) {
            let first = (iy * columns.size + inside.start) * channels;
            let source =
                Source { first: image[first..].as_ptr(), row_step: channels, column_step: 1 };
            // SAFETY: the pixels `inside` with all channels lie in row `iy` of the image.
            unsafe {
                let planes = &mut planes[skip..];
                pack_tile::<T::Lanes<I>>(source, inside.len(), channels, planes, plane);
            }
        }
        for (run, taps, top) in rows.runs(start..end) {
            let walk = Walk {
                outer: Steps {
                    n: taps.len(),
                    a: columns.taps * channels * outputs,
                    b: rows.dilation * channels * plane,
                },
                inner: Steps { n: columns.taps, a: channels * outputs, b: columns.dilation },
                len: channels,
            };
            let operands = Operands {
                a: weights.as_ptr().wrapping_add(taps.start * columns.taps * channels * outputs),
                a_row: 1,
                a_step: outputs,
                b: planes
                    .as_ptr()
                    .wrapping_add(top.wrapping_sub(seen.start).wrapping_mul(channels * plane)),
                b_step: plane,
                b_vector: lanes,
            };
            let shape = Block {
                groups: run.len(),
                group_b: rows.stride * channels * plane,
                group_c: spec.out_steps[1],
                ..Block::new(outputs, columns.out)
            };
            let out = Out {
                column: spec.out_steps[0],
                bias_by_row: true,
                ..Out::rows(out.at(run.start * spec.out_steps[1]).0, 1, &epilogue)
            };
            // SAFETY: the planes hold whole vectors of pixels under every tap of these rows, the
            // weights every term, and the caller of `Correlation::run` vouches for the output.
            unsafe { block::<T::Lanes<I>>(&shape, &walk, &operands, &out) };
        }
    }
}
