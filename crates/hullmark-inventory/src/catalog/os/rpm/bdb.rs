//! Berkeley DB hash tables, as rpm wrote them until 4.16: every page of the file is looked at once, whatever the buckets say.
//!
//! See: Berkeley DB's `db_page.h`, for the layout of pages.

use super::Packages;
use crate::GapReason;

const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;
const QUEUE_MAGIC: u32 = 0x0004_2253;

/// Bytes of a page before its entries.
const PAGE_HEADER: usize = 26;
const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_OVERFLOW: u8 = 7;
const PAGE_HASH: u8 = 13;

const ITEM_INLINE: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

/// The byte order of the machine that wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self == Self::Little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self == Self::Little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }
}

/// Says whether a file is a hash table, and in which byte order.
pub(super) fn recognize(bytes: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|o| o.u32(bytes, 12) == Some(HASH_MAGIC))
}

/// Whether a file is a Berkeley DB of another kind.
pub(super) fn is_other(bytes: &[u8]) -> bool {
    let orders = [Order::Little, Order::Big];
    orders.iter().any(|o| matches!(o.u32(bytes, 12), Some(BTREE_MAGIC | QUEUE_MAGIC)))
}

/// Hands every value of a hash table to `packages`.
pub(super) fn read(bytes: &[u8], order: Order, packages: &mut Packages<'_>) {
    let size = order.u32(bytes, 20).unwrap_or_default();
    let (encryption, flags) = (bytes.get(24).copied(), bytes.get(26).copied());
    if !size.is_power_of_two() || !(512..=65536).contains(&size) {
        packages.complain(GapReason::Malformed, format!("pages of {size} bytes"));
        return;
    }
    if encryption != Some(0) {
        packages.complain(GapReason::Encrypted, "an encrypted database");
        return;
    }
    // Checksums of pages move what is on them; rpm never asked for them.
    if flags.unwrap_or_default() & 1 != 0 {
        packages.complain(GapReason::Unsupported, "a database with checksums of its pages");
        return;
    }
    let last = order.u32(bytes, 32).unwrap_or_default();
    let pages = bytes.len() as u64 / u64::from(size);
    let said = u64::from(last) + 1;
    if pages < said {
        packages.complain(GapReason::Truncated, format!("{pages} of {said} pages"));
    } else if bytes.len() as u64 != said * u64::from(size) {
        packages.complain(GapReason::Malformed, format!("{pages} pages and a bit, not {said}"));
    }
    let pages = bytes.chunks_exact(size as usize);
    let mut table = Table { order, pages: pages.collect(), used: Vec::new(), blob: Vec::new() };
    table.used.resize(table.pages.len(), false);
    table.read(packages);
}

struct Table<'a> {
    order: Order,
    pages: Vec<&'a [u8]>,
    /// Overflow pages that belong to a value already. No page belongs to two.
    used: Vec<bool>,
    /// The value being put together, kept for its memory.
    blob: Vec<u8>,
}

impl<'a> Table<'a> {
    fn read(&mut self, packages: &mut Packages<'_>) {
        for at in 1..self.pages.len() {
            let page = self.pages[at];
            if matches!(page[25], PAGE_HASH | PAGE_HASH_UNSORTED) {
                self.page(page, packages);
            }
        }
    }

    /// Reads a page of keys and values: offsets from the front, items from the back, keys at even places.
    fn page(&mut self, page: &'a [u8], packages: &mut Packages<'_>) {
        let count = usize::from(self.order.u16(page, 20).unwrap_or_default());
        let mut end = page.len();
        let mut key = None;
        for place in 0..count {
            let start = self.order.u16(page, PAGE_HEADER + 2 * place).map(usize::from);
            let item = start
                .filter(|&start| start >= PAGE_HEADER + 2 * count && start < end)
                .map(|start| (start, &page[start..end]));
            let Some((start, item)) = item else {
                packages.complain(GapReason::Malformed, "a page's items are not in order");
                return;
            };
            end = start;
            if place % 2 == 0 {
                key = Some(item);
            } else if !key.is_some_and(is_counter) {
                self.value(item, packages);
            }
        }
    }

    fn value(&mut self, item: &[u8], packages: &mut Packages<'_>) {
        match item[0] {
            ITEM_INLINE => packages.add(&item[1..]),
            ITEM_OFF_PAGE => self.off_page(item, packages),
            kind => packages.complain(GapReason::Malformed, format!("a value of kind {kind}")),
        }
    }

