//! Cutting out a window.

use super::{Pixel, View};

/// Copies the window whose corner lies at `(top, left)`, which may be outside; what is outside
/// becomes `fill`.
pub(crate) fn crop<P: Pixel>(
    src: View<'_, P>,
    (top, left): (isize, isize),
    (height, width): (usize, usize),
    fill: f32,
    out: &mut [f32],
) {
    let channels = src.channels;
    assert_eq!(out.len(), height * width * channels);
    // The columns of the window that lie inside.
    let from = (-left).clamp(0, width as isize) as usize;
    let to = (src.width as isize - left).clamp(from as isize, width as isize) as usize;
    for (i, out) in out.chunks_exact_mut(width * channels).enumerate() {
        let row = top + i as isize;
        if row < 0 || row >= src.height as isize || from == to {
            out.fill(fill);
            continue;
        }
        let first = row as usize * src.width + (left + from as isize) as usize;
        let pixels = &src.data[first * channels..][..(to - from) * channels];
        out[..from * channels].fill(fill);
        out[to * channels..].fill(fill);
        for (out, x) in out[from * channels..to * channels].iter_mut().zip(pixels) {
            *out = x.value();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_inside_across_and_outside() {
        let data: Vec<u8> = (0..12).collect(); // 3 x 4
        let src = View { height: 3, width: 4, channels: 1, data: &data[..] };
        let cut = |corner, size: (usize, usize)| {
            let mut out = vec![f32::NAN; size.0 * size.1];
            crop(src, corner, size, 9.5, &mut out);
            out
        };
        assert_eq!(cut((1, 1), (2, 2)), [5.0, 6.0, 9.0, 10.0]);
        assert_eq!(cut((-1, -1), (2, 2)), [9.5, 9.5, 9.5, 0.0]);
        assert_eq!(cut((2, 3), (2, 2)), [11.0, 9.5, 9.5, 9.5]);
        assert_eq!(cut((0, 9), (1, 2)), [9.5, 9.5]);
        assert_eq!(cut((0, -9), (1, 2)), [9.5, 9.5]);
        assert_eq!(cut((1, -1), (1, 6)), [9.5, 4.0, 5.0, 6.0, 7.0, 9.5]);
    }
}
