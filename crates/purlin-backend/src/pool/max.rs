//! Maximum of each window, with the place it came from.

use super::{Pool2d, naive};
use crate::indices::{self, store_indices};
use crate::mono::once;
use crate::{Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// The largest value of each window and its index `h * width + w` in the image plane.
///
/// Of equal values the first (smallest index) counts; a NaN beats every number, and of several
/// the first counts, so that NaN in the input is never hidden.
///
/// # Panics
///
/// When [`Pool2d::check`] refuses the sizes, or a slice has not the length they say.
///
/// # Examples
///
/// ```
/// use purlin_backend::pool::{Pool2d, max_pool2d};
///
/// let spec = Pool2d::new(1, 2, 4, 1, [2, 2]);
/// let (mut y, mut indices) = ([0.0; 2], [0; 2]);
/// max_pool2d(&spec, &[1.0, 5.0, 2.0, 2.0, 3.0, 4.0, 2.0, 2.0], &mut y, &mut indices);
/// assert_eq!(y, [5.0, 2.0]);
/// assert_eq!(indices, [1, 2]);
/// ```
#[track_caller]
pub fn max_pool2d<T: Real>(spec: &Pool2d, x: &[T], y: &mut [T], indices: &mut [u32]) {
    spec.check_slices(
        "max_pool2d",
        &[("x", x.len())],
        &[("y", y.len()), ("indices", indices.len())],
    );
    if y.is_empty() {
        return;
    }
    if !offsets_are_exact::<T>(spec) {
        return naive::max_pool2d(spec, x, y, indices);
    }
    once!(|spec: &Pool2d, x: &[T], y: &mut [T], indices: &mut [u32]| {
        let row = spec.out_width() * spec.channels;
        for_each_row(y, indices, row, size_of_val(x), |r, y, indices| {
            dispatch(Row { spec, x, r, y, indices });
        });
    });
}

/// The largest value of each window, as [`max_pool2d`] without indices.
///
/// # Panics
///
/// As [`max_pool2d`].
#[track_caller]
pub fn max_pool2d_infer<T: Real>(spec: &Pool2d, x: &[T], y: &mut [T]) {
    spec.check_slices("max_pool2d_infer", &[("x", x.len())], &[("y", y.len())]);
    if y.is_empty() {
        return;
    }
    once!(|spec: &Pool2d, x: &[T], y: &mut [T]| {
        let row = spec.out_width() * spec.channels;
        parallel::for_each_chunk(y, row, size_of_val(x), |r, y| {
            dispatch(Row { spec, x, r, y, indices: &mut [] });
        });
    });
}

/// [`parallel::for_each_chunk`] over two outputs with rows of the same length.
fn for_each_row<T: Real>(
    y: &mut [T],
    indices: &mut [u32],
    row: usize,
    work: usize,
    f: impl Fn(usize, &mut [T], &mut [u32]) + Sync + Send,
) {
    let rows = y.chunks_mut(row).zip(indices.chunks_mut(row));
    parallel::for_each_task(rows, work, |r, (y, indices)| f(r, y, indices));
}

/// Offsets within a window are carried in float lanes; larger windows take the plain loop.
fn offsets_are_exact<T: Real>(spec: &Pool2d) -> bool {
    let rows = (spec.kernel[0] - 1) * spec.dilation[0] + 1;
    rows.saturating_mul(spec.width) < indices::limit::<T>()
}

/// One row of windows; an empty `indices` is not written.
struct Row<'a, T> {
    spec: &'a Pool2d,
    x: &'a [T],
    r: usize,
    y: &'a mut [T],
    indices: &'a mut [u32],
}

impl<T: Real> Kernel for Row<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, x, r, y, indices } = self;
        let &Pool2d { height, width, channels, .. } = spec;
        let lanes = T::Lanes::<I>::LANES;
        let out_h = spec.out_height();
        let image = &x[r / out_h * height * width * channels..][..height * width * channels];
        let oy = r % out_h;
        let rows = spec.taps(0, height, oy);
        let first_row = spec.under(0, oy, rows.start) * width;
        for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
            let columns = spec.taps(1, width, ox);
            let first = first_row + spec.under(1, ox, columns.start);
            let window = Window {
                rows: rows.len(),
                columns: columns.len(),
                down: spec.dilation[0] * width,
                right: spec.dilation[1],
                channels,
            };
            let pixels = &image[first * channels..];
            let mut c = 0;
            while c < channels {
                let n = lanes.min(channels - c);
                if indices.is_empty() {
                    let best = window.max::<T::Lanes<I>>(&pixels[c..], n);
                    store(best, &mut y[c..c + n]);
                } else {
                    let (best, offset) = window.argmax::<T::Lanes<I>>(&pixels[c..], n);
                    store(best, &mut y[c..c + n]);
                    let indices = &mut indices[ox * channels + c..][..n];
                    store_indices(offset, first as u32, indices);
                }
                c += n;
            }
        }
    }
}

