//! Sealed texts, changed and unchanged, through the verifier.

use super::*;
use proptest::prelude::*;

const REST: &str = "From: a@a.test\r\nSubject: x\r\n\r\n42 first\r\n.\r\n..\r\n.x\r\n\
    caf\u{e9} \u{444}\r\nand so on\r\n\r\nlast\r\n";

fn sealed() -> Vec<u8> {
    let end = end_line(MessageId(42), crc32fast::hash(REST.as_bytes()));
    assert_eq!(end.len(), end_line_length(MessageId(42)));
    seal("tag", MessageId(42), 2, &[REST.as_bytes(), &end].concat())
}

/// What is found without the text that was sent.
fn finished(verifier: Verifier) -> ContentCheck {
    verifier.finish().unwrap_or_else(|changed| changed.explain(None, true).check)
}

fn check(content: &[u8]) -> ContentCheck {
    let mut verifier = Verifier::new();
    verifier.feed(content);
    finished(verifier)
}

/// The damage found after a change to the sealed text.
fn damage_after(change: impl FnOnce(String) -> String) -> Vec<Change> {
    let text = String::from_utf8(sealed()).expect("UTF-8");
    check(change(text).as_bytes()).changes
}

#[test]
fn what_was_sealed_is_intact() {
    let content = sealed();
    let header = seal_length("tag", MessageId(42), 2);
    let bytes = (content.len() - header) as u64;
    let intact = ContentCheck { message: Some(MessageId(42)), bytes, changes: vec![] };
    assert_eq!(check(&content), intact);
    let trace = b"Return-Path: <b+x.42@bounce.mailbench.test>\r\nDelivered-To: a@a.test\r\n\
        Received: from a (b [127.0.0.1])\r\n\tby c with ESMTP id 7\r\n\tfor <a@a.test>\r\n";
    assert_eq!(check(&[trace, content.as_slice()].concat()), intact);
}

#[test]
fn a_lost_header_is_detected() {
    let lost = vec![Change::HeaderLost];
    assert_eq!(damage_after(|text| text.replacen("X-Mailbench", "Y-Mailbench", 1)), lost);
    assert_eq!(damage_after(|text| text.replacen("; id=42", "; id=4z", 1)), lost);
    // What a body quotes is no identity.
    assert_eq!(damage_after(|text| format!("Subject: y\r\n\r\n{text}")), lost);
    assert_eq!(check(b"").changes, lost);
}

#[test]
fn changed_headers_are_detected() {
    let changed = vec![Change::HeadersChanged];
    assert_eq!(damage_after(|text| text.replace("Subject: x", "Subject: y")), changed);
    assert_eq!(damage_after(|text| text.replace("Subject: x", "Subject: x\r\nA: b")), changed);
    assert_eq!(
        damage_after(
            |text| text.replace("From: a@a.test\r\nSubject: x", "Subject: x\r\nFrom: a@a.test")
        ),
        changed
    );
    assert_eq!(damage_after(|text| text.replacen("; id=42", "; id=43", 1)), changed);
}

#[test]
fn a_change_of_length_is_detected() {
    let end = |text: &str| text.rfind("END ").expect("an end line");
    assert_eq!(damage_after(|text| text[..end(&text)].to_owned()), [Change::Truncated]);
    assert_eq!(damage_after(|text| text.replace("and so on\r\n", "")), [Change::Truncated]);
    let cut_in_head =
        damage_after(|text| text[..seal_length("tag", MessageId(42), 2) + 5].to_owned());
    assert_eq!(cut_in_head, [Change::Truncated, Change::HeadersChanged]);
    assert_eq!(damage_after(|text| text + "\r\n"), [Change::Extended]);
    assert_eq!(damage_after(|text| text.replace("and so", "and then so")), [Change::Extended]);
}

#[test]
fn wrong_dot_stuffing_is_detected() {
    let stuffing = [Change::DotStuffing];
    assert_eq!(damage_after(|text| text.replace("\r\n.", "\r\n..")), stuffing);
    assert_eq!(damage_after(|text| text.replace("\r\n..\r\n.x", "\r\n.\r\nx")), stuffing);
    // Nothing was stuffed: the first lone dot ends the message.
    let cut = damage_after(|text| text[..text.find("\r\n.\r\n").expect("a dot") + 2].to_owned());
    assert_eq!(cut, [Change::Truncated]);
}

