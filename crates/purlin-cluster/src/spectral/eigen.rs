//! The greatest eigenvalues of a symmetric matrix.
//!
//! Chebyshev-filtered subspace iteration: a block of vectors, some more than are wanted, is
//! multiplied by a polynomial of the matrix that is small on the unwanted part of the spectrum and
//! grows as fast as any beyond it; then the eigenvectors of the matrix within the block's span take
//! the block's place. Lanczos' method would need a few products less, but must make each vector
//! orthogonal to all before, which costs more than the product with a sparse graph does, and it
//! sees one vector of a multiple eigenvalue.

use super::graph::ALONE;
use purlin_backend::elementwise::ops;
use purlin_backend::gemm::{Epilogue, Gemm, gemm};
use purlin_backend::graph::{BLOCK_WIDTH, Square};
use purlin_backend::math;
use purlin_core::linalg::symmetric_eigen;
use purlin_core::rng::{Rng, Stream};
use purlin_core::{Matrix, MatrixView, Result};

/// Nodes up to which the matrix is decomposed at once.
const SMALL: usize = 64;
/// Nodes up to which the matrix is decomposed when the iteration gives up.
const MEDIUM: usize = 1024;
/// Products of the matrix with a block before the iteration gives up; where the matrix can be
/// decomposed, so many for each node, which take about as long as that.
const MOST_PRODUCTS: usize = 100_000;
const PRODUCTS_PER_NODE: usize = 2;
/// The greatest degree of a filter.
const MOST_DEGREES: f64 = 1000.0;
/// How much more a filter may make of the greatest eigenvalue than of an unwanted one: a trace of its
/// vector in all others grows as much.
const MOST_GROWTH: f64 = 1e6;
/// The logarithm of what a filter makes of the least wanted eigenvalue, below which it matters that it
/// makes nearly 1 of some unwanted ones: of others in each round, if the degree changes.
const LEAST_GROWTH: f64 = 3.0;
/// Times that vectors are made orthonormal before what is left is taken for rounding.
const MOST_TURNS: usize = 6;
/// A vector this short, when those beside it have the length 1, is made of rounding.
const LOST: f64 = 1e-7;

/// What was found.
pub(super) struct Leading {
    /// The greatest eigenvalues, falling.
    pub(super) values: Vec<f64>,
    /// Their eigenvectors, of length 1.
    pub(super) vectors: Vec<Vec<f64>>,
    pub(super) converged: bool,
    pub(super) n_products: usize,
}

/// The `k` greatest eigenvalues of a symmetric matrix with eigenvalues in `[-1, 1]`, apart from
/// known eigenvectors of eigenvalue 1: vector `p` has the number `known.1[i]` at each node `i` with
/// `known.0[i] = p`, and 0 elsewhere.
pub(super) fn leading(
    matrix: &Square,
    known: (&[u32], &[f64]),
    k: usize,
    tol: f64,
    stream: &Stream,
) -> Result<Leading> {
    let width = (k + (k / 2).max(4)).next_multiple_of(BLOCK_WIDTH);
    if matrix.n() <= SMALL.max(3 * width) {
        return at_once(matrix, known, k);
    }
    let is_medium = matrix.n() <= MEDIUM;
    let most = if is_medium { PRODUCTS_PER_NODE * matrix.n() } else { MOST_PRODUCTS };
    let found = iterate(matrix, known, k, width, tol, most, stream)?;
    if found.converged || !is_medium {
        return Ok(found);
    }
    Ok(Leading { n_products: found.n_products, ..at_once(matrix, known, k)? })
}

