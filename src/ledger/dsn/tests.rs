//! DSNs in the styles of several servers, each flaw, and hostile input.

use proptest::prelude::*;

use super::*;
use crate::probe::ProbeId;

const POSTFIX: &str = include_str!("../../../tests/fixtures/dsn/postfix.eml");
const DELAYED: &str = include_str!("../../../tests/fixtures/dsn/postfix-delayed.eml");
const EXIM: &str = include_str!("../../../tests/fixtures/dsn/exim.eml");
const OPENSMTPD: &str = include_str!("../../../tests/fixtures/dsn/opensmtpd.eml");
const EXPIRED: &str = include_str!("../../../tests/fixtures/dsn/opensmtpd-expired.eml");
const HARAKA: &str = include_str!("../../../tests/fixtures/dsn/haraka.eml");
const RELAY: &str = include_str!("../../../tests/fixtures/dsn/relay.eml");

const ENCODED: &str = include_str!("../../../tests/fixtures/dsn/global-encoded.eml");

const VERP: &str = "b+01jd9x.40@bounce.mailbench.test";

fn identity() -> Identity {
    Identity { tag: "j0sc3b0q".to_owned(), nonce: "01jd9x".to_owned() }
}

fn arrival<'a>(reverse_path: &'a str, recipient: &'a str) -> Arrival<'a> {
    Arrival { at: Time::default(), session: 3, reverse_path, recipient }
}

/// Reads a text as it comes over the wire.
fn read_from(text: &str, reverse_path: &str, recipient: &str) -> Dsn {
    let wire = text.replace('\n', "\r\n");
    read(wire.as_bytes(), &identity(), &arrival(reverse_path, recipient))
}

fn read_text(text: &str) -> Dsn {
    read_from(text, "", VERP)
}

fn block(probe: u64, action: DsnAction, status: &str, diagnostic: &str) -> DsnRecipient {
    let (status, diagnostic) = (status.to_owned(), diagnostic.to_owned());
    DsnRecipient { probe: Some(ProbeId(probe)), action, status, diagnostic }
}

#[test]
fn reads_postfix() {
    let dsn = read_text(POSTFIX);
    assert_eq!(dsn.message, Some(MessageId(40)));
    assert_eq!((dsn.null_sender, dsn.session), (true, 3));
    assert_eq!(
        dsn.recipients,
        [
            block(41, DsnAction::Failed, "5.1.1", "smtp; 550 5.1.1 No such user here"),
            block(
                42,
                DsnAction::Failed,
                "4.4.1",
                "X-Postfix; connect to 127.0.0.1[127.0.0.1]:2526: Connection refused"
            ),
        ]
    );
    assert_eq!(dsn.flaws, [""; 0]);
}

#[test]
fn reads_a_delay() {
    let dsn = read_from(DELAYED, "<>", "b+01jd9x.7@bounce.mailbench.test");
    let diagnostic = "smtp; 451 4.7.1 Greylisted, please try again later";
    assert_eq!(dsn.recipients, [block(7, DsnAction::Delayed, "4.7.1", diagnostic)]);
    assert_eq!(dsn.flaws, [""; 0]);
}

#[test]
fn reads_exim_and_haraka_and_our_own() {
    let exim = read_text(EXIM);
    let refused = "smtp; 554 5.7.1 Message refused";
    assert_eq!(exim.recipients, [block(40, DsnAction::Failed, "5.0.0", refused)]);
    assert_eq!(exim.flaws, [""; 0]);
    let haraka = read_text(HARAKA);
    let unknown = "smtp;550 5.1.1 No such user here";
    assert_eq!(haraka.recipients, [block(40, DsnAction::Failed, "5.1.1", unknown)]);
    assert_eq!(haraka.flaws, [""; 0]);
    let relay = read_text(RELAY);
    assert_eq!(relay.recipients[1], block(41, DsnAction::Delivered, "2.0.0", ""));
    assert_eq!(relay.flaws, [""; 0]);
}

