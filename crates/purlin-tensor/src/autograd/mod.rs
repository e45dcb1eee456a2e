//! Reverse-mode differentiation.
//!
//! Each operation on a tracked tensor appends a node to the tape: the nodes of its inputs, and
//! its derivative with the values it needs. [`Tensor::backward`](crate::Tensor::backward) walks
//! the reachable nodes in decreasing order of creation, in a loop, so that the gradient of a
//! value is complete before it is passed on; saved values are freed on the way.
//!
//! Derivatives are written twice where it pays: as a fused kernel for the ordinary pass, and
//! from tensor operations for [`grad`], whose result is differentiable again.

pub(crate) mod anomaly;
mod composed;
mod function;
mod gradcheck;
mod gradients;
pub(crate) mod mode;
pub(crate) mod node;
mod walk;

pub(crate) use composed::{compose, only_once};
pub use function::{Function, Saved, apply};
pub use gradcheck::{GradcheckFailure, GradcheckOptions, gradcheck, gradgradcheck};
pub use gradients::Gradients;
pub use mode::{detect_anomaly, is_recording, no_grad};
pub(crate) use walk::Flow;
pub use walk::{grad, grad_once, grad_with};
