//! Where things lie in an executable, as far as its first bytes say: ELF, PE and Mach-O headers.
//!
//! Offsets and sizes are the file's own claims. They are only ever compared with where the stream is; nothing is allocated by them.

use std::ops::Range;

use super::bytes::{Endian, Fields, Width};

/// The kind of an executable file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// ELF.
    Elf,
    /// Portable Executable (Windows, UEFI, .NET).
    Pe,
    /// Mach-O for one architecture.
    MachO,
    /// Mach-O for several architectures.
    Fat,
}

/// Regions of an executable that matter here.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    /// Loaded parts: address and place in the file.
    pub(super) segments: Vec<Segment>,
    /// Writable parts, where Go's linker puts build information; sorted, not overlapping.
    pub(super) data: Vec<Range<u64>>,
    /// Where the dependency list of a Rust program is.
    pub(super) dependencies: Dependencies,
    /// Where linkers for this format put read-only text.
    pub(super) text: Text,
    /// Whether the file looks like the work of Go's own linker.
    pub(super) go: GoSigns,
    /// Byte order and address width.
    pub(super) endian: Endian,
    pub(super) width: Width,
}

/// A part of the file and the address that it is loaded at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) address: u64,
    pub(super) file: Range<u64>,
    pub(super) access: Access,
}

/// What a program may do with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Execute,
    Write,
}

/// Where linkers put read-only text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// In segments of its own.
    Apart,
    /// In the segment of the code.
    WithCode,
}

/// Where to look for the section of a Rust program's dependencies.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Dependencies {
    /// No such section.
    None,
    /// The section itself.
    Section(Range<u64>),
    /// The table that says where sections are.
    Table(SectionTable),
}

/// The section header table of an ELF file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SectionTable {
    /// Where the table lies.
    pub(super) file: Range<u64>,
    /// Bytes of one entry.
    pub(super) entry: usize,
    /// Index of the section with the names.
    pub(super) names: usize,
    /// End of the loaded parts: sections that only tools read lie behind.
    pub(super) loaded_end: u64,
}

/// What speaks for a Go program before its build information was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GoSigns {
    /// Nothing.
    None,
    /// Section headers in front, as Go's linker (and hardly any other) writes them.
    Layout,
    /// A Go build id.
    BuildId,
}

/// Load commands, program headers and sections looked at; real files have tens.
const MAX_HEADERS: usize = 1024;

/// Architectures of a fat Mach-O file. Java class files share its magic, with their version (45 or more) in this place.
const MAX_ARCHITECTURES: u32 = 32;

impl Format {
    /// Recognises a file by its first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let magic: [u8; 4] = *head.first_chunk()?;
        match magic {
            [0x7f, b'E', b'L', b'F'] => Some(Self::Elf),
            [b'M', b'Z', ..] => Some(Self::Pe),
            [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => Some(Self::MachO),
            [0xca, 0xfe, 0xba, 0xbe | 0xbf] => {
                let count = big(head).u32(4)?;
                (1..=MAX_ARCHITECTURES).contains(&count).then_some(Self::Fat)
            }
            _ => None,
        }
    }
}

fn big(bytes: &[u8]) -> Fields<'_> {
    Fields { bytes, endian: Endian::Big, width: Width::Eight }
}

/// Returns the architecture of a fat Mach-O file that comes first. All of them are built from the same source.
pub(super) fn first_architecture(head: &[u8]) -> Option<Range<u64>> {
    let fields = big(head);
    let wide = head.get(3) == Some(&0xbf);
    let count = fields.u32(4)?.min(MAX_ARCHITECTURES) as usize;
    let entry = if wide { 32 } else { 20 };
    let end_of_table = (8 + count * entry) as u64;
    (0..count)
        .filter_map(|index| {
            let at = 8 + index * entry;
            let (offset, size) = if wide {
                (fields.u64(at + 8)?, fields.u64(at + 16)?)
            } else {
                (u64::from(fields.u32(at + 8)?), u64::from(fields.u32(at + 12)?))
            };
            // One that holds its own header would never end.
            (offset >= end_of_table && size > 0).then(|| offset..offset.saturating_add(size))
        })
        .min_by_key(|range| range.start)
}

impl Layout {
    /// Reads the headers in the first bytes of a file of `size` bytes. `None` if they are not headers of a program.
    pub(super) fn read(head: &[u8], size: u64) -> Option<Self> {
        let mut layout = match Format::of(head)? {
            Format::Elf => elf(head, size)?,
            Format::Pe => pe(head)?,
            Format::MachO => mach_o(head)?,
            Format::Fat => return None,
        };
        layout.data = merge(
            layout.segments.iter().filter(|s| s.access == Access::Write).map(|s| s.file.clone()),
        );
        layout.go = layout.go.max(go_build_id(head));
        Some(layout)
    }

