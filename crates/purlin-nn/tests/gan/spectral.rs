//! Spectral normalisation: PyTorch's numbers, singular values, slopes, what moves and what does not.

use crate::assert_near;
use purlin_core::linalg::svd;
use purlin_core::rng::Stream;
use purlin_core::{MatrixView, Shape};
use purlin_nn::layers::{Conv2d, Linear, SpectralNorm};
use purlin_nn::weights::{load, load_state_dict, save, state_dict};
use purlin_nn::{Context, Forward, Init, Module, Param};
use purlin_tensor::{GradcheckOptions, Norm, Tensor, gradcheck};
use purlin_testkit::{check_same_bits_on_all_isas, check_same_bits_on_threads};

#[test]
fn a_linear_layer_has_the_numbers_of_pytorch() {
    // torch.nn.utils.parametrizations.spectral_norm, PyTorch 2.15, in float64.
    let stream = Stream::new(1, "init");
    let mut layer = SpectralNorm::new(Linear::<f64>::new(2, 3, &stream).bias(false), &stream);
    let weight = Tensor::from([[1.0, 0.5, -1.5], [-2.0, 3.0, 0.25]]);
    layer.layer.weight.set(&weight).unwrap();
    layer.u.set(&Tensor::from([0.6, 0.0, 0.8])).unwrap();
    layer.v.set(&Tensor::from([1.0, 0.0])).unwrap();
    let x = Tensor::from([[1.0, 2.0], [-0.5, 0.25]]);
    let y = layer.forward(&x, &mut Context::train(0));
    let expected = [
        -1.555_688_936_525_194_7,
        3.370_659_362_471_255,
        -0.518_562_978_841_731_6,
        -0.518_562_978_841_731_5,
        0.259_281_489_420_865_8,
        0.421_332_420_308_906_9,
    ];
    assert_near(y.data(), &expected, 1e-14);
    assert_near(
        layer.u.get().data(),
        &[0.534_522_483_824_848_8, 0.267_261_241_912_424_4, -0.801_783_725_737_273_2],
        1e-14,
    );
    assert_near(layer.v.get().data(), &[0.970_142_500_145_331_9, -0.242_535_625_036_333], 1e-14);
    let grads = (y * Tensor::from([[1.0, -1.0, 2.0], [0.5, 3.0, -2.0]])).sum().backward();
    let slope = [
        2.079_699_005_480_809_8,
        -0.451_019_061_429_573_26,
        -0.980_476_220_499_072_2,
        0.679_252_137_201_301_8,
        -0.859_550_819_970_853_3,
        2.449_011_715_202_127_3,
    ];
    assert_near(grads.require(&layer.layer.weight).unwrap().data(), &slope, 1e-13);
    let again = layer.forward(&x, &mut Context::eval());
    assert_near(again.data(), &expected, 1e-14);
}

#[test]
fn a_convolution_has_the_numbers_of_pytorch() {
    let stream = Stream::new(1, "init");
    let mut layer = SpectralNorm::new(Conv2d::<f64>::new(1, 2, 2, &stream).bias(false), &stream);
    // (kernel_h, kernel_w, in, out)
    let weight = Tensor::from([[[[1.0, 0.5]], [[2.0, -1.0]]], [[[3.0, 1.5]], [[-4.0, 2.0]]]]);
    layer.layer.weight.set(&weight).unwrap();
    layer.u.set(&Tensor::from([1.0, 0.0])).unwrap();
    layer.v.set(&Tensor::from([0.5; 4])).unwrap();
    let x = Tensor::arange(9).mul_scalar(0.25).reshape([1, 3, 3, 1]);
    let _ = layer.forward(&x, &mut Context::train(0));
    let y = layer.forward(&x, &mut Context::train(0));
    let expected = [
        -0.246_048_425_967_687_94,
        0.565_911_379_725_682_3,
        -0.147_629_055_580_612_7,
        0.713_540_435_306_295,
        0.049_209_685_193_537_55,
        1.008_798_546_467_520_4,
        0.147_629_055_580_612_8,
        1.156_427_602_048_133_2,
    ];
    assert_near(y.data(), &expected, 1e-14);
    let slope = [
        -0.211_514_564_951_078_12,
        0.748_443_659_795_946_7,
        -0.368_991_914_638_624_63,
        1.049_104_305_945_434_1,
        -0.808_898_399_266_223_8,
        1.615_716_769_007_601_5,
        0.796_102_064_081_579,
        2.405_954_585_444_685_5,
    ];
    let grads = y.square().sum().backward();
    assert_near(grads.require(&layer.layer.weight).unwrap().data(), &slope, 1e-13);
}

