//! Compares one record with one package.
//!
//! See: OSV schema §"Evaluation": a version is affected if it is listed, or inside any range.

use hullmark_inventory::{OsRelease, Package};

use super::subject::Compared;
use crate::compile::prepare::is_modular;
use crate::db::Corrupt;
use crate::db::segment::{Entry, EventKind, EventView, RatingView, StateView};
use crate::finding::{Fix, Status};
use crate::version::Unparsable;

/// What a record says of a package.
#[derive(Clone, Debug)]
pub(super) struct Judged<'a> {
    pub(super) outcome: Status,
    /// The range or version that decided.
    pub(super) decided: Decided<'a>,
    /// The version that ends the range that the package is in, and its place in the order.
    pub(super) fix: Option<(&'a str, &'a [u8])>,
    /// What the vendor says about a fix.
    pub(super) declared: Option<Fix>,
    /// Whether the vendor says so in words, not by versions.
    pub(super) by_vendor: bool,
    pub(super) rating: Option<RatingView<'a>>,
    pub(super) note: Option<String>,
}

/// What decided.
#[derive(Clone, Debug)]
pub(super) enum Decided<'a> {
    Range(Vec<EventView<'a>>),
    Version(&'a str),
    Statement,
}

impl Judged<'_> {
    /// Whether it makes a finding, or outweighs one.
    pub(super) fn counts(&self) -> bool {
        self.by_vendor || matches!(self.outcome, Status::Open | Status::Undetermined)
    }

    /// Returns the same for a record that was withdrawn.
    pub(super) fn withdrawn(mut self) -> Self {
        self.outcome = Status::NotAffected;
        self.note = Some("the record was withdrawn".into());
        self.fix = None;
        self.by_vendor = false;
        self
    }
}

impl Decided<'_> {
    /// Returns it for people: `>= 0, < 3.0.11-1~deb12u2`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Version(version) => format!("= {version}"),
            Self::Statement => String::new(),
            Self::Range(events) => {
                let mut text = String::new();
                for event in events {
                    // A new beginning after an end is an alternative, not a further condition.
                    let (separator, sign) = match event.kind {
                        EventKind::Introduced => (" || ", ">="),
                        EventKind::Fixed => (", ", "<"),
                        EventKind::LastAffected => (", ", "<="),
                        EventKind::Limit => (", ", "< (limit)"),
                    };
                    if !text.is_empty() {
                        text.push_str(separator);
                    }
                    text.push_str(sign);
                    text.push(' ');
                    text.push_str(event.text);
                }
                text
            }
        }
    }
}

/// Compares the entries that one record has for a package's name. `None` if none of them is about this package.
pub(super) fn record<'a>(
    package: &Package,
    compared: &Compared<'_>,
    entries: &[Entry<'a>],
    os: Option<&OsRelease>,
) -> Result<Option<Judged<'a>>, Corrupt> {
    let mut judged: Vec<(Judged<'a>, Scope, bool)> = Vec::new();
    for candidate in entries {
        let module = match module_of(package, candidate) {
            Module::Same(module) => module,
            Module::Other => continue,
        };
        let scope = Scope::of(candidate.scope, os, compared.text);
        if scope == Scope::Elsewhere {
            continue;
        }
        let mut result = entry(compared, candidate)?;
        if let Some(module) = module {
            result.note = Some(join(result.note, format!("module {module}")));
        }
        judged.push((result, scope, candidate.module.is_some()));
    }
    Ok(combine(judged))
}

fn join(note: Option<String>, more: String) -> String {
    note.map_or_else(|| more.clone(), |note| format!("{note}; {more}"))
}

