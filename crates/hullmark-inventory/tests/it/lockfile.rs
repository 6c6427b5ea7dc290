//! Tests of `lockfile`: small files in every version of their formats, and hostile twins.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, Instant};

use hullmark_inventory::GapReason;
use hullmark_inventory::catalog::Found;
use hullmark_inventory::package::Presence;
use hullmark_oci::Limits;
use proptest::prelude::*;

use crate::language::{joined, packages, read, read_within, reasons};

/// `name version`, with `dev`, `local`, `indirect` and the platform where they apply.
fn show(found: &Found) -> String {
    let mut lines = Vec::new();
    for package in packages(found) {
        assert_eq!(package.presence, Presence::Declared);
        let mut line = format!("{} {}", package.name, package.version);
        for (property, word) in
            [("scope", " dev"), ("local", " local"), ("go.indirect", " indirect")]
        {
            if package.property(property).is_some() {
                line.push_str(word);
            }
        }
        if let Some(arch) = &package.arch {
            line.push_str(&format!(" [{arch}]"));
        }
        lines.push(line);
    }
    lines.sort();
    lines.join(", ")
}

/// Checks what the file at `path` declares and the reasons of its gaps.
fn check(path: &str, text: &str, want: &str, gaps: &str) {
    let found = read(path, text.as_bytes());
    assert_eq!(
        (show(&found).as_str(), joined(&found).as_str()),
        (want, gaps),
        "{path}: {:?}",
        found.gaps
    );
}

#[test]
fn npm_locks() {
    let path = "srv/package-lock.json";
    check(
        path,
        r#"{"lockfileVersion":1,"dependencies":{
            "a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0","dev":true}}},
            "b":{"version":"2.0.0"},
            "cjs":{"version":"npm:@s/c@3.0.0","dev":true},
            "here":{"version":"file:../here"}}}"#,
        "@s/c 3.0.0 dev, a 1.0.0, b 2.0.0",
        "",
    );
    check(
        "srv/npm-shrinkwrap.json",
        r#"{"lockfileVersion":3,"packages":{
            "":{"name":"app","version":"0.1.0"},
            "packages/lib":{"name":"@app/lib","version":"0.2.0"},
            "packages/bare":{},
            "node_modules/@app/lib":{"resolved":"packages/lib","link":true},
            "node_modules/@s/a":{"version":"1.0.0","license":"MIT"},
            "node_modules/@s/a/node_modules/b":{"version":"2.0.0","dev":true},
            "node_modules/alias":{"name":"real","version":"3.0.0","devOptional":true},
            "node_modules/none":{}}}"#,
        "@app/lib 0.2.0 local, @s/a 1.0.0, app 0.1.0 local, b 2.0.0 dev, real 3.0.0 dev",
        "Incomplete",
    );
    check(path, "{\"packages\":{\"node_modules/a\":{\"version\":", "", "Truncated");
    check(path, "[]", "", "Malformed");
    check("srv/node_modules/a/package-lock.json", "[]", "", "");
    let deep = r#"{"dependencies":{"a":"#.repeat(1000);
    check(path, &deep, "", "TooDeep");
}

#[test]
fn yarn_locks() {
    let path = "srv/yarn.lock";
    check(
        path,
        "# yarn lockfile v1\n\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.1.0\"\n  resolved \"https://r/a.tgz#x\"\n  dependencies:\n    version \"9\"\n\nb@~2:\r\n  version \"2.0.1\"\r\n\n\"cjs@npm:string-width@^4\":\n  version \"4.2.0\"\n\nlost@1:\n  resolved \"x\"\n",
        "@s/a 1.1.0, b 2.0.1, string-width 4.2.0",
        "Incomplete",
    );
    check(
        path,
        "__metadata:\n  version: 6\n\n\"@s/a@npm:^1.0.0\":\n  version: 1.1.0\n  resolution: \"@s/a@npm:1.1.0\"\n  linkType: hard\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n\n\"cjs@npm:b@^2\":\n  version: 2.0.0\n  resolution: \"b@npm:2.0.0\"\n\n\"p@patch:p@^1#x\":\n  version: 1.5.0\n  resolution: \"p@patch:p@npm%3A1.5.0#x::version=1.5.0&hash=y\"\n",
        "@s/a 1.1.0, b 2.0.0, p 1.5.0",
        "",
    );
    check(path, "\u{0}", "", "");
}

