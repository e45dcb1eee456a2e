//! Four rows at a time beside one panel after the other.

use super::form::{Chain, with_chain};
use super::{Form, Panels};
use crate::Kernel;
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::ops::Range;

/// Rows that ask at the same time: as many chains as hide the latency of a sum.
const HEIGHT: usize = 4;

/// Panels whose sum of ones is exact in any precision.
const RUN: usize = 1 << 16;

/// Which rows of some ranges lie within reach of other rows, and what becomes of them.
pub(super) struct Within<'a, T: Real, S> {
    pub(super) form: Form,
    pub(super) queries: &'a Panels<T>,
    pub(super) rows: &'a [u32],
    pub(super) others: &'a Panels<T>,
    pub(super) ranges: &'a [Range<usize>],
    pub(super) limits: &'a [T],
    pub(super) sink: S,
}

/// What becomes of the pairs within reach. `true` is "this suffices".
pub(super) trait Sink<T: Real>: Sized {
    type Output;

    /// Those of up to four rows, from number `first` on, with the rows of panel `p`; the last row
    /// comes again where there are fewer. `sums` is the group's own, 0 at the start of a run.
    fn panel<V: Lanes<Scalar = T>>(
        &mut self,
        first: usize,
        p: usize,
        within: [V::Mask; HEIGHT],
        sums: &mut [V; HEIGHT],
    ) -> bool;

    /// The end of a run of panels.
    #[inline(always)]
    fn run<V: Lanes<Scalar = T>>(&mut self, _first: usize, _sums: [V; HEIGHT]) {}

    /// The end of a range: whether the group needs no other.
    #[inline(always)]
    fn range(&self, _first: usize) -> bool {
        false
    }

    /// The end, before all was looked at or not.
    fn end(self, suffices: bool) -> Self::Output;
}

impl<T: Real, S: Sink<T>> Kernel for Within<'_, T, S> {
    type Output = S::Output;
    #[inline(always)]
    fn run<I: Isa>(self) -> S::Output {
        with_chain!(self.form, C => self.with::<C, T::Lanes<I>>())
    }
}

impl<T: Real, S: Sink<T>> Within<'_, T, S> {
    #[inline(always)]
    fn with<C: Chain, V: Lanes<Scalar = T>>(mut self) -> S::Output {
        let span = Span::<V>::new();
        for first in (0..self.rows.len()).step_by(HEIGHT) {
            let mut four = [&[][..]; HEIGHT];
            for (i, row) in four.iter_mut().enumerate() {
                let at = self.rows[(first + i).min(self.rows.len() - 1)] as usize;
                *row = &self.queries.panel(at / V::LANES)[at % V::LANES..];
            }
            for range in self.ranges {
                let mut panels = Span::<V>::panels(range);
                while !panels.is_empty() {
                    let run = panels.start..panels.end.min(panels.start + RUN);
                    panels.start = run.end;
                    let mut sums = [V::splat(T::ZERO); HEIGHT];
                    for p in run {
                        let values = chains::<C, V, HEIGHT>(four, V::LANES, self.others.panel(p));
                        let limit = V::load(&self.limits[p * V::LANES..]);
                        let [a, b, c, d] = values;
                        let within = [a.le(limit), b.le(limit), c.le(limit), d.le(limit)];
                        let within = span.cut(range, p, within);
                        if self.sink.panel::<V>(first, p, within, &mut sums) {
                            return self.sink.end(true);
                        }
                    }
                    self.sink.run(first, sums);
                }
                if self.sink.range(first) {
                    break;
                }
            }
        }
        self.sink.end(false)
    }
}

/// The chains of rows with the rows of a panel. The features of each row lie `step` apart.
#[inline(always)]
pub(super) fn chains<C: Chain, V: Lanes, const N: usize>(
    rows: [&[V::Scalar]; N],
    step: usize,
    panel: &[V::Scalar],
) -> [V; N] {
    let mut sums = [V::splat_f64(0.0); N];
    for (j, b) in panel.chunks_exact(V::LANES).enumerate() {
        let b = V::load(b);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = C::add(V::splat(row[j * step]) - b, *sum);
        }
    }
    sums
}

