//! Spectral clustering: against scikit-learn, on shapes, and what it must keep.

use crate::common::{check_same_bits, reference_sets};
use proptest::prelude::*;
use purlin_cluster::{
    Affinity, CondensedMatrix, MemoryBudget, Metric, SpectralClustering, SpectralModel, metrics,
};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView};
use purlin_testkit::{reference, strategies};
use serde_json::Value;

const VALUES: &str = include_str!("reference/spectral_mean_shift.json");

fn table(set: &Value) -> Matrix<f64> {
    let size = |key: &str| set[key].as_u64().expect("a size") as usize;
    Matrix::from_vec(reference::numbers(&set["X"]), size("n"), size("d")).expect("a table")
}

fn rand(a: &[usize], b: &[usize]) -> f64 {
    metrics::adjusted_rand(a, b).expect("labels of the same rows")
}

/// The squared distances to the means of `k` groups, summed.
fn within(x: MatrixView<'_, f64>, labels: &[usize], k: usize) -> f64 {
    let rows = |group| (0..x.n_rows()).filter(move |&i| labels[i] == group);
    let spread = |group, j: usize| {
        let values: Vec<f64> = rows(group).map(|i| x[(i, j)]).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    (0..k).map(|group| (0..x.n_cols()).map(|j| spread(group, j)).sum::<f64>()).sum()
}

fn knn(k: usize, n: usize) -> SpectralClustering {
    SpectralClustering::new(k).affinity(Affinity::NearestNeighbors(n))
}

fn rbf(k: usize, gamma: f64) -> SpectralClustering {
    SpectralClustering::new(k).affinity(Affinity::Rbf { gamma })
}

#[test]
fn partitions_and_eigenvalues_are_those_of_scikit_learn() {
    let Some(sets) = reference_sets() else {
        eprintln!("left out: PURLIN_DATA does not name the reference results");
        return;
    };
    let values: Value = serde_json::from_str(VALUES).unwrap();
    let (mut n_cases, mut n_same) = (0, 0);
    for (name, set) in sets {
        let x = table(&set);
        for case in values["sets"][name]["spectral"].as_array().into_iter().flatten() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (k, neighbors) = (number("k") as usize, number("n_neighbors") as usize);
            let spectral = match neighbors {
                0 => rbf(k, number("gamma")),
                neighbors => knn(k, neighbors),
            };
            let expected = reference::numbers(&case["eigenvalues"]);
            let model = spectral.clone().n_components(expected.len()).fit(x.view()).unwrap();
            assert!(model.converged());
            for (value, expected) in model.eigenvalues().iter().zip(&expected) {
                let place = format!("{name}: {case:.100}");
                assert!((value - expected).abs() < 1e-8, "{value} {expected} {place}");
            }
            // Where the eigenvectors are not unique, partitions are not either.
            if expected[k] - expected[k - 1] > 1e-3 {
                let labels: Vec<usize> =
                    reference::numbers(&case["labels"]).into_iter().map(|x| x as usize).collect();
                let model = spectral.fit(x.view()).unwrap();
                // Ours may be the better optimum of k-means in the same embedding.
                let spread = |labels: &[usize]| within(model.embedding(), labels, k);
                let is_same = rand(model.labels(), &labels) == 1.0;
                assert!(
                    is_same || spread(model.labels()) < spread(&labels),
                    "{name}, {k} clusters, {neighbors} neighbors, {spectral:?}"
                );
                n_cases += 1;
                n_same += usize::from(is_same);
            }
        }
    }
    assert_eq!((n_cases, n_same), (23, 22));
}

/// Points along curves, `n` each, with some noise.
fn curves(n: usize, noise: f64, curves: &[&dyn Fn(f64) -> [f64; 2]]) -> (Matrix<f64>, Vec<usize>) {
    let mut rng = Stream::new(3, "curves").rng(0);
    let x = Matrix::from_fn(n * curves.len(), 2, |i, j| {
        curves[i / n]((i % n) as f64 / n as f64)[j] + noise * rng.normal()
    });
    (x, (0..n * curves.len()).map(|i| i / n).collect())
}

