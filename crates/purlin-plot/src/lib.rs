//! Pictures of machine learning as SVG and PNG: learning curves, confusion matrix, image grids, scatter and line plots.
