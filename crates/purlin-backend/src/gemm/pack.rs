//! Copies of operands in the order in which tiles read them.

use purlin_core::Real;
use purlin_core::simd::Lanes;

/// A matrix somewhere in memory: item `(row, column)` is `row * row_step + column * column_step`
/// items behind the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<T> {
    pub(crate) first: *const T,
    pub(crate) row_step: usize,
    pub(crate) column_step: usize,
}

impl<T: Real> Source<T> {
    pub(crate) fn at(self, row: usize, column: usize) -> Self {
        let skip = row * self.row_step + column * self.column_step;
        Self { first: self.first.wrapping_add(skip), ..self }
    }

    /// The matrix read by columns.
    pub(crate) fn transposed(self) -> Self {
        Self { row_step: self.column_step, column_step: self.row_step, ..self }
    }

    /// The same matrix `skip` items later.
    #[cfg(feature = "nn")]
    pub(crate) fn at_item(self, skip: usize) -> Self {
        Self { first: self.first.wrapping_add(skip), ..self }
    }

    /// The item `(row, column)`.
    ///
    /// # Safety
    ///
    /// It must lie inside the matrix.
    #[inline(always)]
    pub(crate) unsafe fn get(self, row: usize, column: usize) -> T {
        // SAFETY: the item lies inside the matrix (`# Safety`).
        unsafe { *self.at(row, column).first }
    }
}

/// Copies `rows` by `columns` items into panels of one vector of columns: panel `v`, which
/// begins at `v * panel_step`, holds row by row the columns from `v * LANES` on; missing columns
/// of the last panel are 0.
///
/// # Safety
///
/// The source must be readable for `rows` by `columns` items.
#[inline(always)]
pub(crate) unsafe fn pack_panels<V: Lanes>(
    source: Source<V::Scalar>,
    rows: usize,
    columns: usize,
    out: &mut [V::Scalar],
    panel_step: usize,
) {
    let lanes = V::LANES;
    for v in 0..columns.div_ceil(lanes) {
        let panel = &mut out[v * panel_step..][..rows * lanes];
        let first = v * lanes;
        let width = lanes.min(columns.saturating_sub(first));
        let source = source.at(0, first);
        if width == lanes && source.column_step == 1 {
            for (row, out) in panel.chunks_exact_mut(lanes).enumerate() {
                let from = source.at(row, 0).first;
                // SAFETY: a whole vector of the row lies inside the source.
                V::load(unsafe { std::slice::from_raw_parts(from, lanes) }).store(out);
            }
            continue;
        }
        let mut row = 0;
        if width == lanes {
            // SAFETY: `rows` by a whole vector of columns lie inside the source.
            row = unsafe { transpose::<V>(source, rows, panel) };
        }
        for row in row..rows {
            let out = &mut panel[row * lanes..][..lanes];
            for (column, out) in out[..width].iter_mut().enumerate() {
                // SAFETY: `row < rows` and `first + column < columns`, the size of the source.
                *out = unsafe { source.get(row, column) };
            }
            out[width..].fill(V::Scalar::ZERO);
        }
    }
}

/// Copies `height` rows of a left operand so that a tile reads it in one stream: term by term,
/// `out_step` items apart, the rows side by side.
///
/// # Safety
///
/// The source must be readable for `height` rows (of the matrix) by `terms` columns.
#[inline(always)]
pub(crate) unsafe fn pack_tile<V: Lanes>(
    source: Source<V::Scalar>,
    height: usize,
    terms: usize,
    out: &mut [V::Scalar],
    out_step: usize,
) {
    if terms == 0 || height == 0 {
        return;
    }
    assert!(out_step >= height && out.len() >= (terms - 1) * out_step + height);
    if source.row_step == 1 {
        // The rows of a term lie side by side already.
        for (term, out) in out.chunks_mut(out_step).enumerate().take(terms) {
            for first in (0..height).step_by(V::LANES) {
                let n = V::LANES.min(height - first);
                // SAFETY: `first + n <= height` and `term < terms`, the size of the source.
                let from = unsafe { std::slice::from_raw_parts(source.at(first, term).first, n) };
                V::load_partial(from, V::Scalar::ZERO).store_partial(&mut out[first..first + n]);
            }
        }
        return;
    }
    let mut done = 0;
    if source.column_step == 1 && height >= SQUARE && has_transpose::<V>() {
        done = terms / SQUARE * SQUARE;
        for term in (0..done).step_by(SQUARE) {
            let mut row = 0;
            while row < height {
                // The last square may overlap the one before; both write the same.
                let first = row.min(height - SQUARE);
                let from = source.at(first, term);
                // SAFETY: the square lies inside both.
                unsafe {
                    let to = out[term * out_step + first..].as_mut_ptr();
                    transpose_square::<V>(from.first, from.row_step, to, out_step);
                }
                row = first + SQUARE;
            }
        }
    }
    for term in done..terms {
        for (row, out) in out[term * out_step..][..height].iter_mut().enumerate() {
            // SAFETY: `row < height` and `term < terms`, the size of the source.
            *out = unsafe { source.get(row, term) };
        }
    }
}

