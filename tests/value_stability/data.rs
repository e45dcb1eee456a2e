//! Random streams, generators, augmentation, the order of samples, decompositions.

use crate::table::{Hash, Table};
use purlin::core::linalg::{Pca, cholesky, qr, solve, svd, symmetric_eigen};
use purlin::core::rng::Stream;
use purlin::core::{Matrix, MatrixView};
use purlin::data::image::{Erase, FillMode, Filter, RandomErasing, Resize};
use purlin::data::{
    Augment, Image, Loader, MemoryDataset, Pipeline, StandardScaler, Targets, blobs, circles,
    linear, moons, regression, sets, spirals, split_indices, stratified_indices, swiss_roll,
};
use purlin::tensor::Tensor;

const SEED: u64 = 1;

pub(crate) fn random(t: &mut Table) {
    for seed in [0, SEED, u64::MAX] {
        let stream = Stream::new(seed, "values").child("child").child_at(3);
        let mut rng = stream.rng(7);
        t.row("rng/bits", seed, Hash::new().words((0..100).map(|_| rng.bits())));
        let uniform: Vec<f64> = (0..100).map(|_| rng.uniform_in(-3.0, 5.0)).collect();
        t.row("rng/uniform", seed, Hash::of(&uniform));
        let normal: Vec<f64> = (0..100).map(|_| rng.normal()).collect();
        t.row("rng/normal", seed, Hash::of(&normal));
        let bernoulli = (0..100).map(|_| u64::from(rng.bernoulli(0.3)));
        t.row("rng/bernoulli", seed, Hash::new().words(bernoulli));
        let below: Vec<usize> = (1..100).map(|n| rng.below(n)).collect();
        t.row("rng/below", seed, Hash::new().indices(&below));
        t.row("rng/permutation", seed, Hash::new().indices(&rng.permutation(100)));
        let choices: Vec<usize> = (0..100).map(|_| rng.choice(&[1.0, 0.0, 2.5]).unwrap()).collect();
        t.row("rng/choice", seed, Hash::new().indices(&choices));
    }
}

fn labelled((x, labels): (Matrix<f64>, Vec<usize>)) -> Hash {
    Hash::of(x.as_slice()).indices(&labels)
}

fn valued((x, y): (Matrix<f64>, Vec<f64>)) -> Hash {
    Hash::of(x.as_slice()).numbers(&y)
}

pub(crate) fn generators(t: &mut Table) {
    for seed in [0, SEED] {
        t.row("data/blobs", seed, labelled(blobs(3, 40).n_features(4).seed(seed).generate()));
        t.row("data/moons", seed, labelled(moons(101).noise(0.1).seed(seed).generate()));
        t.row("data/circles", seed, labelled(circles(101).noise(0.1).seed(seed).generate()));
        t.row("data/spirals", seed, labelled(spirals(3, 40).noise(0.1).seed(seed).generate()));
        t.row("data/swiss_roll", seed, valued(swiss_roll(100).noise(0.1).seed(seed).generate()));
        t.row("data/linear", seed, valued(linear(100).noise(0.1).seed(seed).generate()));
        let data = regression(60, 8).n_informative(5).noise(0.5).seed(seed).generate().unwrap();
        let hash = valued((data.x, data.y)).numbers(&data.coefficients);
        t.row("data/regression", seed, hash);
    }
}

/// A picture with an edge and a pattern.
fn picture() -> Image {
    let data = (0..30 * 41 * 3).map(|j: usize| (j * j * 5 + j * 17) as u8).collect();
    Image::new(30, 41, 3, data).unwrap()
}

