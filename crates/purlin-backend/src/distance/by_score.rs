//! The pass over rows that ranks them in single precision, and leaves out what it can.

use super::again::{Again, DOWN, HamerlyBoundsMut, Kept, Movers, RowBounds, of_labels};
use super::nearest::Assigned;
use super::points::Points;
use super::ranking::{Best, Tiles, least_lane};
use crate::Kernel;
use crate::indices::{flags, store_indices};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};
use std::ops::Range;

/// A panel as the kernel reads it.
type Single<I> = <f32 as Real>::Lanes<I>;

const LANES: usize = Points::LANES;

/// Cache lines that are asked for ahead at most: a part of the first cache.
const LINES: usize = 256;

/// Panels of gathered rows at a time.
const GATHERED: usize = 4;

/// Ranks by single precision.
pub(super) struct ByScore<'a> {
    pub(super) tiles: &'a Tiles<f32>,
    /// How the bounds are read, where they are trusted.
    pub(super) again: Option<&'a Again>,
    pub(super) points: &'a Points,
    pub(super) rows: Range<usize>,
    pub(super) labels: &'a mut [u32],
    /// Where they are kept.
    pub(super) bounds: Option<HamerlyBoundsMut<'a>>,
    /// Takes the places in `labels` that are not certain.
    pub(super) close: &'a mut Vec<u32>,
}

/// What panels are ranked for.
#[derive(Clone, Copy)]
enum Pass<'a> {
    /// The labels of all their rows.
    Whole,
    /// Bounds that allow for the centroids that moved far.
    Movers(f32, &'a Movers),
    /// The labels of rows at these places, that were gathered into panels.
    Loose(&'a Points, &'a [u32]),
}

/// What is left after the bounds.
#[derive(Default)]
struct Open {
    /// Panels of which most rows are.
    panels: Vec<u32>,
    /// Places of other rows.
    rows: Vec<u32>,
}

impl Kernel for ByScore<'_> {
    type Output = Assigned;

    #[inline(always)]
    fn run<I: Isa>(mut self) -> Assigned {
        let mut assigned = Assigned::default();
        let n_panels = self.labels.len().div_ceil(LANES) as u32;
        let mut open = Open { panels: Vec::with_capacity(n_panels as usize), rows: Vec::new() };
        match self.again {
            None => open.panels.extend(0..n_panels),
            Some(Again { any, movers: None }) => {
                let Some(HamerlyBoundsMut(Kept::Panels(bounds))) = &self.bounds else {
                    unreachable!("centroids without movers have bounds of panels");
                };
                for (p, bound) in bounds.iter().enumerate() {
                    if any >= bound {
                        open.panels.push(p as u32);
                    }
                }
            }
            Some(Again { any, movers: Some(movers) }) => {
                let mut unsure = Vec::with_capacity(n_panels as usize);
                for p in 0..n_panels {
                    if Single::<I>::any(self.is_open::<I>(*any, movers, p as usize)) {
                        unsure.push(p);
                    }
                }
                open.rows.reserve(self.labels.len());
                let pass = Pass::Movers(*any, movers);
                self.pass::<I>(pass, &unsure, &mut open, &mut assigned);
            }
        }
        let Open { panels, rows } = std::mem::take(&mut open);
        self.pass::<I>(Pass::Whole, &panels, &mut open, &mut assigned);
        if !rows.is_empty() {
            let mut points = Points::scratch();
            let list: [u32; GATHERED] = std::array::from_fn(|p| p as u32);
            for rows in rows.chunks(GATHERED * LANES) {
                points.gather(self.points, self.rows.start, rows);
                let list = &list[..rows.len().div_ceil(LANES)];
                self.pass::<I>(Pass::Loose(&points, rows), list, &mut open, &mut assigned);
            }
        }
        assigned
    }
}

