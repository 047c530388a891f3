//! Reads one command line (RFC 5321 §4.1.1) over the request parser of `smtp-proto`.
//!
//! Tolerant of what real MTAs send (lower case, a space after the colon, doubled spaces, source
//! routes); strict where tolerance hides something: NUL, CR inside a line and bytes that are not
//! UTF-8 make a line malformed. What a command does is `dialogue`'s.

mod parameters;

use std::borrow::Cow;

use smtp_proto::{Error, MailFrom, RcptTo, Request};

use super::envelope::{Body, Mail, Notify, Rcpt, Ret, unescaped};
use super::mechanism::Mechanism;

/// The parameter of RFC 3461 §4.2.
const ORCPT: &str = "ORCPT";

/// A command as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO with the name the client gives itself.
    Ehlo(String),
    /// HELO.
    Helo(String),
    /// LHLO (RFC 2033).
    Lhlo(String),
    /// MAIL FROM.
    Mail(Mail),
    /// RCPT TO.
    Rcpt(Rcpt),
    /// DATA.
    Data,
    /// BDAT (RFC 3030).
    Bdat { size: u64, last: bool },
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// VRFY.
    Vrfy,
    /// EXPN.
    Expn,
    /// HELP.
    Help,
    /// STARTTLS (RFC 3207).
    Starttls,
    /// AUTH (RFC 4954).
    Auth(Auth),
    /// A verb that is not known here.
    Unknown,
    /// A line that is not a command, or a command badly written.
    Malformed(Flaw),
}

/// AUTH and its arguments.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// `None`: one that is not known here.
    pub mechanism: Option<Mechanism>,
    /// The answer that came with it; empty: none.
    pub initial: String,
}

