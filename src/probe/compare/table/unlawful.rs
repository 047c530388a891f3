//! What must be declared, or must never happen.

use super::Edit::{By, Every, Swap};
use super::{Case, EIGHT, MAILBOX, PARTS, PLAIN, case, check, split};
use crate::probe::change::Change::*;
use crate::probe::change::Level;

const ALTERED: [Case; 30] = [
    case(PLAIN, "subject tagged", Swap("Subject: ", "Subject: [EXTERNAL] "), &[SubjectChanged]),
    case(
        PLAIN,
        "another subject",
        Swap("mailbench tag message 42\r\n", "nothing to see\r\n"),
        &[SubjectChanged],
    ),
    case(
        PLAIN,
        "a second subject",
        Swap("\r\n\r\n", "\r\nSubject: SPAM\r\n\r\n"),
        &[SubjectChanged],
    ),
    case(
        PLAIN,
        "footer",
        By(|text| [text, b"-- \r\nsent through here\r\n"].concat()),
        &[FooterAdded],
    ),
    case(
        PLAIN,
        "banner",
        Swap("42 tag\r\n", "CAUTION: from outside\r\n\r\n42 tag\r\n"),
        &[FooterAdded],
    ),
    case(
        EIGHT,
        "footer of 8-bit text",
        By(|text| [text, "\r\nGr\u{fc}\u{df}e!\r\n".as_bytes()].concat()),
        &[FooterAdded],
    ),
    case(
        PARTS,
        "footer in plain text",
        Swap("plain words\r\n", "plain words\r\n-- \r\nfooter\r\n"),
        &[FooterAdded],
    ),
    case(PARTS, "footer in HTML", Swap("</body>", "<p>footer</p></body>"), &[FooterAdded]),
    case(PARTS, "banner in HTML", Swap("<body>", "<body><div>outside</div>"), &[FooterAdded]),
    case(
        PARTS,
        "footer as a part",
        Swap("--cut--", "--cut\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--cut--"),
        &[FooterAdded],
    ),
    case(PLAIN, "a first letter made great", Swap("Subject: m", "Subject: M"), &[SubjectChanged]),
    case(PLAIN, "another sign in an address", Swap("tag.42@", "tag-42@"), &[HeaderRewritten]),
    case(PLAIN, "attached to another message", By(|text| attached(text, b"")), &[Attached]),
    case(
        EIGHT,
        "attached, after a trace field",
        By(|text| attached(text, b"Received: by x\r\n")),
        &[Attached],
    ),
    case(
        PARTS,
        "attached with another subject",
        By(|text| {
            let text = String::from_utf8_lossy(text).replace("Subject: ", "Subject: [SPAM] ");
            attached(text.as_bytes(), b"")
        }),
        &[SubjectChanged, Attached],
    ),
    case(PLAIN, "wrapped into multipart with a footer", By(wrapped), &[FooterAdded]),
    case(PLAIN, "lines wrapped", Swap("here, and then", "here,\r\nand then"), &[LinesWrapped]),
    case(
        PLAIN,
        "a line broken in a word",
        Swap("plain words", "pla\r\n in words"),
        &[LinesWrapped],
    ),
    case(PLAIN, "lines joined", Swap("line\r\nplain", "line plain"), &[LinesWrapped]),
    case(
        PLAIN,
        "space at line ends removed",
        Swap("trailing space \r\n", "trailing space\r\n"),
        &[SpaceChanged],
    ),
    case(PLAIN, "From escaped", Swap("\r\nFrom the", "\r\n>From the"), &[FromEscaped]),
    case(
        PLAIN,
        "links rewritten",
        Swap("http://example.test/a?b=c", "https://safe.test/?u=http%3A%2F%2Fexample"),
        &[LinksRewritten],
    ),
    case(PARTS, "attachment stripped", By(stripped), &[PartStripped]),
    case(PARTS, "attachment replaced", By(replaced), &[PartReplaced]),
    case(
        PARTS,
        "attachment added",
        Swap("--cut--", "--cut\r\nContent-Type: image/png\r\n\r\nx\r\n--cut--"),
        &[PartAdded],
    ),
    case(PARTS, "attachment renamed", Swap("data.bin", "data.txt"), &[HeaderRewritten]),
    case(
        PLAIN,
        "text replaced",
        By(|text| [split(text).0, b"This message was blocked.\r\n"].concat()),
        &[PartReplaced],
    ),
    case(PLAIN, "sender rewritten", Swap("ann@a.test", "list@l.test"), &[HeaderRewritten]),
    case(PLAIN, "field removed", Swap("Auto-Submitted: auto-generated\r\n", ""), &[HeaderRemoved]),
    case(EIGHT, "another charset", By(latin1), &[Transcoded, MimeHeaders]),
];

