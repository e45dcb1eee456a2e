//! Two operands of different shapes.

use super::block::{Block, Operand};
use super::{BLOCK, ZipOp, run_zip, work};
use crate::parallel;
use purlin_core::{Real, Shape};

/// A run of the innermost axis is at least this long before it is handled as a run of its own.
const LONG_RUN: usize = 64;

/// Elements that are gathered at once where runs are short.
const GATHER: usize = 1024;

/// `out = op(a, b)` with NumPy's broadcasting: axes are aligned at the end, a size of 1 stretches.
///
/// # Panics
///
/// When a length differs from its shape, or a shape does not broadcast to `out_shape`.
///
/// # Examples
///
/// ```
/// use purlin_backend::elementwise::{ops, zip_broadcast};
/// use purlin_core::Shape;
///
/// let (x, bias) = ([1.0f32, 2.0, 3.0, 4.0], [10.0f32, 20.0]);
/// let (shape, bias_shape) = (Shape::from([2, 2]), Shape::from([2]));
/// let mut y = [0.0; 4];
/// zip_broadcast(ops::Add, &x, &shape, &bias, &bias_shape, &mut y, &shape);
/// assert_eq!(y, [11.0, 22.0, 13.0, 24.0]);
/// ```
#[track_caller]
pub fn zip_broadcast<T: Real, F: ZipOp>(
    op: F,
    a: &[T],
    a_shape: &Shape,
    b: &[T],
    b_shape: &Shape,
    out: &mut [T],
    out_shape: &Shape,
) {
    assert_eq!(a.len(), a_shape.numel(), "zip_broadcast: a must have shape {a_shape}");
    assert_eq!(b.len(), b_shape.numel(), "zip_broadcast: b must have shape {b_shape}");
    assert_eq!(out.len(), out_shape.numel(), "zip_broadcast: out must have shape {out_shape}");
    if a_shape == out_shape && b_shape == out_shape {
        super::zip(op, a, b, out);
        return;
    }
    let axes = Axes::new(a_shape, b_shape, out_shape);
    if out.is_empty() {
        return;
    }
    let total = work::<T>(out.len(), 3, F::COST);
    let (run, steps) = (axes.size[axes.rank - 1], axes.step[axes.rank - 1]);
    if run > BLOCK {
        // Few long runs: each is cut.
        for (r, out) in out.chunks_mut(run).enumerate() {
            let [i, j] = axes.offsets(r * run);
            parallel::for_each_chunk(out, BLOCK, total / axes.n_runs, |k, out| {
                let at = [i + k * BLOCK * steps[0], j + k * BLOCK * steps[1]];
                axes.run(op, a, b, out, at);
            });
        }
    } else if run >= LONG_RUN {
        let block = BLOCK / run * run;
        parallel::for_each_chunk(out, block, total, |k, out| {
            for (r, out) in out.chunks_mut(run).enumerate() {
                axes.run(op, a, b, out, axes.offsets(k * block + r * run));
            }
        });
    } else if let Some((pattern, is_b)) = axes.repeated(a, b) {
        // One operand is full, the other repeats along the front: a bias.
        let full = if is_b { a } else { b };
        let copies = (GATHER / pattern.len()).max(1);
        let mut tiled = [T::ZERO; GATHER];
        let period = pattern.len() * copies;
        for tile in tiled[..period].chunks_exact_mut(pattern.len()) {
            tile.copy_from_slice(pattern);
        }
        let tiled = &tiled[..period];
        let block = BLOCK / period * period;
        parallel::for_each_chunk(out, block, total, |k, out| {
            let full = &full[k * block..][..out.len()];
            for (full, out) in full.chunks(period).zip(out.chunks_mut(period)) {
                let tile = &tiled[..out.len()];
                let (a, b) = if is_b { (full, tile) } else { (tile, full) };
                run_zip(op, Block::new([Operand::slice(a), Operand::slice(b)], out));
            }
        });
    } else {
        parallel::for_each_chunk(out, GATHER, total, |k, out| {
            let (mut left, mut right) = ([T::ZERO; GATHER], [T::ZERO; GATHER]);
            axes.gather(k * GATHER, out.len(), |n, [i, j]| {
                left[n] = a[i];
                right[n] = b[j];
            });
            let (left, right) = (&left[..out.len()], &right[..out.len()]);
            run_zip(op, Block::new([Operand::slice(left), Operand::slice(right)], out));
        });
    }
}