#[test]
fn moons_rings_and_spirals_are_parted() {
    use std::f64::consts::{PI, TAU};
    let moon = |t: f64| [(t * PI).cos(), (t * PI).sin()];
    let other_moon = |t: f64| [1.0 - (t * PI).cos(), 0.5 - (t * PI).sin()];
    let ring = |radius: f64| move |t: f64| [radius * (t * TAU).cos(), radius * (t * TAU).sin()];
    let arm = |turn: f64| {
        move |t: f64| {
            let (angle, radius) = (turn + 4.0 * t, 1.0 + 4.0 * t);
            [radius * angle.cos(), radius * angle.sin()]
        }
    };
    for (what, noise, gamma, shape) in [
        ("moons", 0.05, 30.0, [&moon as &dyn Fn(f64) -> [f64; 2], &other_moon].as_slice()),
        ("rings", 0.05, 20.0, [&ring(1.0) as &dyn Fn(f64) -> [f64; 2], &ring(2.5)].as_slice()),
        (
            "spirals",
            0.05,
            20.0,
            [&arm(0.0) as &dyn Fn(f64) -> [f64; 2], &arm(TAU / 3.0), &arm(2.0 * TAU / 3.0)]
                .as_slice(),
        ),
    ] {
        let (x, truth) = curves(250, noise, shape);
        for spectral in [knn(shape.len(), 10), rbf(shape.len(), gamma)] {
            let model = spectral.fit(x.view()).unwrap();
            assert!(model.converged());
            assert_eq!(rand(model.labels(), &truth), 1.0, "{what} {spectral:?}");
            let single = spectral.fit(x.view().cast::<f32>().view()).unwrap();
            assert_eq!(rand(single.labels(), &truth), 1.0, "{what} {spectral:?} in f32");
        }
    }
}

/// Four groups that touch, so that the graph is connected.
fn groups(n: usize) -> Matrix<f64> {
    let mut rng = Stream::new(4, "groups").rng(0);
    Matrix::from_fn(n, 2, |i, j| 6.0 * ((i % 4) >> j & 1) as f64 + rng.normal())
}

fn affinity(x: MatrixView<'_, f64>, gamma: f64, i: usize, j: usize) -> f64 {
    let square = Metric::SquaredEuclidean.distance(x.row(i), x.row(j));
    if i == j { 0.0 } else { (-gamma * square).exp() }
}

/// `(D - A) u = w D u` for each column `u`, the first of which is known; `u^T D u` is 1, and 0 for two.
fn check_eigenvectors(x: MatrixView<'_, f64>, gamma: f64, model: &SpectralModel) {
    let n = x.n_rows();
    let weights = Matrix::from_fn(n, n, |i, j| affinity(x, gamma, i, j));
    let degrees: Vec<f64> = weights.rows().map(|row| row.iter().sum()).collect();
    assert_eq!(model.eigenvalues()[0], 0.0);
    assert!(model.eigenvalues().is_sorted());
    for (c, value) in model.eigenvalues().iter().enumerate() {
        let u: Vec<f64> = model.embedding().column(c).collect();
        for (i, (row, &degree)) in weights.rows().zip(&degrees).enumerate() {
            let sum: f64 = row.iter().zip(&u).map(|(weight, u)| weight * u).sum();
            let rest = (degree * u[i] - sum - value * degree * u[i]) / degree.sqrt();
            assert!(rest.abs() < 2e-8, "{rest} at {i}, {c}");
        }
        for other in 0..=c {
            let pairs = degrees.iter().zip(&u).zip(model.embedding().column(other));
            let inner: f64 = pairs.map(|((degree, u), other)| degree * u * other).sum();
            let expected = f64::from(u8::from(other == c));
            assert!(
                (inner - expected).abs() < 1e-12,
                "{inner} of columns {c} and {other}, {value}"
            );
        }
        let largest = u.iter().fold(0.0f64, |m, &v| if v.abs() > m.abs() { v } else { m });
        assert!(largest > 0.0);
    }
}

#[test]
fn the_embedding_is_made_of_eigenvectors() {
    let x = groups(300);
    let n = x.n_rows();
    let gamma = 0.3;
    let model = rbf(4, gamma).fit(x.view()).unwrap();
    check_eigenvectors(x.view(), gamma, &model);
    // The same affinities, given.
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let affinity: Vec<f64> = pairs.map(|(i, j)| affinity(x.view(), gamma, i, j)).collect();
    let affinity = CondensedMatrix::from_vec(n, affinity).unwrap();
    let given = SpectralClustering::new(4).fit_precomputed(&affinity).unwrap();
    assert_eq!(given.labels(), model.labels());
    assert_eq!((given.n_features(), model.n_features()), (0, 2));
    for (a, b) in given.eigenvalues().iter().zip(model.eigenvalues()) {
        assert!((a - b).abs() < 1e-12);
    }
}

