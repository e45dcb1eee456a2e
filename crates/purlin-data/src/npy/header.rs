//! The header of an NPY file: a Python dictionary with three known keys.

use purlin_core::Shape;

/// What the header says.
pub(super) struct Header {
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) dims: Vec<usize>,
}

/// An element type that is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    F2,
    F4,
    F8,
    I1,
    I2,
    I4,
    I8,
    U1,
    U2,
    U4,
    U8,
    B1,
}

impl Kind {
    pub(super) fn size(self) -> usize {
        match self {
            Self::I1 | Self::U1 | Self::B1 => 1,
            Self::F2 | Self::I2 | Self::U2 => 2,
            Self::F4 | Self::I4 | Self::U4 => 4,
            Self::F8 | Self::I8 | Self::U8 => 8,
        }
    }
}

/// Type and byte order (big endian or not) of a `descr` such as `<f4`.
pub(super) fn kind(descr: &str) -> Option<(Kind, bool)> {
    let (order, kind) = descr.split_at_checked(1)?;
    let kind = match kind {
        "f2" => Kind::F2,
        "f4" => Kind::F4,
        "f8" => Kind::F8,
        "i1" => Kind::I1,
        "i2" => Kind::I2,
        "i4" => Kind::I4,
        "i8" => Kind::I8,
        "u1" => Kind::U1,
        "u2" => Kind::U2,
        "u4" => Kind::U4,
        "u8" => Kind::U8,
        "b1" => Kind::B1,
        _ => return None,
    };
    match order {
        "<" => Some((kind, false)),
        ">" => Some((kind, true)),
        "|" if kind.size() == 1 => Some((kind, false)),
        _ => None,
    }
}

/// A complaint: where in the header, and what.
type Complaint = (usize, String);

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` with the keys in any order.
pub(super) fn parse(text: &[u8]) -> Result<Header, Complaint> {
    let mut p = Parser { text, at: 0 };
    let (mut descr, mut fortran_order, mut dims) = (None, None, None);
    p.expect(b'{')?;
    while !p.eat(b'}') {
        let at = p.at;
        match p.quoted("a quoted key")?.as_str() {
            "descr" => {
                p.expect(b':')?;
                descr = Some(p.quoted("a quoted type")?);
            }
            "fortran_order" => {
                p.expect(b':')?;
                fortran_order = Some(p.boolean()?);
            }
            "shape" => {
                p.expect(b':')?;
                dims = Some(p.tuple()?);
            }
            key => {
                let reason = format!("expected descr, fortran_order or shape, got '{key}'");
                return Err((at, reason));
            }
        }
        if !p.eat(b',') {
            p.expect(b'}')?;
            break;
        }
    }
    p.skip_spaces();
    if p.at != text.len() {
        return Err(p.complain("spaces up to the end of the header"));
    }
    match (descr, fortran_order, dims) {
        (Some(descr), Some(fortran_order), Some(dims)) => Ok(Header { descr, fortran_order, dims }),
        _ => Err((0, "expected the keys descr, fortran_order and shape in the header".into())),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn complain(&self, expected: &str) -> Complaint {
        let got = match self.peek() {
            Some(b) => format!("'{}'", b.escape_ascii()),
            None => "the end of the header".into(),
        };
        (self.at, format!("expected {expected}, got {got}"))
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.skip_spaces();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Complaint> {
        if self.eat(byte) { Ok(()) } else { Err(self.complain(&format!("'{}'", byte as char))) }
    }

    fn quoted(&mut self, what: &str) -> Result<String, Complaint> {
        self.skip_spaces();
        let Some(quote @ (b'\'' | b'"')) = self.peek() else { return Err(self.complain(what)) };
        let start = self.at + 1;
        let len = self.text[start..].iter().position(|&b| b == quote);
        let Some(len) = len else {
            return Err((self.at, "expected a closing quote, got the end of the header".into()));
        };
        self.at = start + len + 1;
        Ok(self.text[start..start + len].escape_ascii().to_string())
    }

    fn boolean(&mut self) -> Result<bool, Complaint> {
        self.skip_spaces();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.complain("True or False"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Complaint> {
        self.expect(b'(')?;
        let mut dims = Vec::new();
        while !self.eat(b')') {
            dims.push(self.size()?);
            if !self.eat(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(dims)
    }

    fn size(&mut self) -> Result<usize, Complaint> {
        self.skip_spaces();
        let start = self.at;
        let mut n = 0usize;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let next = n.checked_mul(10).and_then(|n| n.checked_add(usize::from(digit - b'0')));
            n = next.ok_or_else(|| (start, "a size must fit in 64 bits".to_string()))?;
            self.at += 1;
        }
        if self.at == start { Err(self.complain("a size")) } else { Ok(n) }
    }
}

/// Magic, version 1.0, length and header, padded with spaces so that the numbers start at a
/// multiple of 64 bytes.
pub(super) fn write(descr: &str, shape: &Shape) -> Vec<u8> {
    let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.rank() == 1 { "," } else { "" };
    let dims = dims.join(", ") + comma;
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
    let used = super::MAGIC.len() + 4 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', used.next_multiple_of(64) - used));
    header.push('\n');
    let mut bytes = super::MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}
