//! Shapes: strides, axes, broadcasting and its laws.

use proptest::collection::vec;
use proptest::prelude::*;
use purlin_core::{Error, Shape};

#[test]
fn sizes_strides_and_text() {
    let shape = Shape::from([2, 3, 4]);
    assert_eq!((shape.rank(), shape.numel()), (3, 24));
    assert_eq!(shape.strides().dims(), [12, 4, 1]);
    assert_eq!(shape.around(1), (2, 3, 4));
    assert_eq!((shape.around(0), shape.around(2)), ((1, 2, 12), (6, 4, 1)));
    assert_eq!(shape.without(1), Shape::from([2, 4]));
    assert_eq!(shape.with(2, 7), Shape::from([2, 3, 7]));
    assert_eq!(shape[1], 3);
    assert_eq!(shape.to_string(), "(2, 3, 4)");
    assert_eq!(format!("{:?} {:?}", Shape::SCALAR, Shape::from(5)), "() (5,)");
}

#[test]
fn a_scalar_has_one_element_and_an_empty_axis_none() {
    assert_eq!((Shape::SCALAR.numel(), Shape::SCALAR.rank()), (1, 0));
    assert_eq!(Shape::SCALAR, Shape::from([0usize; 0]));
    let empty = Shape::from([3, 0, 2]);
    assert_eq!(empty.numel(), 0);
    assert_eq!(empty.strides().dims(), [2, 2, 1]);
    assert_eq!(empty.around(1), (3, 0, 2));
}

#[test]
fn shapes_are_equal_by_their_sizes_alone() {
    // `without` leaves no trace of the removed axis behind.
    assert_eq!(Shape::from([2, 3, 4]).without(2), Shape::from(vec![2, 3]));
    assert_ne!(Shape::from([2, 3]), Shape::from([2, 3, 1]));
    assert_ne!(Shape::from([1]), Shape::SCALAR);
}

#[test]
fn axes_count_from_both_ends() {
    let shape = Shape::from([2, 3, 4]);
    for (axis, resolved) in [(0, 0), (2, 2), (-1, 2), (-3, 0)] {
        assert_eq!(shape.axis("sum", axis).unwrap(), resolved);
    }
    for axis in [3, -4, isize::MAX, isize::MIN] {
        let err = shape.axis("sum", axis).unwrap_err();
        assert_eq!(
            err.to_string(),
            format!("sum: axis must be in -3..3 for shape (2, 3, 4), got {axis}")
        );
    }
    assert!(Shape::SCALAR.axis("sum", 0).is_err());
    assert!(Shape::SCALAR.axis("sum", -1).is_err());
}

#[test]
fn shapes_that_do_not_broadcast_are_named() {
    let err = Shape::from([2, 3, 4]).broadcast("add", &Shape::from([2, 4])).unwrap_err();
    assert!(matches!(err, Error::Shape { op: "add", .. }));
    assert_eq!(
        err.to_string(),
        "add: expected shapes that broadcast, got lhs (2, 3, 4) and rhs (2, 4), which differ in axis 1"
    );
    // An empty axis stretches a 1 and nothing else.
    assert_eq!(Shape::from([1]).broadcast("add", &Shape::from([0])).unwrap(), Shape::from([0]));
    assert!(Shape::from([2]).broadcast("add", &Shape::from([0])).is_err());
}

#[test]
#[should_panic(expected = "shape: rank must be at most 8, got 9")]
fn a_ninth_axis_panics() {
    let _ = Shape::new(&[1; 9]);
}

#[test]
#[should_panic(expected = "shape: number of elements must fit in usize")]
fn too_many_elements_panic() {
    let _ = Shape::from([usize::MAX, 2]);
}

#[test]
#[should_panic(expected = "shape: number of elements must fit in usize")]
fn an_empty_axis_does_not_hide_an_overflow() {
    // Strides of the other axes would overflow all the same.
    let _ = Shape::from([0, usize::MAX, 2]);
}

/// Sizes 0 to 4 on up to 4 axes.
fn shape() -> impl Strategy<Value = Shape> {
    vec(0usize..5, 0..5).prop_map(Shape::from)
}

/// A shape that broadcasts into `common`: trailing axes, some of them 1.
fn stretched(common: Shape) -> impl Strategy<Value = Shape> {
    (vec(any::<bool>(), common.rank()), 0..=common.rank()).prop_map(move |(ones, skip)| {
        let size = |(&n, one)| if one { 1 } else { n };
        common.iter().zip(ones).map(size).skip(skip).collect::<Vec<_>>().into()
    })
}

proptest! {
    #[test]
    fn broadcasting_commutes(a in shape(), b in shape()) {
        prop_assert_eq!(a.broadcast("op", &b).ok(), b.broadcast("op", &a).ok());
    }

    #[test]
    fn broadcasting_has_itself_and_the_scalar_as_identities(a in shape()) {
        prop_assert_eq!(a.broadcast("op", &a).unwrap(), a);
        prop_assert_eq!(a.broadcast("op", &Shape::SCALAR).unwrap(), a);
    }

    #[test]
    fn broadcasting_associates(
        (a, b, c) in shape().prop_flat_map(|s| (stretched(s), stretched(s), stretched(s))),
    ) {
        let left = a.broadcast("op", &b).and_then(|ab| ab.broadcast("op", &c)).unwrap();
        let right = b.broadcast("op", &c).and_then(|bc| a.broadcast("op", &bc)).unwrap();
        prop_assert_eq!(left, right);
    }

    #[test]
    fn strides_visit_every_element_once(s in shape()) {
        prop_assume!(s.numel() > 0);
        let strides = s.strides();
        let mut seen = vec![false; s.numel()];
        for flat in 0..s.numel() {
            let mut rest = flat;
            let mut offset = 0;
            for axis in (0..s.rank()).rev() {
                offset += rest % s[axis] * strides[axis];
                rest /= s[axis];
            }
            prop_assert_eq!(offset, flat);
            seen[offset] = true;
        }
        prop_assert!(seen.into_iter().all(|v| v));
    }

    #[test]
    fn an_axis_cuts_a_shape_in_three(s in shape(), axis in 0usize..4) {
        prop_assume!(axis < s.rank());
        let (outer, size, inner) = s.around(axis);
        prop_assert_eq!(outer * size * inner, s.numel());
        prop_assert_eq!(size, s[axis]);
        prop_assert_eq!(s.without(axis).numel(), outer * inner);
    }
}
