//! What the fuzz targets share: tight limits, cataloguers called by path, and what must hold of everything that was found.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::{Debug, Display};
use std::str::FromStr;

use hullmark_inventory::Inventory;
use hullmark_inventory::catalog::{File, Found, catalogers};
use hullmark_inventory::fragment::{Fragment, Record};
use hullmark_inventory::overlay::{Layer, overlay};
use hullmark_inventory::purl::{self, PackageUrl};
use hullmark_oci::{Digest, FilePath, Limits};

/// Bytes of one allocation. Everything that a target may hold is bounded far below by [`limits`].
const LARGEST_ALLOCATION: usize = 256 << 20;

/// The system's allocator, which stops the process when somebody asks for what a hostile length field says: without a
/// sanitizer, memory that is never touched would not be noticed.
struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

// SAFETY: every call goes to the system's allocator with the caller's arguments.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        // SAFETY: as above.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}

fn check(size: usize) {
    if size > LARGEST_ALLOCATION {
        eprintln!("an allocation of {size} bytes");
        std::process::abort();
    }
}

/// Limits so tight that inputs of a few kilobytes reach them.
pub fn limits() -> Limits {
    Limits {
        index_manifests: 20,
        layers: 20,
        layer_bytes: 32 << 20,
        ratio_floor_bytes: 1 << 20,
        layer_entries: 2000,
        tar_header_bytes: 64 << 10,
        sparse_bytes: 4 << 20,
        zstd_window_log: 22,
        symlink_bytes: 64 << 10,
        file_bytes: 4 << 20,
        executable_tail_bytes: 1 << 20,
        packages: 200,
        archive_depth: 3,
        archive_entries: 200,
        archive_bytes: 4 << 20,
        document_bytes: 4 << 20,
        ..Limits::default()
    }
}

/// Splits off the first byte, and with it chooses one of `choices`.
pub fn choose<'a, 'd, T>(data: &'d [u8], choices: &'a [T]) -> Option<(&'a T, &'d [u8])> {
    let (first, rest) = data.split_first()?;
    Some((&choices[usize::from(*first) % choices.len()], rest))
}

/// Reads bytes as the file at `path` and checks what comes of it.
pub fn read_as(path: &str, bytes: &[u8]) {
    let limits = limits();
    let path = FilePath::from_raw(path.as_bytes());
    let cataloger = catalogers()
        .find(|cataloger| (cataloger.wants)(&path))
        .unwrap_or_else(|| panic!("nobody wants {path}"));
    let read = || {
        let (mut content, mut found) = (bytes, Found::default());
        let mut file = File::new(&path, bytes.len() as u64, 0o755, &mut content, &limits);
        (cataloger.read)(&mut file, &mut found).expect("memory can be read");
        found
    };
    let (first, second) = (read(), read());
    assert_eq!(first.records, second.records, "reading is deterministic");
    assert_eq!(first.gaps, second.gaps, "reading is deterministic");
    check_found(&path, first);
}

/// Checks everything that must hold of what was found in one file, wherever it came from.
pub fn check_found(path: &FilePath, found: Found) {
    let packages = found.records.iter().filter(|r| matches!(r, Record::Package(_))).count();
    assert!(packages <= limits().packages, "{packages} packages");
    let mut fragment = Fragment { gaps: found.gaps, ..Fragment::default() };
    fragment.files.insert(path.clone(), found.records);
    check_fragment(&fragment);
}

/// Checks that a fragment survives the cache, and that it can be overlaid.
pub fn check_fragment(fragment: &Fragment) {
    let bytes = postcard::to_stdvec(fragment).expect("fragments serialize");
    let again: Fragment = postcard::from_bytes(&bytes).expect("and deserialize");
    assert_eq!(*fragment, again, "the cache keeps fragments as they are");
    let diff_id = Digest::sha256(b"layer");
    let layer = Layer { diff_id: Some(&diff_id), fragment };
    check_inventory(&overlay(&[layer]));
    check_inventory(&overlay(&[layer, layer]));
}

/// Checks that an inventory is sorted and that each package has a URL that says the same when it is read again.
pub fn check_inventory(inventory: &Inventory) {
    assert!(inventory.packages.is_sorted(), "packages are sorted");
    assert!(inventory.gaps.is_sorted_by_key(|gap| &gap.path), "gaps are sorted");
    for package in &inventory.packages {
        let url = purl::of(package, inventory.os.as_ref());
        let text = url.to_string();
        match text.parse::<PackageUrl>() {
            Ok(again) => assert_eq!(url, again, "{text}"),
            Err(error) => assert!(
                matches!(error, purl::PurlError::TooLong) || url.clone().checked().is_err(),
                "{text}: {error}"
            ),
        }
    }
}

/// Checks that what was parsed is written as a text that means the same, and that is written the same again.
pub fn check_round_trip<T>(value: &T)
where
    T: FromStr<Err: Debug> + Display + PartialEq + Debug,
{
    let text = value.to_string();
    let again: T = text.parse().unwrap_or_else(|e| panic!("{text:?} of {value:?}: {e:?}"));
    assert_eq!(*value, again, "{text:?}");
    assert_eq!(text, again.to_string());
}
