//! One OSV record, and scores.
#![no_main]

use hullmark_advisory::cvss;
use hullmark_advisory::osv::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data)
        && let Some(score) = cvss::base_score(text)
    {
        assert!((0.0..=10.0).contains(&score), "{score}");
    }
    let Ok(mut record) = Record::parse(data) else { return };
    for rating in &record.ratings {
        let _ = format!("{rating:?}");
    }
    let bytes = postcard::to_stdvec(&record).expect("records serialize");
    assert_eq!(postcard::from_bytes::<Record>(&bytes).expect("and deserialize"), record);
    record.normalize();
    let once = record.clone();
    record.normalize();
    assert_eq!(once, record, "normal at once");
});
