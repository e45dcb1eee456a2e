//! Losses: by hand, by PyTorch, their slopes, what they refuse.

use crate::assert_near;
use purlin_nn::gan::{GanLoss, with_labels};
use purlin_tensor::{GradcheckOptions, Tensor, gradcheck};

const ALL: [GanLoss; 5] = [
    GanLoss::NonSaturating { smoothing: 0.0 },
    GanLoss::NonSaturating { smoothing: 0.1 },
    GanLoss::LeastSquares,
    GanLoss::Hinge,
    GanLoss::Wasserstein,
];

#[test]
fn losses_have_the_values_of_their_definitions() {
    let real = Tensor::<f64>::from([1.5, -0.25, 3.0]);
    let fake = Tensor::from([-2.0, 0.5, 0.75]);
    // Cross-entropies by PyTorch 2.15 (binary_cross_entropy_with_logits), the others by hand.
    let expected = [
        (1.104_605_350_257_772_4, 0.995_958_667_112_659_8),
        (1.246_272_016_924_439, 0.995_958_667_112_659_8),
        ((0.25 + 1.5625 + 4.0 + 4.0 + 0.25 + 0.5625) / 6.0, (9.0 + 0.25 + 0.0625) / 6.0),
        ((0.0 + 1.25 + 0.0 + 0.0 + 1.5 + 1.75) / 3.0, 0.25),
        (-0.25 - 4.25 / 3.0, 0.25),
    ];
    for (loss, (discriminator, generator)) in ALL.into_iter().zip(expected) {
        let got = [
            loss.discriminator(&real, &fake).unwrap().item(),
            loss.generator(&fake).unwrap().item(),
        ];
        assert_near(&got, &[discriminator, generator], 1e-14);
    }
}

#[test]
fn slopes_agree_with_differences() {
    let real = Tensor::from([[1.5], [-0.25], [3.0]]);
    let fake = Tensor::from([[-2.0], [0.5]]); // other numbers of samples, away from the corners
    for loss in ALL {
        let inputs = [real.clone(), fake.clone()];
        let options = GradcheckOptions::default();
        gradcheck(|v| loss.discriminator(&v[0], &v[1]).unwrap(), &inputs, &options).unwrap();
        gradcheck(|v| loss.generator(&v[0]).unwrap(), &inputs[1..], &options).unwrap();
    }
}

#[test]
fn great_scores_give_finite_losses() {
    let great = Tensor::<f32>::from([1e4, -1e4]);
    for loss in ALL {
        assert!(loss.discriminator(&great, &great).unwrap().item().is_finite());
        assert!(loss.generator(&great).unwrap().item().is_finite());
    }
}

#[test]
fn what_is_refused() {
    let scores = Tensor::<f32>::from([1.0]);
    for smoothing in [-0.1, 1.0, f64::NAN] {
        let loss = GanLoss::NonSaturating { smoothing };
        let text = format!("gan_loss: smoothing must be in [0, 1), got {smoothing}");
        assert_eq!(loss.generator(&scores).unwrap_err().to_string(), text);
        assert_eq!(loss.discriminator(&scores, &scores).unwrap_err().to_string(), text);
    }
    let none = Tensor::<f32>::zeros([0, 1]);
    let err = GanLoss::Hinge.discriminator(&scores, &none).unwrap_err();
    assert_eq!(err.to_string(), "gan_loss: expected at least 1 samples, got 0");
}

#[test]
fn labels_become_planes_and_columns() {
    let images = Tensor::<f32>::full([2, 2, 1, 1], 7.0);
    let joined = with_labels(&images, &[2, 0], 3).unwrap();
    assert_eq!(joined.dims(), [2, 2, 1, 4]);
    let expected = [7., 0., 0., 1., 7., 0., 0., 1., 7., 1., 0., 0., 7., 1., 0., 0.];
    assert_eq!(joined.to_vec(), expected);
    let text = |x: &Tensor, classes: &[usize]| with_labels(x, classes, 3).unwrap_err().to_string();
    assert_eq!(text(&images, &[0, 3]), "gan: class must be below 3, got 3 at row 1");
    assert_eq!(
        text(&images, &[0]),
        "gan: expected x (1, ...), a sample for each of 1 classes, got (2, 2, 1, 1)"
    );
}
