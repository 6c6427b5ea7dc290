//! Well-known programs that carry their version as text: which file names are looked at, and what the text looks like.
//!
//! A name alone never makes a package, and neither does a text in a file of another name: both have to agree. The texts are what
//! the programs print, or send over the network, about themselves.

use std::sync::OnceLock;

use memchr::memmem::Finder;
use regex::bytes::Regex;

use hullmark_oci::FilePath;

use crate::package::{Package, PackageKind};

use super::window::Window;

/// Bytes before and behind an anchor that a pattern may look at.
const BEFORE: usize = 160;
const BEHIND: usize = 256;

/// Anchors looked at in one file: a file full of them would cost minutes.
const MAX_ANCHORS: usize = 10_000;

/// One program.
struct Program {
    /// Name of the package.
    name: &'static str,
    /// File names: exact, or the beginning of one (`*` at the end), or its end (`*` in front).
    files: &'static [&'static str],
    /// Bytes that are part of every match, so that nothing else needs to be looked at.
    anchor: &'static [u8],
    /// The text, with the version as first group.
    pattern: &'static str,
    /// Vendor and product in the CPE dictionary.
    cpe: &'static str,
    /// Name of Bitnami's component, if it has one.
    bitnami: &'static str,
    /// What else must be true.
    check: Check,
}

/// What has to be true of a version beside the pattern.
#[derive(PartialEq)]
enum Check {
    /// Nothing.
    None,
    /// It begins with the numbers in the file's name (`3.11` in `libpython3.11.so.1.0`).
    FileName,
}

const fn program(
    name: &'static str,
    files: &'static [&'static str],
    anchor: &'static [u8],
    pattern: &'static str,
    cpe: &'static str,
    bitnami: &'static str,
) -> Program {
    Program { name, files, anchor, pattern, cpe, bitnami, check: Check::None }
}

