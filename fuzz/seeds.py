#!/usr/bin/env python3
"""Makes the seeds in `corpus/`: small hand-made files of each format, and a few small ones of `../../shared/data`.

Usage: seeds.py [PATH OF THE hullmark BINARY]    (it compiles the segments; without it those seeds stay as they are)
The report in `corpus/evidence` is one that `hullmark scan --format json` wrote.
"""

import gzip
import io
import json
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "../../../shared/data"
LARGEST = 20_000


def seed(target, name, content):
    if isinstance(content, str):
        content = content.encode()
    assert len(content) <= LARGEST, (target, name, len(content))
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def data(pattern, limit=LARGEST - 1, count=3):
    """Small files of the shared data, smallest first."""
    found = [p for p in DATA.glob(pattern) if p.is_file() and 0 < p.stat().st_size <= limit]
    return sorted(found, key=lambda p: (p.stat().st_size, str(p)))[:count]


def tar(entries, kind=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                info.type, info.linkname = content
                archive.addfile(info)
            else:
                info.size, info.mode = len(content), 0o755
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue().rstrip(b"\0") + b"\0" * 1024


def rpm_header(name=b"base"):
    texts = [(1000, 6, name), (1001, 6, b"1.0"), (1002, 6, b"1"), (1014, 6, b"MIT"), (1022, 6, b"noarch"),
             (1044, 6, b"base-1.0-1.src.rpm")]
    index, store = b"", b""
    for tag, kind, text in texts:
        index += struct.pack(">IIII", tag, kind, len(store), 1)
        store += text + b"\0"
    store += b"\0" * (-len(store) % 4)
    index += struct.pack(">IIII", 1003, 4, len(store), 1)
    store += struct.pack(">I", 0)
    for tag, values in [(1116, [0, 1])]:
        index += struct.pack(">IIII", tag, 4, len(store), len(values))
        store += struct.pack(f">{len(values)}I", *values)
    for tag, values in [(1117, [b"a", b"b"]), (1118, [b"/usr/bin/", b"/etc/"])]:
        index += struct.pack(">IIII", tag, 8, len(store), len(values))
        store += b"".join(v + b"\0" for v in values)
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


def rpm_sqlite(blobs, page):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "db"
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA page_size={page}")
        db.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        db.executemany("INSERT INTO Packages(blob) VALUES (?)", [(b,) for b in blobs])
        db.commit()
        db.close()
        return path.read_bytes()


def rpm_ndb(blobs):
    slots, content, at = b"", b"", 4096
    for index, blob in enumerate(blobs, 1):
        body = b"BlbS" + struct.pack("<III", index, 1, len(blob)) + blob
        body += b"\0" * (-(len(body) + 12) % 16)
        body += struct.pack("<II", zlib.adler32(body), len(blob)) + b"BlbE"
        slots += b"Slot" + struct.pack("<III", index, at // 16, len(body) // 16)
        content, at = content + body, at + len(body)
    head = b"RpmP" + struct.pack("<IIIIIII", 0, 1, 1, len(blobs) + 1, 0, 0, 0)
    table = head + slots
    while len(table) < 4096:
        table += b"Slot" + b"\0" * 12
    return table + content


def rpm_bdb(blobs):
    """Three pages: the meta page, a hash page with one value inside and one that is elsewhere, an overflow page."""
    size = 512
    meta = bytearray(size)
    struct.pack_into("<IIII", meta, 0, 0, 1, 0, 0x061561)
    struct.pack_into("<II", meta, 16, 9, size)
    meta[25] = 8
    struct.pack_into("<I", meta, 32, 1 + len(blobs))
    page = bytearray(size)
    struct.pack_into("<I", page, 8, 1)
    page[25] = 13
    items, end = [], size
    for index, blob in enumerate(blobs):
        for item in (b"\x01" + struct.pack("<I", index + 1), struct.pack("<BxxxII", 3, 2 + index, len(blob))):
            end -= len(item)
            page[end:end + len(item)] = item
            items.append(end)
    struct.pack_into("<HH", page, 20, len(items), end)
    struct.pack_into(f"<{len(items)}H", page, 26, *items)
    out = bytes(meta) + bytes(page)
    for index, blob in enumerate(blobs):
        blob = blob[:size - 26]
        over = bytearray(size)
        struct.pack_into("<I", over, 8, 2 + index)
        struct.pack_into("<HH", over, 20, 1, len(blob))
        over[25] = 7
        over[26:26 + len(blob)] = blob
        out += bytes(over)
    return out


def elf(section, content, kind=2, align=1, segment=False):
    names = b"\0.shstrtab\0" + section + b"\0"
    at = 64 + (56 if segment else 0)
    at += -at % align
    names_at = at + len(content)
    table = names_at + len(names)
    head = b"\x7fELF\x02\x01\x01\0" + b"\0" * 8
    head += struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0x400000, 64, table, 0, 64, 56, int(segment), 64, 3, 1)
    if segment:
        head += struct.pack("<IIQQQQQQ", 1, 6, at, 0x400000 + at, 0, len(content), len(content), align)
    head += b"\0" * (at - len(head))
    rows = b"\0" * 64
    rows += struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
    rows += struct.pack("<IIQQQQIIQQ", 11, 1, 3, 0x400000 + at, at, len(content), 0, 0, align, 0)
    return head + content + names + rows


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def go_info():
    modules = b"path\texample.org/app\nmod\texample.org/app\t(devel)\t\ndep\texample.org/a\tv1.2.3\th1:x\n" \
              b"=>\texample.org/b\tv1.2.4\th1:y\nbuild\t-compiler=gc\nbuild\tGOARCH=amd64\n"
    modules = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6" + modules \
        + b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"
    out = b"\xff Go buildinf:\x08\x02" + b"\0" * 16
    return out + varint(8) + b"go1.22.1" + varint(len(modules)) + modules


def rust_list():
    return zlib.compress(json.dumps({"packages": [
        {"name": "app", "version": "0.1.0", "source": "local", "root": True, "dependencies": [1]},
        {"name": "libc", "version": "0.2.1", "source": "crates.io"}]}).encode())


def pe(section, content):
    out = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0"
    out += struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    out += struct.pack("<H", 0x20B) + b"\0" * 22 + struct.pack("<QII", 0x400000, 0x1000, 0x200)
    out += b"\0" * (240 - 40)
    at = 0x200
    out += section.ljust(8, b"\0") + struct.pack("<IIIIIIHHI", len(content), 0x1000, len(content), at, 0, 0, 0, 0, 0xC0000040)
    return out.ljust(at, b"\0") + content


def macho(segment, section, content):
    at = 0x200
    command = struct.pack("<II16sQQQQIIII", 0x19, 72 + 80, segment, 0x1000, len(content), at, len(content), 7, 3, 1, 0)
    command += struct.pack("<16s16sQQIIIIIIII", section, segment, 0x1000, len(content), at, 4, 0, 0, 0, 0, 0, 0)
    head = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 1, len(command), 0, 0)
    return (head + command).ljust(at, b"\0") + content


