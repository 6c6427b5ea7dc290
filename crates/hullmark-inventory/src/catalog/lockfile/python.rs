//! Python: `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock` and `requirements.txt`.

use serde::Deserialize;

use super::declared::{Declared, Scope};
use super::tables::{self, Source};
use crate::catalog::language::json::{self, Members, Text};
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads `poetry.lock`, `uv.lock`, `pdm.lock` (tables `package`) and `pylock.toml` (tables `packages`).
///
/// Development is said by Poetry 1 (`category = "dev"`) and by groups that all have other names than the main one.
pub(super) fn tables(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Python, sink);
    let text = String::from_utf8_lossy(bytes);
    let read = tables::read(&text, |table| {
        if table.source == Source::Local {
            return declared.add_local(table.name, table.version);
        }
        let mut groups = table.groups().peekable();
        let others = groups.peek().is_some() && groups.all(|g| g != "main" && g != "default");
        declared.add(table.name, table.version, Scope::of(others || table.category == "dev"));
    });
    if let Err(unread) = read {
        declared.unread(unread);
    }
    declared.finish();
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pipfile {
    default: Members<Pinned>,
    develop: Members<Pinned>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pinned {
    version: Text,
    path: Text,
    file: Text,
}

/// Reads `Pipfile.lock`.
pub(super) fn pipfile_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Python, sink);
    match json::parse::<Pipfile>(bytes) {
        Ok(lock) => {
            for (pinned, scope) in
                [(lock.default, Scope::Runtime), (lock.develop, Scope::Development)]
            {
                for (name, entry) in &pinned.entries {
                    match entry.version.get().and_then(|v| v.strip_prefix("==")) {
                        Some(version) => {
                            declared.add(name, version.trim_start_matches('='), scope);
                        }
                        None if entry.path.0.is_some() || entry.file.0.is_some() => {}
                        None => declared.incomplete(name),
                    }
                }
                declared.more(pinned.more);
            }
        }
        Err(unread) => declared.unread(unread),
    }
    declared.finish();
}

/// Reads a requirements file: exact pins are packages; what is not pinned is named in a gap.
///
/// Options, other files, URLs and folders are read over. See: pip "Requirements File Format", PEP 508.
pub(super) fn requirements(bytes: &[u8], sink: &mut Sink<'_>) {
    let development =
        sink.path.file_name().contains("dev") || sink.path.file_name().contains("test");
    let mut declared = Declared::new(PackageKind::Python, sink);
    let text = text(bytes);
    let mut logical = String::new();
    for line in text.lines() {
        // A comment begins a line or follows a blank; `#egg=` is part of a URL.
        let line = if line.trim_start().starts_with('#') { "" } else { line };
        let line = line.split(" #").next().unwrap_or_default();
        if let Some(more) = line.trim_end().strip_suffix('\\') {
            if logical.len() < 4096 {
                logical.push_str(more); // Hashes follow here by the kilobyte; the pin came first.
            }
            continue;
        }
        if logical.is_empty() {
            requirement(line, development, &mut declared);
        } else {
            logical.push_str(line);
            requirement(&logical, development, &mut declared);
            logical.clear();
        }
    }
    requirement(&logical, development, &mut declared);
    declared.finish();
}

/// Decodes UTF-8, or UTF-16 as PowerShell writes what `pip freeze` prints.
fn text(bytes: &[u8]) -> String {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| -> Vec<u16> {
        rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => String::from_utf16_lossy(&units(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => String::from_utf16_lossy(&units(rest, u16::from_be_bytes)),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn requirement(line: &str, development: bool, declared: &mut Declared<'_, '_>) {
    let line = line.split([';']).next().unwrap_or_default();
    let line = line.split(" --").next().unwrap_or_default().trim();
    if line.is_empty() || line.starts_with(['-', '.', '/']) || line.contains("://") {
        return;
    }
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() {
        return;
    }
    let mut rest = rest.trim_start();
    if rest.starts_with('[') {
        rest = rest.split_once(']').map_or("", |(_, after)| after);
    }
    let pin = rest.trim().trim_start_matches('(').trim_end_matches(')');
    let version = pin.strip_prefix("===").or(pin.strip_prefix("==")).map(str::trim);
    match version.filter(|v| !v.is_empty() && !v.contains(['*', ',', ' '])) {
        Some(version) => {
            declared.add(name, version, Scope::of(development));
        }
        None => declared.incomplete(name),
    }
}
