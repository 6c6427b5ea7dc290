//! SPDX 2.3: the inventory's document, with a reference from each package to every advisory against it.
//!
//! See: SPDX 2.3 §7.21 and annex F, category `SECURITY`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use hullmark_inventory::sbom::{package_ids, spdx};

use super::text::is_web;
use super::view::{Row, Standing, View, is_fixable};
use super::{Options, ReportError, sbom_document};
use crate::Evidence;

pub(super) fn write(evidence: &Evidence, options: &Options) -> Result<Vec<u8>, ReportError> {
    let mut document: Value = serde_json::from_slice(&spdx::write(&sbom_document(evidence)))?;
    let ids = package_ids(&evidence.inventory);
    let mut references: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in View::new(evidence, options).rows {
        if let Some(id) = ids.get(row.finding.package) {
            references.entry(format!("SPDXRef-{id}")).or_default().push(reference(row));
        }
    }
    let packages = document.get_mut("packages").and_then(Value::as_array_mut);
    for package in packages.into_iter().flatten() {
        let more = package["SPDXID"].as_str().and_then(|id| references.remove(id));
        let Some(more) = more else {
            continue;
        };
        match package.get_mut("externalRefs").and_then(Value::as_array_mut) {
            Some(list) => list.extend(more),
            None => package["externalRefs"] = json!(more),
        }
    }
    super::to_json(&document)
}

fn reference(row: Row<'_>) -> Value {
    let finding = row.finding;
    let link = finding.references.iter().find(|url| is_web(url));
    let mut comment = format!("{}: {}", finding.id, finding.severity.as_str());
    if is_fixable(finding) {
        comment += &format!(", fixed in {}", row.fix());
    }
    match (row.standing(), &finding.suppressed) {
        (Standing::Undetermined, _) => comment += &format!(", undetermined: {}", row.doubt()),
        (_, Some(s)) => comment += &format!(", suppressed by {}: {}", s.source, s.reason),
        _ => {}
    }
    json!({
        "referenceCategory": "SECURITY",
        "referenceType": "advisory",
        "referenceLocator": link.unwrap_or(&finding.id),
        "comment": comment,
    })
}
