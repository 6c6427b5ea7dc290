//! Lists in hostile documents: element by element, or up to a bound, so that `[{},{},…]` cannot cost many times its size in memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::read::SbomError;

/// Hands each element of `list` to `each`; no list at all has no elements. The first error ends it.
pub(super) fn for_each<'a, T: Deserialize<'a>>(
    format: &'static str,
    list: Option<&'a RawValue>,
    each: impl FnMut(T) -> Result<(), SbomError>,
) -> Result<(), SbomError> {
    let Some(list) = list else {
        return Ok(());
    };
    let mut failed = None;
    let seed = Each { each, failed: &mut failed, element: PhantomData };
    let result = seed.deserialize(&mut serde_json::Deserializer::from_str(list.get()));
    match failed {
        Some(error) => Err(error),
        None => result.map_err(|source| SbomError::Malformed { format, source }),
    }
}

struct Each<'f, T, F> {
    each: F,
    failed: &'f mut Option<SbomError>,
    element: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>, F: FnMut(T) -> Result<(), SbomError>> DeserializeSeed<'a>
    for Each<'_, T, F>
{
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a, T: Deserialize<'a>, F: FnMut(T) -> Result<(), SbomError>> Visitor<'a> for Each<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<T>()? {
            if let Err(error) = (self.each)(element) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A list of at most `MAX` elements; a longer one is an error of the document.
pub(super) struct Bounded<T, const MAX: usize>(pub(super) Vec<T>);

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> std::ops::Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T: Deserialize<'a>, const MAX: usize> Deserialize<'a> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T, const MAX: usize>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>, const MAX: usize> Visitor<'a> for Elements<T, MAX> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX} elements")
            }

            fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    if elements.len() == MAX {
                        return Err(A::Error::invalid_length(MAX + 1, &self));
                    }
                    elements.push(element);
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_seq(Elements::<T, MAX>(PhantomData)).map(Self)
    }
}
