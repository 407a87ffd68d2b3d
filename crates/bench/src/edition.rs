//! A report directory that is replaced whole or not at all.
//!
//! An edition is written in a hidden sibling of its target and takes the target's place at [`Edition::commit`] by two
//! renames. Until then the target is not touched; dropping the edition (an error, a panic) removes the sibling, and
//! what a killed run leaves behind is removed by the next one. `GENERATED.txt` lists what the run has written: at the
//! next commit, files of that list that are not written again disappear, and every other file (one written by hand,
//! or by another program) is carried over.

mod error;

pub use error::EditionError;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The list of a run's own files, in the report directory.
pub const LIST: &str = "GENERATED.txt";
const LOCK: &str = ".lock";

/// A report in the making.
///
/// ```
/// use pushpull_bench::edition::Edition;
/// let place = tempfile::tempdir()?;
/// let reports = place.path().join("reports");
/// let edition = Edition::begin(&reports)?;
/// std::fs::write(edition.file("cost.csv")?, "sweep\n")?;
/// assert!(!reports.exists());
/// let committed = edition.commit()?;
/// assert_eq!(committed.written, ["cost.csv"]);
/// assert!(reports.join("cost.csv").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Edition {
    target: PathBuf,
    staging: PathBuf,
    /// Held while this edition is being written, so that another run can tell it from what a killed run has left.
    lock: Option<File>,
    committed: bool,
}

/// What a commit has done; names are relative to the report directory, with `/` between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Written by this run.
    pub written: Vec<String>,
    /// Carried over, because no run has written them.
    pub kept: Vec<String>,
    /// Written by an earlier run and not again.
    pub dropped: Vec<String>,
}

