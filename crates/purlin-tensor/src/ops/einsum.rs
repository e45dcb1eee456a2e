//! Sums of products, written over named axes.

use crate::Tensor;
use crate::ops::matmul::{Flags, product};
use purlin_core::{Real, Shape};

/// The axes of each operand and of the result, one letter each.
struct Equation {
    operands: Vec<Vec<char>>,
    result: Vec<char>,
}

impl Equation {
    #[track_caller]
    fn parse(text: &str) -> Self {
        let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) =
            dense.split_once("->").map_or((&dense[..], None), |(l, r)| (l, Some(r)));
        let is_named = |part: &str| part.chars().all(|c| c.is_ascii_alphabetic());
        assert!(
            left.split(',').all(is_named) && right.is_none_or(is_named),
            "einsum: equation must name axes by letters, as in \"ij,jk->ik\", got {text:?}"
        );
        let operands: Vec<Vec<char>> = left.split(',').map(|axes| axes.chars().collect()).collect();
        let count = |c: char| left.chars().filter(|&other| other == c).count();
        let result: Vec<char> = match right {
            Some(right) => right.chars().collect(),
            // As in NumPy: what occurs once, in the order of the alphabet.
            None => ('A'..='z').filter(|&c| c.is_ascii_alphabetic() && count(c) == 1).collect(),
        };
        for (i, &c) in result.iter().enumerate() {
            assert!(
                count(c) > 0 && !result[..i].contains(&c),
                "einsum: result must name axes of the operands once each, got {c} in {text:?}"
            );
        }
        Self { operands, result }
    }
}

/// A tensor whose axes have names.
struct Named<T: Real> {
    x: Tensor<T>,
    axes: Vec<char>,
}

impl<T: Real> Named<T> {
    /// Axes of one name become the diagonal through them.
    fn diagonal(mut self) -> Self {
        while let Some((p, q)) = repeated(&self.axes) {
            let n = self.x.dims()[p];
            let mut order: Vec<usize> =
                (0..self.axes.len()).filter(|&i| i != p && i != q).collect();
            let mut dims: Vec<usize> = order.iter().map(|&i| self.x.dims()[i]).collect();
            dims.push(n * n);
            order.extend([p, q]);
            let along: Vec<usize> = (0..n).map(|i| i * (n + 1)).collect();
            let axes: Vec<isize> = order.iter().map(|&i| i.cast_signed()).collect();
            self.x = self.x.permute(&axes).reshape(dims).index_select(-1, &along);
            // A third axis of the name stays for the next round.
            self.axes.remove(q);
            let name = self.axes.remove(p);
            self.axes.push(name);
        }
        self
    }

    /// The sum over the axes whose names are not wanted.
    fn keep(self, is_wanted: impl Fn(char) -> bool) -> Self {
        let over: Vec<isize> = (0..self.axes.len())
            .filter(|&i| !is_wanted(self.axes[i]))
            .map(usize::cast_signed)
            .collect();
        if over.is_empty() {
            return self;
        }
        let x = self.x.sum_axes(&over, false);
        Self { x, axes: self.axes.into_iter().filter(|&c| is_wanted(c)).collect() }
    }

    /// The tensor with its axes in this order.
    fn in_order(&self, order: &[char]) -> Tensor<T> {
        if self.axes == order {
            return self.x.clone();
        }
        let position = |c: &char| self.axes.iter().position(|own| own == c);
        let axes: Vec<isize> = order.iter().filter_map(position).map(usize::cast_signed).collect();
        self.x.permute(&axes)
    }

    fn size(&self, c: char) -> Option<usize> {
        self.axes.iter().position(|&own| own == c).map(|i| self.x.dims()[i])
    }

    /// As `(batch, rows, columns)` or, where it lies so already, `(batch, columns, rows)`; and
    /// which of the two.
    fn as_matrices(&self, batch: &[char], rows: &[char], cols: &[char]) -> (Tensor<T>, bool) {
        let transposed = [batch, cols, rows].concat();
        let is_transposed = self.axes == transposed;
        let (first, second) = if is_transposed { (cols, rows) } else { (rows, cols) };
        let numel = |names: &[char]| names.iter().filter_map(|&c| self.size(c)).product::<usize>();
        let x = self.in_order(&[batch, first, second].concat());
        let dims = [numel(batch), numel(first), numel(second)];
        // Without a batch one product, not a batch of one.
        let x = if batch.is_empty() { x.reshape([dims[1], dims[2]]) } else { x.reshape(dims) };
        (x, is_transposed)
    }
}

/// The first two positions of the same name.
fn repeated(axes: &[char]) -> Option<(usize, usize)> {
    axes.iter()
        .enumerate()
        .find_map(|(q, c)| axes[..q].iter().position(|earlier| earlier == c).map(|p| (p, q)))
}

