//! The one inner loop of products and convolutions: a register tile of `C`.
//!
//! A tile of `M` rows by `N` vectors of columns stays in registers while a [`Walk`] visits the
//! terms of its sums in order. Each term loads `N` vectors of `B` and multiplies them with `M`
//! broadcast numbers of `A`. What differs between a product, a convolution and its gradients is
//! only where the walk leads:
//!
//! | operation | rows of the tile | columns | walk: outer, inner, len |
//! |---|---|---|---|
//! | product | rows of `a` | columns of `b` | 1, 1, `k` |
//! | convolution | output pixels | output channels | kernel rows, kernel columns, input channels |
//! | weight gradient | (kernel column, input channel) | output channels | images, rows, pixels |
//!
//! Tile sizes differ per instruction set; the operations on an element do not.

use super::{Activation, Epilogue};
use crate::isa::prefetch;
use purlin_core::Real;
use purlin_core::simd::{Lanes, MAX_LANES};

/// The terms of a tile's sums: three nested loops and what each step adds to the operands'
/// offsets, in items. The innermost runs over `len` terms with the steps of [`Operands`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) outer: Steps,
    pub(crate) inner: Steps,
    pub(crate) len: usize,
}

/// `n` steps of `a` items in the left operand and `b` items in the right one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) n: usize,
    pub(crate) a: usize,
    pub(crate) b: usize,
}

impl Steps {
    pub(crate) const ONE: Self = Self { n: 1, a: 0, b: 0 };
}

impl Walk {
    /// A walk of one loop.
    pub(crate) fn straight(len: usize) -> Self {
        Self { outer: Steps::ONE, inner: Steps::ONE, len }
    }
}

/// Where the operands of a tile lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operands<T> {
    /// Term 0 of row 0 of the left operand.
    pub(crate) a: *const T,
    /// Between rows of the left operand.
    pub(crate) a_row: usize,
    /// Between terms of the left operand.
    pub(crate) a_step: usize,
    /// Term 0 of column 0 of the right operand.
    pub(crate) b: *const T,
    /// Between terms of the right operand.
    pub(crate) b_step: usize,
    /// Between vectors of columns of the right operand.
    pub(crate) b_vector: usize,
}

/// Where a tile is stored and what happens to it before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out<'a, T> {
    /// Element (0, 0).
    pub(crate) c: *mut T,
    /// Between rows.
    pub(crate) row: usize,
    /// Between columns.
    pub(crate) column: usize,
    /// Columns of the tile that exist.
    pub(crate) width: usize,
    /// Whether the sums are added to what `c` holds.
    pub(crate) accumulate: bool,
    /// One number per column, or per row with `bias_by_row`; a whole vector past each column of
    /// a full tile.
    pub(crate) bias: Option<&'a [T]>,
    /// Whether tile rows (not columns) are the output channels.
    pub(crate) bias_by_row: bool,
    pub(crate) activation: Activation,
}

impl<'a, T: Real> Out<'a, T> {
    /// A plain row-major destination.
    pub(crate) fn rows(c: *mut T, row: usize, epilogue: &Epilogue<'a, T>) -> Self {
        Self {
            c,
            row,
            column: 1,
            width: 0,
            accumulate: false,
            bias: epilogue.bias,
            bias_by_row: false,
            activation: epilogue.activation,
        }
    }

    /// The bare sums in place of what is there, or added to it.
    #[cfg(feature = "nn")]
    pub(crate) fn sums(c: *mut T, row: usize, accumulate: bool) -> Self {
        Self { accumulate, ..Self::rows(c, row, &Epilogue::none()) }
    }
}

/// Rows of the largest tile on any instruction set.
pub(crate) const MAX_ROWS: usize = 14;

/// The registers' width in bytes, which shows in the alignment of the vector.
const fn register<V>() -> usize {
    align_of::<V>()
}

/// Rows of the largest tile of `vectors` columns vectors: it fills the register file.
///
/// AVX-512 has 32 registers of one vector, AVX2 16 of half a vector, NEON 32 of a quarter.
pub(crate) fn max_rows<V: Lanes>(vectors: usize) -> usize {
    match (register::<V>(), vectors) {
        (64, 1 | 2) => 14,
        (32 | 16, 1) => 6,
        (64, _) | (32 | 16, 2) => 3,
        (32 | 16, _) => 1,
        _ => 4,
    }
}

/// Column vectors of a tile for `rows` rows: few rows take more columns, so that enough sums
/// run at once to hide the latency of the multiply-add.
pub(crate) fn vectors_for<V: Lanes>(rows: usize) -> usize {
    match register::<V>() {
        64 if rows <= 3 => 4,
        64 => 2,
        32 | 16 if rows == 1 => 4,
        32 | 16 if rows <= 3 => 2,
        _ => 1,
    }
}

