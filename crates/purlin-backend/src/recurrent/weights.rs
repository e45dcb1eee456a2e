//! A matrix that the rows of many steps are multiplied with.

use crate::Buffer;
use crate::gemm::block::{Block, block, pack_rows};
use crate::gemm::driver::pack_right;
use crate::gemm::pack::Source;
use crate::gemm::tile::{Operands, Out, Walk};
use crate::gemm::{Epilogue, K_BLOCK};
use crate::simd::scalar::Scalar;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// Rows in all, over all steps, from which on a copy in the order of reading pays.
const PACKED: usize = 8;

/// Rows from which on they are copied too.
const PACKED_ROWS: usize = 4;

/// A `(k, n)` matrix, or the transpose of an `(n, k)` one.
pub(super) struct Weights<'a, T: Real> {
    k: usize,
    n: usize,
    right: Right<'a, T>,
}

enum Right<'a, T: Real> {
    /// As the caller has it.
    Raw(&'a [T]),
    /// In panels, one [`K_BLOCK`] after the other.
    Panels(Buffer<T>),
}

impl<'a, T: Real> Weights<'a, T> {
    /// `(k, n)`, to be multiplied with `rows` rows in all.
    pub(super) fn new(items: &'a [T], k: usize, n: usize, rows: usize) -> Self {
        let lanes = T::Lanes::<Scalar>::LANES;
        if rows < PACKED && n.is_multiple_of(lanes) {
            return Self { k, n, right: Right::Raw(items) };
        }
        let source = Source { first: items.as_ptr(), row_step: n, column_step: 1 };
        Self { k, n, right: Right::Panels(panels(source, k, n)) }
    }

    /// The transpose of an `(n, k)` matrix.
    pub(super) fn transposed(items: &'a [T], k: usize, n: usize) -> Self {
        let source = Source { first: items.as_ptr(), row_step: 1, column_step: k };
        Self { k, n, right: Right::Panels(panels(source, k, n)) }
    }

    /// `out = rows W`, or `out += rows W`; both row by row without gaps.
    #[inline(always)]
    pub(super) fn multiply<V: Lanes<Scalar = T>>(
        &self,
        rows: &[T],
        out: &mut [T],
        accumulate: bool,
        scratch: &mut [T],
    ) {
        let &Self { k, n, ref right } = self;
        let m = rows.len() / k;
        assert!(rows.len() == m * k && out.len() == m * n, "recurrent: rows and out must fit");
        assert!(scratch.len() >= m * k.min(K_BLOCK), "recurrent: scratch must hold the rows");
        let width = n.next_multiple_of(V::LANES);
        let is_packed = m >= PACKED_ROWS;
        for start in (0..k).step_by(K_BLOCK) {
            let terms = K_BLOCK.min(k - start);
            let out = Out {
                accumulate: accumulate || start > 0,
                ..Out::rows(out.as_mut_ptr(), n, &Epilogue::none())
            };
            let (b, b_step, b_vector) = match right {
                Right::Raw(items) => (items[start * n..].as_ptr(), n, V::LANES),
                Right::Panels(panels) => {
                    (panels[start * width..].as_ptr(), V::LANES, terms * V::LANES)
                }
            };
            let left = Source { first: rows[start..].as_ptr(), row_step: k, column_step: 1 };
            let (mut a, mut a_row) = (left.first, k);
            if is_packed {
                // SAFETY: `m` rows of `terms` items from `start` on lie in `rows`.
                unsafe { pack_rows::<V>(left, m, terms, scratch) };
                (a, a_row) = (scratch.as_ptr(), 1);
            }
            let operands = Operands { a, a_row, a_step: 1, b, b_step, b_vector };
            let of = Block { is_packed, ..Block::new(m, n) };
            // SAFETY: `m` rows of `terms` items lie at `a`; the right operand has `terms` rows of
            // `n` items, and those are whole vectors: panels are padded, and a raw matrix is read
            // only where they are. `out` has `m` rows of `n` items and is borrowed for writing.
            unsafe { block::<V>(&of, &Walk::straight(terms), &operands, &out) };
        }
    }
}

fn panels<T: Real>(source: Source<T>, k: usize, n: usize) -> Buffer<T> {
    let mut panels = Buffer::scratch(k * n.next_multiple_of(T::Lanes::<Scalar>::LANES));
    pack_right(k, n, source, &mut panels);
    panels
}
