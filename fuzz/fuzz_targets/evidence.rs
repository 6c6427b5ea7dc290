//! A stored report: read, written, shown, and judged.
#![no_main]

use hullmark_evidence::report::{Format, Options, json, render};
use hullmark_fuzz::limits;
use hullmark_policy::verdict::{self, NoStyle, TextOptions};
use hullmark_policy::{Policies, Stage, evaluate};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const POLICY: &str = include_str!("../../examples/policies/strict.yaml");

fuzz_target!(|data: &[u8]| {
    let Ok(stored) = json::read(data, &limits()) else { return };
    let evidence = stored.images;
    let policies = Policies::parse(POLICY, "strict").expect("a policy");
    for format in Format::ALL {
        let _ = render(&evidence, format, &Options { columns: 80, ..Options::default() });
    }
    for one in &evidence {
        let verdict = evaluate(&policies, one, Stage::Build, Timestamp::UNIX_EPOCH);
        let _ = verdict::text(&verdict, TextOptions::default(), &NoStyle);
    }
});
