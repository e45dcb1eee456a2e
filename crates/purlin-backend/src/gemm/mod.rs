//! Matrix product with a fused bias and activation.
//!
//! `C = activation(A B + bias)` in row-major order, either factor transposed or not, one product
//! or a strided batch.
//!
//! # The order of the sum
//!
//! Every element of `C` is accumulated on its own: `k` is cut into blocks of [`K_BLOCK`]; within
//! a block a chain of fused multiply-adds runs from 0 in increasing `k`; block sums are added to
//! the element in order (after `C`'s old value when accumulating); then comes the bias, then the
//! activation. Tiles and threads only choose *which* elements are computed where, so the bits
//! depend on nothing but the numbers, not even on the other rows of the batch.
//! [`naive`] is this paragraph as a loop.

pub(crate) mod block;
pub(crate) mod driver;
mod epilogue;
#[cfg(feature = "nn")]
pub(crate) mod inner;
pub mod naive;
pub(crate) mod pack;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod tile;

pub use epilogue::{Activation, Epilogue};

use crate::parallel;
use purlin_core::Real;

/// Tasks that a batch is cut into at most.
const TASKS: usize = 64;

/// Terms of the sum over `k` that form one chain of multiply-adds.
pub const K_BLOCK: usize = 256;

/// The sizes of a matrix product and how its operands lie.
///
/// | operand | shape |
/// |---|---|
/// | `a` | `(m, k)`, or `(k, m)` with [`trans_a`](Self::trans_a) |
/// | `b` | `(k, n)`, or `(n, k)` with [`trans_b`](Self::trans_b) |
/// | `c` | `(m, n)` |
///
/// # Examples
///
/// ```
/// use purlin_backend::gemm::{Epilogue, Gemm, gemm};
///
/// let a = [1.0, 2.0, 3.0, 4.0]; // (2, 2)
/// let b = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]; // (2, 3)
/// let mut c = [0.0; 6];
/// gemm(&Gemm::new(2, 2, 3), &a, &b, &mut c, &Epilogue::none());
/// assert_eq!(c, [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gemm {
    /// Rows of `c`.
    pub m: usize,
    /// Terms of each sum.
    pub k: usize,
    /// Columns of `c`.
    pub n: usize,
    /// Whether `a` lies as `(k, m)`.
    pub trans_a: bool,
    /// Whether `b` lies as `(n, k)`.
    pub trans_b: bool,
    /// Whether the product is added to `c` (before the epilogue) instead of overwriting it.
    pub accumulate: bool,
}

impl Gemm {
    /// `(m, k)` times `(k, n)`, overwriting `c`.
    pub fn new(m: usize, k: usize, n: usize) -> Self {
        Self { m, k, n, trans_a: false, trans_b: false, accumulate: false }
    }

    /// `a` lies as `(k, m)`.
    #[must_use]
    pub fn trans_a(self) -> Self {
        Self { trans_a: true, ..self }
    }

    /// `b` lies as `(n, k)`.
    #[must_use]
    pub fn trans_b(self) -> Self {
        Self { trans_b: true, ..self }
    }

    /// The product is added to `c`.
    #[must_use]
    pub fn accumulate(self) -> Self {
        Self { accumulate: true, ..self }
    }

    /// Items of `a`, `b` and `c`.
    #[track_caller]
    fn lens(&self) -> (usize, usize, usize) {
        let len = |rows: usize, cols: usize| {
            let len = rows.checked_mul(cols);
            assert!(len.is_some(), "gemm: sizes must fit in memory, got {rows} x {cols}");
            len.unwrap_or(0)
        };
        (len(self.m, self.k), len(self.k, self.n), len(self.m, self.n))
    }
}

/// `c = activation(a b + bias)`, or `activation(c + a b + bias)` with
/// [`accumulate`](Gemm::accumulate).
///
/// # Panics
///
/// When a slice has not the length that `spec` says, or the bias not `n` items.
#[track_caller]
pub fn gemm<T: Real>(spec: &Gemm, a: &[T], b: &[T], c: &mut [T], epilogue: &Epilogue<'_, T>) {
    let (a_len, b_len, c_len) = spec.lens();
    check_len("a", a_len, a.len());
    check_len("b", b_len, b.len());
    check_len("c", c_len, c.len());
    epilogue.check("gemm", spec.n);
    driver::product(spec, a, b, c, epilogue);
}

