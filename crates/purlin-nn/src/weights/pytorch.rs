//! State dicts of PyTorch, saved as safetensors.

use super::load::Incoming;
use super::pytorch_modules;
use super::{LoadOptions, LoadReport, TensorFile};
use crate::Module;
use crate::optim::fits;
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// How the axes of a tensor change on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As it is: biases, norms, embeddings.
    Keep,
    /// `(out, in)` to `(in, out)`.
    Linear,
    /// `(out, in, width)` to `(width, in, out)`.
    Conv1d,
    /// `(out, in, height, width)` to `(height, width, in, out)`.
    Conv2d,
    /// `(in, out, height, width)` to `(height, width, out, in)`.
    ConvTranspose2d,
    /// `(out, channels * height * width)` to `(height * width * channels, out)`: a linear layer
    /// behind the flattening of an image, which PyTorch flattens with channels first and this
    /// crate with channels last.
    LinearAfterFlatten {
        /// Channels of the flattened image.
        channels: usize,
        /// Its height.
        height: usize,
        /// Its width.
        width: usize,
    },
}

impl Layout {
    /// The layout of a parameter called `weight` by its rank; everything else stays as it is.
    fn usual(name: &str, shape: &Shape) -> Self {
        let is_weight = name == "weight" || name.ends_with(".weight");
        match (is_weight, shape.rank()) {
            (true, 2) => Self::Linear,
            (true, 3) => Self::Conv1d,
            (true, 4) => Self::Conv2d,
            _ => Self::Keep,
        }
    }

    /// The shape after the change, or what it expects.
    fn shape(self, from: &Shape) -> Result<Shape, &'static str> {
        match (self, from.dims()) {
            (Self::Keep, _) => Ok(*from),
            (Self::Linear, &[o, i]) => Ok(Shape::from([i, o])),
            (Self::Conv1d, &[o, i, w]) => Ok(Shape::from([w, i, o])),
            (Self::Conv2d, &[o, i, h, w]) => Ok(Shape::from([h, w, i, o])),
            (Self::ConvTranspose2d, &[i, o, h, w]) => Ok(Shape::from([h, w, o, i])),
            (Self::LinearAfterFlatten { channels, height, width }, &[o, i])
                if checked_product(&[channels, height, width]) == Some(i) =>
            {
                Ok(Shape::from([i, o]))
            }
            (Self::Linear, _) => Err("(out, in)"),
            (Self::Conv1d, _) => Err("(out, in, width)"),
            (Self::Conv2d, _) => Err("(out, in, height, width)"),
            (Self::ConvTranspose2d, _) => Err("(in, out, height, width)"),
            (Self::LinearAfterFlatten { .. }, _) => Err("(out, channels * height * width)"),
        }
    }

    /// A tensor of the file in this layout, under its name.
    pub(super) fn incoming<T: Real>(self, file: &TensorFile, name: &str) -> Result<Incoming<T>> {
        let from = file.shape(name).unwrap_or(Shape::SCALAR);
        let stored = self.shape(&from).map_err(|expected| {
            let reason = format!("{name}: {self:?} expects {expected}, got {from}");
            Error::unsupported("load", file.path(), reason)
        })?;
        Ok(Incoming::new(name, stored, move |x| self.apply(&x)))
    }

    fn apply<T: Real>(self, x: &Tensor<T>) -> Tensor<T> {
        match self {
            Self::Keep => x.clone(),
            Self::Linear => x.permute(&[1, 0]),
            Self::Conv1d => x.permute(&[2, 1, 0]),
            Self::Conv2d | Self::ConvTranspose2d => x.permute(&[2, 3, 1, 0]),
            Self::LinearAfterFlatten { channels, height, width } => {
                let n_out = x.dims()[0];
                x.reshape([n_out, channels, height, width])
                    .permute(&[2, 3, 1, 0])
                    .reshape([height * width * channels, n_out])
            }
        }
    }
}

fn checked_product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size))
}

