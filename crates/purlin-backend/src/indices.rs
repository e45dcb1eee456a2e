//! Small integers carried in lanes of floats.

use purlin_core::Real;
use purlin_core::simd::{Lanes, MAX_LANES};

/// Integers below it are exact in lanes of `T` and survive [`store_indices`].
pub(crate) const fn limit<T: Real>() -> usize {
    if size_of::<T>() == 4 { 1 << 22 } else { 1 << 32 }
}

/// Writes `first + index` for each of the first `out.len()` lanes. Adding 2^mantissa_bits leaves
/// the integer in the low bits of the float.
#[inline(always)]
pub(crate) fn store_indices<V: Lanes>(index: V, first: u32, out: &mut [u32]) {
    let (magic, mask) = if size_of::<V::Scalar>() == 4 {
        ((1u64 << 23) as f64, (1 << 23) - 1)
    } else {
        ((1u64 << 52) as f64, u32::MAX)
    };
    let mut buffer = [V::Scalar::ZERO; MAX_LANES];
    (index + V::splat_f64(magic)).store(&mut buffer);
    for (out, bits) in out.iter_mut().zip(buffer) {
        *out = first + (bits.to_bits() as u32 & mask);
    }
}

/// 1 in the lanes of a mask, 0 in the others.
#[inline(always)]
pub(crate) fn flags<V: Lanes>(mask: V::Mask) -> [V::Scalar; MAX_LANES] {
    let mut flags = [V::Scalar::ZERO; MAX_LANES];
    V::select(mask, V::splat_f64(1.0), V::splat_f64(0.0)).store(&mut flags);
    flags
}
