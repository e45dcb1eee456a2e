//! Equations against their definition, a loop over all values of all letters.

use crate::random;
use proptest::prelude::*;
use purlin_tensor::{Tensor, einsum};

/// The sum over all letters, result by result.
fn naive(equation: &str, operands: &[&Tensor<f64>]) -> Tensor<f64> {
    let (left, right) = equation.split_once("->").unwrap();
    let names: Vec<Vec<char>> = left.split(',').map(|s| s.chars().collect()).collect();
    let result: Vec<char> = right.chars().collect();
    let mut letters: Vec<(char, usize)> = Vec::new();
    for (axes, x) in names.iter().zip(operands) {
        for (&c, &size) in axes.iter().zip(x.dims()) {
            if letters.iter().all(|known| known.0 != c) {
                letters.push((c, size));
            }
        }
    }
    let size = |c: char| letters.iter().find(|known| known.0 == c).unwrap().1;
    let shape: Vec<usize> = result.iter().map(|&c| size(c)).collect();
    let mut y = Tensor::zeros(shape.clone());
    for flat in 0..letters.iter().map(|l| l.1).product::<usize>() {
        let mut rest = flat;
        let mut value = vec![0; letters.len()];
        for (v, l) in value.iter_mut().zip(&letters) {
            (*v, rest) = (rest % l.1, rest / l.1);
        }
        let at = |axes: &[char]| -> Vec<usize> {
            axes.iter().map(|c| value[letters.iter().position(|l| l.0 == *c).unwrap()]).collect()
        };
        let product: f64 = names.iter().zip(operands).map(|(axes, x)| x.at(&at(axes))).product();
        let place = at(&result).iter().zip(&shape).fold(0, |flat, (i, d)| flat * d + i);
        y.data_mut()[place] += product;
    }
    y
}

#[track_caller]
fn check(equation: &str, shapes: &[&[usize]]) {
    let operands: Vec<Tensor<f64>> =
        shapes.iter().enumerate().map(|(i, &s)| random(s, &format!("operand {i}"))).collect();
    let operands: Vec<&Tensor<f64>> = operands.iter().collect();
    let (got, expected) = (einsum(equation, &operands), naive(equation, &operands));
    assert_eq!(got.shape(), expected.shape(), "{equation}");
    // Sums of at most some thousand products of numbers below 2, in another order.
    let close = got.data().iter().zip(expected.data()).all(|(g, e)| (g - e).abs() < 1e-11);
    assert!(close, "{equation}: {got:?} is not {expected:?}");
}

#[test]
fn one_operand() {
    check("ij->ij", &[&[2, 3]]);
    check("ijk->kji", &[&[2, 3, 4]]);
    check("ijk->j", &[&[2, 3, 4]]);
    check("ijk->", &[&[2, 3, 4]]);
    check("ii->i", &[&[4, 4]]);
    check("ii->", &[&[4, 4]]);
    check("iji->ji", &[&[3, 2, 3]]);
    check("iii->i", &[&[3, 3, 3]]);
    check("iijj->ij", &[&[2, 2, 3, 3]]);
    check("->", &[&[]]);
    check("ij->i", &[&[3, 0]]);
}

#[test]
fn two_operands() {
    check("ij,jk->ik", &[&[3, 4], &[4, 5]]);
    check("ij,jk->ki", &[&[3, 4], &[4, 5]]);
    check("ij,kj->ik", &[&[3, 4], &[5, 4]]);
    check("ji,jk->ik", &[&[4, 3], &[4, 5]]);
    check("i,i->", &[&[7], &[7]]);
    check("i,i->i", &[&[7], &[7]]);
    check("i,j->ji", &[&[3], &[4]]);
    check("ij,j->i", &[&[3, 4], &[4]]);
    check("i,ij->j", &[&[3], &[3, 4]]);
    check("bij,bjk->bik", &[&[2, 3, 4], &[2, 4, 5]]);
    check("bij,bjk->ikb", &[&[2, 3, 4], &[2, 4, 5]]);
    check("bqhd,bkhd->bhqk", &[&[2, 3, 2, 4], &[2, 5, 2, 4]]);
    check("bhqk,bkhd->bqhd", &[&[2, 2, 3, 5], &[2, 5, 2, 4]]);
    check("ij,kl->il", &[&[2, 3], &[4, 5]]);
    check("iij,jkk->ik", &[&[2, 2, 3], &[3, 4, 4]]);
    check("bi,bi->b", &[&[3, 4], &[3, 4]]);
    check("ij,ji->", &[&[3, 4], &[4, 3]]);
    check(",ij->ji", &[&[], &[2, 3]]);
    check(",->", &[&[], &[]]);
    check("ij,jk->ik", &[&[2, 0], &[0, 3]]);
    check("bij,bjk->bik", &[&[0, 3, 4], &[0, 4, 5]]);
}

#[test]
fn the_result_may_be_left_out() {
    let (a, b) = (random([2, 3], "a"), random([3, 4], "b"));
    assert_eq!(einsum("ij, jk", &[&a, &b]), a.matmul(&b));
    assert_eq!(einsum("ba", &[&a]), a.transpose(0, 1), "alphabetical, as in NumPy");
    assert_eq!(einsum("ij,ij", &[&a, &a]).dims(), [0usize; 0]);
    assert_eq!(einsum(" ij , jk -> ik ", &[&a, &b]), a.matmul(&b));
}

proptest! {
    #[test]
    fn any_equation_of_two_operands_agrees_with_its_definition(
        a in prop::sample::subsequence(vec!['a', 'b', 'c', 'd', 'e'], 0..=4).prop_shuffle(),
        b in prop::sample::subsequence(vec!['a', 'b', 'c', 'd', 'e'], 0..=4).prop_shuffle(),
        result in prop::sample::subsequence(vec!['a', 'b', 'c', 'd', 'e'], 0..=5).prop_shuffle(),
    ) {
        let size = |c: &char| 1 + (*c as usize - 'a' as usize) % 4;
        let result: String = result.iter().filter(|c| a.contains(c) || b.contains(c)).collect();
        let shapes: Vec<Vec<usize>> = [&a, &b].map(|axes| axes.iter().map(size).collect()).into();
        let name = |axes: &[char]| axes.iter().collect::<String>();
        check(&format!("{},{}->{result}", name(&a), name(&b)), &[&shapes[0], &shapes[1]]);
    }
}
