//! The tree as text.

use super::{Dendrogram, OP};
use purlin_core::{Error, Result};
use std::fmt::Write;

impl Dendrogram {
    /// The tree in the Newick format that programs for phylogenetic trees read.
    ///
    /// A branch is as long as its ends differ in height; an inversion makes it negative. A name
    /// with other characters than letters, digits, `_`, `.` and `-` is quoted.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there is not one name per sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use purlin_cluster::{Agglomerative, Linkage, MatrixView};
    ///
    /// let x = [[0.0], [1.0], [3.0]];
    /// let tree = Agglomerative::new(Linkage::Single).fit(MatrixView::from_rows(&x))?;
    /// assert_eq!(tree.newick(&["oak", "ash", "Ann's"])?, "('Ann''s':2,(oak:1,ash:1):1);");
    /// # Ok::<(), purlin_cluster::Error>(())
    /// ```
    pub fn newick(&self, names: &[impl AsRef<str>]) -> Result<String> {
        if names.len() != self.n_samples {
            let expected = format!("{} names", self.n_samples);
            return Err(Error::shape(OP, expected, names.len()));
        }
        let mut out = String::new();
        // The root is the last cluster.
        let mut stack = Vec::new();
        if let Some(root) = (self.n_samples + self.merges.len()).checked_sub(1) {
            stack.push(Step::Cluster(root));
        }
        while let Some(step) = stack.pop() {
            match step {
                Step::Text(text) => out.push(text),
                Step::Branch(length) => {
                    // Writing to a string does not fail.
                    let _ = write!(out, ":{length}");
                }
                Step::Cluster(cluster) => match self.merge_of(cluster) {
                    None => push_name(&mut out, names[cluster].as_ref()),
                    Some(merge) => {
                        let branch =
                            |part| Step::Branch(merge.dissimilarity - self.height_of(part));
                        out.push('(');
                        stack.extend([
                            Step::Text(')'),
                            branch(merge.right),
                            Step::Cluster(merge.right),
                            Step::Text(','),
                            branch(merge.left),
                            Step::Cluster(merge.left),
                        ]);
                    }
                },
            }
        }
        out.push(';');
        Ok(out)
    }
}

/// What remains to be written.
enum Step {
    Cluster(usize),
    Branch(f64),
    Text(char),
}

fn push_name(out: &mut String, name: &str) {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !name.is_empty() && name.chars().all(is_plain) {
        out.push_str(name);
    } else {
        out.push('\'');
        out.push_str(&name.replace('\'', "''"));
        out.push('\'');
    }
}
