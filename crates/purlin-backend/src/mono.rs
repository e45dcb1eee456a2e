//! Code that is compiled once, in this crate.
//!
//! A generic function is compiled anew in every crate that calls it, and a kernel is one body per
//! instruction set: a program would spend a minute on what this crate has compiled already. `Real`
//! is `f32` or `f64` and nothing else, so the doors of this crate lead to one of two functions that
//! are not generic.

use purlin_core::Real;
use std::mem::ManuallyDrop;

/// Whether `T` is `f32`; else it is `f64`.
#[inline(always)]
pub(crate) fn is_single<T: Real>() -> bool {
    size_of::<T>() == 4
}

/// `value` under the other name of its type.
///
/// # Safety
///
/// `A` and `B` are the same type, which the compiler cannot see: one is written with a `T: Real`
/// that [`is_single`] has told to be `f32` or `f64`.
#[inline(always)]
pub(crate) unsafe fn same<A, B>(value: A) -> B {
    debug_assert_eq!(size_of::<A>(), size_of::<B>());
    let value = ManuallyDrop::new(value);
    // SAFETY: the caller promises that the types are the same; the original is not dropped.
    unsafe { std::mem::transmute_copy(&value) }
}

/// The body of a generic function over `T: Real`, compiled here for `f32` and for `f64`.
///
/// The arguments stand as in the function's head; inside, `T` is the concrete type.
macro_rules! once {
    (|$($arg:ident: $ty:ty),* $(,)?| $body:block) => {
        $crate::mono::once!(@ std::convert::identity, |$($arg: $ty),*| -> () $body)
    };
    (|$($arg:ident: $ty:ty),* $(,)?| -> $ret:ty $body:block) => {
        $crate::mono::once!(@ $crate::mono::same, |$($arg: $ty),*| -> $ret $body)
    };
    (@ $finish:path, |$($arg:ident: $ty:ty),*| -> $ret:ty $body:block) => {{
        let is_single = $crate::mono::is_single::<T>();
        macro_rules! door {
            ($real:ident) => {{
                #[allow(dead_code, reason = "a body may not name its number type")]
                type T = $real;
                #[inline(never)]
                #[track_caller]
                #[allow(clippy::too_many_arguments, reason = "the function around it has as many")]
                fn door($($arg: $ty),*) -> $ret $body
                // SAFETY: `T` is `$real`, as `is_single` has just told.
                unsafe { $finish(door($($crate::mono::same($arg)),*)) }
            }};
        }
        if is_single { door!(f32) } else { door!(f64) }
    }};
}
pub(crate) use once;
