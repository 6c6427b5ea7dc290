//! What a file is, by its content: OSV records, archives of them, and what the converters read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Update, UpdateError};
use crate::convert;
use crate::db::intel::{self, encode_epss, encode_kev};
use crate::ecosystem;
use crate::osv::{MAX_RECORD_BYTES, Record};

/// How deep folders are looked into.
const MAX_DEPTH: usize = 8;
/// Entries of one archive; the whole public export has less than a million.
const MAX_ENTRIES: usize = 4_000_000;
/// Uncompressed bytes per compressed byte of a whole archive of advisories; real ones stay below 20.
const MAX_RATIO: u64 = 200;

pub(super) fn add_path(update: &mut Update, path: &Path) -> Result<(), UpdateError> {
    let metadata = fs::metadata(path).map_err(|source| input(path, source))?;
    if metadata.is_dir() {
        add_folder(update, path, 0)
    } else {
        add_file(update, path, Named::ByCaller)
    }
}

/// Whether a file was named by the caller, who must hear that it is nothing, or merely lies in a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    ByCaller,
    ByFolder,
}

fn add_folder(update: &mut Update, folder: &Path, depth: usize) -> Result<(), UpdateError> {
    let too_deep = || UpdateError::TooLarge {
        path: folder.display().to_string(),
        what: format!("folders are nested deeper than {MAX_DEPTH}"),
    };
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(|source| input(folder, source))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| input(&path, source))?;
        if kind.is_dir() {
            if depth == MAX_DEPTH {
                return Err(too_deep());
            }
            add_folder(update, &path, depth + 1)?;
        } else if kind.is_file() && known_extension(&path) {
            add_file(update, &path, Named::ByFolder)?;
        }
    }
    Ok(())
}

fn known_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    matches!(extension, "json" | "zip" | "csv" | "gz" | "xml")
}

fn add_file(update: &mut Update, path: &Path, named: Named) -> Result<(), UpdateError> {
    let shown = path.display().to_string();
    let mut file = File::open(path).map_err(|source| input(path, source))?;
    let mut magic = [0; 4];
    let length = file.read(&mut magic).map_err(|source| input(path, source))?;
    file.rewind().map_err(|source| input(path, source))?;
    if magic[..length].starts_with(b"PK") {
        // The public export keeps each ecosystem's archive in a folder of its name.
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let ecosystem = folder.filter(|name| ecosystem::lookup(name).is_some());
        return match ecosystem {
            Some(ecosystem) => update.export(ecosystem, file, &shown),
            None => add_zip(update, file, &shown, None),
        };
    }
    let limit = update.limits.document_bytes;
    let reader: Box<dyn Read> = if magic[..length].starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut bytes = Vec::new();
    let read = BufReader::new(reader).take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|source| input(path, source))?;
    if bytes.len() as u64 > limit {
        return Err(UpdateError::TooLarge {
            path: shown,
            what: format!("more than {limit} bytes"),
        });
    }
    match add_document(update, &bytes, &shown) {
        Err(UpdateError::Unrecognized { reason, .. }) if named == Named::ByFolder => {
            update.problem(&shown, &Reason(reason));
            Ok(())
        }
        other => other,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(String);

fn input(path: &Path, source: std::io::Error) -> UpdateError {
    UpdateError::Input { path: path.into(), source }
}

/// Reads an archive of single records.
pub(super) fn add_zip(
    update: &mut Update,
    mut zip: impl Read + Seek,
    source: &str,
    only: Option<&str>,
) -> Result<(), UpdateError> {
    let unreadable = |reason: String| UpdateError::Unrecognized { path: source.into(), reason };
    let packed = zip.seek(std::io::SeekFrom::End(0)).map_err(|e| unreadable(e.to_string()))?;
    zip.rewind().map_err(|e| unreadable(e.to_string()))?;
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(64 * 1024, zip))
        .map_err(|e| unreadable(format!("not a zip archive: {e}")))?;
    if archive.len() > MAX_ENTRIES {
        return Err(UpdateError::TooLarge {
            path: source.into(),
            what: format!("more than {MAX_ENTRIES} entries"),
        });
    }
    let budget = packed.saturating_mul(MAX_RATIO).max(update.limits.ratio_floor_bytes);
    let mut unpacked = 0_u64;
    let mut bytes = Vec::new();
    for index in 0..archive.len() {
        bytes.clear();
        let name = archive.name_for_index(index).and_then(Result::ok);
        let name = name.map_or_else(|| format!("entry {index}.json"), Cow::into_owned);
        if !name.ends_with(".json") {
            continue;
        }
        let entry = archive.by_index(index).map_err(|e| e.to_string());
        let read = entry.and_then(|entry| {
            entry
                .take(MAX_RECORD_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
                .map_err(|e| e.to_string())
        });
        unpacked = unpacked.saturating_add(bytes.len() as u64);
        if unpacked > budget {
            return Err(UpdateError::TooLarge {
                path: source.into(),
                what: format!("unpacks to more than {MAX_RATIO} times its size"),
            });
        }
        if let Err(reason) = read {
            update.problem(&format!("{source}:{name}"), &Reason(reason));
            continue;
        }
        match Record::parse(&bytes) {
            Ok(record) => update.add(record, source, only)?,
            Err(error) => update.problem(&format!("{source}:{name}"), &error),
        }
    }
    Ok(())
}

/// The fields by which JSON documents are told apart.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    id: Option<IgnoredAny>,
    #[serde(default)]
    affected: Option<IgnoredAny>,
    #[serde(default)]
    modified: Option<IgnoredAny>,
    #[serde(default)]
    document: Option<IgnoredAny>,
    #[serde(default)]
    vulnerabilities: Option<IgnoredAny>,
    #[serde(default, rename = "catalogVersion")]
    catalog_version: Option<IgnoredAny>,
    #[serde(default)]
    packages: Option<IgnoredAny>,
    #[serde(default)]
    apkurl: Option<IgnoredAny>,
}

