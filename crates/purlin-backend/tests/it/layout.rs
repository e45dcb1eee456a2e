//! Moves of elements against index arithmetic.

use crate::common::{numbers, same_everywhere};
use proptest::prelude::*;
use purlin_backend::layout::{
    gather_axis, gather_rows, permute, scatter_add_axis, scatter_add_rows, slice_axis, transpose,
    write_axis,
};
use purlin_core::Shape;

#[test]
fn transposing_swaps_indices() {
    for (rows, cols) in [
        (0, 3),
        (3, 0),
        (1, 5),
        (5, 1),
        (2, 3),
        (16, 16),
        (17, 33),
        (100, 7),
        (300, 500),
        (64, 4096),
    ] {
        let x: Vec<u32> = (0..(rows * cols) as u32).collect();
        let mut out = vec![0; x.len()];
        transpose(&x, rows, cols, &mut out);
        for r in 0..rows {
            for c in 0..cols {
                assert_eq!(out[c * rows + r], x[r * cols + c], "({r}, {c}) of {rows} x {cols}");
            }
        }
        let mut back = vec![0; x.len()];
        transpose(&out, cols, rows, &mut back);
        assert_eq!(back, x);
    }
    for n in [15, 16, 40] {
        let x = numbers::<f64>(1, n * (n + 3));
        let mut out = vec![0.0; x.len()];
        transpose(&x, n, n + 3, &mut out);
        for (i, v) in x.iter().enumerate() {
            assert_eq!(out[i % (n + 3) * n + i / (n + 3)], *v);
        }
    }
}

fn check_permute(dims: &[usize], axes: &[usize]) {
    let shape = Shape::new(dims);
    let x: Vec<u32> = (0..shape.numel() as u32).collect();
    let mut out = vec![u32::MAX; x.len()];
    permute(&x, &shape, axes, &mut out);
    let to: Vec<usize> = axes.iter().map(|&a| dims[a]).collect();
    let (strides, out_strides) = (shape.strides(), Shape::new(&to).strides());
    for (index, &v) in out.iter().enumerate() {
        let at: usize =
            (0..axes.len()).map(|i| index / out_strides[i] % to[i] * strides[axes[i]]).sum();
        assert_eq!(v as usize, at, "{dims:?} by {axes:?}, item {index}");
    }
}

#[test]
fn permuting_reorders_axes() {
    let cases: [(&[usize], &[usize]); 12] = [
        (&[], &[]),
        (&[3], &[0]),
        (&[2, 3], &[1, 0]),
        (&[40, 50, 3], &[2, 0, 1]),
        (&[3, 40, 50], &[1, 2, 0]),
        (&[8, 28, 28, 16], &[0, 3, 1, 2]),
        (&[8, 16, 28, 28], &[0, 2, 3, 1]),
        (&[4, 5, 6, 7], &[3, 2, 1, 0]),
        (&[4, 5, 6, 7], &[1, 0, 3, 2]),
        (&[20, 30, 40], &[1, 0, 2]),
        (&[2, 0, 3], &[2, 1, 0]),
        (&[1, 9, 1, 4], &[3, 2, 1, 0]),
    ];
    for (dims, axes) in cases {
        check_permute(dims, axes);
    }
}

#[test]
#[should_panic(expected = "permute: axes must be a permutation of 0..2, got [0, 0]")]
fn an_axis_twice_is_refused() {
    permute(&[0; 4], &Shape::from([2, 2]), &[0, 0], &mut [0; 4]);
}

#[test]
fn slices_are_read_and_written_back() {
    for (outer, size, inner) in [(1, 5, 1), (3, 4, 2), (2, 7, 100), (500, 9, 3), (3, 4, 20_000)] {
        let x: Vec<u32> = (0..(outer * size * inner) as u32).collect();
        for (start, len) in [(0, 1), (0, size), (1, 2), (size - 1, 1), (2, 0), (size, 0)] {
            let mut part = vec![u32::MAX; outer * len * inner];
            slice_axis(&x, outer, size, inner, start, len, &mut part);
            for o in 0..outer {
                for i in 0..len {
                    for j in (0..inner).step_by(97) {
                        let from = (o * size + start + i) * inner + j;
                        assert_eq!(part[(o * len + i) * inner + j], x[from]);
                    }
                }
            }
            let mut copy = x.clone();
            write_axis(&part, outer, len, inner, &mut copy, size, start);
            assert_eq!(copy, x, "what was read goes back to its place");
            let ones = vec![u32::MAX; part.len()];
            write_axis(&ones, outer, len, inner, &mut copy, size, start);
            for (index, &v) in copy.iter().enumerate() {
                let i = index / inner % size;
                assert_eq!(v == u32::MAX, (start..start + len).contains(&i));
            }
        }
    }
}

#[test]
#[should_panic(expected = "slice_axis: range must be within 3")]
fn a_slice_beyond_the_axis_is_refused() {
    slice_axis(&[0; 3], 1, 3, 1, 2, 2, &mut [0; 2]);
}

#[test]
fn gathered_rows_scatter_back_in_order() {
    let (outer, size, inner) = (3, 50, 70);
    let x = numbers::<f32>(1, outer * size * inner);
    let indices: Vec<usize> = (0..200).map(|i| i * 31 % 37).collect();
    let mut picked = vec![0.0; outer * indices.len() * inner];
    gather_axis(&x, outer, size, inner, &indices, &mut picked);
    for o in 0..outer {
        for (i, &index) in indices.iter().enumerate() {
            let from = &x[(o * size + index) * inner..][..inner];
            assert_eq!(&picked[(o * indices.len() + i) * inner..][..inner], from);
        }
    }
    let sums = same_everywhere(|| {
        let mut sums = x.clone();
        scatter_add_axis(&picked, outer, &indices, inner, &mut sums, size);
        sums
    });
    let mut expected = x.clone();
    for o in 0..outer {
        for (i, &index) in indices.iter().enumerate() {
            for j in 0..inner {
                expected[(o * size + index) * inner + j] += picked[(o * 200 + i) * inner + j];
            }
        }
    }
    assert_eq!(sums, expected);
}

#[test]
fn many_rows_scatter_with_the_same_bits_on_any_threads() {
    let (rows, cols) = (1000, 64);
    let indices: Vec<usize> = (0..9000).map(|i| i * 7919 % rows).collect();
    let grad = numbers::<f32>(3, indices.len() * cols);
    let sums = same_everywhere(|| {
        let mut sums = vec![0.0; rows * cols];
        scatter_add_rows(&grad, cols, &indices, &mut sums, rows);
        sums
    });
    let mut expected = vec![0.0f32; rows * cols];
    for (i, &index) in indices.iter().enumerate() {
        for j in 0..cols {
            expected[index * cols + j] += grad[i * cols + j];
        }
    }
    assert_eq!(sums, expected);
    let mut table = vec![0.0; 2 * cols];
    gather_rows(&sums, rows, cols, &[999, 0], &mut table);
    assert_eq!(table[..cols], sums[999 * cols..]);
}

#[test]
#[should_panic(expected = "gather_axis: indices must be below 2, got 2")]
fn an_index_out_of_range_is_refused() {
    gather_rows(&[0; 2], 2, 1, &[0, 2], &mut [0; 2]);
}

proptest! {
    #[test]
    fn any_permutation_is_index_arithmetic(
        dims in prop::collection::vec(1usize..7, 0..6),
        seed: u64,
    ) {
        let axes = purlin_core::rng::Stream::new(seed, "axes").rng(0).permutation(dims.len());
        check_permute(&dims, &axes);
    }
}
