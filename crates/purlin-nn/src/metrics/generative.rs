//! How near generated samples are to real ones.

use purlin_core::linalg::symmetric_eigen;
use purlin_core::{Error, Matrix, MatrixView, Real, Result};
use purlin_tensor::Tensor;

/// The Fréchet distance of two sets of features, each taken for a normal distribution: the squared
/// 2-Wasserstein distance of those.
///
/// ```text
/// |m_a - m_b|^2 + tr(C_a) + tr(C_b) - 2 tr(sqrt(sqrt(C_a) C_b sqrt(C_a)))
/// ```
///
/// with the means `m` and the covariances `C` (divided by `n - 1`). With features of the Inception
/// network it is called FID; with those of another network it compares only with itself. Its
/// expectation grows as there are fewer samples: compare sets of the same sizes.
///
/// | value | shape |
/// |---|---|
/// | `a`, `b` | `(n_samples, n_features)`; the numbers of samples may differ |
/// | result | at least 0; in the unit of the features, squared |
///
/// All sums run in double precision. Eigenvalues that rounding leaves below 0 count as 0, and so does
/// such a result. Costs `O(n d^2 + d^3)`.
///
/// # Errors
///
/// [`Error::TooFewSamples`] with fewer than 2 samples in a set, [`Error::Shape`] when the features
/// differ in number or there are none, [`Error::NonFinite`] for NaN or an infinity.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_nn::metrics::frechet_distance;
///
/// // Means 0 and 3, variances 2 and 8: 9 + 2 + 8 - 2 * 4.
/// let (a, b) = (Matrix::from_rows(&[[-1.0], [1.0]]), Matrix::from_rows(&[[1.0], [5.0]]));
/// assert!((frechet_distance(a.view(), b.view())? - 11.0).abs() < 1e-12);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - D. C. Dowson, B. V. Landau, *The Fréchet distance between multivariate normal distributions*,
///   J. Multivariate Anal. 12(3), 1982.
/// - M. Heusel et al., *GANs trained by a two time-scale update rule converge to a local Nash
///   equilibrium*, NeurIPS 2017.
#[doc(alias = "fid")]
pub fn frechet_distance<T: Real>(a: MatrixView<'_, T>, b: MatrixView<'_, T>) -> Result<f64> {
    const OP: &str = "frechet_distance";
    check(OP, a, b)?;
    let ((mean_a, cov_a), (mean_b, cov_b)) = (moments(a)?, moments(b)?);
    let apart: f64 = mean_a.data().iter().zip(mean_b.data()).map(|(a, b)| (a - b) * (a - b)).sum();
    // Products of four numbers follow.
    let size = trace(&cov_a) * trace(&cov_b) + apart;
    if !size.is_finite() {
        return Err(too_great(OP, size));
    }
    let root = root(&cov_a)?;
    let between = root.matmul(&cov_b).matmul(&root);
    let both: f64 = eigenvalues(&between)?.iter().map(|x| x.max(0.0).sqrt()).sum();
    Ok((apart + trace(&cov_a) + trace(&cov_b) - 2.0 * both).max(0.0))
}

