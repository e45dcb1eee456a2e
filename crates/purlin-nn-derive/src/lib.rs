#![doc = include_str!("../README.md")]

mod attributes;
mod expand;

use proc_macro::TokenStream;

/// Implements `Module<T>` for a struct of modules; see the crate's page.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand::expand(&input).unwrap_or_else(|err| err.to_compile_error()).into()
}
