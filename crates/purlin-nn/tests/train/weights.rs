//! Weights in files: what comes back, what fits, what is damaged.

use proptest::prelude::*;
use purlin_core::rng::Stream;
use purlin_core::{Error, Shape};
use purlin_nn::layers::{BatchNorm1d, Linear, Rnn, TransformerEncoderLayer};
use purlin_nn::weights::{
    self, Layout, LoadOptions, ModelInfo, PyTorch, TensorFile, TensorWriter, state_dict,
};
use purlin_nn::{Param, Sequential};
use purlin_tensor::Tensor;

fn network(classes: usize, seed: u64) -> Sequential {
    let stream = Stream::new(seed, "init");
    Sequential::new()
        .push_named("body", Linear::new(3, 4, &stream.child("body")))
        .push_named("norm", BatchNorm1d::new(4))
        .push_named("head", Linear::new(4, classes, &stream.child("head")))
}

fn bytes_of(model: &Sequential) -> Vec<u8> {
    let mut writer = TensorWriter::new();
    for (name, tensor) in state_dict(model) {
        writer.tensor(&name, &tensor).unwrap();
    }
    writer.metadata("class_names", r#"["a","b"]"#);
    writer.to_bytes()
}

fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

#[test]
fn save_then_load_is_the_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let model = network(2, 1);
    let info = ModelInfo::new("small")
        .architecture_version(3)
        .class_names(["apple", "melon \"ripe\"\n"])
        .preprocessing(&(150, [0.5, 0.25]))
        .unwrap()
        .with("source", "garden");
    weights::save_with(&model, &info, &path).unwrap();
    let mut other = network(2, 2);
    assert_ne!(state_dict(&other), state_dict(&model));
    let loaded = weights::load(&mut other, &path).unwrap();
    assert_eq!(state_dict(&other), state_dict(&model));
    assert_eq!(loaded, info);
    assert_eq!(loaded.preprocessing_as::<(u32, [f32; 2])>().unwrap(), Some((150, [0.5, 0.25])));
    assert!(loaded.preprocessing_as::<String>().is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    assert_eq!(bytes_of(&network(2, 1)), bytes_of(&network(2, 1)));
}

#[test]
fn the_file_is_what_the_safetensors_crate_reads() {
    let bytes = bytes_of(&network(2, 1));
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("head.weight").unwrap().shape(), [4, 2]);
    let (header, _) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!((header + 8) % 8, 0, "data is aligned");
}

#[test]
fn strict_loading_tells_everything_that_does_not_fit_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    weights::save(&network(3, 1), &path).unwrap();
    let mut model: Sequential = Sequential::new()
        .push_named("body", Linear::new(3, 4, &Stream::new(5, "init")))
        .push_named("head", Linear::new(4, 2, &Stream::new(6, "init")))
        .push_named("extra", Linear::new(2, 2, &Stream::new(7, "init")));
    let before = state_dict(&model);
    let err = weights::load(&mut model, &path).unwrap_err();
    assert!(matches!(err, Error::UnsupportedFile { .. }));
    let text = err.to_string();
    for part in [
        "2 matched",
        "2 missing (extra.weight, extra.bias)",
        "4 unexpected (norm.bias, norm.running_mean, norm.running_var, norm.weight)",
        "head.weight file (4, 3) model (4, 2)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(state_dict(&model), before);

    let file = TensorFile::open(&path).unwrap();
    let report = LoadOptions::new().partial().load(&mut model, &file).unwrap();
    assert_eq!(report.matched, ["body.weight", "body.bias"]);
    assert_eq!(report.wrong_shape[0].file, Shape::from([4, 3]));
    assert_ne!(state_dict(&model), before);
}

