//! From Dovecot, by all three ways.

use mailbench::mailbox::{Reading, imap, maildir, pop3};
use tokio::net::TcpStream;

use super::{ACCOUNT, WITHIN, clock, intact, own, stored};
use crate::dovecot::Dovecot;

fn digests(reading: &Reading) -> Vec<[u8; 32]> {
    assert!(reading.is_complete(), "{:?}", reading.doubts);
    reading.copies.iter().map(|copy| copy.content.digest).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imap_pop3_and_maildir_agree_and_imap_sets_no_flag() {
    let user = format!("{}:{{PLAIN}}{}::::::", ACCOUNT.user, ACCOUNT.password);
    let Some(dovecot) = Dovecot::start(&[user]) else { return };
    for (path, number) in [("new/1.host", 1), ("new/2.host", 2), (".Junk/cur/3.host:2,", 3)] {
        dovecot.put(ACCOUNT.user, path, &stored(number));
    }
    let (own, clock) = (own(), clock());
    let by_maildir = maildir::read(&dovecot.maildir(ACCOUNT.user), &own, &clock).expect("read");
    let stream = TcpStream::connect(dovecot.imap).await.expect("connected");
    let by_imap = imap::read(stream, ACCOUNT, &own, &clock, WITHIN).await.expect("read");
    assert_eq!(intact(&by_imap), [1, 2, 3], "{}", dovecot.log());
    assert_eq!(by_imap.copies[2].folder, "Junk");
    assert_eq!(digests(&by_imap), digests(&by_maildir));
    let names = ["new", "cur"].map(|part| std::fs::read_dir(dovecot.maildir("anna").join(part)));
    let names = names.into_iter().flatten().flatten().map(|entry| entry.expect("an entry"));
    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_seen = |name: String| name.rsplit_once(":2,").is_some_and(|(_, it)| it.contains('S'));
    assert!(!names.any(is_seen), "IMAP sets no flag");
    let stream = TcpStream::connect(dovecot.pop3).await.expect("connected");
    let by_pop3 = pop3::read(stream, ACCOUNT, &own, &clock, WITHIN).await.expect("read");
    assert_eq!(digests(&by_pop3), digests(&by_imap)[..2], "POP3 has the inbox alone");
}
