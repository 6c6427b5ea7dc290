//! CISA's catalogue of known exploited vulnerabilities.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConvertError;
use crate::finding::Kev;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    #[serde(default)]
    date_released: Option<String>,
    vulnerabilities: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve: String,
    date_added: String,
    #[serde(default)]
    due_date: String,
    #[serde(default)]
    known_ransomware_campaign_use: String,
}

/// The catalogue, by CVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KevCatalog {
    /// Milliseconds since 1970 of its release.
    pub released: Option<i64>,
    /// Its entries.
    pub entries: BTreeMap<String, Kev>,
}

/// Reads the catalogue's JSON.
///
/// # Errors
/// If it is not the catalogue.
pub fn convert(json: &[u8]) -> Result<KevCatalog, ConvertError> {
    let catalog: Catalog = serde_json::from_slice(json)
        .map_err(ConvertError::json("CISA's catalogue of exploited vulnerabilities"))?;
    let entries = catalog.vulnerabilities.into_iter().map(|entry| {
        let ransomware = entry.known_ransomware_campaign_use.eq_ignore_ascii_case("known");
        (entry.cve, Kev { added: entry.date_added, due: entry.due_date, ransomware })
    });
    Ok(KevCatalog {
        released: catalog.date_released.as_deref().and_then(crate::osv::millis),
        entries: entries.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_other_documents_refused() {
        let json = br#"{"title":"t","catalogVersion":"1","dateReleased":"2026-01-01T00:00:00Z","count":1,"vulnerabilities":[
            {"cveID":"CVE-2021-44228","dateAdded":"2021-12-10","dueDate":"2021-12-24","knownRansomwareCampaignUse":"Known","vendorProject":"x"}]}"#;
        let catalog = convert(json).expect("converts");
        assert!(catalog.entries["CVE-2021-44228"].ransomware);
        assert_eq!(catalog.released, Some(1_767_225_600_000));
        assert!(convert(br#"{"vulnerabilities":[{"id":1}]}"#).is_err());
    }
}