def fat(thin):
    return (struct.pack(">II", 0xCAFEBABE, 1) + struct.pack(">IIIII", 0x01000007, 3, 64, len(thin), 6)).ljust(64, b"\0") + thin


def archive(entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as zipped:
        for name, content in entries:
            zipped.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


DPKG = "Package: base\nStatus: install ok installed\nArchitecture: amd64\nSource: src (1.0)\nVersion: 1:1.0-1\n" \
       "Conffiles:\n /etc/a 0123\nDescription: text\n more\n .\n end\n\nPackage: old\nStatus: deinstall ok config-files\nVersion: 2\n"
APK = "C:Q1x\nP:musl\nV:1.2.3-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld.so\na:0:0:755\nZ:Q1y\n\nP:b\nV:1\n"
MF = "Manifest-Version: 1.0\nImplementation-Title: a\nImplementation-Version: 1.0\nBundle-SymbolicName: g.a;x=y\n cont\n"
POM = "groupId=g\nartifactId=a\nversion=1.0\n"
DIGEST = "sha256:" + "0" * 64


def oci():
    for name, text in enumerate(["alpine", "r.example:5000/a/b:t@" + DIGEST, "docker.io/library/a:1", "linux/arm64/v8",
                                 DIGEST, "usr/../etc//./a\0\xff", "[::1]:5000/a:b"]):
        seed("reference", str(name), text)
    descriptor = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 1, "digest": DIGEST,
                  "annotations": {"org.opencontainers.image.ref.name": "latest"},
                  "platform": {"os": "linux", "architecture": "amd64", "variant": "v8"}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": descriptor,
                "layers": [descriptor], "subject": descriptor}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}
    config = {"architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
              "config": {"User": "1", "Labels": {"a": "b"}, "Env": ["a=b"]},
              "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
              "history": [{"created_by": "x", "empty_layer": True}]}
    saved = [{"Config": "a.json", "RepoTags": ["a:1"], "Layers": ["l/layer.tar"]}]
    for name, value in [("manifest", manifest), ("index", index), ("config", config), ("saved", saved),
                        ("marker", {"imageLayoutVersion": "1.0.0"})]:
        seed("manifest", name, json.dumps(value))
    for name, text in enumerate(['Bearer realm="https://a/t",service="s",scope="repository:a:pull"', "Basic realm=a, Bearer",
                                 'Digest a="\\"", b = c , Negotiate abc==']):
        seed("www_authenticate", str(name), text)

    files = [("etc/os-release", b"ID=debian\nVERSION_ID=12\n"), ("var/lib/dpkg/status", DPKG.encode()),
             ("lib/apk/db/installed", APK.encode()), ("usr/bin/a", b"#!/bin/sh\n"),
             ("app/.wh.b", b""), ("app/.wh..wh..opq", b""), ("lib64", (tarfile.SYMTYPE, "usr/lib64")),
             ("etc/hard", (tarfile.LNKTYPE, "var/lib/dpkg/status")), ("x" * 120, b"long")]
    layers = {"pax": tar(files), "gnu": tar(files, tarfile.GNU_FORMAT), "ustar": tar(files[:4], tarfile.USTAR_FORMAT)}
    sparse = tarfile.TarInfo("sparse")
    sparse.size, sparse.pax_headers = 4, {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,2,100,2",
                                          "GNU.sparse.size": "4096", "GNU.sparse.name": "s"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive_:
        archive_.addfile(sparse, io.BytesIO(b"abcd"))
    layers["sparse"] = out.getvalue()[:4096]
    old = bytearray(tar([("s", b"ab")], tarfile.GNU_FORMAT))
    old[156] = ord("S")
    old[386:410] = b"%011o\0%011o\0" % (0, 2)
    old[483:495] = b"%011o\0" % 4096
    old[148:156] = b"%06o\0 " % (sum(old[:148]) + 256 + sum(old[156:512]))
    layers["gnu-sparse"] = bytes(old)
    for name, content in layers.items():
        seed("tar", name, content)
        if name in ("pax", "ustar"):
            seed("layer", name, content[:2048])
            seed("layer", name + ".gz", gzip.compress(content[:2048], mtime=0))
    zstd = subprocess.run(["zstd", "-c"], input=layers["ustar"], capture_output=True, check=False).stdout
    if zstd:
        seed("layer", "ustar.zst", zstd)
    seed("layer", "twice.gz", gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0))


