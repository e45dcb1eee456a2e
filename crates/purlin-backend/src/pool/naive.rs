//! Maximum pooling as its definition says it: the twin of the fast one.

use super::Pool2d;
use purlin_core::Real;

/// [`max_pool2d`](super::max_pool2d) as nested loops.
pub fn max_pool2d<T: Real>(spec: &Pool2d, x: &[T], y: &mut [T], indices: &mut [u32]) {
    let &Pool2d { height, width, channels, .. } = spec;
    let (out_h, out_w) = (spec.out_height(), spec.out_width());
    for (at, (y, index)) in y.iter_mut().zip(indices).enumerate() {
        let (p, c) = (at / channels, at % channels);
        let (n, oy, ox) = (p / out_w / out_h, p / out_w % out_h, p % out_w);
        let mut best: Option<(T, usize)> = None;
        for ky in spec.taps(0, height, oy) {
            for kx in spec.taps(1, width, ox) {
                let pixel = spec.under(0, oy, ky) * width + spec.under(1, ox, kx);
                let value = x[(n * height * width + pixel) * channels + c];
                let wins =
                    best.is_none_or(|(best, _)| value > best || (value.is_nan() && !best.is_nan()));
                if wins {
                    best = Some((value, pixel));
                }
            }
        }
        if let Some((value, pixel)) = best {
            (*y, *index) = (value, pixel as u32);
        }
    }
}

/// [`max_pool2d_grad`](super::max_pool2d_grad) as one scatter.
pub fn max_pool2d_grad<T: Real>(spec: &Pool2d, grad_y: &[T], indices: &[u32], grad_x: &mut [T]) {
    let &Pool2d { height, width, channels, .. } = spec;
    let out_pixels = spec.out_height() * spec.out_width();
    grad_x.fill(T::ZERO);
    for (at, (&g, &index)) in grad_y.iter().zip(indices).enumerate() {
        let (n, c) = (at / channels / out_pixels, at % channels);
        grad_x[(n * height * width + index as usize) * channels + c] += g;
    }
}
