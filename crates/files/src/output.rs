//! Files that are written: there whole or not at all. What is no regular file is written through.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::FileError;

/// What names of files begin with that are not finished.
const ASIDE: &str = ".pushpull-";

/// The directory that a file lies in.
fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What a path leads to, links followed, whether it is there or not.
fn real(file: &Path) -> PathBuf {
    let mut file = file.to_owned();
    for _ in 0..40 {
        let Ok(to) = fs::read_link(&file) else { break };
        file = parent(&file).join(to);
    }
    let name = file.file_name().map(ToOwned::to_owned);
    match (fs::canonicalize(parent(&file)), name) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => file,
    }
}

/// Whether a path leads to something that is written through: a device, a pipe, what this process has open.
fn is_stream(file: &Path) -> bool {
    descriptor(file).is_some()
        || fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The number of an open file of this process that a path stands for, as `/dev/stdout` does.
fn descriptor(file: &Path) -> Option<u32> {
    let own = format!("/proc/{}/fd", std::process::id());
    let mut file = file.to_owned();
    for _ in 0..40 {
        let directory = fs::canonicalize(parent(&file)).ok()?;
        if directory == Path::new(&own) {
            return file.file_name()?.to_str()?.parse().ok();
        }
        file = directory.join(fs::read_link(&file).ok()?);
    }
    None
}

/// Refuses an output that cannot come about, before any work is done: no directory for it or none that can be written to, a
/// directory in its place, a file that may not be written, or one of the inputs. `option` is where it was named.
///
/// # Errors
/// [`FileError::Request`]
pub fn check(option: &str, output: &Path, inputs: &[&Path]) -> Result<(), FileError> {
    let shown = || output.display().to_string();
    let fault = |expected: &str, got: String, remedy: &str| {
        Err(FileError::request(option, expected, got, remedy))
    };
    if !parent(output).is_dir() || output.file_name().is_none() {
        return fault(
            "a file in a directory that exists",
            shown(),
            "make the directory first",
        );
    }
    if output.is_dir() {
        return fault("a file", format!("the directory {}", shown()), "add a name");
    }
    let target = real(output);
    if !is_stream(output) && fs::read_link(&target).is_ok() {
        let got = format!("{}, a link that leads to itself", shown());
        return fault("a file", got, "remove it, or choose another name");
    }
    let same = |input: &&Path| real(input) == target;
    if inputs.iter().any(same) && !is_stream(output) {
        let got = format!("{}, an input", shown());
        return fault("a file of its own", got, "choose another name");
    }
    if is_stream(output) {
        return Ok(());
    }
    if let Some(error) = impossible(&target) {
        let got = format!("{} ({error})", shown());
        return fault("a name that the system allows", got, "choose another name");
    }
    let remedy = "change its permissions, or choose another name";
    if fs::metadata(&target).is_ok_and(|found| found.permissions().readonly()) {
        let got = format!("{}, which is read-only", shown());
        return fault("a file that can be written", got, remedy);
    }
    // What may not be changed says so when it is opened.
    if let (true, Err(error)) = (
        target.exists(),
        OpenOptions::new().write(true).open(&target),
    ) {
        let got = format!("{} ({error})", shown());
        return fault("a file that can be written", got, remedy);
    }
    clear(parent(&target));
    match aside(&target) {
        Ok(_) => Ok(()),
        Err(error) => {
            let got = format!("{} ({error})", shown());
            fault("a file in a directory that can be written to", got, remedy)
        }
    }
}

/// What the system says of a path that cannot be there, as one whose name is too long.
fn impossible(path: &Path) -> Option<io::Error> {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    let error = path.symlink_metadata().err()?;
    let elsewhere = [NotADirectory, NotFound, PermissionDenied].contains(&error.kind());
    (!elsewhere).then_some(error)
}

/// Refuses two outputs in one file, by whatever spelling. Each comes with the option that names it.
///
/// # Errors
/// [`FileError::Request`]
pub fn distinct(outputs: &[(&str, &Path)]) -> Result<(), FileError> {
    for (i, (option, output)) in outputs.iter().enumerate() {
        let same = |(_, other): &&(&str, &Path)| real(other) == real(output);
        if let Some((other, _)) = outputs[..i].iter().find(same)
            && !is_stream(output)
        {
            return Err(FileError::request(
                format!("{other}, {option}"),
                "different files",
                format!("{} twice", output.display()),
                "give each output a name of its own",
            ));
        }
    }
    Ok(())
}

/// Refuses a directory of outputs that cannot come about, before any work is done: a file is in its place, it cannot be made, or
/// not be written to. `option` is where it was named.
///
/// # Errors
/// [`FileError::Request`]
pub fn check_directory(option: &str, output: &Path) -> Result<(), FileError> {
    let fault = |expected: &str, got: String, remedy: &str| {
        Err(FileError::request(option, expected, got, remedy))
    };
    if let Some(error) = output.ancestors().find_map(impossible) {
        let got = format!("{} ({error})", output.display());
        return fault("a name that the system allows", got, "choose another name");
    }
    // The first on the way up that is there.
    let there = output
        .ancestors()
        .find(|above| above.symlink_metadata().is_ok());
    let there = there.unwrap_or(Path::new("."));
    if !there.is_dir() {
        let got = format!("the file {}", there.display());
        return fault("a directory", got, "choose another name");
    }
    match aside(&there.join("any")) {
        Ok(_) => Ok(()),
        Err(error) => {
            let got = format!("{} ({error})", there.display());
            let remedy = "change its permissions, or choose another place";
            fault("a directory that can be written to", got, remedy)
        }
    }
}

/// A new file beside another, named after this process.
fn aside(target: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!("{ASIDE}{}-", std::process::id());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Those of any new file, less the user's mask; a temporary file's own are private.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(parent(target))
}

/// Removes what processes that are gone have left unfinished in a directory.
fn clear(directory: &Path) {
    // Elsewhere nobody can tell who is gone.
    if !Path::new("/proc/self").exists() {
        return;
    }
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| {
            let (process, _) = name.strip_prefix(ASIDE)?.split_once('-')?;
            process.parse::<u32>().ok()
        });
        let Some(process) = process else { continue };
        if !Path::new("/proc").join(process.to_string()).exists() {
            let path = entry.path();
            let _ = match path.is_dir() {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            };
        }
    }
}