    /// Follows a value from page to page.
    fn off_page(&mut self, item: &[u8], packages: &mut Packages<'_>) {
        let (Some(first), Some(length)) = (self.order.u32(item, 4), self.order.u32(item, 8)) else {
            packages.complain(GapReason::Malformed, "a value's place is cut off");
            return;
        };
        self.blob.clear();
        let mut next = first as usize;
        while next != 0 {
            match self.overflow(next) {
                Ok(after) => next = after,
                Err((reason, detail)) => {
                    packages.complain(reason, detail);
                    return;
                }
            }
        }
        if self.blob.len() == length as usize {
            packages.add(&self.blob);
        } else {
            let detail = format!("a value of {} bytes, not {length}", self.blob.len());
            packages.complain(GapReason::Malformed, detail);
        }
    }

    /// Adds one page to the value; returns the page after it.
    fn overflow(&mut self, at: usize) -> Result<usize, (GapReason, String)> {
        let malformed = |detail: String| (GapReason::Malformed, detail);
        let Some(&page) = self.pages.get(at) else {
            return Err((GapReason::Truncated, format!("page {at} is missing")));
        };
        if std::mem::replace(&mut self.used[at], true) {
            return Err(malformed(format!("page {at} is in two values or twice in one")));
        }
        if page[25] != PAGE_OVERFLOW {
            return Err(malformed(format!("page {at} is no overflow page")));
        }
        let length = usize::from(self.order.u16(page, 22).unwrap_or_default());
        let Some(data) = page.get(PAGE_HEADER..PAGE_HEADER + length) else {
            return Err(malformed(format!("page {at} holds more than fits")));
        };
        self.blob.extend_from_slice(data);
        Ok(self.order.u32(page, 16).unwrap_or_default() as usize)
    }
}