/// Reads a PyTorch state dict that was saved as safetensors.
///
/// Names are mapped by explicit prefixes. Layouts follow from the rank of each tensor called
/// `weight` (2: linear, 3 and 4: convolution), and are set by name where that is not what it is:
/// embeddings ([`Layout::Keep`]), transposed convolutions, the linear layer behind a flattening.
/// Counters such as `num_batches_tracked` are not floating-point numbers and are skipped.
///
/// | in PyTorch | rank | becomes |
/// |---|---|---|
/// | `Linear.weight` | 2 | transposed |
/// | `Conv1d.weight`, `Conv2d.weight` | 3, 4 | kernel first, out last |
/// | `BatchNorm*.weight, bias, running_mean, running_var` | 1 | as it is |
/// | `Embedding.weight` | 2 | set [`Layout::Keep`] |
/// | `ConvTranspose2d.weight` | 4 | set [`Layout::ConvTranspose2d`] |
/// | `RNN`, `GRU`, `LSTM` and their cells | | name the modules: [`PyTorch::recurrent`] |
/// | `MultiheadAttention`, in transformers too | | name the modules: [`PyTorch::attention`] |
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::layers::Linear;
/// use purlin_nn::weights::{PyTorch, TensorFile, TensorWriter};
/// use purlin_tensor::Tensor;
///
/// let mut writer = TensorWriter::new();
/// writer.tensor("module.fc.weight", &Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]))?; // (out, in)
/// writer.tensor("module.fc.bias", &Tensor::from([0.5f32, -0.5]))?;
/// let file = TensorFile::from_bytes("memory", writer.to_bytes())?;
///
/// let mut fc: Linear = Linear::new(3, 2, &Stream::new(0, "init"));
/// PyTorch::new().rename_prefix("module.fc.", "").load(&mut fc, &file)?;
/// assert_eq!(fc.weight.to_vec(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]); // (in, out)
/// # Ok::<(), purlin_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PyTorch {
    options: LoadOptions,
    layouts: Vec<(String, Layout)>,
    recurrent: Vec<String>,
    attention: Vec<String>,
}

impl PyTorch {
    /// Names as they are, layouts by rank; everything must fit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads what fits and reports the rest.
    #[must_use]
    pub fn partial(self) -> Self {
        Self { options: self.options.partial(), ..self }
    }

    /// Names of the file that begin with `from` begin with `to` in the model; the first rename
    /// that fits counts. A whole name is a prefix too.
    #[must_use]
    pub fn rename_prefix(self, from: &str, to: &str) -> Self {
        Self { options: self.options.rename_prefix(from, to), ..self }
    }

    /// Loads only what fits this pattern in the model; see [`LoadOptions::only`].
    #[must_use]
    pub fn only(self, pattern: &str) -> Self {
        Self { options: self.options.only(pattern), ..self }
    }

    /// The layout of tensors whose name in the file fits `pattern` (`*` stands for any
    /// characters); the first that fits counts.
    #[must_use]
    pub fn layout(mut self, pattern: &str, layout: Layout) -> Self {
        self.layouts.push((pattern.to_owned(), layout));
        self
    }

