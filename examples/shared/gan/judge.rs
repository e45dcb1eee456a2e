//! How good generated pictures are, in the features of a classifier that is trained first.

use super::networks::classifier;
use purlin::core::rng::Stream;
use purlin::core::{Matrix, Result};
use purlin::data::{Loader, MemoryDataset, Targets};
use purlin::nn::losses::CrossEntropy;
use purlin::nn::metrics::{Accuracy, frechet_distance, kernel_distance};
use purlin::nn::optim::Adam;
use purlin::nn::trainer::Trainer;
use purlin::nn::{Context, Sequential, Tensor, weights};
use purlin::tensor::no_grad;
use std::path::Path;

/// A trained classifier, and the real pictures that it compares with.
pub(crate) struct Judge {
    model: Sequential,
    real: Matrix<f32>,
    /// Brings the mean square of the real pictures' features to 1.
    scale: f32,
}

/// How far generated pictures are from real ones.
pub(crate) struct Verdict {
    pub(crate) frechet: f64,
    pub(crate) kernel: f64,
}

impl Judge {
    /// Trains the classifier on the training pictures, or reads it from `file` if it is there; compares
    /// with the held-out ones.
    pub(crate) fn new(
        training: &MemoryDataset,
        held_out: &MemoryDataset,
        epochs: u64,
        seed: u64,
        file: &Path,
    ) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let (size, n_classes) = (training.x().dims()[1], 10);
        let mut model = classifier(size, n_classes, &Stream::new(seed, "classifier"));
        let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(1e-3))
            .epochs(epochs)
            .metric(Accuracy::new());
        if file.exists() {
            println!("classifier of an earlier run: {}", file.display());
            weights::load(&mut model, file)?;
        } else {
            let data = Loader::new(training.clone()).batch_size(64).shuffle(seed);
            trainer.fit(&mut model, &data, None)?;
            weights::save(&model, file)?;
        }
        let judged = trainer.evaluate(&model, &Loader::new(held_out.clone()).batch_size(256))?;
        println!(
            "classifier: {:.2} % of the held-out pictures right, hash {:016x}",
            100.0 * judged.get("accuracy").unwrap_or(f64::NAN),
            hash(&std::fs::read(file)?)
        );
        let mut judge = Self { model, real: Matrix::zeros(0, 0), scale: 1.0 };
        let raw = judge.features(held_out.x())?;
        let squares: f64 = raw.as_slice().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        judge.scale = (raw.as_slice().len() as f64 / squares).sqrt() as f32;
        judge.real = judge.features(held_out.x())?;
        // What a perfect generator would get: other real pictures, as many.
        let n = held_out.x().dims()[0].min(training.x().dims()[0]);
        let Verdict { frechet, kernel } = judge.compare(&training.x().slice(0, 0..n))?;
        println!(
            "training pictures themselves: Fréchet distance {frechet:.3}, kernel distance {kernel:.5}"
        );
        Ok(judge)
    }

    /// Pictures that are compared with.
    pub(crate) fn n_real(&self) -> usize {
        self.real.n_rows()
    }

    pub(crate) fn compare(&self, made: &Tensor) -> Result<Verdict> {
        let made = self.features(made)?;
        Ok(Verdict {
            frechet: frechet_distance(made.view(), self.real.view())?,
            kernel: kernel_distance(made.view(), self.real.view())?,
        })
    }

    /// The share of pictures that the classifier takes for the class they were to be.
    pub(crate) fn agreement(&self, made: &Tensor, classes: &[usize]) -> Result<f64> {
        let data = MemoryDataset::new(made.clone(), Targets::Classes(classes.to_vec()))?;
        let data = Loader::new(data).batch_size(256);
        let mut accuracy = Accuracy::new();
        let loss = CrossEntropy::new();
        let result =
            purlin::nn::trainer::evaluate(&self.model, &loss, &mut [&mut accuracy], &data)?;
        Ok(result.get("accuracy").unwrap_or(f64::NAN))
    }

    /// What the last layer of the classifier reads.
    fn features(&self, pictures: &Tensor) -> Result<Matrix<f32>> {
        let n = pictures.dims()[0];
        let depth = self.model.len() - 1;
        let mut values = Vec::new();
        for from in (0..n).step_by(256) {
            let some = pictures.slice(0, from..n.min(from + 256));
            let mut ctx = Context::eval();
            let features = no_grad(|| self.model.forward_until(depth, &some, &mut ctx));
            values.extend(features.data().iter().map(|x| x * self.scale));
        }
        let width = values.len() / n.max(1);
        Matrix::from_vec(values, n, width)
    }
}

/// FNV-1a over the bytes of a file.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