/// Every program, by name.
#[rustfmt::skip]
static PROGRAMS: &[Program] = &[
    program("bash", &["bash"], b"@(#)Bash version ", r"@\(#\)Bash version (\d+\.\d+\.\d+)\(", "gnu:bash", ""),
    program("bind", &["named", "libisc-9*", "libisc.so*"], b"libisc-9.", r"libisc-(9\.\d+\.\d+)", "isc:bind", ""),
    program("bun", &["bun"], b"Bun v", r"\bBun v(\d+\.\d+\.\d+)\b", "oven:bun", "bun"),
    program("busybox", &["busybox*"], b"BusyBox v", r"BusyBox v(\d+\.\d+\.\d+)[ \x00]", "busybox:busybox", ""),
    program("cups", &["cupsd", "libcups.so*"], b"CUPS/", r"\x00CUPS/(\d+\.\d+(?:\.\d+|rc\d+)?) ", "openprinting:cups", ""),
    program("curl", &["curl"], b"curl/", r"\x00curl/(\d+\.\d+\.\d+)\x00", "haxx:curl", ""),
    program("deno", &["deno"], b"Deno/", r"Deno/(\d+\.\d+\.\d+)\+[0-9a-f]{7}", "deno:deno", "deno"),
    program("dnsmasq", &["dnsmasq"], b"dnsmasq-", r"\x00dnsmasq-(\d+\.\d+)\x00", "thekelleys:dnsmasq", ""),
    program("dropbear", &["dropbear*"], b"SSH-2.0-dropbear_", r"SSH-2\.0-dropbear_(\d{4}\.\d+)", "dropbear_ssh_project:dropbear_ssh", ""),
    program("envoy", &["envoy"], b"/RELEASE/BoringSSL", r"[0-9a-f]{40}/(\d+\.\d+\.\d+)/\w+/RELEASE/BoringSSL", "envoyproxy:envoy", "envoy"),
    program("expat", &["libexpat*"], b"expat_", r"\x00expat_(\d+\.\d+\.\d+)\x00", "libexpat_project:libexpat", ""),
    program("gawk", &["gawk"], b"GNU Awk ", r"GNU Awk (\d+\.\d+\.\d+)\x00", "gnu:gawk", ""),
    program("gcc", &["gcc", "gcc-*", "*-gcc", "*-linux-gnu-gcc-*"], b"gcc version ", r"\x00(\d+\.\d+\.\d+)\x00\([^\x00]{2,80}\) \x00gcc version ", "gnu:gcc", ""),
    program("git", &["git"], b"git/", r"git/(\d+\.\d+(?:\.\d+)+)\x00", "git-scm:git", "git"),
    program("glibc", &["libc.so.6", "libc-2.*"], b") stable release version ", r"GNU C Library \([^)\x00]*\) stable release version (2\.\d+)\.", "gnu:glibc", ""),
    program("gnutls", &["libgnutls.so*"], b"Enabled GnuTLS ", r"Enabled GnuTLS (\d+\.\d+\.\d+) logging", "gnu:gnutls", ""),
    program("haproxy", &["haproxy"], b", released 20", r" version (\d+\.\d+(?:\.\d+|-dev\d+))[^\x00]*, released 20", "haproxy:haproxy", "haproxy"),
    program("httpd", &["httpd", "apache2"], b"Apache/2.", r"\x00Apache/(2\.\d+\.\d+)", "apache:http_server", "apache"),
    program("java", &["libjvm.so"], b" JRE (", r"Server VM \([\w.+-]+\) for [\w-]+ JRE \((\d+(?:[._]\d+)*)", "oracle:openjdk", "java"),
    program("libarchive", &["libarchive.so*"], b"libarchive ", r"\x00libarchive (\d+\.\d+\.\d+)\x00", "libarchive:libarchive", ""),
    program("libcurl", &["libcurl.so*", "libcurl-gnutls.so*"], b"libcurl/", r"libcurl/(\d+\.\d+\.\d+)\x00", "haxx:libcurl", ""),
    program("libjpeg-turbo", &["libjpeg.so*", "libturbojpeg.so*"], b"libjpeg-turbo version ", r"libjpeg-turbo version (\d+\.\d+\.\d+) ", "libjpeg-turbo:libjpeg-turbo", ""),
    program("libpng", &["libpng16.so*", "libpng.so*"], b"libpng version ", r"libpng version (\d+\.\d+\.\d+)", "libpng:libpng", ""),
    program("libtiff", &["libtiff.so*"], b"LIBTIFF, Version ", r"LIBTIFF, Version (\d+\.\d+\.\d+)", "libtiff:libtiff", ""),
    program("lighttpd", &["lighttpd"], b"lighttpd/", r"lighttpd/(\d+\.\d+\.\d+)", "lighttpd:lighttpd", ""),
    program("lua", &["lua", "lua5*", "liblua*"], b"$LuaVersion: Lua ", r"LuaVersion: Lua (\d+\.\d+\.\d+) ", "lua:lua", ""),
    program("luajit", &["luajit*", "libluajit*"], b"LuaJIT ", r"\x00LuaJIT (\d+\.\d+\.\d+[\w.-]*)\x00", "luajit:luajit", ""),
    program("mariadb", &["mariadbd", "mariadb", "mysqld", "mysql"], b"-MariaDB", r"\x00(?:5\.5\.5-)?(\d+\.\d+\.\d+)-MariaDB", "mariadb:mariadb", "mariadb"),
    program("mbedtls", &["libmbedcrypto.so*"], b"bed TLS ", r"\x00[Mm]bed TLS (\d+\.\d+\.\d+)\x00", "arm:mbed_tls", ""),
    program("memcached", &["memcached"], b"memcached 1.", r"\x00memcached (\d+\.\d+\.\d+)[\x00\n]", "memcached:memcached", "memcached"),
    program("mosquitto", &["mosquitto"], b"mosquitto version ", r"\x00(\d+\.\d+\.\d+)\x00mosquitto version ", "eclipse:mosquitto", ""),
    program("nginx", &["nginx", "nginx-debug"], b"nginx version: nginx/", r"nginx version: nginx/(\d+\.\d+\.\d+)", "f5:nginx", "nginx"),
    program("node", &["node", "nodejs", "libnode.so*"], b"node.js/v", r"node\.js/v(\d+\.\d+\.\d+)", "nodejs:node.js", "node"),
    program("openresty", &["nginx", "openresty"], b"openresty/", r"openresty/(\d+\.\d+\.\d+\.\d+)", "openresty:openresty", "openresty"),
    program("openssh", &["ssh", "sshd", "sshd-session"], b"OpenSSH_", r"\x00OpenSSH_(\d+\.\d+(?:\.\d+)?p\d+)[ \x00]", "openbsd:openssh", ""),
    program("openssl", &["openssl", "libcrypto.so*", "libssl.so*", "libcrypto-*", "libssl-*"], b"OpenSSL ", r"OpenSSL (\d+\.\d+\.\d+[a-z]*(?:-(?:alpha|beta|pre)\d+)?)(?:-fips)? +\d{1,2} [A-Z][a-z]{2} \d{4}", "openssl:openssl", ""),
    program("openvpn", &["openvpn"], b"OpenVPN 2.", r"OpenVPN (2\.\d+(?:\.\d+|_\w+)) [\w-]+ \[SSL", "openvpn:openvpn", ""),
    program("perl", &["perl", "perl5*", "libperl.so*"], b"\x00v5.", r"\x00v(5\.\d+\.\d+)\x00", "perl:perl", "perl"),
    program("php", &["php", "php5*", "php7*", "php8*", "php-fpm*", "php-cgi*", "libphp*"], b"X-Powered-By: PHP/", r"X-Powered-By: PHP/(\d+\.\d+\.\d+(?:(?:alpha|beta|RC)\d+)?)", "php:php", "php"),
    program("postgresql", &["postgres"], b"PostgreSQL ", r"\x00PostgreSQL (\d+(?:\.\d+)*(?:(?:beta|rc)\d+)?)(?: \([^\x00]{1,100}\))? on ", "postgresql:postgresql", "postgresql"),
    program("proftpd", &["proftpd"], b"ProFTPD Version ", r"\x00ProFTPD Version (\d+\.\d+\.\d+[a-z]*(?:rc\d+)?)\x00", "proftpd:proftpd", ""),
    Program {
        check: Check::FileName,
        ..program("python", &["python2*", "python3*", "libpython*"], b"\x003.", r"\x00(3\.\d+\.\d+(?:(?:a|b|rc)\d+)?)\+?\x00", "python:python", "python")
    },
    Program {
        check: Check::FileName,
        ..program("python", &["python2.7*", "libpython2*"], b"\x002.", r"\x00(2\.\d+\.\d+(?:(?:a|b|rc)\d+)?)\+?\x00", "python:python", "python")
    },
    program("redis", &["redis-server", "redis-sentinel", "redis-cli", "redis-check-*", "redis-benchmark"], b"00000000\x00", r"(\d+\.\d+\.\d+?)(?:[0-9a-f]{12}-|[A-Za-z][\w.-]*-)?\d{10}[01]00000000\x00", "redis:redis", "redis"),
    program("ruby", &["ruby", "ruby2*", "ruby3*", "libruby*"], b"ruby ", r"\bruby (\d+\.\d+\.\d+(?:(?:preview|rc)\d+|dev)?)(?:p\d+)? \(\d{4}-\d\d-\d\d", "ruby-lang:ruby", "ruby"),
    program("rust", &["librustc_driver-*"], b"rustc version ", r"rustc version (\d+\.\d+\.\d+(?:-(?:nightly|beta(?:\.\d+)?))?)", "rust-lang:rust", "rust"),
    program("sqlite", &["libsqlite3.so*", "sqlite3"], b"\x003.", r"\x00(3\.\d+\.\d+(?:\.\d+)?)\x00", "sqlite:sqlite", ""),
    program("squid", &["squid"], b"\x00squid/", r"\x00squid/(\d+\.\d+(?:\.\d+)?)\x00", "squid-cache:squid", ""),
    program("stunnel", &["stunnel*"], b"Server: stunnel/", r"Server: stunnel/(\d+\.\d+)", "stunnel:stunnel", ""),
    program("tor", &["tor"], b"(on Tor 0.", r"\(on Tor (0\.\d+\.\d+\.\d+) ", "torproject:tor", ""),
    program("unbound", &["unbound"], b"\x00unbound 1.", r"\x00unbound (1\.\d+\.\d+)\x00", "nlnetlabs:unbound", ""),
    program("varnish", &["varnishd"], b"varnish-", r"varnish-(\d+\.\d+\.\d+) revision ", "varnish-cache:varnish_cache", ""),
    program("vsftpd", &["vsftpd"], b"vsftpd: version ", r"vsftpd: version (\d+\.\d+\.\d+)\n", "vsftpd_project:vsftpd", ""),
    program("wolfssl", &["libwolfssl.so*"], b"wolfSSL ", r"\x00wolfSSL (\d+\.\d+\.\d+)\x00", "wolfssl:wolfssl", ""),
    program("xz", &["xz"], b"(XZ Utils) ", r"xz \(XZ Utils\) (\d+\.\d+\.\d+(?:alpha|beta)?)\x00", "tukaani:xz", ""),
    program("zlib", &["libz.so*"], b"deflate 1.", r" deflate (1\.\d+(?:\.\d+)+) Copyright 1995-", "zlib:zlib", ""),
];

