//! Reads files that the user names: regular files only, each up to a bound.
//!
//! A FIFO without a writer blocks for ever and a device such as `/dev/zero` has no end, so neither
//! is a file here. Bounds are in `limits`. What processes print is not read here.

use std::fs::{File, OpenOptions};
use std::io::{self, Error, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
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

/// Whether the system refused a file, as without a free descriptor, on a failing disk or for want of
/// permission: neither is its name wrong, nor what lies there.
#[must_use]
pub fn is_refused(error: &Error) -> bool {
    let of_the_name = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP, libc::ENAMETOOLONG, libc::EINVAL];
    error.raw_os_error().is_some_and(|number| !of_the_name.contains(&number))
}

fn too_long(most: u64) -> Error {
    let size = match most {
        most if most >= 1 << 20 => format!("{} MiB", most >> 20),
        most => format!("{} KiB", most >> 10),
    };
    Error::new(ErrorKind::FileTooLarge, format!("it is longer than {size}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

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
    fn what_the_system_refuses_is_not_of_the_file() {
        for number in [libc::EIO, libc::EMFILE, libc::ENFILE, libc::EACCES, libc::ENOMEM] {
            assert!(is_refused(&Error::from_raw_os_error(number)), "{number}");
        }
        for path in ["", "nowhere", "/dev/null/below", "/dev/zero", "/", &"x".repeat(300)] {
            let error = read(Path::new(path), 10).expect_err("none");
            assert!(!is_refused(&error), "{path}: {error}");
        }
    }

    #[test]
    fn text_is_utf8() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"caf\xe9").expect("written");
        assert_eq!(read_text(&path, 10).expect_err("no text").kind(), ErrorKind::InvalidData);
    }
}
