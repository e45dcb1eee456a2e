//! A model of named parameters in any order.

use crate::Bits;
use purlin_core::rng::Stream;
use purlin_core::{Real, Shape};
use purlin_nn::{Module, Param, Path, Visitor, VisitorMut};
use purlin_tensor::{Gradients, Tensor};

/// Parameters in any order.
#[derive(Clone)]
pub(super) struct Params<T: Real>(pub(super) Vec<(&'static str, Param<T>)>);

impl<T: Real> Params<T> {
    pub(super) fn new(seed: u64, shapes: &[(&'static str, Shape)]) -> Self {
        let stream = Stream::new(seed, "optimizer check weights");
        let param = |&(name, shape): &(&'static str, Shape)| {
            (name, Param::new(Tensor::normal(shape, 0.0, 1.0, &stream.child(name))))
        };
        Self(shapes.iter().map(param).collect())
    }

    #[track_caller]
    pub(super) fn param(&self, name: &str) -> &Param<T> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        found.map_or_else(|| panic!("a parameter named {name}"), |(_, param)| param)
    }

    pub(super) fn gradients(&self, of: impl Fn(&str, &Param<T>) -> Tensor<T>) -> Gradients<T> {
        let mut grads = Gradients::new();
        for (name, param) in self.0.iter().filter(|(_, param)| param.is_trainable()) {
            grads.set(param, &of(name, param)).expect("a gradient of the parameter's shape");
        }
        grads
    }
}

impl<T: Real> Bits for Params<T> {
    fn append_bits(&self, out: &mut Vec<u64>) {
        for (_, param) in &self.0 {
            param.tensor().append_bits(out);
        }
    }
}

impl<T: Real> Module<T> for Params<T> {
    fn kind(&self) -> &'static str {
        "Params"
    }
    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
        for (name, param) in &self.0 {
            param.walk(&mut path.child(name), visitor);
        }
    }
    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
        for (name, param) in &mut self.0 {
            param.walk_mut(&mut path.child(name), visitor);
        }
    }
}
