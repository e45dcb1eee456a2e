//! Moving elements: transpose, permute, slices along an axis, gather and scatter of rows.
//!
//! Arrays are row-major. Around an axis an array is `(outer, size, inner)`: element `(o, i, j)`
//! lies at `(o * size + i) * inner + j` (see [`Shape::around`]).

use crate::mono::once;
use crate::{Kernel, dispatch, parallel};
use purlin_core::simd::{Isa, Lanes};
use purlin_core::{Real, Shape};

/// What a copy needs of its elements.
pub trait Item: Copy + Send + Sync {}
impl<T: Copy + Send + Sync> Item for T {}

/// Side of the square that is transposed at once: 16 cache lines of `f32` on each side.
const TILE: usize = 16;

/// `out[c, r] = x[r, c]` for `x` with shape `(rows, cols)`.
///
/// # Panics
///
/// When a length is not `rows * cols`.
///
/// # Examples
///
/// ```
/// let mut out = [0; 6];
/// purlin_backend::layout::transpose(&[1, 2, 3, 4, 5, 6], 2, 3, &mut out);
/// assert_eq!(out, [1, 4, 2, 5, 3, 6]);
/// ```
#[track_caller]
pub fn transpose<T: Item>(x: &[T], rows: usize, cols: usize, out: &mut [T]) {
    assert_eq!(x.len(), rows * cols, "transpose: x must have rows * cols elements");
    assert_eq!(out.len(), x.len(), "transpose: out must be as long as x");
    if rows <= 1 || cols <= 1 {
        out.copy_from_slice(x);
        return;
    }
    // A strip of output rows (input columns) per task.
    parallel::for_each_chunk(out, TILE * rows, 2 * size_of_val(x), |strip, out| {
        let first = strip * TILE;
        for r0 in (0..rows).step_by(TILE) {
            let r1 = (r0 + TILE).min(rows);
            for (c, out) in out.chunks_exact_mut(rows).enumerate() {
                for (r, out) in (r0..r1).zip(&mut out[r0..r1]) {
                    *out = x[r * cols + first + c];
                }
            }
        }
    });
}

/// Reorders axes: axis `i` of the output is axis `axes[i]` of `x`.
///
/// # Panics
///
/// When `axes` is not a permutation of the axes of `shape`, or a length differs from it.
///
/// # Examples
///
/// ```
/// use purlin_core::Shape;
///
/// let mut out = [0; 6];
/// purlin_backend::layout::permute(&[1, 2, 3, 4, 5, 6], &Shape::from([1, 2, 3]), &[2, 0, 1], &mut out);
/// assert_eq!(out, [1, 4, 2, 5, 3, 6]);
/// ```
#[track_caller]
pub fn permute<T: Item>(x: &[T], shape: &Shape, axes: &[usize], out: &mut [T]) {
    assert_eq!(x.len(), shape.numel(), "permute: x must have shape {shape}");
    assert_eq!(out.len(), x.len(), "permute: out must be as long as x");
    let is_permutation = axes.len() == shape.rank()
        && (0..shape.rank()).all(|axis| axes.iter().filter(|&&a| a == axis).count() == 1);
    assert!(
        is_permutation,
        "permute: axes must be a permutation of 0..{}, got {axes:?}",
        shape.rank()
    );
    if x.is_empty() {
        return;
    }
    // Axes that stay neighbours are one axis.
    let strides = shape.strides();
    let (mut rank, mut size, mut step) = (0, [1; 8], [1; 8]);
    for &axis in axes {
        let (n, stride) = (shape[axis], strides[axis]);
        if n == 1 {
            continue;
        }
        if rank > 0 && step[rank - 1] == stride * n {
            size[rank - 1] *= n;
            step[rank - 1] = stride;
        } else {
            (size[rank], step[rank]) = (n, stride);
            rank += 1;
        }
    }
    if rank <= 1 {
        out.copy_from_slice(x);
        return;
    }
    let (size, step) = (&size[..rank], &step[..rank]);
    let offset = |mut index: usize, upto: usize| {
        let mut at = 0;
        for axis in (0..upto).rev() {
            at += index % size[axis] * step[axis];
            index /= size[axis];
        }
        at
    };
    let (inner, inner_step) = (size[rank - 1], step[rank - 1]);
    let work = 2 * size_of_val(x);
    if inner_step == 1 {
        // Whole runs move.
        let per_block = (4096 / inner).max(1);
        parallel::for_each_chunk(out, per_block * inner, work, |block, out| {
            for (r, out) in out.chunks_exact_mut(inner).enumerate() {
                let at = offset(block * per_block + r, rank - 1);
                out.copy_from_slice(&x[at..at + inner]);
            }
        });
        return;
    }
    // A transpose of each plane spanned by the output's last axis and the input's.
    let fast = step.iter().position(|&s| s == 1).unwrap_or(rank - 1);
    if fast == rank - 2 {
        // The plane is contiguous in the output: strips of TILE rows.
        let rows = size[rank - 2];
        let plane = rows * inner;
        let strips = rows.div_ceil(TILE);
        let n_planes = x.len() / plane;
        let mut pieces: Vec<&mut [T]> = Vec::with_capacity(n_planes * strips);
        for plane in out.chunks_exact_mut(plane) {
            pieces.extend(plane.chunks_mut(TILE * inner));
        }
        parallel::for_each_chunk(&mut pieces, 1, work, |piece, out| {
            let (plane, strip) = (piece / strips, piece % strips);
            let at = offset(plane, rank - 2) + strip * TILE;
            for out in out {
                for i0 in (0..inner).step_by(TILE) {
                    let i1 = (i0 + TILE).min(inner);
                    for (r, out) in out.chunks_exact_mut(inner).enumerate() {
                        for (i, out) in (i0..i1).zip(&mut out[i0..i1]) {
                            *out = x[at + r + i * inner_step];
                        }
                    }
                }
            }
        });
    } else {
        let per_block = (4096 / inner).max(1);
        parallel::for_each_chunk(out, per_block * inner, work, |block, out| {
            for (r, out) in out.chunks_exact_mut(inner).enumerate() {
                let at = offset(block * per_block + r, rank - 1);
                for (i, out) in out.iter_mut().enumerate() {
                    *out = x[at + i * inner_step];
                }
            }
        });
    }
}

