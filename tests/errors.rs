//! Bad input, and what is said about it: the table in `docs/errors.md`.
//!
//! `PURLIN_UPDATE_DOCS=1 cargo test -p purlin --test errors` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use purlin::cluster::{
    Agglomerative, CondensedMatrix, ConstrainedKMeans, Dbscan, GaussianMixture, Hdbscan, KMeans,
    KMedoids, Linkage, MeanShift, MemoryBudget, Metric, MiniBatchKMeans, MixtureInit, SpatialIndex,
    SpectralClustering, metrics,
};
use purlin::core::rng::Stream;
use purlin::core::{Error, Matrix, MatrixView, Result, linalg};
use purlin::data::csv::CsvReader;
use purlin::data::image::{Augment, ColorJitter, Image, ImageFolder, Pipeline};
use purlin::data::{
    Loader, MemoryDataset, StandardScaler, Targets, cifar, idx, npy, npz, sets, split_indices, text,
};
use purlin::nn::blocks::{ResidualBlock, Shortcut};
use purlin::nn::callbacks::{EarlyStopping, TargetReached};
use purlin::nn::decode::{Sampler, generate_until};
use purlin::nn::gan::{GanLoss, GanTrainer, with_labels};
use purlin::nn::layers::{Conv2d, Gru, LeakyRelu, Linear, MultiHeadAttention};
use purlin::nn::losses::{Bce, CrossEntropy, Elbo, Mse, Nll};
use purlin::nn::metrics::{Accuracy, frechet_distance};
use purlin::nn::models::{ResNet, VisionTransformerConfig};
use purlin::nn::optim::{Adam, Clip, Optimizer, Sgd};
use purlin::nn::schedule::{Cosine, OneCycle, Schedule, StepDecay};
use purlin::nn::trainer::Trainer;
use purlin::nn::weights::{LoadOptions, ModelInfo, TensorFile};
use purlin::nn::{Context, Forward, Init, weights};
use purlin::plot::{ConfusionMatrix, ImageGrid, LinePlot, Scatter};
use purlin::tensor::{Tensor, no_grad};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{MAIN_SEPARATOR, Path};

/// Collects rows of (input, error text).
struct Table {
    rows: Vec<(&'static str, String)>,
    /// Replaced by `DIR` in texts: its name is new in every run. What differs between systems is
    /// replaced too: their words for a failure, and what stands between folders.
    folder: String,
}

impl Table {
    /// Input from outside: an error.
    fn refused<R>(&mut self, input: &'static str, result: Result<R>) {
        let Err(error) = result else { panic!("{input} must be refused") };
        let mut text = error.to_string();
        if let Error::Io { source, .. } = &error {
            text = text.replace(&source.to_string(), "<the system's words>");
        }
        let text = text.replace(&self.folder, "DIR").replace(MAIN_SEPARATOR, "/");
        self.rows.push((input, text));
    }

