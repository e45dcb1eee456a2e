//! The reference results of clustering.

use purlin_testkit::reference;
use serde_json::Value;

/// The sets of `reference/clustering`, by name.
const SETS: [&str; 13] = [
    "blobs-no-ties",
    "compound",
    "digits-120",
    "flame",
    "hepta",
    "iris",
    "jain",
    "lsun",
    "pathbased",
    "r15",
    "spiral",
    "tetra",
    "wine-standardised",
];

/// Names and contents of all sets; none where the folder of test data is not at hand.
pub(crate) fn reference_sets() -> Option<Vec<(&'static str, Value)>> {
    let read =
        |name| Some((name, reference::json(&format!("reference/clustering/{name}.json.gz"))?));
    SETS.into_iter().map(read).collect()
}
