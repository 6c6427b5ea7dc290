//! Verdicts for people: what failed, why, and what would make it pass, in 80 columns.

use std::fmt::Write as _;

use super::{Decision, Outcome, Reason, RuleResult, Verdict, printable};
use crate::policy::Mode;
use crate::rules::day;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of a line. A word that is longer stands alone.
    pub width: usize,
    /// Reasons shown for each rule; the others are counted.
    pub reasons: usize,
    /// Whether rules that hold are listed too.
    pub passed: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 80, reasons: 5, passed: true }
    }
}

/// How parts of the text stand out. The default does nothing; what knows the terminal overrides it.
pub trait Style {
    /// Marks a decision, or what goes with it.
    fn decision(&self, text: &str, _decision: Decision) -> String {
        text.to_owned()
    }

    /// Marks what matters less.
    fn dim(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// No style.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStyle;

impl Style for NoStyle {}

/// Writes a verdict, ending in a line break.
pub fn text(verdict: &Verdict, options: TextOptions, style: &dyn Style) -> String {
    let mut page = Page { out: String::new(), options, style };
    page.head(verdict);
    let failed = |rule: &&RuleResult| rule.outcome == Outcome::Fail;
    for rule in verdict.rules.iter().filter(failed) {
        page.rule(rule);
    }
    page.out.push('\n');
    for rule in verdict.rules.iter().filter(|rule| !failed(rule)) {
        page.rule(rule);
    }
    page.foot(verdict);
    page.out
}

struct Page<'a> {
    out: String,
    options: TextOptions,
    style: &'a dyn Style,
}

impl Page<'_> {
    fn head(&mut self, verdict: &Verdict) {
        let word = verdict.decision.as_str().to_uppercase();
        let word = self.style.decision(&word, verdict.decision);
        let subject = &verdict.subject;
        let name = printable(subject.reference.as_deref().unwrap_or(&subject.name));
        let _ = writeln!(self.out, "{word}  {name}");
        if let Some(digest) = subject.digest.as_ref().filter(|d| !name.contains(d.as_str())) {
            let line = format!("      {digest}");
            let _ = writeln!(self.out, "{}", self.style.dim(&line));
        }
    }

    fn rule(&mut self, rule: &RuleResult) {
        if rule.outcome != Outcome::Fail && !self.options.passed && rule.notes.is_empty() {
            return;
        }
        let (word, decision) = match (rule.outcome, rule.mode) {
            (Outcome::Fail, Mode::Enforce) => ("FAIL", Decision::Deny),
            (Outcome::Fail, Mode::Warn) => ("WARN", Decision::Warn),
            (Outcome::Fail, Mode::Audit | Mode::Off) => ("AUDIT", Decision::Warn),
            (Outcome::Excepted, _) => ("EXCEPT", Decision::Allow),
            (Outcome::NotEvaluated, _) => ("SKIP", Decision::Allow),
            (Outcome::Pass, _) => ("PASS", Decision::Allow),
        };
        if rule.outcome == Outcome::Fail {
            self.out.push('\n');
        }
        let word = self.style.decision(&format!("{word:<6}"), decision);
        let kind = self.style.dim(&format!("({})", rule.kind));
        let _ = writeln!(self.out, "{word}{}/{} {kind}", rule.policy, rule.rule);
        let (open, excepted): (Vec<&Reason>, Vec<&Reason>) =
            rule.reasons.iter().partition(|reason| reason.excepted.is_none());
        self.reasons(&open);
        self.reasons(&excepted);
        for note in &rule.notes {
            self.wrapped("      note: ", "            ", &branch(note, &note.message));
        }
    }

    fn reasons(&mut self, reasons: &[&Reason]) {
        for reason in reasons.iter().take(self.options.reasons) {
            self.wrapped("      - ", "        ", &branch(reason, &reason.message));
            match &reason.excepted {
                Some(excepted) => {
                    let why =
                        printable(&format!("{} (until {})", excepted.reason, excepted.expires));
                    self.wrapped("        excepted: ", "          ", &why);
                }
                None if reason.fix.is_empty() => {}
                None => self.wrapped("        fix: ", "             ", &reason.fix),
            }
        }
        if let Some(more @ 1..) = reasons.len().checked_sub(self.options.reasons) {
            let excepted = if reasons[0].excepted.is_some() { " excepted" } else { "" };
            let line = format!("      … and {more} more{excepted}");
            let _ = writeln!(self.out, "{}", self.style.dim(&line));
        }
    }

    fn foot(&mut self, verdict: &Verdict) {
        let failed = verdict.rules.iter().filter(|r| r.outcome == Outcome::Fail).count();
        let rules = verdict.rules.len();
        let mut line = format!("{failed} of {rules} rules failed at the {} gate", verdict.stage);
        if let Some(moment) = verdict.valid_until {
            let _ = write!(line, "; the verdict holds until {}", day(moment));
        }
        self.out.push('\n');
        self.wrapped("", "", &line);
    }

    fn wrapped(&mut self, first: &str, next: &str, text: &str) {
        let mut line = first.to_owned();
        let mut columns = first.chars().count();
        let mut empty = true;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if !empty && columns + 1 + length > self.options.width {
                self.out.push_str(&line);
                self.out.push('\n');
                next.clone_into(&mut line);
                columns = next.chars().count();
                empty = true;
            }
            if !empty {
                line.push(' ');
                columns += 1;
            }
            line.push_str(word);
            columns += length;
            empty = false;
        }
        self.out.push_str(&line);
        self.out.push('\n');
    }
}

fn branch(reason: &Reason, text: &str) -> String {
    match &reason.branch {
        Some(branch) => format!("[{branch}] {text}"),
        None => text.to_owned(),
    }
}
