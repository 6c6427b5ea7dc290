//! `hullmark.findings/v1`.

use serde::{Deserialize, Serialize};

use super::ReportError;
use crate::Evidence;

const SCHEMA: &str = "hullmark.findings/v1";

#[derive(Serialize, Deserialize)]
struct Report {
    schema: String,
    images: Vec<Evidence>,
}

pub(super) fn write(evidence: &[Evidence]) -> Result<Vec<u8>, ReportError> {
    let report = Report { schema: SCHEMA.into(), images: evidence.to_vec() };
    let mut bytes = serde_json::to_vec_pretty(&report)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a report again.
///
/// # Errors
/// If it is none.
pub fn read(bytes: &[u8]) -> Result<Vec<Evidence>, serde_json::Error> {
    Ok(serde_json::from_slice::<Report>(bytes)?.images)
}