/// All eigenvectors, of which the known ones are moved to the eigenvalue -1.
fn at_once(matrix: &Square, known: (&[u32], &[f64]), k: usize) -> Result<Leading> {
    let n = matrix.n();
    let mut full = match matrix {
        Square::Dense { n, values } => MatrixView::from_slice(values, *n, *n)?.to_matrix(),
        Square::Sparse { starts, columns, values } => {
            let mut full = Matrix::zeros(n, n);
            for i in 0..n {
                for k in starts[i]..starts[i + 1] {
                    full.row_mut(i)[columns[k] as usize] = values[k];
                }
            }
            full
        }
    };
    for i in 0..n {
        for j in 0..n {
            if known.0[i] != ALONE && known.0[i] == known.0[j] {
                full.row_mut(i)[j] -= 2.0 * (known.1[i] * known.1[j]);
            }
        }
    }
    let eigen = symmetric_eigen(full.view())?;
    let columns = (0..k).map(|j| n - 1 - j);
    Ok(Leading {
        values: columns.clone().map(|j| eigen.values[j]).collect(),
        vectors: columns.map(|j| eigen.vectors.column(j).collect()).collect(),
        converged: true,
        n_products: 0,
    })
}

fn iterate(
    matrix: &Square,
    known: (&[u32], &[f64]),
    k: usize,
    width: usize,
    tol: f64,
    most: usize,
    stream: &Stream,
) -> Result<Leading> {
    let mut block = Block::random(matrix.n(), width, stream);
    let mut n_products = 0;
    // The values of a random span say little: the greatest may be 1.
    let mut first = 1.0;
    let mut n_rounds = 0;
    loop {
        let (values, images) = block.settle(matrix, known)?;
        n_products += 1;
        let residual = block.residual(&values[..k], &images);
        let converged = residual <= tol;
        if converged || n_products >= most {
            return Ok(Leading {
                vectors: (0..k).map(|j| block.column(j)).collect(),
                values: values[..k].to_vec(),
                converged,
                n_products,
            });
        }
        let filter = Filter::new(values[width - 1]);
        let mut degree = filter.degree(first, values[k - 1], residual / tol);
        if degree as f64 * filter.growth(values[k - 1]) < LEAST_GROWTH {
            degree -= n_rounds % 3;
        }
        block.filter(matrix, known, &filter, degree);
        n_products += degree;
        n_rounds += 1;
        first = values[0];
    }
}

/// Chebyshev polynomials of `(x - center) / half`, at most 1 from -1 to where unwanted eigenvalues
/// end.
struct Filter {
    center: f64,
    half: f64,
}

impl Filter {
    fn new(end: f64) -> Self {
        // An interval that is not empty.
        let end = end.clamp(-0.99, 1.0 - 1e-12);
        Self { center: 0.5 * (end - 1.0), half: 0.5 * (end + 1.0) }
    }

    /// The logarithm of what one more degree makes of an eigenvalue.
    fn growth(&self, value: f64) -> f64 {
        // acosh
        let x = ((value - self.center) / self.half).max(1.0);
        ln(x + (x * x - 1.0).sqrt())
    }

    /// The degree that makes of an eigenvalue as much as is allowed.
    fn most(&self, value: f64) -> f64 {
        ln(2.0 * MOST_GROWTH) / self.growth(value).max(1e-9)
    }

    /// A degree that makes a residual `factor` times smaller, or one that is as large as rounding
    /// allows. `first` and `last` are the greatest and the least of the wanted eigenvalues.
    fn degree(&self, first: f64, last: f64, factor: f64) -> usize {
        // Twice as much, for the estimates are rough.
        let enough = ln(2.0 * factor.max(1.0)) / self.growth(last).max(1e-9);
        self.most(first).min(enough).clamp(4.0, MOST_DEGREES) as usize
    }
}

fn ln(x: f64) -> f64 {
    math::scalar(ops::Ln, x)
}

/// Some vectors, row by row.
struct Block {
    n: usize,
    width: usize,
    data: Vec<f64>,
    other: Vec<f64>,
    /// What takes the place of vectors that are lost.
    rng: Rng,
}

impl Block {
    fn random(n: usize, width: usize, stream: &Stream) -> Self {
        let mut rng = stream.child("subspace").rng(0);
        let data: Vec<f64> = (0..n * width).map(|_| rng.normal()).collect();
        Self { n, width, other: data.clone(), data, rng }
    }

