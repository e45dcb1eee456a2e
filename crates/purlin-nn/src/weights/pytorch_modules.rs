//! Modules of PyTorch whose parameters are called and arranged otherwise here.

use super::load::Incoming;
use super::{Layout, TensorFile};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

/// `module.` and `leaf`.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('.').map_or(0, |dot| dot + 1))
}

/// What a tensor of a recurrent module becomes: nothing for a bias that goes into another. `None`
/// where such a module has no parameter of this name.
pub(super) fn recurrent<T: Real>(
    file: &TensorFile,
    name: &str,
) -> Option<Result<Vec<Incoming<T>>>> {
    let (module, leaf) = split(name);
    let place = place(leaf)?;
    Some(parameter(file, name, module, place))
}

fn parameter<T: Real>(
    file: &TensorFile,
    name: &str,
    module: &str,
    (kind, ending, place): (&str, &str, String),
) -> Result<Vec<Incoming<T>>> {
    let place = |param: &str| format!("{module}{place}.{param}");
    if kind.starts_with("weight") {
        return Ok(vec![Layout::Linear.incoming(file, name)?.named(place(kind))]);
    }
    let sibling = |kind: &str| format!("{module}{kind}{ending}");
    let lacks = |sibling: String| {
        let reason = format!("{name}: expected {sibling} beside it, of a shape that fits");
        Error::unsupported("load", file.path(), reason)
    };
    // The recurrent weight tells the units, if nothing is projected, and so the number of gates.
    let weight = file.shape(&sibling("weight_hh")).filter(|shape| shape.rank() == 2);
    let weight = weight.ok_or_else(|| lacks(sibling("weight_hh")))?;
    let units = weight[1];
    let is_gru = file.shape(&sibling("weight_hr")).is_none() && weight[0] == 3 * units;
    let both = Shape::from([weight[0]]);
    let other = sibling(if kind == "bias_ih" { "bias_hh" } else { "bias_ih" });
    for bias in [name, &other] {
        if file.shape(bias) != Some(both) {
            return Err(lacks(bias.to_owned()));
        }
    }
    Ok(match (kind, is_gru) {
        ("bias_ih", _) => vec![Incoming {
            name: place("bias"),
            sources: vec![name.to_owned(), other],
            stored: both,
            change: Box::new(move |x| {
                if is_gru { sum_of_gates(&x[0], &x[1], 2 * units) } else { &x[0] + &x[1] }
            }),
        }],
        (_, true) => {
            let reset = move |x: Tensor<T>| x.slice(0, 2 * units..3 * units);
            vec![Incoming::new(name, Shape::from([units]), reset).named(place("reset_bias"))]
        }
        _ => Vec::new(),
    })
}

/// The sum of the first `n` numbers; after them those of `a`.
fn sum_of_gates<T: Real>(a: &Tensor<T>, b: &Tensor<T>, n: usize) -> Tensor<T> {
    Tensor::concat(&[&(&a.slice(0, 0..n) + &b.slice(0, 0..n)), &a.slice(0, n..a.numel())], 0)
}

/// The kind of a parameter, the ending that tells its layer and direction, and where that layer's
/// parameters are here: `weight_ih`, `_l1_reverse`, `layers.1.reverse`.
fn place(leaf: &str) -> Option<(&str, &str, String)> {
    let kinds = ["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"];
    let kind = kinds.into_iter().find(|kind| leaf.starts_with(kind))?;
    let ending = &leaf[kind.len()..];
    if ending.is_empty() {
        return Some((kind, ending, "params".to_owned()));
    }
    let layer = ending.strip_prefix("_l")?;
    let (layer, direction) = match layer.strip_suffix("_reverse") {
        Some(layer) => (layer, "reverse"),
        None => (layer, "forward"),
    };
    let layer: usize = layer.parse().ok()?;
    Some((kind, ending, format!("layers.{layer}.{direction}")))
}

/// The module (and the rest) of a parameter of an attention, its name here and its layout.
pub(super) fn attention(name: &str) -> Option<((&str, &str), String, Layout)> {
    let leaves = [
        ("in_proj_weight", "weight_in", Layout::Linear),
        ("in_proj_bias", "bias_in", Layout::Keep),
        ("out_proj.weight", "output.weight", Layout::Linear),
        ("out_proj.bias", "output.bias", Layout::Keep),
    ];
    let (leaf, own, layout) = leaves.into_iter().find(|(leaf, ..)| {
        name.strip_suffix(leaf).is_some_and(|module| module.is_empty() || module.ends_with('.'))
    })?;
    let place = name.split_at(name.len() - leaf.len());
    // The attentions of transformer layers have names in full here.
    let (outer, module) = split(place.0.strip_suffix('.').unwrap_or_default());
    let module = match module {
        "self_attn" => format!("{outer}self_attention."),
        "multihead_attn" => format!("{outer}cross_attention."),
        _ => place.0.to_owned(),
    };
    Some((place, format!("{module}{own}"), layout))
}