/// Merges what the entries of one record say: affected if any says so, except where several list builds of the same thing.
fn combine(mut judged: Vec<(Judged<'_>, Scope, bool)>) -> Option<Judged<'_>> {
    // A module is built once per minor release, and each build is listed with the version that has the fix; a package that
    // carries one of them carries the fix. The same holds for builds of an extended-support stream.
    let fixed = judged.iter().position(|(j, scope, modular)| {
        j.outcome == Status::Fixed && (*modular || *scope == Scope::Stream)
    });
    if let Some(at) = fixed {
        return Some(judged.swap_remove(at).0);
    }
    let rank = |outcome: Status| match outcome {
        Status::Open => 3,
        Status::Undetermined => 2,
        Status::Fixed => 1,
        Status::NotAffected => 0,
    };
    let mut best: Option<Judged<'_>> = None;
    for (candidate, _, _) in judged {
        let better = match &best {
            None => true,
            Some(best) => {
                let (new, old) = (rank(candidate.outcome), rank(best.outcome));
                // Several open ranges: the one whose fix is last ends them all.
                new > old
                    || (new == old
                        && candidate.outcome == Status::Open
                        && candidate.fix.map(|f| f.1) > best.fix.map(|f| f.1)
                        && best.fix.is_some())
            }
        };
        if better {
            best = Some(candidate);
        }
    }
    best
}

/// Compares one entry.
fn entry<'a>(compared: &Compared<'_>, entry: &Entry<'a>) -> Result<Judged<'a>, Corrupt> {
    let affects = entry.affects()?;
    let mut judged = Judged {
        outcome: Status::NotAffected,
        decided: Decided::Statement,
        fix: None,
        declared: declared(entry.state),
        by_vendor: false,
        rating: entry.rating,
        note: None,
    };
    if let StateView::NotAffected(why) = entry.state {
        judged.by_vendor = true;
        judged.note = Some(format!("the vendor says that it is not affected: {why}"));
        return Ok(judged);
    }
    if let Some((text, _)) = affects.versions.iter().find(|(text, key)| {
        *text == compared.text || (key.is_some() && *key == compared.key.as_deref().ok())
    }) {
        judged.outcome = Status::Open;
        judged.decided = Decided::Version(text);
        return Ok(judged);
    }
    if affects.ranges.is_empty() && affects.versions.is_empty() {
        if entry.state == StateView::Investigating {
            let why = "the vendor has not decided whether it is affected".to_owned();
            return Ok(undetermined(judged, None, why));
        }
        return Ok(judged);
    }
    if let Err(why) = &compared.key {
        return Ok(undetermined(judged, affects.ranges.into_iter().next(), unparsable(why)));
    }
    if let Some((text, _)) = affects.versions.iter().find(|(_, key)| key.is_none()) {
        judged.note = Some(format!("the record lists `{text}`, which does not parse"));
    }
    let mut fixed: Option<Vec<EventView<'a>>> = None;
    let mut unclear: Option<(Vec<EventView<'a>>, String)> = None;
    for events in affects.ranges {
        let key = match compared.key_for(&events) {
            Ok(key) => key,
            Err(why) => {
                unclear = Some((events, unparsable(&why)));
                continue;
            }
        };
        match range(&events, &key) {
            InRange::Yes(fix) => {
                judged.outcome = Status::Open;
                judged.fix = fix;
                judged.decided = Decided::Range(events);
                judged.note = None;
                return Ok(judged);
            }
            InRange::Past => fixed = Some(events),
            InRange::Before => {
                fixed = fixed.or_else(|| {
                    judged.decided = Decided::Range(events);
                    None
                });
            }
            InRange::Unclear(text) => {
                unclear = Some((events, format!("the record's version `{text}` does not parse")));
            }
        }
    }
    if let Some((events, why)) = unclear {
        return Ok(undetermined(judged, Some(events), why));
    }
    if let Some(events) = fixed {
        judged.outcome = Status::Fixed;
        judged.decided = Decided::Range(events);
    }
    Ok(judged)
}

fn undetermined<'a>(
    mut judged: Judged<'a>,
    events: Option<Vec<EventView<'a>>>,
    why: String,
) -> Judged<'a> {
    judged.outcome = Status::Undetermined;
    judged.decided = events.map_or(Decided::Statement, Decided::Range);
    judged.note = Some(why);
    judged
}

fn unparsable(why: &Unparsable) -> String {
    format!("the package's {why}")
}

fn declared(state: StateView<'_>) -> Option<Fix> {
    match state {
        StateView::Plain | StateView::NotAffected(_) => None,
        StateView::Declined(why) => Some(Fix::Declined(why.into())),
        StateView::Deferred(why) => Some(Fix::Deferred(why.into())),
        StateView::Investigating => Some(Fix::Deferred("under-investigation".into())),
    }
}

/// Where a version lies.
enum InRange<'a> {
    /// Inside, and where the inside ends.
    Yes(Option<(&'a str, &'a [u8])>),
    /// Behind an end.
    Past,
    /// Before any beginning, or behind the limit.
    Before,
    /// An event does not parse.
    Unclear(&'a str),
}

/// Evaluates the events of one range, which are sorted.
fn range<'a>(events: &[EventView<'a>], version: &[u8]) -> InRange<'a> {
    let mut affected = false;
    let mut ended = false;
    let mut limited = false;
    let mut before_limit = false;
    let mut fix = None;
    for event in events {
        let Some(key) = event.key else { return InRange::Unclear(event.text) };
        match event.kind {
            EventKind::Introduced if version >= key => affected = true,
            EventKind::Fixed if version >= key => {
                ended |= affected;
                affected = false;
            }
            EventKind::Fixed => fix = fix.or(Some((event.text, key))),
            EventKind::LastAffected if version > key => {
                ended |= affected;
                affected = false;
            }
            EventKind::Limit => {
                limited = true;
                before_limit |= version < key;
            }
            EventKind::Introduced | EventKind::LastAffected => {}
        }
    }
    match affected {
        true if before_limit || !limited => InRange::Yes(fix),
        false if ended => InRange::Past,
        _ => InRange::Before,
    }
}

