//! Pooling of everything but batch and channels.

use crate::layers::checked;
use crate::{Context, Forward, Module};
use purlin_core::{Error, Real, Result, Shape};
use purlin_tensor::Tensor;

macro_rules! global_pool {
    ($(#[$doc:meta])* $name:ident, $op:literal, $rank:literal, $expected:literal, $x:ident => $y:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Module)]
        pub struct $name;

        impl<T: Real> Forward<T> for $name {
            #[track_caller]
            fn forward(&self, $x: &Tensor<T>, ctx: &mut Context) -> Tensor<T> {
                let shape = checked(Forward::<T>::output_shape(self, $x.shape()));
                ctx.record::<T>(self, &shape);
                $y
            }

            fn output_shape(&self, input: &Shape) -> Result<Shape> {
                let dims = input.dims();
                if dims.len() == $rank && dims[1..$rank - 1].iter().all(|&d| d > 0) {
                    Ok(Shape::from([dims[0], dims[$rank - 1]]))
                } else {
                    Err(Error::shape($op, $expected, input))
                }
            }
        }
    };
}

global_pool!(
    /// The mean over all pixels: `(batch, height, width, channels)` becomes `(batch, channels)`.
    ///
    /// ```
    /// use purlin_nn::{Context, Forward, layers::GlobalAvgPool2d};
    /// use purlin_tensor::Tensor;
    ///
    /// let x = Tensor::<f32>::from([[[[1.0, 10.0], [3.0, 30.0]]]]);
    /// let y = GlobalAvgPool2d.forward(&x, &mut Context::eval());
    /// assert_eq!((y.dims(), y.data()), (&[1, 2][..], &[2.0, 20.0][..]));
    /// ```
    GlobalAvgPool2d, "global_avg_pool2d", 4, "input (batch, height, width, channels) with pixels",
    x => {
        let [batch, height, width, channels] = [x.dims()[0], x.dims()[1], x.dims()[2], x.dims()[3]];
        x.reshape([batch, height * width, channels]).mean_axis(1, false)
    }
);
global_pool!(
    /// The mean over a sequence: `(batch, length, channels)` becomes `(batch, channels)`.
    GlobalAvgPool1d, "global_avg_pool1d", 3, "input (batch, length, channels) with items",
    x => x.mean_axis(1, false)
);
global_pool!(
    /// The maximum over all pixels: `(batch, height, width, channels)` becomes
    /// `(batch, channels)`.
    GlobalMaxPool2d, "global_max_pool2d", 4, "input (batch, height, width, channels) with pixels",
    x => {
        let [batch, height, width, channels] = [x.dims()[0], x.dims()[1], x.dims()[2], x.dims()[3]];
        x.reshape([batch, height * width, channels]).max_axis(1, false)
    }
);
global_pool!(
    /// The maximum over a sequence: `(batch, length, channels)` becomes `(batch, channels)`.
    GlobalMaxPool1d, "global_max_pool1d", 3, "input (batch, length, channels) with items",
    x => x.max_axis(1, false)
);