fn largest_singular_value(weight: &Param<f64>) -> f64 {
    let outputs = *weight.dims().last().unwrap();
    let rows = weight.numel() / outputs;
    svd(MatrixView::from_slice(weight.data(), rows, outputs).unwrap()).unwrap().singular_values[0]
}

/// Averages of the factors over steps, as `Ema` makes them, are shorter than 1.
#[test]
fn the_lengths_of_the_factors_do_not_matter() {
    let stream = Stream::new(4, "init");
    let mut layer = SpectralNorm::new(Linear::<f64>::new(5, 3, &stream), &stream.child("norm"));
    let x = Tensor::normal([2, 5], 0.0, 1.0, &Stream::new(1, "x"));
    let before = layer.forward(&x, &mut Context::eval());
    layer.u.set(&(layer.u.get() * 0.5)).unwrap();
    layer.v.set(&(layer.v.get() * 0.125)).unwrap();
    assert_eq!(layer.forward(&x, &mut Context::eval()), before);
}

#[test]
fn sigma_settles_at_the_largest_singular_value() {
    let stream = Stream::new(4, "init");
    let linear = SpectralNorm::new(Linear::<f64>::new(20, 12, &stream), &stream.child("norm"));
    let conv = SpectralNorm::new(Conv2d::<f64>::new(3, 8, 3, &stream), &stream.child("norm"));
    // Fifteen steps are near already; each pass in training comes nearer.
    let first = largest_singular_value(&linear.layer.weight);
    assert!((linear.sigma().item() / first - 1.0).abs() < 0.05);
    for _ in 0..300 {
        let _ = linear.forward(&Tensor::zeros([1, 20]), &mut Context::train(0));
        let _ = conv.forward(&Tensor::zeros([1, 3, 3, 3]), &mut Context::train(0));
    }
    let expected = [first, largest_singular_value(&conv.layer.weight)];
    assert_near(&[linear.sigma().item(), conv.sigma().item()], &expected, 1e-9);
    // So no distance grows.
    let x = Tensor::normal([100, 20], 0.0, 1.0, &Stream::new(1, "x"));
    let origin = linear.forward(&Tensor::zeros([1, 20]), &mut Context::eval());
    let y = linear.forward(&x, &mut Context::eval()) - origin;
    for (x, y) in x.data().chunks(20).zip(y.data().chunks(12)) {
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        assert!(square(y) <= square(x) * (1.0 + 1e-9));
    }
}

#[test]
fn slopes_agree_with_differences() {
    // In evaluation the factors stand still, and the output is a function of the weight.
    let stream = Stream::new(6, "init");
    let layer = SpectralNorm::new(Conv2d::<f64>::new(2, 3, 2, &stream), &stream.child("norm"));
    let x = Tensor::normal([2, 3, 3, 2], 0.0, 1.0, &Stream::new(1, "x"));
    let y = |v: &[Tensor<f64>]| {
        let mut twin = layer.clone();
        twin.layer.weight = Param::new(v[1].detach());
        // Tied to the weight handed over: the parameter of a twin is a leaf of its own.
        let sigma = {
            let matrix = v[1].reshape([8, 3]);
            let unit = |x: Tensor<f64>| &x / &x.norm(Norm::L2);
            let (u, v) = (unit(layer.u.get()), unit(layer.v.get()));
            let (u, v) = (u.reshape([3, 1]), v.reshape([1, 8]));
            v.matmul(&matrix).matmul(&u).reshape(Shape::SCALAR)
        };
        let by_hand = purlin_nn::layers::Reweight::forward_with(
            &twin.layer,
            &(&v[1] / &sigma),
            &v[0],
            &mut Context::eval(),
        );
        let own = twin.forward(&v[0], &mut Context::eval());
        assert_eq!(by_hand.data(), own.data());
        by_hand
    };
    let weight = layer.layer.weight.detach();
    gradcheck(y, &[x.clone(), weight], &GradcheckOptions::default()).unwrap();
    // And the layer's own gradient is that of the formula.
    let grads = layer.forward(&x, &mut Context::eval()).square().sum().backward();
    let leaf = layer.layer.weight.detach().requires_grad();
    let formula = y(&[x.clone(), leaf.clone()]).square().sum().backward();
    let (own, expected) =
        (grads.require(&layer.layer.weight).unwrap(), formula.require(&leaf).unwrap());
    assert_near(own.data(), expected.data(), 1e-12);
}