/// The panels that a range of rows touches, and which of their lanes.
pub(super) struct Span<V: Lanes> {
    iota: V,
}

impl<V: Lanes> Span<V> {
    #[inline(always)]
    fn new() -> Self {
        let mut iota = [V::Scalar::ZERO; MAX_LANES];
        for (i, lane) in iota.iter_mut().enumerate() {
            *lane = V::Scalar::from_usize(i);
        }
        Self { iota: V::load(&iota) }
    }

    #[inline(always)]
    pub(super) fn panels(range: &Range<usize>) -> Range<usize> {
        range.start / V::LANES..range.end.div_ceil(V::LANES)
    }

    /// The masks without the lanes of panel `p` that are not in the range.
    #[inline(always)]
    fn cut(&self, range: &Range<usize>, p: usize, masks: [V::Mask; HEIGHT]) -> [V::Mask; HEIGHT] {
        let first = p * V::LANES;
        if range.start <= first && first + V::LANES <= range.end {
            return masks;
        }
        let at = |row: usize| {
            V::splat(V::Scalar::from_usize(row.clamp(first, first + V::LANES) - first))
        };
        let inside = self.iota.ge(at(range.start)) & self.iota.lt(at(range.end));
        let [a, b, c, d] = masks;
        [a & inside, b & inside, c & inside, d & inside]
    }
}

pub(super) struct Weigh<'a, T: Real> {
    pub(super) weights: Option<&'a [T]>,
    pub(super) enough: f64,
    pub(super) sums: &'a mut [f64],
}

impl<T: Real> Sink<T> for Weigh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn panel<V: Lanes<Scalar = T>>(
        &mut self,
        _: usize,
        p: usize,
        within: [V::Mask; HEIGHT],
        sums: &mut [V; HEIGHT],
    ) -> bool {
        let weight = match self.weights {
            Some(weights) => V::load(&weights[p * V::LANES..]),
            None => V::splat(T::ONE),
        };
        for (sum, mask) in sums.iter_mut().zip(within) {
            *sum = *sum + V::select(mask, weight, V::splat(T::ZERO));
        }
        false
    }

    #[inline(always)]
    fn run<V: Lanes<Scalar = T>>(&mut self, first: usize, sums: [V; HEIGHT]) {
        for (total, sum) in self.sums[first..].iter_mut().zip(sums) {
            *total += sum.sum().to_f64();
        }
    }

    #[inline(always)]
    fn range(&self, first: usize) -> bool {
        self.sums[first..].iter().take(HEIGHT).all(|&total| total >= self.enough)
    }

    fn end(self, _: bool) {}
}

pub(super) struct Any;

impl<T: Real> Sink<T> for Any {
    type Output = bool;

    #[inline(always)]
    fn panel<V: Lanes<Scalar = T>>(
        &mut self,
        _: usize,
        _: usize,
        [a, b, c, d]: [V::Mask; HEIGHT],
        _: &mut [V; HEIGHT],
    ) -> bool {
        V::any((a | b) | (c | d))
    }

    fn end(self, suffices: bool) -> bool {
        suffices
    }
}

pub(super) struct Find<'a> {
    pub(super) rows: &'a [u32],
    pub(super) found: &'a mut Vec<[u32; 2]>,
}

impl<T: Real> Sink<T> for Find<'_> {
    type Output = ();

    #[inline(always)]
    fn panel<V: Lanes<Scalar = T>>(
        &mut self,
        first: usize,
        p: usize,
        within: [V::Mask; HEIGHT],
        _: &mut [V; HEIGHT],
    ) -> bool {
        for (&row, mask) in self.rows[first..].iter().zip(within) {
            if !V::any(mask) {
                continue;
            }
            let mut is_within = [T::ZERO; MAX_LANES];
            V::select(mask, V::splat(T::ONE), V::splat(T::ZERO)).store(&mut is_within);
            for (lane, is_within) in is_within.iter().enumerate().take(V::LANES) {
                if *is_within != T::ZERO {
                    self.found.push([row, (p * V::LANES + lane) as u32]);
                }
            }
        }
        false
    }

    fn end(self, _: bool) {}
}
