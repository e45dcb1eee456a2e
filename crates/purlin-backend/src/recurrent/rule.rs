//! What one step does with a row, once the products are there.

use crate::gemm::Activation;
use crate::math;
use purlin_core::Real;
use purlin_core::simd::Lanes;

/// A row of a step, going forwards. Of `h` units each.
pub(super) struct Row<'a, T> {
    /// In: what the input gives each gate. Out: the gates.
    pub(super) gates: &'a mut [T],
    /// What the state gives each gate.
    pub(super) product: &'a [T],
    /// The bias of the state, where the rule has one.
    pub(super) bias: Option<&'a [T]>,
    /// The state.
    pub(super) h: &'a mut [T],
    /// The cell, where the rule has one.
    pub(super) c: &'a mut [T],
    /// Takes what the way back needs beside the gates.
    pub(super) kept: &'a mut [T],
}

/// A row of a step, going backwards.
pub(super) struct RowGrad<'a, T> {
    pub(super) gates: &'a [T],
    pub(super) kept: &'a [T],
    /// The state before the step.
    pub(super) before: &'a [T],
    /// In: the gradient of the state. Out: of the one before, but for the product.
    pub(super) h: &'a mut [T],
    /// In: the gradient of the cell. Out: of the one before.
    pub(super) c: &'a mut [T],
    /// Takes the gradient of what the input gives each gate.
    pub(super) grad: &'a mut [T],
    /// Takes the gradient of the product.
    pub(super) product: &'a mut [T],
}

