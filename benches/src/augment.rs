//! Augmentation in memory, and JPEG files decoded, resized, augmented.

use crate::Task;
use crate::inputs::uniform;
use crate::measure::{Row, time};
use purlin_core::Result;
use purlin_core::rng::{Rng, Stream};
use purlin_data::image::{Augment, ColorMode, Image, Pipeline, Resize};
use rayon::prelude::*;
use std::path::Path;

const N_IMAGES: usize = 64;

pub(crate) fn tasks(data: Option<&Path>) -> Vec<Task> {
    let mut tasks = vec![Task::new("augment-150/affine+flip", in_memory)];
    if let Some(data) = data {
        let row = |name: &str, work: fn(&[u8], u64) -> Result<f32>| {
            let folder = data.join("jpeg");
            Task::new(name, move || from_files(&folder, work))
        };
        tasks.push(row("jpeg-decode-500x375", |bytes, _| Ok(f32::from(decode(bytes)?.data()[0]))));
        tasks.push(row("jpeg-500x375-to-150x150", |bytes, _| {
            Ok(f32::from(Resize::to(150, 150).apply(&decode(bytes)?)?.data()[0]))
        }));
        tasks.push(row("jpeg+resize+augment", |bytes, i| {
            let pipeline = Pipeline::new().resize(150, 150).augment(Augment::classic());
            let x = pipeline.rescale(1.0 / 255.0).apply_random(&decode(bytes)?, &mut rng(i))?;
            Ok(x.data()[0])
        }));
    }
    tasks
}

fn rng(i: u64) -> Rng {
    Stream::new(1, "augment").rng(i)
}

fn decode(bytes: &[u8]) -> Result<Image> {
    Image::decode("in memory", bytes, ColorMode::Rgb)
}

fn in_memory() -> Row {
    let numbers = uniform(5, N_IMAGES * 150 * 150 * 3);
    let images: Vec<Image> = numbers
        .chunks(150 * 150 * 3)
        .map(|pixels| pixels.iter().map(|u| (u * 255.0) as u8).collect())
        .map(|bytes| Image::new(150, 150, 3, bytes).expect("the bytes of one picture"))
        .collect();
    let pipeline = Pipeline::new().augment(Augment::classic()).rescale(1.0 / 255.0);
    rate(&images, |image, i| Ok(pipeline.apply_random(image, &mut rng(i))?.data()[0]))
}

fn from_files(folder: &Path, work: fn(&[u8], u64) -> Result<f32>) -> Row {
    let mut files = Vec::new();
    for part in ["a", "b"] {
        let entries = std::fs::read_dir(folder.join(part)).expect("DIR/jpeg holds a and b");
        let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        paths.sort();
        files.extend(paths.iter().map(|path| std::fs::read(path).expect("the file is readable")));
    }
    rate(&files, |bytes, i| work(bytes, i))
}

/// Pictures per second over all items, each on some thread of the pool.
fn rate<I: Sync>(items: &[I], work: impl Fn(&I, u64) -> Result<f32> + Sync) -> Row {
    let mut checksum = 0.0;
    let timing = time(|| {
        checksum = items
            .par_iter()
            .enumerate()
            .map(|(i, item)| work(item, i as u64).expect("the pictures are whole"))
            .sum();
    });
    Row::rate(&timing, items.len() as f64, "images/s").with("checksum", checksum)
}
