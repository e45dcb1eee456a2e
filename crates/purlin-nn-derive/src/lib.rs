//! #[derive(Module)] for purlin-nn.