/// One step of one row.
pub(super) trait Rule: Copy + Send + Sync {
    /// Gates of a unit.
    const GATES: usize;
    /// Whether there is a cell beside the state.
    const HAS_CELL: bool = false;
    /// Whether something is kept beside the gates.
    const HAS_KEPT: bool = false;
    /// Whether the product has a gradient of its own.
    const HAS_PRODUCT_GRAD: bool = false;
    fn step<V: Lanes>(self, row: Row<'_, V::Scalar>);
    fn grad<V: Lanes>(self, row: RowGrad<'_, V::Scalar>);
}

/// `h = f(a)`.
#[derive(Clone, Copy)]
pub(super) struct Elman(pub(super) Activation);

impl Rule for Elman {
    const GATES: usize = 1;

    #[inline(always)]
    fn step<V: Lanes>(self, row: Row<'_, V::Scalar>) {
        let Row { gates, product, h, .. } = row;
        for j in (0..h.len()).step_by(V::LANES) {
            let new = self.0.eval(load::<V>(gates, j) + load::<V>(product, j));
            new.store_partial(front::<V>(gates, j));
            new.store_partial(front::<V>(h, j));
        }
    }

    #[inline(always)]
    fn grad<V: Lanes>(self, row: RowGrad<'_, V::Scalar>) {
        let RowGrad { gates, h, grad, product, .. } = row;
        for j in (0..h.len()).step_by(V::LANES) {
            let a = self.0.grad_from_output(load::<V>(gates, j), load::<V>(h, j));
            a.store_partial(front::<V>(grad, j));
            a.store_partial(front::<V>(product, j));
        }
        h.fill(V::Scalar::ZERO);
    }
}

/// `r = s(a_r)`, `z = s(a_z)`, `n = tanh(x_n + r q)` with `q = U_n h + b`, `h' = n + z (h - n)`.
#[derive(Clone, Copy)]
pub(super) struct Gru;

impl Rule for Gru {
    const GATES: usize = 3;
    const HAS_KEPT: bool = true;
    const HAS_PRODUCT_GRAD: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(self, row: Row<'_, V::Scalar>) {
        let Row { gates, product, bias, h, kept, .. } = row;
        let units = h.len();
        let (r_gate, rest) = gates.split_at_mut(units);
        let (z_gate, n_gate) = rest.split_at_mut(units);
        let (r_product, rest) = product.split_at(units);
        let (z_product, n_product) = rest.split_at(units);
        for j in (0..units).step_by(V::LANES) {
            let r = math::sigmoid(load::<V>(r_gate, j) + load::<V>(r_product, j));
            let z = math::sigmoid(load::<V>(z_gate, j) + load::<V>(z_product, j));
            let mut q = load::<V>(n_product, j);
            if let Some(bias) = bias {
                q = q + load::<V>(bias, j);
            }
            let n = math::tanh(r.mul_add(q, load::<V>(n_gate, j)));
            let new = z.mul_add(load::<V>(h, j) - n, n);
            r.store_partial(front::<V>(r_gate, j));
            z.store_partial(front::<V>(z_gate, j));
            n.store_partial(front::<V>(n_gate, j));
            q.store_partial(front::<V>(kept, j));
            new.store_partial(front::<V>(h, j));
        }
    }

    #[inline(always)]
    fn grad<V: Lanes>(self, row: RowGrad<'_, V::Scalar>) {
        let RowGrad { gates, kept, before, h, grad, product, .. } = row;
        let units = h.len();
        let one = V::splat_f64(1.0);
        let (r_gate, rest) = gates.split_at(units);
        let (z_gate, n_gate) = rest.split_at(units);
        for j in (0..units).step_by(V::LANES) {
            let (r, z, n) = (load::<V>(r_gate, j), load::<V>(z_gate, j), load::<V>(n_gate, j));
            let (q, grad_h) = (load::<V>(kept, j), load::<V>(h, j));
            let grad_n = grad_h * (one - z) * (one - n * n);
            let grad_r = grad_n * q * (r * (one - r));
            let grad_z = grad_h * (load::<V>(before, j) - n) * (z * (one - z));
            (grad_h * z).store_partial(front::<V>(h, j));
            gate::<V>(grad, 0, units, j, grad_r);
            gate::<V>(grad, 1, units, j, grad_z);
            gate::<V>(grad, 2, units, j, grad_n);
            gate::<V>(product, 0, units, j, grad_r);
            gate::<V>(product, 1, units, j, grad_z);
            gate::<V>(product, 2, units, j, grad_n * r);
        }
    }
}

/// `i, f, o = s(a)`, `g = tanh(a_g)`, `c' = f c + i g`, `h' = o tanh(c')`.
#[derive(Clone, Copy)]
pub(super) struct Lstm;

impl Rule for Lstm {
    const GATES: usize = 4;
    const HAS_CELL: bool = true;
    const HAS_KEPT: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(self, row: Row<'_, V::Scalar>) {
        let Row { gates, product, h, c, kept, .. } = row;
        let units = h.len();
        let (i_gate, rest) = gates.split_at_mut(units);
        let (f_gate, rest) = rest.split_at_mut(units);
        let (g_gate, o_gate) = rest.split_at_mut(units);
        let (i_product, rest) = product.split_at(units);
        let (f_product, rest) = rest.split_at(units);
        let (g_product, o_product) = rest.split_at(units);
        for j in (0..units).step_by(V::LANES) {
            let i = math::sigmoid(load::<V>(i_gate, j) + load::<V>(i_product, j));
            let f = math::sigmoid(load::<V>(f_gate, j) + load::<V>(f_product, j));
            let g = math::tanh(load::<V>(g_gate, j) + load::<V>(g_product, j));
            let o = math::sigmoid(load::<V>(o_gate, j) + load::<V>(o_product, j));
            let old = load::<V>(c, j);
            let new = f.mul_add(old, i * g);
            old.store_partial(front::<V>(kept, j));
            new.store_partial(front::<V>(c, j));
            (o * math::tanh(new)).store_partial(front::<V>(h, j));
            i.store_partial(front::<V>(i_gate, j));
            f.store_partial(front::<V>(f_gate, j));
            g.store_partial(front::<V>(g_gate, j));
            o.store_partial(front::<V>(o_gate, j));
        }
    }

    #[inline(always)]
    fn grad<V: Lanes>(self, row: RowGrad<'_, V::Scalar>) {
        let RowGrad { gates, kept, h, c, grad, product, .. } = row;
        let units = h.len();
        let one = V::splat_f64(1.0);
        let (i_gate, rest) = gates.split_at(units);
        let (f_gate, rest) = rest.split_at(units);
        let (g_gate, o_gate) = rest.split_at(units);
        for j in (0..units).step_by(V::LANES) {
            let (i, f) = (load::<V>(i_gate, j), load::<V>(f_gate, j));
            let (g, o) = (load::<V>(g_gate, j), load::<V>(o_gate, j));
            let (old, grad_h) = (load::<V>(kept, j), load::<V>(h, j));
            // With the bits of the step.
            let t = math::tanh(f.mul_add(old, i * g));
            let grad_c = (grad_h * o).mul_add(one - t * t, load::<V>(c, j));
            (grad_c * f).store_partial(front::<V>(c, j));
            let grad_i = grad_c * g * (i * (one - i));
            let grad_f = grad_c * old * (f * (one - f));
            let grad_g = grad_c * i * (one - g * g);
            let grad_o = grad_h * t * (o * (one - o));
            for out in [&mut *grad, &mut *product] {
                gate::<V>(out, 0, units, j, grad_i);
                gate::<V>(out, 1, units, j, grad_f);
                gate::<V>(out, 2, units, j, grad_g);
                gate::<V>(out, 3, units, j, grad_o);
            }
        }
        h.fill(V::Scalar::ZERO);
    }
}

#[inline(always)]
fn load<V: Lanes>(items: &[V::Scalar], j: usize) -> V {
    V::load_partial(&items[j..], V::Scalar::ZERO)
}

/// The vector from `j` on, or what there is of it.
#[inline(always)]
fn front<V: Lanes>(items: &mut [V::Scalar], j: usize) -> &mut [V::Scalar] {
    let end = items.len().min(j + V::LANES);
    &mut items[j..end]
}

/// Writes to unit `j` and on of a gate.
#[inline(always)]
fn gate<V: Lanes>(gates: &mut [V::Scalar], gate: usize, units: usize, j: usize, value: V) {
    value.store_partial(front::<V>(&mut gates[gate * units..(gate + 1) * units], j));
}
