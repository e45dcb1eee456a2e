//! Scaled dot-product attention as one operation.

use crate::Tensor;
use crate::autograd::node::{Backward, Edges};
use crate::autograd::{Flow, compose};
use crate::ops::{or_panic, where_};
use purlin_backend::Buffer;
use purlin_backend::attention::{self as kernel, Attention, Bias, Grads, Rows};
use purlin_core::{Error, Real, Result, Shape};

/// Who sees whom in [`attention`], and how much.
#[derive(Debug, Clone, Copy)]
pub struct AttentionOptions<'a, T: Real = f32> {
    /// What products of queries and keys are multiplied by; `1 / sqrt(features)` without.
    pub scale: Option<f64>,
    /// Whether query `i` sees no key after `i + keys - queries`.
    pub causal: bool,
    /// Keys of each sequence that are no padding; all without.
    pub lengths: Option<&'a [usize]>,
    /// Added to the scaled products, `-inf` hides a key: `(queries, keys)`, or
    /// `(batch or 1, heads or 1, queries, keys)`. A constant: it has no gradient.
    pub mask: Option<&'a Tensor<T>>,
}

impl<T: Real> Default for AttentionOptions<'_, T> {
    fn default() -> Self {
        Self { scale: None, causal: false, lengths: None, mask: None }
    }
}

/// The sizes, and what the options say, kept for the way back.
#[derive(Debug, Clone)]
struct Spec<T: Real> {
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    key_heads: usize,
    features: usize,
    value_features: usize,
    scale: f64,
    is_causal: bool,
    lengths: Option<Vec<usize>>,
    mask: Option<Tensor<T>>,
}

