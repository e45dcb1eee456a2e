//! The tables.

use crate::source::Source;
use crate::{MemoryDataset, text};
use purlin_core::Matrix;
use std::path::Path;

/// A table with a class per row.
///
/// # Examples
///
/// ```
/// let wine = purlin_data::sets::wine();
/// assert_eq!(wine.x.shape(), (178, 13));
/// assert_eq!(wine.feature_names[0], "alcohol");
/// assert_eq!(wine.class_names[wine.labels[0]], "class_0");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationSet {
    /// `(n_samples, n_features)`.
    pub x: Matrix<f64>,
    /// The class of each sample.
    pub labels: Vec<usize>,
    /// What the columns are, with units where they are known.
    pub feature_names: Vec<String>,
    /// What the classes are, by index.
    pub class_names: Vec<String>,
}

impl ClassificationSet {
    /// The set for a [`Loader`](crate::Loader), in single precision.
    pub fn to_dataset(&self) -> MemoryDataset {
        MemoryDataset::classes(self.x.view(), &self.labels, self.class_names.len())
            .and_then(|dataset| dataset.with_class_names(&self.class_names))
            .unwrap_or_else(|err| panic!("{err}"))
    }
}

/// A table with a number per row.
///
/// # Examples
///
/// ```
/// let diabetes = purlin_data::sets::diabetes();
/// assert_eq!(diabetes.x.shape(), (442, 10));
/// assert_eq!((diabetes.feature_names[2].as_str(), diabetes.x[(0, 2)]), ("bmi", 32.1));
/// assert_eq!(diabetes.y[0], 151.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionSet {
    /// `(n_samples, n_features)`.
    pub x: Matrix<f64>,
    /// The number of each sample.
    pub y: Vec<f64>,
    /// What the columns are.
    pub feature_names: Vec<String>,
}

impl RegressionSet {
    /// The set for a [`Loader`](crate::Loader), in single precision.
    pub fn to_dataset(&self) -> MemoryDataset {
        MemoryDataset::values(self.x.view(), &self.y).unwrap_or_else(|err| panic!("{err}"))
    }
}

/// R. A. Fisher's irises: 150 flowers of three species, four lengths in centimetres.
///
/// # References
///
/// - R. A. Fisher, *The use of multiple measurements in taxonomic problems*, Annals of Eugenics
///   7(2), 1936.
pub fn iris() -> ClassificationSet {
    let features =
        ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"];
    let classes = ["setosa", "versicolor", "virginica"];
    classification(include_bytes!("../../data/iris.csv.gz"), &features, &classes)
}

/// 178 Italian wines of three growers, 13 chemical measures.
///
/// # References
///
/// - M. Forina et al., *PARVUS, an extendible package for data exploration, classification and
///   correlation*, 1988 (UCI data set 109).
pub fn wine() -> ClassificationSet {
    let features = [
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ];
    let classes = ["class_0", "class_1", "class_2"];
    classification(include_bytes!("../../data/wine.csv.gz"), &features, &classes)
}

/// 569 breast tumours, malignant (0) or benign (1), 30 measures of the cell nuclei in an image:
/// mean, standard error and "worst" (mean of the three largest) of ten quantities.
///
/// # References
///
/// - W. N. Street, W. H. Wolberg, O. L. Mangasarian, *Nuclear feature extraction for breast tumor
///   diagnosis*, SPIE 1905, 1993.
pub fn breast_cancer() -> ClassificationSet {
    let quantities = [
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    ];
    let mut features: Vec<String> = quantities.iter().map(|q| format!("mean {q}")).collect();
    features.extend(quantities.iter().map(|q| format!("{q} error")));
    features.extend(quantities.iter().map(|q| format!("worst {q}")));
    let names: Vec<&str> = features.iter().map(String::as_str).collect();
    let classes = ["malignant", "benign"];
    classification(include_bytes!("../../data/breast-cancer.csv.gz"), &names, &classes)
}

/// 442 patients: age, sex, body mass index, blood pressure and six blood serum measures, unscaled;
/// the target is a measure of the disease's progression one year later.
///
/// scikit-learn's `load_diabetes(scaled=False)`.
///
/// # References
///
/// - B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, *Least angle regression*, Annals of
///   Statistics 32(2), 2004.
pub fn diabetes() -> RegressionSet {
    let features = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"];
    let (x, y) = table(include_bytes!("../../data/diabetes.csv.gz"), features.len());
    RegressionSet { x, y, feature_names: owned(&features) }
}

fn classification(bytes: &[u8], features: &[&str], classes: &[&str]) -> ClassificationSet {
    let (x, last) = table(bytes, features.len());
    ClassificationSet {
        x,
        labels: last.into_iter().map(|label| label as usize).collect(),
        feature_names: owned(features),
        class_names: owned(classes),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Numbers of an embedded table: all columns but the last, and the last.
fn table(bytes: &[u8], n_features: usize) -> (Matrix<f64>, Vec<f64>) {
    let source = Source::from_bytes("sets", Path::new("embedded"), bytes);
    let text = text::utf8(source).unwrap_or_else(|err| panic!("{err}"));
    let (mut x, mut last) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut row = line.split(',').map(|cell| cell.parse::<f64>().expect("embedded number"));
        x.extend(row.by_ref().take(n_features));
        last.extend(row);
    }
    let n_rows = last.len();
    (Matrix::from_vec(x, n_rows, n_features).unwrap_or_else(|err| panic!("{err}")), last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    fn counts(set: &ClassificationSet) -> Vec<usize> {
        let mut counts = vec![0; set.class_names.len()];
        for &label in &set.labels {
            counts[label] += 1;
        }
        counts
    }

    /// Sum of all numbers, to 1e-9 relative, by another program (awk over the original files).
    fn has_sum(x: &Matrix<f64>, expected: f64) {
        let sum: f64 = x.as_slice().iter().sum();
        assert!((sum - expected).abs() < 1e-9 * expected, "{sum} is not {expected}");
    }

    #[test]
    fn sets_are_complete() {
        let iris = iris();
        assert_eq!((iris.x.shape(), counts(&iris)), ((150, 4), vec![50, 50, 50]));
        assert_eq!(iris.x.row(149), [5.9, 3.0, 5.1, 1.8]);
        let wine = wine();
        assert_eq!((wine.x.shape(), counts(&wine)), ((178, 13), vec![59, 71, 48]));
        let cancer = breast_cancer();
        assert_eq!((cancer.x.shape(), counts(&cancer)), ((569, 30), vec![212, 357]));
        assert_eq!(cancer.feature_names[0], "mean radius");
        assert_eq!(cancer.feature_names[13], "area error");
        assert_eq!(cancer.feature_names[29], "worst fractal dimension");
        let diabetes = diabetes();
        assert_eq!(
            diabetes.x.row(0),
            [59.0, 2.0, 32.1, 101.0, 157.0, 93.2, 38.0, 4.0, 4.8598, 87.0]
        );
        has_sum(&iris.x, 2078.7);
        has_sum(&wine.x, 159_975.296);
        has_sum(&cancer.x, 1_056_474.459_635_604_6);
        has_sum(&diabetes.x, 276_404.233_6);
        assert_eq!(diabetes.y.iter().sum::<f64>(), 67_243.0);
        assert_eq!(diabetes.to_dataset().len(), 442);
        assert_eq!(cancer.to_dataset().class_names(), ["malignant", "benign"]);
    }
}
