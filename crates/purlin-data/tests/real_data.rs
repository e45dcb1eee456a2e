//! Real files, found through `PURLIN_DATA`; without it these tests say so and pass.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test says what it left out")]

use purlin_data::{Dataset, ImageDataset, Loader, TargetKind};
use std::path::PathBuf;

fn data(path: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("PURLIN_DATA") else {
        println!("PURLIN_DATA is not set: skipped");
        return None;
    };
    Some(PathBuf::from(root).join(path))
}

fn counts(dataset: &dyn Dataset) -> Vec<usize> {
    let TargetKind::Classes(n) = dataset.target() else { panic!("no classes") };
    let mut counts = vec![0; n];
    for label in dataset.labels().unwrap() {
        counts[label] += 1;
    }
    counts
}

#[test]
fn mnist_and_fashion_mnist() {
    for (name, mean, std) in [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)] {
        let Some(folder) = data(&format!("images/{name}")) else { return };
        let read = |images: &str, labels: &str| {
            ImageDataset::from_idx(folder.join(images), folder.join(labels)).unwrap()
        };
        let train = read("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz");
        let test = read("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz");
        assert_eq!((train.len(), test.len()), (60_000, 10_000));
        assert_eq!(train.sample_shape().dims(), [28, 28, 1]);
        // The published mean and deviation of the training pictures, scaled to 0..1.
        let scaler = purlin_data::StandardScaler::fit_dataset(&train).unwrap();
        assert!((scaler.mean()[0] / 255.0 - mean).abs() < 5e-5, "{name}: {:?}", scaler.mean());
        assert!((scaler.std()[0] / 255.0 - std).abs() < 5e-5, "{name}: {:?}", scaler.std());
        let expected = if name == "mnist" {
            vec![980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        } else {
            vec![1000; 10]
        };
        assert_eq!(counts(&test), expected);
    }
}

#[cfg(feature = "image")]
mod pictures {
    use super::*;
    use purlin_data::image::{Augment, ImageFolder, Pipeline};

    #[test]
    fn cifar_and_grocery_folders() {
        let Some(folder) = data("images/cifar10-subset") else { return };
        let train = ImageFolder::new(folder.join("train")).cached(true).open().unwrap();
        assert_eq!(train.class_names()[..3], ["airplane", "automobile", "bird"]);
        assert_eq!(counts(&train), [70; 10]);
        assert_eq!(train.sample_shape().dims(), [32, 32, 3]);

        let folder = data("images/grocery-apple-melon").unwrap();
        let train = ImageFolder::new(folder.join("train")).open().unwrap();
        let validation = ImageFolder::new(folder.join("validation"))
            .classes(train.class_names())
            .open()
            .unwrap();
        assert_eq!((counts(&train), counts(&validation)), (vec![110; 2], vec![50; 2]));
        assert_eq!(train.class_names(), ["apple", "melon"]);
    }

    #[test]
    fn the_same_batches_lazily_cached_and_with_workers() {
        let Some(folder) = data("images/grocery-apple-melon/validation") else { return };
        let pipeline =
            Pipeline::new().resize(64, 64).augment(Augment::classic()).rescale(1.0 / 255.0);
        let mut expected: Option<Vec<u32>> = None;
        for (is_cached, workers) in [(false, 0), (false, 3), (true, 1), (true, 4)] {
            let images = ImageFolder::new(&folder).cached(is_cached).open().unwrap();
            let loader = Loader::new(images.training(&pipeline).unwrap())
                .batch_size(16)
                .shuffle(7)
                .workers(workers);
            let mut bits = Vec::new();
            for batch in loader.epoch(3).take(3) {
                bits.extend(batch.unwrap().x.data().iter().map(|x| x.to_bits()));
            }
            assert_eq!(bits.len(), 3 * 16 * 64 * 64 * 3);
            assert_eq!(expected.get_or_insert_with(|| bits.clone()), &bits);
        }
    }
}

#[cfg(feature = "csv")]
mod tables {
    use super::*;
    use purlin_data::csv::{CsvReader, Missing};

    #[test]
    fn tables_with_and_without_header_with_and_without_gaps() {
        let Some(path) = data("timeseries/pollution.csv.gz") else { return };
        let text = CsvReader::new().read(&path).unwrap_err().to_string();
        assert!(text.contains("line 2, column \"pm2.5\": expected a value, got none"), "{text}");
        let reader = CsvReader::new().missing(Missing::Drop).columns(&["year", "pm2.5", "cbwd"]);
        let table = reader.read(&path).unwrap();
        assert_eq!(table.n_rows() + table.n_dropped(), 43_824);
        assert_eq!(table.n_dropped(), 2_067);
        assert_eq!(table.labels("cbwd").unwrap().1, ["NE", "NW", "SE", "cv"]);

        let path = data("tabular/pima-indians-diabetes.csv").unwrap();
        let table = CsvReader::new().has_header(false).read(path).unwrap();
        assert_eq!((table.n_rows(), table.columns().len()), (768, 9));
        let (labels, classes) = table.labels("8").unwrap();
        assert_eq!(classes, ["0", "1"]);
        assert_eq!(labels.iter().sum::<usize>(), 268);

        let path = data("tabular/winequality-white.csv").unwrap();
        let table = CsvReader::new().has_header(false).read(path).unwrap();
        assert_eq!((table.n_rows(), table.columns().len()), (4_898, 12));
    }
}

#[test]
fn lines_of_text() {
    let Some(path) = data("text/names/names.txt") else { return };
    let names = purlin_data::text::lines(path).unwrap();
    assert_eq!((names.len(), names[0].as_str()), (32_033, "emma"));
    let path = data("text/rt-polarity/rt-polarity.pos").unwrap();
    assert_eq!(purlin_data::text::lines(path).unwrap().len(), 5_331);
}
