//! Whose a message text is, by whatever is left of its identity: the run header, our identity
//! header (wherever it stands, folded, its name in any case), Message-ID, and the first and last
//! line of the body. For texts whose envelope does not say it; what became of the text is
//! `content`'s.

use memchr::memmem;

use super::address::parse_number;
use super::tally::field_length;
use super::{BOUNCE_DOMAIN, Identity, MessageId, head_length};

/// Name of the header that names the run, with its colon. It stands before everything that is
/// sealed: which run it is says nothing about the text.
pub const RUN_HEADER: &str = "X-Mailbench-Run:";

/// Whose a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// A message of this run, or of this scenario and seed where the text names no run.
    Ours(MessageId),
    /// Mail of another run.
    AnotherRun,
    /// It does not say.
    Unknown,
}

/// Appends the run header's line with its line end.
pub fn push_run_line(nonce: &str, text: &mut Vec<u8>) {
    for piece in [RUN_HEADER, " ", nonce, "\r\n"] {
        text.extend_from_slice(piece.as_bytes());
    }
}

/// A text after that line.
#[must_use]
pub fn with_run_line(nonce: &str, text: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(run_line_length(nonce) + text.len());
    push_run_line(nonce, &mut all);
    all.extend_from_slice(text);
    all
}

/// Bytes of that line.
#[must_use]
pub fn run_line_length(nonce: &str) -> usize {
    RUN_HEADER.len() + " \r\n".len() + nonce.len()
}

/// Whose a text is to the run with this identity. `text` begins with the header section; of a long
/// text the beginning is enough.
#[must_use]
pub fn belongs(text: &[u8], own: &Identity) -> Belongs {
    let head = &text[..head_length(text)];
    let claim = Claim::of(head);
    match claim.nonce {
        Some(nonce) if !nonce.eq_ignore_ascii_case(own.nonce.as_bytes()) => Belongs::AnotherRun,
        Some(_) => claim
            .message()
            .or_else(|| named_by_body(text, &own.tag))
            .map_or(Belongs::Unknown, Belongs::Ours),
        None => by_text(&claim, text, own),
    }
}

/// Where no run is named, the tag has to do.
fn by_text(claim: &Claim<'_>, text: &[u8], own: &Identity) -> Belongs {
    let is_own = |tag: &[u8]| tag.eq_ignore_ascii_case(own.tag.as_bytes());
    match claim.identity.as_ref().or(claim.message_id.as_ref()) {
        Some((tag, message)) if is_own(tag) => Belongs::Ours(*message),
        Some(_) => Belongs::AnotherRun,
        None => named_by_body(text, &own.tag).map_or(Belongs::Unknown, Belongs::Ours),
    }
}

/// What a header section says of a text's identity.
#[derive(Debug, Default)]
struct Claim<'a> {
    nonce: Option<&'a [u8]>,
    /// Tag and message of our identity header.
    identity: Option<(&'a [u8], MessageId)>,
    /// The same of Message-ID.
    message_id: Option<(&'a [u8], MessageId)>,
}

impl<'a> Claim<'a> {
    fn of(head: &'a [u8]) -> Claim<'a> {
        let mut claim = Claim::default();
        for (name, value) in fields(head) {
            if is(name, &RUN_HEADER.as_bytes()[..RUN_HEADER.len() - 1]) {
                claim.nonce = claim.nonce.or(Some(value.trim_ascii()));
            } else if is(name, b"X-Mailbench") {
                claim.identity = claim.identity.or_else(|| identity(value));
            } else if is(name, b"Message-ID") {
                claim.message_id = claim.message_id.or_else(|| message_id(value));
            }
        }
        claim
    }

    fn message(&self) -> Option<MessageId> {
        self.identity.or(self.message_id).map(|(_, message)| message)
    }
}

fn is(name: &[u8], wanted: &[u8]) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

/// The fields of a header section: name, and value with its folds (RFC 5322 §2.2.3).
fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = head;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (field, after) = rest.split_at(field_length(rest));
            rest = after;
            if let Some(colon) = memchr::memchr(b':', field) {
                return Some((field[..colon].trim_ascii(), &field[colon + 1..]));
            }
        }
        None
    })
}

