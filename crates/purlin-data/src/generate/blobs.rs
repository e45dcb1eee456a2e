//! Gaussian clouds.

use purlin_core::rng::Stream;
use purlin_core::{Error, Matrix, Result};

/// `n_centers` Gaussian clouds of `n_per_center` points each.
///
/// # Examples
///
/// ```
/// let (x, labels) = purlin_data::blobs(3, 200).seed(42).generate();
/// assert_eq!(x.shape(), (600, 2));
/// assert_eq!((labels[0], labels[599]), (0, 2));
/// ```
pub fn blobs(n_centers: usize, n_per_center: usize) -> Blobs {
    Blobs {
        centers: Centers::Random(n_centers),
        n_per_center,
        n_features: 2,
        std: 1.0,
        reach: 10.0,
        seed: 0,
    }
}

/// Settings of [`blobs`].
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `generate` is called"]
pub struct Blobs {
    centers: Centers,
    n_per_center: usize,
    n_features: usize,
    std: f64,
    reach: f64,
    seed: u64,
}

#[derive(Debug, Clone)]
enum Centers {
    Random(usize),
    Given(Matrix<f64>),
}

impl Blobs {
    /// Columns; 2 unless told.
    pub fn n_features(mut self, n_features: usize) -> Self {
        self.n_features = n_features;
        self
    }

    /// Standard deviation of each cloud along each axis; 1 unless told.
    pub fn std(mut self, std: f64) -> Self {
        self.std = std;
        self
    }

    /// Centres are drawn uniformly from `-reach..reach` along each axis; 10 unless told.
    pub fn reach(mut self, reach: f64) -> Self {
        self.reach = reach;
        self
    }

    /// Centres of your own, `(n_centers, n_features)`, instead of random ones.
    ///
    /// # Errors
    ///
    /// [`Error::NonFinite`]: NaN or an infinity.
    pub fn centers(mut self, centers: Matrix<f64>) -> Result<Self, Error> {
        centers.view().check_finite("blobs", "centers")?;
        self.n_features = centers.n_cols();
        self.centers = Centers::Given(centers);
        Ok(self)
    }

    /// Seeds the draws.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The points, `(n_centers * n_per_center, n_features)`, and the cloud of each.
    pub fn generate(&self) -> (Matrix<f64>, Vec<usize>) {
        let stream = Stream::new(self.seed, "blobs");
        let centers = match &self.centers {
            Centers::Given(centers) => centers.clone(),
            Centers::Random(n) => {
                let mut rng = stream.child("centers").rng(0);
                let reach = self.reach;
                Matrix::from_fn(*n, self.n_features, |_, _| (2.0 * rng.uniform() - 1.0) * reach)
            }
        };
        let noise = stream.child("noise");
        let n = centers.n_rows() * self.n_per_center;
        let labels: Vec<usize> = (0..n).map(|i| i / self.n_per_center).collect();
        let mut x = Matrix::zeros(n, centers.n_cols());
        for (i, &label) in labels.iter().enumerate() {
            let mut rng = noise.rng(i as u64);
            for (x, c) in x.row_mut(i).iter_mut().zip(centers.row(label)) {
                *x = c + self.std * rng.normal();
            }
        }
        (x, labels)
    }
}

/// The corners of a regular polygon as centres for [`Blobs::centers`], `(n_centers, 2)`: on a circle of
/// this radius about the origin, the first at angle 0.
///
/// # Examples
///
/// ```
/// use purlin_data::{blobs, ring_centers};
///
/// let (x, modes) = blobs(0, 100).centers(ring_centers(8, 2.0))?.std(0.02).seed(1).generate();
/// assert_eq!((x.shape(), modes[799]), ((800, 2), 7));
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn ring_centers(n_centers: usize, radius: f64) -> Matrix<f64> {
    Matrix::from_fn(n_centers, 2, |i, j| {
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * i as f64 / n_centers as f64);
        radius * [cos, sin][j]
    })
}

/// A square grid of centres for [`Blobs::centers`], `(side * side, 2)`: `spacing` apart, its middle at
/// the origin, row by row.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_data::grid_centers;
///
/// let corners = [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]];
/// assert_eq!(grid_centers(2, 2.0), Matrix::from_rows(&corners));
/// ```
pub fn grid_centers(side: usize, spacing: f64) -> Matrix<f64> {
    Matrix::from_fn(side * side, 2, |i, j| {
        let step = [i % side, i / side][j] as f64;
        spacing * (step - (side as f64 - 1.0) / 2.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_lie_about_their_centres() {
        let centers = Matrix::from_rows(&[[0.0, 0.0, 100.0], [-50.0, 7.0, 0.0]]);
        let blobs = blobs(0, 4000).centers(centers.clone()).unwrap().std(2.0).seed(5);
        let (x, labels) = blobs.generate();
        for class in 0..2 {
            for j in 0..3 {
                let values: Vec<f64> =
                    (0..8000).filter(|&i| labels[i] == class).map(|i| x[(i, j)]).collect();
                let mean = values.iter().sum::<f64>() / 4000.0;
                let var = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 4000.0;
                // Standard errors: 2 / sqrt(4000) = 0.03 and 4 sqrt(2 / 4000) = 0.09.
                assert!((mean - centers[(class, j)]).abs() < 0.15, "{mean}");
                assert!((var - 4.0).abs() < 0.45, "{var}");
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let run = |seed| blobs(2, 5).n_features(4).reach(3.0).seed(seed).generate().0;
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(run(1).shape(), (10, 4));
        assert_eq!(blobs(3, 0).generate().0.shape(), (0, 2));
        assert!(blobs(1, 1).centers(Matrix::from_rows(&[[f64::NAN]])).is_err());
    }

    #[test]
    fn rings_and_grids_lie_about_the_origin() {
        let ring = ring_centers(5, 3.0);
        assert_eq!(ring.row(0), [3.0, 0.0]);
        for row in ring.rows() {
            assert!((row[0] * row[0] + row[1] * row[1] - 9.0).abs() < 1e-12);
        }
        let grid = grid_centers(5, 1.5);
        assert_eq!(
            (grid.row(0), grid.row(12), grid.row(24)),
            (&[-3.0; 2][..], &[0.0; 2][..], &[3.0; 2][..])
        );
        assert_eq!(grid.row(1), [-1.5, -3.0]);
        assert_eq!(grid_centers(0, 1.0).n_rows(), 0);
    }
}
