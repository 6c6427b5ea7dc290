//! Fragments kept on disk by diffID: plain files, written to a temporary name and renamed, so any number of processes share them.

use std::fs;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hullmark_oci::Digest;
use sha2::{Digest as _, Sha256};

use crate::catalog;
use crate::catalog::binary::Executables;
use crate::fragment::Fragment;

/// First bytes of every cached fragment.
const MAGIC: &[u8; 8] = b"hmfrag01";
const CHECKSUM: usize = 32;

/// A folder of cached fragments. It can be deleted at any time.
#[derive(Clone, Debug)]
pub struct FragmentCache {
    folder: PathBuf,
}

impl FragmentCache {
    /// Uses `folder`, which is created when something is stored.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.join(format!("v{}", catalog::VERSION)) }
    }

    /// Returns the fragment of a layer; `None` if it is not there, or not whole (it is then read from the layer again).
    pub fn load(&self, diff_id: &Digest, executables: Executables) -> Option<Fragment> {
        let mut file = fs::File::open(self.path(diff_id, executables)).ok()?;
        let mut head = [0; MAGIC.len() + CHECKSUM];
        file.read_exact(&mut head).ok()?;
        let (magic, checksum) = head.split_at(MAGIC.len());
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        if magic != MAGIC || checksum != Sha256::digest(&content).as_slice() {
            return None;
        }
        postcard::from_bytes(&content).ok()
    }

    /// Stores the fragment of a layer whose diffID was verified.
    ///
    /// # Errors
    /// If the folder or the file cannot be written. Nothing but speed is lost.
    pub fn store(
        &self,
        diff_id: &Digest,
        executables: Executables,
        fragment: &Fragment,
    ) -> io::Result<()> {
        let path = self.path(diff_id, executables);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        // Unique per process and call: two writers of one fragment write the same bytes to different files.
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let serial = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let temporary = folder.join(format!(".{}-{serial}.tmp", std::process::id()));
        let write = || {
            let file = fs::File::create(&temporary)?;
            write_fragment(file, fragment)?;
            fs::rename(&temporary, &path)
        };
        write().inspect_err(|_| {
            // Best effort: what is left behind is only a stray temporary file.
            fs::remove_file(&temporary).ok();
        })
    }

    fn path(&self, diff_id: &Digest, executables: Executables) -> PathBuf {
        let suffix = match executables {
            Executables::Skip => "",
            Executables::Digest => "-executables",
        };
        let hex = diff_id.hex();
        self.folder.join(&hex[..2]).join(format!("{}-{hex}{suffix}", diff_id.algorithm().as_str()))
    }
}

/// Writes magic, checksum and content. The content is not held in memory as a whole: a layer may have millions of paths.
fn write_fragment(mut file: fs::File, fragment: &Fragment) -> io::Result<()> {
    file.write_all(MAGIC)?;
    file.write_all(&[0; CHECKSUM])?;
    let hashing = Hashing { writer: BufWriter::new(file), hash: Sha256::new() };
    let Hashing { writer, hash } = postcard::to_io(fragment, hashing).map_err(io::Error::other)?;
    let mut file = writer.into_inner()?;
    file.seek(SeekFrom::Start(MAGIC.len() as u64))?;
    file.write_all(&hash.finalize())
}

/// A checksum of what goes by. Not against forgery (the folder is the user's own) but against torn writes and bad disks.
struct Hashing<W> {
    writer: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.writer.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
