//! Every way finds the same tree.

use super::{Edge, boruvka, prim_of_rows};
use crate::index::{Rank, Tree, all_nearest};
use crate::{Metric, reach};
use purlin_core::{Matrix, MatrixView, Real, rng::Stream};

/// All edges in order, those that close no circle.
fn naive<T: Real>(x: MatrixView<'_, T>, metric: &Metric, cores: &[T]) -> Vec<Edge<T>> {
    let form = reach::form(metric).expect("a form");
    let n = x.n_rows();
    let mut edges = Vec::new();
    for i in 0..n {
        for j in i + 1..n {
            let value = form.of(x.row(i), x.row(j));
            edges.push(Edge::new(value.max(cores[i]).max(cores[j]), value, i as u32, j as u32));
        }
    }
    edges.sort_unstable_by(Edge::order);
    let mut sets: Vec<usize> = (0..n).collect();
    edges.retain(|edge| {
        let (a, b) = (sets[edge.a as usize], sets[edge.b as usize]);
        if a != b {
            sets.iter_mut().filter(|set| **set == b).for_each(|set| *set = a);
        }
        a != b
    });
    edges
}

/// The tree by all ways, with lists of `k` and the core values of the `min_samples`-th nearest.
fn check<T: Real>(x: MatrixView<'_, T>, metric: &Metric, k: usize, min_samples: usize, by: &str) {
    let (n, form) = (x.n_rows(), reach::form(metric).expect("a form"));
    let tree = Tree::new(x, form);
    let longest = k.max(min_samples).min(n);
    let places: Vec<usize> = (0..longest).collect();
    let near = all_nearest(x, &tree, &tree, &places, Rank::Value);
    let values: Vec<T> =
        near.chunks_exact(longest).map(|near| near[min_samples.min(n) - 1].value).collect();
    let mut cores = vec![T::ZERO; n];
    for (&row, &value) in tree.order().iter().zip(&values) {
        cores[row as usize] = value;
    }
    let kept: Vec<_> =
        near.chunks_exact(longest).flat_map(|near| near[..k.min(n)].iter().copied()).collect();
    let fast = boruvka(&tree, &values, &kept);
    let slow = prim_of_rows("mst", x, metric, &cores).expect("a tree");
    assert_eq!(fast, slow, "{by}, {metric:?}, {k} in lists, {min_samples} samples");
    if n <= 300 {
        assert_eq!(slow, naive(x, metric, &cores), "{by}, {metric:?}");
    }
}

fn check_all<T: Real>(x: &Matrix<f64>, by: &str) {
    let x = x.view().cast::<T>();
    for metric in [Metric::Euclidean, Metric::Manhattan, Metric::Chebyshev] {
        for (k, min_samples) in [(1, 1), (6, 1), (5, 5), (4, 11)] {
            check(x.view(), &metric, k, min_samples, by);
        }
    }
}

#[test]
fn hostile_tables_have_one_tree() {
    let mut rng = Stream::new(3, "mst").rng(0);
    for n in [1, 2, 40, 250, 900] {
        for d in [1, 2, 4] {
            let random = Matrix::from_fn(n, d, |_, _| rng.normal());
            let side = (n as f64).powf(1.0 / d as f64).ceil() as usize;
            let lattice = Matrix::from_fn(n, d, |i, j| (i / side.pow(j as u32) % side) as f64);
            let pairs = Matrix::from_fn(n, d, |i, j| random[(i / 2, j)]);
            let two = Matrix::from_fn(n, d, |i, _| f64::from(u8::from(i % 3 == 0)));
            let line = Matrix::from_fn(n, d, |i, _| (i * 7 % n) as f64);
            let far = Matrix::from_fn(n, d, |i, j| 1e8 + random[(i, j)]);
            let tiny = Matrix::from_fn(n, d, |i, j| 1e-170 * random[(i, j)]);
            let huge = Matrix::from_fn(n, d, |i, j| 1e160 * random[(i, j)]);
            let tables = [
                ("random", random),
                ("lattice", lattice),
                ("pairs", pairs),
                ("two places", two),
                ("line", line),
                ("offset", far),
                ("tiny", tiny),
                ("huge", huge),
            ];
            for (by, x) in &tables {
                check_all::<f64>(x, by);
                if *by != "huge" {
                    check_all::<f32>(x, by);
                }
            }
        }
    }
}
