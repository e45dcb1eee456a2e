//! Recurrent layers and attention against PyTorch: outputs, states and every gradient, f32 and f64.

use crate::common::{Outcome, array, compare, document, permuted, tensor};
use purlin_core::Real;
use purlin_core::rng::Stream;
use purlin_nn::layers::{
    CellState, FeedForwardActivation, Gru, Lstm, MultiHeadAttention, RecurrentLayer,
    RecurrentParams, RecurrentState, Rnn, TransformerEncoderLayer,
};
use purlin_nn::weights::{PyTorch, TensorFile};
use purlin_nn::{Context, Forward, Module, Param};
use purlin_tensor::{Activation, AttentionOptions, Gradients, Tensor, attention};
use purlin_testkit::reference::{Array, Case, Cases, data_file};

enum Layer<T: Real> {
    Rnn(Rnn<T>),
    Gru(Gru<T>),
    Lstm(Lstm<T>),
}

impl<T: Real> Layer<T> {
    fn of(case: &Case) -> Option<Self> {
        let stream = Stream::new(0, "overwritten");
        let (features, hidden) = (case.usize("input_size")?, case.usize("hidden_size")?);
        let n_layers = case.usize("num_layers").unwrap_or(1);
        let both = case.bool("bidirectional").unwrap_or(false);
        let has_bias = case.bool("bias").unwrap_or(true);
        Some(match case.kind.as_str() {
            "rnn" => {
                let layer = Rnn::new(features, hidden, &stream);
                let is_relu = case.str("nonlinearity") == Some("relu");
                let activation = if is_relu { Activation::Relu } else { Activation::Tanh };
                let layer = layer.n_layers(n_layers).bidirectional(both).bias(has_bias);
                Self::Rnn(layer.activation(activation))
            }
            "gru" => {
                let layer = Gru::new(features, hidden, &stream);
                Self::Gru(layer.n_layers(n_layers).bidirectional(both).bias(has_bias))
            }
            "lstm" => {
                let mut layer = Lstm::new(features, hidden, &stream);
                if let Some(outputs) = case.usize("proj_size") {
                    layer = layer.projection(outputs);
                }
                Self::Lstm(layer.n_layers(n_layers).bidirectional(both).bias(has_bias))
            }
            _ => return None,
        })
    }

    fn layers_mut(&mut self) -> &mut [RecurrentLayer<T>] {
        match self {
            Self::Rnn(layer) => &mut layer.layers,
            Self::Gru(layer) => &mut layer.layers,
            Self::Lstm(layer) => &mut layer.layers,
        }
    }

    fn run(
        &self,
        x: &Tensor<T>,
        state: Option<&RecurrentState<T>>,
        lengths: Option<&[usize]>,
    ) -> (Tensor<T>, RecurrentState<T>) {
        let mut ctx = Context::eval();
        match self {
            Self::Rnn(layer) => layer.run(x, state, lengths, &mut ctx),
            Self::Gru(layer) => layer.run(x, state, lengths, &mut ctx),
            Self::Lstm(layer) => layer.run(x, state, lengths, &mut ctx),
        }
    }
}

/// Calls `f` with the parameters of each layer and direction, and the ending of PyTorch's names.
fn for_each<T: Real>(
    layers: &mut [RecurrentLayer<T>],
    mut f: impl FnMut(&mut RecurrentParams<T>, &str),
) {
    for (i, layer) in layers.iter_mut().enumerate() {
        f(&mut layer.forward, &format!("_l{i}"));
        if let Some(reverse) = &mut layer.reverse {
            f(reverse, &format!("_l{i}_reverse"));
        }
    }
}

fn transposed(x: &Array) -> Array {
    permuted(x, &[1, 0])
}

/// Reads the parameters of a case from PyTorch's file, as a user would.
fn import<T: Real>(model: &mut impl Module<T>, case: &Case) {
    let path = data_file("reference/nn/sequence.safetensors").unwrap();
    let file = TensorFile::open(path).unwrap();
    let prefix = format!("{}.", case.id);
    let import = PyTorch::new().rename_prefix(&prefix, "");
    let mut import = match case.kind.as_str() {
        "multihead_attention" => import.attention(&case.id),
        "transformer_encoder_layer" => import.attention(&format!("{prefix}*")),
        _ => import.recurrent(&case.id),
    };
    for name in file.names() {
        let own = name.strip_prefix(&prefix);
        if !own.is_some_and(|own| case.names("params").contains(&own)) {
            import = import.skip(name); // one file holds all cases
        }
    }
    assert!(import.load(model, &file).unwrap().is_complete());
}

