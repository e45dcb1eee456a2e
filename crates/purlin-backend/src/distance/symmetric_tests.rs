//! Rows of a symmetric table are those of the definition, whatever happens to the table.

use super::{Joined, Symmetric, Update, naive};
use crate::gemm::testing::{bits, numbers, on_threads};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::{MatrixView, Real};

/// A square table with its diagonal, the definition.
#[derive(Clone)]
struct Square<T>(Vec<Vec<T>>);

impl<T: Real> Square<T> {
    fn of_rows(x: MatrixView<'_, T>, has_root: bool) -> Self {
        let of = |i: usize, j: usize| match naive::squared_euclidean(x.row(i), x.row(j)) {
            _ if i == j => T::INFINITY,
            square if has_root => square.sqrt(),
            square => square,
        };
        Self((0..x.n_rows()).map(|i| (0..x.n_rows()).map(|j| of(i, j)).collect()).collect())
    }

    fn nearest(&self, i: usize, floors: &[T]) -> Option<(T, u32)> {
        let row = self.0[i].iter().zip(floors).map(|(&value, &floor)| value.max(floor));
        let finite = row.zip(0..).filter(|(value, _)| *value < T::INFINITY);
        finite.reduce(|best, next| if next.0 < best.0 { next } else { best })
    }

    fn join(&mut self, a: usize, b: usize, update: Update, sizes: &[f64]) {
        for (x, &n) in sizes.iter().enumerate().take(self.0.len()) {
            let (ax, bx) = (self.0[a][x].to_f64(), self.0[b][x].to_f64());
            let new = match update {
                Update::Complete => ax.max(bx),
                Update::Average { sizes: [a, b] } => (a * ax + b * bx) / (a + b),
                Update::Weighted => 0.5 * ax + 0.5 * bx,
                Update::Ward { sizes: [a, b], between } => {
                    (((a + n) * ax + (b + n) * bx - n * between) / (a + b + n)).max(0.0)
                }
                Update::Centroid { sizes: [a, b], between } => {
                    ((a * ax + b * bx - a * b * between / (a + b)) / (a + b)).max(0.0)
                }
                Update::Median { between } => (0.5 * ax + 0.5 * bx - 0.25 * between).max(0.0),
            };
            if x != a && x != b {
                (self.0[a][x], self.0[x][a]) = (T::from_f64(new), T::from_f64(new));
            }
        }
    }

    fn assert_is(&self, table: &Symmetric<T>) {
        for (i, row) in self.0.iter().enumerate() {
            let got: Vec<T> = (0..table.n()).map(|j| table.get(i, j)).collect();
            assert_eq!(bits(&got), bits(row), "row {i} of {}", table.n());
        }
    }
}

