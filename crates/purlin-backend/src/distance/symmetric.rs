//! The distances of all pairs, laid out so that any row is cheap to read.
//!
//! Of the rows of a triangle that lies row by row, one half is a column, an item of which costs a
//! cache line. Here the upper triangle is cut into tiles of 4 by 4, tile row after tile row: of a
//! line that is fetched, a row and a column alike use a quarter (of `f64`, a half and a quarter).

mod of_rows;

use super::linkage::{self, Joined, Row};
use crate::mono::once;
use purlin_core::{MatrixView, Real};

/// Rows and columns of a tile.
pub(super) const SIDE: usize = 4;
/// Items of a tile: one cache line of `f32`, two of `f64`.
pub(super) const TILE: usize = SIDE * SIDE;
/// Bytes of a cache line.
const LINE: usize = 64;

/// A symmetric table of `n` rows, in `n^2 / 2` items and a few per row more. The diagonal is
/// infinite: nothing is its own neighbour.
///
/// # Examples
///
/// ```
/// use purlin_backend::distance::Symmetric;
///
/// let mut table = Symmetric::from_condensed(3, vec![1.0, 4.0, 3.0]);
/// assert_eq!(table.get(2, 1), 3.0);
/// assert_eq!(table.nearest(2, &[0.0; 4]), Some((3.0, 1)));
/// table.compact(&[0, 2]);
/// assert_eq!(table.get(0, 1), 4.0);
/// ```
#[derive(Debug)]
pub struct Symmetric<T: Real> {
    data: Vec<T>,
    /// Where the first cache line begins.
    start: usize,
    n: usize,
    /// Tiles on a side.
    n_tiles: usize,
}

/// Where tile row `band` begins: before it lie rows of `n_tiles`, `n_tiles - 1` .. tiles.
#[inline(always)]
pub(super) fn band_start(n_tiles: usize, band: usize) -> usize {
    TILE * (band * (2 * n_tiles - band + 1) / 2)
}

