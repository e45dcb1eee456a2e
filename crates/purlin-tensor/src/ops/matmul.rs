//! Matrix products, batched, with either operand transposed.

use crate::Tensor;
use crate::autograd::Flow;
use crate::autograd::node::{Backward, Edges};
use purlin_backend::Buffer;
use purlin_backend::gemm::{Epilogue, Gemm, gemm_batched};
use purlin_core::{Real, Shape};

/// Which operands lie transposed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) a: bool,
    pub(crate) b: bool,
}

impl Flags {
    fn name(self) -> &'static str {
        match (self.a, self.b) {
            (false, false) => "matmul",
            (false, true) => "matmul_nt",
            (true, false) => "matmul_tn",
            (true, true) => "matmul_tt",
        }
    }
}

/// `Y = A B` with `A = a` or `a^T`, `B = b` or `b^T`, so `grad_A = grad_Y B^T` and
/// `grad_B = A^T grad_Y`; for a transposed operand the transpose of that.
struct MatmulBackward<T: Real> {
    flags: Flags,
    a: Option<Tensor<T>>,
    b: Option<Tensor<T>>,
    a_shape: Shape,
    b_shape: Shape,
}

impl<T: Real> Backward<T> for MatmulBackward<T> {
    fn name(&self) -> &'static str {
        self.flags.name()
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let Flags { a: trans_a, b: trans_b } = self.flags;
        if let Some(b) = self.b.as_ref().filter(|_| flow.needs(0)) {
            let b = flow.input(1, b);
            let grad_a = if trans_a {
                product(&b, &grad, Flags { a: trans_b, b: true })
            } else {
                product(&grad, &b, Flags { a: false, b: !trans_b })
            };
            flow.send(0, grad_a.sum_to(&self.a_shape));
        }
        if let Some(a) = self.a.as_ref().filter(|_| flow.needs(1)) {
            let a = flow.input(0, a);
            let grad_b = if trans_b {
                product(&grad, &a, Flags { a: true, b: trans_a })
            } else {
                product(&a, &grad, Flags { a: !trans_a, b: false })
            };
            flow.send(1, grad_b.sum_to(&self.b_shape));
        }
    }
}

/// The batch axes and the matrix of a shape of rank 2 and more.
fn split(shape: &Shape) -> (Shape, usize, usize) {
    let (batch, matrix) = shape.dims().split_at(shape.rank() - 2);
    (Shape::new(batch), matrix[0], matrix[1])
}

fn joined(batch: &Shape, rows: usize, cols: usize) -> Shape {
    let dims: Vec<usize> = batch.iter().copied().chain([rows, cols]).collect();
    Shape::new(&dims)
}

/// The batched product of operands of rank 2 and more.
#[track_caller]
pub(crate) fn product<T: Real>(a: &Tensor<T>, b: &Tensor<T>, flags: Flags) -> Tensor<T> {
    let name = flags.name();
    let ((a_batch, a0, a1), (b_batch, b0, b1)) = (split(a.shape()), split(b.shape()));
    let (m, k) = if flags.a { (a1, a0) } else { (a0, a1) };
    let (b_k, n) = if flags.b { (b1, b0) } else { (b0, b1) };
    assert!(
        k == b_k,
        "{name}: inner dimensions must match, got lhs {} and rhs {}",
        a.shape(),
        b.shape()
    );
    if a_batch.rank() == 0 && b_batch.rank() == 0 {
        return batched(a, b, flags, Gemm::new(m, k, n), Shape::from([m, n]));
    }
    let Ok(batch) = a_batch.broadcast(name, &b_batch) else {
        panic!("{name}: batch axes must broadcast, got lhs {} and rhs {}", a.shape(), b.shape())
    };
    // Kernels step through an operand or share it whole; other patterns are laid out first.
    let laid_out = |x: &Tensor<T>, own: &Shape, rows, cols| {
        if own.numel() == 1 || *own == batch {
            x.clone()
        } else {
            x.broadcast_to(joined(&batch, rows, cols))
        }
    };
    let (a, b) = (laid_out(a, &a_batch, a0, a1), laid_out(b, &b_batch, b0, b1));
    batched(&a, &b, flags, Gemm::new(m, k, n), joined(&batch, m, n))
}

