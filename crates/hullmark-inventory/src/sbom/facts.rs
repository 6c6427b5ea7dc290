//! What a package URL does not say of a package, as names and values: properties in CycloneDX, annotations in SPDX.
//!
//! Reading them back gives the same package. They start with `hullmark:`; what other tools write is understood where it says
//! something that matching needs.

use hullmark_oci::FilePath;

use crate::os_release::OsRelease;
use crate::package::{Owner, Package, PackageKind, Presence, SourcePackage};
use crate::{Gap, GapReason, Inventory};

/// A name and a value; names may repeat.
pub(super) type Fact = (String, String);

/// Returns what `base` (what the package URL says) lacks of `package`.
pub(super) fn of(package: &Package, base: Option<&Package>, owned_files: bool) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: &str| facts.push((format!("hullmark:{name}"), value.into()));
    if !package.path.is_empty() {
        add("path", &package.path);
    }
    if let Some(layer) = &package.layer {
        add("layer", layer.as_str());
    }
    if let Some(owner) = &package.owned_by {
        add("owned-by", &format!("{}/{}@{}", owner.kind.as_str(), owner.name, owner.version));
    }
    if package.presence == Presence::Declared {
        add("presence", "declared");
    }
    if base.is_none_or(|b| b.name != package.name) {
        add("name", &package.name);
    }
    if base.is_none_or(|b| b.version != package.version) {
        add("version", &package.version);
    }
    if let Some(arch) = &package.arch
        && base.is_none_or(|b| b.arch != package.arch)
    {
        add("arch", arch);
    }
    if base.is_none_or(|b| b.source != package.source)
        && let Some(source) = &package.source
    {
        add("source-name", &source.name);
        add("source-version", source.version.as_deref().unwrap_or_default());
    }
    if let Some(module) = &package.module
        && base.is_none_or(|b| b.module != package.module)
    {
        add("module", module);
    }
    for (name, value) in &package.properties {
        add(&format!("property:{name}"), value);
    }
    if owned_files {
        package.files.iter().for_each(|path| add("file", path));
    }
    facts
}

/// Applies one fact about a package; properties of its kind are the caller's.
pub(super) fn apply(package: &mut Package, name: &str, value: &str) {
    match name {
        "hullmark:path" => package.path = FilePath::from_written(value),
        "hullmark:layer" => package.layer = value.parse().ok(),
        "hullmark:owned-by" => package.owned_by = owner(value),
        "hullmark:presence" if value == "declared" => package.presence = Presence::Declared,
        "hullmark:name" => package.name = value.into(),
        "hullmark:version" => package.version = value.into(),
        "hullmark:arch" => package.arch = Some(value.into()),
        "hullmark:source-name" => {
            package.source = Some(SourcePackage { name: value.into(), version: None });
        }
        "hullmark:source-version" => {
            let version = (!value.is_empty()).then(|| value.to_owned());
            if let Some(source) = &mut package.source {
                source.version = version;
            }
        }
        "hullmark:module" => package.module = Some(value.into()),
        "hullmark:file" => package.files.push(value),
        _ => apply_foreign(package, name, value),
    }
}

/// Understands the properties of syft and trivy that their package URLs do not repeat.
fn apply_foreign(package: &mut Package, name: &str, value: &str) {
    if let Some(name) = name.strip_prefix("aquasecurity:trivy:") {
        return apply_trivy(package, name, value);
    }
    match name {
        "syft:location:0:path" if package.path.is_empty() => {
            package.path = FilePath::from_written(value);
        }
        "syft:location:0:layerID" if package.layer.is_none() => package.layer = value.parse().ok(),
        "syft:metadata:modularityLabel" if !value.is_empty() => package.module = Some(value.into()),
        _ => {}
    }
}

/// Trivy names the source package in four properties, written in alphabetical order: epoch, name, release, version.
fn apply_trivy(package: &mut Package, name: &str, value: &str) {
    match name {
        "FilePath" if package.path.is_empty() => package.path = FilePath::from_written(value),
        "LayerDiffID" if package.layer.is_none() => package.layer = value.parse().ok(),
        "Modularitylabel" if !value.is_empty() => package.module = Some(value.into()),
        "SrcName" | "SrcVersion" | "SrcRelease" | "SrcEpoch" => {
            let empty = || SourcePackage { name: String::new(), version: None };
            let source = package.source.get_or_insert_with(empty);
            if name == "SrcName" {
                source.name = value.into();
            } else {
                let known = source.version.take().unwrap_or_default();
                source.version = Some(join_trivy(&known, name, value));
            }
        }
        _ => {}
    }
}

