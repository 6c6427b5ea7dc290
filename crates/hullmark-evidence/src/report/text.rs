//! Text that comes from images and advisories, made fit for people's eyes: nothing hidden, nothing that steers, nothing endless.

/// Characters of one text that a report shows; names of files may have thousands.
const LONGEST: usize = 1000;

/// Escapes what a terminal obeys or what cannot be seen: control characters, directions of writing, characters without width.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if is_hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

fn is_hidden(c: char) -> bool {
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}'
    );
    let steers =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    c.is_control() || unseen || steers || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Keeps the first `width` characters; the last is `…` if something was cut.
pub(super) fn head(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Keeps both ends: versions differ at the end, and so do paths.
pub(super) fn ends(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width || width < 3 {
        return head(text, width);
    }
    let tail = (width - 1) / 2;
    let start = text.chars().take(width - 1 - tail);
    start.chain(['…']).chain(text.chars().skip(count - tail)).collect()
}

/// `1 gap`, `2 gaps`.
pub(super) fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Joins words with spaces to lines of at most `width` characters; lines after the first start with `indent`.
pub(super) fn wrap(words: &[String], width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in words {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            used = indent.chars().count();
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
    out
}

/// A probability for people: `97%`, `0.4%`.
pub(super) fn percent(probability: f32) -> String {
    let percent = f64::from(probability.clamp(0.0, 1.0)) * 100.0;
    if percent >= 1.0 { format!("{percent:.0}%") } else { format!("{percent:.1}%") }
}

/// Whether `text` is a plain web address, which a report may make a link.
pub(super) fn is_web(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%".contains(&b);
    text.len() <= 2000 && rest.is_some_and(|r| !r.is_empty() && r.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{202e}c\u{200b}é"),
            "a\\u{1b}[31m\\u{a}b\\u{202e}c\\u{200b}é"
        );
        assert_eq!(printable(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn long_texts_are_cut_where_they_say_least() {
        assert_eq!(head("libssl", 6), "libssl");
        assert_eq!(head("libssl3", 6), "libss…");
        assert_eq!(ends("3.0.11-1~deb12u2", 11), "3.0.1…b12u2");
        assert_eq!(ends("éé", 1), "…");
    }

    #[test]
    fn only_plain_addresses_are_links() {
        for (text, want) in [
            ("https://example.com/a?b=c#d", true),
            ("https://", false),
            ("javascript:alert(1)", false),
            ("https://example.com/\"onclick=x", false),
            ("https://example.com/)](x", false),
            ("https://example.com/a b", false),
        ] {
            assert_eq!(is_web(text), want, "{text}");
        }
    }
}
