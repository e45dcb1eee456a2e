//! Stretches of DNA and what lies in their middle.

use purlin::core::rng::Stream;
use purlin::data::csv::{CsvReader, Missing};
use std::error::Error;
use std::path::Path;

/// Exon to intron (the intron begins), intron to exon (it ends), neither.
pub(crate) const NAMES: [&str; 3] = ["EI", "IE", "N"];

/// Sequences of equal length, and the class of each.
pub(crate) struct Genes {
    pub(crate) name: String,
    pub(crate) sequences: Vec<String>,
    pub(crate) labels: Vec<usize>,
}

impl Genes {
    pub(crate) fn length(&self) -> usize {
        self.sequences.first().map_or(0, String::len)
    }

    /// A table `class,name,sequence` or with these columns among others.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut reader = CsvReader::new().missing(Missing::Error);
        reader =
            reader.columns(&["class", "sequence"]).categorical("class").categorical("sequence");
        let table = reader.read(path)?;
        let (codes, names) = table.labels("class")?;
        let class = |(row, &code): (usize, &usize)| {
            NAMES.iter().position(|name| *name == names[code]).ok_or_else(|| {
                let expected = NAMES.join(", ");
                format!("{}: row {row}: expected {expected}, got {:?}", path.display(), names[code])
            })
        };
        let labels = codes.iter().enumerate().map(class).collect::<Result<Vec<_>, _>>()?;
        let (codes, texts) = table.labels("sequence")?;
        let sequences: Vec<String> = codes.iter().map(|&code| texts[code].to_uppercase()).collect();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let genes = Self { name, sequences, labels };
        let length = genes.length();
        if let Some(row) = genes.sequences.iter().position(|text| text.len() != length) {
            let got = genes.sequences[row].len();
            let name = &genes.name;
            return Err(format!("{name}: row {row}: expected {length} bases, got {got}").into());
        }
        Ok(genes)
    }

    /// Made-up stretches of 60 bases. The middle of an EI is mostly `AG|GTAAGT`; an IE has pyrimidines
    /// and mostly `CCAG|G`; the others are like one of the two with the bases of the signal drawn anew,
    /// all but two.
    pub(crate) fn synthetic() -> Self {
        let mut rng = Stream::new(60, "splice").rng(0);
        let (mut sequences, mut labels) = (Vec::new(), Vec::new());
        for i in 0..1200 {
            let class = [0, 1, 2, 2][i % 4];
            let signal = if class == 2 { i / 4 % 2 } else { class };
            let mut bases: Vec<u8> = (0..60).map(|_| b"ACGT"[rng.below(4)]).collect();
            let (at, motif): (usize, &[u8]) =
                if signal == 0 { (28, b"AGGTAAGT") } else { (26, b"CCAGG") };
            for (base, &right) in bases[at..].iter_mut().zip(motif) {
                if rng.bernoulli(if class == 2 { 0.0 } else { 0.85 }) {
                    *base = right;
                }
            }
            if signal == 1 {
                for base in &mut bases[12..26] {
                    if rng.bernoulli(0.6) {
                        *base = b"CT"[rng.below(2)];
                    }
                }
            }
            // What every junction has, and decoys too.
            let fixed: &[u8] = if signal == 0 { b"GT" } else { b"AG" };
            let at = if signal == 0 { 30 } else { 28 };
            bases[at..at + 2].copy_from_slice(fixed);
            sequences.push(bases.into_iter().map(char::from).collect());
            labels.push(class);
        }
        Self { name: "synthetic stretches".to_owned(), sequences, labels }
    }
}

/// The shares of A, C, G, T in a base: one of them, or several where it is not known which (the letters
/// of the IUPAC).
pub(crate) fn shares(base: char) -> Option<[f32; 4]> {
    let among = match base {
        'A' => "A",
        'C' => "C",
        'G' => "G",
        'T' => "T",
        'R' => "AG",
        'Y' => "CT",
        'S' => "CG",
        'W' => "AT",
        'K' => "GT",
        'M' => "AC",
        'B' => "CGT",
        'D' => "AGT",
        'H' => "ACT",
        'V' => "ACG",
        'N' => "ACGT",
        _ => return None,
    };
    let share = 1.0 / among.len() as f32;
    Some(['A', 'C', 'G', 'T'].map(|letter| if among.contains(letter) { share } else { 0.0 }))
}
