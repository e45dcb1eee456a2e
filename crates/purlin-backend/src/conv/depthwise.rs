//! Depthwise convolution: each channel sees itself only, so lanes run over channels.

use super::Conv2d;
use super::band::{Axis, PaddedRows};
use super::correlate::{Band, lanes};
use super::units::Units;
use crate::Kernel;
use crate::gemm::Activation;
use crate::gemm::driver::Shared;
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Kernel columns whose weight gradients are summed at once.
const TAPS: usize = 4;

/// The first channels of each vector. The last vector overlaps the one before where the channels
/// are no whole vectors: it computes some channels again.
fn vectors<T: Real>(channels: usize) -> impl Iterator<Item = usize> {
    let last = channels.saturating_sub(lanes::<T>());
    (0..channels).step_by(lanes::<T>()).map(move |first| first.min(last))
}

/// Up to a vector of channels.
///
/// # Safety
///
/// `n` items must be readable.
#[inline(always)]
unsafe fn load<V: Lanes>(from: *const V::Scalar, n: usize) -> V {
    // SAFETY: `n` items behind `from` are readable (`# Safety`).
    let from = unsafe { std::slice::from_raw_parts(from, n) };
    if n == V::LANES { V::load(from) } else { V::load_partial(from, V::Scalar::ZERO) }
}

/// # Safety
///
/// `n` items must be writable.
#[inline(always)]
unsafe fn store<V: Lanes>(value: V, to: *mut V::Scalar, n: usize) {
    // SAFETY: `n` items behind `to` are writable, and no other slice of them lives here.
    let to = unsafe { std::slice::from_raw_parts_mut(to, n) };
    if n == V::LANES { value.store(to) } else { value.store_partial(to) }
}

/// A band of a depthwise correlation.
pub(super) struct Depthwise<'a, T>(pub(super) Band<'a, T>);