    /// Makes the vectors orthonormal, and eigenvectors as far as their span has any. Returns their
    /// values, falling, and their products with the matrix.
    fn settle(&mut self, matrix: &Square, known: (&[u32], &[f64])) -> Result<(Vec<f64>, Vec<f64>)> {
        let width = self.width;
        for turn in 0..=MOST_TURNS {
            leave_out(known, width, &mut self.data);
            let inner = self.inner(&self.data, &self.data);
            if turn == MOST_TURNS || is_identity(&inner) {
                break;
            }
            if turn == 0 || !self.replace_lost(&inner) {
                self.make_orthonormal(inner)?;
            }
        }
        let mut images = vec![0.0; self.data.len()];
        matrix.three_terms([1.0, 0.0, 0.0], width, &self.data, &mut images);
        let inner = self.inner(&self.data, &images);
        let eigen = symmetric_eigen(inner.view())?;
        // Falling.
        let turn = Matrix::from_fn(width, width, |i, j| eigen.vectors[(i, width - 1 - j)]);
        self.turn(&turn);
        let mut turned = vec![0.0; images.len()];
        multiply(self.n, width, &images, &turn, &mut turned);
        Ok((eigen.values.into_iter().rev().collect(), turned))
    }

    /// Turns and stretches the vectors so that they are orthonormal (A. Stathopoulos, K. Wu, *A
    /// block orthogonalization procedure with constant synchronization requirements*, SIAM J. Sci.
    /// Comput. 23(6), 2002), from their inner products. Again makes up for what rounding leaves.
    fn make_orthonormal(&mut self, mut inner: Matrix<f64>) -> Result<()> {
        let width = self.width;
        let lengths: Vec<f64> = (0..width).map(|i| inner[(i, i)].sqrt()).collect();
        let factors: Vec<f64> =
            lengths.iter().map(|&length| if length > 0.0 { 1.0 / length } else { 0.0 }).collect();
        inner = Matrix::from_fn(width, width, |i, j| inner[(i, j)] * factors[i] * factors[j]);
        let eigen = symmetric_eigen(inner.view())?;
        // Directions that rounding has made are kept, at a size that can be made up for.
        let least = eigen.values[width - 1] * width as f64 * f64::EPSILON;
        let least = least.max(f64::MIN_POSITIVE);
        let turn = Matrix::from_fn(width, width, |i, j| {
            factors[i] * eigen.vectors[(i, j)] / eigen.values[j].max(least).sqrt()
        });
        self.turn(&turn);
        Ok(())
    }

    /// Puts random vectors in the place of those that rounding has made. It is the same in equal rows,
    /// so that its vectors may span nothing new. Returns whether there are any.
    fn replace_lost(&mut self, inner: &Matrix<f64>) -> bool {
        let Self { n, width, data, rng, .. } = self;
        let lost: Vec<usize> = (0..*width).filter(|&j| inner[(j, j)] < LOST * LOST).collect();
        for &j in &lost {
            for row in data.chunks_exact_mut(*width) {
                row[j] = rng.normal() / (*n as f64).sqrt();
            }
        }
        !lost.is_empty()
    }

    /// The inner products of the columns of `a` with those of `b`.
    fn inner(&self, a: &[f64], b: &[f64]) -> Matrix<f64> {
        let width = self.width;
        let mut out = Matrix::zeros(width, width);
        let spec = Gemm::new(width, self.n, width).trans_a();
        gemm(&spec, a, b, out.as_mut_slice(), &Epilogue::none());
        // What should be one number may differ by rounding.
        Matrix::from_fn(width, width, |i, j| 0.5 * (out[(i, j)] + out[(j, i)]))
    }

    fn turn(&mut self, turn: &Matrix<f64>) {
        multiply(self.n, self.width, &self.data, turn, &mut self.other);
        std::mem::swap(&mut self.data, &mut self.other);
    }

    /// The greatest length of what the first vectors lack of being eigenvectors.
    fn residual(&self, values: &[f64], images: &[f64]) -> f64 {
        let mut sums = vec![0.0; values.len()];
        let rows = self.data.chunks_exact(self.width).zip(images.chunks_exact(self.width));
        for (x, image) in rows {
            for (((sum, value), x), image) in sums.iter_mut().zip(values).zip(x).zip(image) {
                let rest = image - value * x;
                *sum += rest * rest;
            }
        }
        sums.into_iter().fold(0.0, f64::max).sqrt()
    }

