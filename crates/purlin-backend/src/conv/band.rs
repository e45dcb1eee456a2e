//! The pixels under a band of windows.

use crate::Buffer;
use purlin_core::Real;

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
    /// The inputs (in padded coordinates, where `-pad` is 0) of outputs `start..end`.
    pub(super) fn span(&self, start: usize, end: usize) -> usize {
        (end - start - 1) * self.stride + (self.taps - 1) * self.dilation + 1
    }

    /// The input under tap 0 of output `o`.
    fn first(&self, o: usize) -> isize {
        (o * self.stride).cast_signed() - self.pad
    }
}

/// The input pixels under a band of windows: the image itself, or a copy with the padding.
pub(super) struct PaddedBand<T: Real> {
    /// The pixel under tap (0, 0) of the first window.
    pub(super) first: *const T,
    /// Items between rows.
    pub(super) row: usize,
    _copy: Buffer<T>,
}

impl<T: Real> PaddedBand<T> {
    /// The input of output rows `start..end` (at least one) in all columns.
    pub(super) fn new(
        rows: &Axis,
        columns: &Axis,
        channels: usize,
        image: &[T],
        start: usize,
        end: usize,
    ) -> Self {
        let row = columns.size * channels;
        let (top, left) = (rows.first(start), columns.first(0));
        let (height, width) = (rows.span(start, end), columns.span(0, columns.out));
        let inside = |first: isize, span: usize, size: usize| {
            usize::try_from(first).ok().filter(|&first| first + span <= size)
        };
        if let Some((top, left)) =
            inside(top, height, rows.size).zip(inside(left, width, columns.size))
        {
            let first = image[top * row + left * channels..].as_ptr();
            return Self { first, row, _copy: Buffer::scratch(0) };
        }
        let mut copy = Buffer::scratch(height * width * channels);
        // Columns of the copy that lie in the image.
        let clip = |at: isize| at.clamp(0, width.cast_signed()).cast_unsigned();
        let (from, to) = (clip(-left), clip(columns.size.cast_signed() - left));
        let to = to.max(from);
        for (i, out) in copy.chunks_exact_mut((width * channels).max(1)).enumerate() {
            let iy = top + i.cast_signed();
            if iy < 0 || iy >= rows.size.cast_signed() || from == to {
                out.fill(T::ZERO);
                continue;
            }
            let first =
                iy.cast_unsigned() * row + (left + from.cast_signed()).cast_unsigned() * channels;
            let (from, to) = (from * channels, to * channels);
            out[..from].fill(T::ZERO);
            out[from..to].copy_from_slice(&image[first..][..to - from]);
            out[to..].fill(T::ZERO);
        }
        Self { first: copy.as_ptr(), row: width * channels, _copy: copy }
    }
}
