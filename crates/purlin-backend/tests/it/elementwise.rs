//! Maps, zips, broadcasting and updates.

use crate::common::{bits, numbers, same_everywhere, wild};
use proptest::prelude::*;
use purlin_backend::elementwise::{
    MapOp, UpdateOp, Zip3Op, ZipOp, map, map_inplace, ops, update, zip, zip_broadcast, zip_inplace,
    zip3,
};
use purlin_backend::math;
use purlin_core::simd::Lanes;
use purlin_core::{Real, Shape};

const LENGTHS: [usize; 9] = [0, 1, 7, 8, 15, 16, 17, 1000, 70_000];

fn check_map<T: Real, F: MapOp>(op: F, naive: impl Fn(T) -> T) {
    for n in LENGTHS {
        let x = wild::<T>(n as u64, n);
        let y = same_everywhere(|| {
            let mut y = vec![T::ZERO; n];
            map(op, &x, &mut y);
            y
        });
        let expected: Vec<T> = x.iter().map(|&v| naive(v)).collect();
        assert_eq!(bits(&y), bits(&expected), "{n} elements");
        let mut x = x;
        map_inplace(op, &mut x);
        assert_eq!(bits(&x), bits(&y));
    }
}

fn check_zip<T: Real, F: ZipOp>(op: F, naive: impl Fn(T, T) -> T) {
    for n in LENGTHS {
        let (mut a, mut b) = (wild::<T>(1, n), wild::<T>(2, n));
        b.rotate_left(n / 3);
        if n >= 16 {
            (a[4], b[4]) = (T::ZERO, -T::ZERO);
            (a[5], b[5]) = (-T::ZERO, T::ZERO);
            (a[6], b[6]) = (T::NAN, T::ONE);
            (a[7], b[7]) = (T::ONE, T::NAN);
        }
        let y = same_everywhere(|| {
            let mut y = vec![T::ZERO; n];
            zip(op, &a, &b, &mut y);
            y
        });
        let expected: Vec<T> = a.iter().zip(&b).map(|(&a, &b)| naive(a, b)).collect();
        assert_eq!(bits(&y), bits(&expected), "{n} elements");
        zip_inplace(op, &mut a, &b);
        assert_eq!(bits(&a), bits(&y));
    }
}

fn check_exact_ops<T: Real>() {
    let (zero, one) = (T::ZERO, T::ONE);
    check_map::<T, _>(ops::Neg, |x| -x);
    check_map::<T, _>(ops::Abs, T::abs);
    check_map::<T, _>(ops::Sqrt, T::sqrt);
    check_map::<T, _>(ops::Recip, |x| one / x);
    check_map::<T, _>(ops::Floor, T::floor);
    check_map::<T, _>(ops::Round, T::round_ties_even);
    check_map::<T, _>(ops::Square, |x| x * x);
    check_map::<T, _>(ops::Relu, |x| if x < zero { zero } else { x });
    check_map::<T, _>(ops::Sign, |x| {
        if x > zero {
            one
        } else if x < zero {
            -one
        } else {
            x
        }
    });
    check_map::<T, _>(ops::Clamp(-0.5, 1.25), |x| {
        let (low, high) = (T::from_f64(-0.5), T::from_f64(1.25));
        if x < low {
            low
        } else if x > high {
            high
        } else {
            x
        }
    });
    check_map::<T, _>(ops::LeakyRelu(0.25), |x| if x < zero { T::from_f64(0.25) * x } else { x });
    check_map::<T, _>(ops::FlushSubnormal, |x| {
        if x.abs() < T::MIN_POSITIVE { zero.copysign(x) } else { x }
    });
    check_map::<T, _>(ops::IsFinite, |x| if x.is_finite() { one } else { zero });
    check_map::<T, _>(ops::Powi(3), |x| x * (x * x));
    check_map::<T, _>(ops::Powi(0), |_| one);
    check_zip::<T, _>(ops::Add, |a, b| a + b);
    check_zip::<T, _>(ops::Sub, |a, b| a - b);
    check_zip::<T, _>(ops::Mul, |a, b| a * b);
    check_zip::<T, _>(ops::Div, |a, b| a / b);
    let pick = |a: T, b: T, a_wins: bool| {
        if a.is_nan() || b.is_nan() {
            T::NAN
        } else if a_wins {
            a
        } else {
            b
        }
    };
    check_zip::<T, _>(ops::Max, |a, b| pick(a, b, a > b));
    check_zip::<T, _>(ops::Min, |a, b| pick(a, b, a < b));
    let truth = |yes: bool| if yes { one } else { zero };
    check_zip::<T, _>(ops::Less, |a, b| truth(a < b));
    check_zip::<T, _>(ops::LessEq, |a, b| truth(a <= b));
    check_zip::<T, _>(ops::Greater, |a, b| truth(a > b));
    check_zip::<T, _>(ops::GreaterEq, |a, b| truth(a >= b));
    check_zip::<T, _>(ops::Equal, |a, b| truth(a == b));
    check_zip::<T, _>(ops::NotEqual, |a, b| truth(a != b));
    check_zip::<T, _>(ops::AddScaled(0.3), |a, b| b.mul_add(T::from_f64(0.3), a));
}

