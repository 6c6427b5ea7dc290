//! Writing the folder of a database: one writer, new files first, the manifest last.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::build::Written;
use super::manifest::{Manifest, SegmentInfo};
use super::{DatabaseError, MANIFEST, SEGMENTS};

/// The one writer of a database. Others wait for it; readers do not.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    _lock: File,
    partial: usize,
}

impl Writer {
    /// Becomes the writer of the database in a folder, which is created if it does not exist. Waits for another writer.
    ///
    /// # Errors
    /// If the folder cannot be created or locked.
    pub fn lock(dir: &Path) -> Result<Self, DatabaseError> {
        let segments = dir.join(SEGMENTS);
        fs::create_dir_all(&segments).map_err(DatabaseError::io("create", &segments))?;
        let path = dir.join("lock");
        let error = DatabaseError::io("lock", &path);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.and_then(|file| file.lock().map(|()| file)).map_err(error)?;
        Ok(Self { dir: dir.into(), _lock: lock, partial: 0 })
    }

    /// Returns the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns a path for a file that is being written. What a crash leaves there is removed by the next writer.
    pub fn partial(&mut self) -> PathBuf {
        self.partial += 1;
        self.dir.join(SEGMENTS).join(format!("partial-{}", self.partial))
    }

    /// Gives a written segment its name.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn keep(&self, partial: &Path, written: &Written) -> Result<(), DatabaseError> {
        let path = self.dir.join(SEGMENTS).join(format!("{}.seg", written.digest.hex()));
        fs::rename(partial, &path).map_err(DatabaseError::io("rename", &path))
    }

    /// Installs a segment that was written elsewhere, after checking it against its digest.
    ///
    /// # Errors
    /// If it is not what `info` says.
    pub fn install(&mut self, info: &SegmentInfo, bytes: &[u8]) -> Result<(), DatabaseError> {
        let corrupt = DatabaseError::corrupt(&info.name);
        if bytes.len() as u64 != info.size || hullmark_oci::Digest::sha256(bytes) != info.digest {
            return Err(corrupt(super::Corrupt::Digest));
        }
        let segment = super::Segment::from_vec(bytes.to_vec()).map_err(&corrupt)?;
        if segment.meta().name != info.name {
            return Err(corrupt(super::Corrupt::Digest));
        }
        segment.check().map_err(&corrupt)?;
        let partial = self.partial();
        write_synced(&partial, bytes).map_err(DatabaseError::io("write", &partial))?;
        let path = info.path(&self.dir);
        fs::rename(&partial, &path).map_err(DatabaseError::io("rename", &path))
    }

    /// Makes `manifest` the database, and removes files that neither it nor its predecessor names.
    ///
    /// # Errors
    /// If a file cannot be written. The database is then as it was.
    pub fn publish(self, manifest: &Manifest) -> Result<(), DatabaseError> {
        let previous = match Manifest::read(&self.dir) {
            Ok(previous) => previous,
            // A damaged or foreign manifest names nothing that a reader could use.
            Err(DatabaseError::Io { attempt, path, source }) => {
                return Err(DatabaseError::Io { attempt, path, source });
            }
            Err(_) => Manifest::default(),
        };
        let folder = self.dir.join(SEGMENTS);
        sync_folder(&folder).map_err(DatabaseError::io("sync", &folder))?;
        let temporary = self.dir.join("database.json.partial");
        write_synced(&temporary, &manifest.to_json())
            .map_err(DatabaseError::io("write", &temporary))?;
        let path = self.dir.join(MANIFEST);
        fs::rename(&temporary, &path).map_err(DatabaseError::io("rename", &path))?;
        sync_folder(&self.dir).map_err(DatabaseError::io("sync", &self.dir))?;
        let named: BTreeSet<String> = [manifest, &previous]
            .iter()
            .flat_map(|m| m.segments.iter().map(SegmentInfo::file_name))
            .collect();
        remove_others(&folder, &named).map_err(DatabaseError::io("clean", &folder))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove_others(folder: &Path, named: &BTreeSet<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let keep = name.to_str().is_some_and(|name| named.contains(name));
        if !keep && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
