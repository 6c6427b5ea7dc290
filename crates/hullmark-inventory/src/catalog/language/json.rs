//! JSON as people write it: wrong types where nothing depends on them, names that are texts, objects or lists of either.
//!
//! Documents are read into types that keep only what is wanted, so memory stays in proportion to what is kept.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use crate::GapReason;

/// Entries of objects and lists that are kept of one document, all together. As many as packages of one file by default, so a
/// larger document has a gap anyhow; a real lock file has some thousands.
const ENTRIES: usize = 200_000;

thread_local! {
    /// Entries that the document in hand may still keep. Nested types cannot share a count in any plainer way: serde's derived
    /// code hands nothing down.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Takes one entry of the document's count; `false` when there are none left.
fn take_entry() -> bool {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(1));
    left > 0
}

/// Bytes up to which a document with a repeated key is read again into a tree, where the last one wins as in every runtime.
const TREE_BYTES: usize = 1 << 20;

/// Why a document could not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) reason: GapReason,
    pub(crate) detail: String,
}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        let detail = error.to_string();
        let reason = if error.is_eof() {
            GapReason::Truncated
        } else if detail.starts_with("recursion limit") {
            GapReason::TooDeep
        } else {
            GapReason::Malformed
        };
        Self { reason, detail }
    }
}

/// Reads a document that is an object: with or without a byte-order mark, UTF-8 or nearly so.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unread> {
    // A derived type would take a list for its fields in order.
    if first(bytes) == Some(b'[') {
        let detail = "a list where an object is expected".into();
        return Err(Unread { reason: GapReason::Malformed, detail });
    }
    parse_any(bytes)
}

/// Returns the first byte that says something.
pub(crate) fn first(bytes: &[u8]) -> Option<u8> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().copied().find(|b| !b.is_ascii_whitespace())
}

/// Reads a document of any shape.
pub(crate) fn parse_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unread> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    LEFT.set(ENTRIES);
    let error = match serde_json::from_slice(bytes) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    if std::str::from_utf8(bytes).is_err() {
        LEFT.set(ENTRIES);
        // A name in Latin-1 somewhere in a description must not hide a package.
        return Ok(serde_json::from_str(&String::from_utf8_lossy(bytes))?);
    }
    if error.is_data() && bytes.len() <= TREE_BYTES {
        LEFT.set(ENTRIES);
        let tree: serde_json::Value = serde_json::from_slice(bytes)?;
        return Ok(serde_json::from_value(tree)?);
    }
    Err(error.into())
}

/// A text; anything else is read over.
#[derive(Debug, Default, Clone)]
pub(crate) struct Text(pub(crate) Option<String>);

impl Text {
    /// Returns the trimmed text if there is one and it is not empty.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// `true`; anything else is not.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Flag(pub(crate) bool);

/// Names: a text, an object with a `name` or `type`, or a list of these.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names(pub(crate) Vec<String>);

/// An object's members in their order, up to a limit; empty if it is something else.
#[derive(Debug, Clone)]
pub(crate) struct Members<T> {
    pub(crate) entries: Vec<(String, T)>,
    /// Whether there were more.
    pub(crate) more: bool,
}

/// A list's elements, up to a limit; empty if it is something else.
#[derive(Debug, Clone)]
pub(crate) struct Items<T> {
    pub(crate) entries: Vec<T>,
    /// Whether there were more.
    pub(crate) more: bool,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), more: false }
    }
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), more: false }
    }
}

/// What a lenient type makes of each shape of value; by default nothing.
trait Lenient<'de>: Default {
    fn text(_: &str) -> Self {
        Self::default()
    }

    fn flag(_: bool) -> Self {
        Self::default()
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

struct Visitor<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> serde::de::Visitor<'de> for Visitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}

macro_rules! deserialize {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Visitor(PhantomData))
            }
        }
    )*};
}
deserialize!(Text, Flag, Names);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor(PhantomData))
    }
}

impl Lenient<'_> for Text {
    fn text(text: &str) -> Self {
        Self(Some(text.into()))
    }
}

impl Lenient<'_> for Flag {
    fn flag(flag: bool) -> Self {
        Self(flag)
    }
}

impl<'de> Lenient<'de> for Names {
    fn text(text: &str) -> Self {
        let text = text.trim();
        Self(if text.is_empty() { Vec::new() } else { vec![text.into()] })
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while take_entry() {
            let Some(Self(more)) = list.next_element()? else {
                return Ok(Self(names));
            };
            names.extend(more);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self(names))
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            if key == "name" || key == "type" {
                names.extend(object.next_value::<Text>()?.get().map(String::from));
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Self(names))
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Members<T> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut members = Self::default();
        while take_entry() {
            let Some(entry) = object.next_entry()? else {
                return Ok(members);
            };
            members.entries.push(entry);
        }
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            members.more = true;
        }
        Ok(members)
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Items<T> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Self::default();
        while take_entry() {
            let Some(entry) = list.next_element()? else {
                return Ok(items);
            };
            items.entries.push(entry);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            items.more = true;
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Document {
        name: Text,
        people: Names,
        private: Flag,
        map: Members<Text>,
    }

    #[test]
    fn wrong_types_are_read_over() {
        let document: Document = parse(
            b"\xef\xbb\xbf{\"name\":[1,{\"a\":null}],\"people\":[\"A\",{\"name\":\"B\",\"x\":[]},7],\"private\":\"yes\",\"map\":{\"k\":\"v\",\"l\":2}}",
        )
        .unwrap();
        assert_eq!(document.name.get(), None);
        assert_eq!(document.people.0, ["A", "B"]);
        assert!(!document.private.0);
        assert_eq!(document.map.entries.len(), 2);
    }

    #[test]
    fn repeated_keys_and_broken_texts_do_not_hide_a_document() {
        let document: Document = parse(br#"{"name":"a","name":"b"}"#).unwrap();
        assert_eq!(document.name.get(), Some("b"));
        let document: Document = parse(b"{\"name\":\"a\",\"people\":\"Andr\xe9\"}").unwrap();
        assert_eq!(document.name.get(), Some("a"));
    }

    #[test]
    fn faults_have_reasons() {
        let deep = format!("{{\"people\":{}", "[".repeat(100_000));
        for (bytes, reason) in [
            (&b"{\"name\":\"a"[..], GapReason::Truncated),
            (b"", GapReason::Truncated),
            (b"{name}", GapReason::Malformed),
            (b"{}x", GapReason::Malformed),
            (deep.as_bytes(), GapReason::TooDeep),
        ] {
            assert_eq!(parse::<Document>(bytes).err().unwrap().reason, reason);
        }
    }
}
