//! The predicate of a vulnerability attestation, as `cosign attest --type vuln` takes it.
//!
//! See: cosign, specs/COSIGN_VULN_ATTESTATION_SPEC.md.

use serde_json::json;

use hullmark_oci::Digest;

use super::json::{Keep, document};
use super::{Options, ReportError, TOOL_VERSION};
use crate::Evidence;

pub(super) fn write(evidence: &Evidence, options: &Options) -> Result<Vec<u8>, ReportError> {
    // One name for all that was asked, whatever the number of segments.
    let names = evidence.advisories.iter().map(|a| format!("{} {}\n", a.ecosystem, a.digest));
    let version = Digest::sha256(names.collect::<String>().as_bytes());
    let updated = evidence.advisories.iter().filter_map(|a| a.updated).max();
    let report = document(std::slice::from_ref(evidence), options, Keep::Shown);
    super::to_json(&json!({
        "invocation": {
            "parameters": [],
            "uri": "",
            "event_id": "",
            "builder.id": "",
        },
        "scanner": {
            "uri": format!("pkg:generic/hullmark@{TOOL_VERSION}"),
            "version": TOOL_VERSION,
            "db": {
                "uri": "",
                "version": version,
                "lastUpdate": updated.map(|t| t.to_string()).unwrap_or_default(),
            },
            "result": serde_json::to_value(report)?,
        },
        "metadata": {
            "scanStartedOn": evidence.examined,
            "scanFinishedOn": evidence.examined,
        },
    }))
}
