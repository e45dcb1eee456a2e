//! The data sets of the workloads: Gaussian blobs, some with uniform noise.

use crate::inputs::{integers, normal, to_f32, uniform};
use purlin_core::{Matrix, MatrixView, Real};

/// A data set of the workloads.
#[derive(Clone, Copy)]
pub(super) struct Blobs {
    pub(super) name: &'static str,
    pub(super) n: usize,
    pub(super) d: usize,
    pub(super) k: usize,
    std: f64,
    half_width: f64,
    noise_share: f64,
    seed: u64,
}

impl Blobs {
    /// `k` blobs in a box of half width 10, without noise.
    pub(super) const fn new(
        name: &'static str,
        (n, d, k): (usize, usize, usize),
        std: f64,
        seed: u64,
    ) -> Self {
        Self { name, n, d, k, std, half_width: 10.0, noise_share: 0.0, seed }
    }

    /// Of as many points as wanted.
    pub(super) const fn n(mut self, n: usize) -> Self {
        self.n = n;
        self
    }

    /// Another box.
    pub(super) const fn half_width(mut self, half_width: f64) -> Self {
        self.half_width = half_width;
        self
    }

    /// A twentieth of the points anywhere in the box, a fifth wider.
    pub(super) const fn noisy(mut self) -> Self {
        self.noise_share = 0.05;
        self
    }

    /// The blob of each point; a noise point counts as none.
    pub(super) fn labels(&self) -> Vec<Option<usize>> {
        let labels = integers(self.seed + 1000, self.n, self.k as u64);
        let noise = uniform(self.seed + 3000, self.n);
        labels
            .into_iter()
            .zip(noise)
            .map(|(label, u)| (u >= self.noise_share).then_some(label))
            .collect()
    }

    /// `center + std * normal`, or a uniform point for noise, row by row.
    pub(super) fn points(&self) -> Vec<f64> {
        let &Self { n, d, k, std, half_width, seed, .. } = self;
        let centers = uniform(seed, k * d);
        let mut x = normal(seed + 2000, n * d);
        let anywhere =
            if self.noise_share > 0.0 { uniform(seed + 4000, n * d) } else { Vec::new() };
        for (i, (row, label)) in x.chunks_exact_mut(d).zip(self.labels()).enumerate() {
            match label {
                Some(label) => {
                    for (x, center) in row.iter_mut().zip(&centers[label * d..]) {
                        *x = (2.0 * center - 1.0) * half_width + std * *x;
                    }
                }
                None => {
                    for (x, u) in row.iter_mut().zip(&anywhere[i * d..]) {
                        *x = (2.0 * u - 1.0) * 1.2 * half_width;
                    }
                }
            }
        }
        x
    }

    /// The points in double precision.
    pub(super) fn table(&self) -> Table<f64> {
        Table { values: self.points(), n: self.n, d: self.d }
    }

    /// The points in single precision.
    pub(super) fn table_f32(&self) -> Table<f32> {
        Table { values: to_f32(&self.points()), n: self.n, d: self.d }
    }
}

/// Numbers and their shape.
pub(super) struct Table<T> {
    pub(super) values: Vec<T>,
    pub(super) n: usize,
    pub(super) d: usize,
}

impl<T: Real> Table<T> {
    pub(super) fn view(&self) -> MatrixView<'_, T> {
        MatrixView::from_slice(&self.values, self.n, self.d).expect("n rows of d")
    }

    /// The first `k` rows.
    pub(super) fn first(&self, k: usize) -> Matrix<f64> {
        Matrix::from_fn(k, self.d, |i, j| self.values[i * self.d + j].to_f64())
    }
}