#[test]
fn training_moves_the_factors_and_nothing_else_does() {
    let stream = Stream::new(4, "init");
    let mut layer = SpectralNorm::new(Linear::<f32>::new(6, 5, &stream), &stream.child("norm"));
    let x = Tensor::ones([1, 6]);
    let factors = |layer: &SpectralNorm<Linear>| (layer.u.get().to_vec(), layer.v.get().to_vec());
    let first = factors(&layer);
    let _ = layer.forward(&x, &mut Context::eval());
    assert_eq!(factors(&layer), first);
    let _ = layer.forward(&x, &mut Context::train(0));
    assert_ne!(factors(&layer), first);
    layer.freeze();
    let frozen = factors(&layer);
    let _ = layer.forward(&x, &mut Context::train(0));
    assert_eq!(factors(&layer), frozen);
    let names: Vec<String> = state_dict(&layer).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["layer.weight", "layer.bias", "u", "v"]);
}

#[test]
fn it_is_saved_with_its_factors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.safetensors");
    let build = |seed| {
        let stream = Stream::new(seed, "init");
        SpectralNorm::new(Linear::<f32>::new(4, 3, &stream), &stream.child("norm"))
    };
    let (layer, mut other) = (build(1), build(2));
    let x = Tensor::normal([5, 4], 0.0, 1.0, &Stream::new(1, "x"));
    let y = layer.forward(&x, &mut Context::train(0)).to_vec();
    save(&layer, &path).unwrap();
    load(&mut other, &path).unwrap();
    assert_eq!(other.forward(&x, &mut Context::eval()).to_vec(), y);
    load_state_dict(&mut other, &state_dict(&layer)).unwrap();
}

#[test]
fn it_has_the_same_bits_everywhere() {
    let run = || {
        let stream = Stream::new(9, "init");
        let layer = SpectralNorm::new(Conv2d::<f32>::new(3, 16, 3, &stream), &stream.child("n"));
        let x = Tensor::normal([4, 9, 9, 3], 0.0, 1.0, &Stream::new(1, "x"));
        let y = layer.forward(&x, &mut Context::train(0));
        let grads = y.square().sum().backward();
        [y.to_vec(), grads.require(&layer.layer.weight).unwrap().to_vec()].concat()
    };
    check_same_bits_on_all_isas(run);
    check_same_bits_on_threads(run);
}

#[test]
#[should_panic(expected = "spectral_norm: weight must be other than 0 throughout")]
fn a_weight_of_zeros_has_no_singular_value_to_divide_by() {
    let stream = Stream::new(1, "init");
    let layer = SpectralNorm::new(Linear::<f32>::new(2, 2, &stream).init(Init::Zeros), &stream);
    let _ = layer.forward(&Tensor::ones([1, 2]), &mut Context::eval());
}

#[test]
#[should_panic(expected = "spectral_norm: u and v must be other than 0 throughout")]
fn directions_of_zeros_are_not_blamed_on_the_weight() {
    let stream = Stream::new(1, "init");
    let mut layer = SpectralNorm::new(Linear::<f32>::new(2, 2, &stream), &stream);
    layer.u.set(&Tensor::zeros([2])).unwrap();
    let _ = layer.forward(&Tensor::ones([1, 2]), &mut Context::eval());
}

#[test]
#[should_panic(expected = "spectral_norm: n_iterations must be at least 1, got 0")]
fn no_iteration_is_refused() {
    let stream = Stream::new(1, "init");
    let _ = SpectralNorm::new(Linear::<f32>::new(2, 2, &stream), &stream).n_iterations(0);
}
