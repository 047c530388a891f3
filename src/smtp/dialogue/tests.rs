//! Whole dialogues, played line by line.

use super::*;
use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

fn dialogue() -> Dialogue {
    let extensions = vec![Extension::Pipelining, Extension::Size];
    let terms = Terms {
        name: "mx.test".to_owned(),
        extensions,
        size: 1000,
        recipients: 2,
        lmtp: false,
        known: Known::default(),
    };
    Dialogue::new(Arc::new(terms))
}

/// Plays `lines`; a line `=CODE LINE` is a command whose reply is overridden. Codes of all
/// replies, and what comes last.
fn play(dialogue: &mut Dialogue, lines: &[&str]) -> (Vec<u16>, Next) {
    let mut next = Next::Command;
    let mut turn = |line: &&str| {
        let (code, line) = match line.strip_prefix('=') {
            Some(rest) => (rest[..3].parse().ok(), &rest[4..]),
            None => (None, *line),
        };
        let turn = match line {
            "." => Turn::EndOfData { size: 10 },
            "banner" => Turn::Greeting,
            _ => Turn::Command(Command::parse(line.as_bytes())),
        };
        let mut reply = dialogue.answer(&turn);
        reply.code = code.unwrap_or(reply.code);
        next = dialogue.settle(turn, &reply);
        reply.code
    };
    (lines.iter().map(&mut turn).collect(), next)
}

fn codes(lines: &[&str]) -> Vec<u16> {
    play(&mut dialogue(), lines).0
}

const MAIL: &str = "MAIL FROM:<a@b.test>";
const RCPT: &str = "RCPT TO:<c@d.test>";

#[test]
fn two_messages_in_one_session() {
    let lines =
        ["banner", "EHLO x", MAIL, RCPT, "DATA", ".", MAIL, RCPT, RCPT, "DATA", ".", "QUIT"];
    let (codes, next) = play(&mut dialogue(), &lines);
    assert_eq!(codes, [220, 250, 250, 250, 354, 250, 250, 250, 250, 354, 250, 221]);
    assert_eq!(next, Next::Close);
}

#[test]
fn commands_out_of_order_are_503() {
    assert_eq!(codes(&[MAIL, "DATA"]), [503, 503]);
    assert_eq!(codes(&["EHLO x", RCPT, "DATA"]), [250, 503, 503]);
    assert_eq!(codes(&["EHLO x", MAIL, MAIL, "DATA"]), [250, 250, 503, 554]);
    for reset in ["RSET", "EHLO y", "HELO y"] {
        assert_eq!(codes(&["EHLO x", MAIL, RCPT, reset, RCPT])[3..], [250, 503], "{reset}");
    }
    assert_eq!(codes(&["=554 banner", "EHLO x", "NOOP", "QUIT"]), [554, 503, 503, 221]);
}

#[test]
fn bounds_are_kept() {
    assert_eq!(codes(&["EHLO x", MAIL, RCPT, RCPT, RCPT])[4], 452);
    assert_eq!(codes(&["EHLO x", "MAIL FROM:<a@b.test> SIZE=1001", RCPT]), [250, 552, 503]);
    assert_eq!(dialogue().answer(&Turn::EndOfData { size: 1001 }).code, 552);
}

#[test]
fn the_state_follows_the_reply_that_was_sent() {
    let mut dialogue = dialogue();
    let (codes, next) = play(&mut dialogue, &["EHLO x", MAIL, "=451 RCPT TO:<no@d.test>", RCPT]);
    assert_eq!((codes, next), (vec![250, 250, 451, 250], Next::Command));
    let taken: Vec<_> = dialogue.envelope().iter().flat_map(|e| &e.recipients).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].forward_path, "c@d.test");

    let (codes, next) = play(&mut dialogue, &["DATA", "=452 ."]);
    assert_eq!((codes, next), (vec![354, 452], Next::Command));
    assert!(dialogue.envelope().is_none(), "a refused message ends its transaction");

    let (codes, _) = play(&mut dialogue, &[MAIL, RCPT, "=451 DATA", "DATA", MAIL]);
    assert_eq!(codes, [250, 250, 451, 503, 250], "and so does a refused DATA");
    play(&mut dialogue, &["RSET"]);

    let (codes, next) = play(&mut dialogue, &["=450 MAIL FROM:<a@b.test>", RCPT, "=421 NOOP"]);
    assert_eq!((codes, next), (vec![450, 503, 421], Next::Close));
}

