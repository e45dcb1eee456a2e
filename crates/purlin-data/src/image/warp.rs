//! Resampling through an affine map: bilinear, in 32.32 fixed point.
//!
//! Coordinates advance along a row by integer addition, so they are exact at every pixel and the
//! same on every machine. Each row is cut into the part whose four neighbours all lie inside,
//! which needs no questions, and the rest, where the fill mode answers.

use super::{Affine, Pixel, View};
use purlin_backend::{Kernel, dispatch};
use purlin_core::simd::Isa;
use purlin_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What lies outside a picture whose pixels are `a b c d`.
///
/// The picture is continued to the whole grid, and bilinear sampling happens on that.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMode {
    /// `a a a | a b c d | d d d`: the edge goes on.
    #[default]
    Nearest,
    /// `v v v | a b c d | v v v`: one value in all channels.
    Constant(f32),
    /// `c b a | a b c d | d c b`: mirrored, the edge pixel twice.
    Reflect,
    /// `b c d | a b c d | a b c`: tiled.
    Wrap,
}

/// One in 32.32 fixed point.
const ONE: f64 = 4_294_967_296.0;

/// Beyond this, coordinates of corners could overflow the fixed point on the way.
const MAX_COORDINATE: f64 = (1u32 << 28) as f64;

/// Fills `out`, `(out_height, out_width, channels)`, with the picture seen through `map`, each
/// number multiplied by `scale`.
pub(crate) fn warp<P: Pixel>(
    src: View<'_, P>,
    map: &Affine,
    fill: FillMode,
    scale: f32,
    out_height: usize,
    out_width: usize,
    out: &mut [f32],
) -> Result<()> {
    assert_eq!(out.len(), out_height * out_width * src.channels);
    let (bottom, right) = (out_height as f64, out_width as f64);
    for (row, column) in [(0.0, 0.0), (bottom, 0.0), (0.0, right), (bottom, right)] {
        let (r, c) = map.apply(row, column);
        // The negation also refuses NaN.
        if !(r.abs() < MAX_COORDINATE && c.abs() < MAX_COORDINATE) {
            let rule = "a map to coordinates below 2^28";
            return Err(Error::param("warp", "map", rule, format!("row {r}, column {c}")));
        }
    }
    let fixed = map.m.map(|row| row.map(|x| (x * ONE).round_ties_even() as i64));
    let mut job = Warp { src, fixed, fill, scale, out_width, out, first: 0 };
    match src.channels {
        1 => dispatch(Group::<P, 1, 1>(&mut job)),
        // A fourth lane goes along for nothing and is overwritten by the next pixel.
        3 => dispatch(Group::<P, 3, 4>(&mut job)),
        4 => dispatch(Group::<P, 4, 4>(&mut job)),
        channels => {
            for first in 0..channels {
                job.first = first;
                dispatch(Group::<P, 1, 1>(&mut job));
            }
        }
    }
    Ok(())
}

/// The numbers of `src`, each multiplied by `scale`.
pub(crate) fn convert<P: Pixel>(src: &[P], scale: f32, out: &mut [f32]) {
    struct Convert<'a, P>(&'a [P], f32, &'a mut [f32]);
    impl<P: Pixel> Kernel for Convert<'_, P> {
        type Output = ();
        #[inline(always)]
        fn run<I: Isa>(self) {
            for (out, x) in self.2.iter_mut().zip(self.0) {
                *out = x.value() * self.1;
            }
        }
    }
    assert_eq!(src.len(), out.len());
    dispatch(Convert(src, scale, out));
}

struct Warp<'a, P> {
    src: View<'a, P>,
    fixed: [[i64; 3]; 2],
    fill: FillMode,
    scale: f32,
    out_width: usize,
    out: &'a mut [f32],
    /// The first of the channels that are resampled together.
    first: usize,
}

/// Resamples `C` channels of each pixel, and in the interior `L >= C` lanes, which may reach into
/// the next pixel.
struct Group<'j, 'a, P, const C: usize, const L: usize>(&'j mut Warp<'a, P>);

