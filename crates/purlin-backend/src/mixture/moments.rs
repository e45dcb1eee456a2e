//! Weighted sums of rows and of their products.

use super::LANES;
use crate::Buffer;
use crate::distance::Panels;
use crate::isa::{Kernel, dispatch};
use purlin_core::MatrixView;
use purlin_core::simd::{Isa, Lanes};
use std::ops::Range;

/// Panels that are gone through together: their weighted differences stay in the first cache.
const RUN: usize = 8;

/// Which second moments are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moments {
    /// Of all pairs of columns, for each component.
    Full,
    /// Of all pairs of columns, all components together.
    Tied,
    /// Of each column with itself, for each component.
    Diagonal,
}

impl Moments {
    /// The number of sums for `k` components of `d` columns.
    pub fn len(self, k: usize, d: usize) -> usize {
        k * (1 + d) + self.n_seconds(k, d)
    }

    fn n_seconds(self, k: usize, d: usize) -> usize {
        match self {
            Self::Full => k * (d * (d + 1) / 2),
            Self::Tied => d * (d + 1) / 2,
            Self::Diagonal => k * d,
        }
    }

    /// Adds, for each component with its `shares` `r` of the rows and its row `o` of `origins`:
    ///
    /// | place in `sums` | sum over the rows of |
    /// |---|---|
    /// | `k` numbers | `r` |
    /// | `(k, d)` | `r (x_i - o_i)` |
    /// | the rest | `r (x_i - o_i) (x_j - o_j)`, `j` from `i` on |
    ///
    /// `shares` are laid out as [`Gaussians::shares`](super::Gaussians::shares) leaves them.
    /// Origins near the weighted means keep the digits of the second moments.
    ///
    /// Runs on the calling thread: callers cut the panels into blocks and add the blocks in a fixed
    /// tree.
    ///
    /// # Panics
    ///
    /// When a length does not fit, or a panel is missing.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::{distance::Panels, mixture::Moments};
    /// use purlin_core::MatrixView;
    ///
    /// let x = Panels::pack(MatrixView::from_rows(&[[1.0f64], [4.0]]), None);
    /// let mut shares = [0.0; 8]; // 1 component, 8 places of a panel
    /// shares[..2].copy_from_slice(&[1.0, 0.5]);
    /// let mut sums = [0.0; 3];
    /// Moments::Full.add(&x, 0..1, &shares, MatrixView::from_rows(&[[2.0]]), &mut sums);
    /// assert_eq!(sums, [1.5, 0.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn add(
        self,
        x: &Panels<f64>,
        panels: Range<usize>,
        shares: &[f64],
        origins: MatrixView<'_, f64>,
        sums: &mut [f64],
    ) {
        let ((k, d), n) = (origins.shape(), panels.len());
        assert!(
            x.n_features() == d && panels.end <= x.n_panels(),
            "moments: expected {d} features and panels below {}, got {} and {panels:?}",
            x.n_panels(),
            x.n_features()
        );
        assert!(
            shares.len() == n * k * LANES && sums.len() == self.len(k, d),
            "moments: expected {} shares and {} sums, got {} and {}",
            n * k * LANES,
            self.len(k, d),
            shares.len(),
            sums.len()
        );
        let x = x.run(&panels);
        dispatch(Add { moments: self, x, shares, origins, sums });
    }
}

struct Add<'a> {
    moments: Moments,
    x: &'a [f64],
    shares: &'a [f64],
    origins: MatrixView<'a, f64>,
    sums: &'a mut [f64],
}

impl Kernel for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { moments, x, shares, origins, sums } = self;
        match moments {
            Moments::Full => full::<I::F64>(x, shares, origins, sums),
            Moments::Tied => tied::<I::F64>(x, shares, origins, sums),
            Moments::Diagonal => diagonal::<I::F64>(x, shares, origins, sums),
        }
    }
}

/// Shares of component `c` in the panels of a run.
#[inline(always)]
fn shares_of(shares: &[f64], k: usize, c: usize) -> impl Iterator<Item = &[f64]> + Clone {
    shares.chunks_exact(k * LANES).map(move |shares| &shares[c * LANES..][..LANES])
}

/// Adds the shares of a component to `total`; says whether one is not 0.
#[inline(always)]
fn add_shares<V: Lanes<Scalar = f64>>(
    shares: &[f64],
    (k, c): (usize, usize),
    total: &mut [f64],
) -> bool {
    let (zero, mut sum) = (V::splat(0.0), V::load(total));
    let mut is_there = false;
    for share in shares_of(shares, k, c) {
        let share = V::load(share);
        is_there |= V::any(!share.eq(zero));
        sum = sum + share;
    }
    sum.store(total);
    is_there
}

