//! The table of a model's layers.

use crate::context::address_of;
use crate::{Buffer, Context, Forward, Module, Param, Visitor};
use purlin_core::{Real, Result, Shape};
use purlin_tensor::{Tensor, no_grad};
use std::fmt;

/// The layers of `model` in the order in which an input of shape `input` passes them, with
/// output shapes and numbers of parameters. Print it: it implements `Display`.
///
/// The model runs once on zeros in evaluation mode, so that models written by hand are shown as
/// well as a [`Sequential`](crate::Sequential). A layer that is used twice has two rows; its
/// parameters are counted in the first.
///
/// # Errors
///
/// [`Error::Shape`](purlin_core::Error::Shape) when the input does not fit the model.
///
/// # Examples
///
/// ```
/// use purlin_core::rng::Stream;
/// use purlin_nn::{Module, Sequential, layers::{Linear, Relu}, summary};
///
/// let stream = Stream::new(0, "init");
/// let mut model: Sequential = Sequential::new()
///     .push_named("hidden", Linear::new(784, 128, &stream.child("hidden")))
///     .push(Relu)
///     .push_named("head", Linear::new(128, 10, &stream.child("head")));
/// model.get_mut("hidden").unwrap().freeze();
/// let table = summary(&model, [32, 784])?;
/// assert_eq!(table.n_params(), 784 * 128 + 128 + 128 * 10 + 10);
/// assert_eq!(table.n_trainable_params(), 1290);
/// assert_eq!(
///     table.to_string(),
///     "\
/// Layer (type)      Output shape   Parameters   Trainable
/// ───────────────────────────────────────────────────────
/// hidden (Linear)      (32, 128)      100,480          no
/// 1 (Relu)             (32, 128)            0           -
/// head (Linear)         (32, 10)        1,290         yes
/// ───────────────────────────────────────────────────────
/// Total parameters:         101,770 (397.54 KiB)
/// Trainable parameters:       1,290 (5.04 KiB)
/// Frozen parameters:        100,480 (392.50 KiB)
/// "
/// );
/// # Ok::<(), purlin_core::Error>(())
/// ```
pub fn summary<T: Real>(model: &dyn Forward<T>, input: impl Into<Shape>) -> Result<Summary> {
    let input = input.into();
    model.output_shape(&input)?;
    let mut ctx = Context::eval().tracing();
    no_grad(|| model.forward(&Tensor::zeros(input), &mut ctx));

    let mut modules = Modules { list: Vec::new(), totals: Totals::default() };
    model.visit(&mut modules);
    let mut rows: Vec<SummaryRow> = Vec::new();
    for call in ctx.into_trace() {
        // Modules without fields share addresses: take the first that has no row yet.
        let same = |m: &&mut Seen| m.address == call.address && m.kind == call.kind;
        let fresh = modules.list.iter_mut().find(|m| same(m) && !m.has_row);
        let (name, counts) = match fresh {
            Some(module) => {
                module.has_row = true;
                (module.name.clone(), module.counts)
            }
            None => match modules.list.iter_mut().find(same) {
                Some(module) => (module.name.clone(), Totals::default()),
                None => (String::new(), Totals::default()),
            },
        };
        rows.push(SummaryRow {
            name,
            kind: call.kind,
            output: call.output,
            n_params: counts.params,
            n_trainable_params: counts.trainable,
        });
    }
    let in_rows: usize = rows.iter().map(|row| row.n_params).sum();
    Ok(Summary {
        rows,
        n_params: modules.totals.params,
        n_trainable_params: modules.totals.trainable,
        n_elsewhere: modules.totals.params.saturating_sub(in_rows),
        n_buffer_items: modules.totals.buffer_items,
        bytes_per_item: size_of::<T>(),
    })
}

/// What [`summary`] found; prints as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    rows: Vec<SummaryRow>,
    n_params: usize,
    n_trainable_params: usize,
    n_elsewhere: usize,
    n_buffer_items: usize,
    bytes_per_item: usize,
}

/// A layer's line in a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// The dotted name of the layer.
    pub name: String,
    /// The name of its type.
    pub kind: &'static str,
    /// The shape it gives out.
    pub output: Shape,
    /// The numbers its parameters hold.
    pub n_params: usize,
    /// Those that training may change.
    pub n_trainable_params: usize,
}

impl Summary {
    /// The layers in the order of their calls.
    pub fn rows(&self) -> &[SummaryRow] {
        &self.rows
    }

    /// The numbers all parameters of the model hold.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// Those that training may change.
    pub fn n_trainable_params(&self) -> usize {
        self.n_trainable_params
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<[String; 4]> =
            vec![["Layer (type)", "Output shape", "Parameters", "Trainable"].map(str::to_owned)];
        for row in &self.rows {
            let trainable = match (row.n_params, row.n_trainable_params) {
                (0, _) => "-".to_owned(),
                (_, 0) => "no".to_owned(),
                (all, some) if all == some => "yes".to_owned(),
                (_, some) => grouped(some),
            };
            lines.push([
                format!("{} ({})", row.name, row.kind),
                row.output.to_string(),
                grouped(row.n_params),
                trainable,
            ]);
        }
        if self.n_elsewhere > 0 {
            let elsewhere = grouped(self.n_elsewhere);
            lines.push(["(outside layers)".to_owned(), String::new(), elsewhere, String::new()]);
        }
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths = [width(0) + 3, width(1), width(2), width(3)];
        let rule = "─".repeat(widths.iter().sum::<usize>() + 6);
        for (i, [layer, shape, params, trainable]) in lines.iter().enumerate() {
            let [a, b, c, d] = widths;
            writeln!(f, "{layer:<a$}{shape:>b$}   {params:>c$}   {trainable:>d$}")?;
            if i == 0 {
                writeln!(f, "{rule}")?;
            }
        }
        writeln!(f, "{rule}")?;
        let frozen = self.n_params - self.n_trainable_params;
        let mut totals = vec![
            ("Total parameters:", self.n_params),
            ("Trainable parameters:", self.n_trainable_params),
            ("Frozen parameters:", frozen),
        ];
        if self.n_buffer_items > 0 {
            totals.push(("Running statistics:", self.n_buffer_items));
        }
        let width = grouped(self.n_params.max(self.n_buffer_items)).len();
        for (name, n) in totals {
            let bytes = bytes(n * self.bytes_per_item);
            writeln!(f, "{name:<21}  {:>width$} ({bytes})", grouped(n), width = width.max(10))?;
        }
        Ok(())
    }
}

/// `1234567` as `1,234,567`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(n: usize) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2} {}", UNITS[unit])
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    params: usize,
    trainable: usize,
    buffer_items: usize,
}

struct Seen {
    address: usize,
    kind: &'static str,
    name: String,
    counts: Totals,
    has_row: bool,
}

/// All modules with their names and the parameters below each.
struct Modules {
    list: Vec<Seen>,
    totals: Totals,
}

impl<T: Real> Visitor<T> for Modules {
    fn enter(&mut self, name: &str, module: &dyn Module<T>) {
        let counts = Totals {
            params: module.n_params(),
            trainable: module.n_trainable_params(),
            buffer_items: 0,
        };
        let (address, kind) = (address_of(module), module.kind());
        self.list.push(Seen { address, kind, name: name.to_owned(), counts, has_row: false });
    }

    fn param(&mut self, _name: &str, param: &Param<T>) {
        self.totals.params += param.numel();
        if param.is_trainable() {
            self.totals.trainable += param.numel();
        }
    }

    fn buffer(&mut self, _name: &str, buffer: &Buffer<T>) {
        self.totals.buffer_items += buffer.get().numel();
    }
}
