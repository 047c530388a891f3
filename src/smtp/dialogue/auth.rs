//! The server side of AUTH (RFC 4954): what is asked, up to the last answer.
//!
//! Any credentials that are well formed are taken, and none are kept: what is tested is the
//! exchange, not a password. SCRAM alone works with the right one only, since the server, too, has
//! to prove that it knows it; it is offered where there is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::smtp::scram::server::{Ended, Pending, Stored};

/// The mechanisms always offered, as EHLO lists them.
pub(super) const MECHANISMS: &str = "PLAIN LOGIN CRAM-MD5 XOAUTH2";

/// Offered where there is a password.
pub(super) const SCRAM: &str = "SCRAM-SHA-256";

/// How a client wants to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// User name and password one after the other; never a standard.
    Login,
    /// RFC 2195.
    CramMd5,
    /// A bearer token.
    XOAuth2,
    /// RFC 7677.
    ScramSha256,
}

/// An exchange under way: what the client's next line is the answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// All credentials in one line.
    Whole(Mechanism),
    /// LOGIN's user name.
    UserName,
    /// LOGIN's password.
    Password,
    /// SCRAM's proof.
    Proof(Box<Pending>),
    /// Nothing any more: the client has seen our proof.
    Proved,
}

/// What the server says next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// 334 with this text, and what the answer will be to.
    Ask(String, Exchange),
    /// The credentials are complete.
    Taken,
    /// They are not what the mechanism demands.
    Malformed,
    /// They are, and wrong.
    Wrong,
    /// The client gave up (`*`).
    Cancelled,
}

/// The first step; `initial` is the answer that came with the command (empty: none). SCRAM is
/// known by its password, `scram`.
pub(super) fn begin(mechanism: Mechanism, initial: &str, scram: Option<&Stored>) -> Step {
    match (mechanism, initial) {
        (Mechanism::Login, "") => ask("Username:", Exchange::UserName),
        (Mechanism::Login, name) => step(&Exchange::UserName, name.as_bytes(), scram),
        (Mechanism::CramMd5, _) => {
            ask("<1.1@sink.mailbench.test>", Exchange::Whole(Mechanism::CramMd5))
        }
        (_, "") => Step::Ask(String::new(), Exchange::Whole(mechanism)),
        // An empty answer is written so (RFC 4954 §4).
        (_, "=") => Step::Malformed,
        (_, initial) => step(&Exchange::Whole(mechanism), initial.as_bytes(), scram),
    }
}

/// What follows the client's answer.
pub(super) fn step(exchange: &Exchange, answer: &[u8], scram: Option<&Stored>) -> Step {
    if answer == b"*" {
        return Step::Cancelled;
    }
    let Ok(text) = STANDARD.decode(answer) else { return Step::Malformed };
    let complete = match exchange {
        Exchange::UserName => return ask("Password:", Exchange::Password),
        Exchange::Password => true,
        Exchange::Whole(Mechanism::Plain) => text.iter().filter(|byte| **byte == 0).count() == 2,
        Exchange::Whole(Mechanism::CramMd5) => text.contains(&b' '),
        Exchange::Whole(Mechanism::XOAuth2) => text.starts_with(b"user="),
        Exchange::Whole(Mechanism::Login) => false,
        Exchange::Whole(Mechanism::ScramSha256) => return challenge(&text, scram),
        Exchange::Proof(pending) => return check(pending, &text, scram),
        Exchange::Proved => text.is_empty(),
    };
    if complete { Step::Taken } else { Step::Malformed }
}

fn challenge(first: &[u8], scram: Option<&Stored>) -> Step {
    let first = std::str::from_utf8(first).ok();
    let pending = scram.and_then(|stored| stored.begin(first?));
    pending.map_or(Step::Malformed, |pending| {
        ask(&pending.asked.clone(), Exchange::Proof(Box::new(pending)))
    })
}

