//! Curves in the plane: moons, circles, spirals.

use purlin_core::Matrix;
use purlin_core::rng::Stream;
use std::f64::consts::{PI, TAU};

/// Two interleaved half circles of `n_samples` points in all (the first gets the odd one).
///
/// The upper is the half circle of radius 1 about the origin, the lower is turned by half a turn
/// about (1/2, 1/4).
///
/// # Examples
///
/// ```
/// let (x, labels) = purlin_data::moons(100).noise(0.05).seed(1).generate();
/// assert_eq!((x.shape(), labels[0], labels[99]), ((100, 2), 0, 1));
/// ```
pub fn moons(n_samples: usize) -> Moons {
    Moons { n_samples, noise: 0.0, seed: 0 }
}

/// Settings of [`moons`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct Moons {
    n_samples: usize,
    noise: f64,
    seed: u64,
}

impl Moons {
    /// Standard deviation of the Gaussian noise on both coordinates; 0 unless told.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The points, `(n_samples, 2)`, and the moon of each.
    pub fn generate(&self) -> (Matrix<f64>, Vec<usize>) {
        let upper = self.n_samples.div_ceil(2);
        points("moons", self.seed, self.noise, &[upper, self.n_samples - upper], |moon, i, n| {
            // Both ends belong to the moon.
            let angle = if n > 1 { PI * i as f64 / (n - 1) as f64 } else { 0.0 };
            let (sin, cos) = libm::sincos(angle);
            if moon == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] }
        })
    }
}

/// A circle of radius 1 and one of radius `factor` within it, `n_samples` points in all (the
/// outer gets the odd one).
///
/// # Examples
///
/// ```
/// let (x, labels) = purlin_data::circles(100).factor(0.5).seed(1).generate();
/// let inner = x.row(99);
/// assert!((inner[0].hypot(inner[1]) - 0.5).abs() < 1e-12);
/// assert_eq!((labels[0], labels[99]), (0, 1));
/// ```
pub fn circles(n_samples: usize) -> Circles {
    Circles { n_samples, factor: 0.8, noise: 0.0, seed: 0 }
}

/// Settings of [`circles`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct Circles {
    n_samples: usize,
    factor: f64,
    noise: f64,
    seed: u64,
}

impl Circles {
    /// Radius of the inner circle; 0.8 unless told.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Standard deviation of the Gaussian noise on both coordinates; 0 unless told.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The points, `(n_samples, 2)`, and the circle of each (0: outer).
    pub fn generate(&self) -> (Matrix<f64>, Vec<usize>) {
        let outer = self.n_samples.div_ceil(2);
        let sizes = [outer, self.n_samples - outer];
        points("circles", self.seed, self.noise, &sizes, |circle, i, n| {
            let (sin, cos) = libm::sincos(TAU * i as f64 / n as f64);
            let radius = if circle == 0 { 1.0 } else { self.factor };
            [radius * cos, radius * sin]
        })
    }
}

/// `n_arms` Archimedean spirals of `n_per_arm` points each, from the origin to radius 1, evenly
/// turned against each other.
///
/// # Examples
///
/// ```
/// let (x, labels) = purlin_data::spirals(3, 50).noise(0.02).seed(1).generate();
/// assert_eq!((x.shape(), labels[149]), ((150, 2), 2));
/// ```
pub fn spirals(n_arms: usize, n_per_arm: usize) -> Spirals {
    Spirals { n_arms, n_per_arm, turns: 1.0, noise: 0.0, seed: 0 }
}

/// Settings of [`spirals`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct Spirals {
    n_arms: usize,
    n_per_arm: usize,
    turns: f64,
    noise: f64,
    seed: u64,
}

impl Spirals {
    /// How often an arm goes round the origin; once unless told.
    pub fn turns(mut self, turns: f64) -> Self {
        self.turns = turns;
        self
    }

    /// Standard deviation of the Gaussian noise on both coordinates; 0 unless told.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The points, `(n_arms * n_per_arm, 2)`, and the arm of each.
    pub fn generate(&self) -> (Matrix<f64>, Vec<usize>) {
        let sizes = vec![self.n_per_arm; self.n_arms];
        points("spirals", self.seed, self.noise, &sizes, |arm, i, n| {
            // The origin itself belongs to no arm.
            let radius = (i + 1) as f64 / n as f64;
            let start = arm as f64 / self.n_arms as f64;
            let (sin, cos) = libm::sincos(TAU * (start + self.turns * radius));
            [radius * cos, radius * sin]
        })
    }
}

/// Groups of points on curves: `curve(group, i, n)` is point `i` of the `n` of a group.
fn points(
    purpose: &str,
    seed: u64,
    noise: f64,
    sizes: &[usize],
    curve: impl Fn(usize, usize, usize) -> [f64; 2],
) -> (Matrix<f64>, Vec<usize>) {
    let stream = Stream::new(seed, purpose);
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for (group, &n) in sizes.iter().enumerate() {
        for i in 0..n {
            let mut rng = stream.rng(rows.len() as u64);
            rows.push(curve(group, i, n).map(|x| x + noise * rng.normal()));
            labels.push(group);
        }
    }
    (Matrix::from_rows(&rows), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_noise_points_lie_on_their_curves() {
        let (x, labels) = moons(41).generate();
        assert_eq!(labels.iter().filter(|&&label| label == 0).count(), 21);
        for (row, &moon) in x.rows().zip(&labels) {
            let (center, sign) = if moon == 0 { ([0.0, 0.0], 1.0) } else { ([1.0, 0.5], -1.0) };
            let (dx, dy) = (row[0] - center[0], row[1] - center[1]);
            assert!((dx * dx + dy * dy - 1.0).abs() < 1e-12 && sign * dy > -1e-12);
        }
        assert_eq!(x.row(0), [1.0, 0.0]);
        let (x, labels) = circles(31).factor(0.3).generate();
        for (row, &circle) in x.rows().zip(&labels) {
            let radius = (row[0] * row[0] + row[1] * row[1]).sqrt();
            assert!((radius - [1.0, 0.3][circle]).abs() < 1e-12);
        }
        let (x, labels) = spirals(4, 25).turns(1.5).generate();
        assert_eq!(labels[99], 3);
        let end = x.row(24);
        // Arm 0 ends after one and a half turns, at (-1, 0).
        assert!((end[0] + 1.0).abs() < 1e-12 && end[1].abs() < 1e-12);
    }

    #[test]
    fn noise_has_the_asked_deviation_and_follows_the_seed() {
        let clean = moons(5000).generate().0;
        let noisy = moons(5000).noise(0.1).seed(9).generate().0;
        let var = noisy.as_slice().iter().zip(clean.as_slice()).map(|(a, b)| (a - b) * (a - b));
        let std = (var.sum::<f64>() / 10_000.0).sqrt();
        assert!((std - 0.1).abs() < 0.003, "{std}"); // standard error 0.0007
        assert_eq!(noisy, moons(5000).noise(0.1).seed(9).generate().0);
        assert_ne!(noisy, moons(5000).noise(0.1).seed(8).generate().0);
        assert_eq!(circles(0).generate().0.n_rows(), 0);
        assert_eq!(moons(1).generate().1, [0]);
    }
}
