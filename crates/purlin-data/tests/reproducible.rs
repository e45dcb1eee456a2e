//! The same bits with any number of workers and threads, on every instruction set.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin_backend::isa::{self, IsaKind};
use purlin_data::image::{
    Augment, ColorJitter, Erase, FillMode, Filter, Image, RandomErasing, Resize,
};
use purlin_data::{ImageDataset, Loader, Pipeline, StandardScaler, sets};

fn images() -> ImageDataset {
    let pictures = (0..24usize).map(|i| {
        let (h, w) = (20 + i % 7, 31 - i % 5);
        let data = (0..h * w * 3).map(|j| (j * j * (i + 3) + j * 17) as u8).collect();
        Image::new(h, w, 3, data).unwrap()
    });
    ImageDataset::new(pictures.collect(), (0..24).map(|i| i % 3).collect()).unwrap()
}

fn pipelines() -> Vec<Pipeline> {
    let scaler = StandardScaler::new(vec![0.4, 0.5, 0.6], vec![0.2, 0.25, 0.3]).unwrap();
    let fills = [FillMode::Nearest, FillMode::Constant(12.0), FillMode::Reflect, FillMode::Wrap];
    let filters = [Filter::Nearest, Filter::Bilinear, Filter::BilinearAntialias, Filter::Area];
    let both = fills.into_iter().zip(filters);
    let colours = Pipeline::new()
        .resize_with(Resize::to(18, 18).filter(Filter::Bicubic))
        .color_jitter(ColorJitter::new().brightness(0.3).contrast(0.4).saturation(0.5).hue(0.1))
        .gaussian_noise(4.0)
        .standardize_each();
    both.map(|(fill, filter)| {
        Pipeline::new()
            .resize_with(Resize::to(24, 20).filter(filter))
            .augment(
                Augment::classic()
                    .fill_mode(fill)
                    .vertical_flip(true)
                    .channel_shift_range(30.0)
                    .brightness_range(0.6, 1.4),
            )
            .random_crop(18, 18, 2)
            .rescale(1.0 / 255.0)
            .standardize(scaler.clone())
            .random_erasing(RandomErasing::new(0.5).value(Erase::Noise))
    })
    .chain([colours])
    .collect()
}

/// All bits of two epochs, behind a pipeline.
fn bits(pipeline: &Pipeline, workers: usize) -> Vec<u32> {
    let train = images().training(pipeline).unwrap();
    let loader = Loader::new(train).batch_size(7).shuffle(11).workers(workers);
    let mut bits = Vec::new();
    for epoch in 0..2 {
        for batch in loader.epoch(epoch) {
            bits.extend(batch.unwrap().x.data().iter().map(|x| x.to_bits()));
        }
    }
    bits
}

#[test]
fn batches_have_the_same_bits_on_every_instruction_set_with_any_number_of_workers() {
    for pipeline in pipelines() {
        let mut expected: Option<Vec<u32>> = None;
        for kind in IsaKind::available() {
            let _pin = isa::pin(kind);
            for workers in [0, 1, 4] {
                let bits = bits(&pipeline, workers);
                assert_eq!(
                    expected.get_or_insert_with(|| bits.clone()),
                    &bits,
                    "{} with {workers} workers",
                    kind.name()
                );
            }
        }
    }
}

#[test]
fn scalers_have_the_same_bits_on_any_number_of_threads() {
    let digits = sets::digits_images();
    let mut expected = None;
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let scaler = pool.install(|| StandardScaler::fit_dataset(&digits)).unwrap();
        assert_eq!(expected.get_or_insert_with(|| scaler.clone()), &scaler);
    }
}

#[test]
fn a_saved_pipeline_makes_the_same_bits() {
    for pipeline in pipelines() {
        let json = serde_json::to_string(&pipeline).unwrap();
        let loaded: Pipeline = serde_json::from_str(&json).unwrap();
        assert_eq!(bits(&loaded, 0), bits(&pipeline, 0));
        let images = images();
        for i in 0..24 {
            let image = images.image(i).unwrap();
            let (a, b) = (pipeline.apply(&image).unwrap(), loaded.apply(&image).unwrap());
            assert_eq!(a.data(), b.data());
        }
    }
}

/// FNV-1a over all bits: a change of these values is news for the change log.
fn hash(bits: &[u32]) -> u64 {
    bits.iter()
        .flat_map(|b| b.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn values_are_stable() {
    let hashes: Vec<u64> = pipelines().iter().map(|p| hash(&bits(p, 0))).collect();
    let (train, _) = sets::digits_split();
    let split = hash(&train.iter().map(|&i| i as u32).collect::<Vec<_>>());
    let f64_bits = |x: &[f64]| {
        let halves = x.iter().flat_map(|v| [v.to_bits() as u32, (v.to_bits() >> 32) as u32]);
        hash(&halves.collect::<Vec<_>>())
    };
    let generated = [
        f64_bits(purlin_data::blobs(3, 50).seed(1).generate().0.as_slice()),
        f64_bits(purlin_data::moons(101).noise(0.1).seed(1).generate().0.as_slice()),
        f64_bits(purlin_data::spirals(2, 50).noise(0.1).seed(1).generate().0.as_slice()),
        f64_bits(purlin_data::swiss_roll(50).noise(0.1).seed(1).generate().0.as_slice()),
    ];
    let found = (&hashes[..], split, generated);
    assert_eq!(found, (&PIPELINES[..], DIGITS_SPLIT, GENERATED));
}

const PIPELINES: [u64; 5] = [
    0x4d7a_7cb5_3bc9_9dad,
    0xfdf0_b388_f7f1_a1bc,
    0x058e_c33c_64cc_7b61,
    0xcf45_8cbc_efcf_3b48,
    0x4f82_fe4a_9e6e_ffea,
];
const DIGITS_SPLIT: u64 = 0x08d1_41d7_4b36_0553;
const GENERATED: [u64; 4] =
    [0xe2a5_cbe1_9483_9b5a, 0x819a_8226_af8e_0639, 0x3351_3a2a_d365_d5ae, 0x5a15_a724_d8e8_e329];