/// `run=TAG; id=N`, folded wherever.
fn identity(value: &[u8]) -> Option<(&[u8], MessageId)> {
    let field = |name: &[u8]| {
        let parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let mut found =
            parts.filter_map(|part| part.strip_prefix(name)?.trim_ascii().strip_prefix(b"="));
        found.next().map(<[u8]>::trim_ascii)
    };
    let id = std::str::from_utf8(field(b"id")?).ok()?;
    Some((field(b"run")?, MessageId(number(id)?)))
}

/// `<TAG.N@bounce.mailbench.test>`.
fn message_id(value: &[u8]) -> Option<(&[u8], MessageId)> {
    let inner = value.trim_ascii().strip_prefix(b"<")?.strip_suffix(b">")?;
    let at = inner.iter().rposition(|byte| *byte == b'@')?;
    let (left, domain) = (&inner[..at], &inner[at + 1..]);
    let dot = left.iter().rposition(|byte| *byte == b'.')?;
    let id = std::str::from_utf8(&left[dot + 1..]).ok()?;
    let message = number(id).filter(|_| is(domain, BOUNCE_DOMAIN.as_bytes()))?;
    Some((&left[..dot], MessageId(message)))
}

/// The message that a body names: by the first line of a part, or by that line anywhere with the
/// last line of the same number behind it, as where a notice was put before the text.
fn named_by_body(text: &[u8], tag: &str) -> Option<MessageId> {
    if tag.is_empty() {
        return None;
    }
    let body = &text[head_length(text)..];
    first_line(body, tag, text).or_else(|| {
        let mail = mail_parser::MessageParser::default().parse(text)?;
        let part = mail.body_text(0)?;
        let decoded = [b"\n", part.as_bytes()].concat();
        first_line(&decoded[1..], tag, &decoded)
    })
}