/// Writes a file: beside what is there, then in its place, with its mode. Links are followed; a device or a pipe is written
/// through.
///
/// # Errors
/// [`FileError::Write`]; what was there before is then as it was.
pub fn write(output: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |error: io::Error| FileError::write(output, error);
    let target = real(output);
    // Opened anew, a file that is the standard output would be written from its start on.
    match descriptor(output) {
        Some(1) => return io::stdout().write_all(bytes).map_err(failed),
        Some(2) => return io::stderr().write_all(bytes).map_err(failed),
        _ => {}
    }
    if is_stream(output) {
        let mut stream = OpenOptions::new()
            .write(true)
            .open(output)
            .map_err(failed)?;
        return stream.write_all(bytes).map_err(failed);
    }
    let mut aside = aside(&target).map_err(failed)?;
    aside.write_all(bytes).map_err(failed)?;
    place(aside, &target).map_err(failed)
}

/// Puts a finished file in its place.
fn place(aside: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    if let Ok(found) = fs::metadata(target) {
        aside.as_file().set_permissions(found.permissions())?;
    }
    aside.as_file().sync_all()?;
    aside.persist(target).map_err(|error| error.error)?;
    synced(parent(target));
    Ok(())
}

/// Has the system write the names of a directory down. Where it cannot, they are written when they are.
fn synced(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

/// Lets `fill` write files into an empty directory, then moves them to `directory`, which is made if need be. Their paths,
/// sorted.
///
/// # Errors
/// [`FileError::Write`], and those of `fill`; nothing is left of a `fill` that failed.
pub fn write_all<E: From<FileError>>(
    directory: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<Vec<PathBuf>, E> {
    let failed = |error: io::Error| FileError::write(directory, error);
    fs::create_dir_all(directory).map_err(failed)?;
    clear(directory);
    let aside = tempfile::Builder::new()
        .prefix(&format!("{ASIDE}{}-", std::process::id()))
        .tempdir_in(directory)
        .map_err(failed)?;
    fill(aside.path())?;
    let mut moved = Vec::new();
    for entry in fs::read_dir(aside.path()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = directory.join(entry.file_name());
        let bytes = fs::read(entry.path()).map_err(failed)?;
        write(&target, &bytes)?;
        moved.push(target);
    }
    moved.sort();
    Ok(moved)
}

/// The right to a file, for as long as it is held.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: Option<File>,
    said: Option<String>,
}

impl Lock {
    /// Takes the right to an output, which a file beside it stands for.
    ///
    /// # Errors
    /// [`FileError::Request`] where another process holds it.
    pub fn of(output: &Path) -> Result<Self, FileError> {
        let target = real(output);
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = parent(&target).join(format!(".{name}.lock"));
        let unlocked = |why: String| Self {
            said: Some(format!(
                "{}: not locked ({why}): let no other run write it",
                output.display()
            )),
            path: path.clone(),
            file: None,
        };
        loop {
            let opened = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path);
            let mut file = match opened {
                Ok(file) => file,
                Err(error) => return Ok(unlocked(error.to_string())),
            };
            match file.try_lock() {
                Ok(()) if same_file(&file, &path) => {
                    let _ = file
                        .set_len(0)
                        .and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Self {
                        path,
                        file: Some(file),
                        said: None,
                    });
                }
                // Its holder has just removed it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let process = fs::read_to_string(&path).unwrap_or_default();
                    let process: String = process.chars().filter(char::is_ascii_digit).collect();
                    return Err(FileError::request(
                        "--checkpoint",
                        "a file that no other run writes",
                        format!("{}, which process {process} writes", output.display()),
                        "wait for it, or choose another name",
                    ));
                }
                Err(TryLockError::Error(error)) => return Ok(unlocked(error.to_string())),
            }
        }
    }

    /// What is to be said where the file system has no locks.
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a path still leads to an open file.
fn same_file(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |found: fs::Metadata| (found.dev(), found.ino());
        file.metadata().map(id).ok() == fs::metadata(path).map(id).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fill_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let failed = write_all(place.path(), |aside| {
            fs::write(aside.join("half.csv"), "x").unwrap();
            Err(FileError::write(aside, "no room"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn outputs_that_cannot_come_about_are_refused_first() {
        let place = tempfile::tempdir().unwrap();
        let input = place.path().join("w.safetensors");
        fs::write(&input, "weights").unwrap();
        assert!(check("--output", &place.path().join("none/g"), &[]).is_err());
        assert!(check("--output", place.path(), &[]).is_err());
        assert!(check("--output", &place.path().join("./w.safetensors"), &[&input]).is_err());
        assert!(check("--output", &place.path().join("g.safetensors"), &[&input]).is_ok());
        let twice = [
            ("--weights", input.as_path()),
            ("--table", &place.path().join("./w.safetensors")),
        ];
        assert!(distinct(&twice).is_err() && distinct(&twice[..1]).is_ok());
        let mut permissions = fs::metadata(&input).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&input, permissions).unwrap();
        assert!(check("--output", &input, &[]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn places_that_cannot_be_written_are_refused_first() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().unwrap();
        let own = place.path();
        fs::write(own.join("file"), "mine").unwrap();
        symlink("loop", own.join("loop")).unwrap();
        symlink("nowhere", own.join("dangling")).unwrap();
        let said = check("--weights", &own.join("loop"), &[])
            .unwrap_err()
            .to_string();
        assert!(said.contains("leads to itself"), "{said}");
        for wrong in ["file", "file/below", "dangling", "loop/below"] {
            let said = check_directory("--output", &own.join(wrong));
            assert!(said.is_err(), "{wrong}");
        }
        for right in ["new", "new/below", "."] {
            assert!(
                check_directory("--output", &own.join(right)).is_ok(),
                "{right}"
            );
        }
        assert!(check_directory("--output", Path::new("new")).is_ok());
        // Nobody makes a directory there, not root either.
        if Path::new("/proc/self").exists() {
            let said = check_directory("--output", Path::new("/proc/here"))
                .unwrap_err()
                .to_string();
            assert!(
                said.contains("a directory that can be written to"),
                "{said}"
            );
        }
        let mut names: Vec<_> = fs::read_dir(own)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["dangling", "file", "loop"]);
    }

    #[test]
    fn a_name_that_is_too_long_is_refused_first() {
        let place = tempfile::tempdir().unwrap();
        let long = place.path().join("w".repeat(300));
        for said in [
            check("--weights", &long, &[]),
            check_directory("--plot", &long),
            check_directory("--plot", &long.join("below")),
        ] {
            let said = said.unwrap_err().to_string();
            assert!(said.contains("a name that the system allows"), "{said}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_cleared() {
        let place = tempfile::tempdir().unwrap();
        // No process has a number beyond 2^22 on Linux.
        let left = place.path().join(".pushpull-4294967295-abc");
        fs::write(&left, "half").unwrap();
        check("--output", &place.path().join("g"), &[]).unwrap();
        assert_eq!(left.exists(), !Path::new("/proc/self").exists());
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run.ckpt");
        let first = Lock::of(&path).unwrap();
        let said = Lock::of(&path).unwrap_err().to_string();
        assert!(said.contains(&std::process::id().to_string()), "{said}");
        drop(first);
        assert!(Lock::of(&path).unwrap().said().is_none());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_modes_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("real"), place.path().join("link"));
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real", &link).unwrap();
        write(&link, b"after").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"after");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o640
        );
        let dangling = place.path().join("dangling");
        symlink("new", &dangling).unwrap();
        write(&dangling, b"new").unwrap();
        assert_eq!(fs::read(place.path().join("new")).unwrap(), b"new");
    }
}