#[test]
fn reads_opensmtpd_and_says_that_it_is_no_report() {
    let dsn = read_text(OPENSMTPD);
    assert_eq!(dsn.recipients, [block(40, DsnAction::Failed, "5.0.0", "")]);
    assert_eq!(dsn.flaws, ["not a multipart/report of type delivery-status"]);
}

/// OpenSMTPD 6.8 throws a message away when its time is over, and says that it is delayed.
#[test]
fn an_opensmtpd_that_gives_up_is_taken_at_its_word() {
    let dsn = read_text(EXPIRED);
    assert_eq!(dsn.message, Some(MessageId(40)));
    assert_eq!(dsn.recipients, [block(40, DsnAction::Delayed, "4.4.7", "")]);
}

#[test]
fn bare_line_feeds_do_not_matter() {
    let bare = read(POSTFIX.as_bytes(), &identity(), &arrival("", VERP));
    assert_eq!(bare, read_text(POSTFIX));
}

#[test]
fn the_message_is_found_by_whatever_names_it() {
    let elsewhere = "postmaster@bounce.mailbench.test";
    assert_eq!(read_from(RELAY, "", elsewhere).message, Some(MessageId(40)));
    assert_eq!(read_from(EXIM, "", elsewhere).message, Some(MessageId(40)));
    assert_eq!(read_from(OPENSMTPD, "", elsewhere).message, Some(MessageId(40)));
    assert_eq!(read_from(DELAYED, "", elsewhere).message, None);
    let verp_first = read_from(RELAY, "", "b+01jd9x.39@bounce.mailbench.test");
    assert_eq!(verp_first.message, Some(MessageId(39)));
}

#[test]
fn a_dsn_of_another_run_is_matched_to_nothing() {
    let dsn = read_from(POSTFIX, "", "b+other.40@bounce.mailbench.test");
    assert_eq!(dsn.message, None);
    assert!(dsn.recipients.iter().all(|block| block.probe.is_none()));
    assert!(dsn.flaws.contains(&"it is about no message of this run".to_owned()));
    let other_tag = EXIM.replace("run=j0sc3b0q", "run=00000000");
    assert_eq!(read_from(&other_tag, "", "postmaster@bounce.mailbench.test").message, None);
}

#[test]
fn each_flaw_is_reported() {
    let flaws = |old: &str, new: &str| {
        assert!(EXIM.contains(old), "{old}");
        read_text(&EXIM.replace(old, new)).flaws
    };
    assert_eq!(read_from(EXIM, "root@relay.test", VERP).flaws, ["the sender is not null"]);
    assert!(!read_from(EXIM, "root@relay.test", VERP).null_sender);
    assert_eq!(flaws("message/delivery-status", "text/plain"), ["no delivery-status part"]);
    assert_eq!(
        flaws("report-type=delivery-status; ", ""),
        ["not a multipart/report of type delivery-status"]
    );
    assert_eq!(flaws("Reporting-MTA", "X-MTA"), ["no Reporting-MTA"]);
    assert_eq!(flaws("Status: 5.0.0\n", ""), ["no Status"]);
    assert_eq!(flaws("Status: 5.0.0", "Status: no"), ["a Status that is no class.subject.detail"]);
    assert_eq!(flaws("Status: 5.0.0", "Status: 2.0.0"), ["Status and Action disagree"]);
    assert_eq!(flaws("Action: failed", "Action: delayed"), ["Status and Action disagree"]);
    assert_eq!(flaws("Action: failed\n", ""), ["no Action"]);
    assert_eq!(flaws("Action: failed", "Action: lost"), ["an Action that RFC 3464 does not know"]);
    assert_eq!(flaws("Final-Recipient", "X-Recipient"), ["no Final-Recipient"]);
    let unmatched = ["a recipient that the message did not have"];
    assert_eq!(flaws("rfc822;mb+40@gmail.test", "rfc822;jane@gmail.test"), [""; 0], "an alias");
    assert_eq!(flaws("rfc822;mb+40@gmail.test", "rfc822;mb+39@gmail.test"), unmatched);
    let all = read_text("Subject: hello\n\nnot a DSN at all\n").flaws;
    assert_eq!(all, ["not a multipart/report of type delivery-status", "no delivery-status part"]);
}

