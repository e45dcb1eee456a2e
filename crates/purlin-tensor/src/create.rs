//! Constructors.

use crate::Tensor;
use purlin_backend::{Buffer, random};
use purlin_core::rng::Stream;
use purlin_core::{Error, Real, Result, Shape};

impl<T: Real> Tensor<T> {
    /// Zeros.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros([2, 2]).data(), [0.0; 4]);
    /// ```
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self::new(shape, Buffer::zeroed(shape.numel()))
    }

    /// Ones.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ONE)
    }

    /// `value` everywhere.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        Self::new(shape, Buffer::filled(shape.numel(), value))
    }

    /// Zeros of this tensor's shape.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        Self::zeros(self.shape())
    }

    /// Ones of this tensor's shape.
    #[must_use]
    pub fn ones_like(&self) -> Self {
        Self::ones(self.shape())
    }

    /// One number, of rank 0.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::scalar(2.5f32).item(), 2.5);
    /// ```
    pub fn scalar(value: T) -> Self {
        Self::full(Shape::SCALAR, value)
    }

    /// No elements; what stands in while a value is moved out.
    pub(crate) fn empty() -> Self {
        Self::zeros([0])
    }

    /// The elements of `values` in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there are more or fewer than the shape holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0], [2, 2])?;
    /// assert_eq!(x.at(&[1, 0]), 3.0);
    /// let err = Tensor::from_vec(vec![1.0f32], [2, 2]).unwrap_err();
    /// assert_eq!(err.to_string(), "from_vec: expected 4 values for shape (2, 2), got 1");
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "callers hand over data; a copy is aligned")]
    pub fn from_vec(values: Vec<T>, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if values.len() != shape.numel() {
            let expected = format!("{} values for shape {shape}", shape.numel());
            return Err(Error::shape("from_vec", expected, values.len()));
        }
        Ok(Self::new(shape, Buffer::copy_of(&values)))
    }

    /// A copy of `values` along one axis.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[1.0f32, 2.0]).dims(), [2]);
    /// ```
    pub fn from_slice(values: &[T]) -> Self {
        Self::new(Shape::from([values.len()]), Buffer::copy_of(values))
    }

    /// The elements of a buffer, without a copy.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there are more or fewer than the shape holds.
    pub fn from_buffer(values: Buffer<T>, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if values.len() != shape.numel() {
            let expected = format!("{} values for shape {shape}", shape.numel());
            return Err(Error::shape("from_buffer", expected, values.len()));
        }
        Ok(Self::new(shape, values))
    }

    /// `f(i)` at the `i`-th position in row-major order.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// let x = Tensor::from_fn([2, 2], |i| i as f32);
    /// assert_eq!(x.data(), [0.0, 1.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(usize) -> T) -> Self {
        let shape = shape.into();
        let mut data = Buffer::scratch(shape.numel());
        for (x, value) in data.iter_mut().zip((0..).map(f)) {
            *x = value;
        }
        Self::new(shape, data)
    }

    /// `0, 1, .., n - 1`.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::arange(3).data(), [0.0, 1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn arange(n: usize) -> Self {
        Self::from_fn(n, T::from_usize)
    }

    /// `n` numbers from `start` to `end`, both included, at equal distances.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::linspace(0.0, 1.0, 5).data(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    /// ```
    #[track_caller]
    pub fn linspace(start: f64, end: f64, n: usize) -> Self {
        let last = n.max(2) - 1;
        Self::from_fn(n, |i| {
            if i == last {
                T::from_f64(end)
            } else {
                T::from_f64(start + (end - start) * (i as f64 / last as f64))
            }
        })
    }

    /// The `n` by `n` identity matrix.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::eye(2).data(), [1.0, 0.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn eye(n: usize) -> Self {
        let mut eye = Self::zeros([n, n]);
        for x in eye.data_mut().iter_mut().step_by(n + 1) {
            *x = T::ONE;
        }
        eye
    }

    /// Numbers drawn uniformly from `[low, high)`, block 0 of `stream`: the same stream, the
    /// same numbers, on any number of threads.
    ///
    /// # Panics
    ///
    /// Unless `low <= high`, both finite.
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_tensor::Tensor;
    ///
    /// let stream = Stream::new(7, "weights");
    /// let x = Tensor::<f32>::uniform([100], -1.0, 1.0, &stream);
    /// assert!(x.data().iter().all(|v| (-1.0..1.0).contains(v)));
    /// assert_eq!(x, Tensor::uniform([100], -1.0, 1.0, &stream));
    /// ```
    #[track_caller]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, stream: &Stream) -> Self {
        assert!(
            low <= high && low.is_finite() && high.is_finite(),
            "uniform: low must be at most high, both finite, got low {low} and high {high}"
        );
        let shape = shape.into();
        let mut data = Buffer::scratch(shape.numel());
        random::fill_uniform(stream, 0, low, high, &mut data);
        Self::new(shape, data)
    }

    /// Numbers drawn from the normal distribution with this mean and standard deviation, block 0
    /// of `stream`.
    ///
    /// # Panics
    ///
    /// Unless both are finite and `std` is not negative.
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::<f64>::normal([1000], 5.0, 0.1, &Stream::new(7, "noise"));
    /// assert!((x.mean().item() - 5.0).abs() < 0.02);
    /// ```
    #[track_caller]
    pub fn normal(shape: impl Into<Shape>, mean: f64, std: f64, stream: &Stream) -> Self {
        assert!(
            mean.is_finite() && std.is_finite() && std >= 0.0,
            "normal: std must be at least 0, and both finite, got mean {mean} and std {std}"
        );
        let shape = shape.into();
        let mut data = Buffer::scratch(shape.numel());
        random::fill_normal(stream, 0, mean, std, &mut data);
        Self::new(shape, data)
    }

    /// The same numbers as another type: `f32` to `f64` exactly, back with one rounding. The
    /// result is not tracked.
    ///
    /// ```
    /// use purlin_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.5f32]).cast::<f64>().data(), [0.5f64]);
    /// ```
    #[must_use]
    pub fn cast<U: Real>(&self) -> Tensor<U> {
        Tensor::from_fn(self.shape(), |i| U::from_f64(self.data()[i].to_f64()))
    }
}

impl<T: Real, const N: usize> From<[T; N]> for Tensor<T> {
    fn from(values: [T; N]) -> Self {
        Self::from_slice(&values)
    }
}

impl<T: Real, const N: usize, const M: usize> From<[[T; N]; M]> for Tensor<T> {
    fn from(values: [[T; N]; M]) -> Self {
        Self::new(Shape::from([M, N]), Buffer::copy_of(values.as_flattened()))
    }
}

impl<T: Real, const N: usize, const M: usize, const L: usize> From<[[[T; N]; M]; L]> for Tensor<T> {
    fn from(values: [[[T; N]; M]; L]) -> Self {
        let flat = values.as_flattened().as_flattened();
        Self::new(Shape::from([L, M, N]), Buffer::copy_of(flat))
    }
}

impl<T: Real, const N: usize, const M: usize, const L: usize, const K: usize>
    From<[[[[T; N]; M]; L]; K]> for Tensor<T>
{
    fn from(values: [[[[T; N]; M]; L]; K]) -> Self {
        let flat = values.as_flattened().as_flattened().as_flattened();
        Self::new(Shape::from([K, L, M, N]), Buffer::copy_of(flat))
    }
}