#[test]
fn changed_line_ends_are_detected() {
    let ends = [Change::LineEnds];
    assert_eq!(damage_after(|text| text.replace("\r\n", "\n")), ends);
    assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\n")), ends);
    assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\r\r\n")), ends);
    assert_eq!(damage_after(|text| text.replace("so on\r\n", "so on\r")), ends);
}

#[test]
fn lost_8_bit_bytes_are_detected() {
    let stripped: Vec<u8> = sealed().into_iter().map(|byte| byte & 127).collect();
    assert_eq!(check(&stripped).changes, [Change::EightBit]);
    assert_eq!(damage_after(|text| text.replace('\u{e9}', "=C3=A9")), [Change::EightBit]);
}

#[test]
fn another_identity_inside_is_detected() {
    let twice = damage_after(|text| text.clone() + &text);
    assert_eq!(twice, [Change::Merged]);
    let cut =
        damage_after(|text| text[..text.find("so on").expect("there")].to_owned() + "\r\n" + &text);
    assert_eq!(cut, [Change::Merged]);
}

#[test]
fn a_flipped_byte_is_detected() {
    assert_eq!(damage_after(|text| text.replace("so on", "so oN")), [Change::BytesChanged]);
    assert_eq!(damage_after(|text| text.replace("END 42", "END 43")), [Change::BytesChanged]);
}

#[test]
fn what_was_changed_is_compared_with_what_was_sent() {
    let explained = |content: &[u8], knows: bool, claimed: bool| {
        let mut verifier = Verifier::new();
        verifier.feed(content);
        let Err(changed) = verifier.finish() else { panic!("it was changed") };
        changed.explain(knows.then(|| (MessageId(42), sealed())), claimed)
    };
    let text = String::from_utf8(sealed()).expect("UTF-8");
    let folded = text.replace("Subject: x", "Subject:\r\n x");
    let verified = explained(folded.as_bytes(), true, true);
    assert_eq!(verified.check.changes, [Change::Folding]);
    assert_eq!(verified.differences[0].field, "Subject");
    let alone = explained(folded.as_bytes(), false, true);
    assert_eq!((alone.check.changes, alone.differences), (vec![Change::HeadersChanged], vec![]));
    // Without a word of whose it is, it must be seen to be the envelope's.
    let nameless = text.replace("X-Mailbench", "X-Other");
    let changes = explained(nameless.as_bytes(), true, false).check.changes;
    assert_eq!(changes, [Change::HeaderRemoved]);
    let strange = explained(b"Subject: x\r\n\r\nquite another text\r\n", true, false);
    assert_eq!(strange.check.changes, [Change::HeaderLost]);
}

#[test]
fn every_flipped_bit_is_found() {
    let intact = sealed();
    for place in 0..intact.len() {
        for bit in 0..8 {
            let mut content = intact.clone();
            content[place] ^= 1 << bit;
            assert!(!check(&content).changes.is_empty(), "bit {bit} of {place}");
        }
    }
}

#[test]
fn a_long_content_is_checked_as_a_short_one_is() {
    let long = "and so on\r\n".repeat(limits::CONTENT_HELD / 8);
    let rest = [REST.as_bytes(), long.as_bytes(), &end_line(MessageId(42), 0)].concat();
    let content = seal("tag", MessageId(42), 2, &rest);
    let checked = |content: &[u8]| {
        let mut verifier = Verifier::new();
        content.chunks(1000).for_each(|chunk| verifier.feed(chunk));
        finished(verifier)
    };
    assert_eq!(checked(&content).changes, []);
    assert_eq!(checked(&content), examined(&content));
    assert_eq!(checked(&content[..content.len() - 20]).changes, [Change::Truncated]);
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        parts in prop::collection::vec(
            prop_oneof![
                Just(b"\r\n".to_vec()), Just(b"\n".to_vec()), Just(b"\r".to_vec()), Just(b".".to_vec()),
                Just(sealed()), Just(b"X-Mailbench: ".to_vec()), Just(b"END 42 ".to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..12,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let content = parts.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
        cuts.sort_unstable();
        let mut verifier = Verifier::new();
        let mut start = 0;
        for cut in cuts {
            verifier.feed(&content[start..cut]);
            start = cut;
        }
        verifier.feed(&content[start..]);
        prop_assert_eq!(finished(verifier), check(&content));
        prop_assert_eq!(examined(&content), check(&content));
    }
}
