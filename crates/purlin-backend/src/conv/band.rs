//! The pixels under a band of windows.

use super::Conv2d;
use crate::Buffer;
use purlin_core::Real;
use std::ops::Range;

/// The geometry along one axis: output `o`, tap `t` read input `o * stride + t * dilation - pad`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) out: usize,
    pub(super) taps: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) pad: isize,
}

impl Axis {
    /// An axis (0 down, 1 right) of the forward pass.
    pub(super) fn of(spec: &Conv2d, axis: usize, size: usize, out: usize) -> Self {
        Self {
            size,
            out,
            taps: spec.kernel[axis],
            stride: spec.stride[axis],
            dilation: spec.dilation[axis],
            pad: spec.padding[axis][0].cast_signed(),
        }
    }

    /// The number of inputs from the first to the last under outputs `start..end`.
    pub(super) fn span(&self, start: usize, end: usize) -> usize {
        (end - start - 1) * self.stride + (self.taps - 1) * self.dilation + 1
    }

    /// The input under tap 0 of output `o`; negative in the padding.
    pub(super) fn first(&self, o: usize) -> isize {
        (o * self.stride).cast_signed() - self.pad
    }

    /// The inputs inside the image from the first to the last under outputs `start..end`.
    pub(super) fn inside(&self, start: usize, end: usize) -> Range<usize> {
        let first = self.first(start);
        let clip = |i: isize| i.clamp(0, self.size.cast_signed()).cast_unsigned();
        clip(first)..clip(first + self.span(start, end).cast_signed())
    }

    /// The taps of output `o` that lie inside the image.
    pub(super) fn taps_inside(&self, o: usize) -> Range<usize> {
        let first = self.first(o);
        let before = |i: isize| i.max(0).cast_unsigned().div_ceil(self.dilation).min(self.taps);
        let start = before(-first);
        start..before(self.size.cast_signed() - first).max(start)
    }

    /// Cuts outputs into runs that have the same taps inside the image: the outputs, the taps,
    /// and the input under the first of both.
    pub(super) fn runs(
        self,
        outputs: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>, usize)> {
        let mut next = outputs.start;
        std::iter::from_fn(move || {
            let start = next;
            if start >= outputs.end {
                return None;
            }
            let taps = self.taps_inside(start);
            next += 1;
            while next < outputs.end && self.taps_inside(next) == taps {
                next += 1;
            }
            let first = self.first(start) + (taps.start * self.dilation).cast_signed();
            Some((start..next, taps, first.max(0).cast_unsigned()))
        })
    }

    /// The outputs among `outputs` whose tap `t` lies inside the image.
    pub(super) fn outputs_inside(&self, outputs: &Range<usize>, t: usize) -> Range<usize> {
        let first = self.first(0) + (t * self.dilation).cast_signed();
        let before = |i: isize| i.max(0).cast_unsigned().div_ceil(self.stride);
        let start = before(-first).clamp(outputs.start, outputs.end);
        start..before(self.size.cast_signed() - first).clamp(start, outputs.end)
    }
}

/// Rows of images under a band of windows: where they lie, or copied with zeros beside them.
/// Rows above and below the image are not there; no window may read them.
pub(super) struct PaddedRows<T: Real> {
    /// The pixel under column tap 0 of the first output column, in row `rows.start`.
    first: *const T,
    /// The image rows that are there.
    rows: Range<usize>,
    /// Items between rows.
    pub(super) row: usize,
    /// Items between images.
    pub(super) image: usize,
    _copy: Buffer<T>,
}

impl<T: Real> PaddedRows<T> {
    /// The input rows `rows` of all images (contiguous, each `height` rows of
    /// `columns.size * channels` items).
    pub(super) fn new(
        columns: &Axis,
        channels: usize,
        (images, n_images): (&[T], usize),
        height: usize,
        rows: Range<usize>,
    ) -> Self {
        let row = columns.size * channels;
        let (left, width) = (columns.first(0), columns.span(0, columns.out));
        let inside = columns.inside(0, columns.out);
        if left >= 0 && inside.len() == width {
            let first = images.as_ptr().wrapping_add(rows.start * row + inside.start * channels);
            return Self { first, rows, row, image: height * row, _copy: Buffer::scratch(0) };
        }
        let padded = width * channels;
        let mut copy = Buffer::scratch(n_images * rows.len() * padded);
        let from = (inside.start.cast_signed() - left).cast_unsigned().min(width) * channels;
        let to = (from + inside.len() * channels).min(padded);
        for (i, out) in copy.chunks_exact_mut(padded.max(1)).enumerate() {
            let (n, iy) = (i / rows.len(), rows.start + i % rows.len());
            let source = &images[(n * height + iy) * row + inside.start * channels..];
            out[..from].fill(T::ZERO);
            out[from..to].copy_from_slice(&source[..to - from]);
            out[to..].fill(T::ZERO);
        }
        let image = rows.len() * padded;
        Self { first: copy.as_ptr(), rows, row: padded, image, _copy: copy }
    }

    /// The pixel under column tap 0 of the first output column, in row `iy` of the image.
    pub(super) fn at(&self, iy: usize) -> *const T {
        self.first.wrapping_add((iy.wrapping_sub(self.rows.start)).wrapping_mul(self.row))
    }
}