#[test]
fn all_recipients_refused_leaves_nothing_to_send_data_to() {
    assert_eq!(codes(&["EHLO x", MAIL, "=550 RCPT TO:<c@d.test>", "DATA"])[3], 554);
}

fn offering(extensions: &[Extension], lmtp: bool) -> Dialogue {
    let (name, extensions) = ("mx.test".to_owned(), extensions.to_vec());
    Dialogue::new(Arc::new(Terms {
        name,
        extensions,
        size: 1000,
        recipients: 2,
        lmtp,
        known: Known::default(),
    }))
}

#[test]
fn what_is_not_offered_is_not_taken() {
    let lines = [
        "EHLO x",
        "STARTTLS",
        "BDAT 5",
        "AUTH PLAIN",
        "MAIL FROM:<a@b.test> SMTPUTF8",
        "MAIL FROM:<a@b.test> BODY=8BITMIME",
        "MAIL FROM:<a@b.test> RET=HDRS",
        "MAIL FROM:<a@b.test> SIZE=5",
        MAIL,
        "RCPT TO:<c@d.test> NOTIFY=NEVER",
    ];
    let (codes, _) = play(&mut offering(&[], false), &lines);
    assert_eq!(codes, [250, 502, 502, 502, 555, 555, 555, 555, 250, 555]);
    let all = [
        Extension::StartTls,
        Extension::Chunking,
        Extension::Auth,
        Extension::SmtpUtf8,
        Extension::EightBitMime,
        Extension::Dsn,
        Extension::Size,
    ];
    for line in &lines[4..8] {
        let (codes, _) = play(&mut offering(&all, false), &["EHLO x", line]);
        assert_eq!(codes, [250, 250], "{line}");
    }
}

/// Each parameter, with a value and without a good one, and the extension that it belongs to.
const PARAMETERS: [(&str, &str, Option<Extension>); 27] = [
    ("SIZE=5", "SIZE=much", Some(Extension::Size)),
    ("size=0", "SIZE", Some(Extension::Size)),
    ("BODY=7BIT", "BODY=9BIT", Some(Extension::EightBitMime)),
    ("BODY=8BITMIME", "BODY=", Some(Extension::EightBitMime)),
    ("body=8bitmime", "BODY", Some(Extension::EightBitMime)),
    ("SMTPUTF8", "SMTPUTF8=1", Some(Extension::SmtpUtf8)),
    ("RET=FULL", "RET=HALF", Some(Extension::Dsn)),
    ("RET=HDRS", "RET", Some(Extension::Dsn)),
    ("ENVID=x+2By", "ENVID=", Some(Extension::Dsn)),
    ("AUTH=<>", "AUTH", Some(Extension::Auth)),
    ("AUTH=a+40b.test", "AUTH=", Some(Extension::Auth)),
    ("MT-PRIORITY=3", "MT-PRIORITY=high", Some(Extension::MtPriority)),
    ("MT-PRIORITY=0", "MT-PRIORITY", Some(Extension::MtPriority)),
    ("RCPT NOTIFY=NEVER", "RCPT NOTIFY=SOMETIMES", Some(Extension::Dsn)),
    ("RCPT NOTIFY=SUCCESS,DELAY", "RCPT NOTIFY", Some(Extension::Dsn)),
    ("RCPT ORCPT=rfc822;a@b.test", "RCPT ORCPT=x400;a", Some(Extension::Dsn)),
    ("RCPT orcpt=utf-8;a@b.test", "RCPT ORCPT=rfc822;", Some(Extension::Dsn)),
    ("BODY=BINARYMIME", "BODY=BINARYMIME", None),
    ("REQUIRETLS", "REQUIRETLS=1", None),
    ("BY=120;R", "BY=soon", None),
    ("HOLDFOR=60", "HOLDFOR=a", None),
    ("HOLDUNTIL=2026-12-01T00:00:00Z", "HOLDUNTIL=x", None),
    ("SOLICIT=org.example:ADV", "SOLICIT=", None),
    ("MTRK=YWJj", "MTRK=", None),
    ("CONPERM", "TRANSID=x", None),
    ("XYZZY", "XYZZY=1", None),
    ("RCPT RRVS=2026-12-01T00:00:00Z", "RCPT CONNEG", None),
];

