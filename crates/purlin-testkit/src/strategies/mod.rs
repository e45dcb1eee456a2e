//! Proptest strategies: inputs that find what friendly numbers hide.
//!
//! | strategy | gives |
//! |---|---|
//! | [`moderate`], [`special`], [`any_value`] | one number |
//! | [`shape`], [`broadcastable_shapes`] | shapes, with empty and size-1 axes |
//! | [`matrix`], [`hostile_matrix`] and its parts | tables |
//! | [`blobs`] | labelled groups of samples |
//! | [`conv2d`], [`pool2d`] | geometries that fit |
//! | `tensor`, `special_tensor` (feature `tensor`) | tensors |

mod geometry;
mod tables;

pub use geometry::{conv2d, pool2d};
pub use tables::{
    Blobs, blobs, collinear, duplicated, hostile_matrix, huge_offset, lattice, matrix, tiny_scale,
};

use proptest::collection::vec;
use proptest::prelude::*;
use purlin_core::{Real, Shape};

/// A number between -10 and 10: a multiple of `1/1024`, so that both precisions hold it exactly
/// and small sums of products are exact in `f64`.
pub fn moderate<T: Real>() -> impl Strategy<Value = T> + Clone {
    (-10_240i32..=10_240).prop_map(|n| T::from_f64(f64::from(n) / 1024.0))
}

/// A number at which code goes wrong: zeros of both signs, ones, infinities, NaN, subnormal, the
/// smallest normal, the largest, neighbours of 1, halves that tie when rounded.
pub fn special<T: Real>() -> impl Strategy<Value = T> + Clone {
    let tiny = T::from_bits(1);
    prop::sample::select(vec![
        T::ZERO,
        -T::ZERO,
        T::ONE,
        -T::ONE,
        T::from_f64(0.5),
        T::from_f64(1.5),
        T::from_f64(-2.5),
        T::ONE + T::EPSILON,
        T::ONE - T::EPSILON,
        tiny,
        -tiny,
        T::MIN_POSITIVE,
        T::MIN_POSITIVE * T::from_f64(0.25),
        T::MAX,
        -T::MAX,
        T::INFINITY,
        T::NEG_INFINITY,
        T::NAN,
        T::from_f64(88.8),
        T::from_f64(-104.0),
        T::from_f64(1e5),
    ])
}

/// Any number at all: one in four [`special`], one in four [`moderate`], else random bits.
pub fn any_value<T: Real>() -> impl Strategy<Value = T> + Clone {
    prop_oneof![
        1 => special(),
        1 => moderate(),
        2 => any::<u64>().prop_map(|bits| {
            // The upper half of the bits moves sign and exponent in either precision.
            let bits = if T::EPSILON.to_f64() < 1e-10 { bits } else { bits >> 32 };
            T::from_bits(bits)
        }),
    ]
}

/// `len` numbers of a strategy.
pub fn values<T: Real>(
    element: impl Strategy<Value = T>,
    len: usize,
) -> impl Strategy<Value = Vec<T>> {
    vec(element, len)
}

/// A shape with that many axes of those sizes; pass `0..4` as sizes to meet empty axes.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use purlin_testkit::strategies::shape;
///
/// proptest!(|(s in shape(0..4usize, 1..5usize))| {
///     prop_assert!(s.rank() < 4 && s.numel() < 625);
/// });
/// ```
pub fn shape(
    rank: impl Strategy<Value = usize>,
    size: impl Strategy<Value = usize> + Clone,
) -> impl Strategy<Value = Shape> {
    rank.prop_flat_map(move |rank| vec(size.clone(), rank)).prop_map(Shape::from)
}

/// Two shapes that broadcast, and their common shape: axes of size 1, missing leading axes and
/// empty axes occur on either side.
pub fn broadcastable_shapes(
    max_rank: usize,
    max_size: usize,
) -> impl Strategy<Value = (Shape, Shape, Shape)> {
    let axes = vec((0..=max_size, 0u8..4), 0..=max_rank);
    (axes, prop_oneof![Just(0), 0..=max_rank], any::<bool>()).prop_map(
        |(axes, n_missing, is_lhs_short)| {
            let n_missing = n_missing.min(axes.len());
            let size = |stretched: bool, size| if stretched { 1 } else { size };
            let mut lhs: Vec<usize> = axes.iter().map(|&(n, kind)| size(kind == 1, n)).collect();
            let mut rhs: Vec<usize> = axes.iter().map(|&(n, kind)| size(kind == 2, n)).collect();
            let short = if is_lhs_short { &mut lhs } else { &mut rhs };
            short.drain(..n_missing);
            let (lhs, rhs) = (Shape::from(lhs), Shape::from(rhs));
            let common = lhs.broadcast("strategy", &rhs).expect("sizes are equal or 1");
            (lhs, rhs, common)
        },
    )
}

/// A tensor of moderate numbers of a shape from a strategy.
#[cfg(feature = "tensor")]
pub fn tensor<T: Real>(
    shape: impl Strategy<Value = Shape>,
) -> impl Strategy<Value = purlin_tensor::Tensor<T>> {
    tensor_of(shape, moderate())
}

/// A tensor of [`any_value`] numbers: infinities, NaN and subnormal among them.
#[cfg(feature = "tensor")]
pub fn special_tensor<T: Real>(
    shape: impl Strategy<Value = Shape>,
) -> impl Strategy<Value = purlin_tensor::Tensor<T>> {
    tensor_of(shape, any_value())
}

#[cfg(feature = "tensor")]
fn tensor_of<T: Real>(
    shape: impl Strategy<Value = Shape>,
    element: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = purlin_tensor::Tensor<T>> {
    shape.prop_flat_map(move |shape| {
        values(element.clone(), shape.numel()).prop_map(move |x| {
            purlin_tensor::Tensor::from_vec(x, shape).expect("as many numbers as the shape holds")
        })
    })
}