/// The kernel distance of two sets of features: the unbiased estimate of the squared maximum mean
/// discrepancy with the kernel `k(x, y) = (x y / d + 1)^3`, `d` the number of features.
///
/// ```text
/// mean of k(a_i, a_j), i != j  +  mean of k(b_i, b_j), i != j  -  2 mean of k(a_i, b_j)
/// ```
///
/// Its expectation is 0 for samples of one distribution, whatever their number, so a single value may
/// well be below 0. All samples are compared with all others, in blocks of rows; where KID is reported
/// as a mean over subsets, this is the estimate with the smallest variance. With features of the
/// Inception network it is called KID.
///
/// # Errors
///
/// As [`frechet_distance`].
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_nn::metrics::kernel_distance;
///
/// // k = 1 within the zeros, 8 within the ones, 1 between.
/// let (a, b) = (Matrix::from_rows(&[[0.0], [0.0]]), Matrix::from_rows(&[[1.0], [1.0]]));
/// assert_eq!(kernel_distance(a.view(), b.view())?, 1.0 + 8.0 - 2.0);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - M. Bińkowski et al., *Demystifying MMD GANs*, ICLR 2018: section 4.
/// - A. Gretton et al., *A kernel two-sample test*, JMLR 13, 2012: equation 3.
#[doc(alias = "kid")]
pub fn kernel_distance<T: Real>(a: MatrixView<'_, T>, b: MatrixView<'_, T>) -> Result<f64> {
    check("kernel_distance", a, b)?;
    let (x, y) = (tensor(a)?, tensor(b)?);
    let within = |x: &Tensor<f64>| {
        let n = x.dims()[0] as f64;
        let own = x.square().sum_axis(1, false);
        let own: f64 = own.data().iter().map(|&xx| kernel(xx, x.dims()[1])).sum();
        (kernel_sum(x, x) - own) / (n * (n - 1.0))
    };
    let between = kernel_sum(&x, &y) / (x.dims()[0] as f64 * y.dims()[0] as f64);
    let distance = within(&x) + within(&y) - 2.0 * between;
    if distance.is_finite() { Ok(distance) } else { Err(too_great("kernel_distance", distance)) }
}

/// Where generated samples lie among the known modes of a distribution; see [`mode_coverage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeCoverage {
    counts: Vec<usize>,
    n_samples: usize,
}

impl ModeCoverage {
    /// High-quality samples of each mode.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Modes with at least one high-quality sample.
    pub fn n_modes(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0).count()
    }

    /// The share of high-quality samples. Of samples of the true distribution in the plane 98.9 % are,
    /// `1 - exp(-9 / 2)`.
    pub fn high_quality(&self) -> f64 {
        self.counts.iter().sum::<usize>() as f64 / self.n_samples as f64
    }
}

/// Counts samples by the mode they lie at: of high quality is one within three standard deviations
/// (Euclidean) of the nearest centre, and a mode is covered that has such a sample.
///
/// | value | shape |
/// |---|---|
/// | `samples` | `(n_samples, n_features)` |
/// | `centers` | `(n_modes, n_features)` |
/// | `std` | the deviation of each mode along each axis |
///
/// # Errors
///
/// [`Error::TooFewSamples`] without samples or centres, [`Error::Shape`] when the features differ in
/// number, [`Error::NonFinite`] for NaN or an infinity, [`Error::InvalidParam`] unless `std` is finite
/// and above 0.
///
/// # Examples
///
/// ```
/// use purlin_core::Matrix;
/// use purlin_nn::metrics::mode_coverage;
///
/// let centers = Matrix::from_rows(&[[0.0, 0.0], [10.0, 0.0]]);
/// let samples = Matrix::from_rows(&[[0.1, 0.2], [0.0, 2.9], [0.0, 3.1], [5.0, 0.0]]);
/// let coverage = mode_coverage(samples.view(), centers.view(), 1.0)?;
/// assert_eq!((coverage.counts(), coverage.n_modes()), (&[2, 0][..], 1));
/// assert_eq!(coverage.high_quality(), 0.5);
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// - A. Srivastava et al., *VEEGAN: reducing mode collapse in GANs using implicit variational
///   learning*, NeurIPS 2017: section 4.1.
pub fn mode_coverage<T: Real, C: Real>(
    samples: MatrixView<'_, T>,
    centers: MatrixView<'_, C>,
    std: f64,
) -> Result<ModeCoverage> {
    const OP: &str = "mode_coverage";
    samples.check_finite(OP, "samples")?;
    centers.check_finite(OP, "centers")?;
    for n in [samples.n_rows(), centers.n_rows()] {
        if n == 0 {
            return Err(Error::TooFewSamples { op: OP, expected: 1, got: 0 });
        }
    }
    if samples.n_cols() != centers.n_cols() {
        let expected = format!("centers with {} features", samples.n_cols());
        return Err(Error::shape(OP, expected, centers.n_cols()));
    }
    if !(std.is_finite() && std > 0.0) {
        return Err(Error::param(OP, "std", "finite and above 0", std));
    }
    let mut counts = vec![0; centers.n_rows()];
    for row in samples.rows() {
        let square = |center: &[C]| -> f64 {
            let differences = row.iter().zip(center).map(|(x, c)| x.to_f64() - c.to_f64());
            differences.map(|d| d * d).sum()
        };
        let distances = centers.rows().map(square).enumerate();
        let nearest = distances.min_by(|(_, a), (_, b)| a.total_cmp(b)); // the first of equals
        if let Some((mode, distance)) = nearest
            && distance <= 9.0 * std * std
        {
            counts[mode] += 1;
        }
    }
    Ok(ModeCoverage { counts, n_samples: samples.n_rows() })
}

