//! Properties of every scheme, on strings made of what versions are made of and on arbitrary ones.

use std::cmp::Ordering;

use hullmark_advisory::version::rpm::{self, OneSided};
use hullmark_advisory::version::{MAX_LEN, Scheme};
use proptest::prelude::*;

/// Pieces from which most schemes can read most strings.
fn versions() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "0",
        "1",
        "2",
        "9",
        "10",
        "00",
        "01",
        "99999999999999999999999",
        ".",
        ".",
        ".",
        "-",
        "_",
        "+",
        "~",
        "^",
        ":",
        "!",
        "a",
        "b",
        "rc",
        "alpha",
        "beta",
        "dev",
        "post",
        "p",
        "r",
        "-r1",
        "v",
        "final",
        "sp",
        "SNAPSHOT",
        "x",
        "go1.",
        "*",
        "@dev",
        "foo",
        "\u{e9}",
        "\0",
    ]);
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

fn reverse(order: Result<Ordering, impl Sized>) -> Option<Ordering> {
    order.ok().map(Ordering::reverse)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comparing_is_antisymmetric_and_agrees_with_keys(a in versions(), b in versions()) {
        for scheme in Scheme::ALL {
            let order = scheme.compare(&a, &b);
            prop_assert_eq!(order.ok(), reverse(scheme.compare(&b, &a)), "{}", scheme);
            if let (Ok(x), Ok(y)) = (scheme.key(&a), scheme.key(&b)) {
                prop_assert_eq!(order, Ok(x.cmp(&y)));
                prop_assert_eq!(order, Ok(x.as_bytes().cmp(y.as_bytes())));
            }
        }
        for one_sided in [OneSided::Compare, OneSided::Skip] {
            let order = rpm::compare_evr(&a, &b, one_sided, one_sided);
            prop_assert_eq!(order.ok(), reverse(rpm::compare_evr(&b, &a, one_sided, one_sided)));
        }
        prop_assert_eq!(rpm::compare_nevra(&a, &b).ok(), reverse(rpm::compare_nevra(&b, &a)));
    }

    /// Other than equal ones, no key starts with another, but for releases and builds that one side lacks.
    #[test]
    fn keys_end_themselves(a in versions(), b in versions()) {
        for scheme in Scheme::ALL {
            let lacks = matches!(scheme, Scheme::Rpm | Scheme::Pacman | Scheme::Pub);
            let plain_list = matches!(scheme, Scheme::Hackage | Scheme::Cran);
            if lacks || plain_list {
                continue;
            }
            if let (Ok(x), Ok(y)) = (scheme.key(&a), scheme.key(&b)) {
                prop_assert!(x == y || !x.as_bytes().starts_with(y.as_bytes()), "{}", scheme);
            }
        }
    }

    #[test]
    fn arbitrary_text_neither_panics_nor_leaves_traces(text in any::<String>(), start in any::<[u8; 3]>()) {
        for scheme in Scheme::ALL {
            let mut out = start.to_vec();
            match scheme.key_into(&text, &mut out) {
                Ok(()) => prop_assert_eq!(&out[3..], &scheme.key(&text).expect("parses again").into_bytes()[..]),
                Err(reason) => {
                    prop_assert_eq!(Err(reason), scheme.key(&text).map(|_| ()));
                    prop_assert_eq!(&out[..], &start[..]);
                }
            }
        }
    }
}

#[test]
fn the_longest_versions_have_short_keys() {
    for text in
        ["1", "0", "a", ".", "-", "1.", "0.", "1a", "a1", "1-", "1~", "0-0.", "~", "^", "_p"]
    {
        let version = format!("1{}", text.repeat((MAX_LEN - 1) / text.len()));
        for scheme in Scheme::ALL {
            if let Ok(key) = scheme.key(&version) {
                assert!(key.as_bytes().len() <= 6 * MAX_LEN, "{scheme}: {text}");
            }
        }
    }
}