fn check_gradients<T: Real>(
    layers: &mut [RecurrentLayer<T>],
    grads: &Gradients<T>,
    case: &Case,
) -> Result<(), String> {
    let mut result = Ok(());
    for_each(layers, |params, end| {
        let mut check = |param: &Param<T>, name: &str, expected: &Array| {
            let grad = array(grads.require(param).unwrap());
            let what = format!("grad {name}{end}");
            result = result.clone().and(compare::<T>(&what, &grad, expected));
        };
        let expected = |name: &str| case.grad(&format!("{name}{end}"));
        check(&params.weight_ih, "weight_ih", &transposed(expected("weight_ih")));
        check(&params.weight_hh, "weight_hh", &transposed(expected("weight_hh")));
        if let Some(param) = &params.weight_hr {
            check(param, "weight_hr", &transposed(expected("weight_hr")));
        }
        if let Some(bias) = &params.bias {
            check(bias, "bias_ih", expected("bias_ih"));
        }
        if let Some(param) = &params.reset_bias {
            let all = expected("bias_hh");
            let units = all.values.len() / 3;
            let part = Array { shape: vec![units], values: all.values[2 * units..].to_vec() };
            check(param, "bias_hh", &part);
        }
    });
    result
}

fn run_recurrent<T: Real>(case: &Case) -> Option<Result<(), String>> {
    let mut layer = Layer::<T>::of(case)?;
    match &mut layer {
        Layer::Rnn(layer) => import(layer, case),
        Layer::Gru(layer) => import(layer, case),
        Layer::Lstm(layer) => import(layer, case),
    }
    // PyTorch's sequences are time first unless told otherwise.
    let is_batch_first = case.bool("batch_first").unwrap_or(false);
    let flip = |x: &Array| if is_batch_first { x.clone() } else { permuted(x, &[1, 0, 2]) };
    let x = tensor::<T>(&flip(case.input("x"))).requires_grad();
    let start = |name: &str| case.get("inputs", name).map(|x| tensor::<T>(x).requires_grad());
    let (h0, c0) = (start("h0"), start("c0"));
    let of = |x: &Tensor<T>, i: usize| x.slice(0, i..=i).reshape([x.dims()[1], x.dims()[2]]);
    let state = h0.as_ref().map(|h0| RecurrentState {
        cells: (0..h0.dims()[0])
            .map(|i| CellState { h: of(h0, i), c: c0.as_ref().map(|c0| of(c0, i)) })
            .collect(),
    });
    let lengths: Option<Vec<usize>> = case.config["lengths"]
        .as_array()
        .map(|lengths| lengths.iter().map(|n| n.as_u64().unwrap() as usize).collect());
    let (y, after) = layer.run(&x, state.as_ref(), lengths.as_deref());
    let h_n = Tensor::stack(&after.cells.iter().map(|cell| &cell.h).collect::<Vec<_>>(), 0);
    let c_n: Option<Vec<&Tensor<T>>> = after.cells.iter().map(|cell| cell.c.as_ref()).collect();
    let c_n = c_n.map(|cells| Tensor::stack(&cells, 0));
    let mut loss = (&y * &tensor(&flip(case.upstream("y")))).sum();
    loss = &loss + &(&h_n * &tensor(case.upstream("h_n"))).sum();
    if let Some(c_n) = &c_n {
        loss = &loss + &(c_n * &tensor(case.upstream("c_n"))).sum();
    }
    let grads = loss.backward();
    Some((|| {
        compare::<T>("y", &array(&y), &flip(case.output("y")))?;
        compare::<T>("h_n", &array(&h_n), case.output("h_n"))?;
        if let Some(c_n) = &c_n {
            compare::<T>("c_n", &array(c_n), case.output("c_n"))?;
        }
        let grad = |x: &Tensor<T>| array(grads.require(x).unwrap());
        compare::<T>("grad x", &grad(&x), &flip(case.grad("x")))?;
        for (name, x) in [("h0", &h0), ("c0", &c0)] {
            if let Some(x) = x {
                compare::<T>(&format!("grad {name}"), &grad(x), case.grad(name))?;
            }
        }
        check_gradients(layer.layers_mut(), &grads, case)
    })())
}

/// Our name of a parameter as PyTorch calls it, and whether the matrix is transposed there.
fn theirs(name: &str) -> (String, bool) {
    let name = name
        .replace("self_attention.", "self_attn.")
        .replace("weight_in", "in_proj_weight")
        .replace("bias_in", "in_proj_bias")
        .replace("output.", "out_proj.");
    let is_matrix = name.ends_with("weight") && !name.contains("norm");
    (name, is_matrix)
}

fn check_by_name<T: Real>(
    layer: &impl Module<T>,
    grads: &Gradients<T>,
    case: &Case,
) -> Result<(), String> {
    let mut result = Ok(());
    layer.for_each_param(&mut |name, param| {
        let (name, is_matrix) = theirs(name);
        let grad = array(grads.require(param).unwrap());
        let grad = if is_matrix { transposed(&grad) } else { grad };
        result = result.clone().and(compare::<T>(&format!("grad {name}"), &grad, case.grad(&name)));
    });
    result
}

/// Keys that are no padding, which comes last in all cases.
fn key_lengths(case: &Case) -> Option<Vec<usize>> {
    let rows = case.config["key_padding"].as_array()?;
    let is_there = |hidden: &&serde_json::Value| hidden.as_u64() == Some(0);
    let length = |row: &serde_json::Value| row.as_array().unwrap().iter().filter(is_there).count();
    Some(rows.iter().map(length).collect())
}

