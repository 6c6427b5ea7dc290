//! Package URLs and licences.
#![no_main]

use hullmark_fuzz::check_round_trip;
use hullmark_inventory::license::{self, License};
use hullmark_inventory::purl::{self, PackageUrl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Some(license) = license::normalize(text)
        && !matches!(license, License::Name(_))
    {
        assert_eq!(license::normalize(license.as_str()).as_ref(), Some(&license), "normal at once");
    }
    let Ok(url) = text.parse::<PackageUrl>() else { return };
    check_round_trip(&url);
    assert!(url.without_version().version().is_none());
    let os = purl::os_of(&url);
    if let Some(package) = purl::to_package(&url) {
        let again = purl::to_package(&purl::of(&package, os.as_ref())).expect("the same type");
        assert_eq!((package.kind, package.name), (again.kind, again.name));
    }
});
