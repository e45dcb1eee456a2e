//! Cells so small that all samples of one are within reach of each other.

use purlin_backend::distance::Panels;
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};
use std::ops::Range;

/// The most columns of a table in cells: with three, 125 cells may be within reach of one.
pub(super) const MAX_FEATURES: usize = 3;

/// Samples within reach of each other are at most so many cells apart along each column.
const AROUND: u64 = 2;

/// Samples sorted by their cells, rows of cells one after the other: the cells of a row that are
/// near a cell lie side by side.
///
/// The side of a cell is `eps / sqrt(d)`, less what rounding can add up to: a sample's place,
/// `(x - least) / side`, is off by some `2 u` of itself, and a squared distance by some
/// `(d + 4) u` of itself. So two samples of a cell are certainly within reach, and two samples
/// within reach are less than 2 sides apart, which is at most [`AROUND`] cells.
pub(super) struct Grid<T: Real> {
    /// The sample at each place.
    pub(super) order: Vec<u32>,
    /// The samples in this order.
    pub(super) panels: Panels<T>,
    pub(super) cells: Cells,
    /// Distances between the numbers of a cell and of those in the middle of the rows near it,
    /// increasing.
    steps: Vec<i64>,
}

/// Cells that hold something, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) keys: Vec<u64>,
    /// Where the places of each begin, and the end of the last.
    starts: Vec<u32>,
}

impl Cells {
    /// Cells of places in the order of their numbers.
    pub(super) fn new(keys_of_places: impl Iterator<Item = u64>) -> Self {
        let mut cells = Self::default();
        let mut n = 0;
        for key in keys_of_places {
            if cells.keys.last() != Some(&key) {
                cells.keys.push(key);
                cells.starts.push(n);
            }
            n += 1;
        }
        cells.starts.push(n);
        cells
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The places of a cell.
    pub(super) fn places(&self, cell: usize) -> Range<usize> {
        self.places_of(cell..cell + 1)
    }

    /// The places of neighbouring cells.
    pub(super) fn places_of(&self, cells: Range<usize>) -> Range<usize> {
        self.starts[cells.start] as usize..self.starts[cells.end] as usize
    }

    /// The number of the cell at each place.
    pub(super) fn key_of_places(&self) -> impl Iterator<Item = u64> {
        let lens = self.starts.windows(2).map(|pair| (pair[1] - pair[0]) as usize);
        self.keys.iter().zip(lens).flat_map(|(&key, len)| std::iter::repeat_n(key, len))
    }
}

impl<T: Real> Grid<T> {
    /// Sorts the rows of `x`. `None` where cells cannot be numbered, or squares of the reach leave
    /// the range in which rounding is relative.
    pub(super) fn new(x: MatrixView<'_, T>, reach: T) -> Option<Self> {
        let d = x.n_cols();
        let range = T::MIN_POSITIVE.to_f64() / T::EPSILON.to_f64()..T::MAX.to_f64() / 16.0;
        if d > MAX_FEATURES || !range.contains(&reach.to_f64()) {
            return None;
        }
        let (least, extents) = extents(x);
        let widest = (reach.to_f64() / d as f64).sqrt();
        let most = extents.iter().fold(0.0, |most: f64, extent| most.max(extent / widest));
        let off = 32.0 * d as f64 * T::EPSILON.to_f64() + 16.0 * f64::EPSILON * (most + 1.0);
        // Below 2^40 cells in a row, and so that `AROUND` cells suffice.
        if !(most < (1u64 << 40) as f64 && off < 0.01) {
            return None;
        }
        let side = widest * (1.0 - off);
        let place = |extent: f64| (extent / side) as u64 + AROUND;
        // Room on either side: what is near never belongs to another row.
        let widths: Vec<u64> = extents.iter().map(|&extent| place(extent) + AROUND + 1).collect();
        let n_cells = widths.iter().try_fold(1u64, |product, &width| product.checked_mul(width));
        let n_cells = n_cells.filter(|&n| n < 1 << 62)?;

        let mut entries = vec![(0u64, 0u32); x.n_rows()];
        parallel::for_each_chunk(&mut entries, CHUNK, x.n_rows() * d * 8, |chunk, entries| {
            for (i, entry) in entries.iter_mut().enumerate() {
                let i = chunk * CHUNK + i;
                let columns = x.row(i).iter().zip(&least).zip(&widths);
                let key = columns.fold(0, |key, ((value, least), width)| {
                    key * width + place(value.to_f64() - least)
                });
                *entry = (key, i as u32);
            }
        });
        sort(&mut entries, n_cells);
        let order: Vec<u32> = entries.iter().map(|entry| entry.1).collect();
        let panels = Panels::gather(x, &order);
        let cells = Cells::new(entries.iter().map(|entry| entry.0));
        Some(Self { order, panels, cells, steps: steps(&widths) })
    }

