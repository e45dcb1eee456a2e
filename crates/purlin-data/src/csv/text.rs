//! What a table was read from.

use crate::source::Source;
use purlin_core::Result;
use std::ops::Range;

/// The text of a file, and where its rows lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    content: String,
    header: Option<Range<usize>>,
    rows: Vec<Range<usize>>,
}

impl Text {
    /// From the bytes at which all lines begin, the header among them, and those of the rows that were
    /// kept.
    pub(super) fn new(
        source: &Source<'_>,
        bytes: Vec<u8>,
        starts: &[usize],
        kept: &[usize],
        has_header: bool,
    ) -> Result<Self> {
        let content = String::from_utf8(bytes).map_err(|err| {
            source.corrupt_at(err.utf8_error().valid_up_to() as u64, "expected UTF-8")
        })?;
        // Outside of quotes no value holds a line end.
        let line = |start: usize| {
            let next = starts.partition_point(|&other| other <= start);
            let end = starts.get(next).copied().unwrap_or(content.len());
            start..start + content[start..end].trim_end_matches(['\r', '\n']).len()
        };
        let header = starts.first().filter(|_| has_header).map(|&start| line(start));
        let rows = kept.iter().map(|&start| line(start)).collect();
        Ok(Self { content, header, rows })
    }

    pub(super) fn header(&self) -> Option<&str> {
        Some(&self.content[self.header.clone()?])
    }

    pub(super) fn row(&self, i: usize) -> Option<&str> {
        Some(&self.content[self.rows.get(i)?.clone()])
    }
}
