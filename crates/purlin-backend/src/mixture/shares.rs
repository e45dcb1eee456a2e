//! The share of each component in each row.

use super::{Form, Gaussians, LANES, WIDTH, packed_len};
use crate::Buffer;
use crate::distance::Panels;
use crate::isa::Kernel;
use crate::math::{exp, ln};
use purlin_core::simd::{Isa, Lanes};
use std::ops::Range;

pub(super) struct Shares<'a> {
    pub(super) of: &'a Gaussians,
    pub(super) x: &'a Panels<f64>,
    pub(super) panels: Range<usize>,
    pub(super) out: &'a mut [f64],
    pub(super) log_densities: &'a mut [f64],
}

impl Kernel for Shares<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { of, x, panels, out, log_densities } = self;
        let (d, k) = (of.n_features, of.n_components());
        let mut scratch = Buffer::scratch(d.next_multiple_of(WIDTH) * LANES);
        let rows = out.chunks_exact_mut(k * LANES).zip(log_densities.chunks_exact_mut(LANES));
        for (panel, (shares, density)) in panels.zip(rows) {
            let x = x.panel(panel);
            match of.form {
                Form::Full => full::<I::F64>(of, x, &mut scratch, shares),
                Form::Tied => tied::<I::F64>(of, x, &mut scratch, shares),
                Form::Diagonal => diagonal::<I::F64>(of, x, shares),
            }
            normalize::<I::F64>(shares).store(density);
        }
    }
}

/// Logarithms of weighted densities.
#[inline(always)]
fn full<V: Lanes<Scalar = f64>>(of: &Gaussians, x: &[f64], t: &mut [f64], out: &mut [f64]) {
    let d = of.n_features;
    let factors = of.factors.chunks_exact(packed_len(d)).zip(&of.offsets);
    let components = of.means.chunks_exact(d).zip(factors);
    for ((mean, (factor, &offset)), out) in components.zip(out.chunks_exact_mut(LANES)) {
        let rows = x.chunks_exact(LANES).zip(mean);
        for ((x, &mean), t) in rows.zip(t.chunks_exact_mut(LANES)) {
            (V::load(x) - V::splat(mean)).store(t);
        }
        let (mut square, mut rest) = (V::splat(0.0), factor);
        for first in (0..d).step_by(WIDTH) {
            let y = columns::<V>(t, d, first, &mut rest);
            for y in y {
                square = y.mul_add(y, square);
            }
        }
        square.mul_add(V::splat(-0.5), V::splat(offset)).store(out);
    }
}

/// As [`full`]: the product with the factor is formed once for all components.
#[inline(always)]
fn tied<V: Lanes<Scalar = f64>>(of: &Gaussians, x: &[f64], z: &mut [f64], out: &mut [f64]) {
    let d = of.n_features;
    let mut rest = &of.factors[..];
    for (first, z) in (0..d).step_by(WIDTH).zip(z.chunks_exact_mut(WIDTH * LANES)) {
        let y = columns::<V>(x, d, first, &mut rest);
        for (y, z) in y.into_iter().zip(z.chunks_exact_mut(LANES)) {
            y.store(z);
        }
    }
    let components = of.means.chunks_exact(d.next_multiple_of(WIDTH)).zip(&of.offsets);
    for ((mean, &offset), out) in components.zip(out.chunks_exact_mut(LANES)) {
        let mut square = V::splat(0.0);
        for (z, &mean) in z.chunks_exact(LANES).zip(mean) {
            let y = V::load(z) - V::splat(mean);
            square = y.mul_add(y, square);
        }
        square.mul_add(V::splat(-0.5), V::splat(offset)).store(out);
    }
}

/// [`WIDTH`] columns of the product of rows with a packed triangle, whose tile is taken off `rest`.
#[inline(always)]
fn columns<V: Lanes<Scalar = f64>>(
    t: &[f64],
    d: usize,
    first: usize,
    rest: &mut &[f64],
) -> [V; WIDTH] {
    let mut y = [V::splat(0.0); WIDTH];
    let (above, below) = rest.split_at(first * WIDTH);
    for (u, t) in above.as_chunks::<WIDTH>().0.iter().zip(t.chunks_exact(LANES)) {
        let t = V::load(t);
        for (y, &u) in y.iter_mut().zip(u) {
            *y = V::splat(u).mul_add(t, *y);
        }
    }
    let (corner, below) = below.split_at(WIDTH * (WIDTH + 1) / 2);
    let mut next = 0;
    for i in 0..WIDTH {
        if first + i < d {
            let t = V::load(&t[(first + i) * LANES..]);
            for (j, y) in y.iter_mut().enumerate().skip(i) {
                *y = V::splat(corner[next + j - i]).mul_add(t, *y);
            }
        }
        next += WIDTH - i;
    }
    *rest = below;
    y
}

/// As [`full`], column by column.
#[inline(always)]
fn diagonal<V: Lanes<Scalar = f64>>(of: &Gaussians, x: &[f64], out: &mut [f64]) {
    let d = of.n_features;
    let components = of.means.chunks_exact(d).zip(of.factors.chunks_exact(d));
    let components = components.zip(&of.offsets);
    for (((means, factors), &offset), out) in components.zip(out.chunks_exact_mut(LANES)) {
        let mut squares = V::splat(0.0);
        for ((x, &mean), &factor) in x.chunks_exact(LANES).zip(means).zip(factors) {
            let y = (V::load(x) - V::splat(mean)) * V::splat(factor);
            squares = y.mul_add(y, squares);
        }
        squares.mul_add(V::splat(-0.5), V::splat(offset)).store(out);
    }
}

/// Turns logarithms into shares and gives the logarithm of their sum.
#[inline(always)]
fn normalize<V: Lanes<Scalar = f64>>(shares: &mut [f64]) -> V {
    let n = shares.len() / LANES;
    let none = V::splat(f64::NEG_INFINITY);
    let mut most = none;
    for share in shares.chunks_exact(LANES) {
        most = V::load(share).max(most);
    }
    // A number to subtract even where all are -inf.
    let shift = V::select(most.eq(none), V::splat(0.0), most);
    let mut sum = V::splat(0.0);
    for share in shares.chunks_exact_mut(LANES) {
        let e = exp(V::load(share) - shift);
        sum = sum + e;
        e.store(share);
    }
    let is_nothing = sum.eq(V::splat(0.0));
    let factor = V::splat(1.0) / sum;
    let equal = V::splat(1.0 / n as f64);
    for share in shares.chunks_exact_mut(LANES) {
        V::select(is_nothing, equal, V::load(share) * factor).store(share);
    }
    shift + ln(sum)
}
