//! Derivatives compared with finite differences.

use crate::autograd::grad_with;
use crate::{Gradients, Tensor};
use std::fmt;

/// How [`gradcheck`] compares.
///
/// # Examples
///
/// ```
/// use purlin_tensor::GradcheckOptions;
///
/// let loose = GradcheckOptions { rtol: 1e-4, ..GradcheckOptions::default() };
/// assert_eq!(loose.step, 1e-5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradcheckOptions {
    /// Step of the central difference, relative to `max(|x|, 1)`. The default 1e-5 leaves an
    /// error near 1e-10 of smooth functions in `f64`: truncation `h^2` and rounding `eps / h`
    /// are about equal.
    pub step: f64,
    /// Allowed difference relative to the larger of the two values; 1e-6.
    pub rtol: f64,
    /// Allowed absolute difference; 1e-8.
    pub atol: f64,
}

impl Default for GradcheckOptions {
    fn default() -> Self {
        Self { step: 1e-5, rtol: 1e-6, atol: 1e-8 }
    }
}

/// The first element whose derivative differs from the finite difference.
#[derive(Debug, Clone, PartialEq)]
pub struct GradcheckFailure {
    /// Which input.
    pub input: usize,
    /// Which of its elements, one position per axis.
    pub element: Vec<usize>,
    /// What the tape says.
    pub derivative: f64,
    /// What the central difference says.
    pub difference: f64,
    /// Whether the tape gave no gradient at all for the input (counted as 0).
    pub is_missing: bool,
}

impl fmt::Display for GradcheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gradcheck: derivative at input {}, element {:?} must be {:e} (central difference), got {:e}{}",
            self.input,
            self.element,
            self.difference,
            self.derivative,
            if self.is_missing { " (no gradient reached the input)" } else { "" }
        )
    }
}

impl std::error::Error for GradcheckFailure {}

/// Weights that tell the elements of a tensor apart, in [0.5, 1.5), fixed and irregular
/// (multiples of the golden ratio, modulo 1).
fn weights(like: &Tensor<f64>) -> Tensor<f64> {
    if like.numel() == 1 {
        return like.ones_like();
    }
    let weight = |i: usize| 0.5 + (0.37 + i as f64 * 0.618_033_988_749_894_9).fract();
    Tensor::from_fn(like.shape(), weight)
}

fn element(dims: &[usize], mut flat: usize) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for (i, &d) in index.iter_mut().zip(dims).rev() {
        *i = flat % d;
        flat /= d;
    }
    index
}

/// Compares the gradients of `f` with central differences at every element of every input.
///
/// `f` may return any shape: its elements are added with fixed irregular weights, so that an
/// error in one does not hide behind another. It must be a function: the same inputs, the same
/// result (fix the stream of a dropout).
///
/// # Errors
///
/// The first element that disagrees, with both values. Elements are compared in order; a NaN on
/// either side disagrees.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{GradcheckOptions, Tensor, gradcheck};
///
/// let x = Tensor::from([[0.3f64, -0.7], [1.1, 0.2]]);
/// let w = Tensor::from([[0.5f64], [-0.4]]);
/// gradcheck(|v| v[0].matmul(&v[1]).tanh(), &[x, w], &GradcheckOptions::default())?;
///
/// // A derivative that is cut off is found.
/// let err = gradcheck(
///     |v| v[0].square() + v[0].detach(),
///     &[Tensor::from([2.0f64])],
///     &GradcheckOptions::default(),
/// );
/// assert_eq!(err.unwrap_err().derivative, 4.0);
/// # Ok::<(), purlin_tensor::GradcheckFailure>(())
/// ```
#[track_caller]
pub fn gradcheck(
    f: impl Fn(&[Tensor<f64>]) -> Tensor<f64>,
    inputs: &[Tensor<f64>],
    options: &GradcheckOptions,
) -> Result<(), GradcheckFailure> {
    let leaves: Vec<_> = inputs.iter().map(|x| x.detach().requires_grad()).collect();
    let y = f(&leaves);
    let y_weights = weights(&y);
    let loss = (&y * &y_weights).sum();
    let grads = if loss.is_tracked() { loss.backward() } else { Gradients::new() };
    // Differences of the elements before they are added: the sum of a large output would round
    // away what one small input changes.
    let evaluate = |input: usize, i: usize, x: f64| -> Tensor<f64> {
        let mut moved = leaves.clone();
        let mut values = inputs[input].detach();
        values.data_mut()[i] = x;
        moved[input] = values.requires_grad();
        f(&moved).detach()
    };
    for (input, x) in inputs.iter().enumerate() {
        let grad = grads.get(&leaves[input]);
        for (i, &value) in x.data().iter().enumerate() {
            let h = options.step * value.abs().max(1.0);
            let (above, below) = (value + h, value - h);
            let change = evaluate(input, i, above) - evaluate(input, i, below);
            let difference = (change * &y_weights).sum().item() / (above - below);
            let derivative = grad.map_or(0.0, |g| g.data()[i]);
            let allowed = options.atol + options.rtol * derivative.abs().max(difference.abs());
            // Written so that NaN fails.
            let agrees = (derivative - difference).abs() <= allowed;
            if !agrees {
                return Err(GradcheckFailure {
                    input,
                    element: element(x.dims(), i),
                    derivative,
                    difference,
                    is_missing: grad.is_none(),
                });
            }
        }
    }
    Ok(())
}

/// Compares second derivatives with differences of first ones: [`gradcheck`] of the gradient of
/// `f`, recorded by [`grad`](crate::grad).
///
/// # Errors
///
/// As [`gradcheck`].
///
/// # Panics
///
/// When `f` uses an operation without a second derivative, or does not depend on an input.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{GradcheckOptions, Tensor, gradgradcheck};
///
/// let x = Tensor::from([0.3f64, -0.7]);
/// gradgradcheck(|v| v[0].tanh() * &v[0], &[x], &GradcheckOptions::default())?;
/// # Ok::<(), purlin_tensor::GradcheckFailure>(())
/// ```
#[track_caller]
pub fn gradgradcheck(
    f: impl Fn(&[Tensor<f64>]) -> Tensor<f64>,
    inputs: &[Tensor<f64>],
    options: &GradcheckOptions,
) -> Result<(), GradcheckFailure> {
    gradcheck(
        |leaves| {
            let y = f(leaves);
            let targets: Vec<_> = leaves.iter().collect();
            let grads = grad_with(&y, &weights(&y), &targets);
            let flat: Vec<_> = grads.iter().map(|g| g.reshape(g.numel())).collect();
            Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0)
        },
        inputs,
        options,
    )
}
