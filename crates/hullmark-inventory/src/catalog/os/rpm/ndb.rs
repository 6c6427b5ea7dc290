//! NDB, the database of rpm on SUSE: slots that say where each package's blob lies. Little endian.
//!
//! See: rpm's `lib/backend/ndb/rpmpkg.c`, for the layout.

use super::Packages;
use crate::GapReason;

/// The first bytes of a file: `RpmP`.
pub(super) const MAGIC: &[u8] = b"RpmP";

const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";
const BLOB_END_MAGIC: &[u8] = b"BlbE";
const PAGE: usize = 4096;
const SLOT: usize = 16;
/// The file's header takes the place of this many slots.
const HEADER_SLOTS: usize = 2;
/// Unit of offsets and sizes.
const BLOCK: usize = 16;
const BLOB_HEAD: usize = 16;
const BLOB_TAIL: usize = 12;

/// Hands every blob to `packages`.
pub(super) fn read(bytes: &[u8], packages: &mut Packages<'_>) {
    let (Some(version), Some(slot_pages)) = (u32_at(bytes, 4), u32_at(bytes, 12)) else {
        packages.complain(GapReason::Truncated, "its header is cut off");
        return;
    };
    if version != 0 {
        packages.complain(GapReason::Unsupported, format!("version {version} of the format"));
        return;
    }
    let slots_end = (slot_pages as usize).saturating_mul(PAGE);
    if slots_end > bytes.len() || slot_pages == 0 {
        let detail = format!("{slot_pages} pages of slots in {} bytes", bytes.len());
        packages.complain(GapReason::Truncated, detail);
    }
    // Blobs do not overlap: together they are no longer than the file. So a crowd of slots that lead to one long blob ends.
    let mut budget = bytes.len();
    let slots = &bytes[..slots_end.min(bytes.len())];
    for slot in slots.chunks_exact(SLOT).skip(HEADER_SLOTS) {
        if !slot.starts_with(SLOT_MAGIC) {
            packages.complain(GapReason::Malformed, "a slot without its mark");
            return;
        }
        let number = |at| u32_at(slot, at).unwrap_or_default() as usize;
        let (index, offset, count) = (number(4), number(8), number(12));
        if index == 0 {
            continue;
        }
        let size = count.saturating_mul(BLOCK);
        let Some(left) = budget.checked_sub(size) else {
            packages.complain(GapReason::Malformed, "slots that overlap, or are cut off");
            return;
        };
        budget = left;
        let start = offset.saturating_mul(BLOCK);
        match bytes.get(start..start.saturating_add(size)) {
            Some(blob) => add(blob, index, packages),
            None => packages.complain(GapReason::Truncated, format!("package {index} is cut off")),
        }
    }
}

