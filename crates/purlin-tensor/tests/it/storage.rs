//! Storage: sharing, work in place, and that neither can be seen.

use crate::random;
use proptest::prelude::*;
use purlin_tensor::Tensor;

#[test]
fn an_unshared_operand_is_overwritten_and_a_shared_one_is_not() {
    let (a, b) = (random([100], "a"), random([100], "b"));
    let expected = (&a + &b).to_vec();
    let own = a.clone() * 1.0;
    let at = own.data().as_ptr();
    let sum = own + &b;
    assert_eq!((sum.data().as_ptr(), sum.data()), (at, &expected[..]));
    let own = b.clone() * 1.0;
    let at = own.data().as_ptr();
    let sum = &a + own; // the right operand serves as well
    assert_eq!((sum.data().as_ptr(), sum.data()), (at, &expected[..]));
    let shared = a.clone();
    assert!(shared.shares_storage(&a));
    let sum = shared + &b;
    assert_eq!(sum.data(), expected);
    assert_eq!(a, random([100], "a"));
}

#[test]
fn reshape_shares_and_data_mut_parts() {
    let x = random([6], "x");
    let mut y = x.reshape([2, 3]);
    assert!(y.shares_storage(&x));
    y.data_mut()[0] = 100.0;
    assert!(!y.shares_storage(&x));
    assert_eq!(x, random([6], "x"));
}

/// One step of a small program: which operation, and which earlier values.
type Step = (u8, usize, usize);

/// Runs the program with operands moved in (work in place wherever possible) or cloned first
/// (never in place), and returns all final values and the gradients of the leaves.
fn run(steps: &[Step], by_value: bool) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let leaves: Vec<_> =
        ["a", "b", "c"].iter().map(|name| random([2, 3], name).requires_grad()).collect();
    let constant = random([2, 3], "d");
    let mut values: Vec<Tensor<f64>> = leaves.clone();
    values.push(constant.clone());
    let mut results = Vec::new();
    for &(op, i, j) in steps {
        let (i, j) = (i % values.len(), j % values.len());
        let keep: Vec<Tensor<f64>>;
        let (x, y);
        if by_value && i != j {
            // Takes the operand out; a fresh constant takes its place.
            x = std::mem::replace(&mut values[i], constant.clone() * 1.0);
            y = values[j].clone();
            keep = Vec::new();
        } else {
            x = values[i].clone();
            y = values[j].clone();
            keep = vec![x.clone(), y.clone()]; // shared: cannot be overwritten
            if i != j {
                values[i] = constant.clone() * 1.0;
            }
        }
        let result = match op % 8 {
            0 => x + y,
            1 => x * y,
            2 => x - &y,
            3 => -x,
            4 => x.tanh() + 0.5,
            5 => &y * x,
            6 => x * 0.5,
            _ => (x / (y.square() + 1.0)).relu(),
        };
        results.push(result.to_vec());
        values.push(result);
        drop(keep);
    }
    let mut loss = Tensor::scalar(0.0);
    for value in &values {
        loss += value.sum();
    }
    for leaf in &leaves {
        loss += (leaf * 0.0).sum(); // every leaf has a gradient, whatever the program dropped
    }
    let grads = loss.backward();
    let grads = leaves.iter().map(|leaf| grads.require(leaf).unwrap().to_vec()).collect();
    for (leaf, name) in leaves.iter().zip(["a", "b", "c"]) {
        assert_eq!(leaf.data(), random([2, 3], name).data(), "a leaf changed");
    }
    (results, grads)
}

proptest! {
    #[test]
    fn work_in_place_is_never_observable(
        steps in prop::collection::vec((any::<u8>(), any::<usize>(), any::<usize>()), 1..25),
    ) {
        prop_assert_eq!(run(&steps, true), run(&steps, false));
    }
}
