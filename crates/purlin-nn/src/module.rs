//! What every layer and every model is: a tree of named parameters and buffers.

use crate::{Buffer, Context, Param};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::{Tensor, no_grad};
use std::fmt::{Display, Write};
use std::ops::{Deref, DerefMut};

/// A tree of named parameters and buffers.
///
/// Derive it with [`#[derive(Module)]`](macro@crate::Module); the two walks are written by hand
/// only for containers with names of their own. Names are dotted paths of fields, as in PyTorch:
/// `conv1.weight`, `blocks.2.norm.bias`. The order of a walk is the order of declaration, and
/// state dicts, optimizers and checkpoints rely on it.
///
/// # Examples
///
/// ```
/// use purlin_nn::{Module, Param};
/// use purlin_tensor::Tensor;
///
/// #[derive(Module)]
/// struct Scale {
///     weight: Param,
///     bias: Option<Param>,
/// }
///
/// let mut layer = Scale { weight: Param::new(Tensor::ones([3])), bias: None };
/// assert_eq!(layer.n_params(), 3);
/// layer.freeze();
/// assert_eq!(layer.n_trainable_params(), 0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module over `{T}`",
    label = "neither a parameter, nor a buffer, nor a layer over `{T}`",
    note = "a field that holds nothing to train or save is marked `#[module(skip)]`",
    note = "a struct becomes a module by `#[derive(Module)]`; \
            `#[module(real = f64)]` on it changes the number type"
)]
pub trait Module<T: Real = f32>: Send + Sync {
    /// The name of the type, as `summary` prints it: `"Conv2d"`.
    fn kind(&self) -> &'static str;

    /// Shows this module and everything below it, under names that begin with `path`.
    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>);

    /// As [`walk`](Self::walk), in the same order, with access to change what it shows.
    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>);

    /// Shows every parameter and buffer under its dotted name.
    fn visit(&self, visitor: &mut dyn Visitor<T>) {
        self.walk(&mut Path::root(), visitor);
    }

    /// As [`visit`](Self::visit), with access to change what it shows.
    fn visit_mut(&mut self, visitor: &mut dyn VisitorMut<T>) {
        self.walk_mut(&mut Path::root(), visitor);
    }

    /// Calls `f(name, param)` for every parameter.
    fn for_each_param(&self, f: &mut dyn FnMut(&str, &Param<T>)) {
        self.visit(&mut OnParam(f));
    }

    /// Calls `f(name, param)` for every parameter, with access to change it.
    fn for_each_param_mut(&mut self, f: &mut dyn FnMut(&str, &mut Param<T>)) {
        self.visit_mut(&mut OnParam(f));
    }

    /// Calls `f(name, buffer)` for every buffer.
    fn for_each_buffer(&self, f: &mut dyn FnMut(&str, &Buffer<T>)) {
        self.visit(&mut OnBuffer(f));
    }

    /// Calls `f(name, buffer)` for every buffer, with access to freeze or replace it.
    fn for_each_buffer_mut(&mut self, f: &mut dyn FnMut(&str, &mut Buffer<T>)) {
        self.visit_mut(&mut OnBuffer(f));
    }

    /// How many numbers the parameters hold, frozen ones included.
    fn n_params(&self) -> usize {
        let mut n = 0;
        self.for_each_param(&mut |_, param| n += param.numel());
        n
    }

    /// How many numbers training may change.
    fn n_trainable_params(&self) -> usize {
        let mut n = 0;
        self.for_each_param(&mut |_, param| {
            if param.is_trainable() {
                n += param.numel();
            }
        });
        n
    }

    /// Freezes parameters **and** running statistics: training changes nothing in this module,
    /// and a frozen batch norm normalises by its running statistics, in training too.
    fn freeze(&mut self) {
        self.freeze_params();
        self.for_each_buffer_mut(&mut |_, buffer| buffer.set_frozen(true));
    }

    /// Freezes parameters only; running statistics go on following the data.
    fn freeze_params(&mut self) {
        self.for_each_param_mut(&mut |_, param| param.set_trainable(false));
    }

    /// Undoes [`freeze`](Self::freeze) and [`freeze_params`](Self::freeze_params).
    fn unfreeze(&mut self) {
        self.for_each_param_mut(&mut |_, param| param.set_trainable(true));
        self.for_each_buffer_mut(&mut |_, buffer| buffer.set_frozen(false));
    }
}

