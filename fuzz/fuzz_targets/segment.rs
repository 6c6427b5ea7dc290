//! The bytes of a segment, with checksums made right so that what is behind them is reached.
#![no_main]

use hullmark_advisory::db::Segment;
use libfuzzer_sys::fuzz_target;

/// The layout of a segment: see `hullmark_advisory::db::format`.
const HEADER: usize = 256;
const PAGES: usize = 24 + 13 * 16;
const SUM: usize = 248;
const PAGE: usize = 16 * 1024;

fuzz_target!(|data: &[u8]| {
    if let Ok(segment) = Segment::from_vec(data.to_vec()) {
        let _ = segment.read_everything();
    }
    let Some(data) = repaired(data) else { return };
    let Ok(segment) = Segment::from_vec(data) else { return };
    segment.check().expect("all checksums were made right");
    for index in 0..segment.names() {
        let Ok(name) = segment.name(index) else { continue };
        let Ok(entries) = segment.entries(name) else { continue };
        for entry in entries {
            let _ = entry.affects();
            let _ = segment.head(entry.record);
        }
    }
    for id in ["CVE-2024-0001", "", "GHSA-aaaa-bbbb-cccc"] {
        for record in segment.records_of(id).unwrap_or_default() {
            let _ = segment.head(record);
        }
    }
    let _ = segment.read_everything();
});

fn repaired(data: &[u8]) -> Option<Vec<u8>> {
    let mut data = data.to_vec();
    let at = data.get(PAGES..PAGES + 8)?.try_into().ok()?;
    let end = usize::try_from(u64::from_le_bytes(at)).ok().filter(|end| *end <= data.len());
    data.truncate(end.unwrap_or(data.len()));
    let content = data.get(HEADER..)?;
    let sums: Vec<u8> = content.chunks(PAGE).flat_map(|page| crc(page).to_le_bytes()).collect();
    data[..16].copy_from_slice(b"HULLSEG\n\x01\0\0\0\x0e\0\0\0");
    let whole = (data.len() + sums.len()) as u64;
    data[16..24].copy_from_slice(&whole.to_le_bytes());
    let pages = data.len() as u64;
    data[PAGES..PAGES + 8].copy_from_slice(&pages.to_le_bytes());
    data[PAGES + 8..PAGES + 16].copy_from_slice(&(sums.len() as u64).to_le_bytes());
    let sum = crc(&data[..SUM]);
    data[SUM..SUM + 4].copy_from_slice(&sum.to_le_bytes());
    data.extend(sums);
    Some(data)
}

fn crc(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}
