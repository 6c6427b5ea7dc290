//! Just enough of SQLite's file format to read one table: pages of a b-tree, records, overflow pages. No SQL, no index, no log.
//!
//! See: SQLite "Database File Format" §1.3 "The Database Header", §1.6 "B-tree Pages", §2.1 "Record Format".

use super::Packages;
use crate::GapReason;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

const FILE_HEADER: usize = 100;
const INTERIOR: u8 = 0x05;
const LEAF: u8 = 0x0d;
/// The table that holds one header a row: `hnum` and `blob`.
const TABLE: &[u8] = b"Packages";

/// Hands the blob of every row to `packages`.
pub(super) fn read(bytes: &[u8], packages: &mut Packages<'_>) {
    let mut file = match File::open(bytes) {
        Ok(file) => file,
        Err(problem) => return packages.complain(problem.0, problem.1),
    };
    let said = u64::from(u32_at(bytes, 28).unwrap_or_default());
    if said > file.pages.len() as u64 {
        let detail = format!("{} of {said} pages", file.pages.len());
        packages.complain(GapReason::Truncated, detail);
    }
    let mut root = None;
    file.walk(1, packages, |row, _| {
        if root.is_none() {
            root = table_root(row);
        }
    });
    let Some(root) = root else {
        return packages.complain(GapReason::Malformed, "no table of packages");
    };
    file.walk(root, packages, |row, packages| match column(row, 1) {
        Some(Column::Blob(blob)) => packages.add(blob),
        _ => packages.complain(GapReason::Malformed, "a row without a header"),
    });
}

type Problem = (GapReason, String);

fn malformed<T>(detail: impl Into<String>) -> Result<T, Problem> {
    Err((GapReason::Malformed, detail.into()))
}

