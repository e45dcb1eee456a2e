//! Laws of recurrent layers and embeddings.

use purlin_core::rng::Stream;
use purlin_nn::layers::{
    Embedding, FeedForwardActivation, Gru, GruCell, KeyValueCache, Lstm, LstmCell,
    MultiHeadAttention, Rnn, RnnCell, TransformerDecoderLayer, TransformerEncoderLayer, rotary,
};
use purlin_nn::optim::{Adam, Optimizer};
use purlin_nn::{Context, Forward, Init, Module};
use purlin_tensor::{Activation, GradcheckOptions, Tensor, gradcheck};

fn stream(name: &str) -> Stream {
    Stream::new(3, name)
}

fn numbers(shape: &[usize], name: &str) -> Tensor<f64> {
    Init::Normal { mean: 0.0, std: 1.0 }.tensor(shape, &stream(name)).unwrap()
}

/// The steps of `x`, one after the other.
fn steps(x: &Tensor<f64>) -> impl Iterator<Item = Tensor<f64>> {
    let (n, d) = (x.dims()[0], x.dims()[2]);
    (0..x.dims()[1]).map(move |t| x.slice(1, t..=t).reshape([n, d]))
}

#[test]
fn a_sequence_is_its_steps() {
    let x = numbers(&[3, 5, 4], "x");
    macro_rules! check {
        ($layer:ident, $cell:ident) => {{
            let layer = $layer::<f64>::new(4, 6, &stream("layer"));
            let mut cell = $cell::<f64>::new(4, 6, &stream("cell"));
            cell.params = layer.layers[0].forward.clone();
            let (y, after) = layer.run(&x, None, None, &mut Context::eval());
            let mut state = cell.start(3);
            for (t, x) in steps(&x).enumerate() {
                state = cell.step(&x, &state);
                assert_eq!(state.h.data(), y.slice(1, t..=t).data(), "{t}");
            }
            assert_eq!(state.h, after.cells[0].h);
            assert_eq!(state.c.is_some(), after.cells[0].c.is_some());
            if let (Some(a), Some(b)) = (&state.c, &after.cells[0].c) {
                assert_eq!(a, b);
            }
        }};
    }
    check!(Rnn, RnnCell);
    check!(Gru, GruCell);
    check!(Lstm, LstmCell);
}

/// What a sequence gives beside others, padded, it gives alone, in both directions.
#[test]
fn padding_changes_no_result_and_no_gradient() {
    let layer = Lstm::<f64>::new(2, 3, &stream("layer")).n_layers(2).bidirectional(true);
    let lengths = [4, 1, 3];
    let clean = numbers(&[3, 4, 2], "x");
    let mut items = clean.to_vec();
    for (i, &length) in lengths.iter().enumerate() {
        items[(4 * i + length) * 2..(4 * i + 4) * 2].fill(f64::NAN);
    }
    let x = Tensor::from_vec(items, [3, 4, 2]).unwrap().requires_grad();
    let (y, state) = layer.run(&x, None, Some(&lengths), &mut Context::eval());
    let grads = (y.square().sum() + state.cells[3].h.sum()).backward();
    let mut sum: Option<Vec<f64>> = None;
    for (i, &length) in lengths.iter().enumerate() {
        let alone = clean.slice(0, i..=i).slice(1, ..length).detach().requires_grad();
        let (y_alone, state_alone) = layer.run(&alone, None, None, &mut Context::eval());
        assert_eq!(y.slice(0, i..=i).slice(1, ..length).to_vec(), y_alone.to_vec(), "{i}");
        assert!(y.slice(0, i..=i).slice(1, length..).data().iter().all(|&y| y == 0.0));
        for (together, alone) in state.cells.iter().zip(&state_alone.cells) {
            assert_eq!(together.h.slice(0, i..=i).to_vec(), alone.h.to_vec());
            let c = together.c.as_ref().unwrap().slice(0, i..=i);
            assert_eq!(c.to_vec(), alone.c.as_ref().unwrap().to_vec());
        }
        let of = (y_alone.square().sum() + state_alone.cells[3].h.sum()).backward();
        let grad_x = grads.require(&x).unwrap().slice(0, i..=i);
        assert_eq!(grad_x.slice(1, ..length).to_vec(), of.require(&alone).unwrap().to_vec());
        assert!(grad_x.slice(1, length..).data().iter().all(|&grad| grad == 0.0));
        let weight = of.require(&layer.layers[0].forward.weight_hh).unwrap().to_vec();
        sum = Some(match sum {
            None => weight,
            Some(sum) => sum.iter().zip(&weight).map(|(a, b)| a + b).collect(),
        });
    }
    let together = grads.require(&layer.layers[0].forward.weight_hh).unwrap();
    for (a, b) in together.data().iter().zip(sum.unwrap()) {
        assert!((a - b).abs() <= 1e-14 * (1.0 + b.abs()), "{a} {b}");
    }
}

