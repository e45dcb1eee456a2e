//! Several arrays changed at once, as optimizers do.

use super::{BLOCK, work};
use crate::mono::once;
use crate::parallel::Shared;
use crate::{Kernel, dispatch, math, parallel};
use purlin_core::Real;
use purlin_core::simd::{Isa, Lanes};

/// New values of `S` arrays from their old ones and `G` read-only arrays.
///
/// `eval` must be `#[inline(always)]`.
pub trait UpdateOp<const S: usize, const G: usize>: Copy + Sync {
    /// Rough cost of one element, in additions.
    const COST: usize = 8;
    /// The new state, lane by lane.
    fn eval<V: Lanes>(self, state: [V; S], input: [V; G]) -> [V; S];
}

/// Applies an [`UpdateOp`] to every element.
///
/// # Panics
///
/// When the lengths differ.
///
/// # Examples
///
/// ```
/// use purlin_backend::elementwise::{UpdateOp, update};
/// use purlin_core::simd::Lanes;
///
/// /// `v = momentum v + grad; x = x - lr v`
/// #[derive(Clone, Copy)]
/// struct Momentum { lr: f64, momentum: f64 }
/// impl UpdateOp<2, 1> for Momentum {
///     #[inline(always)]
///     fn eval<V: Lanes>(self, [x, v]: [V; 2], [grad]: [V; 1]) -> [V; 2] {
///         let v = v.mul_add(V::splat_f64(self.momentum), grad);
///         [v.mul_add(V::splat_f64(-self.lr), x), v]
///     }
/// }
///
/// let (mut x, mut v) = ([1.0f64, 2.0], [0.0, 4.0]);
/// update(Momentum { lr: 0.5, momentum: 0.25 }, [&mut x, &mut v], [&[2.0, 1.0]]);
/// assert_eq!((x, v), ([0.0, 1.0], [2.0, 2.0]));
/// ```
#[track_caller]
pub fn update<T: Real, F: UpdateOp<S, G>, const S: usize, const G: usize>(
    op: F,
    state: [&mut [T]; S],
    input: [&[T]; G],
) {
    let n = state.first().map_or(0, |s| s.len());
    assert!(state.iter().all(|s| s.len() == n), "update: state arrays must have one length");
    assert!(input.iter().all(|g| g.len() == n), "update: inputs must be as long as the state");
    if n <= BLOCK {
        return dispatch(Update { op, state, input });
    }
    let first = state.map(|s| Shared(s.as_mut_ptr()));
    let work = work::<T>(n, 2 * S + G, F::COST);
    parallel::for_each(n.div_ceil(BLOCK), work, |i| {
        let part = i * BLOCK..n.min((i + 1) * BLOCK);
        // SAFETY: tasks have disjoint parts of the arrays, which are `n` long and borrowed until all
        // are done.
        let state = first
            .map(|s| unsafe { std::slice::from_raw_parts_mut(s.at(part.start).0, part.len()) });
        dispatch(Update { op, state, input: input.map(|g| &g[part.clone()]) });
    });
}

/// [`update`] on one thread, as a part of a kernel.
pub(crate) struct Update<'a, T, F, const S: usize, const G: usize> {
    pub(crate) op: F,
    pub(crate) state: [&'a mut [T]; S],
    pub(crate) input: [&'a [T]; G],
}

impl<T: Real, F: UpdateOp<S, G>, const S: usize, const G: usize> Kernel for Update<'_, T, F, S, G> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let lanes = T::Lanes::<I>::LANES;
        let Self { op, mut state, input } = self;
        let n = state.first().map_or(0, |s| s.len());
        let mut i = 0;
        while i + lanes <= n {
            let mut s = [T::Lanes::<I>::splat(T::ZERO); S];
            let mut g = [T::Lanes::<I>::splat(T::ZERO); G];
            for (v, array) in s.iter_mut().zip(&state) {
                *v = T::Lanes::<I>::load(&array[i..]);
            }
            for (v, array) in g.iter_mut().zip(&input) {
                *v = T::Lanes::<I>::load(&array[i..]);
            }
            for (v, array) in op.eval(s, g).into_iter().zip(&mut state) {
                v.store(&mut array[i..]);
            }
            i += lanes;
        }
        if i < n {
            let mut s = [T::Lanes::<I>::splat(T::ZERO); S];
            let mut g = [T::Lanes::<I>::splat(T::ZERO); G];
            for (v, array) in s.iter_mut().zip(&state) {
                *v = T::Lanes::<I>::load_partial(&array[i..], T::ZERO);
            }
            for (v, array) in g.iter_mut().zip(&input) {
                *v = T::Lanes::<I>::load_partial(&array[i..], T::ZERO);
            }
            for (v, array) in op.eval(s, g).into_iter().zip(&mut state) {
                v.store_partial(&mut array[i..]);
            }
        }
    }
}

/// `y = gelu(x)` and its derivative in one pass, with the bits of either alone.
///
/// # Panics
///
/// When the lengths differ.
///
/// # Examples
///
/// ```
/// let (mut y, mut slope) = ([f32::NAN; 2], [f32::NAN; 2]);
/// purlin_backend::elementwise::gelu_with_grad(&[0.0, 100.0], &mut y, &mut slope);
/// assert_eq!((y, slope), ([0.0, 100.0], [0.5, 1.0]));
/// ```
#[track_caller]
pub fn gelu_with_grad<T: Real>(x: &[T], y: &mut [T], slope: &mut [T]) {
    once!(|x: &[T], y: &mut [T], slope: &mut [T]| {
        update(GeluWithGrad, [y, slope], [x]);
    });
}

#[derive(Clone, Copy)]
struct GeluWithGrad;

impl UpdateOp<2, 1> for GeluWithGrad {
    const COST: usize = 56;
    #[inline(always)]
    fn eval<V: Lanes>(self, _: [V; 2], [x]: [V; 1]) -> [V; 2] {
        let (y, slope) = math::gelu_with_grad(x);
        [y, slope]
    }
}