#[inline(always)]
fn full<V: Lanes<Scalar = f64>>(
    x: &[f64],
    shares: &[f64],
    origins: MatrixView<'_, f64>,
    sums: &mut [f64],
) {
    let (k, d) = origins.shape();
    let (totals, sums) = sums.split_at_mut(k);
    let (firsts, seconds) = sums.split_at_mut(k * d);
    let mut weighted = Buffer::scratch(RUN * d * LANES);
    let mut lanes = Buffer::scratch((1 + d) * LANES + tiles_len(d));
    let mut of_run = Buffer::scratch(d);
    for c in 0..k {
        lanes.fill(0.0);
        let (total, rest) = lanes.split_at_mut(LANES);
        let (first, tiles) = rest.split_at_mut(d * LANES);
        for (x, shares) in x.chunks(RUN * d * LANES).zip(shares.chunks(RUN * k * LANES)) {
            if add_shares::<V>(shares, (k, c), total) {
                weigh::<V, false>(x, shares, (k, c), origins.row(c), first, &mut weighted);
                products::<V>(x, &weighted, d, tiles);
            }
        }
        totals[c] += V::load(total).sum();
        let sums = &mut firsts[c * d..][..d];
        for ((of_run, sum), first) in of_run.iter_mut().zip(sums).zip(first.chunks_exact(LANES)) {
            *of_run = V::load(first).sum();
            *sum += *of_run;
        }
        let seconds = &mut seconds[c * (d * (d + 1) / 2)..][..d * (d + 1) / 2];
        fold::<V>(tiles, d, seconds);
        shift(seconds, &of_run, origins.row(c));
    }
}

/// `second_ij -= first_i o_j`: the second factor of the products was not centred yet.
#[inline(always)]
fn shift(seconds: &mut [f64], firsts: &[f64], origin: &[f64]) {
    let mut rest = seconds;
    for (i, first) in firsts.iter().enumerate() {
        let (row, below) = rest.split_at_mut(origin.len() - i);
        for (second, o) in row.iter_mut().zip(&origin[i..]) {
            *second -= first * o;
        }
        rest = below;
    }
}

#[inline(always)]
fn tied<V: Lanes<Scalar = f64>>(
    x: &[f64],
    shares: &[f64],
    origins: MatrixView<'_, f64>,
    sums: &mut [f64],
) {
    let (k, d) = origins.shape();
    let (totals, sums) = sums.split_at_mut(k);
    let (firsts, seconds) = sums.split_at_mut(k * d);
    let mut weighted = Buffer::scratch(RUN * d * LANES);
    let mut lanes = Buffer::zeroed(k * (1 + d) * LANES + tiles_len(d));
    let (total, rest) = lanes.split_at_mut(k * LANES);
    let (first, tiles) = rest.split_at_mut(k * d * LANES);
    for (x, shares) in x.chunks(RUN * d * LANES).zip(shares.chunks(RUN * k * LANES)) {
        weighted.fill(0.0);
        for c in 0..k {
            if add_shares::<V>(shares, (k, c), &mut total[c * LANES..]) {
                let first = &mut first[c * d * LANES..][..d * LANES];
                weigh::<V, true>(x, shares, (k, c), origins.row(c), first, &mut weighted);
            }
        }
        products::<V>(x, &weighted, d, tiles);
    }
    fold::<V>(tiles, d, seconds);
    let mut of_run = Buffer::scratch(d);
    for c in 0..k {
        totals[c] += V::load(&total[c * LANES..]).sum();
        let first = first[c * d * LANES..][..d * LANES].chunks_exact(LANES);
        for ((of_run, sum), first) in of_run.iter_mut().zip(&mut firsts[c * d..]).zip(first) {
            *of_run = V::load(first).sum();
            *sum += *of_run;
        }
        shift(seconds, &of_run, origins.row(c));
    }
}

/// `weighted = r (x - o)`, or `+=` if `ADD`, panel by panel; adds it up in `sums`.
#[inline(always)]
fn weigh<V: Lanes<Scalar = f64>, const ADD: bool>(
    x: &[f64],
    shares: &[f64],
    (k, c): (usize, usize),
    origin: &[f64],
    sums: &mut [f64],
    weighted: &mut [f64],
) {
    let d = origin.len();
    for (i, (&o, sum)) in origin.iter().zip(sums.chunks_exact_mut(LANES)).enumerate() {
        let (o, mut total) = (V::splat(o), V::load(sum));
        let panels = x.chunks_exact(d * LANES).zip(weighted.chunks_exact_mut(d * LANES));
        for ((x, out), share) in panels.zip(shares_of(shares, k, c)) {
            let out = &mut out[i * LANES..][..LANES];
            let w = V::load(share) * (V::load(&x[i * LANES..][..LANES]) - o);
            total = total + w;
            let w = if ADD { V::load(out) + w } else { w };
            w.store(out);
        }
        total.store(sum);
    }
}