/// `N TAG` at the start of a line.
fn first_line(body: &[u8], tag: &str, text: &[u8]) -> Option<MessageId> {
    let wanted = [" ", tag].concat();
    memmem::find_iter(body, wanted.as_bytes()).find_map(|at| {
        let digits = body[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let start = at - digits;
        let ends = body[at + wanted.len()..].first().is_none_or(|next| b"\r\n".contains(next));
        let id = number(std::str::from_utf8(&body[start..at]).ok()?).filter(|_| ends)?;
        let opens = start == 0 || begins_part(&body[..start]);
        let line = start == 0 || body[start - 1] == b'\n';
        let ended =
            || memmem::find(text, ["\nEND ", &id.to_string(), " "].concat().as_bytes()).is_some();
        (opens || line && ended()).then_some(MessageId(id))
    })
}

/// Whether the headers of a part end here.
fn begins_part(before: &[u8]) -> bool {
    let blank = before.strip_suffix(b"\r\n\r\n").or_else(|| before.strip_suffix(b"\n\n"));
    let line = blank.and_then(|before| before.rsplit(|byte| *byte == b'\n').next());
    line.is_some_and(|line| line.len() > 8 && line[..8].eq_ignore_ascii_case(b"content-"))
}

fn number(digits: &str) -> Option<u64> {
    (!digits.is_empty()).then(|| parse_number(digits))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own() -> Identity {
        Identity { tag: "j0sc3b0q".to_owned(), nonce: "01jd9x22".to_owned() }
    }

    const IDENTITY: &str = "X-Mailbench: run=j0sc3b0q; id=42; n=1; head=1; len=2; h3=ab";
    const ID: &str = "Message-ID: <j0sc3b0q.42@bounce.mailbench.test>";
    const BODY: &str = "42 j0sc3b0q\r\n.\r\n..\r\nwords\r\nEND 42 01234567\r\n";

    fn of(headers: &[&str], body: &str) -> Belongs {
        belongs(format!("{}\r\n\r\n{body}", headers.join("\r\n")).as_bytes(), &own())
    }

    #[test]
    fn any_part_of_the_identity_is_enough() {
        let folded = "x-MAILBENCH:\r\n\trun=j0sc3b0q;\r\n id=42;\r\n\tn=1";
        let base64 = "Content-Transfer-Encoding: base64";
        for (headers, body) in [
            (&[IDENTITY][..], ""),
            (&["Subject: x", folded, "To: a"], ""),
            (&["Subject: x", "X-Mailbench : run = j0sc3b0q ; id = 42"], ""),
            (&[ID], ""),
            (&["message-id:\r\n <j0sc3b0q.42@Bounce.Mailbench.test>"], ""),
            (&["Subject: x"], BODY),
            (&["Subject: x"], &format!("NOTICE: from outside\r\n{BODY}")),
            (
                &["Content-Type: multipart/mixed; boundary=b"],
                "--b\r\nContent-Type: text/plain\r\n\r\n42 j0sc3b0q\r\n--b--\r\n",
            ),
            (
                &["MIME-Version: 1.0", "Content-Type: text/plain", base64],
                "NDIgajBzYzNiMHENCi4NCi4uDQp3b3Jkcw0KRU5EIDQyIDAxMjM0NTY3DQo=\r\n",
            ),
        ] {
            assert_eq!(of(headers, body), Belongs::Ours(MessageId(42)), "{headers:?} {body}");
        }
    }

    #[test]
    fn what_says_nothing_of_itself_is_unknown() {
        for (headers, body) in [
            (&["Subject: x"][..], "hello\r\n"),
            (&["Subject: x"], "> 42 j0sc3b0q\r\n"),
            (&["Subject: x"], "see\r\n42 j0sc3b0q\r\n"),
            (&["Subject: x"], "see\r\n\r\n42 j0sc3b0q\r\n"),
            (&["Subject: x"], "x42 j0sc3b0q\r\nEND 42 0\r\n"),
            (&["Message-ID: <42@other.test>"], ""),
            (&["X-Mailbench: id=42"], ""),
            (&["X-Mailbench: run=j0sc3b0q; id=4z"], ""),
        ] {
            assert_eq!(of(headers, body), Belongs::Unknown, "{headers:?} {body}");
        }
        // What a body quotes is not the text's own.
        assert_eq!(of(&["Subject: x"], &format!("see\r\n\r\n{IDENTITY}\r\n")), Belongs::Unknown);
    }

    #[test]
    fn another_run_is_known_by_its_nonce_and_another_scenario_by_its_tag() {
        let earlier = "X-Mailbench-Run: 00earlier";
        assert_eq!(of(&[earlier, IDENTITY], BODY), Belongs::AnotherRun);
        assert_eq!(of(&["x-mailbench-run:\r\n 00EARLIER", IDENTITY], BODY), Belongs::AnotherRun);
        let own = "X-Mailbench-Run: 01JD9X22";
        assert_eq!(of(&[own, IDENTITY], BODY), Belongs::Ours(MessageId(42)));
        assert_eq!(of(&[own], BODY), Belongs::Ours(MessageId(42)));
        assert_eq!(of(&[own], "hello"), Belongs::Unknown);
        let other = IDENTITY.replace("j0sc3b0q", "another0");
        assert_eq!(of(&[&other], BODY), Belongs::AnotherRun);
        assert_eq!(of(&[&ID.replace("j0sc3b0q", "another0")], ""), Belongs::AnotherRun);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(parts in prop::collection::vec(prop_oneof![
            Just(IDENTITY.as_bytes().to_vec()), Just(ID.as_bytes().to_vec()),
            Just(b"\r\n".to_vec()), Just(b"\n\t".to_vec()), Just(b"X-Mailbench-Run:".to_vec()),
            Just(BODY.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..20),
        ], 0..12)) {
            let _whose = belongs(&parts.concat(), &own());
        }
    }
}
