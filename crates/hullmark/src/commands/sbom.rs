//! `hullmark sbom`: what is in an image.

use hullmark_inventory::catalog::binary::Executables;
use hullmark_inventory::sbom::{self, Document};

use super::{Inquiry, Outcome};
use crate::cli::{SbomArgs, SbomFormat};
use crate::error::CommandError;
use crate::settings::Settings;
use crate::ui::Ui;

pub(super) fn run(args: SbomArgs, settings: &Settings, ui: &Ui) -> Result<Outcome, CommandError> {
    let SbomArgs { target, format, output, executables, owned_files, fail_on_gaps, image } = args;
    if image.all_platforms {
        return Err(CommandError::usage(
            "an SBOM describes one image: choose it with `--platform`",
        ));
    }
    let inquiry = Inquiry {
        image: &image,
        executables: if executables { Executables::Digest } else { Executables::Skip },
        advisories: None,
        matching: hullmark_advisory::matching::Options::default(),
        suppressions: hullmark_examine::Suppressions::default(),
        judge: None,
    };
    let mut incomplete = false;
    for examination in inquiry.run(&[target], settings, ui)? {
        let evidence = examination.evidence;
        let inventory = &evidence.inventory;
        incomplete |= !inventory.gaps.is_empty();
        let subject = sbom::Subject {
            name: evidence.subject.name.clone(),
            digest: evidence.subject.digest.clone(),
            platform: evidence.subject.platform.clone(),
        };
        let document = Document {
            inventory,
            subject,
            created: evidence.image.created.unwrap_or(evidence.examined),
            tool_version: env!("CARGO_PKG_VERSION"),
            owned_files,
        };
        ui.data(&write(&document, format), output.as_deref())?;
        if format != SbomFormat::Table && incomplete {
            let count = inventory.gaps.len();
            ui.warning(&format!(
                "{count} parts of the image could not be analysed; the document lists them"
            ));
        }
    }
    Ok(if incomplete && fail_on_gaps { Outcome::Denied } else { Outcome::Done })
}

fn write(document: &Document<'_>, format: SbomFormat) -> Vec<u8> {
    match format {
        SbomFormat::Table => sbom::list::table(document.inventory).into_bytes(),
        SbomFormat::Purl => sbom::list::purls(document.inventory).into_bytes(),
        SbomFormat::Json => sbom::json::write(document),
        SbomFormat::Cyclonedx => sbom::cyclonedx::write(document),
        SbomFormat::Spdx => sbom::spdx::write(document),
    }
}
