//! The one loop of an operation.
//!
//! Separate output, in place, one number against many: an operand is a place to read from and a
//! step of one vector or none, so each operation has one body per number type and instruction set.
//! The ready operations are compiled in this crate ([`doors`]); one that is written elsewhere is
//! compiled there.

use super::{MapOp, Zip3Op, ZipOp};
use crate::{Kernel, dispatch};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes, MAX_LANES};
use std::marker::PhantomData;

/// Where an operand is read.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'a, T> {
    /// One number per element.
    Each(*const T, PhantomData<&'a [T]>),
    /// One number for all elements.
    Same(T),
}

impl<'a, T: Real> Operand<'a, T> {
    /// The numbers of `x`, which must be as many as the block has.
    pub(crate) fn slice(x: &'a [T]) -> Self {
        Self::Each(x.as_ptr(), PhantomData)
    }

    /// `len` numbers of `x`.
    pub(crate) fn part(x: &'a [T], start: usize, len: usize) -> Self {
        Self::slice(&x[start..][..len])
    }
}

/// Operands and output of one task. Opaque outside this crate.
#[doc(hidden)]
pub struct Block<'a, T, const N: usize> {
    operands: [Operand<'a, T>; N],
    out: *mut T,
    len: usize,
    _out: PhantomData<&'a mut [T]>,
}

impl<'a, T: Real, const N: usize> Block<'a, T, N> {
    /// Operands of the length of `out`.
    #[inline(always)]
    pub(crate) fn new(operands: [Operand<'a, T>; N], out: &'a mut [T]) -> Self {
        Self { operands, out: out.as_mut_ptr(), len: out.len(), _out: PhantomData }
    }

    /// `x` is the first operand and the output; the others are as long.
    #[inline(always)]
    pub(crate) fn in_place<const M: usize>(others: [Operand<'a, T>; M], x: &'a mut [T]) -> Self {
        const { assert!(M + 1 == N) };
        let out = x.as_mut_ptr();
        let mut operands = [Operand::Each(out.cast_const(), PhantomData); N];
        operands[1..].copy_from_slice(&others);
        Self { operands, out, len: x.len(), _out: PhantomData }
    }
}

/// Runs `f` over the vectors of a block.
struct Loop<'a, T, const N: usize, F> {
    block: Block<'a, T, N>,
    op: F,
}

/// A function of `N` vectors.
trait Eval<const N: usize>: Copy {
    fn eval<V: Lanes>(self, x: [V; N]) -> V;
}

#[derive(Clone, Copy)]
struct One<F>(F);
#[derive(Clone, Copy)]
struct Two<F>(F);
#[derive(Clone, Copy)]
struct Three<F>(F);

impl<F: MapOp> Eval<1> for One<F> {
    #[inline(always)]
    fn eval<V: Lanes>(self, [x]: [V; 1]) -> V {
        self.0.eval(x)
    }
}

impl<F: ZipOp> Eval<2> for Two<F> {
    #[inline(always)]
    fn eval<V: Lanes>(self, [a, b]: [V; 2]) -> V {
        self.0.eval(a, b)
    }
}

impl<F: Zip3Op> Eval<3> for Three<F> {
    #[inline(always)]
    fn eval<V: Lanes>(self, [a, b, c]: [V; 3]) -> V {
        self.0.eval(a, b, c)
    }
}

impl<T: Real, const N: usize, F: Eval<N>> Kernel for Loop<'_, T, N, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let lanes = T::Lanes::<I>::LANES;
        let Block { operands, out, len, .. } = self.block;
        // A number for all elements becomes a vector of it, read again and again.
        let mut same = [[T::ZERO; MAX_LANES]; N];
        let mut from = [std::ptr::null::<T>(); N];
        let mut step = [0; N];
        for i in 0..N {
            match operands[i] {
                Operand::Each(first, _) => (from[i], step[i]) = (first, 1),
                Operand::Same(x) => {
                    same[i] = [x; MAX_LANES];
                    from[i] = same[i].as_ptr();
                }
            }
        }
        let mut at = 0;
        while at + lanes <= len {
            let mut x = [T::Lanes::<I>::splat(T::ZERO); N];
            for i in 0..N {
                // SAFETY: an operand has `len` items behind it, or a whole vector and no step.
                let part = unsafe { std::slice::from_raw_parts(from[i].add(at * step[i]), lanes) };
                x[i] = T::Lanes::<I>::load(part);
            }
            // SAFETY: `out` has `len` items; the operands of this vector have been read.
            let part = unsafe { std::slice::from_raw_parts_mut(out.add(at), lanes) };
            self.op.eval(x).store(part);
            at += lanes;
        }
        if at < len {
            let rest = len - at;
            let mut x = [T::Lanes::<I>::splat(T::ZERO); N];
            for i in 0..N {
                // SAFETY: an operand has `len` items behind it, or a vector, longer than `rest`.
                let part = unsafe { std::slice::from_raw_parts(from[i].add(at * step[i]), rest) };
                x[i] = T::Lanes::<I>::load_partial(part, T::ZERO);
            }
            // SAFETY: `out` has `len` items; the operands of this vector have been read.
            let part = unsafe { std::slice::from_raw_parts_mut(out.add(at), rest) };
            self.op.eval(x).store_partial(part);
        }
    }
}

#[inline(always)]
pub(crate) fn map<T: Real, F: MapOp>(op: F, block: Block<'_, T, 1>) {
    dispatch(Loop { block, op: One(op) });
}

#[inline(always)]
pub(crate) fn zip<T: Real, F: ZipOp>(op: F, block: Block<'_, T, 2>) {
    dispatch(Loop { block, op: Two(op) });
}

#[inline(always)]
pub(crate) fn zip3<T: Real, F: Zip3Op>(op: F, block: Block<'_, T, 3>) {
    dispatch(Loop { block, op: Three(op) });
}

/// The loop for each number type: in a trait the default, compiled where an operation is written;
/// in the `impl` of a ready operation, with `#[inline(never)]`, compiled here, once.
macro_rules! doors {
    (map $(#[$attribute:meta])*) => {
        $crate::elementwise::block::doors!(@ map 1 $(#[$attribute])*);
    };
    (zip $(#[$attribute:meta])*) => {
        $crate::elementwise::block::doors!(@ zip 2 $(#[$attribute])*);
    };
    (zip3 $(#[$attribute:meta])*) => {
        $crate::elementwise::block::doors!(@ zip3 3 $(#[$attribute])*);
    };
    (@ $kind:ident $n:literal $(#[$attribute:meta])*) => {
        #[doc(hidden)]
        $(#[$attribute])*
        fn run_f32(self, block: $crate::elementwise::block::Block<'_, f32, $n>) {
            $crate::elementwise::block::$kind(self, block);
        }
        #[doc(hidden)]
        $(#[$attribute])*
        fn run_f64(self, block: $crate::elementwise::block::Block<'_, f64, $n>) {
            $crate::elementwise::block::$kind(self, block);
        }
    };
}
pub(crate) use doors;
