//! What may be allocated.

use purlin_core::{Error, Result};

/// The most bytes that an algorithm may allocate beside its input.
///
/// It is a number of the caller's, 4 GiB unless set, and never read from the machine: what an
/// algorithm chooses to do must not depend on where it runs.
///
/// # Examples
///
/// ```
/// use purlin_cluster::MemoryBudget;
///
/// assert_eq!(MemoryBudget::default().bytes(), 4 << 30);
/// let err = MemoryBudget::new(1000).check("agglomerative", "the distance matrix", Some(1600));
/// assert_eq!(
///     err.unwrap_err().to_string(),
///     "agglomerative: the distance matrix needs 1600 bytes, allowed are 1000"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryBudget {
    bytes: u64,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::new(4 << 30)
    }
}

impl MemoryBudget {
    /// At most `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self { bytes }
    }

    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// Refuses what does not fit, before it is allocated. `needed` is `None` where the number of
    /// bytes overflows.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBudget`] with both numbers.
    pub fn check(self, op: &'static str, what: &str, needed: Option<u64>) -> Result<()> {
        match needed {
            Some(needed) if needed <= self.bytes => Ok(()),
            _ => Err(Error::OutOfBudget {
                op,
                what: what.to_owned(),
                needed: needed.unwrap_or(u64::MAX),
                budget: self.bytes,
            }),
        }
    }
}