pub(super) fn add_document(
    update: &mut Update,
    bytes: &[u8],
    source: &str,
) -> Result<(), UpdateError> {
    let unrecognized =
        |reason: &str| UpdateError::Unrecognized { path: source.into(), reason: reason.into() };
    let Some(first) = bytes.iter().find(|b| !b.is_ascii_whitespace()) else {
        return Err(unrecognized("the file is empty"));
    };
    match first {
        b'{' => add_json(update, bytes, source),
        b'<' => {
            let records = convert::amazon::convert(bytes).map_err(|e| converting(source, &e))?;
            let releases: BTreeSet<String> =
                records.iter().flat_map(|r| &r.affected).map(|a| a.ecosystem.clone()).collect();
            // Extras of a release come in files of their own: they add up within one import.
            for release in &releases {
                update.converted([], release, source);
            }
            if let Some(release) = releases.first() {
                update.converted(records, release, source);
            }
            Ok(())
        }
        b'#' | b'c' => {
            let predictions = convert::epss::convert(bytes).map_err(|e| converting(source, &e))?;
            let values = predictions.entries.into_iter().map(|(id, epss)| (id, encode_epss(epss)));
            update.table(intel::EPSS, values.collect(), predictions.scored, source);
            Ok(())
        }
        _ => Err(unrecognized("none of the known formats")),
    }
}

fn add_json(update: &mut Update, bytes: &[u8], source: &str) -> Result<(), UpdateError> {
    let probe: Probe = serde_json::from_slice(bytes)
        .map_err(|e| UpdateError::Unrecognized { path: source.into(), reason: e.to_string() })?;
    if probe.id.is_some() && (probe.affected.is_some() || probe.modified.is_some()) {
        return update.record(bytes, source);
    }
    if probe.catalog_version.is_some() && probe.vulnerabilities.is_some() {
        let catalog = convert::kev::convert(bytes).map_err(|e| converting(source, &e))?;
        let values = catalog.entries.iter().map(|(id, kev)| (id.clone(), encode_kev(kev)));
        update.table(intel::KEV, values.collect(), catalog.released, source);
        return Ok(());
    }
    if probe.document.is_some() {
        let records = convert::red_hat::convert(bytes).map_err(|e| converting(source, &e))?;
        return records.into_iter().try_for_each(|record| update.add(record, source, None));
    }
    if probe.packages.is_some() && probe.apkurl.is_some() {
        let (segment, records) =
            convert::alpine::convert(bytes).map_err(|e| converting(source, &e))?;
        update.converted(records, &segment, source);
        return Ok(());
    }
    // The tracker's JSON has no field of its own: it is packages all the way.
    match convert::debian::convert(bytes) {
        Ok(records) if !records.is_empty() => {
            update.converted(records, "Debian", source);
            Ok(())
        }
        _ => Err(UpdateError::Unrecognized {
            path: source.into(),
            reason: "this JSON is none of the known formats".into(),
        }),
    }
}

fn converting(source: &str, error: &convert::ConvertError) -> UpdateError {
    use std::error::Error as _;
    let reason = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    UpdateError::Unrecognized { path: source.into(), reason }
}
