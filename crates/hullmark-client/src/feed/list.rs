//! `modified_id.csv`: which records an ecosystem has, and when each changed.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Characters of one id; real ones have about twenty.
const ID_LIMIT: usize = 200;

/// Reads a list of `TIME,ID` (or `TIME,ECOSYSTEM/ID`): ids with their last change in milliseconds since 1970.
///
/// # Errors
/// With the number of the first line that is not one: a list that is not understood says nothing about what is gone.
pub fn parse_list(bytes: &[u8]) -> Result<BTreeMap<String, i64>, usize> {
    let text = std::str::from_utf8(bytes).map_err(|_| 1_usize)?;
    let mut list = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (id, time) = parse_line(line.trim()).ok_or(number + 1)?;
        let newest = list.entry(id.to_owned()).or_insert(time);
        *newest = time.max(*newest);
    }
    Ok(list)
}

fn parse_line(line: &str) -> Option<(&str, i64)> {
    let (time, name) = line.split_once(',')?;
    let id = name.split_once('/').map_or(name, |(_, id)| id);
    let time: Timestamp = time.parse().ok()?;
    is_id(id).then_some((id, time.as_millisecond()))
}

/// Whether a text can be an advisory's id, and so a part of an address or of a path.
fn is_id(text: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'+');
    text.len() <= ID_LIMIT
        && text.bytes().all(allowed)
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_whole_or_not_at_all() {
        let good = "2026-02-01T00:00:00.5Z,A-1\n2026-01-01T00:00:00Z,npm/A-2\r\n\n2025-01-01T00:00:00Z,A-1\n";
        let list = parse_list(good.as_bytes()).unwrap();
        let shown: Vec<_> = list.iter().map(|(id, time)| format!("{id} {time}")).collect();
        assert_eq!(shown, ["A-1 1769904000500", "A-2 1767225600000"]);
        assert_eq!(parse_list(b""), Ok(BTreeMap::new()));
        for (line, bad) in [
            (1, "<html>"),
            (2, "2026-01-01T00:00:00Z,A-1\nyesterday,A-2"),
            (1, "2026-01-01T00:00:00Z,"),
            (1, "2026-01-01T00:00:00Z,.."),
            (1, "2026-01-01T00:00:00Z,a/../.secret"),
            (1, "2026-01-01T00:00:00Z,a?b"),
            (1, "2026-01-01T00:00:00Z,a b"),
        ] {
            assert_eq!(parse_list(bad.as_bytes()), Err(line), "{bad}");
        }
        assert_eq!(parse_list(b"\xff"), Err(1));
        let long = format!("2026-01-01T00:00:00Z,{}", "a".repeat(201));
        assert_eq!(parse_list(long.as_bytes()), Err(1));
    }
}