const CORRUPTED: [Case; 31] = [
    case(PLAIN, "cut at the end", By(|text| text[..text.len() - 20].to_vec()), &[Truncated]),
    case(PLAIN, "no body", By(|text| split(text).0.to_vec()), &[Truncated]),
    case(PARTS, "cut in the attachment", By(|text| text[..text.len() - 40].to_vec()), &[Truncated]),
    case(PLAIN, "a line lost", Swap("plain words here, and then some\r\n", ""), &[BytesLost]),
    case(PLAIN, "a word lost", Swap("words ", ""), &[BytesLost]),
    case(PARTS, "bytes lost in the attachment", Swap("DA0ODxAR", ""), &[BytesLost]),
    case(
        PLAIN,
        "a line twice",
        Every(".x\r\n", ".x\r\n.x\r\nwords that were not there\r\n"),
        &[Extended],
    ),
    case(PLAIN, "a byte flipped", Swap("plain", "plaim"), &[BytesChanged]),
    case(
        PLAIN,
        "a byte flipped in a field",
        Swap("auto-generated", "auto-generaued"),
        &[BytesChanged],
    ),
    case(PARTS, "a byte flipped in the attachment", Swap("AAECAwQF", "AAECBwQF"), &[BytesChanged]),
    case(PLAIN, "two lines swapped", By(swapped), &[BytesChanged]),
    case(PLAIN, "NUL bytes", Swap("plain", "pl\0in"), &[BytesChanged]),
    case(PLAIN, "dots doubled", Every("\r\n.", "\r\n.."), &[DotStuffing]),
    case(PLAIN, "dots lost", Swap("\r\n..\r\n.x", "\r\n.\r\nx"), &[DotStuffing]),
    case(PLAIN, "one dot lost", Swap("\r\n.x", "\r\nx"), &[DotStuffing]),
    case(PLAIN, "every LF bare", Every("\r\n", "\n"), &[LineEnds]),
    case(
        PLAIN,
        "one LF bare",
        Swap("words here, and then some\r\n", "words here, and then some\n"),
        &[LineEnds],
    ),
    case(
        PLAIN,
        "one CR bare",
        Swap("words here, and then some\r\n", "words here, and then some\r"),
        &[LineEnds],
    ),
    case(
        PLAIN,
        "CR doubled",
        Swap("words here, and then some\r\n", "words here, and then some\r\r\n"),
        &[LineEnds],
    ),
    case(
        EIGHT,
        "high bits stripped",
        By(|text| text.iter().map(|byte| byte & 127).collect()),
        &[EightBit],
    ),
    case(EIGHT, "question marks for letters", By(|text| marked(text, "?")), &[EightBit]),
    case(EIGHT, "letters lost", By(|text| marked(text, "")), &[EightBit]),
    case(EIGHT, "encoded twice", By(twice), &[CharsetBroken]),
    case(EIGHT, "replacement characters", By(|text| marked(text, "\u{fffd}")), &[CharsetBroken]),
    case(
        EIGHT,
        "encoded, and nothing says so",
        Swap("Gr\u{fc}\u{df}e aus K\u{f6}ln", "Gr=C3=BC=C3=9Fe aus K=C3=B6ln"),
        &[CharsetBroken],
    ),
    case(
        EIGHT,
        "another charset named",
        Swap("\"utf-8\"", "iso-8859-1"),
        &[CharsetBroken, MimeHeaders],
    ),
    case(
        EIGHT,
        "called base64 and is not",
        Swap(": 8bit", ": base64"),
        &[CharsetBroken, MimeHeaders],
    ),
    case(PLAIN, "two messages in one", By(|text| [text, text].concat()), &[Merged]),
    case(
        PLAIN,
        "another message's end",
        By(|text| [text, b"words\r\nEND 43 01234567\r\n"].concat()),
        &[Merged],
    ),
    case(
        PLAIN,
        "a field cut off",
        Swap("mailbench tag message 42\r\n", "mailbench tag mess\r\n"),
        &[HeaderTruncated],
    ),
    case(
        MAILBOX,
        "a line in the headers that is none",
        Swap("\r\nTo:", "\r\nwhat is this\r\nTo:"),
        &[HeadersChanged],
    ),
];