impl std::fmt::Debug for Auth {
    /// Credentials are not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Longer than `limits::COMMAND_LINE`.
    TooLong,
    /// NUL, a CR inside, or not UTF-8.
    NotText,
    /// Not of this form.
    Syntax(&'static str),
    /// The reverse-path is no address.
    ReversePath,
    /// The forward-path is no address.
    ForwardPath,
    /// A parameter has a value it cannot have, or is given twice.
    Value(&'static str),
    /// A parameter is not known; as written.
    Parameter(String),
}

impl Command {
    /// Reads a line without its end.
    #[must_use]
    pub fn parse(line: &[u8]) -> Command {
        let text = std::str::from_utf8(line).ok().filter(|_| is_clean(line));
        let Some(text) = text else { return Command::Malformed(Flaw::NotText) };
        let mut ended = Vec::with_capacity(line.len() + 2);
        ended.extend_from_slice(line);
        ended.extend_from_slice(b"\r\n");
        match Request::parse(&mut ended.iter()) {
            Ok(request) => Command::of(request, text),
            Err(Error::UnknownCommand) => Command::Unknown,
            Err(Error::InvalidParameter { param: ORCPT }) => Command::with_original(text),
            Err(Error::InvalidSenderAddress | Error::InvalidRecipientAddress) => {
                Command::with_literal(text)
            }
            Err(error) => Command::Malformed(flaw(error)),
        }
    }

    /// RCPT with an original recipient of type `utf-8` (RFC 6533 §3), which the parser does not
    /// know.
    fn with_original(line: &str) -> Command {
        const TYPED: &str = "ORCPT=utf-8;";
        let original = |word: &&str| {
            word.get(..TYPED.len()).is_some_and(|start| start.eq_ignore_ascii_case(TYPED))
        };
        let Some(word) = line.split(' ').find(original) else {
            return Command::Malformed(Flaw::Value(ORCPT));
        };
        match Command::parse(line.replacen(word, "", 1).as_bytes()) {
            Command::Rcpt(rcpt) if rcpt.orcpt.is_none() && word.len() > TYPED.len() => {
                Command::Rcpt(Rcpt { orcpt: Some(unescaped(&word[TYPED.len()..])), ..rcpt })
            }
            _ => Command::Malformed(Flaw::Value(ORCPT)),
        }
    }

    /// MAIL or RCPT with an address literal (RFC 5321 §4.1.3), which the parser does not know: it
    /// gets a domain in its place.
    fn with_literal(line: &str) -> Command {
        const STAND_IN: &str = "address-literal.invalid";
        let flawed = || match line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("MAIL")) {
            true => Command::Malformed(Flaw::ReversePath),
            false => Command::Malformed(Flaw::ForwardPath),
        };
        let Some(literal) = address_literal(line) else { return flawed() };
        let restored = |path: String| path.replace(STAND_IN, literal);
        match Command::parse(line.replacen(literal, STAND_IN, 1).as_bytes()) {
            Command::Mail(mail) => {
                Command::Mail(Mail { reverse_path: restored(mail.reverse_path), ..mail })
            }
            Command::Rcpt(rcpt) => {
                Command::Rcpt(Rcpt { forward_path: restored(rcpt.forward_path), ..rcpt })
            }
            _ => flawed(),
        }
    }

    fn of(request: Request<Cow<'_, str>>, line: &str) -> Command {
        match request {
            Request::Ehlo { host } => Command::Ehlo(host.into_owned()),
            Request::Helo { host } => Command::Helo(host.into_owned()),
            Request::Lhlo { host } => Command::Lhlo(host.into_owned()),
            Request::Mail { from } => match parameters::flaw(line, &parameters::OF_MAIL) {
                Some(flaw) => Command::Malformed(flaw),
                None => Command::Mail(mail(from, line)),
            },
            Request::Rcpt { to } => match parameters::flaw(line, &parameters::OF_RCPT) {
                Some(flaw) => Command::Malformed(flaw),
                None => rcpt(to, line),
            },
            Request::Data => Command::Data,
            Request::Bdat { chunk_size, is_last } => {
                Command::Bdat { size: chunk_size as u64, last: is_last }
            }
            Request::Rset => Command::Rset,
            Request::Noop { .. } => Command::Noop,
            Request::Quit => Command::Quit,
            Request::Vrfy { .. } => Command::Vrfy,
            Request::Expn { .. } => Command::Expn,
            Request::Help { .. } => Command::Help,
            Request::StartTls => Command::Starttls,
            Request::Auth { mechanism, initial_response } => Command::Auth(Auth {
                mechanism: Mechanism::from_number(mechanism),
                initial: initial_response.into_owned(),
            }),
            Request::Etrn { .. } | Request::Atrn { .. } | Request::Burl { .. } => Command::Unknown,
        }
    }
}

/// The address literal of a path, with its brackets.
fn address_literal(line: &str) -> Option<&str> {
    let start = line.find("@[")? + 1;
    let literal = &line[start..];
    let literal = &literal[..=literal.find(']')?];
    let address = &literal[1..literal.len() - 1];
    let valid = match address.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")) {
        Some(_) => address[5..].parse::<std::net::Ipv6Addr>().is_ok(),
        None => address.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    valid.then_some(literal)
}

fn is_clean(line: &[u8]) -> bool {
    memchr::memchr3(0, b'\r', b'\n', line).is_none()
}

fn flaw(error: Error) -> Flaw {
    match error {
        Error::InvalidSenderAddress => Flaw::ReversePath,
        Error::InvalidRecipientAddress => Flaw::ForwardPath,
        Error::SyntaxError { syntax } => Flaw::Syntax(syntax),
        Error::InvalidParameter { param } => Flaw::Value(param),
        Error::UnsupportedParameter { param } => parameters::rejected(param),
        // Quotes that never close run past the end of the line.
        _ => Flaw::Syntax("a command and its arguments"),
    }
}

fn mail(from: MailFrom<Cow<'_, str>>, line: &str) -> Mail {
    let has = |flag| from.flags & flag != 0;
    let body = [
        (smtp_proto::MAIL_BODY_BINARYMIME, Body::BinaryMime),
        (smtp_proto::MAIL_BODY_8BITMIME, Body::EightBitMime),
        (smtp_proto::MAIL_BODY_7BIT, Body::SevenBit),
    ];
    let ret = [(smtp_proto::MAIL_RET_HDRS, Ret::Headers), (smtp_proto::MAIL_RET_FULL, Ret::Full)];
    Mail {
        body: body.into_iter().find(|(flag, _)| has(*flag)).map(|(_, body)| body),
        smtputf8: has(smtp_proto::MAIL_SMTPUTF8),
        ret: ret.into_iter().find(|(flag, _)| has(*flag)).map(|(_, ret)| ret),
        reverse_path: path(from.address, line),
        size: parameters::has(line, "SIZE").then_some(from.size as u64),
        envid: from.env_id.map(Cow::into_owned),
        auth: from.auth.map(Cow::into_owned),
        mt_priority: parameters::has(line, "MT-PRIORITY")
            .then_some(from.mt_priority.clamp(-9, 9) as i8),
    }
}

fn rcpt(to: RcptTo<Cow<'_, str>>, line: &str) -> Command {
    let mut forward_path = path(to.address, line);
    if forward_path.is_empty() {
        // The parser reads `<Postmaster>` (RFC 5321 §4.5.1) and `<>` as the same.
        let is_postmaster = line.to_ascii_lowercase().contains("postmaster");
        if !is_postmaster {
            return Command::Malformed(Flaw::ForwardPath);
        }
        "postmaster".clone_into(&mut forward_path);
    }
    let has = |flag| to.flags & flag != 0;
    let notify = Notify {
        success: has(smtp_proto::RCPT_NOTIFY_SUCCESS),
        failure: has(smtp_proto::RCPT_NOTIFY_FAILURE),
        delay: has(smtp_proto::RCPT_NOTIFY_DELAY),
    };
    let said = notify != Notify::default() || has(smtp_proto::RCPT_NOTIFY_NEVER);
    let orcpt = to.orcpt.map(Cow::into_owned);
    Command::Rcpt(Rcpt { forward_path, notify: said.then_some(notify), orcpt })
}

/// The address as written. The parser takes quotes away, without which `"a b"@x` is no address;
/// such a one is read off the line.
fn path(parsed: Cow<'_, str>, line: &str) -> String {
    if !line.contains('"') {
        return parsed.into_owned();
    }
    let Some((_, rest)) = line.split_once('<') else { return parsed.into_owned() };
    let written = parameters::path_end(rest).map_or(rest, |end| &rest[..end]).trim();
    let routed = written.strip_prefix('@').and_then(|route| route.split_once(':'));
    routed.map_or(written, |(_, mailbox)| mailbox).to_owned()
}

#[cfg(test)]
mod tests;
