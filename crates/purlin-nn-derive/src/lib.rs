//! `#[derive(Module)]` for [`purlin-nn`](https://docs.rs/purlin-nn): a struct whose fields are
//! parameters, buffers and other modules becomes a module with dotted names.
//!
//! ```
//! use purlin_core::rng::Stream;
//! use purlin_nn::{Module, layers::Linear};
//!
//! #[derive(Module)]
//! struct Classifier {
//!     hidden: Linear,
//!     head: Linear,
//!     #[module(skip)]
//!     n_classes: usize,
//! }
//!
//! let stream = Stream::new(1, "init");
//! let model = Classifier {
//!     hidden: Linear::new(4, 8, &stream.child("hidden")),
//!     head: Linear::new(8, 3, &stream.child("head")),
//!     n_classes: 3,
//! };
//! let mut names = Vec::new();
//! model.for_each_param(&mut |name, _param| names.push(name.to_owned()));
//! assert_eq!(names, ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]);
//! assert_eq!(model.n_classes, 3);
//! ```
//!
//! # What it writes
//!
//! An implementation of `Module<T>` that walks the fields in the order of their declaration,
//! each under its own name. Every field must be a module itself: a `Param`, a `Buffer`, a layer,
//! or a `Vec`, `Option`, `Box`, array or tuple of modules. Anything else is marked
//! `#[module(skip)]`, which says that it holds nothing to train, save or freeze.
//!
//! `T` is the struct's type parameter that is bounded by `Real`, if it has one; otherwise it is
//! `f32`, or what `#[module(real = f64)]` on the struct says. A struct that holds no module at all
//! (an activation, a pooling layer) is a module over every `T`. Type parameters that are the type of
//! a field that is not skipped are bounded by `Module<T>`.
//!
//! | attribute | on | meaning |
//! |---|---|---|
//! | `#[module(skip)]` | a field | the field is not a module |
//! | `#[module(real = f64)]` | the struct | the number type, where no type parameter tells |
//! | `#[module(crate = path::to::nn)]` | the struct | where `purlin-nn` is found, if renamed |

//!
//! # What it refuses
//!
//! A field that is no module, without `#[module(skip)]`:
//!
//! ```compile_fail,E0277
//! #[derive(purlin_nn::Module)]
//! struct Classifier {
//!     n_classes: usize, // error: `usize` is not a module over `f32`
//! }
//! ```
//!
//! A layer over another number type than the struct:
//!
//! ```compile_fail,E0277
//! #[derive(purlin_nn::Module)]
//! struct Classifier {
//!     head: purlin_nn::layers::Linear<f64>, // needs #[module(real = f64)]
//! }
//! ```
//!
//! An enum, a union or a tuple struct: names of parameters come from names of fields.
//!
//! ```compile_fail
//! #[derive(purlin_nn::Module)]
//! struct Pair(purlin_nn::Param, purlin_nn::Param);
//! ```

mod attributes;
mod expand;

use proc_macro::TokenStream;

/// Implements `Module<T>` for a struct of modules; see the crate's page.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand::expand(&input).unwrap_or_else(|err| err.to_compile_error()).into()
}