/// Copies `out_size` entries of the axis from `start` on: `out` is `(outer, out_size, inner)`.
///
/// # Panics
///
/// When the range leaves the axis or a length differs from its shape.
///
/// # Examples
///
/// ```
/// let mut out = [0; 2];
/// purlin_backend::layout::slice_axis(&[1, 2, 3, 4, 5, 6], 2, 3, 1, 1, 1, &mut out);
/// assert_eq!(out, [2, 5]); // column 1 of 2 x 3
/// ```
#[track_caller]
pub fn slice_axis<T: Item>(
    x: &[T],
    outer: usize,
    size: usize,
    inner: usize,
    start: usize,
    out_size: usize,
    out: &mut [T],
) {
    assert!(start + out_size <= size, "slice_axis: range must be within {size}");
    assert_eq!(x.len(), outer * size * inner, "slice_axis: x must be (outer, size, inner)");
    assert_eq!(
        out.len(),
        outer * out_size * inner,
        "slice_axis: out must be (outer, out_size, inner)"
    );
    if out.is_empty() {
        return;
    }
    copy_runs(&x[start * inner..], size * inner, out, out_size * inner, out_size * inner);
}

/// Writes `part`, `(outer, part_size, inner)`, over the entries `start..start + part_size` of the
/// axis of `out`, `(outer, size, inner)`: the inverse of [`slice_axis`], and what concatenation does.
///
/// # Panics
///
/// When the range leaves the axis or a length differs from its shape.
#[track_caller]
pub fn write_axis<T: Item>(
    part: &[T],
    outer: usize,
    part_size: usize,
    inner: usize,
    out: &mut [T],
    size: usize,
    start: usize,
) {
    assert!(start + part_size <= size, "write_axis: range must be within {size}");
    assert_eq!(
        part.len(),
        outer * part_size * inner,
        "write_axis: part must be (outer, part_size, inner)"
    );
    assert_eq!(out.len(), outer * size * inner, "write_axis: out must be (outer, size, inner)");
    if part.is_empty() {
        return;
    }
    copy_runs(part, part_size * inner, &mut out[start * inner..], size * inner, part_size * inner);
}

/// Copies `run` items from every `x_step` of `x` to every `out_step` of `out`.
fn copy_runs<T: Item>(x: &[T], x_step: usize, out: &mut [T], out_step: usize, run: usize) {
    let per_block = (16_384 / out_step).max(1);
    let work = 2 * size_of_val(out) / out_step.max(1) * run;
    parallel::for_each_chunk(out, per_block * out_step, work, |block, out| {
        let x = &x[block * per_block * x_step..];
        for (x, out) in x.chunks(x_step).zip(out.chunks_mut(out_step)) {
            if out.len() >= run {
                out[..run].copy_from_slice(&x[..run]);
            }
        }
    });
}

/// `out[o, i, ..] = x[o, indices[i], ..]`: `x` is `(outer, size, inner)`, `out` is
/// `(outer, indices.len(), inner)`.
///
/// # Panics
///
/// When an index is outside the axis or a length differs from its shape.
#[track_caller]
pub fn gather_axis<T: Item>(
    x: &[T],
    outer: usize,
    size: usize,
    inner: usize,
    indices: &[usize],
    out: &mut [T],
) {
    assert_eq!(x.len(), outer * size * inner, "gather_axis: x must be (outer, size, inner)");
    let expected = outer * indices.len() * inner;
    assert_eq!(out.len(), expected, "gather_axis: out must be (outer, indices, inner)");
    check_indices("gather_axis", indices, size);
    if out.is_empty() {
        return;
    }
    let per_block = (4096 / inner).max(1);
    parallel::for_each_chunk(
        out,
        per_block * inner,
        2 * expected * size_of::<T>(),
        |block, out| {
            for (r, out) in out.chunks_exact_mut(inner).enumerate() {
                let row = block * per_block + r;
                let (o, i) = (row / indices.len(), row % indices.len());
                let at = (o * size + indices[i]) * inner;
                out.copy_from_slice(&x[at..at + inner]);
            }
        },
    );
}

