//! The `garble` fault: a reply that is not formed as RFC 5321 §4.2 wants it, byte by byte.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Case, Effect, Keys, Page, Problems, Stage, some};
use super::replies;
use crate::limits;
use crate::smtp::reply::Reply;

/// Ways to break the form of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Garble {
    /// A code without text, which a client must understand.
    BareCode,
    /// A proper reply, each byte in a segment of its own.
    SplitReply,
    /// Two lines, of which the last has a code of another severity.
    WrongCode,
    /// A line of 64 KiB, where 512 octets are the limit.
    LongLine,
    /// Lines that all say that another follows, and then nothing.
    NoLastLine,
    /// A NUL inside the text.
    Nul,
}

impl Garble {
    /// As scenarios name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Garble::BareCode => "bare-code",
            Garble::SplitReply => "split-reply",
            Garble::WrongCode => "wrong-code",
            Garble::LongLine => "long-line",
            Garble::NoLastLine => "no-last-line",
            Garble::Nul => "nul",
        }
    }

    /// Whether every client must take it for the reply it was made of.
    #[must_use]
    pub fn is_plain(self) -> bool {
        matches!(self, Garble::BareCode | Garble::SplitReply)
    }

    /// The bytes to write, in so many writes.
    #[must_use]
    pub fn pieces(self, reply: &Reply) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        match self {
            Garble::BareCode => whole.extend(format!("{}\r\n", reply.code).bytes()),
            Garble::SplitReply => {
                reply.encode(&mut whole);
                return whole.into_iter().map(|byte| vec![byte]).collect();
            }
            Garble::WrongCode => {
                let other = if reply.is_positive() { 451 } else { 250 };
                whole.extend(format!("{}-{}\r\n", reply.code, first_line(reply)).bytes());
                whole.extend(format!("{other} {}\r\n", first_line(reply)).bytes());
            }
            Garble::LongLine => {
                let filling = "x".repeat(limits::LONG_REPLY);
                whole.extend(format!("{} {filling}\r\n", reply.code).bytes());
            }
            Garble::NoLastLine => {
                for line in reply.text.lines() {
                    whole.extend(format!("{}-{line}\r\n", reply.code).bytes());
                }
            }
            Garble::Nul => {
                let text = first_line(reply);
                let (before, after) = text.split_at(text.len() / 2);
                whole.extend(format!("{} {before}\0{after}\r\n", reply.code).bytes());
            }
        }
        vec![whole]
    }
}

impl Page for Garble {
    type Written = Garble;

    const DOES: &'static str = "Break the form of a reply.";

    const SIMULATED: bool = false;

    fn can_happen(stage: Stage) -> Result<(), &'static str> {
        replies::can_happen(stage)
    }

    fn read(keys: &Keys, _: &mut Problems) -> Option<Garble> {
        keys.garble.as_ref().map(|form| form.value)
    }

    fn write(&self, keys: &mut Keys) {
        keys.garble = some(*self);
    }

    fn words(&self) -> String {
        format!("garble the reply: {}", self.name())
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        Some(Effect::Garble(*self))
    }
}

/// Our replies are ASCII, so their text can be cut anywhere.
fn first_line(reply: &Reply) -> &str {
    reply.text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(garble: Garble) -> String {
        let reply = Reply::new(250, None, "first\nsecond");
        String::from_utf8(garble.pieces(&reply).concat()).expect("text")
    }

    #[test]
    fn forms_have_their_scenario_names_and_two_leave_the_reply_valid() {
        let forms = [
            (Garble::BareCode, "bare-code", true),
            (Garble::SplitReply, "split-reply", true),
            (Garble::WrongCode, "wrong-code", false),
            (Garble::LongLine, "long-line", false),
            (Garble::NoLastLine, "no-last-line", false),
            (Garble::Nul, "nul", false),
        ];
        for (form, name, plain) in forms {
            assert_eq!((form.name(), form.is_plain()), (name, plain));
        }
    }

    #[test]
    fn each_form_is_what_it_says() {
        assert_eq!(written(Garble::BareCode), "250\r\n");
        assert_eq!(written(Garble::SplitReply), "250-first\r\n250 second\r\n");
        assert_eq!(written(Garble::WrongCode), "250-first\r\n451 first\r\n");
        assert_eq!(written(Garble::NoLastLine), "250-first\r\n250-second\r\n");
        assert_eq!(written(Garble::Nul), "250 fi\0rst\r\n");
        assert_eq!(written(Garble::LongLine).len(), limits::LONG_REPLY + 6);
        let split = Garble::SplitReply.pieces(&Reply::new(250, None, "ok"));
        assert_eq!(split.len(), "250 ok\r\n".len());
    }
}
