//! Files of our own in a folder that others may have prepared: a symbolic link is never followed, so
//! that nothing outside the folder is written over.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// Creates a file, or empties the one that is there.
///
/// # Errors
/// When it is a symbolic link, or cannot be created.
pub fn create(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().write(true).create(true).truncate(true))
}

/// Opens a file to append to; creates it if it is not there.
///
/// # Errors
/// When it is a symbolic link, or cannot be opened.
pub fn append(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().append(true).create(true))
}

/// Writes a file as a whole.
///
/// # Errors
/// When it is a symbolic link, or cannot be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    create(path)?.write_all(content.as_ref())
}

/// Makes a folder with all above it that only we may look into.
///
/// # Errors
/// When it cannot be made. One that is there stays as it is.
pub fn private_folder(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

/// A folder in the system's temporary one that only we may look into; it goes with its handle.
///
/// # Errors
/// When it cannot be made.
pub fn private_temporary(prefix: &str) -> io::Result<tempfile::TempDir> {
    let closed = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix(prefix).permissions(closed).tempdir()
}

/// Makes a file that only our user may read, or makes one that is there so: what lies in it is mail.
/// SQLite gives the files beside its database the same mode.
///
/// # Errors
/// When it is a symbolic link, or cannot be made so.
pub fn keep_private(path: &Path) -> io::Result<()> {
    let file = open(path, OpenOptions::new().append(true).create(true).mode(0o600))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(path).map_err(|error| {
        // ELOOP alone reads as if links went round in a circle.
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is a symbolic link, which is not followed; remove it", path.display()),
            ),
            _ => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (victim, link) = (folder.path().join("victim"), folder.path().join("report.json"));
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, &link).expect("linked");
        for refused in [create(&link).err(), append(&link).err(), write(&link, "x").err()] {
            let error = refused.expect("refused").to_string();
            assert!(error.contains("symbolic link"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&victim).expect("read"), "precious");
        write(&folder.path().join("new"), "a").expect("a file of our own");
    }

    #[test]
    fn private_files_are_closed_to_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
        let (queue, file) = (folder.path().join("a/queue"), folder.path().join("mail"));
        private_folder(&queue).expect("made");
        private_folder(&queue).expect("it is there");
        assert_eq!(mode(&queue), 0o700);
        assert_eq!(mode(private_temporary("mailbench-").expect("made").path()), 0o700);
        std::fs::write(&file, "old").expect("written");
        keep_private(&file).expect("ours");
        assert_eq!((mode(&file), std::fs::read(&file).expect("read")), (0o600, b"old".to_vec()));
    }
}