#[test]
fn parts_can_be_chosen_renamed_and_left_out() {
    let file = TensorFile::from_bytes("memory", bytes_of(&network(2, 1))).unwrap();
    let mut body: Linear = Linear::new(3, 4, &Stream::new(9, "init"));
    let report = LoadOptions::new()
        .rename_prefix("body.", "")
        .skip("norm.*")
        .skip("head.*")
        .load(&mut body, &file)
        .unwrap();
    assert_eq!(report.matched, ["weight", "bias"]);
    assert_eq!(body.weight.to_vec(), file.tensor::<f32>("body.weight").unwrap().to_vec());

    let mut model = network(2, 9);
    let head = state_dict(&model)[6].clone();
    let report = LoadOptions::new().only("body.*").load(&mut model, &file);
    assert_eq!(report.unwrap().matched, ["body.weight", "body.bias"]);
    assert_eq!(state_dict(&model)[6], head, "the head is not touched and not missed");

    let clash = LoadOptions::new().partial().rename_prefix("body.", "head.");
    let err = clash.load(&mut model, &file).unwrap_err().to_string();
    assert!(err.contains("unique"), "{err}");
}

#[test]
fn another_number_type_is_converted_and_reported() {
    let mut writer = TensorWriter::new();
    writer.tensor("weight", &Tensor::from([[0.1f64, 0.2], [0.3, 0.4]])).unwrap();
    writer.tensor("bias", &Tensor::from([1.0f32, 2.0])).unwrap();
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    let mut model: Linear = Linear::new(2, 2, &Stream::new(0, "init"));
    let report = LoadOptions::new().load(&mut model, &file).unwrap();
    assert_eq!(model.weight.to_vec(), [0.1f32, 0.2, 0.3, 0.4]);
    assert_eq!(report.converted, [("weight".to_owned(), "F64".to_owned())]);
}

#[test]
fn half_precision_is_read_exactly() {
    // 1, -2, 65504 (greatest), 2^-24 (smallest), infinity, in both 16-bit formats where they fit.
    let half: Vec<u8> =
        [0x3c00u16, 0xc000, 0x7bff, 0x0001, 0x7c00].iter().flat_map(|b| b.to_le_bytes()).collect();
    let header = r#"{"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[10,14]}}"#;
    let brain: Vec<u8> = [0x3f80u16, 0xc040].iter().flat_map(|b| b.to_le_bytes()).collect();
    let file = TensorFile::from_bytes("memory", raw(header, &[half, brain].concat())).unwrap();
    let expected = [1.0, -2.0, 65504.0, 2f32.powi(-24), f32::INFINITY];
    assert_eq!(file.tensor::<f32>("h").unwrap().to_vec(), expected);
    assert_eq!(file.tensor::<f64>("b").unwrap().to_vec(), [1.0, -3.0]);
}

#[test]
fn integers_are_no_weights() {
    let header = r#"{"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#;
    let file = TensorFile::from_bytes("memory", raw(header, &[0; 8])).unwrap();
    let err = file.tensor::<f32>("n").unwrap_err();
    assert!(matches!(err, Error::UnsupportedFile { .. }), "{err}");
    assert!(file.tensor::<f32>("m").unwrap_err().to_string().contains("got m"));
}

#[test]
fn every_truncation_is_a_corrupt_file() {
    let bytes = bytes_of(&network(2, 1));
    for length in 0..bytes.len() {
        let err = TensorFile::from_bytes("cut", bytes[..length].to_vec()).unwrap_err();
        assert!(matches!(err, Error::CorruptFile { .. }), "{length} bytes: {err}");
    }
    let mut longer = bytes;
    longer.push(0);
    let err = TensorFile::from_bytes("longer", longer).unwrap_err();
    assert!(matches!(err, Error::CorruptFile { .. }), "{err}");
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = bytes_of(&network(2, 1));
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[i] ^= 1 << bit;
            let result = TensorFile::from_bytes("damaged", damaged);
            assert!(
                matches!(result, Err(Error::CorruptFile { .. })),
                "bit {bit} of byte {i}: {result:?}"
            );
        }
    }
}

