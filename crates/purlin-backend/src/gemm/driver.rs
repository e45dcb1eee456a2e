//! How a product is cut into blocks: by its shape, for the caches and for threads.

use super::block::{Block, block, pack_rows};
use super::pack::{Source, pack_panels};
use super::tile::{Operands, Out, Walk};
use super::{Epilogue, Gemm, K_BLOCK};
use crate::mono::once;
pub(crate) use crate::parallel::Shared;
use crate::{Buffer, Kernel, dispatch, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// Rows of a block: with [`K_BLOCK`] terms it takes a quarter of a cache of 1 MiB.
const ROWS: usize = 112;

/// The widest right operand (in items) whose rows tiles read where they lie: its lines are then
/// near each other.
const DIRECT_COLUMNS: usize = 256;

/// Items of the right operand that are packed at a time.
const PACKED: usize = 1 << 22;

/// Products of fewer multiply-adds than 16 times [`parallel::THRESHOLD`] stay on one thread.
pub(super) fn work(m: usize, k: usize, n: usize) -> usize {
    m.saturating_mul(k).saturating_mul(n) / 16
}

/// The product, on one thread or several. The slices have the lengths that `spec` says.
pub(crate) fn product<T: Real>(
    spec: &Gemm,
    a: &[T],
    b: &[T],
    c: &mut [T],
    epilogue: &Epilogue<'_, T>,
) {
    once!(|spec: &Gemm, a: &[T], b: &[T], c: &mut [T], epilogue: &Epilogue<'_, T>| {
        product_of(spec, a, b, c, epilogue);
    });
}

fn product_of<T: Real>(spec: &Gemm, a: &[T], b: &[T], c: &mut [T], epilogue: &Epilogue<'_, T>) {
    let &Gemm { m, k, n, .. } = spec;
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        return super::naive::gemm(spec, a, b, c, epilogue);
    }
    let lanes = T::Lanes::<crate::simd::scalar::Scalar>::LANES;
    let left = Source {
        first: a.as_ptr(),
        row_step: if spec.trans_a { 1 } else { k },
        column_step: if spec.trans_a { m } else { 1 },
    };
    let right = Source {
        first: b.as_ptr(),
        row_step: if spec.trans_b { 1 } else { n },
        column_step: if spec.trans_b { k } else { 1 },
    };
    let task = Part {
        m,
        k,
        n,
        left: Operand(left),
        right: Right::Raw(Operand(right)),
        c: Shared(c.as_mut_ptr()),
        c_row: n,
        c_column: 1,
        accumulate: spec.accumulate,
        epilogue: *epilogue,
        bias_by_row: false,
        packs_rows: n > DIRECT_COLUMNS,
    };
    // Few columns would leave lanes empty: compute the transpose, with lanes over the rows.
    let is_narrow = n <= lanes / 4 && m > n;
    compute(if is_narrow { task.transposed() } else { task });
}

/// Cuts a whole product into parts.
fn compute<T: Real>(task: Part<'_, T>) {
    let Part { m, k, n, right, .. } = task;
    let Right::Raw(Operand(right)) = right else { unreachable!("nothing is packed yet") };
    let lanes = T::Lanes::<crate::simd::scalar::Scalar>::LANES;
    let work = work(m, k, n);
    let is_direct = right.column_step == 1 && n % lanes == 0 && n <= DIRECT_COLUMNS;
    if m <= ROWS && !(is_direct && m > 2 * MIN_ROWS) {
        // Few rows: threads take runs of columns, each packs what it needs.
        let vectors = n.div_ceil(lanes);
        let per_task =
            if parallel::is_worth_it(work) { vectors.div_ceil(16).max(4) } else { vectors };
        parallel::for_each(vectors.div_ceil(per_task), work, |i| {
            let start = i * per_task * lanes;
            let end = n.min(start + per_task * lanes);
            dispatch(task.columns(start, end));
        });
        return;
    }
    let longer = m.max(n);
    let is_weight_gradient = task.left.0.row_step == 1 && k > K_BLOCK;
    if is_weight_gradient && m * n > PIECE * PIECE / 2 && m.min(n) <= PIECE && longer <= 2 * PIECE {
        // Threads take pieces of the longer side, and pack a block of terms at a time.
        let pieces = parallel::even_tasks(longer.div_ceil(PIECE), longer / (2 * lanes), work);
        let cut = |i: usize| if i == pieces { longer } else { longer * i / pieces / lanes * lanes };
        let task = Part { packs_rows: true, ..task };
        parallel::for_each(pieces, work, |i| {
            let (first, end) = (cut(i), cut(i + 1));
            dispatch(if m > n { task.rows((first, end)) } else { task.columns(first, end) });
        });
        return;
    }
    let blocks = parallel::even_tasks(m.div_ceil(ROWS), m / MIN_ROWS, work);
    let rows_of = |i: usize| (m * i / blocks, m * (i + 1) / blocks);
    if is_direct {
        parallel::for_each(blocks, work, |i| dispatch(task.rows(rows_of(i))));
        return;
    }
    let per_pass = (PACKED / k / lanes * lanes).max(4 * lanes);
    for start in (0..n).step_by(per_pass) {
        let task = task.columns(start, n.min(start + per_pass));
        let vectors = task.n.div_ceil(lanes);
        let mut panels = Buffer::<T>::scratch(k * vectors * lanes);
        pack_right(k, task.n, right.at(0, start), &mut panels);
        let task = Part { right: Right::Panels(&panels), ..task };
        parallel::for_each(blocks, work, |i| dispatch(task.rows(rows_of(i))));
    }
}