#[test]
fn gradients_go_through_states_and_cells() {
    let layer = Lstm::<f64>::new(2, 3, &stream("layer"));
    let x = numbers(&[2, 3, 2], "x");
    let loss = |x: &[Tensor<f64>]| {
        let (_, state) = layer.run(&x[0], None, None, &mut Context::eval());
        let (y, after) = layer.run(&x[0], Some(&state), None, &mut Context::eval());
        let cell = &after.cells[0];
        y.square().sum() + cell.c.as_ref().unwrap().sum() + cell.h.exp().sum()
    };
    gradcheck(loss, &[x], &GradcheckOptions::default()).unwrap();
    // Of the cell alone, of which the outputs know nothing.
    let cell_alone = |x: &[Tensor<f64>]| {
        let (_, after) = layer.run(&x[0], None, None, &mut Context::eval());
        after.cells[0].c.as_ref().unwrap().square().sum()
    };
    gradcheck(cell_alone, &[numbers(&[2, 3, 2], "y")], &GradcheckOptions::default()).unwrap();
}

#[test]
fn a_detached_state_ends_the_gradient() {
    let layer = Gru::<f64>::new(2, 3, &stream("layer"));
    let x = numbers(&[2, 3, 2], "x").requires_grad();
    let (_, state) = layer.run(&x, None, None, &mut Context::eval());
    let (y, _) = layer.run(&x.detach(), Some(&state.detach()), None, &mut Context::eval());
    assert!(y.sum().backward().get(&x).is_none());
}

#[test]
fn dropout_between_layers_acts_in_training_alone() {
    let layer = Lstm::<f64>::new(2, 8, &stream("layer")).n_layers(2).dropout(0.5);
    let x = numbers(&[2, 3, 2], "x");
    let eval = layer.forward(&x, &mut Context::eval());
    assert_eq!(eval, layer.forward(&x, &mut Context::eval()));
    let train = layer.forward(&x, &mut Context::train(1));
    assert_ne!(eval, train);
    assert_eq!(train, layer.forward(&x, &mut Context::train(1)));
    let one = Lstm::<f64>::new(2, 8, &stream("layer")).dropout(0.5);
    let eval = one.forward(&x, &mut Context::eval());
    assert_eq!(eval, one.forward(&x, &mut Context::train(1)));
}

#[test]
fn a_forget_bias_is_added_to_the_forget_gate() {
    let plain = Lstm::<f64>::new(2, 3, &stream("layer"));
    let biased = Lstm::<f64>::new(2, 3, &stream("layer")).forget_bias(1.0);
    let bias = |lstm: &Lstm<f64>| lstm.layers[0].forward.bias.as_ref().unwrap().to_vec();
    for (i, (a, b)) in bias(&plain).iter().zip(bias(&biased)).enumerate() {
        let expected = if (3..6).contains(&i) { a + 1.0 } else { *a };
        assert_eq!(b, expected);
    }
}

#[test]
fn parameters_have_their_names() {
    let lstm = Lstm::<f32>::new(2, 3, &stream("l")).n_layers(2).bidirectional(true).projection(1);
    let mut names = Vec::new();
    lstm.for_each_param(&mut |name, param| names.push(format!("{name} {}", param.shape())));
    assert_eq!(
        names[..4],
        [
            "layers.0.forward.weight_ih (2, 12)",
            "layers.0.forward.weight_hh (1, 12)",
            "layers.0.forward.bias (12,)",
            "layers.0.forward.weight_hr (3, 1)",
        ]
    );
    assert_eq!(names[12], "layers.1.reverse.weight_ih (2, 12)");
    let gru = Gru::<f32>::new(2, 3, &stream("g"));
    assert_eq!(gru.n_params(), (2 + 3 + 1) * 9 + 3);
    assert_eq!(Gru::<f32>::new(2, 3, &stream("g")).bias(false).n_params(), (2 + 3) * 9);
}

