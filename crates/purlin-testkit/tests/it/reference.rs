//! The reader of reference cases, against what is known of them.

use purlin_testkit::reference::Cases;

#[test]
fn every_part_opens_and_its_tensors_have_their_sizes() {
    for (part, n_cases) in [
        ("layers", 116),
        ("sequence", 23),
        ("losses", 42),
        ("optimizers", 30),
        ("training", 6),
        ("schedulers", 20),
    ] {
        let Some(cases) = Cases::open(part) else { return };
        assert_eq!(cases.iter().count(), n_cases, "{part}");
        for case in cases.iter() {
            assert!(!case.id.is_empty() && !case.kind.is_empty());
            for array in case.roles.values().flat_map(|role| role.values()) {
                assert_eq!(array.shape.iter().product::<usize>(), array.values.len(), "{case}");
            }
        }
    }
}

#[test]
fn a_linear_case_is_its_own_formula() {
    let Some(cases) = Cases::open("layers") else { return };
    let case = cases.case("linear-0");
    assert_eq!(case.kind, "linear");
    let (n_in, n_out) = (case.usize("in_features").unwrap(), case.usize("out_features").unwrap());
    assert_eq!((n_in, n_out, case.bool("bias"), case.f64("absent")), (7, 3, Some(true), None));
    let (x, weight, bias) = (case.input("x"), case.param("weight"), case.param("bias"));
    assert_eq!(weight.shape, [n_out, n_in]);
    let y = case.output("y");
    for (row, expected) in x.values.chunks(n_in).zip(y.values.chunks(n_out)) {
        for (o, expected) in expected.iter().enumerate() {
            let w = &weight.values[o * n_in..(o + 1) * n_in];
            let sum: f64 = row.iter().zip(w).map(|(a, b)| a * b).sum::<f64>() + bias.values[o];
            assert!((sum - expected).abs() < 1e-12, "{sum} and {expected}");
        }
    }
}

#[test]
fn configurations_are_read_with_their_types() {
    let Some(cases) = Cases::open("layers") else { return };
    let pairs: Vec<_> = cases.of_kind("conv2d").map(|case| case.pair("kernel_size")).collect();
    assert!(pairs.contains(&Some([3, 5])) && pairs.contains(&Some([1, 1])));
    let embedding = cases.of_kind("embedding").next().unwrap();
    assert!(!embedding.input("index").to_usize().is_empty());
}

#[test]
fn a_missing_tensor_is_named_with_those_there_are() {
    let Some(cases) = Cases::open("layers") else { return };
    let case = cases.case("linear-0").clone();
    let error = std::panic::catch_unwind(|| case.input("z").clone()).unwrap_err();
    let text = error.downcast_ref::<String>().unwrap();
    assert_eq!(text, "linear-0: expected inputs z, got [\"x\"]");
}