/// `batch` products; product `i` reads `a[i * stride_a..]`, `b[i * stride_b..]` and writes
/// `c[i * stride_c..]`. A stride of 0 shares `a` or `b` between all products.
///
/// # Panics
///
/// When a slice is too short for the last product, products overlap in `c`, or the bias has not
/// `n` items.
///
/// # Examples
///
/// ```
/// use purlin_backend::gemm::{Epilogue, Gemm, gemm_batched};
///
/// // Two rows, each times the same (2, 2) matrix.
/// let mut c = [0.0f32; 4];
/// let b = [0.0, 1.0, 1.0, 0.0];
/// let spec = Gemm::new(1, 2, 2);
/// gemm_batched(&spec, 2, &[1.0, 2.0, 3.0, 4.0], 2, &b, 0, &mut c, 2, &Epilogue::none());
/// assert_eq!(c, [2.0, 1.0, 4.0, 3.0]);
/// ```
#[track_caller]
#[expect(clippy::too_many_arguments, reason = "three operands with a stride each")]
pub fn gemm_batched<T: Real>(
    spec: &Gemm,
    batch: usize,
    a: &[T],
    stride_a: usize,
    b: &[T],
    stride_b: usize,
    c: &mut [T],
    stride_c: usize,
    epilogue: &Epilogue<'_, T>,
) {
    let (a_len, b_len, c_len) = spec.lens();
    epilogue.check("gemm", spec.n);
    if batch == 0 {
        return;
    }
    check_batch("a", batch, stride_a, a_len, a.len());
    check_batch("b", batch, stride_b, b_len, b.len());
    check_batch("c", batch, stride_c, c_len, c.len());
    assert!(
        batch == 1 || stride_c >= c_len,
        "gemm: stride_c must be at least {c_len}, got {stride_c}"
    );
    if c_len == 0 {
        return;
    }
    let is_one = stride_b == 0 && !spec.trans_a && stride_a == a_len && stride_c == c_len;
    if is_one {
        // One tall product.
        let spec = Gemm { m: spec.m * batch, ..*spec };
        return driver::product(
            &spec,
            &a[..batch * a_len],
            &b[..b_len],
            &mut c[..batch * c_len],
            epilogue,
        );
    }
    let one = |i: usize, c: &mut [T]| {
        let (a, b) = (&a[i * stride_a..][..a_len], &b[i * stride_b..][..b_len]);
        driver::product(spec, a, b, &mut c[..c_len], epilogue);
    };
    let work = driver::work(spec.m, spec.k, spec.n);
    let stride_c = stride_c.max(c_len); // of a single product it may be anything
    let c = &mut c[..(batch - 1) * stride_c + c_len];
    if parallel::is_worth_it(work) {
        // Each product is worth several threads itself.
        c.chunks_mut(stride_c).enumerate().for_each(|(i, c)| one(i, c));
        return;
    }
    let per_task = batch.div_ceil(TASKS);
    parallel::for_each_chunk(c, per_task * stride_c, work.saturating_mul(batch), |task, c| {
        c.chunks_mut(stride_c).enumerate().for_each(|(i, c)| one(task * per_task + i, c));
    });
}

#[track_caller]
fn check_len(name: &str, expected: usize, got: usize) {
    assert!(expected == got, "gemm: expected {name} with {expected} items, got {got}");
}

#[track_caller]
fn check_batch(name: &str, batch: usize, stride: usize, len: usize, got: usize) {
    let needed = stride.checked_mul(batch - 1).and_then(|start| start.checked_add(len));
    assert!(
        needed.is_some_and(|needed| needed <= got),
        "gemm: expected {name} with {batch} matrices of {len} items at stride {stride}, got {got} items"
    );
}