enum Module<'a> {
    Same(Option<&'a str>),
    Other,
}

/// An advisory for a module's package must not match the plain package of that name, nor the other way round.
fn module_of<'a>(package: &'a Package, entry: &Entry<'_>) -> Module<'a> {
    let label = package.module.as_deref().filter(|label| !label.is_empty() && *label != "(none)");
    match (label, entry.module) {
        (None, None) => Module::Same(None),
        // A module's package whose label was lost still says in its release where it was built.
        (None, Some(_)) if is_modular(&package.version) => Module::Same(None),
        (None, Some(_)) | (Some(_), None) => Module::Other,
        (Some(label), Some("")) => Module::Same(Some(label)),
        (Some(label), Some(stream)) => {
            let mut parts = label.splitn(3, ':');
            let same = parts
                .next()
                .zip(parts.next())
                .is_some_and(|(name, installed)| stream.split_once(':') == Some((name, installed)));
            if same { Module::Same(Some(label)) } else { Module::Other }
        }
    }
}

/// How an entry's Red Hat product concerns a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// It is the system's own.
    Own,
    /// It is an extended-support stream of the very minor release that the package was built for.
    Stream,
    /// It is something else.
    Elsewhere,
}

impl Scope {
    /// `enterprise_linux:8::baseos`, `rhel_eus:8.6::appstream`.
    fn of(scope: &str, os: Option<&OsRelease>, version: &str) -> Self {
        let mut parts = scope.split(':');
        let (product, release) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match product {
            "" | "enterprise_linux" => Self::Own,
            "rhel_eus" | "rhel_aus" | "rhel_e4s" | "rhel_tus" | "rhel_els"
            | "rhel_eus_long_life" => {
                let Some((major, minor)) = release.split_once('.') else { return Self::Own };
                let built_for = version.contains(&format!(".el{major}_{minor}"));
                let here = os.is_some_and(|os| os.version_id == release);
                if built_for || here { Self::Stream } else { Self::Elsewhere }
            }
            _ => Self::Elsewhere,
        }
    }
}
