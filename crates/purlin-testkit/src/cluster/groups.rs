//! A table that everyone clusters the same way.

use purlin_core::{Matrix, Real, rng::Stream};

/// Three groups far apart: row `i` is in group `i % 3`.
///
/// Each group fills a cube of side 1 evenly; the middles are at least 20 apart. Numbers are
/// multiples of `1/1024`, so that both precisions hold them exactly, moved by a whole number too.
///
/// # Panics
///
/// When there is no column.
///
/// # Examples
///
/// ```
/// use purlin_testkit::three_groups;
///
/// let x = three_groups::<f32>(9, 2);
/// let near = |i: usize, j: usize| x.row(i).iter().zip(x.row(j)).all(|(a, b)| (a - b).abs() <= 1.0);
/// assert!(near(0, 3) && near(5, 8) && !near(0, 1));
/// ```
#[track_caller]
pub fn three_groups<T: Real>(n_samples: usize, n_features: usize) -> Matrix<T> {
    assert!(n_features > 0, "three_groups: expected at least 1 column, got 0");
    let mut rng = Stream::new(0, "three groups").rng(0);
    Matrix::from_fn(n_samples, n_features, |i, j| {
        let group = i % 3;
        let middle = match j {
            0 => [-20.0, 0.0, 30.0][group],
            1 => [10.0, -15.0, 5.0][group],
            _ => 0.0,
        };
        let place = rng.below(1025) as f64 / 1024.0 - 0.5;
        T::from_f64(middle + place)
    })
}