#[test]
fn pnpm_locks() {
    let path = "srv/pnpm-lock.yaml";
    check(
        path,
        "lockfileVersion: 5.4\n\nspecifiers:\n  a: 1\n\npackages:\n\n  /@s/a/1.0.0_b@2.0.0:\n    resolution: {integrity: sha512-x==}\n    dev: true\n\n  /b/2.0.0:\n    resolution: {integrity: y}\n    dependencies:\n      name: 3\n    dev: false\n\n  github.com/u/c/abc:\n    resolution: {tarball: https://x}\n    name: c\n    version: 3.0.0\n    dev: false\n",
        "@s/a 1.0.0 dev, b 2.0.0, c 3.0.0",
        "",
    );
    check(
        path,
        "lockfileVersion: '6.0'\npackages:\n  /@s/a@1.0.0(b@2.0.0):\n    dev: true\n  ? /long@1.0.0(b@2.0.0)\n  : resolution: {integrity: x}\n    dev: true\n  file:../here:\n    name: here\n    version: 1.0.0\n",
        "@s/a 1.0.0 dev, long 1.0.0 dev",
        "",
    );
    check(
        path,
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        version: 1.0.0\npackages:\n  '@s/a@1.0.0':\n    resolution: {integrity: x}\n  b@2.0.0: {}\n  c@https://codeload.x/abc:\n    resolution: {tarball: https://x}\n    version: 3.0.0\n  d@file:../d:\n    resolution: {directory: ../d, type: directory}\n",
        "@s/a 1.0.0, b 2.0.0, c 3.0.0",
        "",
    );
    check(
        path,
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0(p@1.0.0)\n      al:\n        specifier: npm:real@2\n        version: real@2.0.0\n    devDependencies:\n      '@s/d':\n        specifier: 1\n        version: 1.0.0\npackages:\n  '@s/d@1.0.0': {}\n  a@1.0.0: {}\n  b@1.0.0: {}\n  c@1.0.0: {}\n  p@1.0.0: {}\n  real@2.0.0: {}\nsnapshots:\n  '@s/d@1.0.0':\n    dependencies:\n      c: 1.0.0\n      b: 1.0.0\n  a@1.0.0(p@1.0.0):\n    dependencies:\n      p: 1.0.0\n    optionalDependencies:\n      b: 1.0.0\n    transitivePeerDependencies:\n      - x\n  b@1.0.0:\n    dependencies:\n      a: 1.0.0(p@1.0.0)\n  c@1.0.0: {}\n  p@1.0.0: {}\n  real@2.0.0: {}\n",
        "@s/d 1.0.0 dev, a 1.0.0, b 1.0.0, c 1.0.0 dev, p 1.0.0, real 2.0.0",
        "",
    );
    check(path, "packages:\n  a:\n", "", "Incomplete");
}

