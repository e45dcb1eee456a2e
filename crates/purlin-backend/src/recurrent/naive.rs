//! The recurrence as its definition says it: the twin of the fast one.

use super::{Cell, Recurrence};
use crate::elementwise::ops;
use crate::gemm::{Epilogue, Gemm, naive};
use crate::math;
use purlin_core::Real;

/// The outputs `(n, steps, o)` from what the inputs give each gate; `h` and `c` as in
/// [`Forward`](super::Forward).
pub fn forward<T: Real>(spec: &Recurrence<'_, T>, gates: &[T], h: &mut [T], c: &mut [T]) -> Vec<T> {
    let &Recurrence { n, steps, hidden, .. } = spec;
    let (outputs, width) = (spec.outputs(), spec.cell.gates() * hidden);
    let sigmoid = |x: T| math::scalar(ops::Sigmoid, x);
    let tanh = |x: T| math::scalar(ops::Tanh, x);
    let mut y = vec![T::ZERO; n * steps * outputs];
    for row in 0..n {
        let h = &mut h[row * outputs..(row + 1) * outputs];
        for s in 0..steps {
            let t = spec.at(s);
            if !spec.has(row, t) {
                continue;
            }
            let x = &gates[(row * steps + t) * width..][..width];
            let mut product = vec![T::ZERO; width];
            let none = Epilogue::none();
            naive::gemm(&Gemm::new(1, outputs, width), h, spec.weight, &mut product, &none);
            let gate = |gate: usize, j: usize| x[gate * hidden + j] + product[gate * hidden + j];
            let mut new = vec![T::ZERO; hidden];
            for (j, new) in new.iter_mut().enumerate() {
                *new = match spec.cell {
                    Cell::Elman(activation) => {
                        Epilogue { bias: None, activation }.apply(j, gate(0, j))
                    }
                    Cell::Gru => {
                        let (r, z) = (sigmoid(gate(0, j)), sigmoid(gate(1, j)));
                        let product = product[2 * hidden + j];
                        let q = spec.bias.map_or(product, |bias| product + bias[j]);
                        let n = tanh(r.mul_add(q, x[2 * hidden + j]));
                        z.mul_add(h[j] - n, n)
                    }
                    Cell::Lstm => {
                        let (i, f) = (sigmoid(gate(0, j)), sigmoid(gate(1, j)));
                        let (g, o) = (tanh(gate(2, j)), sigmoid(gate(3, j)));
                        let c = &mut c[row * hidden + j];
                        *c = f.mul_add(*c, i * g);
                        o * tanh(*c)
                    }
                };
            }
            match spec.projection {
                None => h.copy_from_slice(&new),
                Some(projection) => {
                    naive::gemm(&Gemm::new(1, hidden, outputs), &new, projection, h, &none);
                }
            }
            y[(row * steps + t) * outputs..][..outputs].copy_from_slice(h);
        }
    }
    y
}
