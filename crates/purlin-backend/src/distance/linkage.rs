//! A row of distances between clusters: the nearest, and what becomes of it when two are joined.
//!
//! A row is copied out of its tiles, a block at a time, and worked on in the first cache.

use super::symmetric::{SIDE, TILE, band_start};
use crate::indices;
use crate::isa::prefetch;
use crate::parallel::{self, Shared};
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};

/// Tiles that one task works on.
const BLOCK: usize = 512;
/// Items of so many tiles.
const ITEMS: usize = SIDE * BLOCK;

/// The distance of a cluster `x` from the union of `a` and `b`, from `ax`, `bx` and the numbers of
/// samples; in double precision, rounded once.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Joined, Symmetric, Update};
///
/// let (inf, mut hits) = (f64::INFINITY, Vec::new());
/// let mut from_2 = |update| {
///     let mut table = Symmetric::from_condensed(3, vec![1.0, 4.0, 3.0]); // 0-1, 0-2, 1-2
///     let (floors, bounds) = (&[0.0, inf, 0.0, inf], &[0.0, -inf, -inf, -inf]);
///     let joined = Joined { update, floors, bounds, sizes: &[3.0, 1.0, 1.0, 0.0] };
///     table.join(0, 1, &joined, &mut hits).map(|(distance, _)| distance)
/// };
/// assert_eq!(from_2(Update::Complete), Some(4.0));
/// assert_eq!(from_2(Update::Average { sizes: [3.0, 1.0] }), Some(3.75));
/// assert_eq!(from_2(Update::Median { between: 1.0 }), Some(3.25));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Update {
    /// `max(ax, bx)`.
    Complete,
    /// `(n_a ax + n_b bx) / (n_a + n_b)`.
    Average {
        /// `n_a` and `n_b`.
        sizes: [f64; 2],
    },
    /// `0.5 ax + 0.5 bx`.
    Weighted,
    /// `((n_a + n_x) ax + (n_b + n_x) bx - n_x ab) / (n_a + n_b + n_x)`, at least 0.
    Ward {
        /// `n_a` and `n_b`.
        sizes: [f64; 2],
        /// `ab`.
        between: f64,
    },
    /// `(n_a ax + n_b bx - n_a n_b ab / (n_a + n_b)) / (n_a + n_b)`, at least 0.
    Centroid {
        /// `n_a` and `n_b`.
        sizes: [f64; 2],
        /// `ab`.
        between: f64,
    },
    /// `0.5 ax + 0.5 bx - 0.25 ab`, at least 0.
    Median {
        /// `ab`.
        between: f64,
    },
}

/// Two clusters become one: how, and what is known of the others.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::{Joined, Symmetric, Update};
///
/// let mut table = Symmetric::from_condensed(3, vec![1.0, 4.0, 3.0]);
/// let inf = f64::INFINITY;
/// let joined = Joined {
///     update: Update::Weighted,
///     floors: &[0.0, inf, 0.0, inf], // row 1 goes into row 0
///     bounds: &[0.0, -inf, 3.0, -inf],
///     sizes: &[1.0; 4],
/// };
/// let mut hits = Vec::new();
/// assert_eq!(table.join(0, 1, &joined, &mut hits), Some((3.5, 2)));
/// assert!(hits.is_empty()); // 3.5 is no nearer to row 2 than what it has
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a, T> {
    /// The rule.
    pub update: Update,
    /// 0 for a cluster, infinity for a row that is none.
    pub floors: &'a [T],
    /// No other cluster is nearer; less than any distance for a row that is none.
    pub bounds: &'a [T],
    /// The numbers of samples, which `Ward` looks at.
    pub sizes: &'a [f64],
}

/// Tiles that are fetched ahead of use down a column, where the processor cannot guess the next:
/// as many as it fetches at a time.
const AHEAD: usize = 24;

/// A row in its tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<T> {
    tiles: Shared<T>,
    n_tiles: usize,
    /// Its tile row, and where it lies in it.
    band: usize,
    within: usize,
}

impl<T: Real> Row<T> {
    /// Of a table that is only read.
    pub(super) fn of(tiles: &[T], n_tiles: usize, i: usize) -> Self {
        Self::at(Shared(tiles.as_ptr().cast_mut()), tiles.len(), n_tiles, i)
    }

