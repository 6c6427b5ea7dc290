//! SBOMs of every format and in every envelope; what was read is written in every format and read again.
#![no_main]

use hullmark_fuzz::{check_inventory, limits};
use hullmark_inventory::sbom::{self, Document, Format, Subject, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    let Ok(sbom) = read(data, &limits) else { return };
    check_inventory(&sbom.inventory);
    let document = Document {
        inventory: &sbom.inventory,
        subject: Subject { name: "app".into(), ..Subject::default() },
        created: jiff::Timestamp::UNIX_EPOCH,
        tool_version: "1.0.0",
        owned_files: true,
    };
    for (format, bytes) in [
        (Format::Hullmark, sbom::json::write(&document)),
        (Format::CycloneDx, sbom::cyclonedx::write(&document)),
        (Format::Spdx, sbom::spdx::write(&document)),
    ] {
        let again = read(&bytes, &limits)
            .unwrap_or_else(|e| panic!("{e:?}\n{}", String::from_utf8_lossy(&bytes)));
        assert_eq!(again.format, format);
        check_inventory(&again.inventory);
        if format == Format::Hullmark {
            assert_eq!(again.inventory, sbom.inventory, "our own format loses nothing");
        }
    }
    let _ = sbom::list::purls(&sbom.inventory);
    let _ = sbom::list::table(&sbom.inventory);
});
