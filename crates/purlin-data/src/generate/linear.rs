//! Linear relations.

use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, Result};

/// `n_samples` points with `x` uniform in `-1..1` and `y = slope x + intercept + noise`; unless
/// told, the textbook's `y = 2x + 1` without noise.
///
/// # Examples
///
/// ```
/// let (x, y) = purlin_data::linear(10).seed(1).generate();
/// assert_eq!(x.shape(), (10, 1));
/// assert_eq!(y[3], 2.0 * x[(3, 0)] + 1.0);
/// ```
pub fn linear(n_samples: usize) -> Linear {
    Linear { n_samples, slope: 2.0, intercept: 1.0, noise: 0.0, seed: 0 }
}

/// Settings of [`linear`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct Linear {
    n_samples: usize,
    slope: f64,
    intercept: f64,
    noise: f64,
    seed: u64,
}

impl Linear {
    /// 2 unless told.
    pub fn slope(mut self, slope: f64) -> Self {
        self.slope = slope;
        self
    }

    /// 1 unless told.
    pub fn intercept(mut self, intercept: f64) -> Self {
        self.intercept = intercept;
        self
    }

    /// Standard deviation of the Gaussian noise on `y`; 0 unless told.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The abscissas, `(n_samples, 1)`, and the ordinates.
    pub fn generate(&self) -> (Matrix<f64>, Vec<f64>) {
        let stream = Stream::new(self.seed, "linear");
        let mut x = Matrix::zeros(self.n_samples, 1);
        let mut y = Vec::with_capacity(self.n_samples);
        for i in 0..self.n_samples {
            let mut rng = stream.rng(i as u64);
            let at = 2.0 * rng.uniform() - 1.0;
            x[(i, 0)] = at;
            y.push(self.slope * at + self.intercept + self.noise * rng.normal());
        }
        (x, y)
    }
}

/// A linear target of `n_features` standard normal features, all of them informative unless told.
///
/// # Examples
///
/// ```
/// let data = purlin_data::regression(50, 4).n_informative(2).seed(1).generate()?;
/// assert_eq!(data.x.shape(), (50, 4));
/// assert_eq!(data.coefficients.iter().filter(|&&c| c != 0.0).count(), 2);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn regression(n_samples: usize, n_features: usize) -> Regression {
    Regression { n_samples, n_features, n_informative: n_features, bias: 0.0, noise: 0.0, seed: 0 }
}

/// Settings of [`regression`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct Regression {
    n_samples: usize,
    n_features: usize,
    n_informative: usize,
    bias: f64,
    noise: f64,
    seed: u64,
}

/// What [`regression`] generates: `y = x coefficients + bias + noise`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionData {
    /// `(n_samples, n_features)`.
    pub x: Matrix<f64>,
    /// The target of each sample.
    pub y: Vec<f64>,
    /// The true coefficients; those of features without influence are 0.
    pub coefficients: Vec<f64>,
}

impl Regression {
    /// How many features, at random places, have a coefficient; drawn from `1..100`.
    pub fn n_informative(mut self, n_informative: usize) -> Self {
        self.n_informative = n_informative;
        self
    }

    /// Added to every target; 0 unless told.
    pub fn bias(mut self, bias: f64) -> Self {
        self.bias = bias;
        self
    }

    /// Standard deviation of the Gaussian noise on `y`; 0 unless told.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Draws features, coefficients and targets.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParam`]: more informative features than features.
    pub fn generate(&self) -> Result<RegressionData> {
        let (n, d) = (self.n_samples, self.n_features);
        if self.n_informative > d {
            let rule = format!("at most n_features ({d})");
            return Err(Error::param("regression", "n_informative", rule, self.n_informative));
        }
        let stream = Stream::new(self.seed, "regression");
        let mut coefficients = vec![0.0; d];
        let mut rng = stream.child("coefficients").rng(0);
        for j in rng.permutation(d).into_iter().take(self.n_informative) {
            coefficients[j] = rng.uniform_in(1.0, 100.0);
        }
        let rows = stream.child("rows");
        let mut x = Matrix::zeros(n, d);
        let mut y = Vec::with_capacity(n);
        for i in 0..n {
            let mut rng = rows.rng(i as u64);
            let row = x.row_mut(i);
            row.fill_with(|| rng.normal());
            let clean: f64 = row.iter().zip(&coefficients).map(|(x, c)| x * c).sum();
            y.push(clean + self.bias + self.noise * rng.normal());
        }
        Ok(RegressionData { x, y, coefficients })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_follow_the_formula() {
        let data = regression(40, 6).n_informative(3).bias(5.0).seed(2).generate().unwrap();
        assert_eq!(data.coefficients.iter().filter(|&&c| c >= 1.0).count(), 3);
        for (row, y) in data.x.rows().zip(&data.y) {
            let expected: f64 = row.iter().zip(&data.coefficients).map(|(x, c)| x * c).sum();
            assert!((y - expected - 5.0).abs() < 1e-9);
        }
        assert_eq!(
            regression(1, 2).n_informative(3).generate().unwrap_err().to_string(),
            "regression: n_informative must be at most n_features (2), got 3"
        );
    }

    #[test]
    fn noise_has_the_asked_deviation() {
        let (x, y) = linear(10_000).slope(-3.0).intercept(0.5).noise(0.2).seed(7).generate();
        let var = x.rows().zip(&y).map(|(x, y)| {
            let r = y + 3.0 * x[0] - 0.5;
            r * r
        });
        let std = (var.sum::<f64>() / 10_000.0).sqrt();
        assert!((std - 0.2).abs() < 0.006, "{std}"); // standard error 0.0014
        assert!(x.as_slice().iter().all(|x| (-1.0..1.0).contains(x)));
    }
}