    /// A mistake in a formula: a panic with the same wording.
    fn panics<R>(&mut self, input: &'static str, formula: impl FnOnce() -> R) {
        let Err(payload) = catch_unwind(AssertUnwindSafe(formula)) else {
            panic!("{input} must panic");
        };
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        self.rows.push((input, text.expect("a panic with a text")));
    }
}

fn clusters(t: &mut Table) {
    let points = [[0.0, 1.0], [2.0, 0.0], [2.0, 0.0], [5.0, 4.0], [0.0, 1.0], [9.0, 9.0]];
    let x = MatrixView::from_rows(&points);
    let bad = [[0.0, 1.0], [2.0, f64::NAN]];
    let bad = MatrixView::from_rows(&bad);
    let wide = Matrix::<f64>::zeros(1, 3);
    t.refused("k-means on NaN", KMeans::new(1).fit(bad));
    t.refused("k-means of no rows", KMeans::new(2).fit(MatrixView::<f64>::from_rows::<2>(&[])));
    t.refused("more clusters than rows", KMeans::new(7).fit(x));
    t.refused("more clusters than distinct rows", KMeans::new(5).fit(x));
    let model = KMeans::new(2).fit(x).unwrap();
    t.refused("a label for a row of another length", model.predict(wide.view()));
    let weights = [1.0, 1.0, -1.0, 1.0, 1.0, 1.0];
    t.refused("a negative weight of a sample", KMeans::new(2).fit_weighted(x, &weights));
    t.refused("a batch of no rows", MiniBatchKMeans::new(2).batch_size(0).fit(x));
    let uneven = ConstrainedKMeans::new(2).min_size(4);
    t.refused("clusters larger than all samples", uneven.fit(x));
    t.refused("no medoid", KMedoids::new(0).fit(x));
    let given = MixtureInit::Given {
        weights: vec![0.5, 0.6],
        means: Matrix::zeros(2, 2),
        precisions: GaussianMixture::new(2).fit(x).unwrap().precisions().clone(),
    };
    t.refused("weights of a mixture that sum to 1.1", GaussianMixture::new(2).init(given).fit(x));
    t.refused("a bandwidth of 0", MeanShift::new().bandwidth(0.0).fit(x));
    t.refused("more neighbours than samples", SpectralClustering::new(2).fit(x));
    t.refused("an eps of 0", Dbscan::new(0.0, 5).fit(x));
    t.refused("an eps of NaN", Dbscan::new(f64::NAN, 5).fit(x));
    t.refused("a power below 1", Dbscan::new(0.1, 2).metric(Metric::Minkowski(0.5)).fit(x));
    t.refused("clusters of one sample by density", Hdbscan::new(1).fit(x));
    let small = Agglomerative::new(Linkage::Average).memory(MemoryBudget::new(64));
    t.refused("a linkage beyond the budget", small.fit(x));
    let ward = Agglomerative::new(Linkage::Ward).metric(Metric::Manhattan);
    t.refused("Ward on another metric", ward.fit(x));
    t.refused("distances of no number of samples", CondensedMatrix::from_vec(3, vec![1.0; 4]));
    let square = [[0.0, 1.0], [2.0, 0.0]];
    let square = MatrixView::from_rows(&square);
    t.refused("a matrix that is not symmetric", CondensedMatrix::from_square(square));
    t.refused("a search with another number of columns", {
        SpatialIndex::new(x, Metric::Euclidean).unwrap().nearest(&[1.0], 1)
    });
    t.refused("more neighbours than fit the budget", {
        let index = SpatialIndex::new(x, Metric::Euclidean).unwrap();
        index.memory(MemoryBudget::new(200)).within_batch(x, 1e9)
    });
    t.refused("a score of one cluster", metrics::silhouette(x, &[0; 6], &Metric::Euclidean));
    t.refused("labels of another number of rows", metrics::adjusted_rand(&[0, 1], &[0]));
}

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape)
}

fn view<const D: usize>(rows: &[[f64; D]]) -> MatrixView<'_, f64> {
    MatrixView::from_rows(rows)
}

fn tables(t: &mut Table) {
    t.refused("a matrix of 2 x 3 from 5 numbers", Matrix::from_vec(vec![0.0; 5], 2, 3));
    t.refused("ragged rows", Matrix::from_row_slices(&[vec![1.0, 2.0], vec![3.0]]));
    t.refused("a view whose size overflows", MatrixView::from_slice(&[0.0f32], usize::MAX, 2));
    t.refused("NaN in a table", view(&[[0.0, 1.0], [2.0, f64::NAN]]).check_finite("fit", "x"));
    t.refused("infinity in a table", view(&[[f64::INFINITY]]).check_finite("fit", "x"));
    t.refused("the inverse of a singular matrix", linalg::inverse(view(&[[1.0, 2.0], [2.0, 4.0]])));
    t.refused("the inverse of a matrix that is not square", linalg::inverse(view(&[[1.0, 2.0]])));
    t.refused(
        "Cholesky of an indefinite matrix",
        linalg::cholesky(view(&[[1.0, 2.0], [2.0, 1.0]])),
    );
    t.refused("least squares with NaN", linalg::lstsq(view(&[[f64::NAN]]), view(&[[1.0]])));
    t.refused(
        "least squares with too few targets",
        linalg::lstsq(view(&[[1.0], [2.0]]), view(&[[1.0]])),
    );
    t.refused(
        "more components than columns",
        linalg::Pca::new(3).fit(view(&[[1.0, 2.0], [3.0, 5.0]])),
    );
    let mut rng = Stream::new(1, "test").rng(0);
    t.refused("a choice with a negative weight", rng.choice(&[1.0, -1.0]));
    t.refused("a choice among nothing", rng.choice(&[]));
}