/// The sum of two numbers a long time apart (Hochreiter and Schmidhuber's adding problem).
#[test]
fn lstm_and_gru_learn_to_add() {
    let n = 64;
    let batch = |i: u64| {
        let mut rng = stream("adding").rng(i);
        let (mut x, mut y) = (vec![0.0f32; n * 20 * 2], vec![0.0f32; n]);
        for row in 0..n {
            for t in 0..20 {
                x[(row * 20 + t) * 2] = rng.uniform() as f32;
            }
            for at in [rng.below(10), 10 + rng.below(10)] {
                x[(row * 20 + at) * 2 + 1] = 1.0;
                y[row] += x[(row * 20 + at) * 2];
            }
        }
        (Tensor::from_vec(x, [n, 20, 2]).unwrap(), Tensor::from_vec(y, [n, 1]).unwrap())
    };
    macro_rules! check {
        ($layer:expr) => {{
            let mut model = purlin_nn::Sequential::new().push($layer);
            let mut head = purlin_nn::layers::Linear::<f32>::new(24, 1, &stream("head"));
            let mut optimizers = (Adam::new(1e-2), Adam::new(1e-2));
            let mut last = 0.0;
            for i in 0..400 {
                let (x, y) = batch(i);
                let out = model.forward(&x, &mut Context::train(0));
                let out =
                    head.forward(&out.slice(1, 19..).reshape([n, 24]), &mut Context::train(0));
                let loss = (&out - &y).square().mean();
                last = loss.item();
                let grads = loss.backward();
                optimizers.0.step(&mut model, &grads).unwrap();
                optimizers.1.step(&mut head, &grads).unwrap();
            }
            // The variance of the sum is 1/6.
            assert!(last < 0.02, "{last}");
        }};
    }
    check!(Lstm::<f32>::new(2, 24, &stream("lstm")));
    check!(Gru::<f32>::new(2, 24, &stream("gru")));
}

#[test]
fn long_rows_are_shortened() {
    let layer = Embedding::<f64>::new(4, 3, &stream("embedding"));
    let short = layer.clone().max_norm(0.5);
    let rows = short.lookup(&[0, 1, 2, 3], [4]);
    for (row, table) in rows.data().chunks(3).zip(layer.weight.data().chunks(3)) {
        let norm = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((norm(row) - norm(table).min(0.5)).abs() < 1e-12);
    }
}

#[test]
fn the_padding_symbol_has_no_gradient() {
    let layer = Embedding::<f64>::new(4, 2, &stream("embedding")).padding_index(1);
    let rows = layer.lookup(&[1, 2, 2], [3]);
    let grads = (rows + 1.0).sum().backward();
    let grad = grads.require(&layer.weight).unwrap();
    assert_eq!(grad.data(), [0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 0.0, 0.0]);
}

#[test]
fn scores_use_the_table() {
    let layer = Embedding::<f64>::new(4, 2, &stream("embedding"));
    let rows = layer.lookup(&[3], [1]);
    let scores = layer.scores(&rows);
    assert_eq!(scores.dims(), [1, 4]);
    let norm: f64 = rows.data().iter().map(|x| x * x).sum();
    assert!((scores.data()[3] - norm).abs() < 1e-15);
}

/// Attention with groups, turned by places: whole sequences, step by step, and longer steps.
#[test]
fn a_cache_gives_what_the_whole_sequence_gives() {
    let layer = MultiHeadAttention::<f64>::new(8, 4, &stream("attention"))
        .key_heads(2)
        .rotary(10_000.0)
        .causal(true);
    let x = numbers(&[2, 7, 8], "x");
    let whole = layer.forward(&x, &mut Context::eval());
    for steps in [&[1; 7][..], &[3, 4]] {
        let (mut cache, mut first) = (KeyValueCache::new(), 0);
        for &n in steps {
            let y = layer.step(&x.slice(1, first..first + n), &mut cache);
            for (a, b) in y.data().iter().zip(whole.slice(1, first..first + n).data()) {
                assert!((a - b).abs() < 1e-14, "{a} {b}");
            }
            first += n;
        }
        assert_eq!(cache.len(), 7);
        assert_eq!(cache.select(&[1, 1, 0]).len(), 7);
    }
}

#[test]
fn a_causal_layer_does_not_see_what_follows() {
    let layer = TransformerEncoderLayer::<f64>::new(8, 2, 16, &stream("layer"))
        .causal(true)
        .norm_first(true)
        .activation(FeedForwardActivation::Gelu);
    let x = numbers(&[1, 6, 8], "x");
    let mut other = x.to_vec();
    other[4 * 8..].fill(0.5);
    let other = Tensor::from_vec(other, [1, 6, 8]).unwrap();
    let y = [&x, &other].map(|x| layer.forward(x, &mut Context::eval()).slice(1, ..4).to_vec());
    assert_eq!(y[0], y[1]);
}

