//! Amazon Linux: `updateinfo.xml` of its repositories, one `update` per ALAS advisory.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Xml};

use super::ConvertError;
use crate::osv::{Affected, Event, Range, Rating, Record, millis, one_line};

/// Bytes of one text; descriptions stay below 100 kB.
const MAX_TEXT: usize = 1024 * 1024;

const EXPECTED: &str = "an updateinfo.xml";

#[derive(Default)]
struct Update {
    id: String,
    title: String,
    severity: String,
    issued: Option<i64>,
    updated: Option<i64>,
    cves: BTreeSet<String>,
    references: BTreeSet<String>,
    packages: BTreeSet<(String, String)>,
    collection: String,
}

/// Converts an `updateinfo.xml`.
///
/// # Errors
/// If it is malformed, or one of its advisories belongs to no release.
pub fn convert(xml: &[u8]) -> Result<Vec<Record>, ConvertError> {
    let error = |source| ConvertError::Xml { expected: EXPECTED, source };
    let mut reader = Reader::from_reader(xml);
    let mut records = Vec::new();
    let mut update: Option<Update> = None;
    let mut text = String::new();
    let mut buffer = Vec::new();
    let mut seen_root = false;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(error)? {
            Xml::Start(start) | Xml::Empty(start) => {
                text.clear();
                match start.local_name().as_ref() {
                    "updates" => seen_root = true,
                    "update" => update = Some(Update::default()),
                    name => {
                        if let Some(update) = &mut update {
                            attributes(update, name, &start);
                        }
                    }
                }
            }
            Xml::Text(part) => {
                if text.len() + part.len() > MAX_TEXT {
                    return Err(ConvertError::TooLarge("a text of more than 1 MiB"));
                }
                text.push_str(&part);
            }
            Xml::End(end) => match (end.local_name().as_ref(), &mut update) {
                ("update", Some(_)) => {
                    if let Some(update) = update.take() {
                        records.push(update.record()?);
                    }
                }
                ("id", Some(update)) if update.id.is_empty() => update.id = text.trim().into(),
                ("title", Some(update)) if update.title.is_empty() => {
                    update.title = one_line(&text);
                }
                ("severity", Some(update)) => update.severity = text.trim().into(),
                _ => {}
            },
            Xml::GeneralRef(name) => text.push_str(match &*name {
                "amp" => "&",
                "lt" => "<",
                "gt" => ">",
                "quot" => "\"",
                "apos" => "'",
                _ => " ",
            }),
            Xml::Eof => break,
            _ => {}
        }
    }
    if !seen_root {
        return Err(ConvertError::Malformed("there is no `updates` element".into()));
    }
    Ok(records)
}

fn attributes(update: &mut Update, element: &str, start: &BytesStart<'_>) {
    let get = |name: &str| -> Option<String> {
        let attribute = start.try_get_attribute(name).ok().flatten()?;
        Some(attribute.value.into_owned()).filter(|v| !v.is_empty())
    };
    match element {
        "issued" => update.issued = get("date").and_then(|date| day(&date)),
        "updated" => update.updated = get("date").and_then(|date| day(&date)),
        "reference" => {
            update.cves.extend(get("id").filter(|id| id.starts_with("CVE-")));
            update.references.extend(get("href").filter(|_| update.references.len() < 24));
        }
        "collection" => update.collection = get("short").unwrap_or_default(),
        "package" => {
            if let (Some(name), Some(version), Some(release)) =
                (get("name"), get("version"), get("release"))
            {
                let epoch = get("epoch").unwrap_or_else(|| "0".into());
                update.packages.insert((name, format!("{epoch}:{version}-{release}")));
            }
        }
        _ => {}
    }
}

/// `2024-03-06 01:02`, `2024-03-06T01:02:03Z`, `2024-03-06`.
fn day(date: &str) -> Option<i64> {
    millis(date).or_else(|| millis(&format!("{}T00:00:00Z", date.get(..10)?)))
}

