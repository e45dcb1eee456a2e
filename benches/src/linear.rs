//! Full-batch gradient descent on 1000 points: 1000 epochs, all overhead.

use crate::Task;
use crate::inputs::{normal, uniform};
use crate::measure::{Row, time};
use purlin_tensor::Tensor;

pub(crate) fn tasks() -> Vec<Task> {
    vec![Task::new("linear-regression-1000x1000", regression)]
}

fn regression() -> Row {
    let (u, noise) = (uniform(1, 1000), normal(2, 1000));
    let x: Vec<f32> = u.iter().map(|u| (2.0 * u - 1.0) as f32).collect();
    let y: Vec<f32> = x.iter().zip(noise).map(|(x, e)| 3.0 * x + 2.0 + 0.1 * e as f32).collect();
    let (x, y) = (Tensor::from_slice(&x), Tensor::from_slice(&y));
    let (mut w, mut b) = (0.0f32, 0.0f32);
    let timing = time(|| (w, b) = descend(&x, &y));
    Row::duration(&timing, 1.0, "s").with("w", w).with("b", b)
}

fn descend(x: &Tensor, y: &Tensor) -> (f32, f32) {
    let mut w = Tensor::scalar(0.0).requires_grad();
    let mut b = Tensor::scalar(0.0).requires_grad();
    for _ in 0..1000 {
        let loss = (&w * x + &b - y).square().mean();
        let mut grads = loss.backward();
        let step = |p: &Tensor, g: Option<Tensor>| {
            (p.detach() - g.expect("both are used") * 0.1).requires_grad()
        };
        (w, b) = (step(&w, grads.take(&w)), step(&b, grads.take(&b)));
    }
    (w.item(), b.item())
}