    fn at(tiles: Shared<T>, len: usize, n_tiles: usize, i: usize) -> Self {
        assert!(i < SIDE * n_tiles && band_start(n_tiles, n_tiles) <= len);
        Self { tiles, n_tiles, band: i / SIDE, within: i % SIDE }
    }

    /// Calls `f` with each tile from `first` on for which there is an item of `out`, its items and
    /// their stride in the table.
    ///
    /// # Safety
    ///
    /// What `f` does with the place is up to the caller; it lies in the table, as do the
    /// `SIDE - 1` items after it at that stride, if there are as many tiles.
    #[inline(always)]
    fn walk(self, first: usize, n: usize, mut f: impl FnMut(usize, Shared<T>, usize)) {
        let Self { tiles, n_tiles, band, within } = self;
        let last = first + n;
        // Down the column to the diagonal.
        let mut at = band_start(n_tiles, first.min(band)) + TILE * (band - first.min(band));
        for tile in first..last.min(band) {
            let next = tile + AHEAD;
            if next < band {
                let place = tiles.at(band_start(n_tiles, next) + TILE * (band - next));
                prefetch(place.0);
                if size_of::<T>() == 8 {
                    prefetch(place.at(TILE / 2).0);
                }
            }
            f(tile - first, tiles.at(at + within), SIDE);
            at += TILE * (n_tiles - tile - 1);
        }
        // Then to the right.
        let start = band_start(n_tiles, band) + SIDE * within;
        for tile in first.max(band)..last {
            f(tile - first, tiles.at(start + TILE * (tile - band)), 1);
        }
    }

    /// Copies the items from tile `first` on.
    ///
    /// # Safety
    ///
    /// The tiles exist, and nobody writes the row meanwhile, but for items that are not used.
    #[inline(always)]
    unsafe fn copy_to(self, first: usize, out: &mut [T]) {
        let (chunks, _) = out.as_chunks_mut::<SIDE>();
        self.walk(first, chunks.len(), |i, place, stride| {
            for (k, out) in chunks[i].iter_mut().enumerate() {
                // SAFETY: the place lies in the table; the caller vouches for the rest.
                *out = unsafe { place.0.add(k * stride).read() };
            }
        });
    }
}

/// The least of `row` and where it is first; `None` where none is finite.
pub(super) fn least<T: Real>(row: &[T]) -> Option<(T, u32)> {
    dispatch(LeastOf { row })
}

struct LeastOf<'a, T> {
    row: &'a [T],
}

impl<T: Real> Kernel for LeastOf<'_, T> {
    type Output = Option<(T, u32)>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<(T, u32)> {
        least_of::<T::Lanes<I>>(self.row)
    }
}

#[inline(always)]
fn least_of<V: Lanes>(row: &[V::Scalar]) -> Option<(V::Scalar, u32)> {
    let infinity = <V::Scalar as Real>::INFINITY;
    let mut least = V::splat(infinity);
    let mut index = V::splat_f64(0.0);
    let (mut here, one) = (V::splat_f64(0.0), V::splat_f64(1.0));
    for values in row.chunks(V::LANES) {
        let values = V::load_partial(values, infinity);
        let is_less = values.lt(least);
        least = V::select(is_less, values, least);
        index = V::select(is_less, here, index);
        here = here + one;
    }
    let (mut values, mut places) = ([infinity; MAX_LANES], [0; MAX_LANES]);
    least.store(&mut values);
    indices::store_indices(index, 0, &mut places[..V::LANES]);
    let mut best = None;
    for lane in 0..V::LANES {
        let (value, place) = (values[lane], places[lane] * V::LANES as u32 + lane as u32);
        let is_better = match best {
            None => value < infinity,
            Some((least, first)) => value < least || (value == least && place < first),
        };
        if is_better {
            best = Some((value, place));
        }
    }
    best
}

/// Of two blocks, the first wins ties.
fn first<T: Real>(a: Option<(T, u32)>, b: Option<(T, u32)>) -> Option<(T, u32)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