impl<T: Real> Symmetric<T> {
    /// The squared Euclidean distances of the rows of `x`, or their roots, over several threads,
    /// and the [`Symmetric::nearest`] of each row.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::Symmetric;
    /// use purlin_core::MatrixView;
    ///
    /// let x = [[0.0], [3.0], [4.0]];
    /// let (table, nearest) = Symmetric::of_rows(MatrixView::from_rows(&x), true);
    /// assert_eq!(table.get(2, 0), 4.0);
    /// assert_eq!(nearest, [(3.0, 1), (1.0, 2), (1.0, 1)]);
    /// ```
    pub fn of_rows(x: MatrixView<'_, T>, has_root: bool) -> (Self, Vec<(T, u32)>) {
        once!(|x: MatrixView<'_, T>, has_root: bool| -> (Symmetric<T>, Vec<(T, u32)>) {
            of_rows::of_rows::<T>(x, has_root)
        })
    }

    /// Takes distances in the order `(0, 1), (0, 2) .. (0, n - 1), (1, 2) ..`, in place.
    ///
    /// # Panics
    ///
    /// When there are not `n (n - 1) / 2` of them.
    #[track_caller]
    pub fn from_condensed(n: usize, condensed: Vec<T>) -> Self {
        let (expected, got) = (n * n.saturating_sub(1) / 2, condensed.len());
        assert!(got == expected, "symmetric: expected {expected} distances, got {got}");
        once!(|n: usize, condensed: Vec<T>| -> Symmetric<T> { from_condensed::<T>(n, condensed) })
    }

    /// The number of rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The number of rows and of those that fill up the last tile: what arrays beside the table
    /// have as their length.
    pub fn n_padded(&self) -> usize {
        SIDE * self.n_tiles
    }

    /// The distance of rows `i` and `j`.
    ///
    /// # Panics
    ///
    /// When one of them does not exist.
    #[inline]
    #[track_caller]
    pub fn get(&self, i: usize, j: usize) -> T {
        let n = self.n;
        assert!(i < n && j < n, "get: expected rows below {n}, got {i} and {j}");
        self.tiles()[at(self.n_tiles, i.min(j), i.max(j))]
    }

    /// The row nearest to row `i`, ties to the first, of those whose floor is 0: distances count
    /// at least as much as the floor of the other row. `None` where none is finite.
    ///
    /// # Panics
    ///
    /// When there is no row `i`, or not one floor for each of [`Symmetric::n_padded`].
    #[track_caller]
    pub fn nearest(&self, i: usize, floors: &[T]) -> Option<(T, u32)> {
        let (n, padded) = (self.n, self.n_padded());
        assert!(
            i < n && floors.len() == padded,
            "nearest: expected a row below {n} and {padded} floors, got {i} and {}",
            floors.len()
        );
        let table = self;
        once!(|table: &Symmetric<T>, i: usize, floors: &[T]| -> Option<(T, u32)> {
            linkage::nearest(Row::of(table.tiles(), table.n_tiles, i), floors)
        })
    }

    /// Row `a` becomes the distances from the union of `a` and `b`, as `joined` says. Gives
    /// [`Symmetric::nearest`] of it, and appends to `hits` those rows to which it is at least as
    /// near as their bounds say. The distance of `a` and `b` stays.
    ///
    /// # Panics
    ///
    /// When `a` is `b`, a row does not exist, or an array of `joined` has not one item for each of
    /// [`Symmetric::n_padded`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_backend::distance::{Joined, Symmetric, Update};
    ///
    /// let mut table = Symmetric::from_condensed(3, vec![1.0, 4.0, 3.0]);
    /// let (inf, mut hits) = (f64::INFINITY, Vec::new());
    /// let joined = Joined {
    ///     update: Update::Complete,
    ///     floors: &[0.0, inf, 0.0, inf], // row 1 is gone
    ///     bounds: &[0.0, -inf, 4.5, -inf],
    ///     sizes: &[1.0; 4],
    /// };
    /// assert_eq!(table.join(0, 1, &joined, &mut hits), Some((4.0, 2)));
    /// assert_eq!(hits, [(2, 4.0)]);
    /// ```
    #[track_caller]
    pub fn join(
        &mut self,
        a: usize,
        b: usize,
        joined: &Joined<'_, T>,
        hits: &mut Vec<(u32, T)>,
    ) -> Option<(T, u32)> {
        let (n, padded) = (self.n, self.n_padded());
        assert!(a < n && b < n && a != b, "join: expected two rows below {n}, got {a} and {b}");
        let Joined { floors, bounds, sizes, .. } = joined;
        assert!(
            floors.len() == padded && bounds.len() == padded && sizes.len() == padded,
            "join: expected {padded} floors, bounds and sizes, got {}, {} and {}",
            floors.len(),
            bounds.len(),
            sizes.len()
        );
        let table = self;
        once!(|table: &mut Symmetric<T>,
               a: usize,
               b: usize,
               joined: &Joined<'_, T>,
               hits: &mut Vec<(u32, T)>|
         -> Option<(T, u32)> {
            let n_tiles = table.n_tiles;
            linkage::join(table.tiles_mut(), n_tiles, a, b, joined, hits)
        })
    }

    /// Keeps the rows `kept`, which increase.
    ///
    /// # Panics
    ///
    /// When they do not increase, or one does not exist.
    #[track_caller]
    pub fn compact(&mut self, kept: &[u32]) {
        let n = self.n;
        assert!(
            kept.is_sorted_by(|a, b| a < b) && kept.last().is_none_or(|&i| (i as usize) < n),
            "compact: expected increasing rows below {n}, got {} rows",
            kept.len()
        );
        let table = self;
        once!(|table: &mut Symmetric<T>, kept: &[u32]| { compact(table, kept) });
    }

    fn tiles(&self) -> &[T] {
        &self.data[self.start..]
    }

    fn tiles_mut(&mut self) -> &mut [T] {
        &mut self.data[self.start..]
    }
}

/// Where the item of `i <= j` lies.
#[inline(always)]
fn at(n_tiles: usize, i: usize, j: usize) -> usize {
    let (band, tile) = (i / SIDE, j / SIDE);
    band_start(n_tiles, band) + TILE * (tile - band) + SIDE * (i % SIDE) + j % SIDE
}

/// Items from the start of `data` to the first cache line.
fn first_line<T>(data: &[T]) -> usize {
    let start = data.as_ptr().align_offset(LINE);
    if start < LINE { start } else { 0 }
}

