//! The header of one installed package, as every kind of rpm database stores it.
//!
//! See: rpm's "Package Format" manual, §"Header Format"; a database leaves the eight magic bytes out.

/// The tags that we use.
pub(super) mod tag {
    pub(crate) const SIGMD5: u32 = 261;
    pub(crate) const NAME: u32 = 1000;
    pub(crate) const VERSION: u32 = 1001;
    pub(crate) const RELEASE: u32 = 1002;
    pub(crate) const EPOCH: u32 = 1003;
    pub(crate) const SIZE: u32 = 1009;
    pub(crate) const VENDOR: u32 = 1011;
    pub(crate) const LICENSE: u32 = 1014;
    pub(crate) const ARCH: u32 = 1022;
    pub(crate) const OLDFILENAMES: u32 = 1027;
    pub(crate) const FILEMODES: u32 = 1030;
    pub(crate) const SOURCERPM: u32 = 1044;
    pub(crate) const DIRINDEXES: u32 = 1116;
    pub(crate) const BASENAMES: u32 = 1117;
    pub(crate) const DIRNAMES: u32 = 1118;
    pub(crate) const MODULARITYLABEL: u32 = 5096;
}

const TAGS: [u32; 16] = [
    tag::SIGMD5,
    tag::NAME,
    tag::VERSION,
    tag::RELEASE,
    tag::EPOCH,
    tag::SIZE,
    tag::VENDOR,
    tag::LICENSE,
    tag::ARCH,
    tag::OLDFILENAMES,
    tag::FILEMODES,
    tag::SOURCERPM,
    tag::DIRINDEXES,
    tag::BASENAMES,
    tag::DIRNAMES,
    tag::MODULARITYLABEL,
];

/// Data types of the format.
const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const BIN: u32 = 7;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

const ENTRY: usize = 16;

/// Bytes of one text. Descriptions are longer, but we do not read those; and many tags may share one text.
const TEXT_LIMIT: usize = 64 * 1024;

/// Why a header could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is shorter than it says.
    #[error("a header is shorter than it says")]
    Truncated,
    /// It is longer than it says.
    #[error("a header is longer than it says")]
    Trailing,
    /// A value lies outside of the data, is not ended, or is of another type than its tag.
    #[error("a header's tag {0} has no such value")]
    Value(u32),
}

/// A header whose used values all lie inside it.
#[derive(Debug)]
pub struct Header<'a> {
    values: [Option<Value<'a>>; TAGS.len()],
}

#[derive(Clone, Copy, Debug)]
struct Value<'a> {
    kind: u32,
    count: usize,
    /// From the value's first byte to the end of the header.
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the index of a header.
    ///
    /// # Errors
    /// If the sizes do not agree, or a value that we use lies outside.
    pub fn parse(blob: &'a [u8]) -> Result<Self, HeaderError> {
        let entries = u32_at(blob, 0).ok_or(HeaderError::Truncated)?;
        let length = u32_at(blob, 4).ok_or(HeaderError::Truncated)?;
        let data_start = 8 + u64::from(entries) * ENTRY as u64;
        let end = data_start + u64::from(length);
        if end > blob.len() as u64 {
            return Err(HeaderError::Truncated);
        }
        if end < blob.len() as u64 {
            return Err(HeaderError::Trailing);
        }
        let data_start = usize::try_from(data_start).map_err(|_| HeaderError::Truncated)?;
        let (index, data) = blob.split_at(data_start);
        let mut header = Self { values: [None; TAGS.len()] };
        for entry in index[8..].chunks_exact(ENTRY) {
            header.note(entry, data)?;
        }
        Ok(header)
    }

    fn note(&mut self, entry: &[u8], data: &'a [u8]) -> Result<(), HeaderError> {
        let field = |at| u32_at(entry, at).unwrap_or_default();
        let [tag, kind, offset, count] = [field(0), field(4), field(8), field(12)];
        let Ok(slot) = TAGS.binary_search(&tag) else { return Ok(()) };
        // The immutable region comes first; what was added at installation must not replace it.
        if self.values[slot].is_some() {
            return Ok(());
        }
        let error = HeaderError::Value(tag);
        let data = data.get(offset as usize..).ok_or(error)?;
        let count = count as usize;
        let fits = match kind {
            INT16 => count.checked_mul(2).is_some_and(|bytes| bytes <= data.len()),
            INT32 => count.checked_mul(4).is_some_and(|bytes| bytes <= data.len()),
            STRING | I18N_STRING => {
                memchr::memchr(0, &data[..data.len().min(TEXT_LIMIT)]).is_some()
            }
            BIN | STRING_ARRAY => count <= data.len(),
            _ => false,
        };
        if !fits || kind != kind_of(tag) && !(kind == I18N_STRING && kind_of(tag) == STRING) {
            return Err(error);
        }
        self.values[slot] = Some(Value { kind, count, data });
        Ok(())
    }

    fn value(&self, tag: u32) -> Option<Value<'a>> {
        TAGS.binary_search(&tag).ok().and_then(|slot| self.values[slot])
    }

    /// Returns a text; empty if it is missing.
    pub fn text(&self, tag: u32) -> &'a [u8] {
        self.strings(tag).next().unwrap_or_default()
    }

    /// Returns the texts of a list, in order.
    pub fn strings(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let value =
            self.value(tag).filter(|v| matches!(v.kind, STRING | STRING_ARRAY | I18N_STRING));
        let count = value.map_or(0, |v| if v.kind == STRING_ARRAY { v.count } else { 1 });
        let mut rest = value.map_or(&[][..], |v| v.data);
        std::iter::from_fn(move || {
            let end = memchr::memchr(0, rest)?;
            let text = &rest[..end];
            rest = &rest[end + 1..];
            Some(text)
        })
        .take(count)
    }

    /// Returns the numbers of a list, in order.
    pub fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let value = self.value(tag).filter(|v| matches!(v.kind, INT16 | INT32));
        let width = value.map_or(4, |v| if v.kind == INT16 { 2 } else { 4 });
        let bytes = value.map_or(&[][..], |v| &v.data[..v.count * width]);
        bytes.chunks_exact(width).map(|n| n.iter().fold(0, |number, &b| number << 8 | u32::from(b)))
    }

    /// Returns raw bytes; empty if they are missing.
    pub fn bytes(&self, tag: u32) -> &'a [u8] {
        self.value(tag).filter(|v| v.kind == BIN).map_or(&[], |v| &v.data[..v.count])
    }
}