/// A module that maps one tensor to one tensor.
///
/// # Examples
///
/// ```
/// use purlin_core::{Result, Shape};
/// use purlin_nn::{Context, Forward, Module, Param};
/// use purlin_tensor::Tensor;
///
/// /// `y = x * weight`.
/// #[derive(Module)]
/// struct Scale {
///     weight: Param,
/// }
///
/// impl Forward for Scale {
///     fn forward(&self, x: &Tensor, _ctx: &mut Context) -> Tensor {
///         x * &*self.weight
///     }
/// }
///
/// let layer = Scale { weight: Param::new(Tensor::from([2.0, 3.0])) };
/// let y = layer.forward(&Tensor::from([[1.0, 1.0], [0.0, 5.0]]), &mut Context::eval());
/// assert_eq!(y.to_vec(), [2.0, 3.0, 0.0, 15.0]);
/// assert_eq!(layer.output_shape(&Shape::from([7, 2]))?, Shape::from([7, 2]));
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub trait Forward<T: Real = f32>: Module<T> {
    /// Computes the output for a batch.
    ///
    /// # Panics
    ///
    /// When the shape of `x` does not fit, with the text that
    /// [`output_shape`](Self::output_shape) gives as an error.
    #[track_caller]
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T>;

    /// The shape of the output for an input of shape `input`, batch axis included.
    ///
    /// All layers of this crate compute it from their parameters. The default for models
    /// written by hand runs [`forward`](Self::forward) on zeros in evaluation mode.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] naming the layer, what it expects and `input`. The default panics
    /// instead where `forward` does.
    fn output_shape(&self, input: &Shape) -> Result<Shape, Error> {
        let y = no_grad(|| self.forward(&Tensor::zeros(*input), &mut Context::eval()));
        Ok(*y.shape())
    }
}

/// Receives what [`Module::visit`] shows.
pub trait Visitor<T: Real = f32> {
    /// A module, before what it holds.
    fn enter(&mut self, _name: &str, _module: &dyn Module<T>) {}
    /// A parameter.
    fn param(&mut self, _name: &str, _param: &Param<T>) {}
    /// A buffer.
    fn buffer(&mut self, _name: &str, _buffer: &Buffer<T>) {}
}

/// Receives what [`Module::visit_mut`] shows.
pub trait VisitorMut<T: Real = f32> {
    /// A parameter.
    fn param(&mut self, _name: &str, _param: &mut Param<T>) {}
    /// A buffer.
    fn buffer(&mut self, _name: &str, _buffer: &mut Buffer<T>) {}
}

/// The dotted name of the place a walk has reached.
///
/// # Examples
///
/// ```
/// use purlin_nn::Path;
///
/// let mut path = Path::root();
/// {
///     let mut block = path.child("blocks");
///     assert_eq!(block.child(2).name(), "blocks.2");
/// }
/// assert_eq!(path.name(), "");
/// ```
#[derive(Debug, Default)]
pub struct Path {
    text: String,
}

impl Path {
    /// The empty path: the module that a walk starts at.
    pub fn root() -> Self {
        Self::default()
    }

    /// The name, `""` at the root.
    pub fn name(&self) -> &str {
        &self.text
    }

    /// Goes down to a child until the guard is dropped.
    pub fn child(&mut self, name: impl Display) -> Child<'_> {
        let length = self.text.len();
        if length > 0 {
            self.text.push('.');
        }
        let _ = write!(self.text, "{name}"); // writing to a String cannot fail
        Child { path: self, length }
    }
}

/// A [`Path`] one level down; see [`Path::child`].
#[derive(Debug)]
pub struct Child<'a> {
    path: &'a mut Path,
    length: usize,
}

