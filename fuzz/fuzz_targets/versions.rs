//! Version orders: three versions, one a line, in every scheme.
#![no_main]

use std::cmp::Ordering;

use hullmark_advisory::version::rpm::OneSided::{Compare, Skip};
use hullmark_advisory::version::{MAX_LEN, Scheme, rpm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let versions: Vec<&str> = text.splitn(3, '\n').collect();
    for scheme in Scheme::ALL {
        assert_eq!(scheme.as_str().parse(), Ok(scheme));
        for version in &versions {
            check_key(scheme, version);
        }
        if let [a, b, ..] = versions[..] {
            let (ab, ba) = (scheme.compare(a, b), scheme.compare(b, a));
            assert_eq!(ab.ok(), ba.ok().map(Ordering::reverse), "{scheme}: {a:?} {b:?}");
        }
    }
    if let [a, b, ..] = versions[..] {
        for (epoch, release) in [(Compare, Compare), (Compare, Skip), (Skip, Compare), (Skip, Skip)]
        {
            let ab = rpm::compare_evr(a, b, epoch, release);
            let ba = rpm::compare_evr(b, a, epoch, release);
            assert_eq!(ab.ok(), ba.ok().map(Ordering::reverse), "{a:?} {b:?}");
        }
        let (ab, ba) = (rpm::compare_nevra(a, b), rpm::compare_nevra(b, a));
        assert_eq!(ab.ok(), ba.ok().map(Ordering::reverse), "{a:?} {b:?}");
    }
});

fn check_key(scheme: Scheme, version: &str) {
    let mut out = vec![7];
    let Ok(key) = scheme.key(version) else {
        assert!(scheme.key_into(version, &mut out).is_err());
        assert_eq!(out, [7], "an error leaves nothing behind");
        return;
    };
    if version.len() + 2 > MAX_LEN {
        return;
    }
    assert_eq!(scheme.key_into(&format!(" {version} "), &mut out), Ok(()));
    assert_eq!(out[1..], *key.as_bytes(), "white space does not count");
    assert!(key.as_bytes().len() <= 64 * (version.len() + 2), "keys are as long as versions are");
}
