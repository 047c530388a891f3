//! Command lines as clients write them, and what is wrong with others.

use super::*;
use proptest::prelude::{any, prop, proptest};

fn read(line: &str) -> Command {
    Command::parse(line.as_bytes())
}

fn sender(line: &str) -> Mail {
    match read(line) {
        Command::Mail(mail) => mail,
        other => panic!("{line}: {other:?}"),
    }
}

fn recipient(line: &str) -> Rcpt {
    match read(line) {
        Command::Rcpt(rcpt) => rcpt,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn paths_are_read_as_real_clients_write_them() {
    for line in ["MAIL FROM:<a@b.test>", "mail from:<a@b.test>", "MAIL FROM: <a@b.test>  SIZE=0 "] {
        assert_eq!(sender(line).reverse_path, "a@b.test", "{line}");
    }
    assert_eq!(sender("MAIL FROM:<>").reverse_path, "");
    assert_eq!(recipient("RCPT TO:<@r.test,@s.test:a@b.test>").forward_path, "a@b.test");
    assert_eq!(recipient("RCPT TO:<Postmaster>").forward_path, "postmaster");
    assert_eq!(recipient("RCPT TO:<\"a > b\"@c.test>").forward_path, "\"a > b\"@c.test");
    assert_eq!(recipient("RCPT TO:<\u{fc}@\u{e4}.test>").forward_path, "\u{fc}@\u{e4}.test");
}

#[test]
fn address_literals_are_addresses() {
    for literal in ["[192.0.2.1]", "[IPv6:2001:db8::1]", "[127.0.0.1]"] {
        let (from, to) = (format!("MAIL FROM:<a@{literal}>"), format!("RCPT TO:<a@{literal}>"));
        assert_eq!(sender(&from).reverse_path, format!("a@{literal}"));
        assert_eq!(recipient(&to).forward_path, format!("a@{literal}"));
    }
}

#[test]
fn initial_responses_may_be_long() {
    // RFC 4954 §4: 12,288 octets.
    for length in [100, 511, 513, 2_000, 12_288] {
        let token = "QUFB".repeat(length / 4);
        let line = format!("AUTH XOAUTH2 {token}");
        assert_eq!(read(&line), auth(Some(Mechanism::Xoauth2), &token), "{length}");
    }
}

#[test]
fn extension_parameters_are_read() {
    let line = "MAIL FROM:<a@b.test> SIZE=4096 BODY=8BITMIME SMTPUTF8 RET=HDRS \
                ENVID=x+2By AUTH=<> MT-PRIORITY=-3";
    let expected = Mail {
        reverse_path: "a@b.test".to_owned(),
        size: Some(4096),
        body: Some(Body::EightBitMime),
        smtputf8: true,
        ret: Some(Ret::Headers),
        envid: Some("x+y".to_owned()),
        auth: Some("<>".to_owned()),
        mt_priority: Some(-3),
    };
    assert_eq!(sender(line), expected);

    let rcpt = recipient("RCPT TO:<a@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bc@b.test");
    assert_eq!(rcpt.notify, Some(Notify { success: true, failure: false, delay: true }));
    assert_eq!(rcpt.orcpt.as_deref(), Some("a+c@b.test"));
    let line = "RCPT TO:<\u{fc}+1@b.test> orcpt=UTF-8;\\x{FC}\\x{2B}1@b.test NOTIFY=FAILURE";
    assert_eq!(recipient(line).orcpt.as_deref(), Some("\u{fc}+1@b.test"));
    assert!(recipient(line).notify.is_some_and(|notify| notify.failure));
    let never = recipient("RCPT TO:<a@b.test> NOTIFY=NEVER").notify;
    assert_eq!(never, Some(Notify::default()));
}

fn auth(mechanism: Option<Mechanism>, initial: &str) -> Command {
    Command::Auth(Auth { mechanism, initial: initial.to_owned() })
}

#[test]
fn the_other_verbs_are_read() {
    for (line, command) in [
        ("EHLO client.test", Command::Ehlo("client.test".to_owned())),
        ("ehlo my_host", Command::Ehlo("my_host".to_owned())),
        ("HELO [127.0.0.1]", Command::Helo("[127.0.0.1]".to_owned())),
        ("LHLO x", Command::Lhlo("x".to_owned())),
        ("DATA", Command::Data),
        ("BDAT 86 LAST", Command::Bdat { size: 86, last: true }),
        ("RSET", Command::Rset),
        ("NOOP so what", Command::Noop),
        ("QUIT ", Command::Quit),
        ("VRFY a", Command::Vrfy),
        ("EXPN a", Command::Expn),
        ("HELP", Command::Help),
        ("STARTTLS", Command::Starttls),
        ("AUTH PLAIN AGEAYg==", auth(Some(Mechanism::Plain), "AGEAYg==")),
        ("auth login", auth(Some(Mechanism::Login), "")),
        ("AUTH GSSAPI", auth(None, "")),
        ("XCLIENT NAME=x", Command::Unknown),
        ("", Command::Unknown),
    ] {
        assert_eq!(read(line), command, "{line}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (line, flaw) in [
        (&b"NOOP \0"[..], Flaw::NotText),
        (b"RSET\rQUIT", Flaw::NotText),
        (b"MAIL FROM:<caf\xe9@b.test>", Flaw::NotText),
        (b"MAIL FROM:<a@b@c>", Flaw::ReversePath),
        (b"RCPT TO:<>", Flaw::ForwardPath),
        (b"MAIL FROM:<a@b.test> SIZE=much", Flaw::Value("SIZE")),
        (b"RCPT TO:<a@b.test> ORCPT=utf-8;", Flaw::Value("ORCPT")),
        (b"RCPT TO:<a@b.test> ORCPT=utf-8;a ORCPT=utf-8;b", Flaw::Value("ORCPT")),
        (b"RCPT TO:<a@b.test> ORCPT=x400;a", Flaw::Value("ORCPT")),
        (b"MAIL FROM:<a@b.test> XYZZY=1", Flaw::Parameter("XYZZY=1".to_owned())),
    ] {
        assert_eq!(Command::parse(line), Command::Malformed(flaw), "{line:?}");
    }
    assert!(matches!(read("MAIL FROM:a@b.test"), Command::Malformed(Flaw::Syntax(_))));
    assert!(matches!(read("EHLO"), Command::Malformed(Flaw::Syntax(_))));
}

proptest! {
    /// Whatever stands behind a verb, reading it ends without a panic and what comes out is
    /// no longer than what went in.
    #[test]
    fn nothing_makes_it_panic(
        verb in prop::sample::select(vec![
            "", "EHLO ", "MAIL FROM:<", "RCPT TO:<", "RCPT TO:<a@b> ORCPT=", "BDAT ", "AUTH ",
            "RCPT TO:<a@b> ORCPT=utf-8;", "MAIL FROM:<a@b> ", "MAIL FROM:<> ENVID=", "RCPT TO:<\"", "NOOP ",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let line = [verb.as_bytes(), &rest].concat();
        match Command::parse(&line) {
            Command::Mail(mail) => assert!(mail.reverse_path.len() <= line.len()),
            Command::Rcpt(rcpt) => assert!(rcpt.forward_path.len() <= line.len()),
            _ => {}
        }
    }
}