static REGEXES: [OnceLock<Option<Regex>>; 128] = [const { OnceLock::new() }; 128];

const _: () = assert!(PROGRAMS.len() <= REGEXES.len());

/// Looks for the version of the programs that a file may be, by its name.
pub(super) struct Search {
    wanted: Vec<Wanted>,
    searched: u64,
    anchors: usize,
}

struct Wanted {
    index: usize,
    finder: Finder<'static>,
    version: Option<String>,
}

/// Whether a file name is one that a pattern like `name`, `name*` or `*name` means.
fn is_named(name: &str, pattern: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => name.contains(rest.trim_end_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

impl Search {
    pub(super) fn new(path: &FilePath) -> Self {
        let name = path.file_name();
        let wanted = PROGRAMS
            .iter()
            .enumerate()
            .filter(|(_, program)| program.files.iter().any(|file| is_named(name, file)))
            .map(|(index, program)| Wanted {
                index,
                finder: Finder::new(program.anchor),
                version: None,
            })
            .collect();
        Self { wanted, searched: 0, anchors: 0 }
    }

    /// Whether nothing more is to come.
    pub(super) fn is_complete(&self) -> bool {
        self.anchors >= MAX_ANCHORS || self.wanted.iter().all(|wanted| wanted.version.is_some())
    }

    pub(super) fn feed(&mut self, window: &Window<'_>, path: &FilePath) {
        if self.wanted.is_empty() {
            return;
        }
        // What begins too near to the end of the window is found again after the next move.
        let until = if window.end() >= window.size() {
            window.end()
        } else {
            window.end().saturating_sub(BEHIND as u64)
        };
        let bytes = window.bytes();
        let inside = |offset: u64| usize::try_from(offset.saturating_sub(window.start())).ok();
        let (Some(from), Some(to)) = (inside(self.searched), inside(until)) else { return };
        for wanted in self.wanted.iter_mut().filter(|wanted| wanted.version.is_none()) {
            for found in wanted.finder.find_iter(bytes.get(from..).unwrap_or_default()) {
                let at = from + found;
                if at >= to || self.anchors >= MAX_ANCHORS {
                    break;
                }
                self.anchors += 1;
                let end = bytes.len().min(at + BEHIND);
                let context = &bytes[at.saturating_sub(BEFORE)..end];
                wanted.version = version(wanted.index, context, path.file_name());
                if wanted.version.is_some() {
                    break;
                }
            }
        }
        self.searched = self.searched.max(until);
    }

    /// Whether some of the file was not looked at.
    pub(super) fn is_exhausted(&self) -> bool {
        self.anchors >= MAX_ANCHORS && self.wanted.iter().any(|wanted| wanted.version.is_none())
    }

    pub(super) fn finish(self, path: &FilePath) -> impl Iterator<Item = Package> {
        self.wanted.into_iter().filter_map(move |wanted| {
            let program = &PROGRAMS[wanted.index];
            let mut package =
                Package::new(PackageKind::Binary, program.name, wanted.version?, path);
            package.set_property("cpe", program.cpe);
            package.set_property("bitnami", program.bitnami);
            Some(package)
        })
    }
}

fn version(index: usize, context: &[u8], file_name: &str) -> Option<String> {
    let program = &PROGRAMS[index];
    let regex =
        REGEXES[index].get_or_init(|| Regex::new(&format!("(?-u){}", program.pattern)).ok());
    let captures = regex.as_ref()?.captures(context)?;
    let version = std::str::from_utf8(captures.get(1)?.as_bytes()).ok()?;
    let agrees = program.check == Check::None || begins_with_numbers_of(version, file_name);
    agrees.then(|| version.to_owned())
}

/// Whether a version begins with the first `N.N` in a file's name. A name without one proves nothing.
fn begins_with_numbers_of(version: &str, file_name: &str) -> bool {
    let Some(start) = file_name.find(|c: char| c.is_ascii_digit()) else { return false };
    let numbers = &file_name[start..];
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(numbers.len());
    let mut parts = numbers[..end].split('.').filter(|part| !part.is_empty());
    let (Some(major), Some(minor)) = (parts.next(), parts.next()) else { return false };
    version.strip_prefix(major).is_some_and(|rest| {
        rest.strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(minor))
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Returns what one of the patterns says about a piece of a file of this name, if anything: name and version.
#[cfg(test)]
fn identify(file_name: &str, content: &[u8]) -> Vec<(String, String)> {
    let path = FilePath::from(file_name);
    let mut stream = content;
    let mut window = Window::new(&mut stream, content.len() as u64);
    let mut search = Search::new(&path);
    while window.advance().unwrap() {
        search.feed(&window, &path);
    }
    search.finish(&path).map(|package| (package.name, package.version)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of published programs: file name, bytes around the text, and what they are.
    #[rustfmt::skip]
    const REAL: &[(&str, &[u8], &str, &str)] = &[
        ("bash", b"d by law.\0\0\0@(#)Bash version 5.2.15(1) release G", "bash", "5.2.15"),
        ("named", b"malloc.so.2\0libisc-9.18.49-1~deb12u3-D", "bind", "9.18.49"),
        ("bun", b"ject\x16\0\0\0\0\0\0\0Bun v1.4.5 (Linux x64)", "bun", "1.4.5"),
        ("busybox", b"t of memory\0BusyBox v1.35.0 (Debian 1:1.", "busybox", "1.35.0"),
        ("cupsd", b"/2.1\0Minimal\0CUPS/2.4.2 IPP/2.1\0OS\0C", "cups", "2.4.2"),
        ("curl", b"ication/json\0curl/7.88.1\0\0\0\0\0\0\0\0\xfc\xa9\xf1\xd2M", "curl", "7.88.1"),
        ("deno", b"bdDeno/2.9.6Deno/2.9.6+e518fbde518fbd66dda", "deno", "2.9.6"),
        ("dnsmasq", b"dnsmasq.conf\0dnsmasq-2.90\0version.bind", "dnsmasq", "2.90"),
        ("dropbear", b"rypto error\0SSH-2.0-dropbear_2022.83\x0d\n\0/bin/sh\0!", "dropbear", "2022.83"),
        ("libexpat.so.1.8.10", b" not started\0expat_2.5.0\0\\0\0\\x1\0\\x2\0\\", "expat", "2.5.0"),
        ("gawk", b"\0\0\0\0\x01\0\0\0\x06\0\0\0GNU Awk 5.2.1\0unbalanced [", "gawk", "5.2.1"),
        ("x86_64-linux-gnu-gcc-12", b"l: %s\n\0 zstd\x0012.2.0\0(Debian 12.2.0-14+deb12u1) \0gcc version %s %s\n\0great", "gcc", "12.2.0"),
        ("git", b"\xef\x01\x0e\0\xef\xbb\xbf\0\xff\xfe\xfe\xffgit/2.39.5\0GIT_USER_AGE", "git", "2.39.5"),
        ("libc.so.6", b"\0\0\0\0\0\0\0\0\0\0\0\0GNU C Library (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.\nCopyright (", "glibc", "2.36"),
        ("libgnutls.so.30.34.3", b"m-config\0\0\0\0Enabled GnuTLS 3.7.9 logging...\n\0\0\0\0\0\0\0\0", "gnutls", "3.7.9"),
        ("haproxy", b",\x08;\x08X\x08Z\x08\0\0\0\0 version 2.6.12-1+deb12u4, released 2026/10/17\0\x0020", "haproxy", "2.6.12"),
        ("apache2", b"ry \"\0mailto:\0Apache/2.4.71\0 Server at ", "httpd", "2.4.71"),
        ("libjvm.so", b"nJDK 64-Bit Server VM (17.0.21.1+2-1-deb12u1-Debian) for linux-amd64 JRE (17.0.21.1+2-1-deb12u1", "java", "17.0.21.1"),
        ("libarchive.so.13.6.2", b"456789abcdef\0libarchive 3.6.2\0/tmp\0TMPDIR\0", "libarchive", "3.6.2"),
        ("libcurl.so.4.8.0", b"89abcdef\0\0/\0libcurl/7.88.1\0zlib/%s\0libi", "libcurl", "7.88.1"),
        ("libjpeg.so.62.3.0", b"\x10\x10\x10\x10)\0\0\0\xff\xff\0\0libjpeg-turbo version 2.1.5 (build 20230", "libjpeg-turbo", "2.1.5"),
        ("libpng16.so.16.39.0", b"reer\0\0\0\0\0\0\0\nlibpng version 1.6.39\nCopyright (", "libpng", "1.6.39"),
        ("libtiff.so.6.0.0", b"\0\0\0\0\0\0\0\0\0\0\0\0LIBTIFF, Version 4.5.0\nCopyright (", "libtiff", "4.5.0"),
        ("lighttpd", b"te support\n\0lighttpd/1.4.69\0server\0\0\0Ar", "lighttpd", "1.4.69"),
        ("libluajit-5.1.so.2.1.0", b"\0table.clear\0LuaJIT 2.1.0-beta3\0jit\0jit.prof", "luajit", "2.1.0-beta3"),
        ("mariadb", b"an-linux-gnu\x0010.11.19-MariaDB\0x86_64\0sele", "mariadb", "10.11.19"),
        ("libmbedcrypto.so.2.28.3", b"d (ignored)\0\0mbed TLS 2.28.3\0MBEDTLS_HAVE", "mbedtls", "2.28.3"),
        ("memcached", b"t_cmd\0listen\0memcached 1.6.18\0udp-port\0mem", "memcached", "1.6.18"),
        ("mosquitto", b"e remapping.\x002.0.11\0mosquitto version %s\n\n\0 -h : d", "mosquitto", "2.0.11"),
        ("nginx", b"ption: \"%c\"\0nginx version: nginx/1.22.1\n\0OpenSSL 3.", "nginx", "1.22.1"),
        ("libnode.so.108", b" \0]\n\n\0/json\0node.js/v18.20.4\0(delegate_)", "node", "18.20.4"),
        ("ssh", b"yCommand\0\0\0\0\0OpenSSH_9.2p1 Debian-2+deb", "openssh", "9.2p1"),
        ("libcrypto.so.3", b"\x81\x0d\x80\x03\x80\x03\x80\x03\x80\x03@\0OpenSSL 3.0.22 25 Aug 2026\x003.0.22\0not ", "openssl", "3.0.22"),
        ("openvpn", b"eway.\n\0\0\0\0\0\0OpenVPN 2.6.14 x86_64-pc-linux-gnu [SSL (OpenSSL)] ", "openvpn", "2.6.14"),
        ("libperl.so.5.36.0", b"AL_RAND_SEED\0v5.36.0\0panic: sysco", "perl", "5.36.0"),
        ("libphp8.2.so", b"'%s'\n\0%s,%s\0X-Powered-By: PHP/8.2.36\0ZEND_MM_MAX", "php", "8.2.36"),
        ("postgres", b"n \"%s\".\0\0\0\0\0\0PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-li", "postgresql", "15.20"),
        ("proftpd", b"lnp:qS:tvX46\0ProFTPD Version 1.3.8\0LANG\x001.3.8 (", "proftpd", "1.3.8"),
        ("libpython3.11.so.1.0", b"r $\0%s: '%s'\x003.11.2\0%.80s (%.80s", "python", "3.11.2"),
        ("redis-benchmark", b"to continue\x007.0.151790282056000000000\0%llx\0\0\0\0#(\xfe\xff", "redis", "7.0.15"),
        ("libruby-3.1.so.3.1.2", b"\0\0\0\0\0\0\0\0\0\0\0\0ruby 3.1.2p20 (2022-04-12 revision 44", "ruby", "3.1.2"),
        ("librustc_driver-4c3beb7552356b6f.so", b"cted type: @rustc version 1.63.0clang LLVM (", "rust", "1.63.0"),
        ("libsqlite3.so.0.8.6", b"\0\x90\xd0\x03\0\xe8\x03\0\0\x08\0\0\x003.40.1\0\0\x01\0\0\0\0\0\0\0\0\xca\x9a", "sqlite", "3.40.1"),
        ("squid", b"(\0/1.0) in '\0squid/5.7\0;\x09 \0HTTP/\0re", "squid", "5.7"),
        ("stunnel4", b"ed\0CONNECT \0Server: stunnel/5.68\0 HTTP/\0HTTP", "stunnel", "5.68"),
        ("tor", b"\0\0\0\0\0\0\0\0\0\0\0 (on Tor 0.4.9.11 )\0\0%s (git-%", "tor", "0.4.9.11"),
        ("unbound", b"iled\0READY=1\0unbound 1.17.1\0start of ser", "unbound", "1.17.1"),
        ("varnishd", b"d87a\0\0\0\0\0\0\0\0varnish-7.1.1 revision 7cee1c581bea", "varnish", "7.1.1"),
        ("vsftpd", b"ing argv[0]\0vsftpd: version 3.0.3\n\0unrecognise", "vsftpd", "3.0.3"),
        ("libwolfssl.so.35.3.0", b"d\0./src/pk.c\0wolfSSL 5.5.4\0FFDHE_4096\0F", "wolfssl", "5.5.4"),
        ("xz", b" chain: %s\n\0xz (XZ Utils) 5.4.1\0liblzma %s\n\0", "xz", "5.4.1"),
        ("libz.so.1.2.13", b"\xa1\x8e\x0c\xc3\x1b\xdf\x05Z\x8d\xef\x02- deflate 1.2.13 Copyright 1995-2022 Jean-lo", "zlib", "1.2.13"),
    ];

    #[test]
    fn published_programs_are_recognised() {
        for (file, content, name, version) in REAL {
            assert_eq!(
                identify(file, content),
                [(name.to_string(), version.to_string())],
                "{file}"
            );
            // Wherever the text lies, in particular across the edge of a window.
            for before in (65_536 - 200..65_536 + 40).step_by(13) {
                let mut moved = vec![b' '; before];
                moved.extend_from_slice(content);
                moved.extend_from_slice(&[b' '; 3000]);
                assert_eq!(identify(file, &moved).len(), 1, "{file} at {before}");
            }
        }
    }

    #[test]
    fn a_name_or_a_text_alone_is_nothing() {
        for (file, content, _, _) in REAL {
            assert_eq!(identify("program", content), [], "{file}");
            assert_eq!(identify(file, b"nothing of this kind"), [], "{file}");
            // The version is missing a part, or is no version.
            let damaged: Vec<u8> =
                content.iter().map(|&b| if b.is_ascii_digit() { b'x' } else { b }).collect();
            assert_eq!(identify(file, &damaged), [], "{file}");
        }
    }

    #[test]
    fn patterns_are_sound() {
        for (index, program) in PROGRAMS.iter().enumerate() {
            let regex = Regex::new(&format!("(?-u){}", program.pattern)).unwrap();
            assert_eq!(regex.captures_len(), 2, "{}", program.name);
            assert!(program.anchor.len() >= 3, "{}", program.name);
            assert!(program.cpe.replace("\\/", "").split(':').count() == 2, "{}", program.name);
            assert!(index == 0 || PROGRAMS[index - 1].name <= program.name, "{}", program.name);
        }
    }

    #[test]
    fn the_version_agrees_with_the_file_name() {
        for (file, version, want) in [
            ("libpython3.11.so.1.0", "3.11.2", true),
            ("python3.1", "3.11.2", false),
            ("python3.11", "3.40.1", false),
            ("python3", "3.11.2", false),
            ("python2.7", "2.7.18", true),
        ] {
            assert_eq!(begins_with_numbers_of(version, file), want, "{file} {version}");
        }
    }

    #[test]
    fn redis_build_ids_are_split_where_the_version_ends() {
        for (text, want) in [
            ("7.2.3buildkitsandbox-1698862880000000000\0", "7.2.3"),
            ("7.0.12buildkitsandbox-1698862880000000000\0", "7.0.12"),
            ("7.0.55f3e2b1a9c0d-1663865612000000000\0", "7.0.5"),
            ("7.0.155f3e2b1a9c0d-1663865612000000000\0", "7.0.15"),
            ("7.0.151790282056000000000\0", "7.0.15"),
        ] {
            let found = identify("redis-server", text.as_bytes());
            assert_eq!(found, [("redis".to_owned(), want.to_owned())], "{text}");
        }
    }

    #[test]
    fn a_file_full_of_anchors_ends() {
        let path = FilePath::from("bash");
        let content = b"@(#)Bash version ".repeat(20_000);
        let mut stream = &content[..];
        let mut window = Window::new(&mut stream, content.len() as u64);
        let mut search = Search::new(&path);
        while window.advance().unwrap() {
            search.feed(&window, &path);
        }
        assert!(search.is_complete() && search.is_exhausted());
    }
}