pub(super) fn nearest<T: Real>(row: Row<T>, floors: &[T]) -> Option<(T, u32)> {
    let of = |block: usize| {
        let floors = &floors[block * ITEMS..floors.len().min((block + 1) * ITEMS)];
        dispatch(Scan { row, tile: block * BLOCK, floors })
    };
    let work = row.n_tiles * TILE * size_of::<T>();
    parallel::reduce(row.n_tiles.div_ceil(BLOCK), work, of, first).flatten()
}

struct Scan<'a, T> {
    row: Row<T>,
    tile: usize,
    floors: &'a [T],
}

impl<T: Real> Kernel for Scan<'_, T> {
    type Output = Option<(T, u32)>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<(T, u32)> {
        let Self { row, tile, floors } = self;
        let mut items = [T::ZERO; ITEMS];
        let items = &mut items[..floors.len()];
        // SAFETY: there is a tile for every four floors; the table is borrowed and not written.
        unsafe { row.copy_to(tile, items) };
        raise::<T::Lanes<I>>(items, floors);
        let (value, place) = least_of::<T::Lanes<I>>(items)?;
        Some((value, (SIDE * tile) as u32 + place))
    }
}

/// Lifts each item to its floor.
#[inline(always)]
fn raise<V: Lanes>(items: &mut [V::Scalar], floors: &[V::Scalar]) {
    for (items, floors) in items.chunks_mut(V::LANES).zip(floors.chunks(V::LANES)) {
        let zero = <V::Scalar as Real>::ZERO;
        let new = V::load_partial(items, zero).max(V::load_partial(floors, zero));
        new.store_partial(items);
    }
}

pub(super) fn join<T: Real>(
    tiles: &mut [T],
    n_tiles: usize,
    a: usize,
    b: usize,
    joined: &Joined<'_, T>,
    hits: &mut Vec<(u32, T)>,
) -> Option<(T, u32)> {
    let (table, len) = (Shared(tiles.as_mut_ptr()), tiles.len());
    let (row_a, row_b) = (Row::at(table, len, n_tiles, a), Row::at(table, len, n_tiles, b));
    let of = |block: usize| {
        let mut hits = Vec::new();
        let joined = Joined {
            floors: block_of(joined.floors, block),
            bounds: block_of(joined.bounds, block),
            sizes: block_of(joined.sizes, block),
            ..*joined
        };
        let tile = block * BLOCK;
        let nearest = dispatch(Join { row_a, row_b, b, tile, joined, hits: &mut hits });
        (nearest, hits)
    };
    let work = 3 * n_tiles * TILE * size_of::<T>();
    let (nearest, found) = parallel::reduce(n_tiles.div_ceil(BLOCK), work, of, |mut x, y| {
        x.1.extend(y.1);
        (first(x.0, y.0), x.1)
    })?;
    hits.extend(found);
    nearest
}

fn block_of<U>(items: &[U], block: usize) -> &[U] {
    &items[block * ITEMS..items.len().min((block + 1) * ITEMS)]
}

struct Join<'a, T> {
    row_a: Row<T>,
    row_b: Row<T>,
    b: usize,
    /// The first tile of the block.
    tile: usize,
    joined: Joined<'a, T>,
    hits: &'a mut Vec<(u32, T)>,
}

