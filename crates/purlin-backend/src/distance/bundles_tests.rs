//! Bundles against the definition.

use super::{Bundles, Panels, naive, roughly_to_assigned};
use crate::isa::{IsaKind, pin};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, Real};

fn check<T: Real>(n: usize, k: usize, d: usize) {
    let mut rng = Stream::new(1, "bundles").rng((n * k * d) as u64);
    // Small whole numbers: many distances are equal.
    let x = Matrix::from_fn(n, d, |_, _| T::from_f64(rng.uniform_in(-2.0, 2.0).round_ties_even()));
    let c = Matrix::from_fn(k, d, |_, _| T::from_f64(rng.uniform_in(-2.0, 2.0).round_ties_even()));
    let lanes = Panels::<T>::lanes();
    let mut members: Vec<u32> = (0..k as u32).rev().collect();
    members.resize(k.next_multiple_of(lanes), u32::MAX);
    let rows: Vec<u32> = (0..n as u32).rev().chain([0, 0]).collect();
    let labels: Vec<u32> = rows.iter().map(|&row| row % k as u32).collect();
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        let bundles = Bundles::new(c.view(), &members);
        assert_eq!(bundles.n_bundles(), k.div_ceil(lanes));
        let (mut least, mut all) = (Vec::new(), Vec::new());
        for (b, members) in members.chunks(lanes).enumerate() {
            bundles.least(b, x.view(), &rows, &mut least);
            bundles.distances(b, x.view(), &rows, &mut all);
            for (i, (&row, least)) in rows.iter().zip(&least).enumerate() {
                let of = |&member: &u32| match member {
                    u32::MAX => T::INFINITY,
                    c_row => naive::squared_euclidean(x.row(row as usize), c.row(c_row as usize)),
                };
                let mut expected: Vec<T> = members.iter().map(of).collect();
                assert_eq!(all[i * lanes..(i + 1) * lanes], expected, "{n} {k} {d} {isa:?}");
                let first = (0..lanes).min_by(|&a, &b| expected[a].total_cmp(&expected[b]));
                let first = first.expect("a bundle has lanes");
                assert_eq!((least.value, least.lane as usize), (expected[first], first));
                expected.remove(first);
                let second = expected.into_iter().fold(T::INFINITY, Real::min);
                assert_eq!(least.second, second, "{n} {k} {d} {isa:?}");
            }
        }
        let mut out = vec![T::ZERO; rows.len()];
        roughly_to_assigned(x.view(), c.view(), &rows, &labels, &mut out);
        for ((&row, &label), &out) in rows.iter().zip(&labels).zip(&out) {
            // Whole numbers: every order of the sum is exact.
            let expected = naive::squared_euclidean(x.row(row as usize), c.row(label as usize));
            assert_eq!(out, expected, "{n} {k} {d} {isa:?}");
        }
    }
}

#[test]
fn a_bundle_finds_what_the_definition_finds() {
    for (n, k, d) in [(1, 1, 1), (7, 3, 2), (23, 16, 5), (12, 40, 17), (6, 9, 33)] {
        check::<f32>(n, k, d);
        check::<f64>(n, k, d);
    }
}
