//! Colour pictures that the program draws: synthetic data, so that it runs without any.

use purlin::core::Result;
use purlin::core::rng::{Rng, Stream};
use purlin::data::ImageDataset;
use purlin::data::image::Image;

/// What is drawn.
const NAMES: [&str; 6] = ["disc", "ring", "square", "triangle", "cross", "stripes"];

const SIDE: usize = 32;

/// `n` pictures of 32 x 32 pixels: a shape of any colour, size and place before another colour, with
/// noise; as many of each class.
pub(crate) fn draw(n: usize, stream: &Stream) -> Result<ImageDataset> {
    let labels: Vec<usize> = (0..n).map(|i| i % NAMES.len()).collect();
    let picture = |(i, &class): (usize, &usize)| picture(class, &mut stream.rng(i as u64));
    let images = labels.iter().enumerate().map(picture).collect::<Result<_>>()?;
    ImageDataset::new(images, labels)?.with_class_names(&NAMES)
}

fn picture(class: usize, rng: &mut Rng) -> Result<Image> {
    let (shape, ground) = colors(rng);
    let radius = rng.uniform_in(6.0, 12.0);
    let reach = SIDE as f64 - radius;
    let (row, column) = (rng.uniform_in(radius, reach), rng.uniform_in(radius, reach));
    let mut data = Vec::with_capacity(SIDE * SIDE * 3);
    for y in 0..SIDE {
        for x in 0..SIDE {
            // The place in units of the radius, from the middle of the shape.
            let (v, u) = ((y as f64 + 0.5 - row) / radius, (x as f64 + 0.5 - column) / radius);
            let color = if is_inside(class, u, v) { shape } else { ground };
            data.extend(color.map(|c| (c + 12.0 * rng.normal()).clamp(0.0, 255.0) as u8));
        }
    }
    Image::new(SIDE, SIDE, 3, data)
}

/// Two colours that differ.
fn colors(rng: &mut Rng) -> ([f64; 3], [f64; 3]) {
    let mut color = || [0; 3].map(|_: i32| rng.uniform_in(20.0, 235.0));
    loop {
        let (a, b) = (color(), color());
        let apart: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
        if apart > 120.0 {
            return (a, b);
        }
    }
}

fn is_inside(class: usize, u: f64, v: f64) -> bool {
    let (radius, box_radius) = (libm::hypot(u, v), u.abs().max(v.abs()));
    match NAMES[class] {
        "disc" => radius < 1.0,
        "ring" => (0.6..1.0).contains(&radius),
        "square" => box_radius < 0.85,
        "triangle" => v < 0.8 && v > 2.0 * u.abs() - 1.0,
        "cross" => box_radius < 1.0 && u.abs().min(v.abs()) < 0.3,
        _ => box_radius < 1.0 && ((v + 1.0) * 2.5).rem_euclid(2.0) < 1.0,
    }
}
