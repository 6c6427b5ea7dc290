//! Executables: build information of Go and Rust, well-known programs by content patterns, digests on request.
//!
//! A file is read once, forward, through a small [`window`]; every search looks at the same bytes as they pass and keeps only
//! what it may need. What is not needed any more is not read: the caller skips it.

mod bytes;
pub mod go;
mod layout;
pub mod module;
mod window;

use std::io;

use hullmark_oci::{FilePath, Limits};

use crate::GapReason;

use super::{File, Found};
use layout::{Format, Layout};
use window::Window;

/// What is wanted of executables beside the packages inside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executables {
    /// Nothing.
    #[default]
    Skip,
    /// The digest of every executable, and the interpreter of every script.
    Digest,
}

/// Whether the first bytes (up to 64) of a file with these permission bits make it worth reading.
pub fn wants(head: &[u8], mode: u32, executables: Executables) -> bool {
    let _ = (mode, executables);
    Format::of(head).is_some()
}

/// Reads one executable. The stream begins at the start of the file.
///
/// # Errors
/// If the layer's stream broke.
pub fn read(file: &mut File<'_>, executables: Executables, found: &mut Found) -> io::Result<()> {
    let _ = executables;
    let (path, size, limits) = (file.path, file.size, file.limits);
    inspect(&mut Window::new(file.stream(), size), path, limits, found)
}

fn inspect(
    window: &mut Window<'_>,
    path: &FilePath,
    limits: &Limits,
    found: &mut Found,
) -> io::Result<()> {
    window.advance()?;
    if Format::of(window.bytes()) == Some(Format::Fat) {
        let Some(first) = layout::first_architecture(window.bytes()) else { return Ok(()) };
        if !window.enter(first)? {
            found.gap(path, GapReason::Truncated, "the first architecture lies behind the end");
            return Ok(());
        }
    }
    let Some(layout) = Layout::read(window.bytes(), window.size()) else { return Ok(()) };
    let mut go = go::Search::new(&layout, limits);
    loop {
        go.feed(window, &layout);
        if go.is_complete(window.end()) || !window.advance()? {
            break;
        }
    }
    report_go(go.finish(window.size()), path, limits, found);
    Ok(())
}

fn report_go(outcome: go::Outcome, path: &FilePath, limits: &Limits, found: &mut Found) {
    let (reason, detail) = match outcome {
        go::Outcome::Nothing => return,
        go::Outcome::Found(info) => {
            let (packages, more) = module::packages(&info, path, limits.packages);
            packages.into_iter().for_each(|package| found.package(package));
            if !more {
                return;
            }
            (GapReason::TooLarge, format!("more than {} Go modules", limits.packages))
        }
        go::Outcome::Missing => {
            (GapReason::Incomplete, "a Go program without build information".into())
        }
        go::Outcome::Truncated => {
            (GapReason::Truncated, "the file ends before its Go build information".into())
        }
        go::Outcome::TooLarge => (
            GapReason::TooLarge,
            format!("Go build information of more than {} bytes", limits.executable_tail_bytes),
        ),
        go::Outcome::Unreachable => {
            (GapReason::Unsupported, "Go build information points to text out of reach".into())
        }
        go::Outcome::Malformed => (GapReason::Malformed, "not Go build information".into()),
    };
    found.gap(path, reason, detail);
}
