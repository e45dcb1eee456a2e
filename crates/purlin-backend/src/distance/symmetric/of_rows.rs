//! The distances of the rows of a table: each is computed once, and seen from both of its rows.

use super::super::{Panels, linkage, squared_euclidean};
use super::{LINE, SIDE, Symmetric, TILE, advise_huge_pages, band_start, first_line};
use crate::elementwise::{self, ops};
use crate::{Kernel, dispatch, parallel};
use purlin_core::simd::Isa;
use purlin_core::{MatrixView, Real};
use std::sync::{Mutex, PoisonError};

/// Tile rows that one task fills, at least.
const BANDS: usize = 8;
/// Tasks, at most: each looks back at its columns once.
const TASKS: usize = 128;
/// Columns that are filled at a time; a multiple of the rows of a panel.
const PIECE: usize = 1024;

pub(super) fn of_rows<T: Real>(
    x: MatrixView<'_, T>,
    has_root: bool,
) -> (Symmetric<T>, Vec<(T, u32)>) {
    let (n, d) = x.shape();
    let panels = Panels::pack(x, None);
    let n_tiles = n.div_ceil(SIDE);
    let len = band_start(n_tiles, n_tiles);
    let mut data = vec![T::ZERO; len + LINE / size_of::<T>()];
    let start = first_line(&data);
    advise_huge_pages(&mut data);
    let bands = BANDS.max(n_tiles.div_ceil(TASKS));
    let mut tasks = Vec::with_capacity(n_tiles.div_ceil(bands));
    let mut tiles = &mut data[start..start + len];
    for first in (0..n_tiles).step_by(bands) {
        let last = n_tiles.min(first + bands);
        let size = band_start(n_tiles, last) - band_start(n_tiles, first);
        let (head, tail) = std::mem::take(&mut tiles).split_at_mut(size);
        tasks.push(head);
        tiles = tail;
    }
    let work = n.saturating_mul(n) / 2 * d;
    // The least of (distance, row) is the same in whatever order tasks come.
    let nearest = Mutex::new(vec![(T::INFINITY, u32::MAX); n]);
    parallel::for_each_chunk(&mut tasks, 1, work, |i, task| {
        let found = fill_bands((x, &panels, has_root), bands * i, task[0]);
        let mut nearest = nearest.lock().unwrap_or_else(PoisonError::into_inner);
        found.merge(SIDE * bands * i, &mut nearest);
    });
    let nearest = nearest.into_inner().unwrap_or_else(PoisonError::into_inner);
    (Symmetric { data, start, n, n_tiles }, nearest)
}

/// What some rows are nearest to, and what is nearest to others among them.
struct Found<T> {
    /// The nearest of each row, from the first of them on.
    rows: Vec<(T, u32)>,
    /// From the first row on, the least distance from these rows, and which of them it is.
    least: Vec<T>,
    which: Vec<T>,
}

impl<T: Real> Found<T> {
    /// Keeps the lesser of what is found and what was known, ties to the smaller row.
    fn merge(&self, first: usize, nearest: &mut [(T, u32)]) {
        let keep = |best: &mut (T, u32), next: (T, u32)| {
            if next.0 < best.0 || (next.0 == best.0 && next.1 < best.1) {
                *best = next;
            }
        };
        let nearest = &mut nearest[first..];
        for (nearest, &row) in nearest.iter_mut().zip(&self.rows) {
            keep(nearest, row);
        }
        for ((nearest, &least), which) in nearest.iter_mut().zip(&self.least).zip(&self.which) {
            if least < T::INFINITY {
                keep(nearest, (least, first as u32 + which.to_f64() as u32));
            }
        }
    }
}