/// Takes a header out of its blob: mark, package, generation and length before it; checksum, length and mark behind it.
fn add(blob: &[u8], index: usize, packages: &mut Packages<'_>) {
    let bad = |what: &str| format!("package {index}: {what}");
    if blob.len() < BLOB_HEAD + BLOB_TAIL || !blob.starts_with(BLOB_MAGIC) {
        packages.complain(GapReason::Malformed, bad("no blob"));
        return;
    }
    let (body, tail) = blob.split_at(blob.len() - BLOB_TAIL);
    let length = u32_at(body, 12);
    let agree = u32_at(body, 4).map(|i| i as usize) == Some(index)
        && u32_at(tail, 4) == length
        && tail.ends_with(BLOB_END_MAGIC);
    let length = length.unwrap_or_default() as usize;
    let Some(header) = body.get(BLOB_HEAD..BLOB_HEAD.saturating_add(length)).filter(|_| agree)
    else {
        packages.complain(GapReason::Malformed, bad("the two ends of its blob disagree"));
        return;
    };
    // rpm would list it all the same, and so do we: but something wrote here that was not rpm.
    if u32_at(tail, 0) != Some(adler32(body)) {
        packages.complain(GapReason::Malformed, bad("its checksum is wrong"));
    }
    packages.add(header);
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// See: RFC 1950 §2.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    // The longest run after which the sums still fit 32 bits.
    const RUN: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for run in bytes.chunks(RUN) {
        for &byte in run {
            a += u32::from(byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use hullmark_oci::{FilePath, Limits};

    use super::super::header::build;
    use super::*;
    use crate::catalog::Found;

    fn number(value: usize) -> [u8; 4] {
        u32::try_from(value).unwrap().to_le_bytes()
    }

    fn blob(index: usize, header: &[u8]) -> Vec<u8> {
        let mut blob =
            [BLOB_MAGIC, &number(index), &number(1), &number(header.len()), header].concat();
        blob.resize((blob.len() + BLOB_TAIL).next_multiple_of(BLOCK) - BLOB_TAIL, 0);
        let sum = adler32(&blob).to_le_bytes();
        blob.extend([&sum[..], &number(header.len()), BLOB_END_MAGIC].concat());
        blob
    }

    fn database(packages: &[(&str, &str)]) -> Vec<u8> {
        let mut slots = [MAGIC, &number(0), &number(1), &number(1)].concat();
        slots.resize(HEADER_SLOTS * SLOT, 0);
        let mut blobs = Vec::new();
        for (i, (name, version)) in packages.iter().enumerate() {
            let blob = blob(i + 1, &build::package(name, version));
            let at = (PAGE + blobs.len()) / BLOCK;
            slots.extend(
                [SLOT_MAGIC, &number(i + 1), &number(at), &number(blob.len() / BLOCK)].concat(),
            );
            blobs.extend(blob);
        }
        while slots.len() < PAGE {
            slots.extend([SLOT_MAGIC, &[0; 12]].concat());
        }
        [slots, blobs].concat()
    }

    fn show(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (path, limits) = (FilePath::from("var/lib/rpm/Packages.db"), Limits::default());
        let mut found = Found::default();
        super::super::parse(bytes, &path, &limits, &mut found);
        super::super::super::show(&found)
    }

    #[test]
    fn adler32_is_the_rfcs() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(&[0xff; 100_000]), 0x149a_302c);
    }

    #[test]
    fn loops_and_lies_cost_one_package_and_leave_a_gap() {
        const SLOT_A: usize = HEADER_SLOTS * SLOT;
        type Change = fn(&mut Vec<u8>);
        let cases: &[(Change, &[&str], &str)] = &[
            (|_| {}, &["a 1-1", "b 2-1"], ""),
            (|d| d[4] = 1, &[], "unsupported: version 1"),
            (|d| d[12..16].copy_from_slice(&[0xff; 4]), &["a 1-1", "b 2-1"], "pages of slots"),
            (|d| d[12] = 0, &[], "0 pages of slots"),
            (|d| d[SLOT_A] = b'X', &[], "a slot without its mark"),
            // Both slots lead to the first package.
            (
                |d| d.copy_within(SLOT_A + 8..SLOT_A + 12, SLOT_A + SLOT + 8),
                &["a 1-1"],
                "package 2: ",
            ),
            (|d| d[SLOT_A + 9] = 0, &["b 2-1"], "package 1: no blob"),
            (|d| d[SLOT_A + 11] = 0xff, &["b 2-1"], "truncated: package 1 is cut off"),
            (|d| d[SLOT_A + 15] = 0xff, &[], "slots that overlap"),
            (|d| d[PAGE + 12] ^= 1, &["b 2-1"], "two ends of its blob disagree"),
            // The first letter of the name: everything agrees except for the checksum.
            (
                |d| d[PAGE + BLOB_HEAD + 8 + 48] = b'c',
                &["b 2-1", "c 1-1"],
                "package 1: its checksum is wrong",
            ),
        ];
        for (number, (change, packages, gap)) in cases.iter().enumerate() {
            let mut bytes = database(&[("a", "1"), ("b", "2")]);
            change(&mut bytes);
            let (got, gaps) = show(&bytes);
            assert_eq!(got, *packages, "case {number}: {gaps:?}");
            assert!(gaps.join("; ").contains(gap), "case {number}: {gaps:?}");
            assert_eq!(gaps.is_empty(), gap.is_empty(), "case {number}: {gaps:?}");
        }
    }

    #[test]
    fn a_crowd_of_slots_on_one_long_blob_ends() {
        let mut bytes = database(&[("a", "1")]);
        let long = blob(1, &build::package(&"a".repeat(60_000), "1"));
        let at = bytes.len() / BLOCK;
        for slot in bytes[HEADER_SLOTS * SLOT..PAGE].chunks_exact_mut(SLOT) {
            let fields = [SLOT_MAGIC, &number(1), &number(at), &number(long.len() / BLOCK)];
            slot.copy_from_slice(&fields.concat());
        }
        bytes.extend(long);
        let (packages, gaps) = show(&bytes);
        assert_eq!(packages.len(), 1);
        assert_eq!(gaps, ["malformed: slots that overlap, or are cut off"]);
    }
}