    /// A walk along cells in the order of their numbers, with those of `among` near each.
    pub(super) fn walk<'a>(&'a self, among: &'a Cells) -> Walk<'a> {
        Walk { steps: &self.steps, among, cursors: None }
    }
}

/// Samples that one task numbers.
const CHUNK: usize = 4096;

/// The least number of each column, and how far the others go beyond it.
fn extents<T: Real>(x: MatrixView<'_, T>) -> (Vec<f64>, Vec<f64>) {
    let d = x.n_cols();
    let of_chunk = |chunk: usize| {
        let rows = chunk * CHUNK..x.n_rows().min((chunk + 1) * CHUNK);
        let (mut least, mut most) = (vec![T::INFINITY; d], vec![T::NEG_INFINITY; d]);
        for row in x.row_range(rows).rows() {
            for ((least, most), &value) in least.iter_mut().zip(&mut most).zip(row) {
                *least = value.min(*least);
                *most = value.max(*most);
            }
        }
        (least, most)
    };
    let pairs = |a: Vec<T>, b: Vec<T>, f: fn(T, T) -> T| {
        a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect::<Vec<T>>()
    };
    let all = parallel::reduce(x.n_rows().div_ceil(CHUNK), x.n_rows() * d * 4, of_chunk, |a, b| {
        (pairs(a.0, b.0, T::min), pairs(a.1, b.1, T::max))
    });
    let (least, most) = all.unwrap_or_default();
    let wide = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
    let (least, most) = (wide(&least), wide(&most));
    let extents = least.iter().zip(&most).map(|(least, most)| most - least).collect();
    (least, extents)
}

/// The steps to the rows of cells near a cell.
fn steps(widths: &[u64]) -> Vec<i64> {
    let mut steps = vec![0];
    for (column, &width) in widths.iter().enumerate() {
        for step in &mut steps {
            *step *= width.cast_signed();
        }
        if column + 1 < widths.len() {
            let around = -AROUND.cast_signed()..=AROUND.cast_signed();
            steps = steps.iter().flat_map(|step| around.clone().map(move |i| step + i)).collect();
        }
    }
    steps
}

/// Sorts by number, then by sample; samples come in their order.
fn sort(entries: &mut Vec<(u64, u32)>, n_keys: u64) {
    const BITS: u32 = 11;
    let passes = (u64::BITS - n_keys.leading_zeros()).div_ceil(BITS);
    if entries.len() < 1 << 13 || passes > 5 {
        entries.sort_unstable();
        return;
    }
    let mut other = vec![(0, 0); entries.len()];
    for shift in (0..passes).map(|pass| pass * BITS) {
        let digit = |key: u64| (key >> shift) as usize & ((1 << BITS) - 1);
        let mut places = vec![0u32; 1 << BITS];
        for entry in entries.iter() {
            places[digit(entry.0)] += 1;
        }
        let mut start = 0;
        for place in &mut places {
            start += std::mem::replace(place, start);
        }
        for &entry in entries.iter() {
            let place = &mut places[digit(entry.0)];
            other[*place as usize] = entry;
            *place += 1;
        }
        std::mem::swap(entries, &mut other);
    }
}

/// See [`Grid::walk`].
pub(super) struct Walk<'a> {
    steps: &'a [i64],
    among: &'a Cells,
    /// For each row near the last cell, the first of its cells that was near, or later.
    cursors: Option<Vec<usize>>,
}

impl Walk<'_> {
    /// Writes the cells near the cell with the number `key`, which is not below the one before:
    /// one run of cells for each row.
    pub(super) fn near(&mut self, key: u64, near: &mut Vec<Range<usize>>) {
        near.clear();
        let (steps, keys) = (self.steps, &self.among.keys[..]);
        let first = |step: i64| key.wrapping_add_signed(step) - AROUND;
        let cursors = self.cursors.get_or_insert_with(|| {
            steps.iter().map(|&step| keys.partition_point(|&key| key < first(step))).collect()
        });
        for (cursor, &step) in cursors.iter_mut().zip(steps) {
            let first = first(step);
            *cursor += keys[*cursor..].iter().take_while(|&&key| key < first).count();
            let n = keys[*cursor..].iter().take_while(|&&key| key <= first + 2 * AROUND).count();
            if n > 0 {
                near.push(*cursor..*cursor + n);
            }
        }
    }
}