/// Packs rows of a source that lies by columns, in blocks that are transposed in registers;
/// returns how many rows were done.
#[inline(always)]
unsafe fn transpose<V: Lanes>(
    source: Source<V::Scalar>,
    rows: usize,
    panel: &mut [V::Scalar],
) -> usize {
    if source.row_step != 1 || !has_transpose::<V>() {
        return 0;
    }
    let done = rows / SQUARE * SQUARE;
    // Along the source's lines first: each is used up before the next.
    for column in (0..V::LANES).step_by(SQUARE) {
        for row in (0..done).step_by(SQUARE) {
            let from = source.at(row, column);
            let to = panel[row * V::LANES + column..].as_mut_ptr();
            // SAFETY: the square lies inside both.
            unsafe { transpose_square::<V>(from.first, from.column_step, to, V::LANES) };
        }
    }
    done
}

/// Rows and columns of the block that is transposed in registers.
const SQUARE: usize = 8;

/// Whether [`transpose_square`] is there for the instruction set of `V`.
#[inline(always)]
fn has_transpose<V: Lanes>() -> bool {
    cfg!(target_arch = "x86_64") && align_of::<V>() >= 32
}

/// `to[i * to_step + j] = from[j * from_step + i]` for a [`SQUARE`].
///
/// # Safety
///
/// [`has_transpose`] must hold, and both squares lie inside their arrays.
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "nothing to call"))]
unsafe fn transpose_square<V: Lanes>(
    from: *const V::Scalar,
    from_step: usize,
    to: *mut V::Scalar,
    to_step: usize,
) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: `has_transpose` holds: the alignment of `V` says that AVX2 is there; both squares
    // lie inside their arrays (`# Safety`), and so do their quarters.
    unsafe {
        if size_of::<V::Scalar>() == 4 {
            return transpose_8x8(from.cast(), from_step, to.cast(), to_step);
        }
        for (i, j) in [(0, 0), (0, 4), (4, 0), (4, 4)] {
            let from = from.add(j * from_step + i);
            transpose_4x4(from.cast(), from_step, to.add(i * to_step + j).cast(), to_step);
        }
    }
}

/// `to[i * to_step + j] = from[j * from_step + i]` for 8 by 8 items.
///
/// # Safety
///
/// 8 rows of 8 items must be readable at `from` and writable at `to`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose_8x8(from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
    use std::arch::x86_64::{
        __m256, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };
    // SAFETY: 8 rows of 8 items lie at both places (`# Safety`).
    let r: [__m256; 8] =
        std::array::from_fn(|i| unsafe { _mm256_loadu_ps(from.add(i * from_step)) });
    // Pairs of rows interleaved, then pairs of pairs, then the halves exchanged.
    let pair = |a, b| (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let quad = |a, b| (_mm256_shuffle_ps::<0x44>(a, b), _mm256_shuffle_ps::<0xee>(a, b));
    let [(a0, a1), (b0, b1), (c0, c1), (d0, d1)] =
        [pair(r[0], r[1]), pair(r[2], r[3]), pair(r[4], r[5]), pair(r[6], r[7])];
    let [(e0, e1), (e2, e3), (f0, f1), (f2, f3)] =
        [quad(a0, b0), quad(a1, b1), quad(c0, d0), quad(c1, d1)];
    for (i, (e, f)) in [(e0, f0), (e1, f1), (e2, f2), (e3, f3)].into_iter().enumerate() {
        // SAFETY: 8 rows of 8 items lie at both places (`# Safety`).
        unsafe {
            _mm256_storeu_ps(to.add(i * to_step), _mm256_permute2f128_ps::<0x20>(e, f));
            _mm256_storeu_ps(to.add((i + 4) * to_step), _mm256_permute2f128_ps::<0x31>(e, f));
        }
    }
}

/// `to[i * to_step + j] = from[j * from_step + i]` for 4 by 4 items.
///
/// # Safety
///
/// 4 rows of 4 items must be readable at `from` and writable at `to`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose_4x4(from: *const f64, from_step: usize, to: *mut f64, to_step: usize) {
    use std::arch::x86_64::{
        __m256d, _mm256_loadu_pd, _mm256_permute2f128_pd, _mm256_storeu_pd, _mm256_unpackhi_pd,
        _mm256_unpacklo_pd,
    };
    // SAFETY: 4 rows of 4 items lie at both places (`# Safety`).
    let r: [__m256d; 4] =
        std::array::from_fn(|i| unsafe { _mm256_loadu_pd(from.add(i * from_step)) });
    let [a0, a1] = [_mm256_unpacklo_pd(r[0], r[1]), _mm256_unpackhi_pd(r[0], r[1])];
    let [b0, b1] = [_mm256_unpacklo_pd(r[2], r[3]), _mm256_unpackhi_pd(r[2], r[3])];
    for (i, (a, b)) in [(a0, b0), (a1, b1)].into_iter().enumerate() {
        // SAFETY: 4 rows of 4 items lie at both places (`# Safety`).
        unsafe {
            _mm256_storeu_pd(to.add(i * to_step), _mm256_permute2f128_pd::<0x20>(a, b));
            _mm256_storeu_pd(to.add((i + 2) * to_step), _mm256_permute2f128_pd::<0x31>(a, b));
        }
    }
}