struct File<'a> {
    pages: Vec<&'a [u8]>,
    /// Bytes of a page that may be used; the rest is kept for extensions.
    usable: usize,
    /// Pages that belong to the tree or to a row already. No page belongs to two.
    used: Vec<bool>,
    /// The row being put together, kept for its memory.
    row: Vec<u8>,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Problem> {
        let Some(header) = bytes.get(..FILE_HEADER) else {
            return Err((GapReason::Truncated, "its header is cut off".into()));
        };
        let size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            size => usize::from(size),
        };
        let usable = size.saturating_sub(usize::from(header[20]));
        if !size.is_power_of_two() || size < 512 || usable < 480 {
            return malformed(format!("pages of {size} bytes, {usable} of them used"));
        }
        let pages: Vec<_> = bytes.chunks_exact(size).collect();
        let used = vec![false; pages.len()];
        Ok(Self { pages, usable, used, row: Vec::new() })
    }

    /// Calls `each` for every row of the table whose tree begins at page `root`. What cannot be read is complained about and left
    /// out; the rest of the tree is still read.
    fn walk<'p>(
        &mut self,
        root: u32,
        packages: &mut Packages<'p>,
        mut each: impl FnMut(&[u8], &mut Packages<'p>),
    ) {
        // Only pages that nothing else has used wait here, so there are never more than the file has.
        let mut waiting = Vec::new();
        match self.take(root) {
            Ok(page) => waiting.push((root, page)),
            Err((reason, detail)) => packages.complain(reason, detail),
        }
        while let Some((number, page)) = waiting.pop() {
            if let Err((reason, detail)) =
                self.page(number, page, &mut waiting, packages, &mut each)
            {
                packages.complain(reason, detail);
            }
        }
    }

    fn page<'p>(
        &mut self,
        number: u32,
        page: &'a [u8],
        waiting: &mut Vec<(u32, &'a [u8])>,
        packages: &mut Packages<'p>,
        each: &mut impl FnMut(&[u8], &mut Packages<'p>),
    ) -> Result<(), Problem> {
        // The first page begins with the file's header.
        let start = if number == 1 { FILE_HEADER } else { 0 };
        let kind = page[start];
        let count = usize::from(u16_at(page, start + 3).unwrap_or_default());
        let cells = start + if kind == INTERIOR { 12 } else { 8 };
        let Some(pointers) = page.get(cells..cells + 2 * count) else {
            return malformed(format!("page {number} has more cells than fit"));
        };
        let pointers =
            pointers.chunks_exact(2).map(|p| usize::from(u16::from_be_bytes([p[0], p[1]])));
        match kind {
            INTERIOR => {
                let children = pointers.map(|at| u32_at(page, at)).chain([u32_at(page, start + 8)]);
                self.descend(children.flatten(), waiting)
            }
            LEAF => self.leaf(page, pointers, packages, each),
            _ => malformed(format!("page {number} is of kind {kind}")),
        }
    }

    /// Puts the children of a page on the list of those to read; says what is wrong with the last that cannot be read.
    fn descend(
        &mut self,
        children: impl Iterator<Item = u32>,
        waiting: &mut Vec<(u32, &'a [u8])>,
    ) -> Result<(), Problem> {
        let before = waiting.len();
        let mut problem = Ok(());
        for child in children {
            match self.claim(child) {
                Some(page) => waiting.push((child, page)),
                None => problem = Err(child),
            }
        }
        // The last is taken first: turned around, rows come in their order.
        waiting[before..].reverse();
        problem.map_err(|child| self.unclaimable(child))
    }

    /// Reads the rows of a page. Cells that overlap would make a page hold much more than its size.
    fn leaf<'p>(
        &mut self,
        page: &'a [u8],
        pointers: impl Iterator<Item = usize>,
        packages: &mut Packages<'p>,
        each: &mut impl FnMut(&[u8], &mut Packages<'p>),
    ) -> Result<(), Problem> {
        let mut room = page.len();
        for at in pointers {
            match self.row(page, at) {
                Ok(local) => {
                    let Some(left) = room.checked_sub(local) else {
                        return malformed("cells that overlap");
                    };
                    room = left;
                    each(&self.row, packages);
                }
                Err((reason, detail)) => packages.complain(reason, detail),
            }
        }
        Ok(())
    }

    /// Returns a page that nothing has used so far.
    fn take(&mut self, number: u32) -> Result<&'a [u8], Problem> {
        self.claim(number).ok_or_else(|| self.unclaimable(number))
    }

    fn claim(&mut self, number: u32) -> Option<&'a [u8]> {
        let at = (number as usize).checked_sub(1)?;
        let &page = self.pages.get(at)?;
        (!std::mem::replace(&mut self.used[at], true)).then(|| &page[..self.usable])
    }

    fn unclaimable(&self, number: u32) -> Problem {
        if number == 0 || number as usize > self.pages.len() {
            (GapReason::Truncated, format!("page {number} is missing"))
        } else {
            (GapReason::Malformed, format!("page {number} is used twice"))
        }
    }

    /// Puts the row at `at` of a leaf together; returns how much of it lies in the leaf. See: §1.6 and §1.7 "Cell Payload Overflow Pages".
    fn row(&mut self, page: &'a [u8], at: usize) -> Result<usize, Problem> {
        let cut = || (GapReason::Malformed, "a cell outside of its page".to_owned());
        let cell = page.get(at..).ok_or_else(cut)?;
        let (length, rest) = varint(cell).ok_or_else(cut)?;
        let (_, rest) = varint(rest).ok_or_else(cut)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let local = self.local(length);
        let payload = rest.get(..local).ok_or_else(cut)?;
        self.row.clear();
        self.row.extend_from_slice(payload);
        let mut next = if local < length { u32_at(rest, local).ok_or_else(cut)? } else { 0 };
        while self.row.len() < length {
            let page = self.take(next)?;
            let left = length - self.row.len();
            self.row.extend_from_slice(&page[4..][..left.min(self.usable - 4)]);
            next = u32_at(page, 0).unwrap_or_default();
        }
        Ok(local)
    }

    /// How many bytes of a payload lie in its cell.
    fn local(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let wanted = least + (length - least) % (self.usable - 4);
        if wanted <= most { wanted } else { least }
    }
}

/// A column's value, of the kinds that we use.
enum Column<'a> {
    Integer(i64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    Other,
}

/// Returns the page where the tree of the packages' table begins, if this row of the schema is the one that says so.
fn table_root(row: &[u8]) -> Option<u32> {
    let is = |at, want: &[u8]| matches!(column(row, at), Some(Column::Text(text)) if text == want);
    match column(row, 3) {
        Some(Column::Integer(root)) if is(0, b"table") && is(1, TABLE) => u32::try_from(root).ok(),
        _ => None,
    }
}

/// Returns a column of a record. See: §2.1.
fn column(row: &[u8], wanted: usize) -> Option<Column<'_>> {
    let (header_length, rest) = varint(row)?;
    let header_length = usize::try_from(header_length).ok()?;
    let mut types = row.get(row.len() - rest.len()..header_length)?;
    let mut values = row.get(header_length..)?;
    for at in 0.. {
        let (kind, rest) = varint(types)?;
        types = rest;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (kind - 12) / 2,
        };
        let length = usize::try_from(length).ok()?;
        let value = values.get(..length)?;
        values = &values[length..];
        if at == wanted {
            return Some(match kind {
                1..=6 => Column::Integer(integer(value)),
                8 | 9 => Column::Integer(i64::from(kind == 9)),
                0 | 7 => Column::Other,
                kind if kind % 2 == 0 => Column::Blob(value),
                _ => Column::Text(value),
            });
        }
    }
    None
}