def packages():
    header = rpm_header()
    seed("rpm_header", "base", header)
    seed("rpm_sqlite", "one", rpm_sqlite([header], 512))
    seed("rpm_sqlite", "overflow", rpm_sqlite([header, rpm_header(b"x" * 1500)], 512))
    seed("rpm_sqlite", "tree", rpm_sqlite([header] * 12, 512))
    seed("rpm_ndb", "two", rpm_ndb([header, header]))
    seed("rpm_bdb", "two", rpm_bdb([header, header]))
    for path in data("packages/rpm/rpm-bdb-*/rootfs/var/lib/rpm/Packages"):
        seed("rpm_bdb", path.parts[-6 if path.parts[-6].startswith("rpm-") else -5] + ".db", path.read_bytes())

    seed("dpkg", "status", b"\0" + DPKG.encode())
    seed("dpkg", "statusd", b"\1" + DPKG.encode())
    seed("dpkg", "md5sums", b"\2" + b"0" * 32 + b"  usr/bin/a\n")
    seed("dpkg", "list", b"\3/.\n/usr\n/usr/bin/a\n")
    seed("dpkg", "copyright", b"\4Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: MIT and GPL-2+\n text\n")
    seed("dpkg", "opkg", b"\5" + DPKG.encode())
    for path in data("packages/dpkg/*/rootfs/var/lib/dpkg/status", 4000):
        seed("dpkg", path.parts[-6], b"\0" + path.read_bytes())
    seed("apk", "two", APK)
    for path in data("packages/*/*/rootfs/lib/apk/db/installed", 6000):
        seed("apk", path.parts[-6], path.read_bytes())
    wall = '{"jsonwall":"1.0","schema":"1.0","count":4}\n{"kind":"package","name":"base","version":"1","sha256":"' + "0" * 64 \
        + '","arch":"amd64"}\n{"kind":"slice","name":"base_bins"}\n{"kind":"content","slice":"base_bins","path":"/a"}\n'
    compressed = subprocess.run(["zstd", "-c"], input=wall.encode(), capture_output=True, check=False).stdout
    for number, text in enumerate([
            "%NAME%\nbase\n\n%VERSION%\n1-1\n\n%BASE%\nb\n\n%ARCH%\nany\n\n%LICENSE%\nMIT\n", "%FILES%\nusr/\nusr/bin/a\n",
            compressed, "https://dl.example.org/alpine/v3.20/main\n@edge /a\n", "base\t1.0-1\t1\t2\tv\tnone\t3\tx86_64\t0\tbase-1.0-1.src.rpm\n",
            '{"content_sets":["a-for-x86_64-rpms"]}', '{"attached":true}',
            "NAME=\"A\\\"b\"\nID='x'\nID_LIKE=\"a b\"\nVERSION_ID=1\n# c\nCPE_NAME=cpe\n", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n",
            "3.20.1\n", "12.5\n", "CentOS Linux release 7.9.2009 (Core)\n"]):
        content = text.encode() if isinstance(text, str) else text
        seed("os_files", str(number), bytes([number]) + content)

    texts = ["Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: MIT\nClassifier: License :: OSI Approved :: MIT License\n\nbody\n",
             "Name: a\nVersion: 1\n", '{"name":"a","version":"1.0.0","license":{"type":"MIT"},"licenses":[{"type":"x"}]}',
             '{"name":"@s/a","version":"1"}', MF, POM,
             '# stub: a 1 ruby lib\nGem::Specification.new do |s|\n  s.name = "a".freeze\n  s.version = "1"\n  s.licenses = ["MIT".freeze]\nend\n',
             '{"packages":[{"name":"v/a","version":"1","license":["MIT"]}],"dev":true,"dev-package-names":["v/a"]}',
             '{"libraries":{"a/1.0.0":{"type":"package","sha512":""}},"targets":{}}', '{"name":"a","version":"1","build":"0","channel":"c","license":"MIT"}',
             '{"source":{"versions":{"stable":"1"}}}', '{"packages":[{"name":"a","versionInfo":"1","SPDXID":"SPDXRef-a"}]}']
    for number, text in enumerate(texts):
        seed("language", str(number), bytes([number]) + text.encode())
    texts = ['{"lockfileVersion":3,"packages":{"":{"name":"app"},"node_modules/a":{"version":"1.0.0","dev":true}},"dependencies":{"b":{"version":"1","requires":{"c":"1"}}}}',
             '# yarn lockfile v1\n\n"a@^1", b@npm:a:\n  version "1.0.0"\n  resolved "x"\n  dependencies:\n    c "1"\n',
             "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0(b@2)\npackages:\n  a@1.0.0:\n    resolution: {integrity: x}\nsnapshots:\n  a@1.0.0(b@2):\n    dev: true\n",
             '[[package]]\nname = "a"\nversion = "1"\ncategory = "dev"\n[metadata]\nx = """\na"""\n',
             '[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "x" }\n', '[[package]]\nname = "a"\nversion = "1"\ngroups = ["dev"]\n',
             'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\n', '{"default":{"a":{"version":"==1"}},"develop":{"b":{"version":"==2"}}}',
             "a==1 ; python_version > '3' \\\n --hash=sha256:0\n-r other.txt\nb>=1\n", "module m\ngo 1.22\nrequire (\n\ta v1.0.0 // indirect\n)\nreplace a => b v2\n",
             '[[package]]\nname = "a"\nversion = "1"\nsource = "registry+x"\nchecksum = "0"\n', "GEM\n  remote: x\n  specs:\n    a (1)\n      b (~> 1)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  a\n",
             '{"packages":[{"name":"v/a","version":"1"}],"packages-dev":[]}',
             "<project><properties><v>1</v></properties><groupId>g</groupId><artifactId>a</artifactId><version>${v}</version><dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId><version>2</version><scope>test</scope></dependency></dependencies></project>",
             "# c\ng:a:1=runtimeClasspath\nempty=x\n", '{"version":1,"dependencies":{"net8.0":{"a":{"type":"Direct","resolved":"1.0.0"}}}}']
    for number, text in enumerate(texts):
        seed("lockfile", str(number), bytes([number]) + text.encode())

    inner = archive([("META-INF/MANIFEST.MF", MF), ("META-INF/maven/g/a/pom.properties", POM)])
    seed("jar", "nested", archive([("META-INF/MANIFEST.MF", MF), ("BOOT-INF/lib/b-2.0.jar", inner), ("META-INF/maven/g/a/pom.properties", POM)]))
    seed("jar", "stored", archive([("META-INF/MANIFEST.MF", MF), ("lib/b-2.0.jar", inner)], zipfile.ZIP_STORED))
    seed("jar", "egg", archive([("EGG-INFO/PKG-INFO", "Name: a\nVersion: 1\n")]))
    seed("jar", "prefixed", b"#!/bin/sh\n" + inner)
    for path in data("packages/java/*/rootfs/**/*.jar", 16000):
        seed("jar", path.name, path.read_bytes())

    seed("executable", "go-elf", elf(b".go.buildinfo", go_info(), align=16, segment=True))
    seed("executable", "rust-elf", elf(b".dep-v0", rust_list(), kind=3))
    seed("executable", "go-pe", pe(b".data", go_info()))
    seed("executable", "rust-pe", pe(b".dep-v0", rust_list()))
    seed("executable", "go-macho", macho(b"__DATA", b"__go_buildinfo", go_info()))
    seed("executable", "rust-macho", macho(b"__DATA", b".dep-v0", rust_list()))
    seed("executable", "fat", fat(macho(b"__DATA", b"__go_buildinfo", go_info())))
    seed("executable", "script", "#!/usr/bin/env -S python3 -u\n")
    seed("executable", "release", 'IMPLEMENTOR="A"\nJAVA_VERSION="17.0.1"\n')