/// Puts epoch, version and release together, in whatever order they come.
fn join_trivy(known: &str, part: &str, value: &str) -> String {
    match part {
        "SrcEpoch" => format!("{value}:{known}"),
        "SrcRelease" => format!("{known}-{value}"),
        _ => match (known.split_once(':'), known.strip_prefix('-')) {
            (Some((epoch, rest)), _) => format!("{epoch}:{value}{rest}"),
            (None, Some(_)) => format!("{value}{known}"),
            (None, None) => value.into(),
        },
    }
}

fn owner(text: &str) -> Option<Owner> {
    let (kind, rest) = text.split_once('/')?;
    // Names of operating-system packages have no `@`; nothing is promised of versions.
    let (name, version) = rest.split_once('@')?;
    let kind = kind_named(kind)?;
    Some(Owner { kind, name: name.into(), version: version.into() })
}

/// Returns the kind with this name.
fn kind_named(name: &str) -> Option<PackageKind> {
    PackageKind::ALL.into_iter().find(|kind| kind.as_str() == name)
}

/// Returns what identifies the distribution beyond its name and release.
pub(super) fn of_os(os: &OsRelease) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: &str| {
        facts.push((format!("hullmark:os:{name}"), value.to_owned()));
    };
    os.id_like.iter().for_each(|like| add("id-like", like));
    for (name, value) in [
        ("codename", &os.codename),
        ("pretty-name", &os.pretty_name),
        ("variant", &os.variant_id),
        ("cpe", &os.cpe),
    ] {
        if let Some(value) = value {
            add(name, value);
        }
    }
    facts
}

/// Applies one fact to the operating system.
pub(super) fn apply_os(os: &mut OsRelease, name: &str, value: &str) {
    let text = Some(value.to_owned());
    match name {
        "hullmark:os:codename" | "syft:distro:versionCodename" => os.codename = text,
        "hullmark:os:pretty-name" | "syft:distro:prettyName" => os.pretty_name = text,
        "hullmark:os:variant" | "syft:distro:variantID" => os.variant_id = text,
        "hullmark:os:cpe" | "syft:distro:cpeName" => os.cpe = text,
        "hullmark:os:id-like" => os.id_like.push(value.into()),
        "syft:distro:id" => os.id = value.into(),
        "syft:distro:versionID" => os.version_id = value.into(),
        _ if name.starts_with("syft:distro:idLike:") => os.id_like.push(value.into()),
        _ => {}
    }
}

/// Returns what is said of the image as a whole: gaps, and facts about the system.
pub(super) fn of_image(inventory: &Inventory) -> Vec<Fact> {
    let system = inventory.system.iter();
    let system = system.map(|(name, value)| (format!("hullmark:system:{name}"), value.clone()));
    inventory.gaps.iter().map(of_gap).chain(system).collect()
}

/// Applies one fact to the image as a whole.
pub(super) fn apply_image(inventory: &mut Inventory, name: &str, value: &str) {
    if name == "hullmark:gap" {
        inventory.gaps.push(gap(value));
    } else if let Some(name) = name.strip_prefix("hullmark:system:") {
        inventory.system.push((name.into(), value.into()));
    }
}

/// Writes a gap as one value.
fn of_gap(gap: &Gap) -> Fact {
    let layer = gap.layer.as_ref().map(hullmark_oci::Digest::as_str);
    let value = serde_json::json!({
        "reason": gap.reason.as_str(), "path": gap.path.as_str(), "layer": layer, "detail": gap.detail,
    });
    ("hullmark:gap".into(), value.to_string())
}

/// Reads a gap back; one that is not understood stays one.
fn gap(value: &str) -> Gap {
    #[derive(serde::Deserialize)]
    struct Written {
        reason: GapReason,
        path: String,
        layer: Option<hullmark_oci::Digest>,
        detail: String,
    }
    match serde_json::from_str::<Written>(value) {
        Ok(Written { reason, path, layer, detail }) => {
            Gap { path: FilePath::from_written(&path), layer, reason, detail }
        }
        Err(_) => Gap {
            path: FilePath::default(),
            layer: None,
            reason: GapReason::Malformed,
            detail: value.chars().take(200).collect(),
        },
    }
}