    /// Modules of the file whose name fits `pattern` (`*` stands for any characters; the whole file
    /// is the module `""`) are an `RNN`, a `GRU`, an `LSTM` or a cell of these.
    ///
    /// | in PyTorch | here |
    /// |---|---|
    /// | `weight_ih_l0`, `weight_hh_l0`, `weight_hr_l0` | `layers.0.forward.weight_ih` and so on, transposed |
    /// | `bias_ih_l0`, `bias_hh_l0` | `layers.0.forward.bias`, their sum; in a GRU the last third of `bias_hh_l0` is `layers.0.forward.reset_bias` |
    /// | `..._l0_reverse` | `layers.0.reverse...` |
    /// | `weight_ih` and so on of a cell | `params.weight_ih` and so on |
    ///
    /// An optimizer moves PyTorch's two biases both, so their sum moves twice as far there.
    ///
    /// ```
    /// use purlin_core::rng::Stream;
    /// use purlin_nn::layers::Gru;
    /// use purlin_nn::weights::{PyTorch, TensorFile, TensorWriter};
    /// use purlin_tensor::Tensor;
    ///
    /// let mut writer = TensorWriter::new(); // a GRU of one unit for inputs of two numbers
    /// writer.tensor("rnn.weight_ih_l0", &Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]))?;
    /// writer.tensor("rnn.weight_hh_l0", &Tensor::from([[7.0f32], [8.0], [9.0]]))?;
    /// writer.tensor("rnn.bias_ih_l0", &Tensor::from([0.1f32, 0.2, 0.3]))?;
    /// writer.tensor("rnn.bias_hh_l0", &Tensor::from([1.0f32, 2.0, 3.0]))?;
    /// let file = TensorFile::from_bytes("memory", writer.to_bytes())?;
    ///
    /// let mut gru: Gru = Gru::new(2, 1, &Stream::new(0, "init"));
    /// PyTorch::new().recurrent("rnn").rename_prefix("rnn.", "").load(&mut gru, &file)?;
    /// let params = &gru.layers[0].forward;
    /// assert_eq!(params.weight_ih.to_vec(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    /// assert_eq!(params.bias.as_ref().unwrap().to_vec(), [1.1, 2.2, 0.3]);
    /// assert_eq!(params.reset_bias.as_ref().unwrap().to_vec(), [3.0]);
    /// # Ok::<(), purlin_core::Error>(())
    /// ```
    #[must_use]
    pub fn recurrent(mut self, pattern: &str) -> Self {
        self.recurrent.push(pattern.to_owned());
        self
    }

    /// Modules of the file whose name fits `pattern` (as in [`PyTorch::recurrent`]) are a
    /// `MultiheadAttention`, all of whose inputs have as many features as its output.
    ///
    /// | in PyTorch | here |
    /// |---|---|
    /// | `in_proj_weight` | `weight_in`, transposed |
    /// | `in_proj_bias` | `bias_in` |
    /// | `out_proj.weight`, `out_proj.bias` | `output.weight`, transposed, and `output.bias` |
    /// | the module `self_attn` of a transformer layer | `self_attention` |
    /// | the module `multihead_attn` of a decoder layer | `cross_attention` |
    #[must_use]
    pub fn attention(mut self, pattern: &str) -> Self {
        self.attention.push(pattern.to_owned());
        self
    }

    /// Leaves tensors of the file alone whose name fits `pattern`.
    #[must_use]
    pub fn skip(self, pattern: &str) -> Self {
        Self { options: self.options.skip(pattern), ..self }
    }

    /// Reads a file into a model.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedFile`] when a tensor does not have the shape that its layout asks for,
    /// and as [`LoadOptions::load`]. The model has not changed then.
    pub fn load<T: Real>(
        &self,
        model: &mut (impl Module<T> + ?Sized),
        file: &TensorFile,
    ) -> Result<LoadReport> {
        self.options.load_changed(model, file, |name, from| {
            let dtype = file.dtype(name).unwrap_or_default();
            if !matches!(dtype.as_str(), "F16" | "BF16" | "F32" | "F64") {
                return Ok(Vec::new());
            }
            let is_in = |modules: &[String], (module, _): (&str, &str)| {
                let module = module.strip_suffix('.').unwrap_or(module);
                modules.iter().any(|pattern| fits(pattern, module))
            };
            if is_in(&self.recurrent, pytorch_modules::split(name))
                && let Some(becomes) = pytorch_modules::recurrent(file, name)
            {
                return becomes;
            }
            if let Some((place, own, layout)) = pytorch_modules::attention(name)
                && is_in(&self.attention, place)
            {
                return Ok(vec![layout.incoming(file, name)?.named(own)]);
            }
            Ok(vec![self.layout_of(name, &from).incoming(file, name)?])
        })
    }

    fn layout_of(&self, name: &str, shape: &Shape) -> Layout {
        let set = self.layouts.iter().find(|(pattern, _)| fits(pattern, name));
        set.map_or_else(|| Layout::usual(name, shape), |(_, layout)| *layout)
    }
}