impl Update {
    fn record(self) -> Result<Record, ConvertError> {
        let release = release(&self.id, &self.collection).ok_or_else(|| {
            ConvertError::Malformed(format!("`{}` belongs to no release", self.id))
        })?;
        let affected = self.packages.into_iter().map(|(name, version)| Affected {
            ecosystem: format!("Amazon Linux:{release}"),
            name,
            ranges: vec![Range {
                events: vec![Event::Introduced("0".into()), Event::Fixed(version)],
            }],
            ..Affected::default()
        });
        Ok(Record {
            affected: affected.collect(),
            id: self.id,
            published: self.issued,
            modified: self.updated.or(self.issued),
            upstream: self.cves.into_iter().collect(),
            ratings: vec![Rating { kind: "label".into(), value: self.severity.to_lowercase() }],
            summary: self.title,
            references: self.references.into_iter().collect(),
            ..Record::default()
        })
    }
}

/// `ALAS2023-2024-1` → 2023; `ALAS2-…` and its extras (`ALASDOCKER-…`) → 2; `ALAS-2018-1` → 1, unless the collection differs.
fn release(id: &str, collection: &str) -> Option<&'static str> {
    let series = id.strip_prefix("ALAS")?.split('-').next()?;
    Some(match series {
        "2023" => "2023",
        "2022" => "2022",
        "" if !collection.starts_with("amazon-linux-2") => "1",
        s if s.starts_with("2023") => "2023",
        _ => "2",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisories_become_records() {
        let xml = br#"<?xml version="1.0"?><updates>
          <update status="final" type="security" version="1.4" from="x"><id>ALAS2-2024-2475</id><title>Amazon Linux 2 - ALAS2-2024-2475: important priority package update for kernel</title>
          <issued date="2024-02-29 09:03"/><updated date="2024-03-06 01:02"/><severity>important</severity><description>Package updates &amp; more</description>
          <references><reference href="https://example.org/CVE-2024-1" id="CVE-2024-1" title="" type="cve"/></references>
          <pkglist><collection short="amazon-linux-2---core"><name>Amazon Linux 2</name>
          <package arch="x86_64" epoch="0" name="kernel" release="1.amzn2" version="4.14"><filename>x</filename></package>
          <package arch="aarch64" epoch="0" name="kernel" release="1.amzn2" version="4.14"><filename>y</filename></package>
          </collection></pkglist></update></updates>"#;
        let records = convert(xml).expect("converts");
        assert_eq!(records.len(), 1);
        let record = &records[0];
        assert_eq!(record.upstream, ["CVE-2024-1"]);
        assert_eq!(record.affected.len(), 1, "architectures are not told apart");
        assert_eq!(record.affected[0].ecosystem, "Amazon Linux:2");
        assert_eq!(record.affected[0].ranges[0].events[1], Event::Fixed("0:4.14-1.amzn2".into()));
        assert_eq!(record.ratings[0].value, "important");
        assert!(record.published.is_some());
    }

    #[test]
    fn releases_are_told_by_ids() {
        for (id, collection, expected) in [
            ("ALAS2023-2024-1", "amazon-linux", Some("2023")),
            ("ALAS2-2024-1", "amazon-linux-2---core", Some("2")),
            ("ALASDOCKER-2024-1", "amazon-linux-2---docker", Some("2")),
            ("ALAS-2018-1", "amazon-linux-ami", Some("1")),
            ("ALAS-2018-1", "amazon-linux-2", Some("2")),
            ("RHSA-1", "", None),
        ] {
            assert_eq!(release(id, collection), expected, "{id}");
        }
    }

    #[test]
    fn damaged_documents_are_refused() {
        for xml in [
            &b"<a/>"[..],
            b"",
            b"<updates><update><id>X-1</id></update></updates>",
            b"<updates><update></x>",
        ] {
            assert!(convert(xml).is_err());
        }
    }
}
