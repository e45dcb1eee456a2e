//! Files that are there whole or not at all.

use purlin_core::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it over `path`, and syncs
/// the folder. A process killed at any moment leaves the old file or the new one under `path`, and
/// at worst a temporary file that [`sweep`] removes.
pub(crate) fn write(op: &'static str, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_of(op, path)?;
    let written = write_synced(&temporary, bytes)
        .map_err(|e| Error::io(op, &temporary, e))
        .and_then(|()| fs::rename(&temporary, path).map_err(|e| Error::io(op, path, e)));
    if written.is_err() {
        // The first error is the one to report; a file that cannot be removed is swept later.
        let _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| sync_folder(path).map_err(|e| Error::io(op, path, e)))
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The name change itself must reach the disk; only Unix lets a folder be synced.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder_of(path))?.sync_all() } else { Ok(()) }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn file_name(op: &'static str, path: &Path) -> Result<String> {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(Error::param(op, "path", "the path of a file", path.display())),
    }
}

/// `.NAME.PID.COUNT.tmp`: no two writers share one.
fn temporary_of(op: &'static str, path: &Path) -> Result<PathBuf> {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!(".{}.{}.{count}.tmp", file_name(op, path)?, std::process::id());
    Ok(folder_of(path).join(name))
}

/// Removes temporary files that killed processes left beside `path`. Call it when no other process
/// writes there; files that cannot be removed stay.
pub(crate) fn sweep(op: &'static str, path: &Path) -> Result<()> {
    let prefix = format!(".{}.", file_name(op, path)?);
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(middle) = name
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix))
            .and_then(|name| name.strip_suffix(".tmp"))
        else {
            continue;
        };
        if middle.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_content_replaces_the_old_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write("save", &path, b"old").unwrap();
        write("save", &path, b"new content").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new content");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_temporary_files_of_this_name_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let keep = ["model", ".model.tmp", ".model.x.tmp", ".other.1.2.tmp"];
        for name in keep.iter().chain(&[".model.12.3.tmp"]) {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        sweep("save", &folder.path().join("model")).unwrap();
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = keep.to_vec();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let err = write("save", &folder.path().join("no/model"), b"x").unwrap_err();
        assert!(matches!(err, Error::Io { .. }), "{err}");
        assert!(err.to_string().contains("model"), "{err}");
    }
}
