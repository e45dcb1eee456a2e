//! Geometries of convolution and pooling that fit their image.

use proptest::prelude::*;
use purlin_backend::conv::Conv2d;
use purlin_backend::pool::Pool2d;

/// Two sizes, usually different.
fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

/// A small convolution: any stride, dilation, uneven padding and groups, with at least one
/// output pixel.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use purlin_testkit::strategies::conv2d;
///
/// proptest!(|(spec in conv2d())| {
///     prop_assert!(spec.check().is_ok());
///     prop_assert!(spec.out_height() > 0 && spec.out_width() > 0);
/// });
/// ```
pub fn conv2d() -> impl Strategy<Value = Conv2d> {
    let image = (0usize..3, pair(1..9));
    let window = (pair(1..4), pair(1..4), pair(1..3), [pair(0..3), pair(0..3)]);
    let channels = (1usize..4, 1usize..4, 1usize..4);
    (image, window, channels).prop_filter_map(
        "the window fits",
        |((batch, [height, width]), (kernel, stride, dilation, padding), (groups, i, o))| {
            let spec = Conv2d {
                batch: batch.max(1),
                height,
                width,
                in_channels: groups * i,
                out_channels: groups * o,
                kernel,
                stride,
                dilation,
                padding,
                groups,
            };
            spec.check().is_ok().then_some(spec)
        },
    )
}

/// A small pooling: any stride, dilation, uneven padding and rounding mode, with at least one
/// output pixel and a cell of the image in every window.
pub fn pool2d() -> impl Strategy<Value = Pool2d> {
    let image = (1usize..3, pair(1..9), 1usize..4);
    let window = (pair(1..4), pair(1..4), pair(1..3), [pair(0..2), pair(0..2)]);
    (image, window, any::<bool>()).prop_filter_map(
        "the window fits",
        |((batch, [height, width], channels), (kernel, stride, dilation, padding), ceil_mode)| {
            let spec = Pool2d {
                batch,
                height,
                width,
                channels,
                kernel,
                stride,
                padding,
                dilation,
                ceil_mode,
            };
            spec.check().is_ok().then_some(spec)
        },
    )
}
