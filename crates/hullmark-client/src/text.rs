//! What others wrote, made fit for an error message: no control characters, no secrets, not long.

use std::error::Error;

/// Characters of another's text that are shown.
const SHOWN: usize = 300;

/// Removes what could steer a terminal, and shortens.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// Joins an error and its causes.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Describes a failure of the HTTP library without the URL, which may hold a signature or a token.
pub(crate) fn describe(error: reqwest::Error) -> String {
    printable(&with_sources(&error.without_url()))
}
