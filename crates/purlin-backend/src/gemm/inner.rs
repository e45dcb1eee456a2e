//! Small products inside a kernel: the operands are packed by the caller, and nothing is handed to
//! other threads.

use super::block::{Block, block, pack_rows};
use super::pack::{Source, pack_panels};
use super::tile::{Operands, Out, Walk};
use super::{Activation, K_BLOCK};
use crate::simd::scalar::Scalar;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// Rows from which on the left operand is copied too.
const PACKED_ROWS: usize = 4;

/// A right operand of `(k, n)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right<'a, T> {
    items: &'a [T],
    k: usize,
    n: usize,
    /// Whether it lies in panels, one [`K_BLOCK`] after the other; else row by row, in whole
    /// vectors.
    is_packed: bool,
}

impl<'a, T: Real> Right<'a, T> {
    /// Columns of a panel.
    pub(crate) const LANES: usize = T::Lanes::<Scalar>::LANES;

    /// Items of the panels of `(k, n)`.
    pub(crate) fn panels_len(k: usize, n: usize) -> usize {
        k * n.next_multiple_of(Self::LANES)
    }

    /// What [`pack`], or the driver, wrote.
    pub(crate) fn panels(items: &'a [T], k: usize, n: usize) -> Self {
        assert!(items.len() >= Self::panels_len(k, n), "gemm: the panels are not whole");
        Self { items, k, n, is_packed: true }
    }

    /// Row by row, without gaps.
    pub(crate) fn rows(items: &'a [T], k: usize, n: usize) -> Self {
        let is_whole = n.is_multiple_of(T::Lanes::<Scalar>::LANES);
        assert!(items.len() == k * n && is_whole, "gemm: rows must be whole vectors");
        Self { items, k, n, is_packed: false }
    }

    /// The first `k` rows and `n` columns.
    pub(crate) fn first(self, k: usize, n: usize) -> First<'a, T> {
        assert!(k <= self.k && n <= self.n, "gemm: a part must lie inside");
        First { all: self, k, n }
    }

    /// All of it.
    pub(crate) fn whole(self) -> First<'a, T> {
        self.first(self.k, self.n)
    }
}

/// The first rows and columns of a right operand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct First<'a, T> {
    all: Right<'a, T>,
    k: usize,
    n: usize,
}

/// Packs a right operand of `(k, n)`.
///
/// # Safety
///
/// The source must be readable for `k` rows by `n` columns.
#[inline(always)]
pub(crate) unsafe fn pack<V: Lanes>(
    source: Source<V::Scalar>,
    k: usize,
    n: usize,
    panels: &mut [V::Scalar],
) {
    let width = n.next_multiple_of(V::LANES);
    for start in (0..k).step_by(K_BLOCK) {
        let terms = K_BLOCK.min(k - start);
        let out = &mut panels[start * width..(start + terms) * width];
        // SAFETY: these rows are some of the source's (`# Safety`).
        unsafe { pack_panels::<V>(source.at(start, 0), terms, n, out, terms * V::LANES) };
    }
}

/// `out = left right` of `m` rows, with what `out` says is done to the sums. `scratch` holds `m` times
/// [`K_BLOCK`] items, or `m k` where that is less.
///
/// # Safety
///
/// `left` must be readable for `m` rows by as many columns as `right` has rows, and `out` writable
/// for `m` rows of as many items as it has columns.
#[inline(always)]
pub(crate) unsafe fn product<V: Lanes>(
    m: usize,
    left: Source<V::Scalar>,
    right: First<'_, V::Scalar>,
    out: Out<'_, V::Scalar>,
    scratch: &mut [V::Scalar],
) {
    let First { all, k, n } = right;
    assert!(scratch.len() >= m * k.min(K_BLOCK), "gemm: scratch must hold the rows");
    let width = all.n.next_multiple_of(V::LANES);
    let is_packed = m >= PACKED_ROWS;
    for start in (0..k).step_by(K_BLOCK) {
        let terms = K_BLOCK.min(k - start);
        let mut out = Out { accumulate: out.accumulate || start > 0, ..out };
        if start + terms < k {
            (out.bias, out.activation) = (None, Activation::Identity);
        }
        let (b, b_step, b_vector) = if all.is_packed {
            let of_block = K_BLOCK.min(all.k - start);
            (all.items[start * width..].as_ptr(), V::LANES, of_block * V::LANES)
        } else {
            (all.items[start * all.n..].as_ptr(), all.n, V::LANES)
        };
        let left = left.at(0, start);
        let (mut a, mut a_row, mut a_step) = (left.first, left.row_step, left.column_step);
        if is_packed {
            // SAFETY: `m` rows of `terms` items are readable (`# Safety`).
            unsafe { pack_rows::<V>(left, m, terms, scratch) };
            (a, a_row, a_step) = (scratch.as_ptr(), 1, 1);
        }
        let operands = Operands { a, a_row, a_step, b, b_step, b_vector };
        let of = Block { is_packed, ..Block::new(m, n) };
        // SAFETY: `m` rows of `terms` items lie at `a`; the right operand has `terms` rows of `n`
        // items from `start` on, in whole vectors: panels are padded, and rows are whole. `out` is
        // writable for `m` rows of `n` items (`# Safety`).
        unsafe { block::<V>(&of, &Walk::straight(terms), &operands, &out) };
    }
}