/// `out[i, ..] = x[indices[i], ..]` for rows of `cols` elements.
///
/// # Panics
///
/// When an index is outside `0..rows` or a length differs from its shape.
///
/// # Examples
///
/// ```
/// let mut out = [0; 4];
/// purlin_backend::layout::gather_rows(&[1, 2, 3, 4, 5, 6], 3, 2, &[2, 0], &mut out);
/// assert_eq!(out, [5, 6, 1, 2]);
/// ```
#[track_caller]
pub fn gather_rows<T: Item>(x: &[T], rows: usize, cols: usize, indices: &[usize], out: &mut [T]) {
    gather_axis(x, 1, rows, cols, indices, out);
}

/// `out[o, indices[i], ..] += x[o, i, ..]`, the gradient of [`gather_axis`]: an index that occurs
/// several times collects its rows in the order of `indices`.
///
/// # Panics
///
/// When an index is outside the axis or a length differs from its shape.
#[track_caller]
pub fn scatter_add_axis<T: Real>(
    x: &[T],
    outer: usize,
    indices: &[usize],
    inner: usize,
    out: &mut [T],
    size: usize,
) {
    once!(|x: &[T], outer: usize, indices: &[usize], inner: usize, out: &mut [T], size: usize| {
        let expected = outer * indices.len() * inner;
        assert_eq!(x.len(), expected, "scatter_add_axis: x must be (outer, indices, inner)");
        assert_eq!(
            out.len(),
            outer * size * inner,
            "scatter_add_axis: out must be (outer, size, inner)"
        );
        check_indices("scatter_add_axis", indices, size);
        if x.is_empty() {
            return;
        }
        // A block owns some rows of the output and picks what is theirs, so no two threads meet in
        // a row, and each row collects in the order of the indices. Picking costs a comparison.
        let rows = (size / 8).max(BLOCK / inner).max(1).min(size);
        let per_sample = size.div_ceil(rows);
        let work = 3 * size_of_val(x);
        let pick = |block: usize, out: &mut [T]| {
            let (o, first) = (block / per_sample, block % per_sample * rows);
            let x = &x[o * indices.len() * inner..][..indices.len() * inner];
            dispatch(ScatterAdd { x, indices, inner, first, out });
        };
        if per_sample == 1 {
            parallel::for_each_chunk(out, size * inner, work, pick);
        } else {
            for (o, out) in out.chunks_exact_mut(size * inner).enumerate() {
                parallel::for_each_chunk(out, rows * inner, work / outer, |block, out| {
                    pick(o * per_sample + block, out);
                });
            }
        }
    });
}

/// `out[indices[i], ..] += x[i, ..]` for rows of `cols` elements; see [`scatter_add_axis`].
///
/// # Panics
///
/// When an index is outside `0..rows` or a length differs from its shape.
///
/// # Examples
///
/// ```
/// let mut out = [0.0f32; 4];
/// purlin_backend::layout::scatter_add_rows(&[1.0, 2.0, 4.0], 1, &[3, 0, 3], &mut out, 4);
/// assert_eq!(out, [2.0, 0.0, 0.0, 5.0]);
/// ```
#[track_caller]
pub fn scatter_add_rows<T: Real>(
    x: &[T],
    cols: usize,
    indices: &[usize],
    out: &mut [T],
    rows: usize,
) {
    once!(|x: &[T], cols: usize, indices: &[usize], out: &mut [T], rows: usize| {
        scatter_add_axis(x, 1, indices, cols, out, rows);
    });
}

#[track_caller]
fn check_indices(op: &str, indices: &[usize], size: usize) {
    if let Some(index) = indices.iter().find(|&&i| i >= size) {
        panic!("{op}: indices must be below {size}, got {index}");
    }
}

/// Elements of the output below which scattering is not cut.
const BLOCK: usize = 4096;

struct ScatterAdd<'a, T> {
    x: &'a [T],
    indices: &'a [usize],
    inner: usize,
    /// The row with which `out` begins.
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Kernel for ScatterAdd<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, indices, inner, first, out } = self;
        let n = T::Lanes::<I>::LANES;
        for (x, &index) in x.chunks_exact(inner).zip(indices) {
            let Some(row) = index.checked_sub(first) else { continue };
            let Some(row) = out.get_mut(row * inner..(row + 1) * inner) else { continue };
            for j in (0..inner).step_by(n) {
                let sum = T::Lanes::<I>::load_partial(&row[j..], T::ZERO)
                    + T::Lanes::<I>::load_partial(&x[j..], T::ZERO);
                sum.store_partial(&mut row[j..]);
            }
        }
    }
}