impl ByScore<'_> {
    /// The places of the rows of panel `p`.
    #[inline(always)]
    fn places(&self, p: usize) -> Range<usize> {
        p * LANES..self.labels.len().min((p + 1) * LANES)
    }

    /// The bounds of each row, where those are kept.
    #[inline(always)]
    fn row_bounds(&mut self) -> &mut [RowBounds] {
        match &mut self.bounds {
            Some(HamerlyBoundsMut(Kept::Rows(bounds))) => bounds,
            _ => unreachable!("centroids with movers have bounds of rows"),
        }
    }

    /// Which labels of panel `p` can have changed.
    #[inline(always)]
    fn is_open<I: Isa>(
        &mut self,
        any: f32,
        movers: &Movers,
        p: usize,
    ) -> <Single<I> as Lanes>::Mask {
        let own = of_labels::<Single<I>>(&movers.own, &self.labels[self.places(p)]);
        let (near, far) = self.row_bounds()[p].read::<Single<I>>(own, any);
        !near.lt(far)
    }

    /// Notes where the rows of panel `p` are that are open.
    #[inline(always)]
    fn sort<I: Isa>(&mut self, p: usize, is_open: <Single<I> as Lanes>::Mask, open: &mut Open) {
        if !Single::<I>::any(is_open) {
            return;
        }
        let flags = flags::<Single<I>>(is_open);
        let places = self.places(p);
        let n_open: u32 = flags[..places.len()].iter().map(|&flag| flag as u32).sum();
        // Gathering a row costs as much as ranking it against 64 centroids.
        let k = self.tiles.len();
        if n_open as usize * (k + 64) >= LANES * k {
            open.panels.push(p as u32);
            return;
        }
        for (place, &flag) in places.zip(&flags) {
            if flag != 0.0 {
                open.rows.push(place as u32);
            }
        }
    }

    /// Ranks the panels of `list`.
    #[inline(always)]
    fn pass<I: Isa>(
        &mut self,
        pass: Pass<'_>,
        list: &[u32],
        open: &mut Open,
        assigned: &mut Assigned,
    ) {
        // A vector of AVX-512 is one register: two panels make enough chains.
        let mut rest = list;
        if align_of::<Single<I>>() == 64 {
            let (pairs, last) = list.as_chunks::<2>();
            self.groups::<I, 2>(pass, pairs, open, assigned);
            rest = last;
        }
        self.groups::<I, 1>(pass, rest.as_chunks().0, open, assigned);
    }

    #[inline(always)]
    fn groups<I: Isa, const N: usize>(
        &mut self,
        pass: Pass<'_>,
        groups: &[[u32; N]],
        open: &mut Open,
        assigned: &mut Assigned,
    ) {
        // The panels of `points` begin with the first row of the table.
        let (tiles, points, first) = match pass {
            Pass::Whole => (self.tiles, self.points, self.rows.start / LANES),
            Pass::Movers(_, movers) => (&movers.tiles, self.points, self.rows.start / LANES),
            Pass::Loose(points, _) => (self.tiles, points, 0),
        };
        let panels = &points.panels;
        let fits = N * panels.n_features() <= LINES;
        for (i, group) in groups.iter().enumerate() {
            let mut vectors = [&[][..]; N];
            for (vectors, &p) in vectors.iter_mut().zip(group) {
                *vectors = panels.panel(first + p as usize).as_chunks().0;
            }
            // The processor does not look so far ahead, and not across pages.
            let next = match groups.get(i + 1) {
                Some(next) if fits => {
                    let (start, end) = (next[0] as usize, next[N - 1] as usize + 1);
                    let end = if end - start == N { end } else { start + 1 };
                    panels.run(&(first + start..first + end)).as_chunks().0
                }
                _ => &[],
            };
            let best = tiles.rank::<Single<I>, LANES, N>(vectors, next);
            for (&p, best) in group.iter().zip(&best) {
                let p = p as usize;
                let norm = Single::<I>::load(&points.norms[(first + p) * LANES..]);
                match pass {
                    Pass::Movers(any, movers) => {
                        self.settle::<I>(any, movers, p, norm, best, open);
                    }
                    Pass::Whole => self.label::<I>(p, norm, best, None, assigned),
                    Pass::Loose(_, rows) => {
                        let rows = &rows[p * LANES..rows.len().min((p + 1) * LANES)];
                        self.label::<I>(p, norm, best, Some(rows), assigned);
                    }
                }
                let n_rows = match pass {
                    Pass::Loose(_, rows) => rows.len().min((p + 1) * LANES) - p * LANES,
                    _ => self.places(p).len(),
                };
                assigned.n_distances += (n_rows * tiles.len()) as u64;
            }
        }
    }

    /// Brings the bounds of panel `p` to where centroids are now, and notes the rows that may have
    /// another label.
    #[inline(always)]
    fn settle<I: Isa>(
        &mut self,
        any: f32,
        movers: &Movers,
        p: usize,
        norm: Single<I>,
        best: &Best<Single<I>>,
        open: &mut Open,
    ) {
        let labels = &self.labels[self.places(p)];
        let own = of_labels::<Single<I>>(&movers.own, labels);
        let is_own = best.index.eq(of_labels(&movers.places, labels));
        let error = movers.tiles.error(norm, best);
        let bounds = &mut self.row_bounds()[p];
        let (near, kept) = bounds.read::<Single<I>>(own, movers.kept);
        let near = Single::<I>::select(is_own, movers.tiles.near(norm, best.floor, error), near);
        // Where the error is infinite the second is 0, so the row is open.
        let other = Single::<I>::select(is_own, best.second, best.floor);
        let far = movers.tiles.far(norm, other, error).min(kept);
        bounds.store::<Single<I>>(near, far, own, any);
        self.sort::<I>(p, !near.lt(far), open);
    }

    /// Writes the labels of panel `p`, or of the rows at `loose`. A method, because closures are
    /// not always part of the function they are in, and then outside of the instruction set.
    #[inline(always)]
    fn label<I: Isa>(
        &mut self,
        p: usize,
        norm: Single<I>,
        best: &Best<Single<I>>,
        loose: Option<&[u32]>,
        assigned: &mut Assigned,
    ) {
        let error = self.tiles.error(norm, best);
        let certain = error.lt(best.gap());
        let mut new = [0; LANES];
        store_indices(best.index, 0, &mut new);
        let mut bounds = RowBounds::default();
        if self.bounds.is_some() {
            let near = self.tiles.near(norm, best.floor, error);
            let near = Single::<I>::select(certain, near, Single::<I>::splat(f32::INFINITY));
            // Of all but the label, which another score may yet change.
            let other = Single::<I>::select(certain, best.second, best.floor);
            let far = self.tiles.far(norm, other, error);
            let any = self.again.map_or(0.0, |again| again.any);
            if let Some(HamerlyBoundsMut(Kept::Panels(bounds))) = &mut self.bounds {
                let room = least_lane(far - near);
                bounds[p] = (any + room * 0.5 * DOWN) * DOWN;
            } else {
                let own = match self.again {
                    Some(Again { movers: Some(movers), .. }) => of_labels(&movers.own, &new),
                    _ => Single::<I>::splat(0.0),
                };
                bounds.store::<Single<I>>(near, far, own, any);
                if loose.is_none() {
                    self.row_bounds()[p] = bounds;
                }
            }
        }
        let places = self.places(p);
        if Single::<I>::any(!certain) {
            let flags = flags::<Single<I>>(certain);
            let n = loose.map_or(places.len(), <[u32]>::len);
            for lane in 0..n {
                if flags[lane] == 0.0 {
                    let place = loose.map_or((places.start + lane) as u32, |loose| loose[lane]);
                    new[lane] = self.labels[place as usize];
                    self.close.push(place);
                }
            }
        }
        let mut n_changed = 0;
        match loose {
            None => {
                let labels = &mut self.labels[places];
                for (label, new) in labels.iter().zip(&new) {
                    n_changed += u32::from(label != new);
                }
                if n_changed > 0 {
                    labels.copy_from_slice(&new[..labels.len()]);
                }
            }
            Some(loose) => {
                for (lane, &place) in loose.iter().enumerate() {
                    let place = place as usize;
                    n_changed += u32::from(self.labels[place] != new[lane]);
                    self.labels[place] = new[lane];
                    let kept = &mut self.row_bounds()[place / LANES];
                    kept.upper[place % LANES] = bounds.upper[lane];
                    kept.lower[place % LANES] = bounds.lower[lane];
                }
            }
        }
        assigned.n_changed += n_changed as usize;
    }
}
