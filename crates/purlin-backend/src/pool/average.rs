//! Mean of each window.

use super::Pool2d;
use crate::mono::once;
use crate::{Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::Isa;

/// The mean of each window: the sum of its cells in the image, in order, divided by their
/// number; with `count_include_pad` the number includes cells in the padding (but none beyond
/// it, where a `ceil_mode` window sticks out).
///
/// # Panics
///
/// When [`Pool2d::check`] refuses the sizes, or a slice has not the length they say.
///
/// # Examples
///
/// ```
/// use purlin_backend::pool::{Pool2d, avg_pool2d};
///
/// let spec = Pool2d { padding: [[0, 0], [1, 1]], ..Pool2d::new(1, 1, 2, 1, [1, 2]) };
/// let mut y = [0.0; 2];
/// avg_pool2d(&spec, true, &[2.0, 8.0], &mut y);
/// assert_eq!(y, [1.0, 4.0]);
/// avg_pool2d(&spec, false, &[2.0, 8.0], &mut y);
/// assert_eq!(y, [2.0, 8.0]);
/// ```
#[track_caller]
pub fn avg_pool2d<T: Real>(spec: &Pool2d, count_include_pad: bool, x: &[T], y: &mut [T]) {
    spec.check_slices("avg_pool2d", &[("x", x.len())], &[("y", y.len())]);
    if y.is_empty() {
        return;
    }
    once!(|spec: &Pool2d, count_include_pad: bool, x: &[T], y: &mut [T]| {
        let row = spec.out_width() * spec.channels;
        parallel::for_each_chunk(y, row, size_of_val(x), |r, y| {
            dispatch(Row { spec, count_include_pad, x, r, y });
        });
    });
}

/// The gradient of `x` for [`avg_pool2d`]: each cell of a window gets `grad_y / count`, summed
/// in the windows' order.
///
/// # Panics
///
/// When [`Pool2d::check`] refuses the sizes, or a slice has not the length they say.
#[track_caller]
pub fn avg_pool2d_grad<T: Real>(
    spec: &Pool2d,
    count_include_pad: bool,
    grad_y: &[T],
    grad_x: &mut [T],
) {
    spec.check_slices("avg_pool2d_grad", &[("grad_x", grad_x.len())], &[("grad_y", grad_y.len())]);
    if grad_x.is_empty() {
        return;
    }
    once!(|spec: &Pool2d, count_include_pad: bool, grad_y: &[T], grad_x: &mut [T]| {
        let image = spec.height * spec.width * spec.channels;
        let out_image = spec.out_height() * spec.out_width() * spec.channels;
        let work = (grad_x.len() + grad_y.len()) * size_of::<T>();
        parallel::for_each_chunk(grad_x, image, work, |n, grad_x| {
            let grad_y = &grad_y[n * out_image..][..out_image];
            dispatch(GradImage { spec, count_include_pad, grad_y, grad_x });
        });
    });
}

/// The number that a window's sum is divided by.
fn count<T: Real>(spec: &Pool2d, count_include_pad: bool, oy: usize, ox: usize) -> T {
    let cells = |axis: usize, size: usize, o: usize| {
        if count_include_pad {
            let room = size + spec.padding[axis][0] + spec.padding[axis][1];
            let start = o * spec.stride[axis];
            (room - start).div_ceil(spec.dilation[axis]).min(spec.kernel[axis])
        } else {
            spec.taps(axis, size, o).len()
        }
    };
    T::from_usize(cells(0, spec.height, oy) * cells(1, spec.width, ox))
}

/// One row of windows. Plain loops over channels, which the compiler vectorises.
struct Row<'a, T> {
    spec: &'a Pool2d,
    count_include_pad: bool,
    x: &'a [T],
    r: usize,
    y: &'a mut [T],
}

impl<T: Real> Kernel for Row<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, count_include_pad, x, r, y } = self;
        let &Pool2d { height, width, channels, .. } = spec;
        let out_h = spec.out_height();
        let image = &x[r / out_h * height * width * channels..][..height * width * channels];
        let oy = r % out_h;
        for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
            y.fill(T::ZERO);
            for ky in spec.taps(0, height, oy) {
                for kx in spec.taps(1, width, ox) {
                    let at = spec.under(0, oy, ky) * width + spec.under(1, ox, kx);
                    for (sum, &value) in y.iter_mut().zip(&image[at * channels..][..channels]) {
                        *sum += value;
                    }
                }
            }
            let count = count::<T>(spec, count_include_pad, oy, ox);
            for sum in y {
                *sum /= count;
            }
        }
    }
}

struct GradImage<'a, T> {
    spec: &'a Pool2d,
    count_include_pad: bool,
    grad_y: &'a [T],
    grad_x: &'a mut [T],
}

impl<T: Real> Kernel for GradImage<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, count_include_pad, grad_y, grad_x } = self;
        let &Pool2d { height, width, channels, .. } = spec;
        grad_x.fill(T::ZERO);
        for (p, grad_y) in grad_y.chunks_exact(channels).enumerate() {
            let (oy, ox) = (p / spec.out_width(), p % spec.out_width());
            let count = count::<T>(spec, count_include_pad, oy, ox);
            for ky in spec.taps(0, height, oy) {
                for kx in spec.taps(1, width, ox) {
                    let at = spec.under(0, oy, ky) * width + spec.under(1, ox, kx);
                    let grad_x = &mut grad_x[at * channels..][..channels];
                    for (out, &g) in grad_x.iter_mut().zip(grad_y) {
                        *out += g / count;
                    }
                }
            }
        }
    }
}
