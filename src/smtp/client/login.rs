//! AUTH (RFC 4954): what is said for each mechanism. The answers are mail-send's, but for SCRAM.

use std::fmt;

use mail_send::Credentials;
use smtp_proto::{AUTH_CRAM_MD5, AUTH_LOGIN, AUTH_PLAIN, AUTH_SCRAM_SHA_256, AUTH_XOAUTH2};

use super::connection::Connection;
use super::login_scram::Scram;
use super::outcome::Cause;
use crate::smtp::reply::Reply;

/// Answers a server may ask for before it decides.
const ANSWERS: usize = 3;

/// Who to log in as, and how. Never shows its secret.
#[derive(Clone)]
pub struct Login {
    mechanism: Mechanism,
    secret: String,
    credentials: Credentials<String>,
    scram: Option<Scram>,
}

/// SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN.
    Login,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// XOAUTH2, the secret being the token.
    Xoauth2,
    /// SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
}

impl Mechanism {
    /// As EHLO and AUTH name it, AUTH before it.
    fn command(self) -> &'static str {
        match self {
            Mechanism::Plain => "AUTH PLAIN",
            Mechanism::Login => "AUTH LOGIN",
            Mechanism::CramMd5 => "AUTH CRAM-MD5",
            Mechanism::Xoauth2 => "AUTH XOAUTH2",
            Mechanism::ScramSha256 => "AUTH SCRAM-SHA-256",
        }
    }

    fn number(self) -> u64 {
        match self {
            Mechanism::Plain => AUTH_PLAIN,
            Mechanism::Login => AUTH_LOGIN,
            Mechanism::CramMd5 => AUTH_CRAM_MD5,
            Mechanism::Xoauth2 => AUTH_XOAUTH2,
            Mechanism::ScramSha256 => AUTH_SCRAM_SHA_256,
        }
    }
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
        Login { mechanism, secret, credentials, scram }
    }

    /// The first line.
    fn opening(&self) -> Option<String> {
        let command = self.mechanism.command();
        match self.mechanism {
            Mechanism::Plain | Mechanism::Xoauth2 => {
                Some(format!("{command} {}\r\n", self.answer("")?))
            }
            Mechanism::Login | Mechanism::CramMd5 | Mechanism::ScramSha256 => {
                Some(format!("{command}\r\n"))
            }
        }
    }

    /// What a challenge is answered with; `None`: it makes no sense.
    fn answer(&self, challenge: &str) -> Option<String> {
        self.credentials.encode(self.mechanism.number(), challenge).ok()
    }

    /// The line that follows a 334. To XOAUTH2 it is the reason of a refusal, to be acknowledged;
    /// `*` gives up (RFC 4954 §4).
    fn next(&self, challenge: &str) -> String {
        match self.mechanism {
            Mechanism::Xoauth2 => "\r\n".to_owned(),
            _ => format!("{}\r\n", self.answer(challenge).unwrap_or_else(|| "*".to_owned())),
        }
    }

    /// The reply without what a server may echo of the secret: replies go into reports.
    fn cleaned(&self, reply: Reply) -> Reply {
        let answers = [Some(self.secret.clone()), self.answer(""), self.answer("UGFzc3dvcmQ6")];
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
        let Some(opening) = opening else {
            return Err(self.lost(Cause::NotOffered(command)));
        };
        if let Some(scram) = &login.scram {
            return Ok(login.cleaned(self.log_in_by_scram(scram).await?));
        }
        let mut reply = self.command(&opening).await?;
        for _ in 0..ANSWERS {
            if reply.code != 334 {
                break;
            }
            reply = self.command(&login.next(&reply.text)).await?;
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
        let plain = login(Mechanism::Plain).opening();
        assert_eq!(plain.as_deref(), Some("AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"));
        let by_name = login(Mechanism::Login);
        assert_eq!(by_name.opening().as_deref(), Some("AUTH LOGIN\r\n"));
        assert_eq!(by_name.next("VXNlcm5hbWU6"), "dGlt\r\n");
        assert_eq!(by_name.next("UGFzc3dvcmQ6"), "dGFuc3RhYWZ0YW5zdGFhZg==\r\n");
        assert_eq!(by_name.next("what?"), "*\r\n");
        // RFC 2195 §3.
        let challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
        let answer = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n";
        assert_eq!(login(Mechanism::CramMd5).next(challenge), answer);
        let token = login(Mechanism::Xoauth2);
        assert!(token.opening().is_some_and(|line| line.starts_with("AUTH XOAUTH2 dXNlcj10aW0B")));
        assert_eq!(token.next("eyJzdGF0dXMiOiI0MDEifQ=="), "\r\n");
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::Xoauth2] {
            let login = login(mechanism);
            assert!(!format!("{login:?}").contains("tanstaaf"));
            let echoes = [
                format!("no such user tim with tanstaaftanstaaf: {}", login.next("UGFzc3dvcmQ6")),
                login.opening().unwrap_or_default(),
            ];
            for echo in echoes {
                let told = login.cleaned(Reply::new(535, None, echo.trim())).text;
                let encoded = ["tanstaaf", "dGFuc3RhYWZ0", "AHRpbQB0YW5z", "dXNlcj10aW0B"];
                assert!(encoded.iter().all(|secret| !told.contains(secret)), "{told}");
            }
        }
    }
}
