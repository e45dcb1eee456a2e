//! What a few more rows would do to the distance of each row from its nearest.

use super::Panels;
use crate::mono::once;
use crate::{Kernel, dispatch};
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// Candidates of a tile: on AVX2 their sums, in two registers each, leave room for one vector of
/// the panel.
const HEIGHT: usize = 6;

/// For each row `t` of `candidates` and each row `i` in the panels `panels` of `points`, the squared
/// distance of the two or `closest[i]`, whichever is less: `out[t * stride + i]`. Adds to `sums[t]` the sum over the
/// rows, each times its weight (1 without `weights`).
///
/// A sum is formed in 16 lanes of `f64` (8 for rows of `f64`), row `i` in lane `i` modulo their
/// number, folded in a fixed tree.
///
/// Runs on the calling thread: callers cut the panels into blocks, few enough each that they stay in
/// the cache while the candidates pass.
///
/// # Panics
///
/// When a length does not fit, or a panel is missing.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Panels, approach};
/// use purlin_core::MatrixView;
///
/// let points = Panels::pack(MatrixView::from_rows(&[[0.0], [3.0], [6.0]]), None);
/// let points = (&points, 0..1);
/// let candidates = [[3.0], [7.0]];
/// let (mut out, mut sums) = ([0.0; 6], [0.0; 2]);
/// let closest = [0.0, 9.0, 36.0]; // there is one at 0
/// approach(MatrixView::from_rows(&candidates), points, &closest, None, &mut out, 3, &mut sums);
/// assert_eq!(out, [0.0, 0.0, 9.0, 0.0, 9.0, 1.0]);
/// assert_eq!(sums, [9.0, 10.0]);
/// ```
#[track_caller]
pub fn approach<T: Real>(
    candidates: MatrixView<'_, T>,
    (points, panels): (&Panels<T>, Range<usize>),
    closest: &[T],
    weights: Option<&[T]>,
    out: &mut [T],
    stride: usize,
    sums: &mut [f64],
) {
    let ((n, d), rows) = (candidates.shape(), points.rows_of(&panels).len());
    assert!(
        d == points.n_features() && closest.len() == rows && sums.len() == n,
        "approach: expected {} features, {rows} distances and {n} sums, got {d}, {} and {}",
        points.n_features(),
        closest.len(),
        sums.len()
    );
    assert!(
        stride >= rows && (n == 0 || out.len() >= (n - 1) * stride + rows),
        "approach: expected out with {n} runs of {rows} items, {stride} apart, got {}",
        out.len()
    );
    if let Some(weights) = weights {
        let got = weights.len();
        assert!(got == rows, "approach: expected {rows} weights, got {got}");
    }
    once!(|candidates: MatrixView<'_, T>,
           points: &Panels<T>,
           panels: Range<usize>,
           closest: &[T],
           weights: Option<&[T]>,
           out: &mut [T],
           stride: usize,
           sums: &mut [f64]| {
        dispatch(Approach { candidates, points, panels, closest, weights, out, stride, sums });
    });
}

struct Approach<'a, T: Real> {
    candidates: MatrixView<'a, T>,
    points: &'a Panels<T>,
    panels: Range<usize>,
    closest: &'a [T],
    weights: Option<&'a [T]>,
    out: &'a mut [T],
    stride: usize,
    sums: &'a mut [f64],
}

impl<T: Real> Kernel for Approach<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let mut first = 0;
        while first < self.candidates.n_rows() {
            let left = self.candidates.n_rows() - first;
            match left {
                1 => self.some::<T::Lanes<I>, 1>(first),
                2 => self.some::<T::Lanes<I>, 2>(first),
                3 | 4 => self.some::<T::Lanes<I>, 4>(first),
                _ => self.some::<T::Lanes<I>, HEIGHT>(first),
            }
            first += left.min(HEIGHT);
        }
    }
}

impl<T: Real> Approach<'_, T> {
    /// The candidates from `first` on, `M` at most.
    #[inline(always)]
    fn some<V: Lanes<Scalar = T>, const M: usize>(&mut self, first: usize) {
        let n = M.min(self.candidates.n_rows() - first);
        let mut tile = vec![[T::ZERO; M]; self.candidates.n_cols()];
        for i in 0..M {
            // The last one again where fewer are left.
            let row = self.candidates.row(first + i.min(n - 1));
            for (tile, &value) in tile.iter_mut().zip(row) {
                tile[i] = value;
            }
        }
        let mut totals = [[0.0f64; MAX_LANES]; M];
        for (p, panel) in self.panels.clone().enumerate() {
            let mut sums = [V::splat(T::ZERO); M];
            for (tile, x) in tile.iter().zip(self.points.panel(panel).chunks_exact(V::LANES)) {
                let x = V::load(x);
                for i in 0..M {
                    let t = V::splat(tile[i]) - x;
                    sums[i] = t.mul_add(t, sums[i]);
                }
            }
            let start = p * V::LANES;
            let end = self.closest.len().min(start + V::LANES);
            // Of a row that is missing the sum takes 0.
            let closest = V::load_partial(&self.closest[start..end], T::ZERO);
            let mut weights = [1.0; MAX_LANES];
            if let Some(all) = self.weights {
                for (weight, of) in weights.iter_mut().zip(&all[start..end]) {
                    *weight = of.to_f64();
                }
            }
            for i in 0..n {
                let less = sums[i].min(closest);
                less.store_partial(&mut self.out[(first + i) * self.stride..][start..end]);
                let mut values = [T::ZERO; MAX_LANES];
                less.store(&mut values);
                if self.weights.is_none() {
                    for lane in 0..V::LANES {
                        totals[i][lane] += values[lane].to_f64();
                    }
                } else {
                    for lane in 0..V::LANES {
                        totals[i][lane] += values[lane].to_f64() * weights[lane];
                    }
                }
            }
        }
        for (sum, mut total) in self.sums[first..first + n].iter_mut().zip(totals) {
            let mut half = V::LANES / 2;
            while half > 0 {
                for lane in 0..half {
                    total[lane] += total[lane + half];
                }
                half /= 2;
            }
            *sum += total[0];
        }
    }
}