/// Asks for large pages: down a column, each tile lies in a page of its own, and looking up small
/// pages takes as long as the memory itself.
#[cfg(target_os = "linux")]
fn advise_huge_pages<T>(data: &mut [T]) {
    use std::ffi::{c_int, c_void};
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    const HUGE_PAGE: usize = 2 << 20;
    const MADV_HUGEPAGE: c_int = 14;
    let (first, bytes) = (data.as_mut_ptr().cast::<u8>(), size_of_val(data));
    let skipped = first.align_offset(HUGE_PAGE);
    if bytes >= 4 * HUGE_PAGE && skipped < bytes {
        let length = (bytes - skipped) / HUGE_PAGE * HUGE_PAGE;
        // SAFETY: the pages lie within `data`, which is borrowed; the advice changes no contents.
        // Where the system does not take it, nothing happens.
        unsafe { madvise(first.wrapping_add(skipped).cast(), length, MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages<T>(_data: &mut [T]) {}

fn from_condensed<T: Real>(n: usize, mut data: Vec<T>) -> Symmetric<T> {
    let n_tiles = n.div_ceil(SIDE);
    let len = band_start(n_tiles, n_tiles);
    data.resize(len + LINE / size_of::<T>(), T::ZERO);
    let start = first_line(&data);
    // No tile row begins before its rows did: from the last to the first, none is overwritten.
    let mut rows = vec![T::INFINITY; SIDE * SIDE * n_tiles];
    let row_start = |i: usize| i * (2 * n - i - 1) / 2;
    for band in (0..n_tiles).rev() {
        let first = SIDE * band;
        let width = SIDE * (n_tiles - band);
        rows.fill(T::INFINITY);
        for r in 0..SIDE.min(n - first) {
            let i = first + r;
            rows[r * width + r + 1..][..n - 1 - i]
                .copy_from_slice(&data[row_start(i)..][..n - 1 - i]);
        }
        for i in 0..SIDE {
            for j in 0..i {
                rows[i * width + j] = rows[j * width + i];
            }
        }
        let tiles = &mut data[start + band_start(n_tiles, band)..][..SIDE * width];
        for (t, tile) in tiles.chunks_exact_mut(TILE).enumerate() {
            for (r, out) in tile.chunks_exact_mut(SIDE).enumerate() {
                out.copy_from_slice(&rows[r * width + SIDE * t..][..SIDE]);
            }
        }
    }
    Symmetric { data, start, n, n_tiles }
}

fn compact<T: Real>(table: &mut Symmetric<T>, kept: &[u32]) {
    let (old, n) = (table.n_tiles, kept.len());
    let n_tiles = n.div_ceil(SIDE);
    // Of row `i` right of the diagonal's tile, item `j` lies at `base(i) + place(j)`.
    let base =
        |i: usize| (band_start(old, i / SIDE) + SIDE * (i % SIDE)).wrapping_sub(TILE * (i / SIDE));
    let places: Vec<usize> =
        kept.iter().map(|&j| TILE * (j as usize / SIDE) + j as usize % SIDE).collect();
    let tiles = table.tiles_mut();
    // A tile comes from places that do not lie before it, and those after it from later ones.
    for band in 0..n_tiles {
        let first = SIDE * band;
        let height = SIDE.min(n - first);
        let mut bases = [0; SIDE];
        for r in 0..height {
            bases[r] = base(kept[first + r] as usize);
        }
        let start = band_start(n_tiles, band);
        for tile in band..n_tiles {
            let mut new = [T::INFINITY; TILE];
            let places = &places[SIDE * tile..n.min(SIDE * (tile + 1))];
            for r in 0..height {
                for (c, &place) in places.iter().enumerate() {
                    if tile > band || r < c {
                        new[SIDE * r + c] = tiles[bases[r].wrapping_add(place)];
                    }
                }
            }
            if tile == band {
                for r in 0..SIDE {
                    for c in 0..r {
                        new[SIDE * r + c] = new[SIDE * c + r];
                    }
                }
            }
            tiles[start + TILE * (tile - band)..][..TILE].copy_from_slice(&new);
        }
    }
    (table.n, table.n_tiles) = (n, n_tiles);
}