    /// Multiplies by the Chebyshev polynomial of a degree of at least 1.
    fn filter(&mut self, matrix: &Square, known: (&[u32], &[f64]), filter: &Filter, degree: usize) {
        let Filter { center, half } = *filter;
        let (width, a) = (self.width, 1.0 / half);
        // Rounding leaves a trace of the known vectors, which grows faster than all others.
        let every = filter.most(1.0).max(1.0) as usize;
        matrix.three_terms([a, -center * a, 0.0], width, &self.data, &mut self.other);
        for step in 1..degree {
            let factors = [2.0 * a, -2.0 * center * a, -1.0];
            matrix.three_terms(factors, width, &self.other, &mut self.data);
            std::mem::swap(&mut self.data, &mut self.other);
            if step.is_multiple_of(every) {
                leave_out(known, width, &mut self.data);
                leave_out(known, width, &mut self.other);
            }
        }
        std::mem::swap(&mut self.data, &mut self.other);
    }

    fn column(&self, j: usize) -> Vec<f64> {
        self.data.chunks_exact(self.width).map(|row| row[j]).collect()
    }
}

/// Takes the known vectors out of a block.
fn leave_out((parts, known): (&[u32], &[f64]), width: usize, block: &mut [f64]) {
    let n_parts = parts.iter().filter(|&&p| p != ALONE).max().map_or(0, |&p| p as usize + 1);
    let mut inner = vec![0.0; n_parts * width];
    for ((&part, &known), x) in parts.iter().zip(known).zip(block.chunks_exact(width)) {
        if part != ALONE {
            for (sum, x) in inner[part as usize * width..][..width].iter_mut().zip(x) {
                *sum += known * x;
            }
        }
    }
    for ((&part, &known), x) in parts.iter().zip(known).zip(block.chunks_exact_mut(width)) {
        if part != ALONE {
            for (x, inner) in x.iter_mut().zip(&inner[part as usize * width..]) {
                *x -= known * inner;
            }
        }
    }
}

/// Whether these are the inner products of orthonormal vectors, but for rounding.
fn is_identity(inner: &Matrix<f64>) -> bool {
    let width = inner.n_rows();
    let tol = 1e-14 * width as f64;
    let is_near = |i, j| (inner[(i, j)] - f64::from(u8::from(i == j))).abs() <= tol;
    (0..width).all(|i| (0..width).all(|j| is_near(i, j)))
}

