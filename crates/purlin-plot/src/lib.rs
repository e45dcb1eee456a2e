//! Pictures of machine learning as SVG and PNG: learning curves, confusion matrices, image grids,
//! scatter and line plots, histograms, bars.
//!
//! A builder takes slices, [`draw`](LearningCurves::draw) checks them and returns a [`Figure`], and
//! that is printed as SVG, painted as PNG, or saved under a name that ends in either.
//!
//! ```
//! use purlin_plot::LearningCurves;
//!
//! let figure = LearningCurves::new()
//!     .panel("loss")
//!     .series("training", &[0.9, 0.5, 0.3, 0.2])
//!     .series("validation", &[0.8, 0.5, 0.4, 0.5])
//!     .mark_min()
//!     .title("Digits")
//!     .draw()?;
//!
//! assert!(figure.to_svg().contains("best: epoch 3 (0.4)"));
//! assert_eq!(figure.to_png(), figure.to_png()); // the same bytes, here and on every machine
//! # Ok::<(), purlin_core::Error>(())
//! ```
//!
//! | item                | what it draws                                                           |
//! |---------------------|-------------------------------------------------------------------------|
//! | [`LearningCurves`]  | losses and metrics over epochs, in panels, with the best epoch marked   |
//! | [`ConfusionMatrix`] | counts and row shares, with class names                                 |
//! | [`ImageGrid`]       | grey and RGB images with labels, right or wrong                         |
//! | [`Scatter`]         | points by group, noise, centroids, ellipses                             |
//! | [`DendrogramPlot`], [`CondensedTreePlot`], [`ReachabilityPlot`] | hierarchies of clusters    |
//! | [`SilhouettePlot`]  | how well each sample lies in its cluster                                |
//! | [`LinePlot`]        | several lines, linear or logarithmic axes                               |
//! | [`Histogram`]       | counts in bins                                                          |
//! | [`BarChart`]        | one value per name                                                      |
//! | [`Style`], [`Theme`] | size, pixel ratio; light, dark or transparent                          |
//! | [`ticks`]           | where the numbers of an axis go                                         |
//!
//! # How a picture is made
//!
//! A plot lays out rectangles, lines, circles, texts and images in pixels. SVG prints that list; PNG
//! paints it with the crate's own rasteriser and the font it carries (a subset of Open Sans), so no
//! font, no C library and no window system is needed, and the same plot gives the same bytes
//! everywhere. The only other dependencies are an encoder of PNG and a reader of font outlines.
//!
//! The crate has no features.

mod axes;
mod bar_chart;
mod color;
mod condensed_tree;
mod confusion_matrix;
mod dendrogram;
mod figure;
mod font;
mod histogram;
mod image_grid;
mod learning_curves;
mod line_plot;
mod marker;
mod page;
mod pixels;
mod png;
mod raster;
mod reachability;
mod scatter;
mod scene;
mod series;
mod silhouette;
mod stroke;
mod svg;
mod theme;
pub mod ticks;
mod tree;

pub use bar_chart::BarChart;
pub use condensed_tree::CondensedTreePlot;
pub use confusion_matrix::ConfusionMatrix;
pub use dendrogram::DendrogramPlot;
pub use figure::{Figure, Style};
pub use histogram::Histogram;
pub use image_grid::ImageGrid;
pub use learning_curves::LearningCurves;
pub use line_plot::LinePlot;
pub use pixels::Pixel;
pub use reachability::ReachabilityPlot;
pub use scatter::Scatter;
pub use silhouette::SilhouettePlot;
pub use theme::Theme;

/// The examples of the README, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
