//! The outer structure of JPEG and PNG files, walked before decoding: is the file whole, and how
//! large does it say the picture is? Decoders are forgiving here (a JPEG cut in the middle decodes
//! to a half-grey picture), training data should not be.
//!
//! Sources: ITU-T T.81, annex B (JPEG markers); W3C, *Portable Network Graphics (PNG)
//! Specification*, section 5 (chunks).

use flate2::Crc;

/// What the structure says.
#[derive(Debug, PartialEq)]
pub(super) struct Outline {
    pub(super) height: u32,
    pub(super) width: u32,
    /// Where the compressed numbers begin.
    pub(super) data: u64,
}

/// Where it breaks, and why.
pub(super) type Complaint = (u64, String);

fn cut(what: &str, bytes: &[u8]) -> Complaint {
    (bytes.len() as u64, format!("file ends within {what}"))
}

fn be_u16(bytes: &[u8], at: usize) -> Option<u32> {
    let pair = bytes.get(at..at + 2)?;
    Some(u32::from(pair[0]) << 8 | u32::from(pair[1]))
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(be_u16(bytes, at)? << 16 | be_u16(bytes, at + 2)?)
}

/// Walks the markers of a JPEG file, which begins with `ff d8`, to the end-of-image marker.
pub(super) fn jpeg(bytes: &[u8]) -> Result<Outline, Complaint> {
    let mut at = 2;
    let mut size = None;
    let mut data = None;
    loop {
        let start = at;
        match bytes.get(at) {
            None => {
                let what =
                    if data.is_some() { "the image, before its end marker" } else { "the header" };
                return Err(cut(what, bytes));
            }
            Some(0xff) => {}
            Some(b) => {
                return Err((start as u64, format!("expected a marker ff .., got {b:02x}")));
            }
        }
        // Any number of ff may precede a marker.
        while bytes.get(at) == Some(&0xff) {
            at += 1;
        }
        let Some(&marker) = bytes.get(at) else { return Err(cut("a marker", bytes)) };
        at += 1;
        match marker {
            0xd9 => break,
            // Restart markers and TEM stand alone.
            0xd0..=0xd7 | 0x01 => continue,
            0x00 | 0xd8 => {
                return Err((start as u64, format!("unexpected marker ff {marker:02x}")));
            }
            _ => {}
        }
        let Some(len) = be_u16(bytes, at) else { return Err(cut("a segment length", bytes)) };
        let end = at + len as usize;
        if len < 2 || end > bytes.len() {
            let reason = format!("segment ff {marker:02x} of {len} bytes does not fit the file");
            return Err((start as u64, reason));
        }
        let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if is_frame && size.is_none() {
            // Length, precision, then height and width.
            size = be_u16(bytes, at + 3).zip(be_u16(bytes, at + 5)).filter(|_| len >= 8);
        }
        at = end;
        if marker == 0xda {
            data.get_or_insert(at as u64);
            // Entropy-coded data goes on until a marker that is neither stuffing nor restart.
            let is_end =
                |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
            let next = bytes[at..].windows(2).position(is_end);
            at = next.map_or(bytes.len(), |n| at + n);
        }
    }
    match (size, data) {
        (Some((height, width)), Some(data)) => Ok(Outline { height, width, data }),
        (None, _) => Err((at as u64, "file has no frame header".into())),
        (_, None) => Err((at as u64, "file has no image data".into())),
    }
}

/// Walks the chunks of a PNG file, which begins with its signature, and checks their sums.
pub(super) fn png(bytes: &[u8]) -> Result<Outline, Complaint> {
    let mut at = 8;
    let mut size = None;
    let mut data = None;
    loop {
        let (Some(len), Some(kind)) = (be_u32(bytes, at), bytes.get(at + 4..at + 8)) else {
            return Err(cut("a chunk header", bytes));
        };
        let name = kind.escape_ascii();
        let end = at as u64 + 12 + u64::from(len);
        if end > bytes.len() as u64 {
            return Err((at as u64, format!("file ends within chunk {name} of {len} bytes")));
        }
        let end = end as usize;
        let mut crc = Crc::new();
        crc.update(&bytes[at + 4..end - 4]);
        if be_u32(bytes, end - 4) != Some(crc.sum()) {
            return Err((at as u64, format!("checksum of chunk {name} does not match")));
        }
        match kind {
            b"IHDR" if len == 13 && at == 8 => {
                size = be_u32(bytes, at + 12).zip(be_u32(bytes, at + 8));
            }
            b"IDAT" => {
                data.get_or_insert(at as u64);
            }
            b"IEND" => break,
            _ => {}
        }
        at = end;
    }
    match (size, data) {
        (Some((height, width)), Some(data)) => Ok(Outline { height, width, data }),
        (None, _) => Err((8, "file does not begin with a header chunk".into())),
        (_, None) => Err((at as u64, "file has no image data".into())),
    }
}