/// Rows and columns of the gradient of a weight that stay in the second cache with a block of its terms;
/// of a smaller one they stay in it anyway, and of a larger one too much would be packed more than once.
const PIECE: usize = 256;

/// Rows below which a block is not cut further for threads.
const MIN_ROWS: usize = 28;

/// A source that threads share.
#[derive(Debug, Clone, Copy)]
struct Operand<T>(Source<T>);

impl<T: Real> Operand<T> {
    /// The matrix from `(row, column)` on.
    fn at(self, row: usize, column: usize) -> Self {
        Self(self.0.at(row, column))
    }
}

// SAFETY: a source is only read.
unsafe impl<T: Sync> Send for Operand<T> {}
// SAFETY: shared, a source is only read.
unsafe impl<T: Sync> Sync for Operand<T> {}

/// The right operand of a part.
#[derive(Debug, Clone, Copy)]
enum Right<'a, T> {
    /// As the caller has it.
    Raw(Operand<T>),
    /// All of it in panels, one [`K_BLOCK`] after the other.
    Panels(&'a [T]),
}

/// Packs a right operand of `(k, n)`: for each block of `k` the panels of all columns.
pub(crate) fn pack_right<T: Real>(k: usize, n: usize, right: Source<T>, panels: &mut [T]) {
    let lanes = T::Lanes::<crate::simd::scalar::Scalar>::LANES;
    let width = n.div_ceil(lanes) * lanes;
    // Runs of panels of one block of `k`, so that several threads share one block.
    let run = 8 * lanes;
    let runs = width.div_ceil(run);
    let right = Operand(right);
    let out = Shared(panels.as_mut_ptr());
    parallel::for_each(runs * k.div_ceil(K_BLOCK), k * n * size_of::<T>(), |i| {
        let start = i / runs * K_BLOCK;
        let terms = K_BLOCK.min(k - start);
        let (first, end) = (i % runs * run, width.min((i % runs + 1) * run));
        dispatch(Pack {
            right: right.at(start, first).0,
            terms,
            columns: n.min(end) - first,
            // SAFETY: tasks have disjoint parts of the buffer.
            out: unsafe {
                std::slice::from_raw_parts_mut(
                    out.at(start * width + first * terms).0,
                    (end - first) * terms,
                )
            },
        });
    });
}

struct Pack<'a, T> {
    right: Source<T>,
    terms: usize,
    columns: usize,
    out: &'a mut [T],
}

impl<T: Real> Kernel for Pack<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        // SAFETY: terms and columns lie inside the right operand.
        unsafe {
            pack_panels::<T::Lanes<I>>(
                self.right,
                self.terms,
                self.columns,
                self.out,
                self.terms * T::Lanes::<I>::LANES,
            );
        }
    }
}

/// A part of a product that one thread computes.
#[derive(Debug, Clone, Copy)]
struct Part<'a, T> {
    m: usize,
    k: usize,
    n: usize,
    left: Operand<T>,
    right: Right<'a, T>,
    c: Shared<T>,
    c_row: usize,
    c_column: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
    /// Whether the bias is per row, as in a transposed product.
    bias_by_row: bool,
    /// Whether the rows are copied, which pays where many columns pass them.
    packs_rows: bool,
}

impl<'a, T: Real> Part<'a, T> {
    fn rows(self, (start, end): (usize, usize)) -> Self {
        Self {
            m: end - start,
            left: self.left.at(start, 0),
            c: self.c.at(start * self.c_row),
            epilogue: self.bias_part(self.bias_by_row, start, end),
            ..self
        }
    }