fn tensors(t: &mut Table) {
    t.refused("a tensor of (2, 2) from 3 numbers", Tensor::from_vec(vec![1.0f32; 3], [2, 2]));
    t.panics("a product of matrices that do not fit", || zeros(&[2, 3]).matmul(&zeros(&[4, 5])));
    t.panics("a sum of shapes that do not broadcast", || zeros(&[2, 3]) + zeros(&[2, 4]));
    t.panics("a reshape to another number of elements", || zeros(&[2, 3]).reshape([4, 2]));
    t.panics("an axis that is not there", || zeros(&[2, 3]).sum_axis(2, false));
    t.panics("concatenation of sizes that differ", || {
        Tensor::concat(&[&zeros(&[2, 3]), &zeros(&[3, 4])], 0)
    });
    t.panics("an index beyond the axis", || zeros(&[2, 3]).index_select(1, &[3]));
    t.panics("the item of several", || zeros(&[2]).item());
    t.panics("backward from several numbers", || zeros(&[2]).requires_grad().exp().backward());
    t.panics("backward without a graph", || no_grad(|| zeros(&[1]).sum().backward()));
    let x = Tensor::from([1.0f32]).requires_grad();
    let y = Tensor::from([1.0f32]).requires_grad();
    t.refused("the gradient of what was not used", x.sum().backward().require(&y).cloned());
}

fn networks(t: &mut Table) {
    let stream = Stream::new(1, "test");
    let conv: Conv2d = Conv2d::new(3, 8, 3, &stream);
    let shape = |dims: &[usize]| dims.into();
    t.refused("grey pictures for a colour network", conv.output_shape(&shape(&[8, 28, 28, 1])));
    t.refused("pictures smaller than the kernel", conv.output_shape(&shape(&[8, 2, 2, 3])));
    t.panics("a convolution without channels", || Conv2d::<f32>::new(0, 8, 3, &stream));
    let linear: Linear = Linear::new(4, 2, &stream);
    t.refused("features that do not fit", linear.output_shape(&shape(&[8, 5])));
    t.refused("a class beyond the logits", CrossEntropy::new().loss(&zeros(&[2, 3]), &[0, 3]));
    t.refused("fewer targets than rows", CrossEntropy::new().loss(&zeros(&[2, 3]), &[0]));
    t.refused("a class beyond the log-probabilities", Nll::new().loss(&zeros(&[1, 3]), &[5]));
    t.refused("targets of another shape", Mse::new().loss(&zeros(&[2, 1]), &zeros(&[2])));
    let p = Tensor::from([1.5f32]);
    t.refused("a probability above 1", Bce::new().loss(&p, &Tensor::from([1.0f32])));
    t.refused("a negative learning rate", step(&mut Adam::new(-1.0)));
    t.refused("a momentum of NaN", step(&mut Sgd::new(0.1).momentum(f64::NAN)));
    t.refused("a schedule over no steps", Cosine::new(0.1, 0).check());
    t.refused("a decay every 0 steps", StepDecay::new(0.1, 0, 0.5).check());
    t.refused("one cycle over no steps", OneCycle::new(0.1, 0).check());
    t.refused("scores that are no rows of classes", Accuracy::new().update(&[0.1f32; 3], &[0, 1]));

    let data = |n| MemoryDataset::new(zeros(&[n, 4]), Targets::Classes(vec![0; n]));
    let fit = |trainer: &mut Trainer, loader: &Loader| {
        trainer.fit(&mut Linear::new(4, 2, &Stream::new(1, "test")), loader, None)
    };
    let adam = || Trainer::new(CrossEntropy::new(), Adam::new(1e-3));
    let loader = Loader::new(data(4).unwrap());
    t.refused("gradients of no batches", fit(&mut adam().accumulate(0), &loader));
    t.refused("clipping at a negative norm", fit(&mut adam().clip(Clip::norm(-1.0)), &loader));
    let nan = Tensor::full([4, 4], f32::NAN);
    let nan = MemoryDataset::with_non_finite(nan, Targets::Classes(vec![0; 4])).unwrap();
    t.refused("training on NaN", fit(&mut adam(), &Loader::new(nan)));
    let path = Path::new(&t.folder).join("last.safetensors");
    let saved = |lr| Trainer::new(CrossEntropy::new(), Sgd::new(lr)).checkpoint(&path).resume();
    fit(&mut saved(0.1), &loader).unwrap();
    t.refused("going on with another learning rate", fit(&mut saved(0.2), &loader));
    t.refused("going on in another order", fit(&mut saved(0.1), &loader.clone().shuffle(1)));
    t.refused("a weight for one of four samples", fit(&mut adam().sample_weights([1.0]), &loader));
    t.refused("a negative weight of a class", fit(&mut adam().class_weights([1.0, -2.0]), &loader));
    t.refused("an epoch of more batches", fit(&mut adam().batches_per_epoch(9), &loader));
    let short = loader.clone().batch_size(3).drop_last(true);
    t.refused("a measure over a part of the data", adam().evaluate(&linear, &short));
    let truncated = Init::TruncatedNormal { mean: 0.0, std: 1.0, lo: f64::NAN, hi: 1.0 };
    t.refused("a truncation at NaN", truncated.tensor::<f32>([2], &stream));
    t.refused("a constant beyond f32", Init::Constant(1e39).tensor::<f32>([2], &stream));
    t.panics("a slope of NaN", || LeakyRelu::new(f64::NAN));
    let weight = purlin::nn::Param::new(Tensor::from([0.0f32]));
    let grads = weight.sqrt().sum().backward();
    t.refused("the gradient of a root at 0", Sgd::new(0.1).step(&mut { weight }, &grads));
    let nan = purlin::nn::Param::new(Tensor::from([f32::NAN]));
    let mut stopper = EarlyStopping::new("loss");
    t.refused("keeping weights of NaN", stopper.observe(1, 0.5, &nan));
    t.refused("a target of NaN", TargetReached::new("loss", f64::NAN).observe(0.5));
}