pub(crate) fn pictures(t: &mut Table) {
    let image = picture();
    let mut row = |name: &str, pipeline: &Pipeline| {
        let mut hash = Hash::new();
        for i in 0..6 {
            let mut rng = Stream::new(SEED, "values").rng(i);
            hash = hash.tensor(&pipeline.apply_random(&image, &mut rng).unwrap());
        }
        t.row(format!("image/{name}"), SEED, hash);
    };
    for (name, filter) in [
        ("nearest", Filter::Nearest),
        ("bilinear", Filter::Bilinear),
        ("bilinear_antialias", Filter::BilinearAntialias),
        ("area", Filter::Area),
    ] {
        let resize = Pipeline::new().resize_with(Resize::to(17, 23).filter(filter));
        row(&format!("resize_{name}"), &resize);
    }
    let every =
        Augment::classic().vertical_flip(true).channel_shift_range(30.0).brightness_range(0.6, 1.4);
    for (name, fill) in [
        ("nearest", FillMode::Nearest),
        ("constant", FillMode::Constant(12.0)),
        ("reflect", FillMode::Reflect),
        ("wrap", FillMode::Wrap),
    ] {
        let augment = Pipeline::new().augment(every.clone().fill_mode(fill));
        row(&format!("augment_{name}"), &augment);
    }
    row("random_crop", &Pipeline::new().random_crop(25, 25, 4));
    let erasing = RandomErasing::new(0.8).value(Erase::Noise);
    row("random_erasing", &Pipeline::new().random_erasing(erasing));
}

pub(crate) fn order(t: &mut Table) {
    let data = MemoryDataset::new(Tensor::zeros([103, 2]), Targets::None).unwrap();
    let labels: Vec<usize> = (0..103).map(|i| i % 4).collect();
    let joined = |parts: Vec<Vec<usize>>| {
        parts.iter().fold(Hash::new(), |hash, part| hash.indices(part).words([u64::MAX]))
    };
    for seed in [0, SEED] {
        let loader = Loader::new(data.clone()).shuffle(seed);
        let epochs = (0..3).map(|epoch| loader.order(epoch)).collect();
        t.row("loader/order", seed, joined(epochs));
        let shares = [0.7, 0.2, 0.1];
        t.row("split/random", seed, joined(split_indices(103, &shares, seed).unwrap()));
        let stratified = stratified_indices(&labels, &shares, seed).unwrap();
        t.row("split/stratified", seed, joined(stratified));
    }
    let (train, test) = sets::digits_split();
    t.row("split/digits", 0, joined(vec![train, test]));
    let scaler = StandardScaler::fit_dataset(&sets::digits_images()).unwrap();
    t.row("scaler/digits", 0, Hash::of(scaler.mean()).numbers(scaler.std()));
}

pub(crate) fn decompositions(t: &mut Table) {
    let x: Tensor<f64> = Tensor::normal([12, 7], 0.0, 1.0, &Stream::new(SEED, "values"));
    let x = Matrix::from_vec(x.to_vec(), 12, 7).unwrap();
    let gram: Vec<f64> = (0..49)
        .map(|i| {
            (0..12).map(|row| x.as_slice()[row * 7 + i / 7] * x.as_slice()[row * 7 + i % 7]).sum()
        })
        .collect();
    let gram = Matrix::from_vec(gram, 7, 7).unwrap();
    let (x, gram): (MatrixView<'_, f64>, _) = (x.view(), gram.view());
    let mut row = |name: &str, parts: &[&[f64]]| {
        let hash = parts.iter().fold(Hash::new(), |hash, part| hash.numbers(part));
        t.row(format!("linalg/{name}"), SEED, hash);
    };
    let (qr, svd, pca) = (qr(x).unwrap(), svd(x).unwrap(), Pca::new(3).fit(x).unwrap());
    let eigen = symmetric_eigen(gram).unwrap();
    row("qr", &[qr.q.as_slice(), qr.r.as_slice()]);
    row("svd", &[svd.u.as_slice(), &svd.singular_values, svd.vt.as_slice()]);
    row("symmetric_eigen", &[&eigen.values, eigen.vectors.as_slice()]);
    row("cholesky", &[cholesky(gram).unwrap().l.as_slice()]);
    row("solve", &[solve(gram, gram).unwrap().as_slice()]);
    row("pca", &[pca.components().as_slice(), pca.explained_variance()]);
}
