//! Bounds on attacker-controlled sizes, depths and counts. Every one has a unit and a reason; all can be configured.

/// What Hullmark is willing to read of one image.
///
/// Passing a limit never passes silently: it is a gap where the rest of the image can still be judged, and an error where it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a manifest or index. Registries refuse more than 4 MiB.
    pub manifest_bytes: u64,
    /// Bytes of an image configuration; generous, since build systems put history and labels there.
    pub config_bytes: u64,
    /// Manifests that one index, with the indexes in it, may name.
    pub index_manifests: usize,
    /// How deep indexes may be nested.
    pub index_depth: usize,
    /// Layers of one image. Overlay file systems stop at a few hundred.
    pub layers: usize,
    /// Uncompressed bytes of one layer.
    pub layer_bytes: u64,
    /// Uncompressed bytes per compressed byte, once more than [`Self::ratio_floor_bytes`] came out. Deflate cannot pass 1032.
    pub decompression_ratio: u64,
    /// Uncompressed bytes below which the ratio is not looked at.
    pub ratio_floor_bytes: u64,
    /// Entries of one layer's tar stream; each costs eight bytes of memory.
    pub layer_entries: u64,
    /// Bytes of one path. Linux stops at 4096.
    pub path_bytes: usize,
    /// Bytes of one extended tar header (pax or GNU long name).
    pub tar_header_bytes: u64,
    /// Bytes of holes in the sparse files of one layer: they cost nothing to store and a lot to read.
    pub sparse_bytes: u64,
    /// Base-2 logarithm of the largest window a zstd layer may ask for; 27 is what `zstd --ultra` writes.
    pub zstd_window_log: u32,
    /// Bytes of all symbolic links kept for one layer.
    pub symlink_bytes: usize,
    /// Bytes of one file that a cataloguer holds in memory (package database, metadata, archive).
    pub file_bytes: u64,
    /// Bytes of an executable's end that are kept to find its section table and embedded dependency list.
    pub executable_tail_bytes: usize,
    /// Packages that one file or one layer may contribute.
    pub packages: usize,
    /// How deep archives may be nested (a jar in a war in an ear).
    pub archive_depth: usize,
    /// Entries of one archive (jar, wheel, egg).
    pub archive_entries: usize,
    /// Uncompressed bytes read out of one top-level archive, nested ones included.
    pub archive_bytes: u64,
    /// Bytes of one SBOM, VEX or other JSON document.
    pub document_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        Self {
            manifest_bytes: 4 * MIB,
            config_bytes: 8 * MIB,
            index_manifests: 1000,
            index_depth: 4,
            layers: 1000,
            layer_bytes: 64 * 1024 * MIB,
            decompression_ratio: 1100,
            ratio_floor_bytes: 64 * MIB,
            layer_entries: 5_000_000,
            path_bytes: 4096,
            tar_header_bytes: MIB,
            sparse_bytes: 4 * 1024 * MIB,
            zstd_window_log: 27,
            symlink_bytes: 16 * 1024 * 1024,
            file_bytes: 256 * MIB,
            executable_tail_bytes: 8 * 1024 * 1024,
            packages: 200_000,
            archive_depth: 8,
            archive_entries: 200_000,
            archive_bytes: 2 * 1024 * MIB,
            document_bytes: 512 * MIB,
        }
    }
}