#[test]
fn python_locks() {
    check(
        "srv/poetry.lock",
        "[[package]]\nname = \"a\"\nversion = \"1.0\"\ncategory = \"main\"\n\n[package.dependencies]\nb = \"*\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0\"\ncategory = \"dev\"\n\n[[package]]\nname = \"c\"\nversion = \"3.0\"\ngroups = [\"main\", \"dev\"]\n[package.source]\ntype = \"legacy\"\nurl = \"x\"\n\n[metadata]\nlock-version = \"2.0\"\n",
        "a 1.0, b 2.0 dev, c 3.0",
        "",
    );
    check(
        "srv/uv.lock",
        "version = 1\nrequires-python = \">=3.12\"\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { registry = \"https://x\" }\nsdist = { url = \"u\", hash = \"h\", size = 1 }\n\n[[package]]\nname = \"app\"\nversion = \"0.1\"\nsource = { virtual = \".\" }\n\n[[package]]\nname = \"dynamic\"\nsource = { editable = \".\" }\n\n[[package]]\nname = \"git\"\nsource = { git = \"https://x\" }\n",
        "a 1.0, app 0.1 local",
        "Incomplete",
    );
    check(
        "srv/pdm.lock",
        "[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [\"test\"]\n",
        "a 1 dev",
        "",
    );
    check("srv/pylock.toml", "[[packages]]\nname = \"a\"\nversion = \"1\"\n", "a 1", "");
    check("srv/uv.lock", "[[package]]\nname = \"a\"\nversion = \"", "", "Truncated,Incomplete");
    check("srv/uv.lock", &"[".repeat(100_000), "", "Malformed");
    check("srv/uv.lock", &format!("a = {}", "[".repeat(100_000)), "", "Truncated");
    check(
        "srv/Pipfile.lock",
        r#"{"_meta":{},"default":{"a":{"version":"==1.0"},"g":{"git":"x","ref":"y"},"here":{"path":"."}},"develop":{"a":{"version":"==1.0"},"d":{"version":"==2"}}}"#,
        "a 1.0, d 2 dev",
        "Incomplete",
    );
}

