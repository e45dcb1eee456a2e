//! N-dimensional tensors with reverse-mode differentiation, deterministic to the bit.