/// A big-endian number in two's complement, of one to eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|&b| b >= 0x80);
    bytes.iter().fold(if negative { -1 } else { 0 }, |n, &b| n << 8 | i64::from(b))
}

/// Reads a number of one to nine bytes, seven bits a byte; all eight of the ninth.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (i, &byte) in bytes.iter().enumerate().take(9) {
        if i == 8 {
            return Some((number << 8 | u64::from(byte), &bytes[9..]));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((number, &bytes[i + 1..]));
        }
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests {
    use hullmark_oci::{FilePath, Limits};

    use super::super::header::build;
    use super::*;
    use crate::catalog::Found;

    const SIZE: usize = 512;

    fn put_varint(number: usize, to: &mut Vec<u8>) {
        let groups = (1..9).find(|g| number >> (7 * g) == 0).unwrap();
        for group in (0..groups).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            to.push(u8::try_from(number >> (7 * group) & 0x7f).unwrap() | more);
        }
    }

    fn record(columns: &[(usize, &[u8])]) -> Vec<u8> {
        let mut types = Vec::new();
        columns.iter().for_each(|(kind, _)| put_varint(*kind, &mut types));
        let mut row = vec![u8::try_from(types.len() + 1).unwrap()];
        row.extend(types);
        columns.iter().for_each(|(_, value)| row.extend(*value));
        row
    }

    struct Builder(Vec<Vec<u8>>);

    impl Builder {
        /// Page 1 with the schema: one table, whose tree begins at page 2.
        fn new() -> Self {
            let row = record(&[
                (13 + 2 * 5, b"table"),
                (13 + 2 * TABLE.len(), TABLE),
                (13 + 2 * TABLE.len(), TABLE),
                (1, &[2]),
                (13 + 2 * 3, b"sql"),
            ]);
            let mut builder = Self(vec![vec![0; SIZE], vec![0; SIZE]]);
            builder.0[0][..MAGIC.len()].copy_from_slice(MAGIC);
            builder.0[0][16..18].copy_from_slice(&u16::try_from(SIZE).unwrap().to_be_bytes());
            builder.leaf(0, &[row]);
            builder
        }

        fn put32(&mut self, page: usize, at: usize, value: usize) {
            let value = u32::try_from(value).unwrap();
            self.0[page][at..at + 4].copy_from_slice(&value.to_be_bytes());
        }

        /// Fills page `at` (from 0) with rows, and overflow pages behind the last page.
        fn leaf(&mut self, at: usize, rows: &[Vec<u8>]) {
            let start = if at == 0 { FILE_HEADER } else { 0 };
            let file = File { pages: vec![], usable: SIZE, used: vec![], row: vec![] };
            let mut end = SIZE;
            for (i, row) in rows.iter().enumerate() {
                let mut cell = Vec::new();
                put_varint(row.len(), &mut cell);
                put_varint(i + 1, &mut cell);
                let local = file.local(row.len());
                cell.extend(&row[..local]);
                let chunks: Vec<_> = row[local..].chunks(SIZE - 4).collect();
                if !chunks.is_empty() {
                    cell.extend(u32::try_from(self.0.len() + 1).unwrap().to_be_bytes());
                }
                for (i, chunk) in chunks.iter().enumerate() {
                    let next = if i + 1 < chunks.len() { self.0.len() + 2 } else { 0 };
                    let mut page = u32::try_from(next).unwrap().to_be_bytes().to_vec();
                    page.extend(*chunk);
                    page.resize(SIZE, 0);
                    self.0.push(page);
                }
                end -= cell.len();
                let page = &mut self.0[at];
                page[end..end + cell.len()].copy_from_slice(&cell);
                let pointer = start + 8 + 2 * i;
                page[pointer..pointer + 2]
                    .copy_from_slice(&u16::try_from(end).unwrap().to_be_bytes());
            }
            let page = &mut self.0[at];
            page[start] = LEAF;
            page[start + 3..start + 5]
                .copy_from_slice(&u16::try_from(rows.len()).unwrap().to_be_bytes());
        }

        /// Makes page `at` (from 0) lead to these pages (from 1).
        fn interior(&mut self, at: usize, children: &[usize]) {
            self.0[at] = vec![0; SIZE];
            self.0[at][0] = INTERIOR;
            let (last, others) = children.split_last().unwrap();
            self.put32(at, 8, *last);
            self.0[at][4] = u8::try_from(others.len()).unwrap();
            for (i, child) in others.iter().enumerate() {
                let cell = SIZE - 8 * (i + 1);
                self.put32(at, cell, *child);
                let pointer = u16::try_from(cell).unwrap().to_be_bytes();
                self.0[at][12 + 2 * i..14 + 2 * i].copy_from_slice(&pointer);
            }
        }

        fn finish(mut self) -> Vec<u8> {
            self.put32(0, 28, self.0.len());
            self.0.concat()
        }
    }

    fn package_row(name: &str) -> Vec<u8> {
        let blob = build::package(name, "1");
        record(&[(0, &[]), (12 + 2 * blob.len(), &blob)])
    }

    fn show(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (path, limits) = (FilePath::from("var/lib/rpm/rpmdb.sqlite"), Limits::default());
        let mut found = Found::default();
        super::super::parse(bytes, &path, &limits, &mut found);
        let (packages, gaps) = super::super::super::show(&found);
        (packages.into_iter().map(|p| p[..1].into()).collect(), gaps)
    }

    /// A tree of three levels: page 2 leads to 3 and 4, page 3 to the leaf 5, and 4 is a leaf with a row on overflow pages 6 and 7.
    fn tree() -> Builder {
        let mut builder = Builder::new();
        for _ in 0..3 {
            builder.0.push(vec![0; SIZE]);
        }
        builder.interior(1, &[3, 4]);
        builder.interior(2, &[5]);
        builder.leaf(3, &[package_row(&"b".repeat(1400))]);
        builder.leaf(4, &[package_row("a")]);
        builder
    }

    #[test]
    fn numbers_are_read() {
        for (bytes, want) in [
            (&[0x7f][..], Some(0x7f)),
            (&[0x81, 0x00], Some(0x80)),
            (&[0xff; 9], Some(u64::MAX)),
            (&[0x81], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes).map(|(n, _)| n), want);
        }
        assert_eq!([integer(&[0xff]), integer(&[0x01, 0x00]), integer(&[])], [-1, 256, 0]);
    }

    #[test]
    fn loops_and_lies_cost_one_package_and_leave_a_gap() {
        type Change = fn(&mut Builder);
        let cases: &[(Change, &[&str], &str)] = &[
            (|_| {}, &["a", "b"], ""),
            // Trees that lead back to their root, or to themselves.
            (|t| t.interior(2, &[2]), &["b"], "page 2 is used twice"),
            (|t| t.interior(2, &[3]), &["b"], "page 3 is used twice"),
            (|t| t.interior(2, &[4]), &["b"], "page 4 is used twice"),
            (|t| t.interior(2, &[0]), &["b"], "page 0 is missing"),
            (|t| t.interior(2, &[99]), &["b"], "truncated: page 99 is missing"),
            // Overflow pages: in a loop, in the tree, missing, ended too early.
            (|t| t.put32(5, 0, 6), &["a"], "page 6 is used twice"),
            (|t| t.put32(5, 0, 1), &["a"], "page 1 is used twice"),
            (|t| t.put32(5, 0, 99), &["a"], "truncated: page 99 is missing"),
            (|t| t.put32(5, 0, 0), &["a"], "page 0 is missing"),
            (|t| t.0[4][0] = 0x0a, &["b"], "page 5 is of kind 10"),
            (|t| t.0[4][3] = 0xff, &["b"], "more cells than fit"),
            (|t| t.0[4][8] = 0xff, &["b"], "outside of its page"),
            (|t| t.0[0][16] = 0, &[], "pages of 0 bytes"),
            (|t| t.0[0][20] = 33, &[], "479 of them used"),
            (|t| t.leaf(0, &[]), &[], "no table of packages"),
            (|t| t.leaf(4, &[record(&[(0, &[]), (1, &[7])])]), &["b"], "a row without a header"),
            (|t| t.leaf(4, &[vec![0xff; 20]]), &["b"], "a row without a header"),
            (
                |t| {
                    let cell = t.0[4][8..10].to_vec();
                    (1..100).for_each(|i| t.0[4][8 + 2 * i..10 + 2 * i].copy_from_slice(&cell));
                    t.0[4][4] = 100;
                },
                &["a", "b"],
                "cells that overlap",
            ),
        ];
        for (number, (change, packages, gap)) in cases.iter().enumerate() {
            let mut builder = tree();
            change(&mut builder);
            let (got, gaps) = show(&builder.finish());
            assert_eq!(got, *packages, "case {number}: {gaps:?}");
            assert!(gaps.join("; ").contains(gap), "case {number}: {gaps:?}");
            assert_eq!(gaps.is_empty(), gap.is_empty(), "case {number}: {gaps:?}");
        }
    }

    #[test]
    fn a_wide_row_of_lies_ends() {
        // A row that says it is longer than the file could hold.
        let mut builder = tree();
        builder.0[4] = vec![0; SIZE];
        builder.leaf(4, &[package_row("a")]);
        let at = usize::from(u16_at(&builder.0[4], 8).unwrap());
        builder.0[4][at..at + 9].copy_from_slice(&[0xff; 9]);
        let (packages, gaps) = show(&builder.finish());
        assert_eq!(packages, ["b"]);
        assert_eq!(gaps.len(), 1, "{gaps:?}");
    }
}