/// The replies to a parameter of MAIL, or of `RCPT`, with a good value and with a bad one.
fn to_parameter(hello: &str, offered: &[Extension], (good, bad): (&str, &str)) -> [u16; 2] {
    [good, bad].map(|parameter| {
        let dialogue = &mut offering(offered, false);
        match parameter.strip_prefix("RCPT ") {
            Some(parameter) => play(dialogue, &[hello, MAIL, &format!("{RCPT} {parameter}")]).0[2],
            None => play(dialogue, &[hello, &format!("{MAIL} {parameter}")]).0[1],
        }
    })
}

const ALL: [Extension; 10] = [
    Extension::Pipelining,
    Extension::EightBitMime,
    Extension::SmtpUtf8,
    Extension::Size,
    Extension::EnhancedStatusCodes,
    Extension::Dsn,
    Extension::MtPriority,
    Extension::Chunking,
    Extension::StartTls,
    Extension::Auth,
];

/// RFC 5321 §4.1.1.11.
#[test]
fn a_parameter_of_an_extension_that_is_not_offered_is_555() {
    for (good, bad, of) in PARAMETERS {
        let without: Vec<Extension> = ALL.into_iter().filter(|one| Some(*one) != of).collect();
        let replies = to_parameter("EHLO x", &without, (good, bad));
        assert_eq!(replies, [555, 555], "{good}, {bad}");
        let with = if of.is_some() { [250, 501] } else { [555, 555] };
        assert_eq!(to_parameter("EHLO x", &ALL, (good, bad)), with, "{good}, {bad}");
        let after_helo = to_parameter("HELO x", &ALL, (good, bad));
        assert_eq!(after_helo, [555, 555], "HELO offers nothing: {good}, {bad}");
    }
}

#[test]
fn a_parameter_is_given_once() {
    let twice = ["SIZE=5 size=5", "SMTPUTF8 SMTPUTF8", "RET=HDRS RET=FULL", "BODY=7BIT  BODY=7BIT"];
    for parameters in twice {
        let (codes, _) =
            play(&mut offering(&ALL, false), &["EHLO x", &format!("{MAIL} {parameters}")]);
        assert_eq!(codes[1], 501, "{parameters}");
    }
    let (codes, _) =
        play(&mut offering(&ALL, false), &["EHLO x", "MAIL FROM:<\"a SIZE=5>\"@b.test> SIZE=5"]);
    assert_eq!(codes[1], 250, "what a path holds is no parameter");
}

#[test]
fn an_address_in_utf8_is_for_those_who_offer_it() {
    let lines = ["EHLO x", "MAIL FROM:<\u{fc}@b.test>", MAIL, "RCPT TO:<\u{fc}@b.test>"];
    assert_eq!(play(&mut offering(&[], false), &lines).0, [250, 553, 250, 553]);
    let lines = ["EHLO x", MAIL, "RCPT TO:<\u{fc}@b.test>"];
    let offered = [Extension::SmtpUtf8];
    assert_eq!(play(&mut offering(&offered, false), &lines).0, [250, 250, 250]);
}

#[test]
fn after_the_handshake_all_begins_anew_and_starttls_is_gone() {
    let mut dialogue = offering(&[Extension::StartTls], false);
    assert_eq!(play(&mut dialogue, &["EHLO x", "STARTTLS"]), (vec![250, 220], Next::Handshake));
    dialogue.secure();
    let ehlo = dialogue.answer(&Turn::Command(Command::parse(b"EHLO x")));
    assert_eq!(ehlo.text, "mx.test");
    assert_eq!(play(&mut dialogue, &[MAIL, "EHLO x", "STARTTLS"]).0, [503, 250, 502]);
}

