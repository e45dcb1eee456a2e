//! A block of `C` cut into register tiles.

use super::pack::{Source, pack_tile};
use super::tile::{Operands, Out, Walk, max_rows, tile, vectors_for};
use purlin_core::simd::Lanes;

/// `groups` times `rows` rows of the left operand (rows of pixels, each of a regular grid; a
/// plain product has one group) against `columns` columns of the right one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) groups: usize,
    /// Between groups of the left operand.
    pub(crate) group_a: usize,
    /// Between groups of the right operand.
    pub(crate) group_b: usize,
    /// Between groups of the destination.
    pub(crate) group_c: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Whether the left operand lies tile by tile, as [`pack_rows`] leaves it.
    pub(crate) is_packed: bool,
}

impl Block {
    /// A plain product.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self { groups: 1, group_a: 0, group_b: 0, group_c: 0, rows, columns, is_packed: false }
    }
}

/// Rows `start..end` of tile `i` of `tiles`: of nearly equal height, as a low tile runs slower
/// per row.
#[inline(always)]
fn tile_rows(rows: usize, tiles: usize, i: usize) -> (usize, usize) {
    (rows * i / tiles, rows * (i + 1) / tiles)
}

/// Copies the left operand of a product tile by tile, for [`Block::is_packed`].
///
/// # Safety
///
/// The source must be readable for `rows` by `terms` items.
#[inline(always)]
pub(crate) unsafe fn pack_rows<V: Lanes>(
    source: Source<V::Scalar>,
    rows: usize,
    terms: usize,
    out: &mut [V::Scalar],
) {
    let tiles = rows.div_ceil(max_rows::<V>(vectors_for::<V>(rows)));
    for i in 0..tiles {
        let (row, end) = tile_rows(rows, tiles, i);
        // SAFETY: the rows of the tile are rows of the source.
        unsafe {
            let height = end - row;
            pack_tile::<V>(source.at(row, 0), height, terms, &mut out[row * terms..], height);
        }
    }
}

/// Computes a block, tile by tile: the right operand's panel stays in the cache while all rows
/// pass it.
///
/// `out.width` is set here; `out.bias` begins at the block's first column (or row).
///
/// # Safety
///
/// As for [`tile`], for every row and column of the block; the right operand must be readable up
/// to whole vectors.
#[inline(always)]
pub(crate) unsafe fn block<V: Lanes>(
    block: &Block,
    walk: &Walk,
    operands: &Operands<V::Scalar>,
    out: &Out<'_, V::Scalar>,
) {
    let row_step = if block.is_packed { walk.len } else { operands.a_row };
    let widest = vectors_for::<V>(block.rows);
    let tiles = block.rows.div_ceil(max_rows::<V>(widest));
    let all = block.columns.div_ceil(V::LANES);
    let mut first = 0;
    while first < all {
        let vectors = match (widest, all - first) {
            (4, 4..) => 4,
            (2 | 4, 2..) => 2,
            _ => 1,
        };
        let skip = first * V::LANES;
        for group in 0..block.groups {
            for i in 0..tiles {
                let (row, end) = tile_rows(block.rows, tiles, i);
                let operands = Operands {
                    a: operands.a.wrapping_add(group * block.group_a + row * row_step),
                    a_step: if block.is_packed { end - row } else { operands.a_step },
                    b: operands.b.wrapping_add(group * block.group_b + first * operands.b_vector),
                    ..*operands
                };
                let at = group * block.group_c + row * out.row + skip * out.column;
                let out = Out {
                    c: out.c.wrapping_add(at),
                    width: (block.columns - skip).min(vectors * V::LANES),
                    bias: out.bias.map(|bias| &bias[if out.bias_by_row { row } else { skip }..]),
                    ..*out
                };
                // SAFETY: rows `row..end` and these vectors are some of the block's, for which the
                // contract of `tile` holds (`# Safety`).
                unsafe { tile::<V>(end - row, vectors, walk, &operands, &out) };
            }
        }
        first += vectors;
    }
}