impl<T: Real> Spec<T> {
    fn kernel(&self) -> Attention<'_, T> {
        let table = self.queries * self.keys;
        let bias = self.mask.as_ref().map(|mask| {
            let sizes: [usize; 2] = match *mask.dims() {
                [batch, heads, _, _] => [batch, heads],
                _ => [1, 1],
            };
            let step = |size: usize, step: usize| if size > 1 { step } else { 0 };
            Bias {
                items: mask.data(),
                batch_step: step(sizes[0], sizes[1] * table),
                head_step: step(sizes[1], table),
            }
        });
        Attention {
            batch: self.batch,
            queries: self.queries,
            keys: self.keys,
            heads: self.heads,
            key_heads: self.key_heads,
            features: self.features,
            value_features: self.value_features,
            scale: self.scale,
            is_causal: self.is_causal,
            lengths: self.lengths.as_deref(),
            bias,
        }
    }

    /// Takes the options in, and refuses what does not fit.
    fn with(mut self, op: &'static str, options: AttentionOptions<'_, T>) -> Result<Self> {
        let AttentionOptions { scale, causal, lengths, mask } = options;
        let Self { batch, queries, keys, heads, key_heads, .. } = self;
        if key_heads == 0 || heads == 0 || !heads.is_multiple_of(key_heads) {
            let rule = format!("a divisor of {heads} heads");
            return Err(Error::param(op, "key_heads", rule, key_heads));
        }
        if self.features == 0 || self.value_features == 0 {
            return Err(Error::shape(op, "at least 1 feature", 0));
        }
        if let Some(scale) = scale
            && !scale.is_finite()
        {
            return Err(Error::param(op, "scale", "finite", scale));
        }
        if let Some(lengths) = lengths {
            if lengths.len() != batch {
                return Err(Error::shape(op, format!("{batch} lengths"), lengths.len()));
            }
            if let Some(length) = lengths.iter().find(|&&length| length > keys) {
                return Err(Error::param(op, "lengths", format!("at most {keys}"), length));
            }
        }
        if let Some(mask) = mask {
            let fits = |size: usize, all: usize| size == 1 || size == all;
            let is_met = match *mask.dims() {
                [q, k] => [q, k] == [queries, keys],
                [b, h, q, k] => fits(b, batch) && fits(h, heads) && [q, k] == [queries, keys],
                _ => false,
            };
            if !is_met {
                let expected = format!(
                    "a mask ({queries}, {keys}) or ({batch} or 1, {heads} or 1, {queries}, {keys})"
                );
                return Err(Error::shape(op, expected, mask.shape()));
            }
        }
        self.scale = scale.unwrap_or(1.0 / (self.features as f64).sqrt());
        self.is_causal = causal;
        self.lengths = lengths.map(<[usize]>::to_vec);
        self.mask = mask.map(Tensor::detach);
        Ok(self)
    }

    fn out_shape(&self) -> Shape {
        Shape::from([self.batch, self.queries, self.heads, self.value_features])
    }

    /// Output, and what the way back needs where it `is_tracked`.
    fn run(&self, [q, k, v]: [Rows<'_, T>; 3], is_tracked: bool) -> (Tensor<T>, Buffer<T>) {
        let mut out = Buffer::scratch(self.out_shape().numel());
        let n = if is_tracked { 2 * self.batch * self.heads * self.queries } else { 0 };
        let mut norms = Buffer::scratch(n);
        let norms_out = is_tracked.then_some(&mut norms[..]);
        let arrays = kernel::Forward { q, k, v, out: &mut out, norms: norms_out };
        kernel::forward(&self.kernel(), arrays);
        (Tensor::new(self.out_shape(), out), norms)
    }

    /// The same in basic operations, for second derivatives.
    fn composed(&self, q: &Tensor<T>, k: &Tensor<T>, v: &Tensor<T>) -> Tensor<T> {
        self.weights(q, k).matmul(&self.for_each_head(v)).permute(&[0, 2, 1, 3])
    }

    /// Keys or values of each head of the queries, heads first.
    fn for_each_head(&self, x: &Tensor<T>) -> Tensor<T> {
        let group = self.heads / self.key_heads;
        let heads: Vec<usize> = (0..self.heads).map(|h| h / group).collect();
        x.index_select(2, &heads).permute(&[0, 2, 1, 3])
    }

    /// What each query takes of each key, `(batch, heads, queries, keys)`.
    fn weights(&self, q: &Tensor<T>, k: &Tensor<T>) -> Tensor<T> {
        let (q, k) = (q.permute(&[0, 2, 1, 3]), self.for_each_head(k));
        let mut is_seen = vec![T::ONE; self.batch * self.queries * self.keys];
        let there = |b: usize| self.lengths.as_ref().map_or(self.keys, |lengths| lengths[b]);
        for (place, is_seen) in is_seen.iter_mut().enumerate() {
            let (row, j) = (place / self.keys, place % self.keys);
            let (b, i) = (row / self.queries, row % self.queries);
            let is_later = self.is_causal && j + self.queries > i + self.keys;
            if is_later || j >= there(b) {
                *is_seen = T::ZERO;
            }
        }
        let shape = [self.batch, 1, self.queries, self.keys];
        let mut is_seen = Tensor::from_slice(&is_seen).reshape(shape);
        let mut scores = q.matmul_nt(&k) * T::from_f64(self.scale);
        if let Some(mask) = &self.mask {
            let map = |f: &dyn Fn(T) -> T| {
                let items: Vec<T> = mask.data().iter().map(|&x| f(x)).collect();
                Tensor::from_slice(&items).reshape(*mask.shape())
            };
            let is_hidden = |x: T| x == T::NEG_INFINITY;
            scores = &scores + &map(&|x| if is_hidden(x) { T::ZERO } else { x });
            is_seen = &is_seen * &map(&|x| if is_hidden(x) { T::ZERO } else { T::ONE });
        }
        let is_seen = is_seen.broadcast_to(*scores.shape());
        let lowest = Tensor::full(*scores.shape(), T::from_f64(HIDDEN));
        &where_(&is_seen, &scores, &lowest).softmax(-1) * &is_seen
    }
}

/// Near the least number of `f32`, so that nothing is left of a hidden key, and finite: where all are
/// hidden there is no NaN.
const HIDDEN: f64 = -3e38;

/// Queries, keys and values, apart.
struct AttentionBackward<T: Real> {
    spec: Spec<T>,
    inputs: [Tensor<T>; 3],
    norms: Buffer<T>,
}

/// All of a place as one row.
fn rows<T: Real>(x: &Tensor<T>) -> Rows<'_, T> {
    Rows { items: x.data(), step: x.dims()[2..].iter().product() }
}

