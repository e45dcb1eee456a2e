//! Blocks: small arrangements of layers that many networks repeat.

mod depthwise_separable;
mod residual;
mod residual_block;
mod squeeze_excitation;

pub use depthwise_separable::DepthwiseSeparable;
pub use residual::Residual;
pub use residual_block::{ResidualBlock, Shortcut};
pub use squeeze_excitation::SqueezeExcitation;

use crate::init::{Distribution, Fan, Init};

/// He's normal by the outgoing connections, `sqrt(2 / fan_out)`: how the convolutions of the blocks
/// begin. Each is followed by a normalisation or an activation and has no bias.
pub(crate) const KAIMING_FAN_OUT: Init = Init::VarianceScaling {
    gain: std::f64::consts::SQRT_2,
    fan: Fan::Out,
    distribution: Distribution::Normal,
};
