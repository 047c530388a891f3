//! Reads files that the user names: regular files only, each up to a bound. Writes files of our own in
//! a folder that others may have prepared: a symbolic link is never followed, so that nothing outside
//! the folder is written over.
//!
//! A FIFO without a writer blocks for ever and a device such as `/dev/zero` has no end, so neither
//! is a file here. Bounds are in `limits`. What processes print is not read here.

use std::fs::{File, OpenOptions};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::libc;

/// Opens a regular file for reading.
///
/// # Errors
/// When it cannot be opened, or is a directory, FIFO, socket or device.
pub fn open(path: &Path) -> io::Result<File> {
    // A FIFO without a writer must not block, nor a terminal become ours.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    check_regular(&file)?;
    Ok(file)
}

fn check_regular(file: &File) -> io::Result<()> {
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let name = match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO (pipe)",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() => "a character device",
        _ => "a device",
    };
    Err(Error::new(ErrorKind::InvalidInput, format!("it is {name}; a regular file is needed")))
}

/// The bytes of a regular file, at most `most` of them.
///
/// # Errors
/// When it cannot be read, is no regular file, or is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(too_long(most));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_long(most)) } else { Ok(bytes) }
}

/// The text of a regular file, at most `most` bytes of it.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let not_utf8 = |_| Error::new(ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(read(path, most)?).map_err(not_utf8)
}

fn too_long(most: u64) -> Error {
    let size = match most {
        most if most >= 1 << 20 => format!("{} MiB", most >> 20),
        most => format!("{} KiB", most >> 10),
    };
    Error::new(ErrorKind::FileTooLarge, format!("it is longer than {size}"))
}

/// Creates a file, or empties the one that is there.
///
/// # Errors
/// When it is a symbolic link, or cannot be created.
pub fn create(path: &Path) -> io::Result<File> {
    open_ours(path, OpenOptions::new().write(true).create(true).truncate(true))
}

/// Opens a file to append to; creates it if it is not there.
///
/// # Errors
/// When it is a symbolic link, or cannot be opened.
pub fn append(path: &Path) -> io::Result<File> {
    open_ours(path, OpenOptions::new().append(true).create(true))
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

/// Makes a file that only we may read, or makes one of ours so: what lies in it is mail. SQLite gives
/// the files beside its database the same mode.
///
/// # Errors
/// When it is a symbolic link, or cannot be made so.
pub fn keep_private(path: &Path) -> io::Result<()> {
    let file = open_ours(path, OpenOptions::new().append(true).create(true).mode(0o600))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn open_ours(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.custom_flags(libc::O_NOFOLLOW).open(path).map_err(|error| {
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
    use nix::sys::stat::Mode;

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

    #[test]
    fn devices_fifos_and_directories_are_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
        let cases = [
            (Path::new("/dev/zero"), "character device"),
            (&fifo, "FIFO"),
            (folder.path(), "directory"),
        ];
        for (path, name) in cases {
            let error = read(path, 10).expect_err("refused").to_string();
            assert!(error.contains(name), "{}: {error}", path.display());
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").expect("written");
        assert_eq!(read(&path, 10).expect("read"), b"0123456789");
        assert_eq!(read(&path, 9).expect_err("too long").kind(), ErrorKind::FileTooLarge);
        let sparse = File::create(folder.path().join("sparse")).expect("a file");
        sparse.set_len(1 << 40).expect("a length");
        assert!(read(&folder.path().join("sparse"), 1 << 20).is_err());
    }

    #[test]
    fn text_is_utf8() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"caf\xe9").expect("written");
        assert_eq!(read_text(&path, 10).expect_err("no text").kind(), ErrorKind::InvalidData);
    }
}