#[test]
fn headers_that_lie_are_refused_before_memory_is_taken() {
    let huge = u64::MAX.to_le_bytes().to_vec();
    assert!(TensorFile::from_bytes("huge", huge).is_err());
    for header in [
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[0,4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":1}"#,
        "[",
        "",
    ] {
        let result = TensorFile::from_bytes("lies", raw(header, &[0; 4]));
        assert!(matches!(result, Err(Error::CorruptFile { .. })), "{header}: {result:?}");
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(TensorFile::from_bytes("deep", raw(&deep, &[])).is_err());
}

#[test]
fn a_later_format_is_refused_with_its_number() {
    let mut writer = TensorWriter::new();
    writer.metadata("note", "x");
    let text = String::from_utf8(writer.to_bytes()[8..].to_vec()).unwrap();
    // Without a checksum the version alone is not enough to be believed.
    let header = r#"{"__metadata__":{"purlin.format":"9"}}"#;
    assert!(matches!(
        TensorFile::from_bytes("v9", raw(header, &[])),
        Err(Error::CorruptFile { .. })
    ));
    assert!(text.contains(r#""purlin.format":"1""#));
}

#[test]
fn names_that_clash_are_refused() {
    let mut writer = TensorWriter::new();
    let x = Tensor::from([1.0f32]);
    writer.tensor("a", &x).unwrap();
    assert!(writer.tensor("a", &x).is_err());
    assert!(writer.tensor("__metadata__", &x).is_err());
}

#[test]
fn empty_and_scalar_tensors_come_back() {
    let mut writer = TensorWriter::new();
    writer.tensor("empty", &Tensor::<f32>::zeros([0, 3])).unwrap();
    writer.tensor("scalar", &Tensor::<f64>::scalar(-0.0)).unwrap();
    writer.tensor("", &Tensor::<f32>::from([f32::NAN])).unwrap();
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    assert_eq!(file.shape("empty"), Some(Shape::from([0, 3])));
    assert_eq!(file.tensor::<f64>("scalar").unwrap().item().to_bits(), (-0.0f64).to_bits());
    assert!(file.tensor::<f32>("").unwrap().item().is_nan());
    assert_eq!(file.len(), 3);
}

#[test]
fn a_missing_file_is_an_io_error_with_its_path() {
    let err = TensorFile::open("no/such/file.safetensors").unwrap_err();
    assert!(matches!(err, Error::Io { .. }));
    assert!(err.to_string().contains("no/such/file.safetensors"));
}

#[test]
fn a_layout_that_does_not_fit_names_tensor_and_shape() {
    let mut writer = TensorWriter::new();
    writer.tensor("fc.weight", &Tensor::<f32>::zeros([2, 12])).unwrap();
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    let mut model = Param::new(Tensor::<f32>::zeros([12, 2]));
    for layout in [
        Layout::Conv2d,
        Layout::Conv1d,
        Layout::LinearAfterFlatten { channels: 3, height: 2, width: 3 },
        Layout::LinearAfterFlatten { channels: usize::MAX, height: 2, width: 3 },
    ] {
        let import = PyTorch::new().rename_prefix("fc.weight", "").layout("fc.*", layout);
        let err = import.load(&mut model, &file).unwrap_err().to_string();
        assert!(err.contains("fc.weight") && err.contains("(2, 12)"), "{err}");
    }
    let fits = Layout::LinearAfterFlatten { channels: 3, height: 2, width: 2 };
    PyTorch::new()
        .rename_prefix("fc.weight", "")
        .layout("fc.*", fits)
        .load(&mut model, &file)
        .unwrap();
}

#[test]
fn a_bias_of_a_recurrent_module_without_its_twin_is_refused() {
    let mut writer = TensorWriter::new();
    writer.tensor("rnn.weight_ih_l0", &Tensor::<f32>::zeros([2, 3])).unwrap();
    writer.tensor("rnn.weight_hh_l0", &Tensor::<f32>::zeros([2, 2])).unwrap();
    writer.tensor("rnn.bias_hh_l0", &Tensor::<f32>::zeros([2])).unwrap();
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    let mut model = Rnn::<f32>::new(3, 2, &Stream::new(1, "init"));
    let import = PyTorch::new().recurrent("r*").rename_prefix("rnn.", "");
    let err = import.load(&mut model, &file).unwrap_err().to_string();
    let twin = "rnn.bias_hh_l0: expected rnn.bias_ih_l0 beside it, of a shape that fits";
    assert!(err.contains(twin), "{err}");
}

#[test]
fn what_is_skipped_goes_into_nothing() {
    let mut writer = TensorWriter::new();
    for (name, x) in [("ih", 1.0), ("hh", 2.0)] {
        writer.tensor(&format!("weight_{name}_l0"), &Tensor::full([2, 2], x)).unwrap();
        writer.tensor(&format!("bias_{name}_l0"), &Tensor::full([2], x)).unwrap();
    }
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    for skipped in ["bias_hh*", "bias_ih*"] {
        let mut model = Rnn::<f32>::new(2, 2, &Stream::new(1, "init"));
        let import = PyTorch::new().recurrent("").skip(skipped).partial();
        let report = import.load(&mut model, &file).unwrap();
        assert_eq!(report.missing, ["layers.0.forward.bias"]);
    }
    let mut model = Rnn::<f32>::new(2, 2, &Stream::new(1, "init"));
    PyTorch::new().recurrent("").load(&mut model, &file).unwrap();
    assert_eq!(model.layers[0].forward.bias.as_ref().unwrap().to_vec(), [3.0, 3.0]);
}

#[test]
fn layers_of_a_transformer_are_found_by_pattern() {
    let mut model: Sequential = Sequential::new()
        .push(TransformerEncoderLayer::new(4, 2, 8, &Stream::new(1, "0")))
        .push(TransformerEncoderLayer::new(4, 2, 8, &Stream::new(1, "1")));
    let mut writer = TensorWriter::new();
    for (name, x) in state_dict(&model) {
        let name = name
            .replace("self_attention.weight_in", "self_attn.in_proj_weight")
            .replace("self_attention.bias_in", "self_attn.in_proj_bias")
            .replace("self_attention.output", "self_attn.out_proj");
        let x = if x.rank() == 2 { x.permute(&[1, 0]) } else { x };
        writer.tensor(&format!("encoder.layers.{name}"), &(&x * 2.0)).unwrap();
    }
    let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
    let before = state_dict(&model);
    let import = PyTorch::new().rename_prefix("encoder.layers.", "");
    assert!(import.load(&mut model, &file).is_err(), "names differ");
    let report = import.attention("*.self_attn").load(&mut model, &file).unwrap();
    assert!(report.is_complete());
    for ((name, old), (_, new)) in before.iter().zip(state_dict(&model)) {
        assert_eq!(new.to_vec(), (old * 2.0).to_vec(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_tensor_comes_back_with_its_bits(bits in prop::collection::vec(any::<u32>(), 0..40)) {
        let values: Vec<f32> = bits.iter().map(|&b| f32::from_bits(b)).collect();
        let mut writer = TensorWriter::new();
        writer.tensor("x", &Tensor::from_slice(&values)).unwrap();
        let file = TensorFile::from_bytes("memory", writer.to_bytes()).unwrap();
        let back = file.tensor::<f32>("x").unwrap();
        for (a, b) in back.data().iter().zip(&values) {
            prop_assert_eq!(a.to_bits(), b.to_bits());
        }
    }

    #[test]
    fn bytes_from_anywhere_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(TensorFile::from_bytes("noise", bytes).is_err());
    }

    #[test]
    fn damaged_headers_never_panic(at in 8..400usize, byte in any::<u8>()) {
        // Without our metadata there is no checksum: structure alone must hold.
        let header = r#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F64","shape":[1],"data_offsets":[16,24]}}"#;
        let mut bytes = raw(header, &[1; 24]);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(file) = TensorFile::from_bytes("header", bytes) {
            for name in file.names() {
                let _ = file.tensor::<f32>(name);
            }
        }
    }
}
