//! Layers one after another.

use crate::{Context, Forward, Module, Path, Visitor, VisitorMut};
use purlin_core::{Real, Result, Shape};
use purlin_tensor::Tensor;
use std::fmt;

/// Modules of any kind, one after another: the output of each is the input of the next.
///
/// Children are numbered from 0 or named, and their parameters are called as in PyTorch:
/// `0.weight`, `head.bias`. For branches, or several inputs, write a struct with
/// `#[derive(Module)]`; both hold the same layers.
///
/// # Examples
///
/// ```
/// use purlin_core::{Shape, rng::Stream};
/// use purlin_nn::{Forward, Module, Sequential, layers::{Dropout, Linear, Relu}};
///
/// let stream = Stream::new(1, "init");
/// let model: Sequential = Sequential::new()
///     .push(Linear::new(4, 16, &stream.child("0")))
///     .push(Relu)
///     .push(Dropout::new(0.2))
///     .push_named("head", Linear::new(16, 3, &stream.child("head")));
/// assert_eq!(model.output_shape(&Shape::from([32, 4]))?, Shape::from([32, 3]));
/// let mut names = Vec::new();
/// model.for_each_param(&mut |name, _| names.push(name.to_owned()));
/// assert_eq!(names, ["0.weight", "0.bias", "head.weight", "head.bias"]);
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub struct Sequential<T: Real = f32> {
    children: Vec<(String, Box<dyn Forward<T>>)>,
}

impl<T: Real> Sequential<T> {
    /// No layer: the identity.
    pub fn new() -> Self {
        Self { children: Vec::new() }
    }

    /// Appends a module under its number.
    #[must_use]
    pub fn push(mut self, module: impl Forward<T> + 'static) -> Self {
        self.add(Box::new(module));
        self
    }

    /// Appends a module under a name.
    ///
    /// # Panics
    ///
    /// When the name is empty, contains a dot or is taken.
    #[must_use]
    #[track_caller]
    pub fn push_named(mut self, name: &str, module: impl Forward<T> + 'static) -> Self {
        self.add_named(name, Box::new(module));
        self
    }

    /// Appends a boxed module under its number, as a loop that builds a network does.
    #[track_caller]
    pub fn add(&mut self, module: Box<dyn Forward<T>>) {
        self.add_named(&self.len().to_string(), module);
    }

    /// Appends a boxed module under a name.
    ///
    /// # Panics
    ///
    /// When the name is empty, contains a dot or is taken.
    #[track_caller]
    pub fn add_named(&mut self, name: &str, module: Box<dyn Forward<T>>) {
        assert!(
            !name.is_empty() && !name.contains('.'),
            "sequential: name must be non-empty and without dots, got {name:?}"
        );
        assert!(self.get(name).is_none(), "sequential: name must be new, got {name:?}");
        self.children.push((name.to_owned(), module));
    }

    /// The number of children.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The child of that name (a number as text, if it was pushed without one).
    pub fn get(&self, name: &str) -> Option<&dyn Forward<T>> {
        self.children.iter().find(|(n, _)| n == name).map(|(_, module)| &**module)
    }

    /// The child of that name, to change or freeze.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut (dyn Forward<T> + 'static)> {
        self.children.iter_mut().find(|(n, _)| n == name).map(|(_, module)| &mut **module)
    }

    /// Names and children in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Forward<T>)> {
        self.children.iter().map(|(name, module)| (name.as_str(), &**module))
    }

    /// Takes the last child off, as transfer learning does with a head.
    pub fn pop(&mut self) -> Option<(String, Box<dyn Forward<T>>)> {
        self.children.pop()
    }

    /// Runs the first `n` children only: the features at that depth.
    ///
    /// # Panics
    ///
    /// When `n` is more than there are, or a shape does not fit.
    #[track_caller]
    pub fn forward_until(&self, n: usize, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        assert!(n <= self.len(), "sequential: n must be at most {}, got {n}", self.len());
        let mut children = self.children[..n].iter();
        let Some((_, first)) = children.next() else { return x.clone() };
        children.fold(first.forward(x, ctx), |x, (_, module)| module.forward(&x, ctx))
    }
}

impl<T: Real> Default for Sequential<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, module)| (name, module.kind()))).finish()
    }
}

impl<T: Real> FromIterator<Box<dyn Forward<T>>> for Sequential<T> {
    fn from_iter<I: IntoIterator<Item = Box<dyn Forward<T>>>>(modules: I) -> Self {
        let mut sequential = Self::new();
        modules.into_iter().for_each(|module| sequential.add(module));
        sequential
    }
}

impl<T: Real> Module<T> for Sequential<T> {
    fn kind(&self) -> &'static str {
        "Sequential"
    }

    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
        visitor.enter(path.name(), self);
        for (name, module) in &self.children {
            module.walk(&mut path.child(name), visitor);
        }
    }

    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
        for (name, module) in &mut self.children {
            module.walk_mut(&mut path.child(name), visitor);
        }
    }
}

impl<T: Real> Forward<T> for Sequential<T> {
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        self.forward_until(self.len(), x, ctx)
    }

    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        self.children.iter().try_fold(*input, |shape, (_, module)| module.output_shape(&shape))
    }
}