/// Scores of three symbols.
struct Silent;

impl purlin::nn::decode::Decoder for Silent {
    fn step(&mut self, _: &[usize]) -> Tensor {
        zeros(&[1, 3])
    }
    fn select(&mut self, _: &[usize]) {}
}

fn sequences(t: &mut Table) {
    let stream = Stream::new(1, "test");
    let gru: Gru = Gru::new(3, 4, &stream);
    t.refused("steps of other features", gru.output_shape(&[2, 5, 4].into()));
    let x = zeros(&[2, 5, 3]);
    let run = |lengths: &[usize]| gru.run(&x, None, Some(lengths), &mut Context::eval());
    t.panics("a sequence of no steps", || run(&[5, 0]));
    t.panics("heads that do not divide the features", || {
        MultiHeadAttention::<f32>::new(10, 3, &stream)
    });
    let mut rng = stream.rng(0);
    t.refused("writing on from nothing", {
        generate_until(&mut Silent, &[], 5, 0, &Sampler::new(), &mut rng)
    });
}

fn architectures(t: &mut Table) {
    let stream = Stream::new(1, "test");
    t.panics("a network for CIFAR of 21 layers", || ResNet::<f32>::cifar(21, 10, &stream));
    let block: ResidualBlock = ResidualBlock::basic(8, 4, 1, &stream);
    t.panics("padding to fewer channels", || block.shortcut(Shortcut::Pad));
    t.panics("patches that do not tile the picture", || VisionTransformerConfig::new(30, 4));
    let codes = zeros(&[2, 9]);
    let x = zeros(&[2, 4]);
    t.refused("an autoencoder's output of another width", Elbo::bernoulli(2).loss(&codes, &x));
}