/// The product of two operands summed over the axes that are not in `result`, all of which both
/// have.
#[track_caller]
fn contract<T: Real>(a: &Named<T>, b: &Named<T>, result: &[char]) -> Named<T> {
    let in_result = |in_a: bool, in_b: bool| -> Vec<char> {
        let is = |c: &char| a.axes.contains(c) == in_a && b.axes.contains(c) == in_b;
        result.iter().copied().filter(is).collect()
    };
    let (batch, left, right) =
        (in_result(true, true), in_result(true, false), in_result(false, true));
    let inner: Vec<char> = a.axes.iter().copied().filter(|c| !result.contains(c)).collect();
    let axes = [&batch[..], &left, &right].concat();
    let sizes: Vec<usize> = axes.iter().filter_map(|&c| a.size(c).or_else(|| b.size(c))).collect();
    let shape = Shape::new(&sizes);
    let x = if !batch.is_empty() && left.is_empty() && right.is_empty() {
        // Products of single numbers, or of short vectors: element by element.
        let order = [&batch[..], &inner].concat();
        let over: Vec<isize> = (batch.len()..order.len()).map(usize::cast_signed).collect();
        let x = a.in_order(&order) * b.in_order(&order);
        if over.is_empty() { x } else { x.sum_axes(&over, false) }
    } else {
        let (a, is_a_transposed) = a.as_matrices(&batch, &left, &inner);
        let (b, is_b_transposed) = b.as_matrices(&batch, &inner, &right);
        product(&a, &b, Flags { a: is_a_transposed, b: is_b_transposed }).reshape(shape)
    };
    Named { x, axes }
}

/// The sum of products of one or two operands that an equation over named axes describes
/// (Einstein's convention): `"ij,jk->ik"` is the matrix product.
///
/// Each operand has one letter per axis, separated by a comma; the result's letters stand behind
/// `->`, in any order. What the result does not name is summed over; a letter twice in one operand
/// is its diagonal. Without `->` the result has the letters that occur once, in the order of the
/// alphabet. Two operands meet in one batched matrix product; an operand is copied only where its
/// axes do not lie in an order that this takes.
///
/// | equation | what it is |
/// |---|---|
/// | `ij,jk->ik`, `bij,bjk->bik` | matrix product, batched |
/// | `i,i->`, `i,j->ij` | inner and outer product |
/// | `ij->ji`, `ij->`, `ij->j` | transpose, sum of all, sum of rows |
/// | `ii->`, `ii->i` | trace, diagonal |
/// | `bqhd,bkhd->bhqk` | scores of attention |
///
/// # Panics
///
/// When the equation is malformed, the number of operands is another than it names or not 1 or 2,
/// an operand has another rank than letters, or one letter stands for different sizes.
///
/// # Examples
///
/// ```
/// use purlin_tensor::{Tensor, einsum};
///
/// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let v = Tensor::from([1.0f32, 10.0]);
/// assert_eq!(einsum("ij,j->i", &[&a, &v]).data(), [21.0, 43.0]);
/// assert_eq!(einsum("ii->", &[&a]).item(), 5.0);
/// ```
#[must_use]
#[track_caller]
pub fn einsum<T: Real>(equation: &str, operands: &[&Tensor<T>]) -> Tensor<T> {
    let Equation { operands: names, result } = Equation::parse(equation);
    assert!(
        matches!(operands.len(), 1 | 2),
        "einsum: expected 1 or 2 operands, got {}",
        operands.len()
    );
    assert!(
        names.len() == operands.len(),
        "einsum: expected {} operands for {equation:?}, got {}",
        names.len(),
        operands.len()
    );
    let mut sizes: Vec<(char, usize)> = Vec::new();
    for (i, (axes, x)) in names.iter().zip(operands).enumerate() {
        assert!(
            axes.len() == x.rank(),
            "einsum: operand {i} must have {} axes for {equation:?}, got shape {}",
            axes.len(),
            x.shape()
        );
        for (&c, &size) in axes.iter().zip(x.dims()) {
            match sizes.iter().find(|known| known.0 == c) {
                Some(known) => assert!(
                    known.1 == size,
                    "einsum: sizes of axis {c} must match, got {} and {size} in {equation:?}",
                    known.1
                ),
                None => sizes.push((c, size)),
            }
        }
    }
    let mut named = names
        .into_iter()
        .zip(operands)
        .map(|(axes, &x)| Named { x: x.clone(), axes }.diagonal())
        .collect::<Vec<_>>();
    let Some(b) = (named.len() == 2).then(|| named.pop()).flatten() else {
        return named.remove(0).keep(|c| result.contains(&c)).in_order(&result);
    };
    let a = named.remove(0);
    let (a_axes, b_axes) = (a.axes.clone(), b.axes.clone());
    let a = a.keep(|c| result.contains(&c) || b_axes.contains(&c));
    let b = b.keep(|c| result.contains(&c) || a_axes.contains(&c));
    contract(&a, &b, &result).in_order(&result)
}
