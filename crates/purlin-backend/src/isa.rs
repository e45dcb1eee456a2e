//! Which instruction set runs.

use crate::simd;
use purlin_core::simd::Isa;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum IsaKind {
    /// Plain Rust, `mul_add` from the standard library: slow, and the reference.
    Scalar = 1,
    /// x86-64 with AVX2 and FMA.
    Avx2 = 2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512 = 3,
    /// AArch64.
    Neon = 4,
}

impl IsaKind {
    /// Every kind, whether this machine has it or not.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Avx2, Self::Avx512, Self::Neon];

    /// The name that `PURLIN_ISA` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[allow(unreachable_patterns, reason = "which kinds are left depends on the target")]
            _ => false,
        }
    }

    /// The kinds that this machine can run; tests walk over them.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_available())
    }

    fn best() -> Self {
        Self::available().last().unwrap_or(Self::Scalar)
    }
}

/// 0: not asked yet.
static CHOSEN: AtomicU8 = AtomicU8::new(0);
static PIN: Mutex<()> = Mutex::new(());

/// The instruction set in use: the best this machine has, or the one `PURLIN_ISA` names.
///
/// # Panics
///
/// On the first call, when `PURLIN_ISA` names an unknown set or one that this machine lacks.
#[inline]
pub fn current() -> IsaKind {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => IsaKind::Scalar,
        2 => IsaKind::Avx2,
        3 => IsaKind::Avx512,
        4 => IsaKind::Neon,
        _ => choose(),
    }
}

#[cold]
fn choose() -> IsaKind {
    let kind = match std::env::var("PURLIN_ISA") {
        Err(_) => IsaKind::best(),
        Ok(name) => match IsaKind::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) if kind.is_available() => kind,
            Some(_) => panic!("PURLIN_ISA: this machine has no {name}"),
            None => panic!("PURLIN_ISA: must be scalar, avx2, avx512 or neon, got {name}"),
        },
    };
    CHOSEN.store(kind as u8, Ordering::Relaxed);
    kind
}

/// Runs every kernel of the process on `kind` until the guard is dropped.
///
/// For tests that compare bits between instruction sets. A second pin waits for the first.
///
/// # Panics
///
/// When this machine lacks `kind`.
///
/// # Examples
///
/// ```
/// use purlin_backend::isa::{self, IsaKind};
///
/// let pin = isa::pin(IsaKind::Scalar);
/// assert_eq!(isa::current(), IsaKind::Scalar);
/// drop(pin);
/// ```
#[must_use = "the pin ends when the guard is dropped"]
pub fn pin(kind: IsaKind) -> Pin {
    assert!(kind.is_available(), "isa: this machine has no {}", kind.name());
    let guard = PIN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = current();
    CHOSEN.store(kind as u8, Ordering::Relaxed);
    Pin { before, _guard: guard }
}

/// Keeps an instruction set pinned; see [`pin`].
#[derive(Debug)]
pub struct Pin {
    before: IsaKind,
    _guard: MutexGuard<'static, ()>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        CHOSEN.store(self.before as u8, Ordering::Relaxed);
    }
}

/// A computation with one generic body, run by [`dispatch`].
///
/// `run` must be `#[inline(always)]`, as must every helper that it calls with vectors, so that
/// the body is compiled inside a function that has the instruction set switched on. Threads are
/// started outside and each dispatches its own block: a closure handed to another thread would
/// leave that function.
pub trait Kernel {
    /// What the kernel returns.
    type Output;
    /// The body.
    fn run<I: Isa>(self) -> Self::Output;
}

/// Runs a kernel on the [`current`] instruction set.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match current() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `current` returns only kinds that this machine has.
        IsaKind::Avx512 => unsafe { run_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `current` returns only kinds that this machine has.
        IsaKind::Avx2 => unsafe { run_avx2(kernel) },
        // NEON is part of the base: no wrapper that switches it on.
        #[cfg(target_arch = "aarch64")]
        IsaKind::Neon => kernel.run::<simd::neon::Neon>(),
        _ => kernel.run::<simd::scalar::Scalar>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<simd::avx512::Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<simd::avx2::Avx2>()
}

/// Asks for the cache line of `place`, which need not exist, before it is read.
#[inline(always)]
pub(crate) fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of the base of x86-64, and a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
