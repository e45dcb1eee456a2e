//! A matrix that the rows of many steps are multiplied with.

use crate::Buffer;
use crate::gemm::driver::pack_right;
use crate::gemm::inner::{Right, product};
use crate::gemm::pack::Source;
use crate::gemm::tile::Out;
use crate::simd::scalar::Scalar;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// Rows in all, over all steps, from which on a copy in the order of reading pays.
const PACKED: usize = 8;

/// A `(k, n)` matrix, or the transpose of an `(n, k)` one.
pub(super) struct Weights<'a, T: Real> {
    k: usize,
    n: usize,
    items: Items<'a, T>,
}

enum Items<'a, T: Real> {
    /// As the caller has them.
    Raw(&'a [T]),
    /// In panels.
    Panels(Buffer<T>),
}

impl<'a, T: Real> Weights<'a, T> {
    /// `(k, n)`, to be multiplied with `rows` rows in all.
    pub(super) fn new(items: &'a [T], k: usize, n: usize, rows: usize) -> Self {
        if rows < PACKED && n.is_multiple_of(T::Lanes::<Scalar>::LANES) {
            return Self { k, n, items: Items::Raw(items) };
        }
        let source = Source { first: items.as_ptr(), row_step: n, column_step: 1 };
        Self { k, n, items: panels(source, k, n) }
    }

    /// The transpose of an `(n, k)` matrix.
    pub(super) fn transposed(items: &'a [T], k: usize, n: usize) -> Self {
        let source = Source { first: items.as_ptr(), row_step: 1, column_step: k };
        Self { k, n, items: panels(source, k, n) }
    }

    /// `out = rows W`, or `out += rows W`; both row by row without gaps. `scratch` holds as many
    /// rows of `k` items, or of [`K_BLOCK`](crate::gemm::K_BLOCK) where that is less.
    #[inline(always)]
    pub(super) fn multiply<V: Lanes<Scalar = T>>(
        &self,
        rows: &[T],
        out: &mut [T],
        accumulate: bool,
        scratch: &mut [T],
    ) {
        let &Self { k, n, ref items } = self;
        let m = rows.len() / k;
        assert!(rows.len() == m * k && out.len() == m * n, "recurrent: rows and out must fit");
        let right = match items {
            Items::Raw(items) => Right::rows(items, k, n),
            Items::Panels(panels) => Right::panels(panels, k, n),
        };
        let left = Source { first: rows.as_ptr(), row_step: k, column_step: 1 };
        // SAFETY: `rows` has `m` rows of `k` items, `out` of `n` items.
        unsafe {
            let out = Out::sums(out.as_mut_ptr(), n, accumulate);
            product::<V>(m, left, right.whole(), out, scratch);
        }
    }
}

fn panels<'a, T: Real>(source: Source<T>, k: usize, n: usize) -> Items<'a, T> {
    let mut panels = Buffer::scratch(Right::<T>::panels_len(k, n));
    pack_right(k, n, source, &mut panels);
    Items::Panels(panels)
}