/// The axes of the output with neighbours merged where both operands allow it.
struct Axes {
    rank: usize,
    size: [usize; 8],
    /// How far each operand moves along the axis: 0 where it stretches.
    step: [[usize; 2]; 8],
    n_runs: usize,
}

impl Axes {
    #[track_caller]
    fn new(a: &Shape, b: &Shape, out: &Shape) -> Self {
        let mut axes = Self { rank: 0, size: [1; 8], step: [[0; 2]; 8], n_runs: 1 };
        let steps = |shape: &Shape| {
            let fits = shape.broadcast("zip_broadcast", out).is_ok_and(|s| s == *out);
            assert!(fits, "zip_broadcast: expected a shape that broadcasts to {out}, got {shape}");
            let mut steps = [0; 8];
            let strides = shape.strides();
            let skipped = out.rank() - shape.rank();
            for axis in 0..shape.rank() {
                steps[skipped + axis] = if shape[axis] == 1 { 0 } else { strides[axis] };
            }
            steps
        };
        let (a, b) = (steps(a), steps(b));
        for (axis, &size) in out.iter().enumerate() {
            if size == 1 {
                continue;
            }
            let step = [a[axis], b[axis]];
            let last = axes.rank.wrapping_sub(1);
            if axes.rank > 0 && (0..2).all(|k| axes.step[last][k] == step[k] * size) {
                axes.size[last] *= size;
                axes.step[last] = step;
            } else {
                axes.size[axes.rank] = size;
                axes.step[axes.rank] = step;
                axes.rank += 1;
            }
        }
        if axes.rank == 0 {
            axes.rank = 1;
        }
        axes.n_runs = axes.size[..axes.rank - 1].iter().product();
        axes
    }

    /// Where each operand is read for element `index` of the output.
    #[inline(always)]
    fn offsets(&self, mut index: usize) -> [usize; 2] {
        let mut at = [0; 2];
        for axis in (0..self.rank).rev() {
            let i = index % self.size[axis];
            index /= self.size[axis];
            at[0] += i * self.step[axis][0];
            at[1] += i * self.step[axis][1];
        }
        at
    }

    /// A run, or a part of one, whose operands begin at `i` and `j`.
    fn run<T: Real, F: ZipOp>(&self, op: F, a: &[T], b: &[T], out: &mut [T], [i, j]: [usize; 2]) {
        let [step_a, step_b] = self.step[self.rank - 1];
        let operands = [(a, i, step_a), (b, j, step_b)].map(|(x, at, step)| match step {
            0 => Operand::Same(x[at]),
            _ => Operand::part(x, at, out.len()),
        });
        run_zip(op, Block::new(operands, out));
    }

    /// The repeated operand and whether it is `b`, when the other one is as large as the output
    /// and the pattern covers whole trailing axes.
    fn repeated<'a, T>(&self, a: &'a [T], b: &'a [T]) -> Option<(&'a [T], bool)> {
        if self.rank != 2 || self.size[1] > GATHER {
            return None;
        }
        match self.step {
            [[s, 0], [1, 1], ..] if s == self.size[1] => Some((b, true)),
            [[0, s], [1, 1], ..] if s == self.size[1] => Some((a, false)),
            _ => None,
        }
    }

    /// Calls `f(n, offsets)` for `n` in `0..len`, for the elements from `start` on.
    #[inline]
    fn gather(&self, start: usize, len: usize, mut f: impl FnMut(usize, [usize; 2])) {
        let last = self.rank - 1;
        let (run, [step_a, step_b]) = (self.size[last], self.step[last]);
        let mut n = 0;
        while n < len {
            let inside = (start + n) % run;
            let count = (run - inside).min(len - n);
            let [i, j] = self.offsets(start + n);
            for k in 0..count {
                f(n + k, [i + k * step_a, j + k * step_b]);
            }
            n += count;
        }
    }
}
