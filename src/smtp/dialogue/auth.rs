//! The server side of AUTH (RFC 4954): what is asked, up to the last answer.
//!
//! Where no user is known, any credentials that are well formed are taken, and none are kept: what
//! is tested is the exchange, not a password. SCRAM alone works with the right one only, since the
//! server, too, has to prove that it knows it; it is offered where there is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::user::{Known, User};
use crate::smtp::mechanism::Mechanism;
use crate::smtp::scram::server::{Ended, Pending};

/// What CRAM-MD5 has signed. A replay gains nothing here, and the dialogue is to depend on what is
/// said alone.
const CHALLENGE: &str = "<1.1@mailbench.test>";

/// The mechanisms always offered, as EHLO lists them.
pub(super) const MECHANISMS: &str = "PLAIN LOGIN CRAM-MD5 XOAUTH2";

/// Offered where there is a password.
pub(super) const SCRAM: &str = "SCRAM-SHA-256";

/// An exchange under way: what the client's next line is the answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// All credentials in one line.
    Whole(Mechanism),
    /// LOGIN's user name.
    UserName,
    /// The password of who gave LOGIN this name.
    Password(Vec<u8>),
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

/// The first step; `initial` is the answer that came with the command (empty: none).
pub(super) fn begin(mechanism: Mechanism, initial: &str, known: &Known) -> Step {
    match (mechanism, initial) {
        (Mechanism::Login, "") => ask("Username:", Exchange::UserName),
        (Mechanism::Login, name) => step(&Exchange::UserName, name.as_bytes(), known),
        (Mechanism::CramMd5, _) => ask(CHALLENGE, Exchange::Whole(Mechanism::CramMd5)),
        (_, "") => Step::Ask(String::new(), Exchange::Whole(mechanism)),
        // An empty answer is written so (RFC 4954 §4).
        (_, "=") => Step::Malformed,
        (_, initial) => step(&Exchange::Whole(mechanism), initial.as_bytes(), known),
    }
}

/// What follows the client's answer.
pub(super) fn step(exchange: &Exchange, answer: &[u8], known: &Known) -> Step {
    if answer == b"*" {
        return Step::Cancelled;
    }
    let Ok(text) = STANDARD.decode(answer) else { return Step::Malformed };
    match exchange {
        Exchange::UserName => ask("Password:", Exchange::Password(text)),
        Exchange::Password(name) => right(known, true, |user| user.says(name, &text)),
        Exchange::Whole(Mechanism::Plain) => {
            let formed = text.iter().filter(|byte| **byte == 0).count() == 2;
            right(known, formed, |user| user.verify_plain(&text))
        }
        Exchange::Whole(Mechanism::CramMd5) => {
            right(known, text.contains(&b' '), |user| user.digests(CHALLENGE, &text))
        }
        Exchange::Whole(Mechanism::Xoauth2) => {
            right(known, text.starts_with(b"user="), |user| user.verify_bearer_token(&text))
        }
        Exchange::Whole(Mechanism::Login) => Step::Malformed,
        Exchange::Whole(Mechanism::ScramSha256) => challenge(&text, known),
        Exchange::Proof(pending) => check(pending, &text, known),
        Exchange::Proved if text.is_empty() => Step::Taken,
        Exchange::Proved => Step::Malformed,
    }
}

/// Credentials that have this form are taken from anybody, or from the one user if they are his.
fn right(known: &Known, formed: bool, his: impl FnOnce(&User) -> bool) -> Step {
    match &known.user {
        _ if !formed => Step::Malformed,
        Some(user) if !his(user) => Step::Wrong,
        _ => Step::Taken,
    }
}

fn challenge(first: &[u8], known: &Known) -> Step {
    let first = std::str::from_utf8(first).ok();
    let pending = known.scram.as_ref().and_then(|stored| stored.begin(first?));
    pending.map_or(Step::Malformed, |pending| {
        ask(&pending.asked.clone(), Exchange::Proof(Box::new(pending)))
    })
}

