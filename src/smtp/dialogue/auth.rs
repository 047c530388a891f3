//! The server side of AUTH (RFC 4954): what is asked, up to the last answer.
//!
//! Any credentials that are well formed are taken, and none are kept: what is tested is the
//! exchange, not a password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The mechanisms offered, as EHLO lists them.
pub(super) const MECHANISMS: &str = "PLAIN LOGIN CRAM-MD5 XOAUTH2";

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
}

/// An exchange under way: what the client's next line is the answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// All credentials in one line.
    Whole(Mechanism),
    /// LOGIN's user name.
    UserName,
    /// LOGIN's password.
    Password,
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
    /// The client gave up (`*`).
    Cancelled,
}

/// The first step; `initial` is the answer that came with the command (empty: none).
pub(super) fn begin(mechanism: Mechanism, initial: &str) -> Step {
    match (mechanism, initial) {
        (Mechanism::Login, "") => ask("Username:", Exchange::UserName),
        (Mechanism::Login, name) => step(Exchange::UserName, name.as_bytes()),
        (Mechanism::CramMd5, _) => {
            ask("<1.1@sink.mailbench.test>", Exchange::Whole(Mechanism::CramMd5))
        }
        (_, "") => Step::Ask(String::new(), Exchange::Whole(mechanism)),
        // An empty answer is written so (RFC 4954 §4).
        (_, "=") => Step::Malformed,
        (_, initial) => step(Exchange::Whole(mechanism), initial.as_bytes()),
    }
}

/// What follows the client's answer.
pub(super) fn step(exchange: Exchange, answer: &[u8]) -> Step {
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
    };
    if complete { Step::Taken } else { Step::Malformed }
}

fn ask(text: &str, next: Exchange) -> Step {
    Step::Ask(STANDARD.encode(text), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        STANDARD.encode(text)
    }

    #[test]
    fn each_mechanism_comes_to_its_end() {
        assert_eq!(begin(Mechanism::Plain, &encoded("\0user\0secret")), Step::Taken);
        let Step::Ask(text, next) = begin(Mechanism::Plain, "") else { panic!("no question") };
        assert_eq!(text, "");
        assert_eq!(step(next, encoded("\0user\0secret").as_bytes()), Step::Taken);

        let Step::Ask(text, next) = begin(Mechanism::Login, "") else { panic!("no question") };
        assert_eq!(text, "VXNlcm5hbWU6");
        let Step::Ask(text, next) = step(next, encoded("user").as_bytes()) else { panic!("none") };
        assert_eq!(text, "UGFzc3dvcmQ6");
        assert_eq!(step(next, encoded("secret").as_bytes()), Step::Taken);

        let Step::Ask(_, next) = begin(Mechanism::CramMd5, "") else { panic!("no question") };
        assert_eq!(step(next, encoded("user 0123456789abcdef").as_bytes()), Step::Taken);
        let bearer = encoded("user=u\u{1}auth=Bearer t\u{1}\u{1}");
        assert_eq!(begin(Mechanism::XOAuth2, &bearer), Step::Taken);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let whole = Exchange::Whole(Mechanism::Plain);
        assert_eq!(step(whole, b"*"), Step::Cancelled);
        assert_eq!(step(whole, b"%%%"), Step::Malformed);
        assert_eq!(step(whole, encoded("no zero bytes").as_bytes()), Step::Malformed);
        assert_eq!(begin(Mechanism::Plain, "="), Step::Malformed);
        assert_eq!(begin(Mechanism::XOAuth2, &encoded("token")), Step::Malformed);
    }
}
