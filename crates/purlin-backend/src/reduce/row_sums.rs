//! The sum over rows that a kernel makes one after the other.

use super::axis::{combine, rows_per_block};
use crate::Buffer;
use crate::elementwise::ops;
use crate::parallel::Shared;
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Sums of columns with the bits of [`sum_axis`](super::sum_axis) over all rows, for at least
/// [`Self::NARROWEST`] columns.
pub(crate) struct RowSums<T: Real> {
    /// A row per block of rows.
    blocks: Buffer<T>,
    width: usize,
    per_block: usize,
}

/// Where tasks add their columns.
#[derive(Clone, Copy)]
pub(crate) struct SharedRowSums<T> {
    blocks: Shared<T>,
    width: usize,
    per_block: usize,
}

impl<T: Real> RowSums<T> {
    /// Narrower rows are summed in another order.
    pub(crate) const NARROWEST: usize = if size_of::<T>() == 4 { 16 } else { 8 };

    pub(crate) fn new(rows: usize, width: usize) -> Self {
        debug_assert!(width >= Self::NARROWEST, "row_sums: narrower rows have another order");
        let per_block = rows_per_block(width, Self::NARROWEST);
        Self { blocks: Buffer::zeroed(rows.div_ceil(per_block) * width), width, per_block }
    }

    pub(crate) fn shared(&mut self) -> SharedRowSums<T> {
        let &mut Self { width, per_block, .. } = self;
        SharedRowSums { blocks: Shared(self.blocks.as_mut_ptr()), width, per_block }
    }

    pub(crate) fn finish(mut self, out: &mut [T]) {
        combine(ops::Add, &mut self.blocks, self.width);
        out.copy_from_slice(&self.blocks[..self.width]);
    }
}

impl<T: Real> SharedRowSums<T> {
    /// Adds row `row` from a column on; rows must come in order.
    ///
    /// # Safety
    ///
    /// The [`RowSums`] is alive, the row and the columns exist, and no other thread has these columns.
    #[inline(always)]
    pub(crate) unsafe fn add<I: Isa>(self, row: usize, column: usize, items: &[T]) {
        let first = self.blocks.at(row / self.per_block * self.width + column).0;
        // SAFETY: the columns exist, and no other thread has them (`# Safety`).
        let sums = unsafe { std::slice::from_raw_parts_mut(first, items.len()) };
        let lanes = T::Lanes::<I>::LANES;
        for (sums, items) in sums.chunks_mut(lanes).zip(items.chunks(lanes)) {
            let sum = T::Lanes::<I>::load_partial(sums, T::ZERO);
            (sum + T::Lanes::<I>::load_partial(items, T::ZERO)).store_partial(sums);
        }
    }
}