fn batched<T: Real>(
    a: &Tensor<T>,
    b: &Tensor<T>,
    flags: Flags,
    mut spec: Gemm,
    shape: Shape,
) -> Tensor<T> {
    spec.trans_a = flags.a;
    spec.trans_b = flags.b;
    let (a_len, b_len, c_len) = (spec.m * spec.k, spec.k * spec.n, spec.m * spec.n);
    let n_products: usize = shape.dims()[..shape.rank() - 2].iter().product();
    let stride =
        |x: &Tensor<T>, len: usize| if x.numel() == len && n_products > 1 { 0 } else { len };
    let mut out = Buffer::scratch(shape.numel());
    let (a_stride, b_stride) = (stride(a, a_len), stride(b, b_len));
    gemm_batched(
        &spec,
        n_products,
        a.data(),
        a_stride,
        b.data(),
        b_stride,
        &mut out,
        c_len,
        &Epilogue::none(),
    );
    let edges = Edges::of(&[a, b]);
    let (keeps_a, keeps_b) = edges.as_ref().map_or((false, false), |e| (e.has(1), e.has(0)));
    Tensor::new(shape, out).record(edges, flags.name(), |_| MatmulBackward {
        flags,
        a: keeps_a.then(|| a.detach()),
        b: keeps_b.then(|| b.detach()),
        a_shape: *a.shape(),
        b_shape: *b.shape(),
    })
}

impl<T: Real> Tensor<T> {
    /// The matrix product of the last two axes; axes in front broadcast (a batch).
    ///
    /// | `self` | `other` | result |
    /// |---|---|---|
    /// | `(.., m, k)` | `(.., k, n)` | `(.., m, n)` |
    /// | `(k,)` | `(.., k, n)` | `(.., n)` |
    /// | `(.., m, k)` | `(k,)` | `(.., m)` |
    /// | `(k,)` | `(k,)` | a scalar |
    ///
    /// # Panics
    ///
    /// When the inner sizes differ, the batch axes do not broadcast, or an operand is a scalar.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let b = Tensor::from([[1.0f32, 0.0, 1.0], [0.0, 1.0, 1.0]]);
    /// assert_eq!(a.matmul(&b).data(), [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
    /// assert_eq!(a.matmul(&Tensor::from([1.0, -1.0])).data(), [-1.0, -1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        assert!(
            self.rank() > 0 && other.rank() > 0,
            "matmul: operands must have at least 1 axis, got lhs {} and rhs {}",
            self.shape(),
            other.shape()
        );
        let k = self.dims()[self.rank() - 1];
        let other_k = other.dims()[other.rank().saturating_sub(2)];
        assert!(
            k == other_k,
            "matmul: inner dimensions must match, got lhs {} and rhs {}",
            self.shape(),
            other.shape()
        );
        let flags = Flags { a: false, b: false };
        let rows: usize = self.dims()[..self.rank() - 1].iter().product();
        if other.rank() == 1 {
            let shape = Shape::new(&self.dims()[..self.rank() - 1]);
            return product(&self.reshape([rows, k]), &other.reshape([k, 1]), flags).reshape(shape);
        }
        if self.rank() == 1 {
            let y = product(&self.reshape([1, k]), other, flags);
            return y.squeeze(-2);
        }
        if other.rank() == 2 && self.rank() > 2 {
            // One large product instead of many; the gradient of `other` is then one as well.
            let y = product(&self.reshape([rows, k]), other, flags);
            return y.reshape(self.shape().with(self.rank() - 1, other.dims()[1]));
        }
        product(self, other, flags)
    }

    /// The product with the transpose of `other`: `(.., m, k)` times `(.., n, k)`, without
    /// copying it around first.
    ///
    /// # Panics
    ///
    /// When an operand has fewer than two axes, the inner sizes differ or the batch axes do not
    /// broadcast.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.matmul_nt(&x).data(), [5.0, 11.0, 11.0, 25.0]); // x x^T
    /// ```
    #[must_use]
    #[track_caller]
    pub fn matmul_nt(&self, other: &Self) -> Self {
        check_matrices("matmul_nt", self, other);
        product(self, other, Flags { a: false, b: true })
    }

    /// The product of the transpose of `self` with `other`: `(.., k, m)` times `(.., k, n)`.
    ///
    /// # Panics
    ///
    /// As [`Tensor::matmul_nt`].
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.matmul_tn(&x).data(), [10.0, 14.0, 14.0, 20.0]); // x^T x
    /// ```
    #[must_use]
    #[track_caller]
    pub fn matmul_tn(&self, other: &Self) -> Self {
        check_matrices("matmul_tn", self, other);
        product(self, other, Flags { a: true, b: false })
    }
}

#[track_caller]
fn check_matrices<T: Real>(name: &str, a: &Tensor<T>, b: &Tensor<T>) {
    assert!(
        a.rank() >= 2 && b.rank() >= 2,
        "{name}: operands must have at least 2 axes, got lhs {} and rhs {}",
        a.shape(),
        b.shape()
    );
}