fn kind_of(tag: u32) -> u32 {
    match tag {
        tag::SIGMD5 => BIN,
        tag::EPOCH | tag::SIZE | tag::DIRINDEXES => INT32,
        tag::FILEMODES => INT16,
        tag::OLDFILENAMES | tag::BASENAMES | tag::DIRNAMES => STRING_ARRAY,
        _ => STRING,
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().expect("the slice is four bytes long")))
}

/// Builds header blobs for tests of this module and of the databases.
#[cfg(test)]
pub(super) mod build {
    use super::*;

    /// A value of a tag, as bytes with its type and count.
    pub(crate) fn header(values: &[(u32, u32, u32, Vec<u8>)]) -> Vec<u8> {
        let mut index = Vec::new();
        let mut data: Vec<u8> = Vec::new();
        for (tag, kind, count, bytes) in values {
            let offset = u32::try_from(data.len()).unwrap();
            for field in [*tag, *kind, offset, *count] {
                index.extend(field.to_be_bytes());
            }
            data.extend(bytes);
        }
        let mut blob = Vec::new();
        blob.extend(u32::try_from(values.len()).unwrap().to_be_bytes());
        blob.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        blob.extend(index);
        blob.extend(data);
        blob
    }

    /// A package with a name and a version.
    pub(crate) fn package(name: &str, version: &str) -> Vec<u8> {
        let text = |text: &str| [text.as_bytes(), b"\0"].concat();
        header(&[
            (tag::NAME, STRING, 1, text(name)),
            (tag::VERSION, STRING, 1, text(version)),
            (tag::RELEASE, STRING, 1, text("1")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted() {
        assert!(TAGS.is_sorted());
    }

    #[test]
    fn values_are_read_and_lies_refused() {
        let text = |t: &str| t.as_bytes().to_vec();
        let blob = build::header(&[
            (63, BIN, 16, vec![0; 16]),
            (tag::NAME, STRING, 1, text("bash\0")),
            (tag::NAME, STRING, 1, text("other\0")),
            (tag::EPOCH, INT32, 1, vec![0, 0, 1, 2]),
            (tag::FILEMODES, INT16, 2, vec![0x41, 0xed, 0x81, 0xa4]),
            (tag::BASENAMES, STRING_ARRAY, 3, text("a\0\0c\0")),
            (tag::LICENSE, I18N_STRING, 1, text("MIT\0")),
            (tag::SIGMD5, BIN, 2, vec![1, 2]),
        ]);
        let header = Header::parse(&blob).unwrap();
        assert_eq!(header.text(tag::NAME), b"bash");
        assert_eq!(header.text(tag::VERSION), b"");
        assert_eq!(header.numbers(tag::EPOCH).collect::<Vec<_>>(), [258]);
        assert_eq!(header.numbers(tag::FILEMODES).collect::<Vec<_>>(), [0o40755, 0o100644]);
        assert_eq!(header.strings(tag::BASENAMES).collect::<Vec<_>>(), [&b"a"[..], b"", b"c"]);
        assert_eq!(
            (header.text(tag::LICENSE), header.bytes(tag::SIGMD5)),
            (&b"MIT"[..], &[1, 2][..])
        );

        for end in 0..blob.len() {
            assert_eq!(Header::parse(&blob[..end]).unwrap_err(), HeaderError::Truncated, "{end}");
        }
        assert_eq!(Header::parse(&[&blob[..], b"x"].concat()).unwrap_err(), HeaderError::Trailing);
        for (bad, kind, count, bytes) in [
            (tag::NAME, STRING, 1, text("not ended")),
            (tag::NAME, STRING, 1, text(&format!("{}\0", "long".repeat(TEXT_LIMIT / 4)))),
            (tag::NAME, BIN, 1, text("x\0")),
            (tag::NAME, 99, 1, text("x\0")),
            (tag::EPOCH, INT32, 2, vec![0; 4]),
            (tag::EPOCH, INT32, u32::MAX, vec![0; 4]),
            (tag::FILEMODES, INT16, u32::MAX, vec![0; 4]),
            (tag::SIGMD5, BIN, 17, vec![0; 16]),
        ] {
            let blob = build::header(&[(bad, kind, count, bytes)]);
            assert_eq!(Header::parse(&blob).unwrap_err(), HeaderError::Value(bad));
        }
        let mut blob = build::header(&[(tag::NAME, STRING, 1, text("x\0"))]);
        blob[8 + 8] = 0xff;
        assert_eq!(Header::parse(&blob).unwrap_err(), HeaderError::Value(tag::NAME));
    }
}
