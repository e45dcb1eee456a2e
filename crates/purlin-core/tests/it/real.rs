//! The two number types behave as IEEE 754 says, through the trait.

use proptest::prelude::*;
use purlin_core::Real;
use std::cmp::Ordering;

fn constants_of<T: Real>() {
    assert_eq!(T::ZERO + T::ONE, T::ONE);
    assert!(T::NAN.is_nan() && !T::NAN.is_finite());
    assert!(!T::INFINITY.is_finite() && !T::INFINITY.is_nan());
    assert_eq!(-T::INFINITY, T::NEG_INFINITY);
    assert!(T::ONE + T::EPSILON > T::ONE);
    assert_eq!(T::ONE + T::EPSILON * T::from_f64(0.5), T::ONE); // ties to even
    assert_eq!(T::MAX * T::from_f64(2.0), T::INFINITY);
    assert!(T::MIN_POSITIVE * T::from_f64(0.5) > T::ZERO); // subnormal, not flushed
    assert_eq!(T::from_bits(T::from_f64(-1.5).to_bits()), T::from_f64(-1.5));
    assert_eq!(T::default(), T::ZERO);
}

fn operations_of<T: Real>() {
    let x = |v: f64| T::from_f64(v);
    assert_eq!(x(-2.5).abs(), x(2.5));
    assert!((x(2.0).sqrt() * x(2.0).sqrt() - x(2.0)).abs().to_f64() < 1e-6);
    assert_eq!((x(-1.5).floor(), x(1.5).floor()), (x(-2.0), x(1.0)));
    for (v, rounded) in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, -0.0), (-1.5, -2.0)] {
        assert_eq!(x(v).round_ties_even().to_bits(), x(rounded).to_bits(), "{v}");
    }
    assert_eq!(x(3.0).copysign(x(-0.0)), x(-3.0));
    // One rounding: the product alone would lose the last bit.
    let e = T::EPSILON;
    assert_eq!((T::ONE + e).mul_add(T::ONE - e, -T::ONE), -e * e);
    assert_eq!(T::from_usize(7), x(7.0));
}

/// `if a > b { a } else { b }`, which is what vectors do in one instruction.
fn extremes_of<T: Real>() {
    let (one, two) = (T::ONE, T::from_f64(2.0));
    assert_eq!((one.max(two), one.min(two)), (two, one));
    assert_eq!((T::NAN.max(one), T::NAN.min(one)), (one, one));
    assert!(one.max(T::NAN).is_nan() && one.min(T::NAN).is_nan());
    assert_eq!(T::ZERO.max(-T::ZERO).to_bits(), (-T::ZERO).to_bits()); // equal: the other one
    assert_eq!((-T::ZERO).total_cmp(&T::ZERO), Ordering::Less);
    assert_eq!(T::INFINITY.total_cmp(&T::NAN), Ordering::Less);
}

#[test]
fn both_types_have_their_constants_operations_and_extremes() {
    constants_of::<f32>();
    constants_of::<f64>();
    operations_of::<f32>();
    operations_of::<f64>();
    extremes_of::<f32>();
    extremes_of::<f64>();
    assert_eq!((<f32 as Real>::NAME, <f64 as Real>::NAME), ("f32", "f64"));
}

#[test]
fn conversions_round_to_nearest_and_overflow_to_infinity() {
    assert_eq!(<f32 as Real>::from_f64(0.1), 0.1f32);
    assert_eq!(<f32 as Real>::from_f64(1e300), f32::INFINITY);
    assert_eq!(<f32 as Real>::from_f64(-1e-300).to_bits(), (-0.0f32).to_bits());
    assert!(<f32 as Real>::from_f64(f64::NAN).is_nan());
    assert_eq!(<f32 as Real>::from_usize((1 << 24) + 1), 16_777_216.0);
    assert_eq!(<f32 as Real>::from_bits(0xffff_ffff_3f80_0000), 1.0); // upper half ignored
}

proptest! {
    #[test]
    fn single_precision_survives_the_way_through_double(bits: u32) {
        let x = f32::from_bits(bits);
        let back = <f32 as Real>::from_f64(Real::to_f64(x));
        prop_assert!(back.to_bits() == bits || x.is_nan() && back.is_nan());
        prop_assert_eq!(Real::to_bits(x), u64::from(bits));
        prop_assert_eq!(<f32 as Real>::from_bits(u64::from(bits)).to_bits(), bits);
    }
}
