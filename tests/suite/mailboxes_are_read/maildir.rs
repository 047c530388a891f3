//! From a Maildir.

use std::fs;
use std::path::Path;

use mailbench::limits;
use mailbench::mailbox::{Doubt, Reading, maildir};

use super::{clock, intact, own, stored};

fn put(top: &Path, name: &str, text: &[u8]) {
    let path = top.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

fn read(top: &Path) -> Reading {
    maildir::read(top, &own(), &clock()).expect("read")
}

#[test]
fn new_cur_and_folders_are_read_and_nothing_else() {
    let top = tempfile::tempdir().expect("a folder");
    put(top.path(), "new/1.host", &stored(1));
    put(top.path(), "cur/2.host:2,S", &stored(2));
    put(top.path(), ".Junk/new/3.host", &stored(3));
    put(top.path(), "tmp/4.host", &stored(4));
    put(top.path(), "new/.5", &stored(5));
    std::os::unix::fs::symlink("/etc/passwd", top.path().join("new/6.host")).expect("a link");
    let reading = read(top.path());
    assert!(reading.is_complete(), "{:?}", reading.doubts);
    assert_eq!(intact(&reading), [1, 2, 3]);
    let named: Vec<_> =
        reading.copies.iter().map(|copy| (copy.folder.as_str(), copy.uid.as_str())).collect();
    assert_eq!(named, [("INBOX", "1.host"), ("INBOX", "2.host"), ("Junk", "3.host")]);
}

#[test]
fn a_message_that_moves_to_cur_meanwhile_is_one() {
    let top = tempfile::tempdir().expect("a folder");
    put(top.path(), "new/1.host", &stored(1));
    put(top.path(), "cur/1.host:2,S", &stored(1));
    assert_eq!(read(top.path()).copies.len(), 1);
}

/// Lines are stored with LF by some servers and with CRLF by others; one mixed is damaged.
#[test]
fn lines_that_end_in_lf_are_as_they_are_served() {
    let top = tempfile::tempdir().expect("a folder");
    let text = String::from_utf8(stored(1)).expect("UTF-8");
    put(top.path(), "new/1.host", text.replace("\r\n", "\n").as_bytes());
    put(top.path(), "new/2.host", text.replacen("text\r\n", "text\n", 1).as_bytes());
    let reading = read(top.path());
    assert_eq!(reading.copies[0].content.check.changes, []);
    assert_eq!(reading.copies[0].content.digest, *blake3::hash(text.as_bytes()).as_bytes());
    assert_ne!(reading.copies[1].content.check.changes, []);
}

#[test]
fn what_cannot_be_read_is_a_doubt() {
    let top = tempfile::tempdir().expect("a folder");
    put(top.path(), "new/1.host", b"");
    let file = fs::File::create(top.path().join("new/1.host")).expect("a file");
    file.set_len(limits::MESSAGE_SIZE + 1).expect("a length");
    put(top.path(), "cur", b"not a folder");
    let reading = read(top.path());
    assert_eq!(reading.copies, []);
    let [Doubt::Unreadable { reason: cur, .. }, Doubt::Unreadable { reason: long, .. }] =
        reading.doubts.as_slice()
    else {
        panic!("{:?}", reading.doubts)
    };
    assert!(cur.contains("`cur`") && long.contains("1.host"), "{cur}; {long}");
    assert!(maildir::read(&top.path().join("none"), &own(), &clock()).is_err());
}
