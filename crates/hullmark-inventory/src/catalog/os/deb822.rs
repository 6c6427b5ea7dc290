//! Paragraphs of `Field: value` lines, as dpkg and opkg keep their databases. Borrows from the text; nothing is copied.
//!
//! See: deb822(5), deb-control(5).

use memchr::{memchr, memchr_iter};

/// One line, without its line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `Name: value`, both trimmed.
    Field(&'a [u8], &'a [u8]),
    /// A line that continues the field above: it begins with a space or a tab.
    Continuation,
    /// An empty line: the paragraph ends.
    End,
    /// Anything else.
    Junk(&'a [u8]),
}

/// Calls `each` for every line of `text`.
pub(super) fn lines<'a>(text: &'a [u8], mut each: impl FnMut(Line<'a>)) {
    for line in raw_lines(text) {
        each(classify(line));
    }
}

/// The lines of `text` without their `\n` or `\r\n`. A last line without a break counts.
pub(super) fn raw_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', text).chain(std::iter::once(text.len())).filter_map(move |end| {
        let line = &text[start.min(end)..end];
        let last = end == text.len() && line.is_empty();
        start = end + 1;
        (!last).then(|| line.strip_suffix(b"\r").unwrap_or(line))
    })
}

fn classify(line: &[u8]) -> Line<'_> {
    match line.first() {
        None => return Line::End,
        Some(b' ' | b'\t') => return Line::Continuation,
        Some(_) => {}
    }
    match memchr(b':', line) {
        Some(colon) if colon > 0 && !line[..colon].contains(&b' ') => {
            Line::Field(line[..colon].trim_ascii(), line[colon + 1..].trim_ascii())
        }
        _ => Line::Junk(line),
    }
}

/// Cuts `text` after its last line break: a tool that keeps a database writes whole lines, so a line that does not end was cut
/// off, and its value must not be taken for the whole. Returns the whole lines and whether anything was cut.
pub(super) fn whole_lines(text: &[u8]) -> (&[u8], bool) {
    match text.iter().rposition(|&b| b == b'\n') {
        Some(end) => (&text[..=end], end + 1 < text.len()),
        None => (&[], !text.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let mut got = Vec::new();
        lines(b"A: 1\r\n  more\n\nB:\njunk\n:x\na b: c\nlast: x", |line| got.push(line));
        let want = [
            Line::Field(b"A", b"1"),
            Line::Continuation,
            Line::End,
            Line::Field(b"B", b""),
            Line::Junk(b"junk"),
            Line::Junk(b":x"),
            Line::Junk(b"a b: c"),
            Line::Field(b"last", b"x"),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn a_cut_line_is_told() {
        assert_eq!(whole_lines(b"a\nb"), (&b"a\n"[..], true));
        assert_eq!(whole_lines(b"a\n"), (&b"a\n"[..], false));
        assert_eq!(whole_lines(b"a"), (&b""[..], true));
        assert_eq!(whole_lines(b""), (&b""[..], false));
        assert_eq!(raw_lines(b"\n\nx").count(), 3);
        assert_eq!(raw_lines(b"").count(), 0);
    }
}