impl<P: Pixel, const C: usize, const L: usize> Kernel for Group<'_, '_, P, C, L> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Warp { src, fixed: [of_row, of_column], fill, scale, out_width, ref mut out, first } =
            *self.0;
        let (step_y, step_x) = (of_row[1], of_column[1]);
        let line = Line { src, fill, scale, first, step_y, step_x };
        // The last pixel of a row has no next one to reach into.
        let spare = usize::from(L > C);
        for (row, out) in out.chunks_exact_mut(out_width * src.channels).enumerate() {
            // Where this row's first pixel comes from.
            let y = of_row[0] * row as i64 + of_row[2];
            let x = of_column[0] * row as i64 + of_column[2];
            let (from_y, to_y) = inside(y, step_y, src.height, out_width - spare);
            let (from_x, to_x) = inside(x, step_x, src.width - spare, out_width - spare);
            let from = from_y.max(from_x);
            let to = to_y.min(to_x).max(from);
            let at = |column: usize| (y + step_y * column as i64, x + step_x * column as i64);

            line.edge::<C>(at(0), 0..from, out);
            line.interior::<L>(at(from), from..to, out);
            line.edge::<C>(at(to), to..out_width, out);
        }
    }
}

/// The columns `from..to` of an output row at which `start + step * column` has both its
/// neighbours within an axis of `n` pixels.
#[inline(always)]
fn inside(start: i64, step: i64, n: usize, out_width: usize) -> (usize, usize) {
    // 0 <= start + step * column < limit
    let limit = (n as i64 - 1) << 32;
    let (from, to) = match step {
        0 if (0..limit).contains(&start) => (0, out_width as i64),
        0 => (0, 0),
        // div_euclid by a positive number is the floor; ceil(a / b) = floor((a + b - 1) / b).
        1.. => ((step - 1 - start).div_euclid(step), (limit - start + step - 1).div_euclid(step)),
        // With s = -step: start - s * column < limit and start - s * column >= 0.
        _ => {
            let s = -step;
            ((start - limit).div_euclid(s) + 1, start.div_euclid(s) + 1)
        }
    };
    (from.clamp(0, out_width as i64) as usize, to.clamp(0, out_width as i64) as usize)
}

/// The fraction of a coordinate in `[0, 1)`: 24 bits, so that it is exact in `f32`.
#[inline(always)]
fn fraction(x: i64) -> f32 {
    ((x as u32) >> 8) as i32 as f32 * (1.0 / 16_777_216.0)
}

/// `a` at 0 and `b` at 1; exactly `a` at 0 for finite `b`.
#[inline(always)]
fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// What is the same along an output row.
struct Line<'a, P> {
    src: View<'a, P>,
    fill: FillMode,
    scale: f32,
    first: usize,
    step_y: i64,
    step_x: i64,
}

