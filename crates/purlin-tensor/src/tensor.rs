//! The tensor.

use crate::autograd::node::{Backward, Edges, Node};
use crate::autograd::{anomaly, mode};
use purlin_backend::Buffer;
use purlin_core::{Real, Shape};
use std::sync::Arc;

/// An n-dimensional array of `f32` or `f64`: row-major, contiguous, with reference-counted
/// storage and, where asked for, a place on the tape.
///
/// | topic | methods |
/// |---|---|
/// | create | [`zeros`](Self::zeros), [`ones`](Self::ones), [`full`](Self::full), [`scalar`](Self::scalar), [`from_vec`](Self::from_vec), [`from_slice`](Self::from_slice), `From<[..]>`, [`arange`](Self::arange), [`linspace`](Self::linspace), [`eye`](Self::eye), [`uniform`](Self::uniform), [`normal`](Self::normal) |
/// | look | [`shape`](Self::shape), [`dims`](Self::dims), [`rank`](Self::rank), [`numel`](Self::numel), [`data`](Self::data), [`item`](Self::item), [`to_vec`](Self::to_vec), [`data_mut`](Self::data_mut) |
/// | differentiate | [`requires_grad`](Self::requires_grad), [`backward`](Self::backward), [`detach`](Self::detach), [`no_grad`](crate::no_grad), [`grad`](crate::grad) |
/// | elementwise | operators, [`exp`](Self::exp), [`ln`](Self::ln), [`sqrt`](Self::sqrt), [`tanh`](Self::tanh), [`relu`](Self::relu), [`clamp`](Self::clamp), [`maximum`](Self::maximum), [`where_`](crate::where_), [`masked_fill`](Self::masked_fill), [`gt`](Self::gt), [`gt_scalar`](Self::gt_scalar), [`any`](Self::any), ... |
/// | reduce | [`sum`](Self::sum), [`mean`](Self::mean), [`sum_axis`](Self::sum_axis), [`prod`](Self::prod), [`var`](Self::var), [`var_axis`](Self::var_axis), [`std`](Self::std), [`norm`](Self::norm), [`cumsum`](Self::cumsum), [`cumprod`](Self::cumprod), [`max_axis`](Self::max_axis), [`argmax`](Self::argmax), [`argmax_axis`](Self::argmax_axis), [`sort`](Self::sort), [`softmax`](Self::softmax), ... |
/// | rearrange | [`reshape`](Self::reshape), [`permute`](Self::permute), [`slice`](Self::slice), [`concat`](Self::concat), [`broadcast_to`](Self::broadcast_to), [`index_select`](Self::index_select), [`gather`](Self::gather), [`scatter`](Self::scatter), [`scatter_add`](Self::scatter_add), [`index_add`](Self::index_add), [`flip`](Self::flip), [`roll`](Self::roll), [`tile`](Self::tile), [`tril`](Self::tril), ... |
/// | multiply | [`matmul`](Self::matmul), [`einsum`](crate::einsum), [`linear`](crate::linear), [`conv2d`](crate::conv2d) |
///
/// Cloning is cheap and shares storage; writing through [`data_mut`](Self::data_mut) copies
/// shared storage first, so no other tensor ever changes. Operators take values or references,
/// and work in place where they are given the last owner of some storage: `(a + b) * c`
/// allocates once.
///
/// Shape mistakes panic with the operation and both shapes; data from outside enters through
/// constructors that return `Result`.
pub struct Tensor<T: Real = f32> {
    shape: Shape,
    data: Arc<Buffer<T>>,
    node: Option<Arc<Node<T>>>,
}

impl<T: Real> Clone for Tensor<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self { shape: self.shape, data: Arc::clone(&self.data), node: self.node.clone() }
    }
}

impl<T: Real> Tensor<T> {
    /// An untracked tensor over `data`.
    #[inline]
    pub(crate) fn new(shape: Shape, data: Buffer<T>) -> Self {
        debug_assert_eq!(shape.numel(), data.len(), "storage must fit the shape {shape}");
        Self { shape, data: Arc::new(data), node: None }
    }

    /// The sizes along the axes.
    #[inline]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The sizes along the axes, as a slice.
    #[inline]
    pub fn dims(&self) -> &[usize] {
        self.shape.dims()
    }

