//! How the pixels of the weight gradient are cut, by the sizes alone.

use super::{Conv2d, WEIGHT_GRAD_RUNS};
use std::ops::Range;

/// Bytes of `x` and `grad_y` that one band of rows reads.
const BAND_BYTES: usize = 256 << 10;

/// Pixels of a unit of small images: as many terms are summed before memory is touched.
const PIXELS: usize = 512;

/// Output channels of a task of the weight gradient.
pub(super) const COLUMNS: usize = 64;

/// Bands of rows of single images, or runs of whole images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    batch: usize,
    rows: usize,
    /// Bands of an image; 1 where units hold several images.
    bands: usize,
    /// Images of a unit; 1 where images are cut into bands.
    images: usize,
}

impl Units {
    pub(super) fn of<T>(spec: &Conv2d) -> Self {
        let (batch, rows, columns) = (spec.batch, spec.out_height(), spec.out_width());
        let padded = spec.width + spec.padding[1][0] + spec.padding[1][1];
        let row_items = spec.stride[0] * padded * spec.in_channels + columns * spec.out_channels;
        let bytes = (row_items * size_of::<T>()).saturating_mul(rows);
        let spread = WEIGHT_GRAD_RUNS.div_ceil(batch.max(1));
        let bands = bytes.div_ceil(BAND_BYTES).max(spread).clamp(1, rows.max(1));
        // Columns of the gradient are cut too, so that few units still make some eight tasks.
        let tasks = (spec.out_channels / spec.groups).div_ceil(COLUMNS);
        let most = (batch * tasks).div_ceil(WEIGHT_GRAD_RUNS);
        let images = if bands > 1 { 1 } else { PIXELS / (rows * columns).max(1) };
        Self { batch, rows, bands, images: images.min(most).min(batch).max(1) }
    }

    pub(super) fn len(&self) -> usize {
        self.batch.div_ceil(self.images) * self.bands
    }

    /// Images and rows of a unit.
    pub(super) fn get(&self, unit: usize) -> (Range<usize>, Range<usize>) {
        let (first, band) = (unit / self.bands * self.images, unit % self.bands);
        let rows = self.rows * band / self.bands..self.rows * (band + 1) / self.bands;
        (first..self.batch.min(first + self.images), rows)
    }

    pub(super) fn runs(&self) -> usize {
        self.len().min(WEIGHT_GRAD_RUNS)
    }

    /// The units of a run.
    pub(super) fn of_run(&self, run: usize) -> Range<usize> {
        let (units, runs) = (self.len(), self.runs());
        units * run / runs..units * (run + 1) / runs
    }
}