fn gans(t: &mut Table) {
    let init = Stream::new(1, "test");
    let trainer =
        || GanTrainer::new(GanLoss::default(), Sgd::new(0.1), Sgd::new(0.1)).latent_dim(2);
    let fit = |mut trainer: GanTrainer<'_>| {
        let data = MemoryDataset::new(zeros(&[4, 3]), Targets::None).unwrap();
        let mut generator = Linear::new(2, 3, &init.child("g"));
        let mut discriminator = Linear::new(3, 1, &init.child("d"));
        trainer.fit(&mut generator, &mut discriminator, &Loader::new(data))
    };
    t.refused("a generator that is never trained", fit(trainer().discriminator_steps(9)));
    t.refused("a generator of other latent numbers", fit(trainer().latent_dim(5)));
    t.refused("a conditional GAN without classes", fit(trainer().classes(1)));
    t.refused("a penalty of NaN", fit(trainer().gradient_penalty(f64::NAN)));
    t.refused("a class beyond the planes", with_labels(&zeros(&[1, 2]), &[3], 3));
    let (a, b) = (view(&[[0.0], [1.0]]), view(&[[0.0, 1.0], [1.0, 0.0]]));
    t.refused("a distance of other features", frechet_distance(a, b));
}

/// One step of an optimizer on one weight.
fn step(optimizer: &mut dyn Optimizer<f32>) -> Result<()> {
    let mut model: Linear = Linear::new(1, 1, &Stream::new(1, "test")).bias(false);
    let x = Tensor::ones([1, 1]);
    let grads = model.forward(&x, &mut purlin::nn::Context::eval()).sum().backward();
    optimizer.step(&mut model, &grads)
}

fn data(t: &mut Table) {
    let x = || zeros(&[3, 2]);
    t.refused("2 classes for 3 rows", MemoryDataset::new(x(), Targets::Classes(vec![0, 1])));
    let whole = || Loader::new(MemoryDataset::new(x(), Targets::None).unwrap());
    t.refused("batches of 0", whole().batch_size(0).epoch(0).next().expect("an item"));
    t.refused("fewer batches ahead than workers", {
        whole().workers(4).prefetch(2).epoch(0).next().expect("an item")
    });
    t.refused("a negative weight of a sample", whole().weighted(&[1.0, -1.0, 1.0], 1));
    let nan = Tensor::from_vec(vec![0.0, 1.0, f32::NAN, 3.0], [2, 2]).unwrap();
    t.refused("NaN in a data set", MemoryDataset::new(nan, Targets::None));
    t.refused(
        "a number beyond single precision",
        MemoryDataset::classes(view(&[[1e300]]), &[0], 1),
    );
    t.refused("parts that are more than all", split_indices(10, &[0.7, 0.7], 1));
    t.refused("a scaler for other columns", {
        let scaler = StandardScaler::fit(view(&[[0.0, 1.0], [1.0, 3.0]])).unwrap();
        scaler.transform(view(&[[1.0]]))
    });
    t.refused("a deviation of 0", StandardScaler::new(vec![0.5], vec![0.0]));
    t.refused("a rotation of NaN degrees", Augment::new().rotation_range(f64::NAN).check());
    t.refused("a negative shift", Augment::new().width_shift_range(-0.1).check());
    t.refused("a picture of 2 x 2 x 3 from 5 bytes", Image::new(2, 2, 3, vec![0; 5]));
    t.refused(
        "a crop larger than the picture",
        Pipeline::new().center_crop(9, 9).output_shape(8, 8, 1),
    );
    let late = Augment::new().brightness_range(0.5, 1.5);
    t.refused(
        "brightness after rescaling",
        Pipeline::new().rescale(1.0 / 255.0).augment(late).output_shape(8, 8, 3),
    );
    let colours = Pipeline::new().color_jitter(ColorJitter::new().hue(0.7));
    t.refused("a hue of more than half a circle", colours.output_shape(8, 8, 3));
    t.refused("IDX with a wrong magic", idx::from_bytes("x.idx", &[1, 2, 3, 4, 0, 0, 0, 0]));
    t.refused("IDX cut short", idx::from_bytes("x.idx", &[0, 0, 8, 1, 0, 0, 0, 9, 1]));
    t.refused(
        "IDX of 2^63 items",
        idx::from_bytes("x.idx", &[0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255]),
    );
    t.refused("NPY without its magic", npy::from_bytes("x.npy", b"not an array"));
    let complex = b"\x93NUMPY\x01\0\x38\0{'descr': '<c16', 'fortran_order': False, 'shape': (1,)}";
    t.refused("NPY of complex numbers", npy::from_bytes("x.npy", complex));
    t.refused("NPZ that is no archive", npz::from_bytes("x.npz", b"not an archive"));
    let csv = |bytes: &[u8]| CsvReader::new().from_bytes("x.csv", bytes);
    t.refused("CSV with a row too long", csv(b"a,b\n1,2\n3,4,5\n"));
    t.refused("CSV with a missing number", csv(b"a,b\n1,2\n3,\n"));
    t.refused("a blank line in a column of numbers", csv(b"a\n1\n\n3\n"));
    t.refused("CIFAR cut short", {
        let path = Path::new(&t.folder).join("cut.bin");
        std::fs::write(&path, [1; 5000]).unwrap();
        cifar::cifar10(&[path])
    });
    t.refused("text that is not UTF-8", {
        let path = Path::new(&t.folder).join("latin.txt");
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        text::lines(path)
    });
}