    /// The number of axes.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// The number of elements.
    #[inline]
    pub fn numel(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The elements in row-major order.
    #[inline]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// A copy of the elements in row-major order.
    pub fn to_vec(&self) -> Vec<T> {
        self.data.to_vec()
    }

    /// The only element.
    ///
    /// # Panics
    ///
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(
            self.numel() == 1,
            "item: expected a tensor with 1 element, got shape {}",
            self.shape
        );
        self.data[0]
    }

    /// The element at `index`, one position per axis.
    ///
    /// # Panics
    ///
    /// When `index` has another length than the rank, or a position is out of range.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.at(&[1, 0]), 3.0);
    /// ```
    #[track_caller]
    pub fn at(&self, index: &[usize]) -> T {
        assert!(
            index.len() == self.rank() && index.iter().zip(self.dims()).all(|(i, d)| i < d),
            "at: index must lie within shape {}, got {index:?}",
            self.shape
        );
        let flat = index.iter().zip(self.dims()).fold(0, |flat, (i, d)| flat * d + i);
        self.data[flat]
    }

    /// The elements, to write. Storage that another tensor shares is copied first.
    ///
    /// A leaf may be written between two passes (an optimizer's step); its place on the tape and
    /// its gradients stay.
    ///
    /// # Panics
    ///
    /// When the tensor is the tracked result of an operation: its gradient would no longer
    /// belong to its value. Write to [`Tensor::detach`] instead.
    #[track_caller]
    pub fn data_mut(&mut self) -> &mut [T] {
        assert!(
            self.node.as_ref().is_none_or(|node| node.is_leaf()),
            "data_mut: expected a leaf or an untracked tensor, got the tracked result of an operation (shape {})",
            self.shape
        );
        let buffer: &mut Buffer<T> = Arc::make_mut(&mut self.data);
        buffer
    }

    /// The storage, where this tensor is its last owner.
    #[inline]
    pub(crate) fn exclusive(&mut self) -> Option<&mut [T]> {
        Arc::get_mut(&mut self.data).map(|buffer| &mut buffer[..])
    }

    /// The same elements under another shape of the same size, untracked.
    pub(crate) fn with_shape(self, shape: Shape) -> Self {
        debug_assert_eq!(shape.numel(), self.numel(), "a view keeps the number of elements");
        Self { shape, data: self.data, node: None }
    }

    /// The same values at another place of the tape.
    pub(crate) fn with_node(mut self, node: Option<Arc<Node<T>>>) -> Self {
        self.node = node;
        self
    }

    #[inline]
    pub(crate) fn node(&self) -> Option<&Arc<Node<T>>> {
        self.node.as_ref()
    }

    /// Puts the untracked result of an operation on the tape, where `edges` says that an input
    /// is there.
    #[inline]
    #[track_caller]
    pub(crate) fn record<B: Backward<T> + 'static>(
        mut self,
        edges: Option<Edges<T>>,
        name: &'static str,
        op: impl FnOnce(&Self) -> B,
    ) -> Self {
        debug_assert!(self.node.is_none(), "{name}: a result is recorded once");
        if let Some(edges) = edges {
            self.node = Some(Node::result(edges, op(&self)));
        }
        self.checked(name)
    }

    /// The result of an operation, read once more in anomaly mode.
    #[inline]
    #[track_caller]
    pub(crate) fn checked(self, name: &'static str) -> Self {
        if mode::is_anomaly_mode() {
            anomaly::check(name, "result", &self.data);
        }
        self
    }

    /// Makes this tensor a leaf: a value that gradients are computed for. The values are the
    /// same; where they came from is forgotten.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let w = Tensor::<f32>::zeros([2, 3]).requires_grad();
    /// assert!(w.is_tracked() && w.is_leaf());
    /// ```
    #[must_use = "the leaf is the returned tensor"]
    pub fn requires_grad(self) -> Self {
        Self { node: Some(Node::leaf()), ..self }
    }

    /// Whether gradients flow through this tensor: it is a leaf, or made from one.
    #[inline]
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }

    /// Whether this is a leaf: the result of [`Tensor::requires_grad`] or a clone of it.
    pub fn is_leaf(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_leaf())
    }

    /// The same values without a place on the tape; shares storage.
    #[must_use = "the detached tensor is the returned one"]
    #[inline]
    pub fn detach(&self) -> Self {
        Self { shape: self.shape, data: Arc::clone(&self.data), node: None }
    }

    /// Whether two tensors share storage.
    pub fn shares_storage(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.data, &other.data)
    }
}

/// Same shape and equal elements (so NaN differs from itself, and 0 equals -0); the tape does
/// not count.
impl<T: Real> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data() == other.data()
    }
}