fn check(pending: &Pending, last: &[u8], scram: Option<&Stored>) -> Step {
    let last = std::str::from_utf8(last).ok();
    match scram.and_then(|stored| Some(stored.end(pending, last?))) {
        Some(Ended::Proved(ours)) => ask(&ours, Exchange::Proved),
        Some(Ended::Wrong) => Step::Wrong,
        Some(Ended::Malformed) | None => Step::Malformed,
    }
}

fn ask(text: &str, next: Exchange) -> Step {
    Step::Ask(STANDARD.encode(text), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::scram::client::Client;
    use crate::smtp::scram::{Keys, Password};

    fn encoded(text: &str) -> String {
        STANDARD.encode(text)
    }

    #[test]
    fn each_mechanism_comes_to_its_end() {
        assert_eq!(begin(Mechanism::Plain, &encoded("\0user\0secret"), None), Step::Taken);
        let Step::Ask(text, next) = begin(Mechanism::Plain, "", None) else {
            panic!("no question")
        };
        assert_eq!(text, "");
        assert_eq!(step(&next, encoded("\0user\0secret").as_bytes(), None), Step::Taken);

        let Step::Ask(text, next) = begin(Mechanism::Login, "", None) else {
            panic!("no question")
        };
        assert_eq!(text, "VXNlcm5hbWU6");
        let Step::Ask(text, next) = step(&next, encoded("user").as_bytes(), None) else {
            panic!("none")
        };
        assert_eq!(text, "UGFzc3dvcmQ6");
        assert_eq!(step(&next, encoded("secret").as_bytes(), None), Step::Taken);

        let Step::Ask(_, next) = begin(Mechanism::CramMd5, "", None) else { panic!("no question") };
        assert_eq!(step(&next, encoded("user 0123456789abcdef").as_bytes(), None), Step::Taken);
        let bearer = encoded("user=u\u{1}auth=Bearer t\u{1}\u{1}");
        assert_eq!(begin(Mechanism::XOAuth2, &bearer, None), Step::Taken);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let whole = Exchange::Whole(Mechanism::Plain);
        assert_eq!(step(&whole, b"*", None), Step::Cancelled);
        assert_eq!(step(&whole, b"%%%", None), Step::Malformed);
        assert_eq!(step(&whole, encoded("no zero bytes").as_bytes(), None), Step::Malformed);
        assert_eq!(begin(Mechanism::Plain, "=", None), Step::Malformed);
        assert_eq!(begin(Mechanism::XOAuth2, &encoded("token"), None), Step::Malformed);
    }

    #[test]
    fn scram_is_taken_with_the_right_password_only() {
        let stored = |text| Stored::of(&Password::prepared(text).expect("a password"));
        let mine = stored("pencil");
        let client = Client::new("user", "abc".to_owned());
        let first = encoded(&client.first());
        let Step::Ask(text, next) = begin(Mechanism::ScramSha256, &first, Some(&mine)) else {
            panic!("no question")
        };
        let asked = String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text");
        let question = client.asked(&asked).expect("sense");
        let password = Password::prepared("pencil").expect("a password");
        let keys = Keys::derive(&password, &question.salt, question.iterations);
        let last = client.last(&asked, &question, &keys);
        let answer = encoded(&last.message);
        let Step::Ask(text, done) = step(&next, answer.as_bytes(), Some(&mine)) else {
            panic!("no proof")
        };
        let proof = String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text");
        assert!(last.is_answered_by(&proof), "{proof}");
        assert_eq!(step(&done, b"", Some(&mine)), Step::Taken);
        assert_eq!(step(&done, b"*", Some(&mine)), Step::Cancelled);
        assert_eq!(step(&next, answer.as_bytes(), Some(&stored("pencils"))), Step::Wrong);
        assert_eq!(step(&next, encoded("c=biws").as_bytes(), Some(&mine)), Step::Malformed);
        assert_eq!(begin(Mechanism::ScramSha256, &first, None), Step::Malformed);
    }
}