impl<T: Real> Backward<T> for AttentionBackward<T> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let [q, k, v] = &self.inputs;
        if flow.is_graph() {
            compose(&grad, flow, &[(0, q), (1, k), (2, v)], |x| {
                self.spec.composed(&x[0], &x[1], &x[2])
            });
            return;
        }
        let room = |x: &Tensor<T>| Buffer::scratch(x.numel());
        let (mut grad_q, mut grad_k, mut grad_v) = (room(q), room(k), room(v));
        let arrays = kernel::Backward {
            q: rows(q),
            k: rows(k),
            v: rows(v),
            norms: &self.norms,
            grad_out: grad.data(),
            grads: Grads::Apart { q: &mut grad_q, k: &mut grad_k, v: &mut grad_v },
        };
        kernel::backward(&self.spec.kernel(), arrays);
        for (i, (x, grad)) in self.inputs.iter().zip([grad_q, grad_k, grad_v]).enumerate() {
            flow.send(i, Tensor::new(*x.shape(), grad));
        }
    }
}

/// Scaled dot-product attention: `softmax(scale q k^T + mask) v` for each head.
///
/// | value | shape |
/// |---|---|
/// | `q` | `(batch, queries, heads, features)` |
/// | `k` | `(batch, keys, key_heads, features)` |
/// | `v` | `(batch, keys, key_heads, value_features)` |
/// | result | `(batch, queries, heads, value_features)` |
///
/// `key_heads` divides `heads`; neighbouring heads share their keys. A query that sees no key gives
/// 0. The table of scores is never held as a whole: memory beside the arrays is linear in the
/// number of keys. See [`purlin_backend::attention`].
///
/// # Panics
///
/// When shapes do not fit, or a length exceeds the number of keys.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{AttentionOptions, Tensor, attention};
///
/// let q = Tensor::<f32>::ones([1, 2, 1, 4]);
/// let v = Tensor::from([1.0, 3.0]).reshape([1, 2, 1, 1]);
/// let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
/// // The first sees itself alone, the second the mean of both.
/// assert_eq!(attention(&q, &q, &v, options).data(), [1.0, 2.0]);
/// ```
#[track_caller]
pub fn attention<T: Real>(
    q: &Tensor<T>,
    k: &Tensor<T>,
    v: &Tensor<T>,
    options: AttentionOptions<'_, T>,
) -> Tensor<T> {
    let spec = or_panic(spec_of(q, k, v).and_then(|spec| spec.with("attention", options)));
    let edges = Edges::of(&[q, k, v]);
    let (out, norms) = spec.run([rows(q), rows(k), rows(v)], edges.is_some());
    out.record(edges, "attention", |_| AttentionBackward {
        spec,
        inputs: [q.detach(), k.detach(), v.detach()],
        norms,
    })
}

/// What each query takes of each key in [`attention`], `(batch, heads, queries, keys)`: to look at,
/// or to put a loss on. The table is held as a whole.
///
/// # Panics
///
/// As [`attention`].
///
/// # Examples
///
/// ```
/// use purlin_tensor::{AttentionOptions, Tensor, attention_weights};
///
/// let q = Tensor::<f32>::ones([1, 2, 1, 4]);
/// let options = AttentionOptions { causal: true, ..AttentionOptions::default() };
/// assert_eq!(attention_weights(&q, &q, options).data(), [1.0, 0.0, 0.5, 0.5]);
/// ```
#[track_caller]
pub fn attention_weights<T: Real>(
    q: &Tensor<T>,
    k: &Tensor<T>,
    options: AttentionOptions<'_, T>,
) -> Tensor<T> {
    // The keys stand for the values, of which nothing is asked.
    let spec = spec_of(q, k, k).and_then(|spec| spec.with("attention_weights", options));
    or_panic(spec).weights(q, k)
}

fn spec_of<T: Real>(q: &Tensor<T>, k: &Tensor<T>, v: &Tensor<T>) -> Result<Spec<T>> {
    const OP: &str = "attention";
    let &[batch, queries, heads, features] = q.dims() else {
        return Err(Error::shape(OP, "q (batch, queries, heads, features)", q.shape()));
    };
    let &[k_batch, keys, key_heads, k_features] = k.dims() else {
        return Err(Error::shape(OP, "k (batch, keys, key_heads, features)", k.shape()));
    };
    if [k_batch, k_features] != [batch, features] {
        let expected = format!("k ({batch}, keys, key_heads, {features})");
        return Err(Error::shape(OP, expected, k.shape()));
    }
    match *v.dims() {
        [b, n, h, value_features] if [b, n, h] == [batch, keys, key_heads] => Ok(Spec {
            batch,
            queries,
            keys,
            heads,
            key_heads,
            features,
            value_features,
            scale: 1.0,
            is_causal: false,
            lengths: None,
            mask: None,
        }),
        _ => {
            let expected = format!("v ({batch}, {keys}, {key_heads}, value_features)");
            Err(Error::shape(OP, expected, v.shape()))
        }
    }
}

