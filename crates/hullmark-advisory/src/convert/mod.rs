//! Converters for what OSV lacks or loses: vendor formats to canonical records.
//!
//! Each is a plain function from the bytes of one document to records or a table; nothing here touches the database.

pub mod alpine;
pub mod amazon;
pub mod debian;
pub mod epss;
pub mod kev;
pub mod red_hat;

/// Why a document cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// It is not JSON of the expected shape.
    #[error("document is not {expected}")]
    Json {
        /// What was expected.
        expected: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It is not XML of the expected shape.
    #[error("document is not {expected}")]
    Xml {
        /// What was expected.
        expected: &'static str,
        /// Why.
        #[source]
        source: quick_xml::Error,
    },
    /// A part that decides is missing or malformed.
    #[error("document is malformed: {0}")]
    Malformed(String),
    /// It passes a limit.
    #[error("document is larger than allowed: {0}")]
    TooLarge(&'static str),
}

impl ConvertError {
    fn json(expected: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |source| Self::Json { expected, source }
    }
}