/// Computes and stores a tile of `rows` by `vectors`, one of the sizes of [`max_rows`].
///
/// # Safety
///
/// The walk must stay inside the operands for `rows` rows and `vectors` whole vectors, `out` must
/// be writable for `rows` rows and `width` columns and not overlap the operands, and the bias
/// must cover them. The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn tile<V: Lanes>(
    rows: usize,
    vectors: usize,
    walk: &Walk,
    operands: &Operands<V::Scalar>,
    out: &Out<'_, V::Scalar>,
) {
    macro_rules! ladder {
        ($enter:ident: $($vectors:literal x ($($rows:literal)*)),*) => {
            match (vectors, rows) {
                // SAFETY: handed on; the register width tells that `V` is of that set.
                $($(($vectors, $rows) => unsafe {
                    $enter::<V, $rows, $vectors>(walk, operands, out)
                },)*)*
                _ => unreachable!("no tile of {rows} rows by {vectors} vectors"),
            }
        };
    }
    // Constant conditions: only the tiles of the set of `V` are compiled for it.
    #[cfg(target_arch = "x86_64")]
    if const { register::<V>() == 64 } {
        return ladder!(avx512: 1 x (1 2 3 4 5 6 7 8 9 10 11 12 13 14),
            2 x (1 2 3 4 5 6 7 8 9 10 11 12 13 14), 4 x (1 2 3));
    }
    #[cfg(target_arch = "x86_64")]
    if const { register::<V>() == 32 } {
        return ladder!(avx2: 1 x (1 2 3 4 5 6), 2 x (1 2 3), 4 x (1));
    }
    if const { register::<V>() == 16 } {
        return ladder!(body: 1 x (1 2 3 4 5 6), 2 x (1 2 3), 4 x (1));
    }
    if const { register::<V>() < 16 } {
        ladder!(body: 1 x (1 2 3 4));
    }
}