    /// Returns where the byte at `address` lies in the file.
    pub(super) fn offset(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let inside = address.checked_sub(segment.address)?;
            let offset = segment.file.start.checked_add(inside)?;
            (offset < segment.file.end).then_some(offset)
        })
    }
}

fn merge(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = ranges.filter(|r| !r.is_empty()).collect();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Go's linker marks a program with an id: in an ELF note, or else in front of the code.
fn go_build_id(head: &[u8]) -> GoSigns {
    let note = memchr::memmem::find_iter(head, b"Go\0\0").any(|at| {
        // The note's name is preceded by its length (4), the length of the id and the type (4).
        let word = |back: usize| head.get(at.checked_sub(back)?..)?.first_chunk::<4>().copied();
        let four = |bytes: Option<[u8; 4]>| matches!(bytes, Some([4, 0, 0, 0] | [0, 0, 0, 4]));
        four(word(12)) && four(word(4))
    });
    if note || memchr::memmem::find(head, b"\xff Go build ID: \"").is_some() {
        GoSigns::BuildId
    } else {
        GoSigns::None
    }
}

/// See: System V ABI (gABI) 4.1 "ELF Header", "Program Header".
fn elf(head: &[u8], size: u64) -> Option<Layout> {
    let width = match head.get(4)? {
        1 => Width::Four,
        2 => Width::Eight,
        _ => return None,
    };
    let endian = match head.get(5)? {
        1 => Endian::Little,
        2 => Endian::Big,
        _ => return None,
    };
    let fields = Fields { bytes: head, endian, width };
    let (segments_at, sections_at, counts) = match width {
        Width::Four => (fields.word(28)?, fields.word(32)?, 42),
        Width::Eight => (fields.word(32)?, fields.word(40)?, 54),
    };
    let [segment_entry, segment_count, entry, count, names] =
        [0, 2, 4, 6, 8].map(|at| fields.u16(counts + at).map(usize::from));
    let (entry, count) = (entry?, count?);
    let found = program_headers(&fields, segments_at, segment_entry?, segment_count?);
    // Tools that edit programs may move the program headers out of sight: then everything is looked at.
    let everything = Segment { address: 0, file: 0..size, access: Access::Write };
    let loaded_end = found.iter().flatten().map(|s| s.file.end).max().unwrap_or(0);
    let table_end = sections_at.checked_add((count * entry) as u64)?;
    let smallest_entry = if width == Width::Four { 40 } else { 64 };
    let has_table = sections_at != 0 && count > 1 && entry >= smallest_entry && table_end <= size;
    Some(Layout {
        segments: found.unwrap_or_else(|| vec![everything]),
        data: Vec::new(),
        dependencies: if has_table {
            let file = sections_at..table_end;
            Dependencies::Table(SectionTable { file, entry, names: names?, loaded_end })
        } else {
            Dependencies::None
        },
        text: Text::Apart,
        go: if (1..4096).contains(&sections_at) { GoSigns::Layout } else { GoSigns::None },
        endian,
        width,
    })
}

fn program_headers(
    fields: &Fields<'_>,
    at: u64,
    entry: usize,
    count: usize,
) -> Option<Vec<Segment>> {
    const LOAD: u32 = 1;
    if count > MAX_HEADERS || entry < 32 {
        return None;
    }
    let mut segments = Vec::new();
    for index in 0..count {
        let header = fields.from(usize::try_from(at).ok()?.checked_add(index * entry)?)?;
        if header.u32(0)? != LOAD {
            continue;
        }
        let (flags, offset, address, size) = match fields.width {
            Width::Four => (header.u32(24)?, header.word(4)?, header.word(8)?, header.word(16)?),
            Width::Eight => (header.u32(4)?, header.word(8)?, header.word(16)?, header.word(32)?),
        };
        let access = match flags {
            flags if flags & 2 != 0 => Access::Write,
            flags if flags & 1 != 0 => Access::Execute,
            _ => Access::Read,
        };
        segments.push(Segment { address, file: offset..offset.saturating_add(size), access });
    }
    Some(segments)
}

/// See: Microsoft PE format, "COFF File Header", "Section Table".
fn pe(head: &[u8]) -> Option<Layout> {
    const WRITE: u32 = 0x8000_0000;
    const EXECUTE: u32 = 0x2000_0000;
    let mut fields = Fields { bytes: head, endian: Endian::Little, width: Width::Four };
    let header = fields.from(fields.u32(0x3c)? as usize)?;
    if !header.bytes.starts_with(b"PE\0\0") {
        return None;
    }
    let count = usize::from(header.u16(6)?).min(MAX_HEADERS);
    let optional_size = usize::from(header.u16(20)?);
    let base = match header.u16(24)? {
        0x10b => u64::from(header.u32(24 + 28)?),
        0x20b => {
            fields.width = Width::Eight;
            header.u64(24 + 24)?
        }
        _ => return None,
    };
    let mut segments = Vec::new();
    let mut dependencies = Dependencies::None;
    for index in 0..count {
        let Some(section) = header.from(24 + optional_size + index * 40) else { break };
        let [Some(address), Some(size), Some(offset), Some(flags)] =
            [12, 16, 20, 36].map(|at| section.u32(at))
        else {
            break;
        };
        let file = u64::from(offset)..u64::from(offset) + u64::from(size);
        if section.bytes.starts_with(b".dep-v0\0") {
            // The rest of the raw section is padding: the virtual size is the real one.
            let real = section.u32(8).filter(|&real| real != 0 && real < size).unwrap_or(size);
            dependencies = Dependencies::Section(file.start..file.start + u64::from(real));
        }
        let access = match flags {
            flags if flags & WRITE != 0 => Access::Write,
            flags if flags & EXECUTE != 0 => Access::Execute,
            _ => Access::Read,
        };
        segments.push(Segment { address: base.saturating_add(u64::from(address)), file, access });
    }
    let (data, go, text) = (Vec::new(), GoSigns::None, Text::WithCode);
    let (endian, width) = (fields.endian, fields.width);
    Some(Layout { segments, data, dependencies, text, go, endian, width })
}

/// See: `mach-o/loader.h`, `segment_command` and `section`.
fn mach_o(head: &[u8]) -> Option<Layout> {
    const SEGMENT: u32 = 1;
    const SEGMENT_64: u32 = 0x19;
    let endian = if head.first()? == &0xfe { Endian::Big } else { Endian::Little };
    let wide = head.first()? == &0xcf || head.get(3)? == &0xcf;
    let width = if wide { Width::Eight } else { Width::Four };
    let fields = Fields { bytes: head, endian, width };
    let mut segments = Vec::new();
    let mut dependencies = Dependencies::None;
    let mut at = if wide { 32 } else { 28 };
    for _ in 0..(fields.u32(16)? as usize).min(MAX_HEADERS) {
        let Some(command) = fields.from(at) else { break };
        let (Some(kind), Some(size)) = (command.u32(0), command.u32(4)) else { break };
        if kind == if wide { SEGMENT_64 } else { SEGMENT } {
            segments.extend(mach_o_segment(&command));
            if let Some(section) = mach_o_dependencies(&command) {
                dependencies = Dependencies::Section(section);
            }
        }
        // A command that goes nowhere would be read again and again.
        at = at.checked_add((size as usize).max(8))?;
    }
    let (data, go, text) = (Vec::new(), GoSigns::None, Text::WithCode);
    Some(Layout { segments, data, dependencies, text, go, endian, width })
}

fn mach_o_segment(command: &Fields<'_>) -> Option<Segment> {
    let word = command.width.bytes();
    let [address, offset, size] = [0, 2, 3].map(|index| command.word(24 + index * word));
    let protection = command.u32(24 + 4 * word + 4)?;
    let access = match protection {
        flags if flags & 2 != 0 => Access::Write,
        flags if flags & 4 != 0 => Access::Execute,
        _ => Access::Read,
    };
    let (address, offset) = (address?, offset?);
    Some(Segment { address, file: offset..offset.saturating_add(size?), access })
}

fn mach_o_dependencies(command: &Fields<'_>) -> Option<Range<u64>> {
    let word = command.width.bytes();
    let count = (command.u32(24 + 4 * word + 8)? as usize).min(MAX_HEADERS);
    let entry = if command.width == Width::Eight { 80 } else { 68 };
    (0..count).find_map(|index| {
        let section = command.from(24 + 4 * word + 16 + index * entry)?;
        if !section.bytes.starts_with(b".dep-v0\0") {
            return None;
        }
        let size = section.word(32 + word)?;
        let offset = u64::from(section.u32(32 + 2 * word)?);
        Some(offset..offset.saturating_add(size))
    })
}
