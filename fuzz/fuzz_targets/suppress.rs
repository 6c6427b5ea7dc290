//! What suppresses findings: VEX documents and ignore files.
#![no_main]

use std::collections::BTreeSet;

use hullmark_advisory::{ignore, vex};
use hullmark_inventory::Inventory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let inventory = Inventory::default();
    if let Ok(document) = vex::parse(data, "fuzz") {
        assert!(document.statements.iter().all(|s| !s.products.is_empty()), "never everything");
        vex::apply(&[document], &inventory, &BTreeSet::new(), &mut []);
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(rules) = ignore::Rules::parse(text, "fuzz") {
        rules.apply(jiff::Timestamp::UNIX_EPOCH, &inventory, &mut []);
    }
});