impl<P: Pixel> Line<'_, P> {
    /// Bilinear: along the row above, along the row below, then between them.
    #[inline(always)]
    fn mix<const N: usize>(&self, [a, b, c, d]: [[f32; N]; 4], ty: f32, tx: f32) -> [f32; N] {
        let mut out = [0.0; N];
        for i in 0..N {
            let upper = lerp(a[i], b[i], tx);
            let lower = lerp(c[i], d[i], tx);
            out[i] = lerp(upper, lower, ty) * self.scale;
        }
        out
    }

    #[inline(always)]
    fn load<const N: usize>(&self, at: usize) -> [f32; N] {
        let pixel: &[P; N] = self.src.data[at..].first_chunk().expect("a pixel inside");
        pixel.map(Pixel::value)
    }

    /// Pixels whose four neighbours lie inside the picture.
    #[inline(always)]
    fn interior<const L: usize>(
        &self,
        (mut y, mut x): (i64, i64),
        columns: Range<usize>,
        out: &mut [f32],
    ) {
        let channels = self.src.channels;
        let stride = self.src.width * channels;
        for column in columns {
            let at = (y >> 32) as usize * stride + (x >> 32) as usize * channels + self.first;
            let corners = [
                self.load(at),
                self.load(at + channels),
                self.load(at + stride),
                self.load(at + stride + channels),
            ];
            let mixed: [f32; L] = self.mix(corners, fraction(y), fraction(x));
            out[column * channels + self.first..][..L].copy_from_slice(&mixed);
            y += self.step_y;
            x += self.step_x;
        }
    }

    /// Pixels that may lie anywhere. Compiled once for all instruction sets: few pixels come here,
    /// and without contraction the bits are the same.
    #[inline(never)]
    fn edge<const C: usize>(&self, at: (i64, i64), columns: Range<usize>, out: &mut [f32]) {
        if columns.is_empty() {
            return;
        }
        // Where index `i` of an axis of `n` pixels is found, if anywhere.
        match self.fill {
            FillMode::Constant(value) => self.edge_with::<C>(at, columns, value, out, |_, _| None),
            FillMode::Nearest => {
                self.edge_with::<C>(at, columns, 0.0, out, |i, n| Some(i.clamp(0, n - 1)));
            }
            FillMode::Reflect => self.edge_with::<C>(at, columns, 0.0, out, |i, n| {
                let i = i.rem_euclid(2 * n);
                Some(i.min(2 * n - 1 - i))
            }),
            FillMode::Wrap => {
                self.edge_with::<C>(at, columns, 0.0, out, |i, n| Some(i.rem_euclid(n)));
            }
        }
    }

    #[inline(always)]
    fn edge_with<const C: usize>(
        &self,
        (mut y, mut x): (i64, i64),
        columns: Range<usize>,
        outside: f32,
        out: &mut [f32],
        resolve: impl Fn(i64, i64) -> Option<i64>,
    ) {
        let View { height, width, channels, .. } = self.src;
        let find = |i: i64, n: usize| {
            let n = n as i64;
            if (0..n).contains(&i) { Some(i) } else { resolve(i, n) }
        };
        let pixel = |row: Option<i64>, column: Option<i64>| match (row, column) {
            (Some(row), Some(column)) => {
                self.load::<C>((row as usize * width + column as usize) * channels + self.first)
            }
            _ => [outside; C],
        };
        for column in columns {
            let (top, left) = (y >> 32, x >> 32);
            let (above, below) = (find(top, height), find(top + 1, height));
            let (left, right) = (find(left, width), find(left + 1, width));
            let corners =
                [pixel(above, left), pixel(above, right), pixel(below, left), pixel(below, right)];
            let mixed: [f32; C] = self.mix(corners, fraction(y), fraction(x));
            out[column * channels + self.first..][..C].copy_from_slice(&mixed);
            y += self.step_y;
            x += self.step_x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use purlin_backend::isa::{self, IsaKind};

    /// The picture on the whole grid, straight from the definition of the fill modes.
    fn continued(src: &View<'_, u8>, fill: FillMode, row: i64, column: i64, c: usize) -> f64 {
        let (h, w) = (src.height as i64, src.width as i64);
        let mut place = (row, column);
        for (i, n) in [(&mut place.0, h), (&mut place.1, w)] {
            match fill {
                FillMode::Nearest => *i = (*i).max(0).min(n - 1),
                FillMode::Constant(value) if *i < 0 || *i >= n => return f64::from(value),
                FillMode::Constant(_) => {}
                FillMode::Reflect => {
                    while *i < 0 || *i >= n {
                        *i = if *i < 0 { -1 - *i } else { 2 * n - 1 - *i };
                    }
                }
                FillMode::Wrap => {
                    while *i < 0 {
                        *i += n;
                    }
                    while *i >= n {
                        *i -= n;
                    }
                }
            }
        }
        f64::from(src.data[(place.0 as usize * src.width + place.1 as usize) * src.channels + c])
    }

    fn naive(src: &View<'_, u8>, map: &Affine, fill: FillMode, h: usize, w: usize) -> Vec<f64> {
        let mut out = Vec::new();
        for row in 0..h {
            for column in 0..w {
                let (y, x) = map.apply(row as f64, column as f64);
                let (y0, x0) = (y.floor(), x.floor());
                let (ty, tx) = (y - y0, x - x0);
                for c in 0..src.channels {
                    let v = |dy, dx| continued(src, fill, y0 as i64 + dy, x0 as i64 + dx, c);
                    let upper = v(0, 0) * (1.0 - tx) + v(0, 1) * tx;
                    let lower = v(1, 0) * (1.0 - tx) + v(1, 1) * tx;
                    out.push(upper * (1.0 - ty) + lower * ty);
                }
            }
        }
        out
    }

    fn picture(h: usize, w: usize, channels: usize) -> Vec<u8> {
        (0..h * w * channels).map(|i| (i * i * 31 + i * 7) as u8).collect()
    }

    const FILLS: [FillMode; 4] =
        [FillMode::Nearest, FillMode::Constant(77.0), FillMode::Reflect, FillMode::Wrap];

    /// f32 weights with 24 bits on values up to 255, and 32-bit fractions of coordinates.
    const TOL: f64 = 1e-3;

    proptest! {
        #[test]
        fn equals_the_definition_for_every_fill_mode(
            (h, w) in (1usize..9, 1usize..9),
            (out_h, out_w) in (1usize..12, 1usize..12),
            channels in 1usize..6,
            angle in -200.0f64..200.0,
            shear in -50.0f64..50.0,
            (sy, sx) in (0.2f64..3.0, -3.0f64..3.0),
            (ty, tx) in (-20.0f64..20.0, -20.0f64..20.0),
        ) {
            let data = picture(h, w, channels);
            let src = View { height: h, width: w, channels, data: &data[..] };
            let map = Affine::rotation(angle)
                .after(&Affine::translation(ty, tx))
                .after(&Affine::shear(shear))
                .after(&Affine::scale(sy, sx));
            for fill in FILLS {
                let mut out = vec![f32::NAN; out_h * out_w * channels];
                warp(src, &map, fill, 1.0, out_h, out_w, &mut out).unwrap();
                let expected = naive(&src, &map, fill, out_h, out_w);
                for (i, (a, b)) in out.iter().zip(&expected).enumerate() {
                    prop_assert!((f64::from(*a) - b).abs() < TOL, "{:?} at {}: {} {}", fill, i, a, b);
                }
            }
        }

        #[test]
        fn the_interior_is_exactly_where_four_neighbours_are(
            start in -100_000_000_000i64..100_000_000_000,
            step in -20_000_000_000i64..20_000_000_000,
            n in 1usize..30,
            out_width in 0usize..40,
        ) {
            let (from, to) = inside(start, step, n, out_width);
            for column in 0..out_width {
                let at = start + step * column as i64;
                let expected = at >= 0 && at < (n as i64 - 1) << 32;
                prop_assert_eq!((from..to).contains(&column), expected, "column {}", column);
            }
        }
    }

    #[test]
    fn whole_pixel_maps_are_exact() {
        let data = picture(5, 7, 3);
        let src = View { height: 5, width: 7, channels: 3, data: &data[..] };
        let bytes: Vec<f32> = data.iter().map(|&b| f32::from(b)).collect();
        let run = |map: Affine, fill, h, w| {
            let mut out = vec![f32::NAN; h * w * 3];
            warp(src, &map, fill, 1.0, h, w, &mut out).unwrap();
            out
        };
        for fill in FILLS {
            assert_eq!(run(Affine::IDENTITY, fill, 5, 7), bytes);
            let mirrored = run(Affine::scale(1.0, -1.0).about(2.0, 3.0), fill, 5, 7);
            for row in 0..5 {
                for column in 0..7 {
                    let a = (row * 7 + column) * 3;
                    let b = (row * 7 + 6 - column) * 3;
                    assert_eq!(mirrored[a..a + 3], bytes[b..b + 3]);
                }
            }
            let turned = run(Affine::rotation(90.0).about(2.0, 2.0), fill, 5, 5);
            for row in 0..5 {
                for column in 0..5 {
                    let a = (row * 5 + column) * 3;
                    let b = ((4 - column) * 7 + row) * 3;
                    assert_eq!(turned[a..a + 3], bytes[b..b + 3], "{row} {column}");
                }
            }
        }
    }

    #[test]
    fn same_bits_on_every_instruction_set() {
        for channels in [1, 2, 3, 4] {
            let data = picture(33, 21, channels);
            let src = View { height: 33, width: 21, channels, data: &data[..] };
            let map = Affine::rotation(23.0).after(&Affine::scale(0.7, 1.3)).about(16.0, 10.0);
            let mut reference: Option<Vec<u32>> = None;
            for kind in IsaKind::available() {
                let pin = isa::pin(kind);
                let mut out = vec![0.0; 40 * 37 * channels];
                warp(src, &map, FillMode::Reflect, 1.0 / 255.0, 40, 37, &mut out).unwrap();
                drop(pin);
                let bits: Vec<u32> = out.iter().map(|x| x.to_bits()).collect();
                assert_eq!(reference.get_or_insert_with(|| bits.clone()), &bits, "{}", kind.name());
            }
        }
    }

    #[test]
    fn maps_to_nowhere_are_refused() {
        let src = View { height: 1, width: 1, channels: 1, data: &[1u8][..] };
        for bad in [f64::NAN, f64::INFINITY, 1e12] {
            let err =
                warp(src, &Affine::translation(bad, 0.0), FillMode::Wrap, 1.0, 1, 1, &mut [0.0]);
            let text = err.unwrap_err().to_string();
            assert!(text.starts_with("warp: map must be a map to coordinates"), "{text}");
        }
    }
}