impl<T: Real> Kernel for Join<'_, T> {
    type Output = Option<(T, u32)>;
    #[inline(always)]
    fn run<I: Isa>(self) -> Option<(T, u32)> {
        let Self { row_a, row_b, b, tile, joined, hits } = self;
        let Joined { update, floors, bounds, sizes } = joined;
        let (mut items, mut others) = ([T::ZERO; ITEMS], [T::ZERO; ITEMS]);
        let (items, others) = (&mut items[..floors.len()], &mut others[..floors.len()]);
        // SAFETY: there is a tile for every four floors. Each task writes the items of row `a` in
        // its own columns, but for that of `b`; of those, other tasks read none: row `a` they read
        // in their columns only, and of row `b` the one item that is in row `a` too is that of `a`
        // and `b`, which nobody writes.
        unsafe {
            row_a.copy_to(tile, items);
            row_b.copy_to(tile, others);
        }
        apply(update, items, others, sizes);
        row_a.walk(tile, items.len() / SIDE, |i, place, stride| {
            for k in 0..SIDE {
                if SIDE * (tile + i) + k != b {
                    // SAFETY: as above.
                    unsafe { place.0.add(k * stride).write(items[SIDE * i + k]) };
                }
            }
        });
        // The tile on the diagonal says everything twice.
        if (tile..tile + items.len() / SIDE).contains(&row_a.band) {
            let start = band_start(row_a.n_tiles, row_a.band);
            for k in 0..SIDE {
                let column = SIDE * row_a.band + k;
                if column != b {
                    let place = row_a.tiles.at(start + SIDE * k + row_a.within);
                    // SAFETY: as above; the task with this tile is the only one that knows it.
                    unsafe { place.0.write(items[column - SIDE * tile]) };
                }
            }
        }
        raise::<T::Lanes<I>>(items, floors);
        find_hits::<T::Lanes<I>>(items, bounds, (SIDE * tile) as u32, hits);
        let (value, place) = least_of::<T::Lanes<I>>(items)?;
        Some((value, (SIDE * tile) as u32 + place))
    }
}

/// Plain loops over eight items, of which the compiler makes vectors.
#[inline(always)]
fn apply<T: Real>(update: Update, items: &mut [T], others: &[T], sizes: &[f64]) {
    match update {
        Update::Complete => map(items, others, sizes, |ax, bx, _| if ax > bx { ax } else { bx }),
        Update::Average { sizes: [a, b] } => {
            map(items, others, sizes, |ax, bx, _| (a * ax + b * bx) / (a + b));
        }
        Update::Weighted => map(items, others, sizes, |ax, bx, _| 0.5 * ax + 0.5 * bx),
        Update::Ward { sizes: [a, b], between } => map(items, others, sizes, |ax, bx, x| {
            positive(((a + x) * ax + (b + x) * bx - x * between) / (a + b + x))
        }),
        Update::Centroid { sizes: [a, b], between } => {
            let inner = a * b * between / (a + b);
            map(items, others, sizes, |ax, bx, _| positive((a * ax + b * bx - inner) / (a + b)));
        }
        Update::Median { between } => {
            let inner = 0.25 * between;
            map(items, others, sizes, |ax, bx, _| positive(0.5 * ax + 0.5 * bx - inner));
        }
    }
}

/// What rounding leaves below 0 is 0.
#[inline(always)]
fn positive(value: f64) -> f64 {
    if value > 0.0 { value } else { 0.0 }
}

#[inline(always)]
fn map<T: Real>(items: &mut [T], others: &[T], sizes: &[f64], f: impl Fn(f64, f64, f64) -> f64) {
    let (chunks, tail) = items.as_chunks_mut::<8>();
    let ((other_chunks, other_tail), (size_chunks, size_tail)) =
        (others.as_chunks::<8>(), sizes.as_chunks::<8>());
    for ((items, others), sizes) in chunks.iter_mut().zip(other_chunks).zip(size_chunks) {
        for i in 0..8 {
            items[i] = T::from_f64(f(items[i].to_f64(), others[i].to_f64(), sizes[i]));
        }
    }
    for ((item, other), &size) in tail.iter_mut().zip(other_tail).zip(size_tail) {
        *item = T::from_f64(f(item.to_f64(), other.to_f64(), size));
    }
}

#[inline(always)]
fn find_hits<V: Lanes>(
    items: &[V::Scalar],
    bounds: &[V::Scalar],
    first: u32,
    hits: &mut Vec<(u32, V::Scalar)>,
) {
    let chunks = items.chunks(V::LANES).zip(bounds.chunks(V::LANES));
    for (chunk, (values, limits)) in (0..).zip(chunks) {
        let infinity = <V::Scalar as Real>::INFINITY;
        let value = V::load_partial(values, infinity);
        if !V::any(value.le(V::load_partial(limits, -infinity))) {
            continue;
        }
        for (lane, (&value, &limit)) in (0..).zip(values.iter().zip(limits)) {
            if value <= limit {
                hits.push((first + chunk * V::LANES as u32 + lane, value));
            }
        }
    }
}