/// Many rows in few places: eigenvalues of high multiplicity, and some far above all others.
#[test]
fn rows_in_few_places_have_an_embedding_of_eigenvectors() {
    for seed in 0..150 {
        let mut rng = Stream::new(seed, "places").rng(0);
        let (n, n_places, d) = (65 + rng.below(40), 2 + rng.below(4), 1 + rng.below(3));
        let scale = [0.1, 1.0, 3.0, 6.0][rng.below(4)];
        let places = Matrix::from_fn(n_places, d, |_, _| scale * rng.normal());
        let is_even = rng.below(2) == 1;
        let mut place = || if is_even || rng.below(10) == 0 { rng.below(n_places) } else { 0 };
        let of: Vec<usize> = (0..n).map(|_| place()).collect();
        let x = places.view().select_rows(&of);
        for gamma in [1e-3, 1.0] {
            let model = rbf(2, gamma).n_components(2 + seed as usize % 5).fit(x.view()).unwrap();
            check_eigenvectors(x.view(), gamma, &model);
            assert!(model.converged() && model.n_products() <= 2 * n + 1000);
        }
    }
}

#[test]
fn parts_and_lone_samples_have_known_vectors() {
    // Three parts of 5, 4 and 2 samples, and one far from all.
    let x = [0.0, 0.1, 50.0, 0.2, 50.1, 0.3, 1e6, 50.2, 0.4, 90.0, 50.3, 90.1].map(|x| [x]);
    let x = MatrixView::from_rows(&x);
    let model = rbf(3, 1.0).fit(x).unwrap();
    assert_eq!(model.eigenvalues(), [0.0; 3]);
    assert_eq!(model.n_products(), 0);
    let groups = [&[0, 1, 3, 5, 8][..], &[2, 4, 7, 10], &[9, 11]];
    for (c, group) in groups.into_iter().enumerate() {
        let value = model.embedding().row(group[0])[c];
        assert!(value > 0.0);
        for i in 0..12 {
            let expected = if group.contains(&i) { value } else { 0.0 };
            assert_eq!(model.embedding().row(i)[c], expected, "sample {i}, part {c}");
        }
        assert!(group.iter().all(|&i| model.labels()[i] == model.labels()[group[0]]));
    }
    assert_eq!(model.embedding().row(6), [0.0; 3]);
    // Fewer columns than parts: the great ones.
    let model = rbf(3, 1.0).n_components(2).fit(x).unwrap();
    assert_eq!(model.eigenvalues(), [0.0; 2]);
    assert_eq!((model.embedding().row(9), model.embedding().row(2)[0]), (&[0.0; 2][..], 0.0));
    assert_eq!(model.labels()[9], model.labels()[11]);
    assert_ne!(model.labels()[9], model.labels()[0]);
    // More: the next ones are no longer 0.
    let model = rbf(3, 1.0).n_components(5).fit(x).unwrap();
    assert_eq!(model.eigenvalues()[..3], [0.0; 3]);
    assert!(model.eigenvalues()[3] > 0.5);
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let x = groups(1500);
    for spectral in [knn(4, 10), rbf(4, 0.2)] {
        let run = || {
            let model = spectral.fit(x.view()).unwrap();
            let embedding = model.embedding().to_vec();
            (model.labels().to_vec(), embedding, model.eigenvalues().to_vec())
        };
        check_same_bits(run);
    }
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = groups(40);
    let text = |result: purlin_cluster::Result<SpectralModel>| result.unwrap_err().to_string();
    let of = |spectral: SpectralClustering| text(spectral.fit(x.view()));
    let op = "spectral_clustering";
    for (spectral, expected) in [
        (knn(0, 5), "n_clusters must be at least 1, got 0"),
        (knn(2, 5).n_components(0), "n_components must be at least 1, got 0"),
        (knn(2, 5).n_init(0), "n_init must be at least 1, got 0"),
        (knn(2, 5).tol(0.0), "tol must be finite and at least 1e-14, got 0"),
        (knn(2, 5).tol(f64::NAN), "tol must be finite and at least 1e-14, got NaN"),
        (knn(2, 1), "n_neighbors must be at least 2, the sample itself one of them, got 1"),
        (rbf(2, 0.0), "gamma must be finite and above 0, got 0"),
        (rbf(2, f64::INFINITY), "gamma must be finite and above 0, got inf"),
        (knn(41, 5), "expected at least 41 samples, got 40"),
        (knn(2, 41), "expected at least 41 samples, got 40"),
        (rbf(2, 1.0).n_components(50), "expected at least 50 samples, got 40"),
        (
            rbf(2, 1.0).memory(MemoryBudget::new(12_799)),
            "the affinity matrix needs 12800 bytes, allowed are 12799",
        ),
        (rbf(2, 1e12), "expected at least 1 pair with an affinity above 0, got 0"),
        (
            rbf(2, 0.1).n_components(1),
            "expected an embedding with at least 2 distinct samples, got 1",
        ),
    ] {
        assert_eq!(of(spectral), format!("{op}: {expected}"));
    }
    let none = MatrixView::from_slice(&[], 0, 2).unwrap();
    assert_eq!(
        text(knn(2, 5).fit::<f64>(none)),
        format!("{op}: expected at least 5 samples, got 0")
    );
    let none = MatrixView::from_slice(&[], usize::MAX, 0).unwrap();
    let expected = format!("{op}: expected x with at least 1 column, got 0");
    assert_eq!(text(knn(2, 5).fit::<f64>(none)), expected);
    let mut bad = x.clone();
    bad.row_mut(7)[1] = f64::NAN;
    let expected = format!("{op}: x must be finite, got NaN at row 7, column 1");
    assert_eq!(text(knn(2, 5).fit(bad.view())), expected);
    let affinity = CondensedMatrix::from_vec(3, vec![1.0, 2.0, f64::INFINITY]).unwrap();
    let expected = format!("{op}: affinity must be finite, got inf at (1, 2)");
    assert_eq!(text(knn(2, 5).fit_precomputed(&affinity)), expected);
    let expected = format!("{op}: expected at least 4 samples, got 3");
    assert_eq!(text(knn(4, 5).fit_precomputed(&affinity)), expected);
    let budget = knn(2, 5).memory(MemoryBudget::new(10));
    let expected = format!("{op}: the affinity matrix needs 72 bytes, allowed are 10");
    assert_eq!(text(budget.fit_precomputed(&affinity)), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the table, there is a result that keeps its word, or an error.
    #[test]
    fn hostile_tables_are_embedded(
        x in strategies::hostile_matrix(6usize..90, 1usize..4),
        gamma in prop::sample::select(vec![1e-3, 1.0, 1e3]),
    ) {
        for (spectral, is_rbf) in [(knn(2, 5), false), (rbf(3, gamma), true)] {
            let model = match spectral.fit(x.view()) {
                Ok(model) => model,
                Err(err) => {
                    let n = x.n_rows();
                    let mut pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
                    let is_lone = is_rbf && pairs.all(|(i, j)| affinity(x.view(), gamma, i, j) == 0.0);
                    let rules: &[&str] = if is_lone {
                        &["expected at least 1 pair with an affinity above 0, got 0"]
                    } else {
                        // The second where affinities are so small that their roots divide too far.
                        &["expected an embedding with at least", "the embedding must be small enough"]
                    };
                    let text = err.to_string();
                    prop_assert!(rules.iter().any(|rule| text.contains(rule)), "{text}: {rules:?}");
                    continue;
                }
            };
            let n = x.n_rows();
            let degree = |i| (0..n).map(|j| affinity(x.view(), gamma, i, j)).sum::<f64>();
            // No sample is alone, or nearly.
            if is_rbf && (0..n).all(|i| degree(i) > 1e-290) {
                check_eigenvectors(x.view(), gamma, &model);
            }
            prop_assert!(model.labels().iter().all(|&label| label < model.n_clusters()));
            prop_assert!(model.eigenvalues().iter().all(|v| (-1e-9..2.0 + 1e-9).contains(v)));
            prop_assert!(model.embedding().rows().flatten().all(|v| v.is_finite()));
        }
    }

    /// A power of two changes no bit of a neighbourhood.
    #[test]
    fn scaled_tables_have_one_embedding(
        x in strategies::matrix(12usize..60, 1usize..4), power in -20i32..20,
    ) {
        let model = knn(2, 4).fit(x.view()).unwrap();
        let scaled = x.map(|v| v * 2f64.powi(power));
        prop_assert_eq!(knn(2, 4).fit(scaled.view()).unwrap(), model);
    }
}