/// Turning by places leaves products of equal distance equal.
#[test]
fn rotary_products_depend_on_the_distance() {
    let (q, k) = (numbers(&[1, 1, 1, 6], "q"), numbers(&[1, 1, 1, 6], "k"));
    let product = |i: usize, j: usize| (rotary(&q, i, 100.0) * rotary(&k, j, 100.0)).sum().item();
    assert!((product(3, 1) - product(12, 10)).abs() < 1e-13);
    assert!((product(3, 1) - product(3, 2)).abs() > 1e-3);
}

#[test]
fn a_decoder_reads_its_memory_up_to_its_length() {
    let layer = TransformerDecoderLayer::<f64>::new(8, 2, 16, &stream("layer"));
    let (x, memory) = (numbers(&[2, 3, 8], "x"), numbers(&[2, 5, 8], "memory"));
    let whole = layer.decode(&x, &memory, Some(&[5, 2]), &mut Context::eval());
    let short = layer.decode(
        &x.slice(0, 1..),
        &memory.slice(0, 1..).slice(1, ..2),
        None,
        &mut Context::eval(),
    );
    assert_eq!(whole.slice(0, 1..).to_vec(), short.to_vec());
    let mut cache = KeyValueCache::new();
    for t in 0..3 {
        let step = layer.step(&x.slice(1, t..=t), &memory, Some(&[5, 2]), &mut cache);
        for (a, b) in step.data().iter().zip(whole.slice(1, t..=t).data()) {
            assert!((a - b).abs() < 1e-14, "{a} {b}");
        }
    }
}

#[test]
fn dropout_in_a_transformer_acts_in_training_alone() {
    let layer = TransformerEncoderLayer::<f64>::new(8, 2, 16, &stream("layer")).dropout(0.5);
    let x = numbers(&[1, 6, 8], "x");
    let eval = layer.forward(&x, &mut Context::eval());
    assert_ne!(eval, layer.forward(&x, &mut Context::train(1)));
    let plain = TransformerEncoderLayer::<f64>::new(8, 2, 16, &stream("layer"));
    assert_eq!(eval, plain.forward(&x, &mut Context::train(1)));
}

mod refused {
    use super::*;

    #[test]
    #[should_panic(expected = "lstm: expected input (batch, steps, 2), got (1, 4, 3)")]
    fn another_number_of_features() {
        let layer = Lstm::<f32>::new(2, 3, &stream("layer"));
        let _ = layer.forward(&Tensor::zeros([1, 4, 3]), &mut Context::eval());
    }

    #[test]
    #[should_panic(expected = "rnn: slope must be at least 0, got -0.5")]
    fn a_slope_that_hides_the_sign() {
        let _ = Rnn::<f32>::new(2, 3, &stream("layer")).activation(Activation::LeakyRelu(-0.5));
    }

    #[test]
    #[should_panic(expected = "gru: lengths must be at least 1, got 0")]
    fn an_empty_sequence() {
        let layer = Gru::<f32>::new(2, 3, &stream("layer"));
        let _ = layer.run(&Tensor::zeros([2, 4, 2]), None, Some(&[4, 0]), &mut Context::eval());
    }

    #[test]
    #[should_panic(expected = "recurrent: lengths must be at most 4, got 5")]
    fn a_length_beyond_the_steps() {
        let layer = Rnn::<f32>::new(2, 3, &stream("layer"));
        let _ = layer.run(&Tensor::zeros([1, 4, 2]), None, Some(&[5]), &mut Context::eval());
    }

    #[test]
    #[should_panic(expected = "lstm: expected a state of 2 cells, got 1 cells")]
    fn a_state_of_another_stack() {
        let one = Lstm::<f32>::new(2, 3, &stream("layer"));
        let x = Tensor::zeros([1, 4, 2]);
        let (_, state) = one.run(&x, None, None, &mut Context::eval());
        let two = one.n_layers(2);
        let _ = two.run(&x, Some(&state), None, &mut Context::eval());
    }

    #[test]
    #[should_panic(expected = "embedding: symbol must be below 4, got 4")]
    fn a_symbol_that_is_not_there() {
        let _ = Embedding::<f32>::new(4, 2, &stream("embedding")).lookup(&[0, 4], [2]);
    }

    #[test]
    #[should_panic(expected = "embedding: symbol must be an integer below 4, got 0.5")]
    fn half_a_symbol() {
        let layer = Embedding::<f32>::new(4, 2, &stream("embedding"));
        let _ = layer.forward(&Tensor::from([0.5]), &mut Context::eval());
    }
}