def documents():
    cyclonedx = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
        {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/%40s/a@1?x=y#z", "bom-ref": "a",
         "licenses": [{"license": {"id": "MIT"}}, {"expression": "MIT OR Apache-2.0"}],
         "components": [{"type": "library", "name": "b", "version": "2", "purl": "pkg:rpm/fedora/b@2?epoch=1&arch=x86_64&upstream=b-2.src.rpm&distro=fedora-39"}]},
        {"type": "operating-system", "name": "debian", "version": "12"}]}
    spdx = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "a", "packages": [
        {"SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1", "licenseDeclared": "MIT", "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/debian/a@1?distro=debian-12&upstream=s%401"}]}],
            "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-a"}]}
    syft = {"artifacts": [{"name": "a", "version": "1", "type": "python", "purl": "pkg:pypi/a@1", "locations": [{"path": "/a"}], "licenses": [{"value": "MIT"}]}],
            "distro": {"id": "alpine", "versionID": "3.20"}, "schema": {"version": "16.0.0"}, "descriptor": {"name": "syft"}}
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
                 "predicateType": "https://cyclonedx.org/bom", "predicate": cyclonedx}
    import base64
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": base64.b64encode(json.dumps(statement).encode()).decode(), "signatures": []}
    for name, value in [("cyclonedx", cyclonedx), ("spdx", spdx), ("syft", syft), ("statement", statement), ("envelope", envelope),
                        ("bundle", {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope})]:
        seed("sbom", name, json.dumps(value))
    for number, text in enumerate(["pkg:npm/%40s/a@1?b=c&d=e#f/g", "pkg:deb/debian/a@1%3A2?arch=amd64&distro=debian-12&upstream=s%402",
                                   "pkg:golang/a.org/b@v1#c", "pkg:maven/g/a@1", "pkg:oci/a@sha256%3A0?tag=x", "pkg:rpm/f/a@1-1?epoch=1&rpmmod=m",
                                   "MIT OR (GPL-2.0+ AND Apache-2.0 WITH LLVM-exception)", "License :: OSI Approved :: MIT License"]):
        seed("purl", str(number), text)