/// Numbers of the tiles of [`products`].
fn tiles_len(d: usize) -> usize {
    let n = d.div_ceil(2);
    n * (n + 1) / 2 * 4 * LANES
}

/// Adds the products of the columns of `weighted` with those of `x` from the same one on: tiles of
/// two by two, a vector for each product.
#[inline(always)]
fn products<V: Lanes<Scalar = f64>>(x: &[f64], weighted: &[f64], d: usize, tiles: &mut [f64]) {
    let mut tiles = tiles.chunks_exact_mut(4 * LANES);
    for i in (0..d).step_by(2) {
        for j in (i..d).step_by(2) {
            let Some(tile) = tiles.next() else { return };
            // The last column again where there is none beside it.
            let (i, j) =
                ((i * LANES, (i + 1).min(d - 1) * LANES), (j * LANES, (j + 1).min(d - 1) * LANES));
            let mut a = V::load(tile);
            let mut b = V::load(&tile[LANES..]);
            let mut c = V::load(&tile[2 * LANES..]);
            let mut e = V::load(&tile[3 * LANES..]);
            for (x, w) in x.chunks_exact(d * LANES).zip(weighted.chunks_exact(d * LANES)) {
                let (w0, w1) = (V::load(&w[i.0..][..LANES]), V::load(&w[i.1..][..LANES]));
                let (x0, x1) = (V::load(&x[j.0..][..LANES]), V::load(&x[j.1..][..LANES]));
                a = w0.mul_add(x0, a);
                b = w0.mul_add(x1, b);
                c = w1.mul_add(x0, c);
                e = w1.mul_add(x1, e);
            }
            a.store(tile);
            b.store(&mut tile[LANES..]);
            c.store(&mut tile[2 * LANES..]);
            e.store(&mut tile[3 * LANES..]);
        }
    }
}

/// Adds the lanes of the tiles to the upper triangle, row after row.
#[inline(always)]
fn fold<V: Lanes<Scalar = f64>>(tiles: &[f64], d: usize, seconds: &mut [f64]) {
    let mut tiles = tiles.chunks_exact(4 * LANES);
    let place = |i: usize, j: usize| i * (2 * d + 1 - i) / 2 + j - i;
    for i in (0..d).step_by(2) {
        for j in (i..d).step_by(2) {
            let Some(tile) = tiles.next() else { return };
            for (at, lanes) in tile.chunks_exact(LANES).enumerate() {
                let (i, j) = (i + at / 2, j + at % 2);
                if i <= j && j < d {
                    seconds[place(i, j)] += V::load(lanes).sum();
                }
            }
        }
    }
}

#[inline(always)]
fn diagonal<V: Lanes<Scalar = f64>>(
    x: &[f64],
    shares: &[f64],
    origins: MatrixView<'_, f64>,
    sums: &mut [f64],
) {
    let (k, d) = origins.shape();
    let (totals, sums) = sums.split_at_mut(k);
    let (firsts, seconds) = sums.split_at_mut(k * d);
    let mut lanes = Buffer::zeroed(k * (1 + 2 * d) * LANES);
    let (total, rest) = lanes.split_at_mut(k * LANES);
    let (first, second) = rest.split_at_mut(k * d * LANES);
    for (x, shares) in x.chunks(RUN * d * LANES).zip(shares.chunks(RUN * k * LANES)) {
        for c in 0..k {
            if !add_shares::<V>(shares, (k, c), &mut total[c * LANES..]) {
                continue;
            }
            let first = first[c * d * LANES..].chunks_exact_mut(LANES);
            let second = second[c * d * LANES..].chunks_exact_mut(LANES);
            for (i, ((&o, first), second)) in
                origins.row(c).iter().zip(first).zip(second).enumerate()
            {
                let (o, mut a, mut b) = (V::splat(o), V::load(first), V::load(second));
                for (x, share) in x.chunks_exact(d * LANES).zip(shares_of(shares, k, c)) {
                    let t = V::load(&x[i * LANES..][..LANES]) - o;
                    let w = V::load(share) * t;
                    a = a + w;
                    b = w.mul_add(t, b);
                }
                a.store(first);
                b.store(second);
            }
        }
    }
    for (sums, lanes) in [(totals, total), (firsts, first), (seconds, second)] {
        for (sum, lanes) in sums.iter_mut().zip(lanes.chunks_exact(LANES)) {
            *sum += V::load(lanes).sum();
        }
    }
}