impl Deref for Child<'_> {
    type Target = Path;
    fn deref(&self) -> &Path {
        self.path
    }
}

impl DerefMut for Child<'_> {
    fn deref_mut(&mut self) -> &mut Path {
        self.path
    }
}

impl Drop for Child<'_> {
    fn drop(&mut self) {
        self.path.text.truncate(self.length);
    }
}

struct OnParam<F>(F);

impl<T: Real> Visitor<T> for OnParam<&mut dyn FnMut(&str, &Param<T>)> {
    fn param(&mut self, name: &str, param: &Param<T>) {
        (self.0)(name, param);
    }
}

impl<T: Real> VisitorMut<T> for OnParam<&mut dyn FnMut(&str, &mut Param<T>)> {
    fn param(&mut self, name: &str, param: &mut Param<T>) {
        (self.0)(name, param);
    }
}

struct OnBuffer<F>(F);

impl<T: Real> Visitor<T> for OnBuffer<&mut dyn FnMut(&str, &Buffer<T>)> {
    fn buffer(&mut self, name: &str, buffer: &Buffer<T>) {
        (self.0)(name, buffer);
    }
}

impl<T: Real> VisitorMut<T> for OnBuffer<&mut dyn FnMut(&str, &mut Buffer<T>)> {
    fn buffer(&mut self, name: &str, buffer: &mut Buffer<T>) {
        (self.0)(name, buffer);
    }
}

impl<T: Real> Module<T> for Param<T> {
    fn kind(&self) -> &'static str {
        "Param"
    }
    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
        visitor.param(path.name(), self);
    }
    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
        visitor.param(path.name(), self);
    }
}

impl<T: Real> Module<T> for Buffer<T> {
    fn kind(&self) -> &'static str {
        "Buffer"
    }
    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
        visitor.buffer(path.name(), self);
    }
    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
        visitor.buffer(path.name(), self);
    }
}

/// The name of the field alone, with or without something in it.
impl<T: Real, M: Module<T>> Module<T> for Option<M> {
    fn kind(&self) -> &'static str {
        self.as_ref().map_or("None", Module::kind)
    }
    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
        if let Some(module) = self {
            module.walk(path, visitor);
        }
    }
    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
        if let Some(module) = self {
            module.walk_mut(path, visitor);
        }
    }
}

/// Transparent: what is boxed, under the same name.
impl<T: Real, M: Module<T> + ?Sized> Module<T> for Box<M> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }
    fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
        (**self).walk(path, visitor);
    }
    fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
        (**self).walk_mut(path, visitor);
    }
}

impl<T: Real, M: Forward<T> + ?Sized> Forward<T> for Box<M> {
    fn forward(&self, x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
        (**self).forward(x, ctx)
    }
    fn output_shape(&self, input: &Shape) -> Result<Shape> {
        (**self).output_shape(input)
    }
}

macro_rules! numbered {
    ($($generics:tt)*) => {
        $($generics)* {
            fn kind(&self) -> &'static str {
                "List"
            }
            fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
                for (i, module) in self.iter().enumerate() {
                    module.walk(&mut path.child(i), visitor);
                }
            }
            fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
                for (i, module) in self.iter_mut().enumerate() {
                    module.walk_mut(&mut path.child(i), visitor);
                }
            }
        }
    };
}

numbered!(impl<T: Real, M: Module<T>> Module<T> for Vec<M>);
numbered!(impl<T: Real, M: Module<T>, const N: usize> Module<T> for [M; N]);

macro_rules! tuple {
    ($($name:ident $index:tt),*) => {
        impl<T: Real, $($name: Module<T>),*> Module<T> for ($($name,)*) {
            fn kind(&self) -> &'static str {
                "Tuple"
            }
            fn walk(&self, path: &mut Path, visitor: &mut dyn Visitor<T>) {
                $(self.$index.walk(&mut path.child($index), visitor);)*
            }
            fn walk_mut(&mut self, path: &mut Path, visitor: &mut dyn VisitorMut<T>) {
                $(self.$index.walk_mut(&mut path.child($index), visitor);)*
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
