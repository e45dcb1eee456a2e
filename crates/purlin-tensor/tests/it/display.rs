//! Tensors as text.

use purlin_tensor::Tensor;

#[test]
fn scalars_empties_and_extremes_are_readable() {
    assert_eq!(Tensor::scalar(0.5f32).to_string(), "0.5");
    assert_eq!(Tensor::<f32>::zeros([0]).to_string(), "[]");
    assert_eq!(Tensor::<f32>::zeros([2, 0]).to_string(), "[[],\n []]");
    assert_eq!(Tensor::from([f32::NAN, f32::INFINITY]).to_string(), "[NaN, inf]");
    assert_eq!(Tensor::from([1e-9f64, 1e12]).to_string(), "[1.0000e-9, 1.0000e12]");
    assert_eq!(
        Tensor::from([[[1.0f32], [2.0]], [[3.0], [4.0]]]).to_string(),
        "[[[1],\n  [2]],\n [[3],\n  [4]]]"
    );
}

#[test]
fn debug_names_type_shape_and_place_on_the_tape() {
    let x = Tensor::from([1.0f64]).requires_grad();
    assert_eq!(format!("{x:?}"), "Tensor<f64>(1,), leaf [1]");
    assert_eq!(format!("{:?}", &x * 2.0), "Tensor<f64>(1,), tracked [2]");
    assert_eq!(format!("{:?}", x.detach()), "Tensor<f64>(1,) [1]");
}

#[test]
fn a_large_tensor_is_cut() {
    let text = Tensor::<f32>::zeros([1000, 1000]).to_string();
    assert!(text.len() < 300, "{text}");
    assert!(text.contains("..."));
    assert_eq!(text.lines().count(), 7);
}
