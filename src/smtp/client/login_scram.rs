//! A log-in by SCRAM-SHA-256: three questions, the last of which is the server's proof.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};

use super::connection::Connection;
use super::outcome::Cause;
use crate::smtp::reply::Reply;
use crate::smtp::scram::client::{Asked, Client, Last};
use crate::smtp::scram::{Keys, Password};

/// Bytes of a nonce; in base64 they hold no comma.
const NONCE: usize = 18;

/// Who to log in as, and what was found out for it.
#[derive(Clone)]
pub(super) struct Scram {
    user: String,
    /// `None`: the secret cannot be a password.
    password: Option<Password>,
    /// Of the salt used last: hashing takes milliseconds, and a server that has stored the
    /// password salts it the same way each time (RFC 5802 §5.1 allows for it).
    known: Arc<Mutex<Option<Known>>>,
}

struct Known {
    salt: Vec<u8>,
    iterations: NonZeroU32,
    keys: Keys,
}

impl Scram {
    pub(super) fn new(user: &str, secret: &str) -> Scram {
        let password = Password::prepared(secret);
        Scram { user: user.to_owned(), password, known: Arc::default() }
    }

    /// What a question is answered with; `None`: it makes no sense.
    fn last(&self, client: &Client, question: &str) -> Option<Last> {
        let asked = client.asked(question)?;
        let keys = self.keys(&asked)?;
        Some(client.last(question, &asked, &keys))
    }

    /// Sessions that log in at once wait for the first of them.
    fn keys(&self, asked: &Asked<'_>) -> Option<Keys> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            |known: &&Known| known.salt == asked.salt && known.iterations == asked.iterations;
        if let Some(known) = known.as_ref().filter(fits) {
            return Some(known.keys.clone());
        }
        let keys = Keys::derive(self.password.as_ref()?, &asked.salt, asked.iterations);
        let (salt, iterations) = (asked.salt.clone(), asked.iterations);
        *known = Some(Known { salt, iterations, keys: keys.clone() });
        Some(keys)
    }
}

impl Connection {
    /// Logs in; the server's last word.
    pub(super) async fn log_in_by_scram(&mut self, scram: &Scram) -> Result<Reply, Cause> {
        // `*` gives up (RFC 4954 §4).
        let give_up = "*\r\n";
        let nonce = nonce().map_err(|cause| self.lost(cause))?;
        let client = Client::new(&scram.user, nonce);
        let opening = format!("AUTH SCRAM-SHA-256 {}\r\n", STANDARD.encode(client.first()));
        let reply = self.command(&opening).await?;
        let last = said(&reply).map(|question| scram.last(&client, &question));
        let reply = match &last {
            None => return self.unproved(reply),
            Some(None) => self.command(give_up).await?,
            Some(Some(last)) => {
                self.command(&format!("{}\r\n", STANDARD.encode(&last.message))).await?
            }
        };
        let (Some(Some(last)), Some(proof)) = (last, said(&reply)) else {
            return self.unproved(reply);
        };
        if last.is_answered_by(&proof) {
            return self.command("\r\n").await;
        }
        let reply = self.command(give_up).await?;
        self.unproved(reply)
    }

    /// A reply before the server's proof: it may refuse, and nothing else.
    fn unproved(&mut self, reply: Reply) -> Result<Reply, Cause> {
        if reply.is_positive() { Err(self.lost(Cause::Unproved)) } else { Ok(reply) }
    }
}

/// What a 334 says; `None`: it is none. What is no text says nothing.
fn said(reply: &Reply) -> Option<String> {
    let text = || String::from_utf8(STANDARD.decode(&reply.text).ok()?).ok();
    (reply.code == 334).then(|| text().unwrap_or_default())
}

fn nonce() -> Result<String, Cause> {
    let mut bytes = [0; NONCE];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Cause::Io(std::io::ErrorKind::Other))?;
    Ok(STANDARD.encode(bytes))
}