/// Queries, keys and values side by side in one array.
struct SelfAttentionBackward<T: Real> {
    spec: Spec<T>,
    qkv: Tensor<T>,
    norms: Buffer<T>,
}

/// The three parts of a place.
fn packed_rows<'a, T: Real>(spec: &Spec<T>, qkv: &'a Tensor<T>) -> [Rows<'a, T>; 3] {
    let step = qkv.dims()[2];
    let (q, k) = (spec.heads * spec.features, spec.key_heads * spec.features);
    // Of no place there is nothing to skip.
    [0, q, q + k].map(|skip| Rows { items: qkv.data().get(skip..).unwrap_or(&[]), step })
}

impl<T: Real> Backward<T> for SelfAttentionBackward<T> {
    fn name(&self) -> &'static str {
        "self_attention"
    }

    fn backward(&self, grad: Tensor<T>, flow: &mut Flow<'_, T>) {
        let Spec { batch, queries, heads, key_heads, features, .. } = self.spec;
        if flow.is_graph() {
            compose(&grad, flow, &[(0, &self.qkv)], |x| {
                let all = heads + 2 * key_heads;
                let parts = x[0].reshape([batch, queries, all, features]);
                let parts = parts.split(2, &[heads, key_heads, key_heads]);
                let out = self.spec.composed(&parts[0], &parts[1], &parts[2]);
                out.reshape([batch, queries, heads * features])
            });
            return;
        }
        let [q, k, v] = packed_rows(&self.spec, &self.qkv);
        let mut grads = Buffer::scratch(self.qkv.numel());
        let arrays = kernel::Backward {
            q,
            k,
            v,
            norms: &self.norms,
            grad_out: grad.data(),
            grads: Grads::Packed(&mut grads),
        };
        kernel::backward(&self.spec.kernel(), arrays);
        flow.send(0, Tensor::new(*self.qkv.shape(), grads));
    }
}

/// [`attention`] of a sequence to itself, from the result of one product:
/// at each place the queries of all heads, then the keys, then the values.
///
/// | value | shape |
/// |---|---|
/// | `qkv` | `(batch, steps, (heads + 2 key_heads) features)` |
/// | result | `(batch, steps, heads * features)` |
///
/// # Panics
///
/// When shapes do not fit, or a length exceeds the steps.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{AttentionOptions, Tensor, self_attention};
///
/// let qkv = Tensor::from([[[0.0f32, 0.0, 1.0], [0.0, 0.0, 3.0]]]);
/// let y = self_attention(&qkv, 1, 1, AttentionOptions::default());
/// assert_eq!(y.data(), [2.0, 2.0]);
/// ```
#[track_caller]
pub fn self_attention<T: Real>(
    qkv: &Tensor<T>,
    heads: usize,
    key_heads: usize,
    options: AttentionOptions<'_, T>,
) -> Tensor<T> {
    const OP: &str = "self_attention";
    let parts = heads + 2 * key_heads;
    let spec = match *qkv.dims() {
        [batch, steps, width] if parts > 0 && width.is_multiple_of(parts) => Ok(Spec {
            batch,
            queries: steps,
            keys: steps,
            heads,
            key_heads,
            features: width / parts,
            value_features: width / parts,
            scale: 1.0,
            is_causal: false,
            lengths: None,
            mask: None,
        }),
        _ => {
            let expected = format!("input (batch, steps, {parts} * features)");
            Err(Error::shape(OP, expected, qkv.shape()))
        }
    };
    let spec = or_panic(spec.and_then(|spec| spec.with(OP, options)));
    let edges = Edges::of(&[qkv]);
    let (out, norms) = spec.run(packed_rows(&spec, qkv), edges.is_some());
    let shape = Shape::from([spec.batch, spec.queries, heads * spec.features]);
    out.reshape(shape).record(edges, OP, |_| SelfAttentionBackward {
        spec,
        qkv: qkv.detach(),
        norms,
    })
}