#[test]
fn requirements() {
    check(
        "srv/requirements.txt",
        "\u{feff}# comment\na==1.0  # why\nb[x,y] == 2.0 ; python_version < '3'\nc===3.0 --hash=sha256:x\nd==4.0 \\\n    --hash=sha256:x \\\n    --hash=sha256:y\n-r other.txt\n--index-url https://x\n-e git+https://x#egg=y\n./here\ne @ https://x/e.whl\n(f)\ng>=1\nh\ni==1.*\nj==1,<2\n",
        "a 1.0, b 2.0, c 3.0, d 4.0",
        "Incomplete",
    );
    let found = read("srv/requirements.txt", b"g>=1\nh\n");
    assert_eq!(found.gaps[0].detail, "no exact version: g, h");
    check("srv/requirements-dev.txt", "a==1", "a 1 dev", "");
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain("a==1\r\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(show(&read("srv/requirements.txt", &utf16)), "a 1");
    check("srv/notes.txt", "a==1", "", "");
}

#[test]
fn go_mods() {
    check(
        "srv/go.mod",
        "module example.com/app // x\n\ngo 1.21\n\nrequire example.com/a v1.0.0\n\nrequire (\n\texample.com/b v1.1.0 // indirect\n\texample.com/c v1.2.0\n\t\"example.com/d\" v1.3.0\n\texample.com/e v1.4.0\n\texample.com/f v1.5.0\n)\n\nexclude example.com/f v1.5.0\nreplace (\n\texample.com/c => ../c\n\texample.com/d v1.3.0 => example.com/fork/d v2.0.0\n\texample.com/e v9.9.9 => ../e\n)\n",
        "example.com/a v1.0.0, example.com/b v1.1.0 indirect, example.com/e v1.4.0, example.com/fork/d v2.0.0",
        "",
    );
    check("usr/local/go/src/go.mod", "require a v1", "", "");
    check("srv/go.mod", "require (\nreplace =>\n=> =>\n", "", "Incomplete");
}

#[test]
fn cargo_gem_and_composer_locks() {
    check(
        "srv/Cargo.lock",
        "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"libc\"]\n\n[[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nsource = \"registry+https://x\"\nchecksum = \"y\"\n\n[metadata]\n\"checksum a 1 (registry)\" = \"x\"\n",
        "app 0.1.0 local, libc 0.2.1",
        "",
    );
    check(
        "srv/Gemfile.lock",
        "PATH\n  remote: .\n  specs:\n    own (0.1)\n      rack\n\nGEM\n  remote: https://x/\n  specs:\n    nokogiri (1.13.0-x86_64-linux)\n      racc (~> 1.4)\n    rack (2.2.0)\n\nPLATFORMS\n  x86_64-linux\n\nDEPENDENCIES\n  rack!\n\nBUNDLED WITH\n   2.3.0\n",
        "nokogiri 1.13.0 [x86_64-linux], own 0.1 local, rack 2.2.0",
        "",
    );
    check(
        "srv/composer.lock",
        r#"{"packages":[{"name":"a/b","version":"v1","license":["MIT"]}],"packages-dev":[{"name":"c/d","version":"2"},{"name":"e/f"}]}"#,
        "a/b v1, c/d 2 dev, e/f  dev",
        "Incomplete",
    );
    check("srv/vendor/a/b/composer.lock", "{", "", "");
}

#[test]
fn maven_poms() {
    let path = "srv/pom.xml";
    check(
        path,
        "<?xml version=\"1.0\"?><project xmlns=\"http://maven.apache.org/POM/4.0.0\"><parent><groupId>g</groupId><artifactId>p</artifactId><version>7</version></parent><artifactId>app</artifactId>
        <properties><v>1.${minor}</v><minor>2</minor><loop>${loop}</loop></properties>
        <dependencyManagement><dependencies><dependency><groupId>m</groupId><artifactId>m</artifactId><version>3</version><scope>test</scope></dependency></dependencies></dependencyManagement>
        <dependencies>
        <dependency><groupId>a</groupId><artifactId>a</artifactId><version>${v}</version><exclusions><exclusion><groupId>x</groupId><artifactId>x</artifactId></exclusion></exclusions></dependency>
        <dependency><groupId>${project.groupId}</groupId><artifactId>b</artifactId><version>${project.version}</version></dependency>
        <dependency><groupId>m</groupId><artifactId>m</artifactId></dependency>
        <dependency><groupId>n</groupId><artifactId>n</artifactId></dependency>
        <dependency><groupId>o</groupId><artifactId>o</artifactId><version>${loop}</version></dependency>
        <dependency><groupId>r</groupId><artifactId>r</artifactId><version>[1,2)</version></dependency>
        </dependencies></project>",
        "a:a 1.2, g:app 7 local, g:b 7, m:m 3 dev",
        "Incomplete",
    );
    check(path, "<project><dependencies>", "", "Truncated");
    check(path, "<project></x>", "", "Malformed");
    check(path, &"<a>".repeat(100_000), "", "TooDeep");
    check("srv/META-INF/maven/g/a/pom.xml", "<", "", "");
}

#[test]
fn gradle_and_nuget_locks() {
    check(
        "srv/gradle.lockfile",
        "# comment\na:a:1=compileClasspath,testCompileClasspath\nb:b:2=testRuntimeClasspath\nempty=x\njunk\n",
        "a:a 1, b:b 2 dev",
        "Malformed",
    );
    check(
        "srv/packages.lock.json",
        r#"{"version":1,"dependencies":{"net6.0":{"A":{"type":"Direct","requested":"[1, )","resolved":"1.0.0"},"own":{"type":"Project"}},"net7.0":{"A":{"type":"Transitive","resolved":"1.0.0"},"B":{"type":"Direct"}}}}"#,
        "A 1.0.0",
        "Incomplete",
    );
}

/// Every lock file, with a text that it likes.
const SEEDS: [(&str, &str); 12] = [
    (
        "package-lock.json",
        r#"{"packages":{"node_modules/a":{"version":"1"}},"dependencies":{"a":{"version":"1"}}}"#,
    ),
    ("yarn.lock", "\"@s/a@^1\":\n  version \"1\"\n  resolution: \"a@npm:1\"\n"),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: 5.4\npackages:\n  /@s/a/1_b@2:\n    dev: true\n  '@s/a@1(b@2)':\n    name: é\nimporters:\n  .:\n    dependencies:\n      é:\n        version: 1(\nsnapshots:\n  é@1(:\n    dependencies:\n      a: é@1\n",
    ),
    ("poetry.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n"),
    ("Pipfile.lock", r#"{"default":{"a":{"version":"==1"}}}"#),
    ("requirements.txt", "a[b]==1 \\\n --hash=x\né>2; x\n-r y\n"),
    ("go.mod", "module m\nrequire (\n a v1 // indirect\n)\nreplace a => \"b\" v2\n"),
    ("Gemfile.lock", "GEM\n  specs:\n    a (1-x)\n"),
    ("composer.lock", r#"{"packages":[{"name":"a/b","version":"1"}]}"#),
    (
        "pom.xml",
        "<project><properties><é>1</é></properties><dependencies><dependency><groupId>a</groupId><artifactId>a</artifactId><version>${é}</version></dependency></dependencies></project>",
    ),
    ("gradle.lockfile", "a:b:1=c\n"),
    ("packages.lock.json", r#"{"dependencies":{"n":{"A":{"resolved":"1"}}}}"#),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn edited_files_do_not_panic(
        seed in 0..SEEDS.len(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (path, text) = SEEDS[seed];
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(path, &bytes);
        bytes.truncate(cut.index(bytes.len()));
        read(path, &bytes);
    }
}

#[test]
fn many_lines_take_linear_time_and_bounded_memory() {
    let limits = Limits { packages: 1000, ..Limits::default() };
    for (path, head, line) in [
        ("yarn.lock", "", "a@N:\n  version \"1\"\n"),
        ("pnpm-lock.yaml", "packages:\n", "  a@N:\n    dev: true\n"),
        ("requirements.txt", "", "aN==1\n"),
        ("requirements.txt", "", "aN\n"),
        ("requirements.txt", "", "a\\\n"),
        ("go.mod", "require (\n", "a/N v1\n"),
        ("go.mod", "", "replace aN => b v1\n"),
        ("Gemfile.lock", "GEM\n  specs:\n", "    aN (1)\n"),
        ("gradle.lockfile", "", "a:aN:1=x\n"),
        ("gradle.lockfile", "", "x\n"),
        (
            "pom.xml",
            "<project><dependencies>",
            "<dependency><groupId>g</groupId><artifactId>aN</artifactId></dependency>",
        ),
        ("pom.xml", "<project><properties>", "<pN>${pN}</pN>"),
        ("a/composer.lock", "{\"packages\":[", "{\"name\":\"aN\",\"version\":\"1\"},"),
        ("a/package-lock.json", "{\"packages\":{", "\"node_modules/aN\":{\"version\":\"1\"},"),
        ("a/poetry.lock", "", "[[package]]\nname=\"N\"\n"),
        ("x/a.dist-info/METADATA", "", "Classifier: License :: N\n"),
        ("x/META-INF/MANIFEST.MF", "Bundle-License: x\n", " N\n"),
        ("x/specifications/a.gemspec", "", "s.licenses = ['N'\n"),
    ] {
        let mut text = String::from(head);
        let count = 30_000;
        for n in 0..count {
            text.push_str(&line.replace('N', &n.to_string()));
        }
        let start = Instant::now();
        let found = read_within(path, text.as_bytes(), &limits);
        assert!(packages(&found).len() <= 1000, "{path}");
        assert!(found.gaps.len() <= 50, "{path}");
        // Far above what it takes without optimisation; quadratic time would take hours.
        assert!(start.elapsed() < Duration::from_secs(20), "{path}: {:?}", start.elapsed());
    }
    let lines = "a==1\n".repeat(10) + &"b\n".repeat(100);
    let found = read_within("requirements.txt", lines.as_bytes(), &limits);
    assert_eq!(reasons(&found), [GapReason::Incomplete]);
    assert!(found.gaps[0].detail.ends_with("and 80 more"));
}
