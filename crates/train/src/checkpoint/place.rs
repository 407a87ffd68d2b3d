//! The file of a checkpoint: replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::CheckpointFault;

/// Tells the writes of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

fn refused(action: &'static str) -> impl Fn(io::Error) -> CheckpointFault {
    move |e| CheckpointFault::Refused {
        action,
        detail: e.to_string(),
    }
}

/// Writes aside, synchronises, renames, and synchronises the directory. Until the rename the file is not touched.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), CheckpointFault> {
    let Some(name) = path.file_name() else {
        return Err(CheckpointFault::Refused {
            action: "save",
            detail: "the path has no file name".into(),
        });
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Cut: with more before and behind it, a long name would be longer than the system allows.
    let start: String = name.to_string_lossy().chars().take(50).collect();
    let prefix = format!(".{start}.writing-");
    remove_abandoned(directory, &prefix);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let aside = directory.join(format!("{prefix}{}-{number}", std::process::id()));
    let written = fill(&aside, bytes).and_then(|lock| {
        fs::rename(&aside, path).map_err(refused("rename the new file over the old one"))?;
        drop(lock);
        synchronise(directory).map_err(refused("synchronise the directory"))
    });
    if written.is_err() {
        // Nothing to be done if this fails too: the first fault is the one to tell.
        let _ = fs::remove_file(&aside);
    }
    written
}

/// The new file, synchronised and still locked: the lock tells it from what a killed run has left. On a file system without locks
/// nobody removes what such a run has left, as nobody could tell it from this one.
fn fill(aside: &Path, bytes: &[u8]) -> Result<File, CheckpointFault> {
    let created = OpenOptions::new().write(true).create_new(true).open(aside);
    let mut file = created.map_err(refused("make a file beside the checkpoint"))?;
    let _ = file.lock();
    file.write_all(bytes)
        .map_err(refused("write the new file"))?;
    file.sync_all()
        .map_err(refused("synchronise the new file"))?;
    Ok(file)
}

/// A rename is lasting once its directory is. Other systems order it themselves, or cannot open a directory.
fn synchronise(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()
    } else {
        Ok(())
    }
}

/// Removes what killed runs have left: files of this prefix that nobody has locked.
fn remove_abandoned(directory: &Path, prefix: &str) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let abandoned = |path: &PathBuf| File::open(path).is_ok_and(|file| file.try_lock().is_ok());
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(abandoned)
        .for_each(|path| drop(fs::remove_file(path)));
}

/// The file's bytes, at most `limit`.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, CheckpointFault> {
    let file = File::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => CheckpointFault::Missing,
        _ => refused("open the file")(e),
    })?;
    let metadata = file.metadata().map_err(refused("look at the file"))?;
    // A directory opens on some systems, and a pipe may never end.
    if !metadata.is_file() {
        return Err(CheckpointFault::NotACheckpoint);
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(refused("read the file"))?;
    if bytes.len() as u64 > limit {
        return Err(CheckpointFault::TooLong { limit });
    }
    Ok(bytes)
}