#[test]
fn exact_operations_equal_their_scalar_twins_f32() {
    check_exact_ops::<f32>();
}

#[test]
fn exact_operations_equal_their_scalar_twins_f64() {
    check_exact_ops::<f64>();
}

#[test]
fn a_number_alone_has_the_bits_it_has_in_an_array() {
    let x = wild::<f32>(5, 300);
    let mut y = vec![0.0; x.len()];
    map(ops::Gelu, &x, &mut y);
    let alone: Vec<f32> = x.iter().map(|&v| math::scalar(ops::Gelu, v)).collect();
    assert_eq!(bits(&y), bits(&alone));
    let mut y = vec![0.0; x.len()];
    zip(ops::PowElem, &x, &x, &mut y);
    let alone: Vec<f32> = x.iter().map(|&v| math::scalar2(ops::PowElem, v, v)).collect();
    assert_eq!(bits(&y), bits(&alone));
}

#[derive(Clone, Copy)]
struct Blend;
impl Zip3Op for Blend {
    #[inline(always)]
    fn eval<V: Lanes>(self, a: V, b: V, c: V) -> V {
        a * b - c
    }
}

#[test]
fn three_operands_meet() {
    for n in LENGTHS {
        let (a, b, c) = (numbers::<f64>(1, n), numbers::<f64>(2, n), numbers::<f64>(3, n));
        let y = same_everywhere(|| {
            let mut y = vec![0.0; n];
            zip3(Blend, &a, &b, &c, &mut y);
            y
        });
        let expected: Vec<f64> = (0..n).map(|i| a[i] * b[i] - c[i]).collect();
        assert_eq!(bits(&y), bits(&expected));
    }
}

/// `m = 0.9 m + 0.1 g; x = x - m`
#[derive(Clone, Copy)]
struct Average;
impl UpdateOp<2, 1> for Average {
    #[inline(always)]
    fn eval<V: Lanes>(self, [x, m]: [V; 2], [g]: [V; 1]) -> [V; 2] {
        let m = math::flush_subnormal(m * V::splat_f64(0.9) + g * V::splat_f64(0.1));
        [x - m, m]
    }
}

#[test]
fn updates_change_every_array_and_no_subnormal_stays() {
    for n in LENGTHS {
        let (x0, m0, g) = (numbers::<f32>(1, n), numbers::<f32>(2, n), wild::<f32>(3, n));
        let both = same_everywhere(|| {
            let (mut x, mut m) = (x0.clone(), m0.clone());
            update(Average, [&mut x, &mut m], [&g]);
            [x, m].concat()
        });
        for i in 0..n {
            let m = m0[i] * 0.9 + g[i] * 0.1;
            let m = if m.abs() < f32::MIN_POSITIVE { 0.0f32.copysign(m) } else { m };
            assert_eq!(bits(&[x0[i] - m, m]), bits(&[both[i], both[n + i]]), "{i} of {n}");
        }
    }
    let (mut x, mut m) = ([1.0f64], [1e-308]);
    for _ in 0..50 {
        update(Average, [&mut x, &mut m], [&[0.0]]);
        assert!(m[0] == 0.0 || m[0] >= f64::MIN_POSITIVE);
    }
    assert_eq!(m, [0.0]);
}

fn naive_broadcast(a: &[f64], a_shape: &Shape, out_shape: &Shape) -> Vec<f64> {
    let strides = out_shape.strides();
    let own = a_shape.strides();
    let skipped = out_shape.rank() - a_shape.rank();
    (0..out_shape.numel())
        .map(|index| {
            let mut at = 0;
            for axis in 0..out_shape.rank() {
                let i = index / strides[axis] % out_shape[axis];
                if axis >= skipped && a_shape[axis - skipped] > 1 {
                    at += i * own[axis - skipped];
                }
            }
            a[at]
        })
        .collect()
}