#[test]
fn a_message_has_at_most_so_many_recipients() {
    let of = |number: usize| {
        let text = EXIM.replace("rfc822;mb+40@", &format!("rfc822;mb+{number}@"));
        read_text(&text).recipients[0].probe
    };
    assert_eq!(of(40 + limits::RECIPIENTS - 1), Some(ProbeId(39 + limits::RECIPIENTS as u64)));
    assert_eq!(of(40 + limits::RECIPIENTS), None);
}

#[test]
fn parts_of_a_longer_boundary_are_no_parts_of_this_one() {
    let boundary = "1795543267-eximdsn-1804289383";
    for more in ["inner", "-inner"] {
        let inner = format!(
            "--{boundary}{more}\nContent-type: message/delivery-status\n\nReporting-MTA: dns; a\n\n\
             Action: relayed\n\n"
        );
        let text = EXIM.replace("This message was created", &inner);
        assert_ne!(text, EXIM);
        assert_eq!(read_text(&text).recipients, read_text(EXIM).recipients, "{more}");
    }
}

#[test]
fn characters_by_number_stand_only_in_addresses_of_type_utf8() {
    assert_eq!(bare("utf-8; mb\\x{2B}41@gmail.test"), "mb+41@gmail.test");
    assert_eq!(bare("rfc822; mb\\x{2B}41@gmail.test"), "mb\\x{2B}41@gmail.test");
    assert_eq!(bare("mb+41@gmail.test"), "mb+41@gmail.test");
}

#[test]
fn reads_addresses_in_utf8_however_they_are_written() {
    let global = POSTFIX.replace("message/delivery-status", "message/global-delivery-status");
    for written in ["mb信+41@", "mb\\x{4FE1}+41@", "mb\\x{4fe1}\\x{2B}41@"] {
        let text = global.replace("rfc822;mb+41@", &format!("utf-8;{written}"));
        let text = text.replace("rfc822; mb+41@", &format!("utf-8; {written}"));
        assert!(text.contains(written), "{text}");
        let dsn = read_from(&text, "", "b信+01jd9x.40@bounce.mailbench.test");
        assert_eq!(dsn.message, Some(MessageId(40)));
        assert_eq!(dsn.recipients[0].probe, Some(ProbeId(41)), "{written}");
    }
    for odd in ["\\x{", "\\x{}", "\\x{110000}", "\\x{zz}a"] {
        assert_eq!(bare(&format!("UTF-8; {odd}")), odd);
    }
}

#[test]
fn reads_parts_that_are_encoded() {
    let unknown = "smtp; 550 5.1.1 Kein Postfach für diese Adresse";
    let dsn = read_text(ENCODED);
    assert_eq!(dsn.recipients, [block(41, DsnAction::Failed, "5.1.1", unknown)]);
    assert_eq!(dsn.flaws, [""; 0]);
    let elsewhere = "postmaster@bounce.mailbench.test";
    assert_eq!(read_from(ENCODED, "", elsewhere).message, Some(MessageId(40)), "the envelope id");
    // With nothing else to go by, the header that was returned: each `=` in it is encoded.
    let (about, rest) = ENCODED.split_once("Content-Type: message/global-delivery").expect("two");
    let (_, returned) = rest.split_once("--=_made_by_hand").expect("three");
    let returned = format!("{about}Content-Type: text/plain\n\n--=_made_by_hand{returned}");
    assert!(returned.contains("run=3Dj0sc3b0q"), "{returned}");
    assert_eq!(read_from(&returned, "", elsewhere).message, Some(MessageId(40)));
}