fn check(pending: &Pending, last: &[u8], known: &Known) -> Step {
    let last = std::str::from_utf8(last).ok();
    match known.scram.as_ref().and_then(|stored| Some(stored.end(pending, last?))) {
        Some(Ended::Proved(_))
            if !known.user.as_ref().is_none_or(|user| user.is(&pending.user)) =>
        {
            Step::Wrong
        }
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
        assert_eq!(
            begin(Mechanism::Plain, &encoded("\0user\0secret"), &Known::default()),
            Step::Taken
        );
        let Step::Ask(text, next) = begin(Mechanism::Plain, "", &Known::default()) else {
            panic!("no question")
        };
        assert_eq!(text, "");
        assert_eq!(
            step(&next, encoded("\0user\0secret").as_bytes(), &Known::default()),
            Step::Taken
        );

        let Step::Ask(text, next) = begin(Mechanism::Login, "", &Known::default()) else {
            panic!("no question")
        };
        assert_eq!(text, "VXNlcm5hbWU6");
        let Step::Ask(text, next) = step(&next, encoded("user").as_bytes(), &Known::default())
        else {
            panic!("none")
        };
        assert_eq!(text, "UGFzc3dvcmQ6");
        assert_eq!(step(&next, encoded("secret").as_bytes(), &Known::default()), Step::Taken);

        let Step::Ask(_, next) = begin(Mechanism::CramMd5, "", &Known::default()) else {
            panic!("no question")
        };
        assert_eq!(
            step(&next, encoded("user 0123456789abcdef").as_bytes(), &Known::default()),
            Step::Taken
        );
        let bearer = encoded("user=u\u{1}auth=Bearer t\u{1}\u{1}");
        assert_eq!(begin(Mechanism::Xoauth2, &bearer, &Known::default()), Step::Taken);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let whole = Exchange::Whole(Mechanism::Plain);
        assert_eq!(step(&whole, b"*", &Known::default()), Step::Cancelled);
        assert_eq!(step(&whole, b"%%%", &Known::default()), Step::Malformed);
        assert_eq!(
            step(&whole, encoded("no zero bytes").as_bytes(), &Known::default()),
            Step::Malformed
        );
        assert_eq!(begin(Mechanism::Plain, "=", &Known::default()), Step::Malformed);
        assert_eq!(
            begin(Mechanism::Xoauth2, &encoded("token"), &Known::default()),
            Step::Malformed
        );
    }

    #[test]
    fn scram_is_taken_with_the_right_password_only() {
        let stored = |text: &str| Known::one(User::new("user".to_owned(), text.to_owned()));
        let mine = stored("pencil");
        let client = Client::new("user", "abc".to_owned());
        let first = encoded(&client.first());
        let Step::Ask(text, next) = begin(Mechanism::ScramSha256, &first, &mine) else {
            panic!("no question")
        };
        let asked = String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text");
        let question = client.asked(&asked).expect("sense");
        let password = Password::prepared("pencil").expect("a password");
        let keys = Keys::derive(&password, &question.salt, question.iterations);
        let last = client.last(&asked, &question, &keys);
        let answer = encoded(&last.message);
        let Step::Ask(text, done) = step(&next, answer.as_bytes(), &mine) else {
            panic!("no proof")
        };
        let proof = String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text");
        assert!(last.is_answered_by(&proof), "{proof}");
        assert_eq!(step(&done, b"", &mine), Step::Taken);
        assert_eq!(step(&done, b"*", &mine), Step::Cancelled);
        assert_eq!(step(&next, answer.as_bytes(), &stored("pencils")), Step::Wrong);
        assert_eq!(step(&next, encoded("c=biws").as_bytes(), &mine), Step::Malformed);
        assert_eq!(begin(Mechanism::ScramSha256, &first, &Known::default()), Step::Malformed);
    }
}
