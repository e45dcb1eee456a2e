//! Laws of the rearrangements and reductions, over random shapes.

use crate::random;
use proptest::prelude::*;
use purlin_tensor::{Tensor, grad_with};

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..5, 1..5)
}

/// `<A x, y> = <x, A^T y>` for a linear `f`, with the adjoint from the tape.
fn adjoint_error(x: &Tensor<f64>, f: impl Fn(&Tensor<f64>) -> Tensor<f64>) -> f64 {
    let leaf = x.detach().requires_grad();
    let image = f(&leaf);
    let y = random(image.shape(), "y");
    let back = grad_with(&image, &y, &[&leaf]).remove(0);
    let (left, right) = ((image * y).sum().item(), (back * x).sum().item());
    (left - right).abs() / left.abs().max(1.0)
}

proptest! {
    #[test]
    fn parts_put_together_are_the_whole(dims in shapes(), axis in 0usize..4, cut in 0usize..5) {
        let axis = axis % dims.len();
        let x = random(dims.clone(), "x");
        let cut = cut.min(dims[axis]);
        let parts = x.split(axis.cast_signed(), &[cut, dims[axis] - cut]);
        prop_assert_eq!(&Tensor::concat(&[&parts[0], &parts[1]], axis.cast_signed()), &x);
        prop_assert_eq!(&parts[1], &x.slice(axis.cast_signed(), cut..));
    }

    #[test]
    fn a_permutation_is_undone_by_its_inverse(dims in shapes(), seed: u64) {
        let order = purlin_core::rng::Stream::new(seed, "axes").rng(0).permutation(dims.len());
        let x = random(dims, "x");
        let axes: Vec<isize> = order.iter().map(|&a| a.cast_signed()).collect();
        let mut inverse = vec![0isize; axes.len()];
        for (to, &from) in order.iter().enumerate() {
            inverse[from] = to.cast_signed();
        }
        let there = x.permute(&axes);
        prop_assert_eq!(&there.permute(&inverse), &x);
        if x.numel() > 0 {
            let index: Vec<usize> = x.dims().iter().map(|d| d / 2).collect();
            let moved: Vec<usize> = order.iter().map(|&a| index[a]).collect();
            prop_assert_eq!(there.at(&moved), x.at(&index));
        }
    }

    #[test]
    fn linear_operations_obey_the_adjoint_identity(dims in shapes(), axis in 0usize..4) {
        let axis = (axis % dims.len()).cast_signed();
        let x = random(dims.clone(), "x");
        let size = dims[axis as usize];
        let indices: Vec<usize> = (0..size * 2).map(|i| i * 3 % size.max(1)).collect();
        let errors = [
            adjoint_error(&x, |x| x.sum_axis(axis, false)),
            adjoint_error(&x, |x| x.cumsum(axis)),
            adjoint_error(&x, |x| x.transpose(axis, -1)),
            adjoint_error(&x, |x| x.index_select(axis, &indices)),
            adjoint_error(&x, |x| x.flip(&[axis])),
            adjoint_error(&x, |x| x.roll(2, axis)),
            adjoint_error(&x, |x| x.repeat_interleave(2, axis)),
            adjoint_error(&x, |x| x.tile(&vec![2; dims.len()])),
            adjoint_error(&x, |x| if x.rank() < 2 { x * 2.0 } else { x.tril(-1) }),
            adjoint_error(&x, |x| x.unsqueeze(0).broadcast_to([&[3], &dims[..]].concat())),
            adjoint_error(&x, |x| x.pad(&vec![[1, 2]; dims.len()], 0.0)),
        ];
        // Sums of at most a few thousand products, each rounded to 1e-16.
        prop_assert!(errors.iter().all(|&e| e < 1e-12), "{:?}", errors);
    }

    #[test]
    fn softmax_adds_up_to_one_along_its_axis(dims in prop::collection::vec(1usize..5, 1..4), axis in 0usize..3) {
        let axis = (axis % dims.len()).cast_signed();
        let x = random(dims, "x") * 10.0;
        let total = x.softmax(axis).sum_axis(axis, false);
        prop_assert!(total.data().iter().all(|t| (t - 1.0).abs() < 1e-14));
        let shifted = (&x + 3.0).log_softmax(axis) - x.log_softmax(axis);
        prop_assert!(shifted.data().iter().all(|d| d.abs() < 1e-12), "shifting changes nothing");
    }

    #[test]
    fn broadcasting_agrees_with_its_definition(
        dims in prop::collection::vec((0usize..4, any::<bool>(), any::<bool>()), 1..4),
    ) {
        let shape = |side: fn(&(usize, bool, bool)) -> bool| -> Vec<usize> {
            dims.iter().map(|d| if side(d) { 1 } else { d.0 }).collect()
        };
        let (a, b) = (random(shape(|d| d.1), "a"), random(shape(|d| d.2 && !d.1), "b"));
        let y = &a - &b;
        for flat in 0..y.numel() {
            let mut rest = flat;
            let mut index = vec![0; y.rank()];
            for axis in (0..y.rank()).rev() {
                index[axis] = rest % y.dims()[axis];
                rest /= y.dims()[axis];
            }
            let of = |x: &Tensor<f64>| {
                let own: Vec<usize> = index.iter().zip(x.dims()).map(|(i, d)| i % d).collect();
                x.at(&own)
            };
            prop_assert_eq!(y.data()[flat], of(&a) - of(&b));
        }
    }
}