#[test]
fn chunks_and_data_do_not_mix() {
    let mut dialogue = offering(&[Extension::Chunking], false);
    let begun = ["EHLO x", "BDAT 5", MAIL, RCPT, "BDAT 5", RCPT, "DATA", MAIL, "BDAT 5"];
    let (codes, _) = play(&mut dialogue, &begun);
    assert_eq!(codes, [250, 503, 250, 250, 250, 503, 503, 503, 250]);
    assert_eq!(play(&mut dialogue, &[".", MAIL, RCPT, "DATA"]).0, [250, 250, 250, 354]);
    play(&mut dialogue, &["RSET", MAIL, RCPT]);
    let (codes, _) = play(&mut dialogue, &["=451 BDAT 5", "BDAT 5 LAST", MAIL]);
    assert_eq!(codes, [451, 503, 250], "a refused chunk ends its transaction");
}

#[test]
fn one_logs_in_once_and_before_mail() {
    let mut dialogue = offering(&[Extension::Auth], false);
    assert_eq!(play(&mut dialogue, &["AUTH PLAIN", "EHLO x", "AUTH GSSAPI"]).0, [503, 250, 504]);
    assert_eq!(play(&mut dialogue, &["=535 AUTH PLAIN"]), (vec![535], Next::Command));
    assert_eq!(play(&mut dialogue, &["AUTH PLAIN"]), (vec![334], Next::Answer));
    let answer = Turn::Answer(b"AHUAcA==".to_vec());
    let reply = dialogue.answer(&answer);
    assert_eq!((reply.code, dialogue.settle(answer, &reply)), (235, Next::Command));
    assert_eq!(play(&mut dialogue, &["AUTH PLAIN", MAIL]).0, [503, 250]);
}

#[test]
fn lmtp_greets_with_lhlo() {
    let mut dialogue = offering(&[Extension::Pipelining], true);
    let (codes, _) = play(&mut dialogue, &["EHLO x", "HELO x", "LHLO x", MAIL, "DATA"]);
    assert_eq!(codes, [502, 502, 250, 250, 503]);
}

#[test]
fn ehlo_lists_the_extensions() {
    let reply = dialogue().answer(&Turn::Command(Command::parse(b"EHLO x")));
    assert_eq!(reply.text, "mx.test\nPIPELINING\nSIZE 1000");
    assert_eq!(reply.enhanced, None);
}

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "banner",
            "EHLO x",
            "HELO x",
            MAIL,
            RCPT,
            "DATA",
            ".",
            "RSET",
            "NOOP",
            "LHLO x",
            "BDAT 5 LAST",
            "STARTTLS",
            "AUTH PLAIN",
            "VRFY x",
            "",
            "\0",
            "MAIL FROM:<",
        ])
        .prop_map(str::to_owned),
        Just("=421 NOOP".to_owned()),
        (prop::sample::select(vec!["450", "550"]), prop::sample::select(vec![MAIL, RCPT, "DATA"]))
            .prop_map(|(code, line)| format!("={code} {line}")),
    ]
}

proptest! {
    /// Whatever is said in whatever order: no panic, a code each, an envelope within bounds,
    /// and content only where there is someone to take it for.
    #[test]
    fn any_order_of_commands_is_answered(lines in prop::collection::vec(any_line(), 0..60)) {
        let mut dialogue = dialogue();
        for line in &lines {
            let (codes, next) = play(&mut dialogue, &[line.as_str()]);
            assert!((200..600).contains(&codes[0]));
            let recipients = dialogue.envelope().map_or(0, |envelope| envelope.recipients.len());
            assert!(recipients <= 2);
            assert_eq!(next == Next::Content, codes[0] == 354);
            assert!(next != Next::Content || recipients > 0);
        }
    }
}