/// The cells of one window: counts and steps, in pixels.
#[derive(Clone, Copy)]
struct Window {
    rows: usize,
    columns: usize,
    down: usize,
    right: usize,
    channels: usize,
}

impl Window {
    #[inline(always)]
    fn max<V: Lanes>(self, pixels: &[V::Scalar], n: usize) -> V {
        let mut best = load::<V>(pixels, n);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let at = row * self.down + column * self.right;
                let value = load::<V>(&pixels[at * self.channels..], n);
                // A NaN in `best` fails `best < value` and stays; one in `value` enters.
                let keep = !best.lt(value) & !(value.is_nan() & !best.is_nan());
                best = V::select(keep, best, value);
            }
        }
        best
    }

    #[inline(always)]
    fn argmax<V: Lanes>(self, pixels: &[V::Scalar], n: usize) -> (V, V) {
        let mut best = load::<V>(pixels, n);
        let mut offset = V::splat_f64(0.0);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let at = row * self.down + column * self.right;
                let value = load::<V>(&pixels[at * self.channels..], n);
                let keep = !best.lt(value) & !(value.is_nan() & !best.is_nan());
                best = V::select(keep, best, value);
                offset = V::select(keep, offset, V::splat_f64(at as f64));
            }
        }
        (best, offset)
    }
}

#[inline(always)]
fn load<V: Lanes>(xs: &[V::Scalar], n: usize) -> V {
    if n == V::LANES { V::load(xs) } else { V::load_partial(&xs[..n], V::Scalar::ZERO) }
}

#[inline(always)]
fn store<V: Lanes>(value: V, out: &mut [V::Scalar]) {
    if out.len() == V::LANES { value.store(out) } else { value.store_partial(out) }
}

/// The gradient of `x`: each `grad_y` goes to the pixel that [`max_pool2d`] named; pixels named
/// by several windows get the sum in the windows' order. `indices` must be those of
/// [`max_pool2d`] with the same sizes: an index that is no cell of its window is not met.
///
/// # Panics
///
/// When [`Pool2d::check`] refuses the sizes, or a slice has not the length they say.
#[track_caller]
pub fn max_pool2d_grad<T: Real>(spec: &Pool2d, grad_y: &[T], indices: &[u32], grad_x: &mut [T]) {
    spec.check_slices(
        "max_pool2d_grad",
        &[("grad_x", grad_x.len())],
        &[("grad_y", grad_y.len()), ("indices", indices.len())],
    );
    if grad_x.is_empty() {
        return;
    }
    once!(|spec: &Pool2d, grad_y: &[T], indices: &[u32], grad_x: &mut [T]| {
        let image = spec.height * spec.width * spec.channels;
        let out_image = spec.out_height() * spec.out_width() * spec.channels;
        let work = (grad_x.len() + grad_y.len()) * size_of::<T>();
        parallel::for_each_chunk(grad_x, image, work, |n, grad_x| {
            let grad_y = &grad_y[n * out_image..][..out_image];
            let indices = &indices[n * out_image..][..out_image];
            dispatch(GradImage { spec, grad_y, indices, grad_x });
        });
    });
}

struct GradImage<'a, T> {
    spec: &'a Pool2d,
    grad_y: &'a [T],
    indices: &'a [u32],
    grad_x: &'a mut [T],
}

impl<T: Real> Kernel for GradImage<'_, T> {
    type Output = ();
    /// A plain loop over channels, which the compiler vectorises: each cell of the window takes
    /// the lanes whose index names it.
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, grad_y, indices, grad_x } = self;
        let &Pool2d { height, width, channels, .. } = spec;
        let pixels = spec.out_height() * spec.out_width();
        grad_x.fill(T::ZERO);
        for p in 0..pixels {
            let (oy, ox) = (p / spec.out_width(), p % spec.out_width());
            let grad_y = &grad_y[p * channels..][..channels];
            let indices = &indices[p * channels..][..channels];
            for ky in spec.taps(0, height, oy) {
                for kx in spec.taps(1, width, ox) {
                    let at = spec.under(0, oy, ky) * width + spec.under(1, ox, kx);
                    let grad_x = &mut grad_x[at * channels..][..channels];
                    for ((out, &g), &index) in grad_x.iter_mut().zip(grad_y).zip(indices) {
                        *out += if index == at as u32 { g } else { T::ZERO };
                    }
                }
            }
        }
    }
}
