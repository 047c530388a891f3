//! AUTH (RFC 4954): what is said for each mechanism. The answers are mail-send's, but for SCRAM.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_send::Credentials;

use super::connection::Connection;
use super::login_scram::Scram;
use super::outcome::Cause;
use crate::limits;
use crate::smtp::mechanism::Mechanism;
use crate::smtp::reply::Reply;

/// Answers a server may ask for before it decides.
const ANSWERS: usize = 3;

/// Who to log in as, and how. Never shows its secret.
#[derive(Clone)]
pub struct Login {
    mechanism: Mechanism,
    user: String,
    secret: String,
    credentials: Credentials<String>,
    scram: Option<Scram>,
}

impl Login {
    /// A log-in by this mechanism.
    #[must_use]
    pub fn new(mechanism: Mechanism, user: String, secret: String) -> Login {
        let name = user.clone();
        let credentials = match mechanism {
            Mechanism::Xoauth2 => Credentials::new_xoauth2(user, secret.clone()),
            _ => Credentials::new(user, secret.clone()),
        };
        let scram = (mechanism == Mechanism::ScramSha256).then(|| Scram::new(&name, &secret));
        Login { mechanism, user: name, secret, credentials, scram }
    }

    /// The first line, and what waits for an empty challenge where it would be too long with it
    /// (RFC 4954 §4).
    fn opening(&self) -> Option<(String, Option<String>)> {
        let command = self.mechanism.command();
        let alone = format!("{command}\r\n");
        match self.mechanism {
            Mechanism::Plain | Mechanism::Xoauth2 => {
                let response = self.answer("")?;
                let line = format!("{command} {response}\r\n");
                if line.len() <= limits::INITIAL_RESPONSE_LINE {
                    return Some((line, None));
                }
                Some((alone, Some(format!("{response}\r\n"))))
            }
            Mechanism::Login | Mechanism::CramMd5 | Mechanism::ScramSha256 => Some((alone, None)),
        }
    }

    /// What a challenge is answered with; `None`: it makes no sense.
    fn answer(&self, challenge: &str) -> Option<String> {
        self.credentials.encode(self.mechanism.number(), challenge).ok()
    }

    /// The line that follows a 334, given how many there were before. LOGIN asks for the name and
    /// then for the password, whatever its prompts say: it never was a standard. To XOAUTH2 a
    /// challenge is the reason of a refusal, to be acknowledged; `*` gives up (RFC 4954 §4).
    fn next(&self, before: usize, challenge: &str) -> String {
        let answer = match (self.mechanism, before) {
            (Mechanism::Xoauth2, _) => Some(String::new()),
            (Mechanism::Login, 0) => Some(STANDARD.encode(&self.user)),
            (Mechanism::Login, 1) => Some(STANDARD.encode(&self.secret)),
            (Mechanism::Login, _) => None,
            _ => self.answer(challenge),
        };
        format!("{}\r\n", answer.unwrap_or_else(|| "*".to_owned()))
    }

    /// The reply without what a server may echo of the secret: replies go into reports.
    fn cleaned(&self, reply: Reply) -> Reply {
        let alone = STANDARD.encode(&self.secret);
        let answers = [Some(self.secret.clone()), self.answer(""), Some(alone)];
        let mut text = reply.text.clone();
        for secret in answers.into_iter().flatten().filter(|secret| !secret.is_empty()) {
            text = text.replace(&secret, "[secret]");
        }
        Reply { text, ..reply }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mechanism.command())
    }
}

impl Connection {
    /// Logs in; the server's last word.
    pub(super) async fn log_in(&mut self, login: &Login) -> Result<Reply, Cause> {
        let command = login.mechanism.command();
        let opening = login.opening().filter(|_| self.capabilities.offers_login(login.mechanism));
        let Some((opening, mut held_back)) = opening else {
            return Err(self.lost(Cause::NotOffered(command)));
        };
        if let Some(scram) = &login.scram {
            return Ok(login.cleaned(self.log_in_by_scram(scram).await?));
        }
        let mut reply = self.command(&opening).await?;
        for before in 0..ANSWERS {
            if reply.code != 334 {
                break;
            }
            let line = held_back.take().unwrap_or_else(|| login.next(before, &reply.text));
            reply = self.command(&line).await?;
        }
        Ok(login.cleaned(reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(mechanism: Mechanism) -> Login {
        Login::new(mechanism, "tim".to_owned(), "tanstaaftanstaaf".to_owned())
    }

    #[test]
    fn answers_are_those_of_the_standards() {
        let opening = |of: &Login| of.opening().map(|(line, _)| line);
        let plain = opening(&login(Mechanism::Plain));
        assert_eq!(plain.as_deref(), Some("AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"));
        // RFC 2195 §3.
        let challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
        let answer = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n";
        assert_eq!(login(Mechanism::CramMd5).next(0, challenge), answer);
        assert_eq!(login(Mechanism::CramMd5).next(0, "?"), "*\r\n");
        let token = login(Mechanism::Xoauth2);
        assert!(opening(&token).is_some_and(|line| line.starts_with("AUTH XOAUTH2 dXNlcj10aW0B")));
        assert_eq!(token.next(0, "eyJzdGF0dXMiOiI0MDEifQ=="), "\r\n");
    }

    #[test]
    fn login_answers_in_order_whatever_it_is_asked() {
        let by_name = login(Mechanism::Login);
        assert_eq!(by_name.opening(), Some(("AUTH LOGIN\r\n".to_owned(), None)));
        for prompts in
            [["VXNlcm5hbWU6", "UGFzc3dvcmQ6"], ["VXNlciBOYW1lAA==", "UGFzc3dvcmQA"], ["", "?"]]
        {
            assert_eq!(by_name.next(0, prompts[0]), "dGlt\r\n");
            assert_eq!(by_name.next(1, prompts[1]), "dGFuc3RhYWZ0YW5zdGFhZg==\r\n");
        }
        assert_eq!(by_name.next(2, "VXNlcm5hbWU6"), "*\r\n");
    }

    #[test]
    fn a_long_response_waits_for_its_challenge() {
        for (length, waits) in [(100, false), (2_000, true)] {
            let token = Login::new(Mechanism::Xoauth2, "tim".to_owned(), "t".repeat(length));
            let (line, held_back) = token.opening().expect("an opening");
            assert_eq!((line == "AUTH XOAUTH2\r\n", held_back.is_some()), (waits, waits));
        }
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::Xoauth2] {
            let login = login(mechanism);
            assert!(!format!("{login:?}").contains("tanstaaf"));
            let echoes = [
                format!(
                    "no such user tim with tanstaaftanstaaf: {}",
                    login.next(1, "UGFzc3dvcmQ6")
                ),
                login.opening().unwrap_or_default().0,
            ];
            for echo in echoes {
                let told = login.cleaned(Reply::new(535, None, echo.trim())).text;
                let encoded = ["tanstaaf", "dGFuc3RhYWZ0", "AHRpbQB0YW5z", "dXNlcj10aW0B"];
                assert!(encoded.iter().all(|secret| !told.contains(secret)), "{told}");
            }
        }
    }
}