/// As SpamAssassin's report_safe has it.
fn attached(text: &[u8], before: &[u8]) -> Vec<u8> {
    let outer = b"From: filter@a.test\r\nSubject: a report\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"--report\"\r\n\r\n\
        ----report\r\nContent-Type: text/plain\r\n\r\nSee the attached message.\r\n\
        ----report\r\nContent-Type: message/rfc822\r\n\r\n";
    [&outer[..], before, text, b"\r\n----report--\r\n"].concat()
}

#[test]
fn changes_on_purpose_are_altered_and_named() {
    check(&ALTERED, |level| level == Level::Altered);
}

#[test]
fn damage_is_corrupted_and_named() {
    check(&CORRUPTED, |level| level == Level::Corrupted);
}

fn text_of(text: &[u8]) -> String {
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

/// As Mailman wraps a text it adds to.
fn wrapped(text: &[u8]) -> Vec<u8> {
    let (head, body) = split(text);
    let head = &head[..head.len() - 2];
    let kind = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n\
        Content-Type: text/plain\r\n\r\n";
    let footer = b"\r\n--w\r\nContent-Type: text/plain\r\n\r\nlist footer\r\n--w--\r\n";
    [head, kind, body, footer].concat()
}

fn stripped(text: &[u8]) -> Vec<u8> {
    let text = text_of(text);
    let at = text.find("--cut\r\nContent-Type: application").expect("an attachment");
    format!("{}--cut--\r\n", &text[..at]).into_bytes()
}

fn replaced(text: &[u8]) -> Vec<u8> {
    let text = text_of(text);
    let at = text.find("--cut\r\nContent-Type: application").expect("an attachment");
    let notice = "--cut\r\nContent-Type: text/plain\r\n\r\nremoved by policy\r\n--cut--\r\n";
    format!("{}{notice}", &text[..at]).into_bytes()
}

fn latin1(text: &[u8]) -> Vec<u8> {
    let text = text_of(text).replace("utf-8\"", "iso-8859-1\"");
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1")).collect()
}

fn swapped(text: &[u8]) -> Vec<u8> {
    let [one, other] =
        ["plain words here, and then some\r\n", "see http://example.test/a?b=c for more\r\n"];
    text_of(text).replace(&[one, other].concat(), &[other, one].concat()).into_bytes()
}

fn marked(text: &[u8], mark: &str) -> Vec<u8> {
    let each = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => mark.to_owned(),
    };
    text_of(text).chars().map(each).collect::<String>().into_bytes()
}

fn twice(text: &[u8]) -> Vec<u8> {
    let letters = text.iter().copied().map(char::from);
    letters.collect::<String>().into_bytes()
}
