//! Feeds of vendors that are not OSV, and the database's own manifest.
#![no_main]

use hullmark_advisory::convert::{alpine, amazon, debian, epss, kev, red_hat};
use hullmark_advisory::db::Manifest;
use hullmark_advisory::osv::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, content)) = data.split_first() else { return };
    match first % 7 {
        0 => check(alpine::convert(content).map(|(_, records)| records).ok()),
        1 => check(amazon::convert(content).ok()),
        2 => check(debian::convert(content).ok()),
        3 => check(red_hat::convert(content).ok()),
        4 => drop(kev::convert(content)),
        5 => drop(epss::convert(content)),
        _ => {
            if let Ok(manifest) = Manifest::parse(content) {
                let again = Manifest::parse(&manifest.to_json());
                assert_eq!(again.ok(), Some(manifest));
            }
        }
    }
});

fn check(records: Option<Vec<Record>>) {
    for record in records.unwrap_or_default() {
        let bytes = postcard::to_stdvec(&record).expect("records serialize");
        assert_eq!(postcard::from_bytes::<Record>(&bytes).expect("and deserialize"), record);
    }
}