fn files(t: &mut Table) {
    let folder = Path::new(&t.folder).to_path_buf();
    t.refused("a folder that is not there", ImageFolder::new(folder.join("none")).open());
    let pictures = folder.join("pictures");
    std::fs::create_dir_all(pictures.join("cat")).unwrap();
    t.refused("a class folder without pictures", ImageFolder::new(&pictures).open());
    std::fs::write(pictures.join("cat/broken.png"), b"\x89PNG\r\n\x1a\nand then nothing").unwrap();
    t.refused("a broken picture", ImageFolder::new(&pictures).open());
    let mut model: Linear = Linear::new(4, 2, &Stream::new(1, "test"));
    let file = folder.join("model.safetensors");
    t.refused("weights that are not there", weights::load(&mut model, &file));
    weights::save(&Linear::<f32>::new(3, 2, &Stream::new(1, "test")), &file).unwrap();
    t.refused("weights of another shape", weights::load(&mut model, &file));
    t.refused("a part that fits nothing", {
        let stored = TensorFile::open(&file).unwrap();
        LoadOptions::new().partial().rename_prefix("", "body.").load(&mut model, &stored)
    });
    t.refused("an entry under a key that is taken", {
        let info = ModelInfo::new("line").with("architecture", "other");
        weights::save_with(&model, &info, &file)
    });
    model.bias = Some(purlin::nn::Param::new(Tensor::from([f32::NAN, 0.0])));
    t.refused("saving weights of NaN", weights::save(&model, &file));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&file, &bytes).unwrap();
    t.refused("weights cut short", weights::load(&mut model, &file));
}

fn plots(t: &mut Table) {
    t.refused("a scatter of 3 by 2", Scatter::new(&[1.0, 2.0, 3.0], &[1.0, 2.0]).draw());
    t.refused("a plot of nothing", LinePlot::new().draw());
    t.refused(
        "counts for another number of classes",
        ConfusionMatrix::new(&[1, 2, 3], &["a", "b"]).draw(),
    );
    t.refused("a pixel of 2.5", ImageGrid::new().image(&[2.5f32], 1, 1, 1, "x").draw());
}

#[test]
fn every_bad_input_is_refused_in_so_many_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table { rows: Vec::new(), folder: folder.path().display().to_string() };
    assert_eq!(sets::iris().labels.len(), 150, "good input is taken");
    tables(&mut table);
    clusters(&mut table);
    tensors(&mut table);
    networks(&mut table);
    sequences(&mut table);
    architectures(&mut table);
    gans(&mut table);
    data(&mut table);
    files(&mut table);
    plots(&mut table);
    assert!(table.rows.len() >= 40, "only {} rows", table.rows.len());

    let mut page = String::from(
        "# What is said about bad input\n\n\
         Written by `PURLIN_UPDATE_DOCS=1 cargo test -p purlin --test errors`, and compared by every run of the tests.\n\
         Data from outside gives an `Error`; a shape mistake in a formula panics with the same wording.\n\n\
         | input | text |\n|---|---|\n",
    );
    for (input, text) in &table.rows {
        assert!(text.contains(": "), "{input}: the text must name the operation: {text}");
        assert!(!text.ends_with('.'), "{input}: no full stop: {text}");
        let text = text.replace('|', "\\|").replace('\n', "<br>");
        writeln!(page, "| {input} | `{text}` |").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    if std::env::var_os("PURLIN_UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(&path).unwrap(), page, "docs/errors.md is out of date");
    }
}