    fn columns(self, start: usize, end: usize) -> Self {
        let right = match self.right {
            Right::Raw(right) => Right::Raw(right.at(0, start)),
            Right::Panels(_) => unreachable!("columns are cut before packing"),
        };
        Self {
            n: end - start,
            right,
            c: self.c.at(start * self.c_column),
            epilogue: self.bias_part(!self.bias_by_row, start, end),
            ..self
        }
    }

    fn bias_part(&self, is_cut: bool, start: usize, end: usize) -> Epilogue<'a, T> {
        let bias = self.epilogue.bias.map(|bias| if is_cut { &bias[start..end] } else { bias });
        Epilogue { bias, ..self.epilogue }
    }

    /// The same product computed as `c^T = b^T a^T`.
    fn transposed(self) -> Self {
        let Right::Raw(right) = self.right else { unreachable!("nothing is packed yet") };
        Self {
            m: self.n,
            n: self.m,
            left: Operand(right.0.transposed()),
            right: Right::Raw(Operand(self.left.0.transposed())),
            c_row: self.c_column,
            c_column: self.c_row,
            bias_by_row: !self.bias_by_row,
            packs_rows: self.m > DIRECT_COLUMNS,
            ..self
        }
    }
}

impl<T: Real> Kernel for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { m, k, n, left: Operand(left), right, c, accumulate, epilogue, .. } = self;
        let lanes = T::Lanes::<I>::LANES;
        let width = n.div_ceil(lanes) * lanes;
        let is_packed = self.packs_rows && m > 3;
        let mut packed = Buffer::<T>::scratch(if is_packed { m * k.min(K_BLOCK) } else { 0 });
        let mut panels = Buffer::<T>::scratch(0);
        for start in (0..k).step_by(K_BLOCK) {
            let terms = K_BLOCK.min(k - start);
            let is_last = start + terms == k;
            let out = Out {
                accumulate: accumulate || start > 0,
                column: self.c_column,
                bias_by_row: self.bias_by_row,
                ..Out::rows(c.0, self.c_row, &if is_last { epilogue } else { Epilogue::none() })
            };
            let left = left.at(0, start);
            let mut operands = Operands {
                a: left.first,
                a_row: left.row_step,
                a_step: left.column_step,
                b: left.first,
                b_step: lanes,
                b_vector: terms * lanes,
            };
            if is_packed {
                // SAFETY: rows and terms lie inside the left operand.
                unsafe { pack_rows::<T::Lanes<I>>(left, m, terms, &mut packed) };
                (operands.a, operands.a_row) = (packed.as_ptr(), 1);
            }
            let walk = Walk::straight(terms);
            let run = |first: usize, columns: usize, operands: &Operands<T>| {
                let block_of = Block { is_packed, ..Block::new(m, columns) };
                let out = Out {
                    c: out.c.wrapping_add(first * out.column),
                    bias: out.bias.map(|bias| if out.bias_by_row { bias } else { &bias[first..] }),
                    ..out
                };
                // SAFETY: the part lies inside all three operands, the right one is whole
                // vectors wide.
                unsafe {
                    block::<T::Lanes<I>>(&block_of, &walk, operands, &out);
                }
            };
            match right {
                Right::Panels(panels) => {
                    operands.b = panels[start * width..].as_ptr();
                    run(0, n, &operands);
                }
                Right::Raw(Operand(right))
                    if right.column_step == 1
                        && n % lanes == 0
                        && (right.row_step <= DIRECT_COLUMNS || m <= MIN_ROWS) =>
                {
                    operands.b = right.at(start, 0).first;
                    (operands.b_step, operands.b_vector) = (right.row_step, lanes);
                    run(0, n, &operands);
                }
                Right::Raw(Operand(right)) => {
                    let chunk = 4 * lanes;
                    if panels.is_empty() {
                        panels = Buffer::scratch(chunk.min(width) * k.min(K_BLOCK));
                    }
                    for first in (0..n).step_by(chunk) {
                        let columns = chunk.min(n - first);
                        let panels = &mut panels[..columns.div_ceil(lanes) * lanes * terms];
                        // SAFETY: terms and columns lie inside the right operand.
                        unsafe {
                            pack_panels::<T::Lanes<I>>(
                                right.at(start, first),
                                terms,
                                columns,
                                panels,
                                terms * lanes,
                            );
                        }
                        operands.b = panels.as_ptr();
                        run(first, columns, &operands);
                    }
                }
            }
        }
    }
}
