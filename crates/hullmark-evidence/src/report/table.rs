//! The table.

use super::Options;
use crate::Evidence;

pub(super) fn render(evidence: &[Evidence], _options: &Options) -> String {
    let mut text = String::new();
    for image in evidence {
        text.push_str(&format!("{}\n", image.subject.name));
        for finding in &image.findings {
            let package = &image.inventory.packages[finding.package];
            text.push_str(&format!(
                "{:<10} {:<18} {} {}\n",
                finding.severity.as_str(),
                finding.id,
                package.name,
                package.version
            ));
        }
    }
    text
}