/// `out = x turn`.
fn multiply(n: usize, width: usize, x: &[f64], turn: &Matrix<f64>, out: &mut [f64]) {
    gemm(&Gemm::new(n, width, width), x, turn.as_slice(), out, &Epilogue::none());
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Graph, root_of_degree};
    use super::*;

    /// Both ways find the same eigenvalues, and eigenvectors.
    fn check(graph: Graph, k: usize, what: &str) {
        let parts = graph.parts();
        let known: Vec<f64> = (parts.of_node.iter().zip(&graph.degrees))
            .map(|(&part, &degree)| match part {
                ALONE => 0.0,
                part => root_of_degree(degree) / parts.volumes[part as usize].sqrt(),
            })
            .collect();
        let known = (&parts.of_node[..], &known[..]);
        let matrix = graph.normalized();
        let expected = at_once(&matrix, known, k + 1).unwrap().values;
        let stream = Stream::new(0, "test");
        let width = (k + 4).next_multiple_of(BLOCK_WIDTH);
        let found = iterate(&matrix, known, k, width, 1e-10, MOST_PRODUCTS, &stream).unwrap();
        assert!(found.converged, "{what}");
        for (i, (value, expected)) in found.values.iter().zip(&expected).enumerate() {
            assert!((value - expected).abs() < 1e-11, "{what}: {value} {expected} at {i}");
        }
        for (i, (a, value)) in found.vectors.iter().zip(&found.values).enumerate() {
            for (j, b) in found.vectors.iter().enumerate() {
                let inner: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                let expected = f64::from(u8::from(i == j));
                assert!((inner - expected).abs() < 1e-12, "{what}: {inner} of {i} and {j}");
            }
            for part in 0..parts.volumes.len() as u32 {
                let own = (0..a.len()).filter(|&i| known.0[i] == part);
                let inner: f64 = own.map(|i| known.1[i] * a[i]).sum();
                assert!(inner.abs() < 1e-12, "{what}: {inner} of the known vector {part}");
            }
            let block: Vec<f64> = a.iter().flat_map(|&x| [x; BLOCK_WIDTH]).collect();
            let mut image = vec![0.0; block.len()];
            matrix.three_terms([1.0, -value, 0.0], BLOCK_WIDTH, &block, &mut image);
            let residual: f64 = image.iter().step_by(BLOCK_WIDTH).map(|x| x * x).sum();
            assert!(residual.sqrt() < 1.01e-10, "{what}: {residual} of {i}");
        }
    }

    fn random(n: usize, d: usize, spread: f64) -> Matrix<f64> {
        let mut rng = Stream::new(5, "points").rng(0);
        Matrix::from_fn(n, d, |i, _| spread * (i % 4) as f64 + rng.normal())
    }

    #[test]
    fn the_iteration_finds_the_eigenvalues_of_the_decomposition() {
        for (n, k, neighbors) in [(150, 1, 8), (200, 3, 10), (250, 12, 6)] {
            for spread in [0.0, 2.5, 8.0] {
                let x = random(n, 2, spread);
                let what = format!("{n} samples, {neighbors} neighbors, spread {spread}");
                check(Graph::of_neighbors(x.view(), neighbors).unwrap(), k, &what);
                for gamma in [0.02, 0.3, 3.0] {
                    check(Graph::of_rbf(x.view(), gamma), k, &format!("{what}, gamma {gamma}"));
                }
            }
        }
    }

    #[test]
    fn eigenvalues_of_many_vectors_are_found() {
        // A ring has each eigenvalue twice; four blocks of ones have four great ones.
        let ring = Matrix::from_fn(160, 2, |i, j| {
            let (sin, cos) = (i as f64 / 160.0 * std::f64::consts::TAU).sin_cos();
            [sin, cos][j]
        });
        check(Graph::of_neighbors(ring.view(), 5).unwrap(), 6, "ring");
        check(Graph::of_rbf(ring.view(), 2.0), 6, "ring");
        check(Graph::of_rbf(random(120, 2, 1000.0).view(), 1e-5), 3, "blocks");
        // All equal: one eigenvalue for all but one vector.
        check(Graph::of_rbf(Matrix::zeros(100, 2).view(), 1.0), 3, "equal rows");
    }

    #[test]
    fn lost_vectors_are_replaced() {
        let graph = Graph::of_rbf(random(90, 2, 1.0).view(), 1.0);
        let matrix = graph.normalized();
        let known = (&[ALONE; 90][..], &[0.0; 90][..]);
        // One vector and multiples of it, but for rounding, or nothing.
        for factor in [0.0, 1.0 / 3.0, 1e40] {
            let mut block = Block::random(90, BLOCK_WIDTH, &Stream::new(0, "test"));
            for (i, row) in block.data.chunks_exact_mut(BLOCK_WIDTH).enumerate() {
                for (j, x) in row.iter_mut().enumerate() {
                    *x = factor * (1.0 + (i % 2) as f64) * (1.0 + j as f64);
                }
            }
            block.settle(&matrix, known).unwrap();
            let inner = block.inner(&block.data, &block.data);
            assert!(is_identity(&inner), "{factor}: {inner:?}");
        }
    }

    #[test]
    fn parts_are_numbered_by_their_first_node() {
        let x = Matrix::from_rows(&[[0.0], [50.0], [0.1], [50.1], [1e9], [0.2]]);
        for graph in [Graph::of_rbf(x.view(), 1.0), Graph::of_neighbors(x.view(), 2).unwrap()] {
            let is_dense = matches!(graph.weights, Square::Dense { .. });
            let parts = graph.parts();
            assert_eq!(parts.of_node[..4], [0, 1, 0, 1]);
            assert_eq!(parts.of_node[4], if is_dense { ALONE } else { 1 });
            let total: f64 = graph.degrees.iter().sum();
            assert!((parts.volumes.iter().sum::<f64>() - total).abs() < 1e-12);
        }
    }
}
