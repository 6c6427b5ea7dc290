//! Fragments kept on disk by diffID: plain files, written to a temporary name and renamed, so any number of processes share them.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hullmark_oci::Digest;

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
        let mut bytes = Vec::new();
        fs::File::open(self.path(diff_id, executables)).ok()?.read_to_end(&mut bytes).ok()?;
        let content = bytes.strip_prefix(MAGIC)?;
        let (checksum, content) = content.split_at_checked(CHECKSUM)?;
        if checksum != hash(content) {
            return None;
        }
        postcard::from_bytes(content).ok()
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
        let content = postcard::to_stdvec(fragment).map_err(io::Error::other)?;
        // Unique per process and call: two writers of one fragment write the same bytes to different files.
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let serial = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let temporary = folder.join(format!(".{}-{serial}.tmp", std::process::id()));
        let write = || {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(&hash(&content))?;
            file.write_all(&content)?;
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

/// Not against forgery (the folder is the user's own) but against torn writes and bad disks.
fn hash(content: &[u8]) -> [u8; CHECKSUM] {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).into()
}
