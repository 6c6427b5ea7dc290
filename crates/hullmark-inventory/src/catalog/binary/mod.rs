//! Executables: build information of Go and Rust, well-known programs by content patterns, digests on request.
//!
//! A file is read once, forward, through a small [`window`]; every search looks at the same bytes as they pass and keeps only
//! what it may need. What is not needed any more is not read: the caller skips it.

mod bytes;
pub mod go;
mod installation;
mod layout;
pub mod module;
mod program;
pub mod rust;
mod window;

use std::io::{self, Read};

use hullmark_oci::{Algorithm, FilePath, Hasher, Limits};

use crate::fragment::Record;
use crate::{Executable, GapReason};

use super::{Cataloger, File, Found};
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

/// The cataloguers of this group that go by path: files beside programs that say the version of an installation.
pub const CATALOGERS: &[Cataloger] = &[installation::CATALOGER];

/// Bytes of a script's first line; Linux reads 256 of them.
const MAX_INTERPRETER: usize = 256;

/// Whether the first bytes (up to 64) of a file with these permission bits make it worth reading.
pub fn wants(head: &[u8], mode: u32, executables: Executables) -> bool {
    match Format::of(head) {
        Some(Format::Elf) => executables == Executables::Digest || is_linked_elf(head),
        Some(_) => true,
        None => executables == Executables::Digest && mode & 0o111 != 0 && head.starts_with(b"#!"),
    }
}

/// Whether an ELF file is a program or a shared library, and not an object file, a kernel module or a core dump.
fn is_linked_elf(head: &[u8]) -> bool {
    matches!(head.get(16..18), Some([2 | 3, 0] | [0, 2 | 3]))
}

/// Reads one executable. The stream begins at the start of the file.
///
/// # Errors
/// If the layer's stream broke.
pub fn read(file: &mut File<'_>, executables: Executables, found: &mut Found) -> io::Result<()> {
    let (path, size, limits) = (file.path, file.size, file.limits);
    match executables {
        Executables::Skip => {
            inspect(&mut Window::new(file.stream(), size), path, limits, found)?;
        }
        Executables::Digest => {
            let hasher = Hasher::new(Algorithm::Sha256);
            let mut stream = Hashing { stream: file.stream(), hasher };
            let mut window = Window::new(&mut stream, size);
            let interpreter = inspect(&mut window, path, limits, found)?;
            io::copy(&mut stream, &mut io::sink())?;
            found.records.push(Record::Executable(Executable {
                path: path.clone(),
                digest: stream.hasher.finish(),
                interpreter,
            }));
        }
    }
    Ok(())
}

/// Computes a digest of everything that is read.
struct Hashing<'a> {
    stream: &'a mut dyn Read,
    hasher: Hasher,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Looks for packages in an executable. Returns the interpreter if it is a script.
fn inspect(
    window: &mut Window<'_>,
    path: &FilePath,
    limits: &Limits,
    found: &mut Found,
) -> io::Result<Option<String>> {
    window.advance()?;
    match Format::of(window.bytes()) {
        None => return Ok(interpreter(window.bytes())),
        Some(Format::Fat) => {
            let Some(first) = layout::first_architecture(window.bytes()) else { return Ok(None) };
            if !window.enter(first)? {
                found.gap(path, GapReason::Truncated, "the first architecture is not in the file");
                return Ok(None);
            }
        }
        Some(_) => {}
    }
    let Some(layout) = Layout::read(window.bytes(), window.size()) else { return Ok(None) };
    let size = window.size();
    let mut go = go::Search::new(&layout, limits);
    let mut rust = rust::Search::new(&layout, size, limits);
    let mut programs = program::Search::new(path);
    loop {
        go.feed(window, &layout);
        programs.feed(window, path);
        // Programs are linked as one language: what is in a Go program is in its module list.
        let is_go = go.is_found();
        if !is_go {
            rust.feed(window);
        }
        let end = window.end();
        let is_known = is_go || (go.is_complete(end) && rust.is_complete(end));
        if is_known && programs.is_complete() || !window.advance()? {
            break;
        }
    }
    report_go(go.finish(size), path, limits, found);
    report_rust(&rust, &layout, size, path, limits, found);
    if programs.is_exhausted() {
        found.gap(path, GapReason::TooLarge, "too many places look like a program's version");
    }
    programs.finish(path).for_each(|package| found.package(package));
    Ok(None)
}

/// Returns the interpreter line of a script, without the marks.
fn interpreter(head: &[u8]) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let line = &line[..line.len().min(MAX_INTERPRETER)];
    Some(String::from_utf8_lossy(line).trim().to_owned())
}

fn report_rust(
    search: &rust::Search,
    layout: &Layout,
    size: u64,
    path: &FilePath,
    limits: &Limits,
    found: &mut Found,
) {
    let list = search.finish(layout, size);
    let packages = match list {
        Ok(None) => return,
        Ok(Some(list)) => rust::packages(list, path, limits.packages),
        Err(error) => Err(error),
    };
    match packages {
        Ok((packages, more)) => {
            packages.into_iter().for_each(|package| found.package(package));
            if more {
                let detail = format!("more than {} crates", limits.packages);
                found.gap(path, GapReason::TooLarge, detail);
            }
        }
        Err(error) => found.gap(path, error.reason(), error.to_string()),
    }
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
