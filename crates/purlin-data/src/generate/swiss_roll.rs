//! A rolled-up sheet.

use purlin_core::Matrix;
use purlin_core::rng::Stream;
use std::f64::consts::PI;

/// `n_samples` points of a sheet rolled up in three dimensions, for methods that unroll it.
///
/// The roll is `(t cos t, y, t sin t)` with `t` uniform in `1.5 pi .. 4.5 pi` and `y` in `0..21`.
///
/// # Examples
///
/// ```
/// let (x, t) = purlin_data::swiss_roll(100).seed(1).generate();
/// assert_eq!((x.shape(), t.len()), ((100, 3), 100));
/// assert!((x[(0, 0)].hypot(x[(0, 2)]) - t[0]).abs() < 1e-12);
/// ```
///
/// # References
///
/// - S. Marsland, *Machine Learning: An Algorithmic Perspective*, 2nd edition, 2014, chapter 6.
pub fn swiss_roll(n_samples: usize) -> SwissRoll {
    SwissRoll { n_samples, noise: 0.0, seed: 0 }
}

/// Settings of [`swiss_roll`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct SwissRoll {
    n_samples: usize,
    noise: f64,
    seed: u64,
}

impl SwissRoll {
    /// Standard deviation of the Gaussian noise on all coordinates; 0 unless told.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The points, `(n_samples, 3)`, and the place `t` of each along the roll.
    pub fn generate(&self) -> (Matrix<f64>, Vec<f64>) {
        let stream = Stream::new(self.seed, "swiss roll");
        let mut x = Matrix::zeros(self.n_samples, 3);
        let mut places = Vec::with_capacity(self.n_samples);
        for i in 0..self.n_samples {
            let mut rng = stream.rng(i as u64);
            let t = 1.5 * PI * (1.0 + 2.0 * rng.uniform());
            let y = 21.0 * rng.uniform();
            let (sin, cos) = libm::sincos(t);
            for (x, clean) in x.row_mut(i).iter_mut().zip([t * cos, y, t * sin]) {
                *x = clean + self.noise * rng.normal();
            }
            places.push(t);
        }
        (x, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_on_the_roll() {
        let (x, t) = swiss_roll(500).seed(3).generate();
        for (row, t) in x.rows().zip(&t) {
            assert!((1.5 * PI..4.5 * PI).contains(t));
            assert!((row[0] - t * libm::cos(*t)).abs() < 1e-12);
            assert!((row[2] - t * libm::sin(*t)).abs() < 1e-12);
            assert!((0.0..21.0).contains(&row[1]));
        }
        let noisy = swiss_roll(500).noise(0.5).seed(3).generate();
        assert_eq!(noisy.1, t);
        assert_ne!(noisy.0, x);
    }
}