fn check<T: Real>(n: usize, d: usize, seed: u64, has_root: bool) {
    // Quarters: distances tie.
    let whole = |x: T| T::from_f64((x.to_f64() * 4.0).round() / 4.0);
    let x: Vec<T> = numbers::<T>(n * d, seed).into_iter().map(whole).collect();
    let x = MatrixView::from_slice(&x, n, d).unwrap();
    let (mut table, nearest) = Symmetric::of_rows(x, has_root);
    let mut square = Square::of_rows(x, has_root);
    square.assert_is(&table);
    let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let condensed = pairs().map(|(i, j)| square.0[i][j]).collect();
    square.assert_is(&Symmetric::from_condensed(n, condensed));

    let padded = table.n_padded();
    let mut floors = vec![T::ZERO; padded];
    floors[n..].fill(T::INFINITY);
    for (i, &nearest) in nearest.iter().enumerate() {
        let expected = square.nearest(i, &floors);
        assert_eq!(nearest, expected.unwrap_or((T::INFINITY, u32::MAX)));
        assert_eq!(table.nearest(i, &floors), expected);
    }

    // Joins of all kinds, with rows that drop out in between.
    let mut left: Vec<usize> = (0..n).collect();
    let mut sizes: Vec<f64> = (0..padded).map(|i| (i % 7 + 1) as f64).collect();
    let mut state = seed;
    while left.len() > 1 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7b7e_f767_814f);
        let step = (state >> 33) as usize;
        let b = left.remove(1 + step % (left.len() - 1));
        let a = left[step / 7 % left.len()];
        let (a, b) = if step.is_multiple_of(2) { (a.min(b), a.max(b)) } else { (a, b) };
        floors[b] = T::INFINITY;
        if let Some(place) = left.iter().position(|&x| x == b) {
            left[place] = a;
        }
        floors[a] = T::ZERO;
        left.sort_unstable();
        let pair = [sizes[a], sizes[b]];
        let between = square.0[a][b].to_f64();
        let update = match step / 3 % 6 {
            0 => Update::Complete,
            1 => Update::Average { sizes: pair },
            2 => Update::Weighted,
            3 => Update::Ward { sizes: pair, between },
            4 => Update::Centroid { sizes: pair, between },
            _ => Update::Median { between },
        };
        square.join(a, b, update, &sizes);
        let expected = square.nearest(a, &floors);
        let mut bounds = vec![-T::INFINITY; padded];
        for &x in &left {
            bounds[x] = square.nearest(x, &floors).map_or(T::INFINITY, |(value, _)| value);
        }
        let joined = Joined { update, floors: &floors, bounds: &bounds, sizes: &sizes };
        let mut hits = Vec::new();
        assert_eq!(table.join(a, b, &joined, &mut hits), expected);
        square.assert_is(&table);
        let near = |&x: &usize| x != a && square.0[a][x] <= bounds[x];
        let expected: Vec<(u32, T)> =
            left.iter().copied().filter(near).map(|x| (x as u32, square.0[a][x])).collect();
        hits.retain(|&(x, _)| x as usize != a);
        assert_eq!(hits, expected);
        sizes[a] += sizes[b];
        if step.is_multiple_of(5) {
            let kept: Vec<u32> = left.iter().map(|&x| x as u32).collect();
            table.compact(&kept);
            let row = |&i: &usize| left.iter().map(|&j| square.0[i][j]).collect();
            square = Square(left.iter().map(row).collect());
            square.assert_is(&table);
            let mut floors = vec![T::INFINITY; table.n_padded()];
            floors[..left.len()].fill(T::ZERO);
            for i in 0..table.n() {
                assert_eq!(table.nearest(i, &floors), square.nearest(i, &floors));
            }
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn rows_of_a_symmetric_table_are_the_definitions(
        n in 1usize..40, d in 1usize..5, seed in 0u64..1000, has_root: bool,
    ) {
        for isa in IsaKind::available() {
            let _pin = pin(isa);
            check::<f32>(n, d, seed, has_root);
            check::<f64>(n, d, seed, has_root);
        }
    }
}

/// Several tasks in each step, some of more than the least number of tile rows; more than one block and
/// more than one piece.
#[test]
fn threads_do_not_change_a_row() {
    let (n, d) = (4700, 2);
    // Eighths: distances tie.
    let eighths = |x: f64| (x * 8.0).round() / 8.0;
    let x: Vec<f64> = numbers::<f64>(n * d, 3).into_iter().map(eighths).collect();
    let x = MatrixView::from_slice(&x, n, d).unwrap();
    let run = || {
        let (mut table, nearest) = Symmetric::of_rows(x, true);
        let padded = table.n_padded();
        let (floors, mut bounds) = (vec![0.0; padded], vec![0.0; padded]);
        for (i, &nearest) in nearest.iter().enumerate() {
            assert_eq!(table.nearest(i, &floors), Some(nearest), "row {i}");
        }
        for (bound, nearest) in bounds.iter_mut().zip(&nearest) {
            *bound = nearest.0;
        }
        let sizes = vec![1.0; padded];
        let mut hits = Vec::new();
        let update = Update::Average { sizes: [1.0, 2.0] };
        let joined = Joined { update, floors: &floors, bounds: &bounds, sizes: &sizes };
        let mut found = Vec::new();
        for (a, b) in [(3, 4600), (4000, 17), (2047, 2048), (12, 14)] {
            found.push(table.join(a, b, &joined, &mut hits));
            found.push(table.nearest(b, &floors));
        }
        let rows = [3, 4000, 2047, 12, 4699];
        let rows: Vec<f64> = rows
            .iter()
            .flat_map(|&i| (0..n).map(move |j| (i, j)))
            .map(|(i, j)| table.get(i, j))
            .collect();
        (nearest, found, hits, bits(&rows))
    };
    let expected = on_threads(1, run);
    for threads in [2, 3, 8] {
        assert!(on_threads(threads, run) == expected, "{threads} threads");
    }
}