impl Edition {
    /// Begins an edition of the report at `target`, which need not exist; its parent is made if it does not.
    ///
    /// Puts right what a run that was killed has left: between the two renames, the earlier report under its hidden
    /// name.
    ///
    /// # Errors
    /// [`EditionError::Target`] for a target that is no directory, [`EditionError::Refused`] by the file system.
    pub fn begin(target: &Path) -> Result<Self, EditionError> {
        // Through links: renaming over a link would put a directory in its place.
        let target = match fs::canonicalize(target) {
            Ok(real) => real,
            Err(_) => std::path::absolute(target).map_err(refused(target, "resolve the path"))?,
        };
        if target.exists() && !target.is_dir() {
            return Err(EditionError::Target {
                target,
                got: "a file",
            });
        }
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(EditionError::Target {
                target,
                got: "a path without a name",
            });
        };
        let name = name.to_string_lossy().into_owned();
        fs::create_dir_all(parent).map_err(refused(parent, "make the directory"))?;
        let earlier = earlier(&target);
        if earlier.exists() {
            if target.exists() {
                fs::remove_dir_all(&earlier)
                    .map_err(refused(&earlier, "remove the replaced report"))?;
            } else {
                fs::rename(&earlier, &target)
                    .map_err(refused(&earlier, "put the earlier report back"))?;
            }
        }
        let prefix = format!(".{name}.staging-");
        remove_abandoned(parent, &prefix);
        let free = (0..1000)
            .map(|i| parent.join(format!("{prefix}{}-{i}", std::process::id())))
            .find(|p| !p.exists());
        let staging = free.unwrap_or_else(|| parent.join(&prefix));
        fs::create_dir(&staging).map_err(refused(&staging, "make the directory"))?;
        let mut edition = Self {
            target,
            staging,
            lock: None,
            committed: false,
        };
        let lock = edition.staging.join(LOCK);
        let file = File::create(&lock).map_err(refused(&lock, "make the file"))?;
        // On a file system without locks nobody removes what a killed run has left: none could tell it from this one.
        let _ = file.lock();
        edition.lock = Some(file);
        Ok(edition)
    }

    /// The place of a file of this edition; directories on the way are made. What is written there is the run's own.
    ///
    /// # Errors
    /// [`EditionError::Name`] for a name that is absolute, leads upwards or is `GENERATED.txt`;
    /// [`EditionError::Refused`].
    pub fn file(&self, name: impl AsRef<Path>) -> Result<PathBuf, EditionError> {
        let name = name.as_ref();
        let inside = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside
            || name.as_os_str().is_empty()
            || name == Path::new(LIST)
            || name == Path::new(LOCK)
        {
            return Err(EditionError::Name { name: name.into() });
        }
        let path = self.staging.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(refused(parent, "make the directory"))?;
        }
        Ok(path)
    }

    /// Puts this edition in the place of the earlier one.
    ///
    /// # Errors
    /// [`EditionError::Refused`]; the earlier report then stands as it was.
    pub fn commit(mut self) -> Result<Committed, EditionError> {
        // Closed before it is removed: some systems keep an open file.
        self.lock = None;
        let lock = self.staging.join(LOCK);
        fs::remove_file(&lock).map_err(refused(&lock, "remove the file"))?;
        let written = files(&self.staging)?;
        let owned = listed(&self.target.join(LIST));
        let mut done = Committed {
            written: written.iter().cloned().collect(),
            ..Committed::default()
        };
        for name in files(&self.target)? {
            if written.contains(&name) || name == LIST || name == LOCK {
            } else if owned.contains(&name) {
                done.dropped.push(name);
            } else {
                let to = self.file(&name)?;
                copy(&self.target.join(&name), &to).map_err(refused(&to, "carry the file over"))?;
                done.kept.push(name);
            }
        }
        let list = self.staging.join(LIST);
        fs::write(
            &list,
            done.written
                .iter()
                .map(|n| format!("{n}\n"))
                .collect::<String>(),
        )
        .map_err(refused(&list, "write the list"))?;
        self.swap()?;
        Ok(done)
    }

    fn swap(&mut self) -> Result<(), EditionError> {
        let earlier = earlier(&self.target);
        if self.target.exists() {
            fs::rename(&self.target, &earlier)
                .map_err(refused(&self.target, "move the earlier report aside"))?;
        }
        if let Err(error) = fs::rename(&self.staging, &self.target) {
            // If this fails too, the next `begin` does it.
            let _ = fs::rename(&earlier, &self.target);
            return Err(refused(&self.target, "put the new report in its place")(
                error,
            ));
        }
        self.committed = true;
        // The new report stands; what cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&earlier);
        Ok(())
    }
}

impl Drop for Edition {
    fn drop(&mut self) {
        if !self.committed {
            self.lock = None;
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

fn earlier(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.earlier"))
}

/// Removes what killed runs have left: stagings whose lock nobody holds.
fn remove_abandoned(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(prefix))
    {
        let abandoned =
            File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if abandoned {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// All files below a directory, links too and unfollowed; none if it does not exist.
fn files(directory: &Path) -> Result<BTreeSet<String>, EditionError> {
    let mut found = BTreeSet::new();
    let mut open = vec![(directory.to_owned(), String::new())];
    while let Some((path, prefix)) = open.pop() {
        let entries = match fs::read_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && prefix.is_empty() => return Ok(found),
            entries => entries.map_err(refused(&path, "read the directory"))?,
        };
        for entry in entries {
            let entry = entry.map_err(refused(&path, "read the directory"))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(refused(&entry.path(), "read the name")(io::Error::other(
                    "a name that is not UTF-8",
                )));
            };
            let name = format!("{prefix}{name}");
            if entry
                .file_type()
                .map_err(refused(&entry.path(), "read its kind"))?
                .is_dir()
            {
                open.push((entry.path(), format!("{name}/")));
            } else {
                found.insert(name);
            }
        }
    }
    Ok(found)
}

fn listed(list: &Path) -> BTreeSet<String> {
    fs::read_to_string(list)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A copy, or a second link to where a link leads.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if from.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(|_| ())
}

fn refused(path: &Path, action: &'static str) -> impl Fn(io::Error) -> EditionError {
    move |error| EditionError::Refused {
        path: path.into(),
        action,
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