/// Whether a key is package number 0: under it rpm keeps the number of the last package.
fn is_counter(key: &[u8]) -> bool {
    key == [ITEM_INLINE, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use hullmark_oci::{FilePath, Limits};

    use super::super::header::build;
    use super::*;
    use crate::catalog::Found;

    const SIZE: usize = 512;

    /// A table of one bucket; `order` for the numbers, `chains` for what each value's pages lead to.
    struct Builder {
        order: Order,
        pages: Vec<Vec<u8>>,
    }

    impl Builder {
        fn new(order: Order) -> Self {
            let mut builder = Self { order, pages: vec![vec![0; SIZE], vec![0; SIZE]] };
            builder.put32(0, 12, HASH_MAGIC);
            builder.put32(0, 20, u32::try_from(SIZE).unwrap());
            builder.pages[0][25] = 8;
            builder.pages[1][25] = PAGE_HASH;
            builder
        }

        fn put16(&mut self, page: usize, at: usize, value: u16) {
            let bytes = match self.order {
                Order::Little => value.to_le_bytes(),
                Order::Big => value.to_be_bytes(),
            };
            self.pages[page][at..at + 2].copy_from_slice(&bytes);
        }

        fn put32(&mut self, page: usize, at: usize, value: u32) {
            let bytes = match self.order {
                Order::Little => value.to_le_bytes(),
                Order::Big => value.to_be_bytes(),
            };
            self.pages[page][at..at + 4].copy_from_slice(&bytes);
        }

        /// Adds a value on pages of its own; returns the first.
        fn chain(&mut self, blob: &[u8]) -> usize {
            let first = self.pages.len();
            let chunks: Vec<_> = blob.chunks(SIZE - PAGE_HEADER).collect();
            for (i, chunk) in chunks.iter().enumerate() {
                let at = self.pages.len();
                let mut page = vec![0; SIZE];
                page[25] = PAGE_OVERFLOW;
                page[PAGE_HEADER..PAGE_HEADER + chunk.len()].copy_from_slice(chunk);
                self.pages.push(page);
                self.put16(at, 22, u16::try_from(chunk.len()).unwrap());
                let next = if i + 1 < chunks.len() { at + 1 } else { 0 };
                self.put32(at, 16, u32::try_from(next).unwrap());
            }
            first
        }

        /// Fills the bucket with keys 0, 1, … and these items.
        fn bucket(&mut self, items: &[Vec<u8>]) {
            self.put16(1, 20, u16::try_from(items.len() * 2).unwrap());
            let mut end = SIZE;
            for (i, item) in items.iter().enumerate() {
                let number = u8::try_from(i).unwrap();
                for (half, bytes) in
                    [vec![ITEM_INLINE, number, 0, 0, 0], item.clone()].iter().enumerate()
                {
                    end -= bytes.len();
                    self.pages[1][end..end + bytes.len()].copy_from_slice(bytes);
                    self.put16(1, PAGE_HEADER + 2 * (2 * i + half), u16::try_from(end).unwrap());
                }
            }
        }

        fn off_page(&self, first: usize, length: usize) -> Vec<u8> {
            let mut item = vec![ITEM_OFF_PAGE, 0, 0, 0];
            for value in [first, length] {
                let value = u32::try_from(value).unwrap();
                item.extend(match self.order {
                    Order::Little => value.to_le_bytes(),
                    Order::Big => value.to_be_bytes(),
                });
            }
            item
        }

        fn finish(mut self) -> Vec<u8> {
            let last = u32::try_from(self.pages.len() - 1).unwrap();
            self.put32(0, 32, last);
            self.pages.concat()
        }
    }

    fn show(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (path, limits) = (FilePath::from("var/lib/rpm/Packages"), Limits::default());
        let mut found = Found::default();
        super::super::parse(bytes, &path, &limits, &mut found);
        super::super::super::show(&found)
    }

    fn counter() -> Vec<u8> {
        vec![ITEM_INLINE, 2, 0, 0, 0]
    }

    #[test]
    fn both_byte_orders_inline_and_off_page_are_read() {
        for order in [Order::Little, Order::Big] {
            let mut builder = Builder::new(order);
            let long = build::package(&"a".repeat(1200), "1");
            let first = builder.chain(&long);
            let off_page = builder.off_page(first, long.len());
            let inline = [&[ITEM_INLINE][..], &build::package("b", "2")].concat();
            builder.bucket(&[counter(), off_page, inline]);
            let (packages, gaps) = show(&builder.finish());
            assert_eq!(
                packages,
                [format!("{} 1-1", "a".repeat(1200)), "b 2-1".into()],
                "{order:?}"
            );
            assert_eq!(gaps, [""; 0]);
        }
    }

    /// A table with two values on overflow pages, changed by `change`, which gets the first pages of both.
    fn broken(change: impl Fn(&mut Builder, usize, usize)) -> (Vec<String>, Vec<String>) {
        let mut builder = Builder::new(Order::Little);
        let blobs = ["a", "b"].map(|name| build::package(&name.repeat(1200), "1"));
        let firsts = blobs.each_ref().map(|blob| builder.chain(blob));
        let items = [0, 1].map(|i| builder.off_page(firsts[i], blobs[i].len()));
        builder.bucket(&[counter(), items[0].clone(), items[1].clone()]);
        change(&mut builder, firsts[0], firsts[1]);
        let (packages, gaps) = show(&builder.finish());
        (packages.into_iter().map(|p| p[..1].into()).collect(), gaps)
    }

    #[test]
    fn loops_and_lies_cost_one_package_and_leave_a_gap() {
        type Change = fn(&mut Builder, usize, usize);
        let cases: &[(Change, &[&str], &str)] = &[
            (|_, _, _| {}, &["a", "b"], ""),
            // A page that leads to itself, and one that leads back.
            (|t, a, _| t.put32(a, 16, u32::try_from(a).unwrap()), &["b"], "twice in one"),
            (|t, a, _| t.put32(a + 2, 16, u32::try_from(a).unwrap()), &["b"], "twice in one"),
            // Two values that share a page.
            (|t, a, b| t.put32(b, 16, u32::try_from(a).unwrap()), &["a"], "in two values"),
            (|t, a, _| t.put32(a, 16, 1), &["b"], "no overflow page"),
            (
                |t, a, _| t.put32(a, 16, 0x7fff_ffff),
                &["b"],
                "truncated: page 2147483647 is missing",
            ),
            (|t, a, _| t.put32(a, 16, 0), &["b"], "not 126"),
            (|t, a, _| t.put16(a, 22, 0xffff), &["b"], "holds more than fits"),
            (|t, _, _| t.put16(1, 20, 0xffff), &[], "not in order"),
            (|t, _, _| t.put16(1, PAGE_HEADER + 2, 0), &[], "not in order"),
            (|t, _, _| t.pages[0][24] = 1, &[], "encrypted"),
            (|t, _, _| t.pages[0][26] = 1, &[], "unsupported"),
            (|t, _, _| t.put32(0, 20, 3), &[], "pages of 3 bytes"),
            (|t, _, _| t.put32(0, 20, 0), &[], "pages of 0 bytes"),
        ];
        for (number, (change, packages, gap)) in cases.iter().enumerate() {
            let (got, gaps) = broken(change);
            assert_eq!(got, *packages, "case {number}: {gaps:?}");
            assert!(gaps.join("; ").contains(gap), "case {number}: {gaps:?}");
            assert_eq!(gaps.is_empty(), gap.is_empty(), "case {number}: {gaps:?}");
        }
    }
}
