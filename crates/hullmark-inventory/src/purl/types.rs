//! What single types of package URLs ask for: letter case, allowed namespaces, needed qualifiers.

use super::{PackageUrl, PurlError};

/// Whether `kind` may be a type: letters, digits, `.` and `-`, not a digit first.
pub(super) fn is_valid(kind: &str) -> bool {
    kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

/// Brings namespace, name and version into the form that the type prescribes. Doing it twice changes nothing.
///
/// `golang` is left as it is: the definition says "lowercased", but module paths and the advisories about them are case-sensitive
/// (`github.com/BurntSushi/toml`), and the official tests do not ask for it.
pub(super) fn normalize(url: &mut PackageUrl) {
    match url.kind.as_str() {
        "alpm" | "apk" | "bitbucket" | "brew" | "chrome-extension" | "composer" | "deb"
        | "github" | "hex" | "qpkg" | "vscode-extension" => {
            lower(&mut url.namespace);
            lower_text(&mut url.name);
        }
        "rpm" | "opkg" => lower(&mut url.namespace),
        "bitnami" | "oci" | "otp" => lower_text(&mut url.name),
        "pypi" => url.name = url.name.to_lowercase().replace('_', "-"),
        "pub" => {
            url.name = url
                .name
                .to_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
        }
        "cpan" => {
            if let Some(namespace) = &mut url.namespace {
                *namespace = namespace.to_uppercase();
            }
        }
        _ => {}
    }
    if matches!(url.kind.as_str(), "huggingface" | "oci" | "vscode-extension") {
        lower(&mut url.version);
    }
}

/// Refuses what would change the meaning: a URL whose name is not one.
pub(super) fn check_meaning(url: &PackageUrl) -> Result<(), PurlError> {
    match url.kind.as_str() {
        "cpan" if url.name.contains("::") => Err(PurlError::Name),
        "swift" if url.namespace.is_none() => Err(PurlError::Namespace),
        _ => Ok(()),
    }
}

/// Refuses what the type's definition does not allow, though its meaning may be clear.
pub(super) fn check(url: &PackageUrl) -> Result<(), PurlError> {
    check_meaning(url)?;
    let allowed = match url.kind.as_str() {
        "alpm" | "apk" | "bitbucket" | "composer" | "deb" | "github" | "huggingface" | "maven"
        | "qpkg" | "rpm" | "swift" | "vscode-extension" => url.namespace.is_some(),
        // The standard library has no namespace, although the definition asks for one.
        "golang" => url.namespace.is_some() || !url.name.contains('.'),
        "bazel" | "bitnami" | "cargo" | "chrome-extension" | "cocoapods" | "conda" | "cran"
        | "gem" | "hackage" | "julia" | "mlflow" | "nuget" | "oci" | "opam" | "otp" | "pub"
        | "pypi" | "vcpkg" => url.namespace.is_none(),
        _ => true,
    };
    if !allowed {
        return Err(PurlError::Namespace);
    }
    let needed: &[&str] = match url.kind.as_str() {
        "julia" => &["uuid"],
        "swid" => &["tag_id"],
        _ => &[],
    };
    if needed.iter().all(|key| url.qualifier(key).is_some()) {
        Ok(())
    } else {
        Err(PurlError::MissingQualifier)
    }
}

fn lower(text: &mut Option<String>) {
    if let Some(text) = text {
        lower_text(text);
    }
}

fn lower_text(text: &mut String) {
    if text.chars().any(char::is_uppercase) {
        *text = text.to_lowercase();
    }
}