/// Tile rows from `first_band` on, as many as `tiles` holds, of a table, its panels, and whether roots
/// are taken.
fn fill_bands<T: Real>(
    table: (MatrixView<'_, T>, &Panels<T>, bool),
    first_band: usize,
    mut tiles: &mut [T],
) -> Found<T> {
    let n = table.0.n_rows();
    let first = SIDE * first_band;
    let mut found = Found {
        rows: Vec::new(),
        least: vec![T::INFINITY; n - first],
        which: vec![T::ZERO; n - first],
    };
    let mut piece = vec![T::ZERO; SIDE * PIECE.min(n)];
    let mut band = first_band;
    while !tiles.is_empty() {
        let (head, tail) = tiles.split_at_mut(TILE * (n.div_ceil(SIDE) - band));
        fill_band(table, (first_band, band), &mut piece, head, &mut found);
        (tiles, band) = (tail, band + 1);
    }
    found
}

/// One tile row, a piece of its columns at a time.
fn fill_band<T: Real>(
    (x, panels, has_root): (MatrixView<'_, T>, &Panels<T>, bool),
    (first_band, band): (usize, usize),
    piece: &mut [T],
    tiles: &mut [T],
    found: &mut Found<T>,
) {
    let (n, first, lanes) = (x.n_rows(), SIDE * band, Panels::<T>::lanes());
    let rows = first..n.min(first + SIDE);
    let mut nearest = [(T::INFINITY, u32::MAX); SIDE];
    for from in (first / PIECE * PIECE..n).step_by(PIECE) {
        // Whole panels, of which the first may begin left of the diagonal.
        let span = from.max(first) / lanes..n.min(from + PIECE).div_ceil(lanes);
        let columns = panels.rows_of(&span);
        let len = columns.len();
        let piece = &mut piece[..rows.len() * len];
        squared_euclidean(x.row_range(rows.clone()), panels, span, piece);
        if has_root {
            elementwise::map_inplace(ops::Sqrt, piece);
        }
        let skip = first.saturating_sub(columns.start);
        for (r, (row, nearest)) in piece.chunks_exact_mut(len).zip(&mut nearest).enumerate() {
            if columns.contains(&(first + r)) {
                row[first + r - columns.start] = T::INFINITY;
            }
            // The first of equals: pieces come in order.
            if let Some((value, j)) = linkage::least(&row[skip..])
                && value < nearest.0
            {
                *nearest = (value, (columns.start + skip) as u32 + j);
            }
        }
        let start = columns.start + skip - SIDE * first_band;
        let known = start..columns.end - SIDE * first_band;
        dispatch(Columns {
            rows: std::array::from_fn(|r| {
                &piece[r.min(rows.len() - 1) * len + skip..][..len - skip]
            }),
            first: T::from_usize(first - SIDE * first_band),
            least: &mut found.least[known.clone()],
            which: &mut found.which[known],
        });
        for at in (first.max(from)..columns.end).step_by(SIDE) {
            let tile = &mut tiles[TILE * (at / SIDE - band)..][..TILE];
            let width = SIDE.min(columns.end - at);
            if width < SIDE || rows.len() < SIDE {
                tile.fill(T::INFINITY);
            }
            for (row, out) in piece.chunks_exact(len).zip(tile.chunks_exact_mut(SIDE)) {
                out[..width].copy_from_slice(&row[at - columns.start..][..width]);
            }
        }
    }
    found.rows.extend_from_slice(&nearest[..rows.len()]);
}

/// Of each column the least of what is known and of four rows, the first of equals. The last row
/// stands again for those that are missing.
struct Columns<'a, T> {
    rows: [&'a [T]; SIDE],
    /// The number of the first row.
    first: T,
    least: &'a mut [T],
    which: &'a mut [T],
}

impl<T: Real> Kernel for Columns<'_, T> {
    type Output = ();
    #[inline(always)] // compiled for each instruction set
    fn run<I: Isa>(self) {
        let Self { rows: [a, b, c, d], first, least, which } = self;
        let numbers: [T; SIDE] = std::array::from_fn(|r| first + T::from_usize(r));
        let known = least.iter_mut().zip(which);
        for ((least, which), (((a, b), c), d)) in known.zip(a.iter().zip(b).zip(c).zip(d)) {
            let (mut value, mut row) = (*least, *which);
            for (&next, number) in [a, b, c, d].into_iter().zip(numbers) {
                let is_less = next < value;
                value = if is_less { next } else { value };
                row = if is_less { number } else { row };
            }
            (*least, *which) = (value, row);
        }
    }
}