/// A function of its own per tile: the compiler allocates registers for one tile at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn avx512<V: Lanes, const M: usize, const N: usize>(
    walk: &Walk,
    operands: &Operands<V::Scalar>,
    out: &Out<'_, V::Scalar>,
) {
    // SAFETY: the contract of `tile`, which alone calls this for the set of `V`.
    unsafe { body::<V, M, N>(walk, operands, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<V: Lanes, const M: usize, const N: usize>(
    walk: &Walk,
    operands: &Operands<V::Scalar>,
    out: &Out<'_, V::Scalar>,
) {
    // SAFETY: the contract of `tile`, which alone calls this for the set of `V`.
    unsafe { body::<V, M, N>(walk, operands, out) }
}

/// # Safety
///
/// As for [`tile`], with `M` rows and `N` vectors.
#[inline(always)]
unsafe fn body<V: Lanes, const M: usize, const N: usize>(
    walk: &Walk,
    operands: &Operands<V::Scalar>,
    out: &Out<'_, V::Scalar>,
) {
    let &Operands { a, a_row, a_step, b, b_step, .. } = operands;
    let is_packed = a_row == 1 && a_step == M && b_step == V::LANES;
    for row in 0..M {
        prefetch(out.c.wrapping_add(row * out.row));
    }
    let mut acc = [[V::splat_f64(0.0); N]; M];
    for i in 0..walk.outer.n {
        for j in 0..walk.inner.n {
            let operands = Operands {
                a: a.wrapping_add(i * walk.outer.a + j * walk.inner.a),
                b: b.wrapping_add(i * walk.outer.b + j * walk.inner.b),
                ..*operands
            };
            // SAFETY: the walk stays inside both operands.
            unsafe {
                if is_packed {
                    // The same steps, as constants: they become offsets of the instructions.
                    let packed = Operands { a_row: 1, a_step: M, b_step: V::LANES, ..operands };
                    run(&mut acc, walk.len, &packed);
                } else {
                    run(&mut acc, walk.len, &operands);
                }
            }
        }
    }
    // SAFETY: `out` is writable for `M` rows and its width (`# Safety`).
    unsafe { store(&acc, out) }
}

/// The innermost loop: `len` terms.
///
/// # Safety
///
/// At each of `len` terms `M` rows of the left operand and `N` vectors of the right one must be
/// readable.
#[inline(always)]
unsafe fn run<V: Lanes, const M: usize, const N: usize>(
    acc: &mut [[V; N]; M],
    len: usize,
    operands: &Operands<V::Scalar>,
) {
    let &Operands { mut a, a_row, a_step, mut b, b_step, b_vector } = operands;
    for _ in 0..len {
        let mut columns = [V::splat_f64(0.0); N];
        for (v, column) in columns.iter_mut().enumerate() {
            // SAFETY: the right operand has `N` vectors at each of `len` terms (`# Safety`).
            *column = unsafe { load(b.add(v * b_vector)) };
        }
        for (row, acc) in acc.iter_mut().enumerate() {
            // SAFETY: the left operand has `M` rows at each of `len` terms (`# Safety`).
            let x = V::splat(unsafe { *a.add(row * a_row) });
            for (acc, &column) in acc.iter_mut().zip(&columns) {
                *acc = x.mul_add(column, *acc);
            }
        }
        a = a.wrapping_add(a_step);
        b = b.wrapping_add(b_step);
    }
}

/// # Safety
///
/// A whole vector must be readable at `x`.
#[inline(always)]
unsafe fn load<V: Lanes>(x: *const V::Scalar) -> V {
    // SAFETY: a whole vector is readable (`# Safety`).
    V::load(unsafe { std::slice::from_raw_parts(x, V::LANES) })
}

/// Whole vectors with a bias per column and at most a ReLU leave from the registers; the rest
/// goes through memory.
///
/// # Safety
///
/// `out` must be writable for `M` rows and its width, which is at most `N` vectors.
#[inline(always)]
unsafe fn store<V: Lanes, const M: usize, const N: usize>(
    acc: &[[V; N]; M],
    out: &Out<'_, V::Scalar>,
) {
    let is_simple = matches!(out.activation, Activation::Identity | Activation::Relu);
    if out.column != 1 || out.width != N * V::LANES || out.bias_by_row || !is_simple {
        let mut sums = [V::Scalar::ZERO; MAX_ROWS * 2 * MAX_LANES];
        for (row, acc) in acc.iter().enumerate() {
            for (v, acc) in acc.iter().enumerate() {
                acc.store(&mut sums[(row * N + v) * V::LANES..][..V::LANES]);
            }
        }
        #[cfg(target_arch = "x86_64")]
        if const { register::<V>() == 64 } {
            // SAFETY: the register width tells that `V` is of that set, and it runs here.
            return unsafe { store_any_avx512::<V>(&sums, M, N, out) };
        }
        #[cfg(target_arch = "x86_64")]
        if const { register::<V>() == 32 } {
            // SAFETY: the register width tells that `V` is of that set, and it runs here.
            return unsafe { store_any_avx2::<V>(&sums, M, N, out) };
        }
        // SAFETY: `out` is writable for `M` rows and its width (`# Safety`).
        return unsafe { store_any::<V>(&sums, M, N, out) };
    }
    let mut bias = [V::splat_f64(0.0); N];
    if let Some(from) = out.bias {
        for (v, bias) in bias.iter_mut().enumerate() {
            *bias = V::load(&from[v * V::LANES..]);
        }
    }
    for (row, acc) in acc.iter().enumerate() {
        for (v, &acc) in acc.iter().enumerate() {
            // SAFETY: the width is whole vectors, and `out` is writable for `M` rows of it.
            let c = unsafe {
                let c = out.c.add(row * out.row + v * V::LANES);
                std::slice::from_raw_parts_mut(c, V::LANES)
            };
            let mut sum = if out.accumulate { V::load(c) + acc } else { acc };
            if out.bias.is_some() {
                sum = sum + bias[v];
            }
            if out.activation == Activation::Relu {
                sum = Activation::Relu.eval(sum);
            }
            sum.store(c);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn store_any_avx512<V: Lanes>(
    sums: &Sums<V::Scalar>,
    rows: usize,
    vectors: usize,
    out: &Out<'_, V::Scalar>,
) {
    // SAFETY: the contract of `tile`, which alone calls this for the set of `V`.
    unsafe { store_any::<V>(sums, rows, vectors, out) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn store_any_avx2<V: Lanes>(
    sums: &Sums<V::Scalar>,
    rows: usize,
    vectors: usize,
    out: &Out<'_, V::Scalar>,
) {
    // SAFETY: the contract of `tile`, which alone calls this for the set of `V`.
    unsafe { store_any::<V>(sums, rows, vectors, out) }
}

/// Room for the largest tile.
type Sums<T> = [T; MAX_ROWS * 2 * MAX_LANES];

/// Stores sums with any epilogue to any place.
///
/// # Safety
///
/// `out` must be writable for `rows` rows and its width.
#[inline(always)]
unsafe fn store_any<V: Lanes>(
    sums: &Sums<V::Scalar>,
    rows: usize,
    vectors: usize,
    out: &Out<'_, V::Scalar>,
) {
    for row in 0..rows {
        for v in 0..vectors {
            let first = v * V::LANES;
            let n = V::LANES.min(out.width.saturating_sub(first));
            if n == 0 {
                break;
            }
            let c = out.c.wrapping_add(row * out.row + first * out.column);
            let mut sum = V::load(&sums[(row * vectors + v) * V::LANES..]);
            let mut buffer = [V::Scalar::ZERO; MAX_LANES];
            if out.accumulate {
                for (i, old) in buffer[..n].iter_mut().enumerate() {
                    // SAFETY: column `first + i` is below the width, up to which `out` is writable.
                    *old = unsafe { *c.add(i * out.column) };
                }
                sum = V::load(&buffer) + sum;
            }
            if let Some(bias) = out.bias {
                sum = sum
                    + if out.bias_by_row {
                        V::splat(bias[row])
                    } else {
                        V::load_partial(&bias[first..first + n], V::Scalar::ZERO)
                    };
            }
            out.activation.eval(sum).store(&mut buffer);
            for (i, &sum) in buffer[..n].iter().enumerate() {
                // SAFETY: column `first + i` is below the width, up to which `out` is writable.
                unsafe { *c.add(i * out.column) = sum };
            }
        }
    }
}