fn run_multi_head<T: Real>(case: &Case) -> Result<(), String> {
    let (features, heads) = (case.usize("embed_dim").unwrap(), case.usize("num_heads").unwrap());
    let mut layer = MultiHeadAttention::<T>::new(features, heads, &Stream::new(0, "overwritten"))
        .bias(case.bool("bias").unwrap())
        .causal(case.bool("causal").unwrap());
    import(&mut layer, case);
    let input = |name: &str| case.get("inputs", name).map(|x| tensor::<T>(x).requires_grad());
    let (q, k, v) = (input("query").unwrap(), input("key"), input("value"));
    let lengths = key_lengths(case);
    let options = AttentionOptions { lengths: lengths.as_deref(), ..AttentionOptions::default() };
    let y = match (&k, &v) {
        (Some(k), Some(v)) => layer.attend_to(&q, k, v, options),
        _ => layer.attend(&q, options),
    };
    let weights = match &k {
        Some(k) => layer.weights_to(&q, k, options),
        None => layer.weights(&q, options),
    };
    let upstream = |name: &str| tensor::<T>(case.upstream(name));
    let loss = (&y * &upstream("y")).sum() + (&weights * &upstream("weights")).sum();
    let grads = loss.backward();
    compare::<T>("y", &array(&y), case.output("y"))?;
    compare::<T>("weights", &array(&weights), case.output("weights"))?;
    for (name, x) in [("query", Some(&q)), ("key", k.as_ref()), ("value", v.as_ref())] {
        if let Some(x) = x {
            let grad = array(grads.require(x).unwrap());
            compare::<T>(&format!("grad {name}"), &grad, case.grad(name))?;
        }
    }
    check_by_name(&layer, &grads, case)
}

fn run_dot_product<T: Real>(case: &Case) -> Result<(), String> {
    // Heads before steps there, or no heads.
    let swap = |x: &Array| match x.shape[..] {
        [n, steps, d] => Array { shape: vec![n, steps, 1, d], values: x.values.clone() },
        _ => permuted(x, &[0, 2, 1, 3]),
    };
    let inputs = ["q", "k", "v"].map(|name| tensor::<T>(&swap(case.input(name))).requires_grad());
    let options = AttentionOptions {
        causal: case.bool("causal").unwrap(),
        scale: case.f64("scale"),
        ..AttentionOptions::default()
    };
    let y = attention(&inputs[0], &inputs[1], &inputs[2], options);
    compare::<T>("y", &array(&y), &swap(case.output("y")))?;
    let grads = y.backward_with(&tensor(&swap(case.upstream("y"))));
    for (name, x) in ["q", "k", "v"].iter().zip(&inputs) {
        let grad = array(grads.require(x).unwrap());
        compare::<T>(&format!("grad {name}"), &grad, &swap(case.grad(name)))?;
    }
    Ok(())
}

fn run_encoder_layer<T: Real>(case: &Case) -> Result<(), String> {
    let count = |key: &str| case.usize(key).unwrap();
    let stream = Stream::new(0, "overwritten");
    let activation = match case.str("activation") {
        Some("gelu") => FeedForwardActivation::Gelu,
        _ => FeedForwardActivation::Relu,
    };
    let mut layer = TransformerEncoderLayer::<T>::new(
        count("d_model"),
        count("nhead"),
        count("dim_feedforward"),
        &stream,
    )
    .activation(activation)
    .norm_first(case.bool("norm_first").unwrap())
    .causal(case.bool("causal").unwrap());
    import(&mut layer, case);
    let x = tensor::<T>(case.input("x")).requires_grad();
    let y = layer.forward(&x, &mut Context::eval());
    compare::<T>("y", &array(&y), case.output("y"))?;
    let grads = y.backward_with(&tensor(case.upstream("y")));
    compare::<T>("grad x", &array(grads.require(&x).unwrap()), case.grad("x"))?;
    check_by_name(&layer, &grads, case)
}

/// Runs a case in one number type; `None` if nothing here computes it.
fn run<T: Real>(case: &Case) -> Option<Result<(), String>> {
    Some(match case.kind.as_str() {
        "rnn" | "gru" | "lstm" => run_recurrent::<T>(case)?,
        "multihead_attention" => run_multi_head::<T>(case),
        "scaled_dot_product_attention" => run_dot_product::<T>(case),
        "transformer_encoder_layer" => run_encoder_layer::<T>(case),
        _ => return None,
    })
}

#[test]
fn every_sequence_layer_that_exists_agrees_with_the_reference() {
    let Some(cases) = Cases::open("sequence") else { return };
    let (mut table, mut failures) = (Vec::new(), Vec::new());
    for case in cases.iter() {
        let outcomes = [run::<f32>(case).map(|r| ("f32", r)), run::<f64>(case).map(|r| ("f64", r))];
        let outcome = if outcomes[0].is_none() { Outcome::Later } else { Outcome::Passes };
        for (real, result) in outcomes.into_iter().flatten() {
            if let Err(text) = result {
                failures.push(format!("{} {real}: {text}", case.id));
            }
        }
        table.push((case.id.clone(), case.kind.clone(), outcome));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    document("sequence", &table);
}
