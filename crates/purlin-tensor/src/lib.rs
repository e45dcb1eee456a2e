#![doc = include_str!("../README.md")]

mod autograd;
mod create;
mod display;
mod ops;
mod tensor;

pub use autograd::{
    Function, GradcheckFailure, GradcheckOptions, Gradients, Saved, apply, detect_anomaly, grad,
    grad_once, grad_with, gradcheck, gradgradcheck, is_recording, no_grad,
};
pub use ops::{
    AttentionOptions, BatchNormOutput, Conv1dOptions, Conv2dOptions, ConvTranspose2dOptions,
    CrossEntropyOptions, CtcOptions, FeedForwardWeights, Norm, Pool2dOptions, RecurrentOptions,
    RecurrentOutput, RecurrentWeights, Reduction, adaptive_avg_pool2d, attention,
    attention_weights, avg_pool2d, batch_norm, batch_norm_infer, check_targets, conv_transpose2d,
    conv1d, conv2d, cross_entropy, ctc, dropout, dropout_mask, einsum, feed_forward, group_norm,
    layer_norm, linear, max_pool2d, recurrent, self_attention, where_,
};
pub use purlin_backend::feed_forward::FeedForwardActivation;
pub use purlin_backend::gemm::Activation;
pub use purlin_backend::recurrent::Cell;
pub use purlin_core::{Error, Real, Result, Shape};
pub use tensor::Tensor;