fn check<T: Real>(op: &'static str, a: MatrixView<'_, T>, b: MatrixView<'_, T>) -> Result<()> {
    a.check_finite(op, "a")?;
    b.check_finite(op, "b")?;
    if a.n_cols() != b.n_cols() || a.n_cols() == 0 {
        let expected = format!("b with {} features, at least 1", a.n_cols());
        return Err(Error::shape(op, expected, b.n_cols()));
    }
    match a.n_rows().min(b.n_rows()) {
        got @ 0..2 => Err(Error::TooFewSamples { op, expected: 2, got }),
        _ => Ok(()),
    }
}

fn too_great(op: &'static str, got: f64) -> Error {
    Error::param(op, "features", "of a size whose products are finite", got)
}

fn tensor<T: Real>(x: MatrixView<'_, T>) -> Result<Tensor<f64>> {
    let values = x.rows().flat_map(|row| row.iter().map(|x| x.to_f64())).collect();
    Tensor::from_vec(values, [x.n_rows(), x.n_cols()])
}

/// Mean `(d,)` and covariance `(d, d)`.
fn moments<T: Real>(x: MatrixView<'_, T>) -> Result<(Tensor<f64>, Tensor<f64>)> {
    let x = tensor(x)?;
    let mean = x.mean_axis(0, false);
    let centred = &x - &mean;
    let cov = centred.matmul_tn(&centred) / (x.dims()[0] as f64 - 1.0);
    Ok((mean, cov))
}

fn trace(x: &Tensor<f64>) -> f64 {
    let n = x.dims()[0];
    (0..n).map(|i| x.data()[i * n + i]).sum()
}

fn matrix(x: &Tensor<f64>) -> Result<Matrix<f64>> {
    // Products of symmetric matrices are symmetric up to rounding.
    let half = (x + x.transpose(0, 1)).mul_scalar(0.5);
    Matrix::from_vec(half.to_vec(), x.dims()[0], x.dims()[1])
}

fn eigenvalues(x: &Tensor<f64>) -> Result<Vec<f64>> {
    Ok(symmetric_eigen(matrix(x)?.view())?.values)
}

/// The square root of a symmetric matrix without negative eigenvalues.
fn root(x: &Tensor<f64>) -> Result<Tensor<f64>> {
    let eigen = symmetric_eigen(matrix(x)?.view())?;
    let n = eigen.values.len();
    let vectors = Tensor::from_vec(eigen.vectors.as_slice().to_vec(), [n, n])?;
    let roots: Vec<f64> = eigen.values.iter().map(|x| x.max(0.0).sqrt()).collect();
    Ok((&vectors * &Tensor::from_slice(&roots)).matmul_nt(&vectors))
}

fn kernel(product: f64, n_features: usize) -> f64 {
    let base = product / n_features as f64 + 1.0;
    base * base * base
}

/// The sum of the kernel over all pairs, a block of rows at a time.
fn kernel_sum(x: &Tensor<f64>, y: &Tensor<f64>) -> f64 {
    const ROWS: usize = 256;
    let (n, d) = (x.dims()[0], x.dims()[1]);
    (0..n)
        .step_by(ROWS)
        .map(|from| {
            let products = x.slice(0, from..n.min(from + ROWS)).matmul_nt(y);
            products.data().iter().map(|&xy| kernel(xy, d)).sum::<f64>()
        })
        .sum()
}
