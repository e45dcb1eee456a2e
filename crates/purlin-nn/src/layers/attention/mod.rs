//! Attention, and the layers of transformers.

mod multi_head;
mod positions;
mod transformer;

pub use multi_head::{KeyValueCache, MultiHeadAttention};
pub use positions::{LearnedPositions, SinusoidalPositions, rotary};
pub use purlin_tensor::FeedForwardActivation;
pub use transformer::{TransformerDecoderLayer, TransformerEncoderLayer};