/// RFC 3464 wants `message/delivery-status` in the clear, for people's sake.
#[test]
fn an_encoded_status_in_ascii_is_read_and_reported() {
    let (before, rest) = EXIM.split_once("Content-type: message/delivery-status\n\n").expect("two");
    let (status, after) = rest.split_once("\n--").expect("three");
    let encoded = |encoding: &str, status: &str| {
        let head = "Content-type: message/delivery-status\nContent-Transfer-Encoding: ";
        read_text(&format!("{before}{head}{encoding}\n\n{status}\n--{after}"))
    };
    let plain = read_text(EXIM);
    let quoted = status.replace("rfc822;", "rfc822=3B").replace("Diagnostic", "Diag=\nnostic");
    for dsn in [encoded("quoted-printable", &quoted), encoded("BASE64", &base64(status))] {
        assert_eq!(dsn.recipients, plain.recipients);
        assert_eq!(dsn.flaws, ["an encoded delivery-status part"]);
    }
    for encoding in ["7bit", "8bit", "binary", "x-rot13"] {
        assert_eq!(encoded(encoding, status), plain, "{encoding}");
    }
    // What is not encoded as it says stays as it is.
    assert_eq!(encoded("quoted-printable", &status.replace("5.0.0", "5.0.0 (=)")), {
        read_text(&EXIM.replace("5.0.0", "5.0.0 (=)"))
    });
}

/// In lines with something between them that is no digit, as RFC 2045 §6.8 lets it be.
fn base64(text: &str) -> String {
    use base64::Engine as _;
    let digits = base64::engine::general_purpose::STANDARD.encode(text);
    let lines = digits.as_bytes().chunks(60).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join(" !\n")
}

#[test]
fn flaws_and_texts_are_bounded() {
    let block = "\nFinal-Recipient: x\nStatus: 9\nAction: z\nDiagnostic-Code: ".to_owned()
        + &"é".repeat(2000)
        + "\n";
    let many = EXIM.replace("\nAction: failed", &format!("{}\nAction: failed", block.repeat(50)));
    let dsn = read_text(&many);
    assert_eq!(dsn.flaws.len(), limits::DSN_FLAWS);
    assert_eq!(dsn.recipients.len(), 51);
    assert_eq!(dsn.recipients[0].diagnostic.len(), limits::REPLY_TEXT, "bytes, not characters");
}

#[test]
fn endless_nesting_is_harmless() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let dsn = read(nested.as_bytes(), &identity(), &arrival("", VERP));
    assert!(dsn.recipients.is_empty());
}

proptest! {
    #[test]
    fn no_input_panics(content in prop::collection::vec(any::<u8>(), 0..2000), to in "\\PC{0,40}") {
        let _ = read(&content, &identity(), &arrival(&to, &to));
    }

    #[test]
    fn no_mangled_dsn_panics(
        which in 0_usize..7,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = [POSTFIX, DELAYED, EXIM, OPENSMTPD, HARAKA, RELAY, ENCODED][which];
        let mut content = text.replace('\n', "\r\n").into_bytes();
        for (place, byte) in edits {
            let place = place.index(content.len());
            content[place] = byte;
        }
        content.truncate(cut.index(content.len() + 1));
        let _ = read(&content, &identity(), &arrival("", VERP));
    }
}

#[test]
fn a_notification_about_a_notification_is_a_flaw() {
    let flaws = |address: &str| read_text(&RELAY.replace("mb+40@gmail.test", address)).flaws;
    assert_eq!(flaws("mb+40@gmail.test"), [""; 0]);
    for sender in [VERP, "B+01jd9x.40@Bounce.Mailbench.TEST.", "postmaster@bounce.mailbench.test"] {
        let found = flaws(sender);
        assert!(found.iter().any(|flaw| flaw.contains("§4.5.5")), "{sender}: {found:?}");
    }
}