impl<T: Real> Kernel for Depthwise<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Band { spec, image, weights, out, start, end, epilogue } = self.0;
        let (rows, columns, channels) = (&spec.rows, &spec.columns, spec.groups);
        let n = channels.min(T::Lanes::<I>::LANES);
        let input =
            PaddedRows::new(columns, channels, (image, 1), rows.size, rows.inside(start, end));
        for (run, taps, top) in rows.runs(start..end) {
            for oy in run.clone() {
                let x = input.at(top + (oy - run.start) * rows.stride);
                // The largest block of pixels that fits the row; the last block may overlap.
                let pixels = [8, 4, 1].into_iter().find(|&p| p <= columns.out).unwrap_or(1);
                for ox in (0..columns.out).step_by(pixels) {
                    let ox = ox.min(columns.out - pixels);
                    for c in vectors::<T>(channels) {
                        let window = Window {
                            x: x.wrapping_add(ox * columns.stride * channels + c),
                            x_pixel: columns.stride * channels,
                            x_steps: [rows.dilation * input.row, columns.dilation * channels],
                            weights: weights
                                .as_ptr()
                                .wrapping_add(taps.start * columns.taps * channels + c),
                            channels,
                            taps: [taps.len(), columns.taps],
                            bias: epilogue.bias.map(|bias| bias[c..].as_ptr()),
                            activation: epilogue.activation,
                            out: out.at(oy * spec.out_steps[1] + ox * spec.out_steps[0] + c).0,
                            out_pixel: spec.out_steps[0],
                            n,
                        };
                        // SAFETY: `input` holds every pixel under these windows, each tap has
                        // `channels` weights, as has the bias, and the caller of
                        // `Correlation::run` vouches for the output.
                        unsafe {
                            match pixels {
                                8 => window.run::<T::Lanes<I>, 8>(),
                                4 => window.run::<T::Lanes<I>, 4>(),
                                _ => window.run::<T::Lanes<I>, 1>(),
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Some neighbouring output pixels, a vector of channels.
struct Window<T> {
    x: *const T,
    x_pixel: usize,
    /// Between kernel rows and columns.
    x_steps: [usize; 2],
    weights: *const T,
    channels: usize,
    taps: [usize; 2],
    bias: Option<*const T>,
    activation: Activation,
    out: *mut T,
    out_pixel: usize,
    /// Channels of the vector that exist.
    n: usize,
}

impl<T: Real> Window<T> {
    /// Computes `P` pixels.
    ///
    /// # Safety
    ///
    /// All pointers must reach `n` items at every tap and pixel.
    #[inline(always)]
    unsafe fn run<V: Lanes<Scalar = T>, const P: usize>(&self) {
        let mut sums = [V::splat_f64(0.0); P];
        for ky in 0..self.taps[0] {
            for kx in 0..self.taps[1] {
                let x = self.x.wrapping_add(ky * self.x_steps[0] + kx * self.x_steps[1]);
                let tap = (ky * self.taps[1] + kx) * self.channels;
                // SAFETY: the weights reach `n` items at every tap (`# Safety`).
                let w = unsafe { load::<V>(self.weights.wrapping_add(tap), self.n) };
                for (p, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `x` reaches `n` items at every tap and pixel (`# Safety`).
                    let x = unsafe { load::<V>(x.wrapping_add(p * self.x_pixel), self.n) };
                    *sum = x.mul_add(w, *sum);
                }
            }
        }
        for (p, &sum) in sums.iter().enumerate() {
            let sum = match self.bias {
                // SAFETY: the bias has `n` items (`# Safety`).
                Some(bias) => sum + unsafe { load::<V>(bias, self.n) },
                None => sum,
            };
            let sum = self.activation.eval(sum);
            // SAFETY: the output has `n` items at every pixel (`# Safety`).
            unsafe { store(sum, self.out.wrapping_add(p * self.out_pixel), self.n) };
        }
    }
}

/// One run of the weight gradient of a depthwise convolution.
pub(super) struct WeightGrad<'a, T> {
    pub(super) spec: &'a Conv2d,
    pub(super) x: &'a [T],
    pub(super) grad_y: &'a [T],
    pub(super) out: Shared<T>,
    pub(super) units: Units,
    pub(super) run: usize,
}

impl<T: Real> Kernel for WeightGrad<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { spec, x, grad_y, out, units, run } = self;
        let &Conv2d { height, width, in_channels: channels, kernel, stride, dilation, .. } = spec;
        let (out_h, out_w) = (spec.out_height(), spec.out_width());
        let rows = Axis::of(spec, 0, height, out_h);
        let columns = Axis::of(spec, 1, width, out_w);
        let image = height * width * channels;
        for (i, unit) in units.of_run(run).enumerate() {
            let (images, band) = units.get(unit);
            let input = PaddedRows::new(
                &columns,
                channels,
                (&x[images.start * image..images.end * image], images.len()),
                height,
                rows.inside(band.start, band.end),
            );
            for (tap, c) in (0..kernel[0] * kernel[1].div_ceil(TAPS))
                .flat_map(|tap| (0..channels).step_by(lanes::<T>()).map(move |c| (tap, c)))
            {
                let per_row = kernel[1].div_ceil(TAPS);
                let (ky, kx) = (tap / per_row, tap % per_row * TAPS);
                let seen = rows.outputs_inside(&band, ky);
                let top = rows.first(seen.start) + (ky * dilation[0]).cast_signed();
                let sum = TapSums {
                    x: input
                        .at(top.max(0).cast_unsigned())
                        .wrapping_add(kx * dilation[1] * channels + c),
                    x_steps: [input.image, stride[0] * input.row, stride[1] * channels],
                    x_tap: dilation[1] * channels,
                    grad_y: grad_y
                        .as_ptr()
                        .wrapping_add((images.start * out_h + seen.start) * out_w * channels + c),
                    grad_steps: [out_h * out_w * channels, out_w * channels, channels],
                    sizes: [images.len(), seen.len(), out_w],
                    out: out.at((ky * kernel[1] + kx) * channels + c).0,
                    channels,
                    is_first: i == 0,
                    n: (channels - c).min(lanes::<T>()),
                };
                // SAFETY: `input` and `grad_y` hold every pixel of the unit, and the gradient
                // is this run's alone.
                unsafe {
                    match kernel[1] - kx {
                        1 => sum.run::<T::Lanes<I>, 1>(),
                        2 => sum.run::<T::Lanes<I>, 2>(),
                        3 => sum.run::<T::Lanes<I>, 3>(),
                        _ => sum.run::<T::Lanes<I>, TAPS>(),
                    }
                }
            }
        }
    }
}

/// The sums of some neighbouring kernel columns over the pixels of a unit, a vector of channels.
struct TapSums<T> {
    x: *const T,
    /// Between images, output rows and output columns.
    x_steps: [usize; 3],
    /// Between kernel columns.
    x_tap: usize,
    grad_y: *const T,
    grad_steps: [usize; 3],
    sizes: [usize; 3],
    out: *mut T,
    channels: usize,
    is_first: bool,
    n: usize,
}

impl<T: Real> TapSums<T> {
    /// Computes and adds `K` sums.
    ///
    /// # Safety
    ///
    /// All pointers must reach `n` items at every tap and pixel.
    #[inline(always)]
    unsafe fn run<V: Lanes<Scalar = T>, const K: usize>(&self) {
        let mut sums = [V::splat_f64(0.0); K];
        let at = |steps: &[usize; 3], i, j| i * steps[0] + j * steps[1];
        for (i, j) in (0..self.sizes[0]).flat_map(|i| (0..self.sizes[1]).map(move |j| (i, j))) {
            let mut x = self.x.wrapping_add(at(&self.x_steps, i, j));
            let mut g = self.grad_y.wrapping_add(at(&self.grad_steps, i, j));
            for _ in 0..self.sizes[2] {
                // SAFETY: `grad_y` reaches `n` items at every pixel (`# Safety`).
                let grad = unsafe { load::<V>(g, self.n) };
                for (tap, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `x` reaches `n` items at every tap and pixel (`# Safety`).
                    let x = unsafe { load::<V>(x.wrapping_add(tap * self.x_tap), self.n) };
                    *sum = x.mul_add(grad, *sum);
                }
                x = x.wrapping_add(self.x_steps[2]);
                g = g.wrapping_add(self.grad_steps[2]);
            }
        }
        for (tap, &sum) in sums.iter().enumerate() {
            let to = self.out.wrapping_add(tap * self.channels);
            // SAFETY: the gradient has `n` items at every tap (`# Safety`).
            unsafe {
                let sum = if self.is_first { sum } else { load::<V>(to, self.n) + sum };
                store(sum, to, self.n);
            }
        }
    }
}
