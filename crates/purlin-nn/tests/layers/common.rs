//! What the tests against reference values share.

use purlin_core::Real;
use purlin_tensor::Tensor;
use purlin_testkit::reference::Array;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The array with its axes in another order: axis `i` of the result is axis `axes[i]` of `x`.
pub(crate) fn permuted(x: &Array, axes: &[usize]) -> Array {
    assert_eq!(x.shape.len(), axes.len(), "one number per axis of {:?}", x.shape);
    let shape: Vec<usize> = axes.iter().map(|&axis| x.shape[axis]).collect();
    let mut strides = vec![1; axes.len()];
    for axis in (1..axes.len()).rev() {
        strides[axis - 1] = strides[axis] * x.shape[axis];
    }
    let mut values = Vec::with_capacity(x.values.len());
    let mut index = vec![0; axes.len()];
    for _ in 0..x.values.len() {
        values.push(
            x.values[index.iter().zip(axes).map(|(i, &axis)| i * strides[axis]).sum::<usize>()],
        );
        for axis in (0..axes.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Array { shape, values }
}

/// The order that undoes `axes`.
pub(crate) fn inverse(axes: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; axes.len()];
    for (i, &axis) in axes.iter().enumerate() {
        inverse[axis] = i;
    }
    inverse
}

/// From channels-first to channels-last for an array of this rank.
pub(crate) fn channels_last(rank: usize) -> Vec<usize> {
    let mut axes = vec![0];
    axes.extend(2..rank);
    if rank > 1 {
        axes.push(1);
    }
    axes
}

pub(crate) fn tensor<T: Real>(x: &Array) -> Tensor<T> {
    Tensor::from_vec(x.to_vec(), x.shape.clone()).unwrap()
}

pub(crate) fn array<T: Real>(x: &Tensor<T>) -> Array {
    Array { shape: x.dims().to_vec(), values: x.data().iter().map(|v| v.to_f64()).collect() }
}

/// The tolerances that the README of the reference data names: `(relative, absolute)`.
pub(crate) fn tolerance<T: Real>() -> (f64, f64) {
    if T::NAME == "f32" { (1e-5, 1e-6) } else { (1e-12, 1e-12) }
}

/// `Ok` when shape and all values agree, or what differs most.
pub(crate) fn compare<T: Real>(what: &str, got: &Array, expected: &Array) -> Result<(), String> {
    if got.shape != expected.shape {
        return Err(format!("{what}: expected shape {:?}, got {:?}", expected.shape, got.shape));
    }
    let (relative, absolute) = tolerance::<T>();
    let mut worst: Option<(f64, usize)> = None;
    for (i, (&a, &b)) in got.values.iter().zip(&expected.values).enumerate() {
        let excess = (a - b).abs() / (absolute + relative * b.abs());
        let is_bad = excess.is_nan() || excess > 1.0;
        if is_bad && worst.is_none_or(|(most, _)| excess.is_nan() || excess > most) {
            worst = Some((excess, i));
        }
    }
    match worst {
        None => Ok(()),
        Some((excess, i)) => Err(format!(
            "{what}: element {i}: expected {:e}, got {:e} ({excess:.1} times the tolerance)",
            expected.values[i], got.values[i]
        )),
    }
}

/// What happened to a case.
pub(crate) enum Outcome {
    /// Compared in both number types.
    Passes,
    /// Nothing here computes it yet.
    Later,
}

/// Writes (`PURLIN_UPDATE_DOCS` set) or compares the table of one part in
/// `docs/reference-cases.md`.
pub(crate) fn document(part: &str, cases: &[(String, String, Outcome)]) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("docs/reference-cases.md");
    let passing = cases.iter().filter(|case| matches!(case.2, Outcome::Passes)).count();
    let mut table = format!(
        "## {part}: {passing} of {} cases\n\n| case | operation | f32 | f64 |\n|---|---|---|---|\n",
        cases.len()
    );
    for (id, kind, outcome) in cases {
        let cell = match outcome {
            Outcome::Passes => "passes",
            Outcome::Later => "not built yet",
        };
        let _ = writeln!(table, "| `{id}` | {kind} | {cell} | {cell} |");
    }
    let (begin, end) = (format!("<!-- {part}: begin -->"), format!("<!-- {part}: end -->"));
    let section = format!("{begin}\n{table}{end}\n");
    let current = std::fs::read_to_string(&file).unwrap_or_default();
    let place = current.find(&begin).zip(current.find(&end).map(|at| at + end.len() + 1));
    if std::env::var_os("PURLIN_UPDATE_DOCS").is_some() {
        let header = "# Reference cases\n\nResults of PyTorch in double precision, and whether this \
            project agrees: forward values and all gradients, at relative 1e-5 and absolute 1e-6 in \
            f32, 1e-12 in f64. Written by the tests of `purlin-nn` that compare them \
            (`PURLIN_UPDATE_DOCS=1 PURLIN_DATA=... cargo test -p purlin-nn --test layers`, \
            and so on), never by hand.\n";
        let text = match place {
            Some((from, to)) => {
                format!("{}{section}{}", &current[..from], &current[to.min(current.len())..])
            }
            None if current.is_empty() => format!("{header}\n{section}"),
            None => format!("{current}\n{section}"),
        };
        std::fs::create_dir_all(root.join("docs")).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let Some((from, to)) = place else {
        assert!(!root.join("docs").is_dir(), "docs/reference-cases.md has no table of {part}");
        return; // a packaged crate has no docs folder
    };
    assert_eq!(
        current[from..to.min(current.len())].trim(),
        section.trim(),
        "docs/reference-cases.md is out of date: run this test with PURLIN_UPDATE_DOCS=1"
    );
}
