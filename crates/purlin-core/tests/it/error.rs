//! Every error names the operation, what was expected and what came.

use purlin_core::{Error, Result};
use std::error::Error as _;
use std::io;

#[test]
fn texts_name_operation_rule_and_value() {
    let cases: Vec<(Error, &str)> = vec![
        (
            Error::shape("matmul", "inner dimensions that match", "lhs (2, 3) and rhs (4, 5)"),
            "matmul: expected inner dimensions that match, got lhs (2, 3) and rhs (4, 5)",
        ),
        (
            Error::param("kmeans", "n_clusters", "at least 1", 0),
            "kmeans: n_clusters must be at least 1, got 0",
        ),
        (
            Error::param("adam", "lr", format!("in {}..{}", 0, 1), f64::NAN),
            "adam: lr must be in 0..1, got NaN",
        ),
        (
            Error::NonFinite { op: "dbscan", name: "x", value: f64::NAN, row: 12, column: 3 },
            "dbscan: x must be finite, got NaN at row 12, column 3",
        ),
        (
            Error::NonFinite { op: "pca", name: "x", value: f64::NEG_INFINITY, row: 0, column: 0 },
            "pca: x must be finite, got -inf at row 0, column 0",
        ),
        (
            Error::TooFewSamples { op: "kmeans", expected: 3, got: 2 },
            "kmeans: expected at least 3 samples, got 2",
        ),
        (
            Error::OutOfBudget {
                op: "agglomerative",
                what: "the distance matrix".to_owned(),
                needed: 1600,
                budget: 1000,
            },
            "agglomerative: the distance matrix needs 1600 bytes, allowed are 1000",
        ),
        (
            Error::unsupported("read_npy", "a/b.npy", "dtype complex64"),
            "read_npy: unsupported file a/b.npy: dtype complex64",
        ),
        (
            Error::corrupt("read_idx", "t.idx", 16, "ends 3 bytes early"),
            "read_idx: corrupt file t.idx at byte 16: ends 3 bytes early",
        ),
        (
            Error::io("load", "w.safetensors", io::Error::other("disk on fire")),
            "load: w.safetensors: disk on fire",
        ),
        (
            Error::Diverged { op: "fit", step: 17, what: "loss".to_owned(), value: f64::INFINITY },
            "fit: diverged at step 17: loss is inf",
        ),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
        assert!(text.starts_with(|c: char| c.is_lowercase()) && !text.ends_with('.'));
    }
}

#[test]
fn the_systems_answer_is_the_source() {
    let err = Error::io("load", "x", io::Error::new(io::ErrorKind::NotFound, "gone"));
    let source = err.source().expect("an io error has a source");
    assert_eq!(source.to_string(), "gone");
    assert!(Error::param("op", "p", "good", "bad").source().is_none());
}

#[test]
fn errors_travel_between_threads_and_through_question_marks() {
    fn is_portable<E: std::error::Error + Send + Sync + 'static>(_: &E) {}
    fn fails() -> Result<()> {
        Err(Error::TooFewSamples { op: "fit", expected: 1, got: 0 })
    }
    fn outer() -> std::result::Result<(), Box<dyn std::error::Error>> {
        fails()?;
        Ok(())
    }
    is_portable(&fails().unwrap_err());
    assert_eq!(outer().unwrap_err().to_string(), "fit: expected at least 1 samples, got 0");
}