def advisories():
    for path in data("feeds/samples/*/*.json", 3000, 12):
        seed("osv", path.name, json.dumps(json.loads(path.read_text()), separators=(",", ":")))
    seed("osv", "cvss", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    seed("osv", "cvss4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")
    record = lambda number, ecosystem, name: {
        "id": f"CVE-2024-{number:04}", "modified": "2024-01-01T00:00:00Z", "aliases": ["GHSA-aaaa-bbbb-cccc"], "summary": "s", "details": "d",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "versions": ["1.0"],
                      "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}], "references": [{"type": "WEB", "url": "https://a"}]}
    records = [record(1, "Debian:12", "a"), record(2, "npm", "b"), record(3, "PyPI", "c")]
    records[2]["affected"][0]["ranges"][0]["events"][1] = {"last_affected": "2.0"}
    lines = [json.dumps(r, separators=(",", ":")) for r in records]
    seed("compile", "three", "\n".join(lines))
    for number, line in enumerate(lines):
        seed("compile", str(number), line)
    for number, text in enumerate(["1.0\n1.0-1\n1:0", "1.0.0-alpha.1+b\nv1.0.0\n1.0.0-alpha.b", "1!2.0.post1.dev2+l\n1.0rc1\n1.0a", "1.0-SNAPSHOT\n1-alpha-1\n1.ga",
                                   "1.2_rc1-r3\n1.2a_p1\n1.2", "1.0~rc^git1\n1.0^a\n1", "dev-main\n1.0.x-dev\n1.0-patch1", "0-0.20210101000000-abcdefabcdef\nv0.0.0\nv2.0.0+incompatible"]):
        seed("versions", str(number), text)
    texts = ['{"distroversion":"v3.20","reponame":"main","packages":[{"pkg":{"name":"a","secfixes":{"1.0-r0":["CVE-2024-1"],"0":["CVE-2024-2 X"]}}}]}',
             '<?xml version="1.0"?><updates><update status="final" type="security"><id>ALAS-1</id><title>t</title><issued date="2024-01-01 00:00"/><updated date="2024-01-01 00:00"/><severity>important</severity><description>d</description><references><reference href="h" id="CVE-2024-1" type="cve"/></references><pkglist><collection short="a"><name>n</name><package name="a" version="1" release="1" epoch="0" arch="x86_64"><filename>f</filename></package></collection></pkglist></update></updates>',
             '{"a":{"CVE-2024-1":{"description":"d","scope":"remote","releases":{"bookworm":{"status":"resolved","repositories":{"bookworm":"1"},"fixed_version":"1","urgency":"low"}}}}}',
             '{"document":{"title":"t","tracking":{"id":"CVE-2024-1","current_release_date":"2024-01-01T00:00:00Z"}},"product_tree":{"branches":[{"category":"vendor","branches":[{"product":{"product_id":"r","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9"}}}]}],"relationships":[{"category":"default_component_of","full_product_name":{"product_id":"r:a"},"product_reference":"a","relates_to_product_reference":"r"}]},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"known_affected":["r:a"],"fixed":["r:a"]},"threats":[{"category":"impact","details":"Low","product_ids":["r:a"]}]}]}',
             '{"title":"KEV","catalogVersion":"1","count":1,"vulnerabilities":[{"cveID":"CVE-2024-1","dateAdded":"2024-01-01","dueDate":"2024-02-01","knownRansomwareCampaignUse":"Known"}]}',
             "#model_version:v2023,score_date:2024-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1,0.1,0.9\n",
             '{"format":1,"updated":"2024-01-01T00:00:00Z","segments":[{"name":"npm","digest":"' + DIGEST + '","size":1,"records":1,"names":1,"newest":null,"updated":null,"source":"s"}]}']
    for number, text in enumerate(texts):
        seed("convert", str(number), bytes([number]) + text.encode())
    seed("suppress", "openvex", '{"@context":"https://openvex.dev/ns/v0.2.0","@id":"i","author":"a","timestamp":"2024-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2024-1","aliases":["x"]},"products":[{"@id":"pkg:npm/a@1","subcomponents":[{"@id":"pkg:npm/b"}]}],"status":"not_affected","justification":"component_not_present"}]}')
    seed("suppress", "csaf", '{"document":{"category":"csaf_vex","title":"t","tracking":{"id":"i","current_release_date":"2024-01-01T00:00:00Z"}},"product_tree":{"branches":[{"category":"product_version","name":"1","product":{"product_id":"p","name":"n","product_identification_helper":{"purl":"pkg:npm/a@1"}}}]},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"known_not_affected":["p"]},"flags":[{"label":"component_not_present","product_ids":["p"]}]}]}')
    seed("suppress", "ignore", 'ignore:\n  - {id: CVE-2024-1, package: "a*", reason: r, expires: 2030-01-01}\n  - {purl: "pkg:npm/*", path: "a/**", reason: r}\n')
    for path in (HERE / "../examples/policies").glob("*.yaml"):
        seed("policy", path.name, path.read_bytes())
    seed("policy", "json", '{"apiVersion":"hullmark.io/v1alpha1","kind":"TrustPolicy","metadata":{"name":"a","namespace":"n"},"spec":{"match":{"unmatched":true},"stages":{"build":"warn"},"require":[{"name":"x","anyOf":[{"name":"a","age":{"max":"7d"}},{"name":"b","user":{"notRoot":true}}]}]}}')
    if len(sys.argv) > 1:
        segments(lines)
    # Postcard of an empty fragment, and of one with a whiteout, an opaque folder, and a symbolic link.
    seed("fragment", "empty", b"\0" * 12)
    seed("fragment", "hides", b"\0\1\3a/b\1\1c\2\1a\3../\1d\1a\1\5\0")


def segments(lines):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number, line in enumerate(lines):
            (folder / f"{number}.json").write_text(line)
        inputs = [str(folder / f"{n}.json") for n in range(len(lines))]
        subprocess.run([sys.argv[1], "db", "import", *inputs, "--data-dir", str(folder / "data")], check=True)
        for path in folder.glob("data/**/*.seg*"):
            seed("segment", path.name[:12], path.read_bytes())
        for path in folder.glob("data/**/*"):
            print(path.relative_to(folder))


oci()
packages()
documents()
advisories()