fn check_broadcast(a_shape: &[usize], b_shape: &[usize], out_shape: &[usize]) {
    let (sa, sb, so) = (Shape::new(a_shape), Shape::new(b_shape), Shape::new(out_shape));
    let (a, b) = (numbers::<f64>(1, sa.numel()), numbers::<f64>(2, sb.numel()));
    let (left, right) = (naive_broadcast(&a, &sa, &so), naive_broadcast(&b, &sb, &so));
    let mut y = vec![f64::NAN; so.numel()];
    zip_broadcast(ops::Sub, &a, &sa, &b, &sb, &mut y, &so);
    let expected: Vec<f64> = left.iter().zip(&right).map(|(a, b)| a - b).collect();
    assert_eq!(bits(&y), bits(&expected), "{sa} - {sb} -> {so}");
}

#[test]
fn broadcasting_stretches_every_way() {
    let cases: [(&[usize], &[usize], &[usize]); 22] = [
        (&[], &[], &[]),
        (&[3], &[], &[3]),
        (&[], &[4], &[4]),
        (&[2, 3], &[3], &[2, 3]),
        (&[3], &[2, 3], &[2, 3]),
        (&[2, 1], &[1, 3], &[2, 3]),
        (&[200, 7], &[200, 1], &[200, 7]),
        (&[200, 7], &[7], &[200, 7]),
        (&[7], &[200, 7], &[200, 7]),
        (&[50, 100], &[100], &[50, 100]),
        (&[50, 100], &[50, 1], &[50, 100]),
        (&[50, 1], &[50, 100], &[50, 100]),
        (&[3, 40_000], &[3, 1], &[3, 40_000]),
        (&[1, 40_000], &[3, 40_000], &[3, 40_000]),
        (&[4, 1, 5], &[1, 6, 1], &[4, 6, 5]),
        (&[4, 1, 100], &[6, 1], &[4, 6, 100]),
        (&[2, 3, 1, 5], &[1, 1, 4, 1], &[2, 3, 4, 5]),
        (&[0, 3], &[3], &[0, 3]),
        (&[1, 3], &[0, 3], &[0, 3]),
        (&[1], &[1], &[5]),
        (&[1, 1], &[1], &[70, 80]),
        (&[30, 1, 1], &[], &[30, 20, 9]),
    ];
    for (a, b, out) in cases {
        check_broadcast(a, b, out);
    }
}

#[test]
fn broadcasting_has_the_same_bits_everywhere() {
    for (a_shape, b_shape) in
        [([300, 33], [1, 33]), ([300, 300], [300, 1]), ([3, 30_000], [1, 30_000])]
    {
        let (sa, sb) = (Shape::from(a_shape), Shape::from(b_shape));
        let (a, b) = (wild::<f32>(1, sa.numel()), wild::<f32>(2, sb.numel()));
        same_everywhere(|| {
            let mut y = vec![0.0; sa.numel()];
            zip_broadcast(ops::Mul, &a, &sa, &b, &sb, &mut y, &sa);
            y
        });
    }
}

#[test]
#[should_panic(expected = "zip_broadcast: expected a shape that broadcasts to (2, 3), got (2,)")]
fn a_shape_that_does_not_fit_is_refused() {
    let (a, b) = (Shape::from([2, 3]), Shape::from([2]));
    zip_broadcast(ops::Add, &[0.0f32; 6], &a, &[0.0; 2], &b, &mut [0.0; 6], &a);
}

#[test]
#[should_panic(expected = "map: x and out must have one length")]
fn lengths_must_match() {
    map(ops::Neg, &[0.0f32; 2], &mut [0.0; 3]);
}

proptest! {
    #[test]
    fn any_broadcast_equals_its_definition(
        dims in prop::collection::vec((1usize..6, any::<bool>(), any::<bool>()), 0..5),
        cut_a in 0usize..3,
        cut_b in 0usize..3,
    ) {
        let out: Vec<usize> = dims.iter().map(|d| d.0).collect();
        let a: Vec<usize> = dims.iter().map(|d| if d.1 { 1 } else { d.0 }).collect();
        let b: Vec<usize> = dims.iter().map(|d| if d.2 { 1 } else { d.0 }).collect();
        let (cut_a, cut_b) = (cut_a.min(a.len()), cut_b.min(b.len()));
        check_broadcast(&a[cut_a..], &b[cut_b..], &out);
    }
}
