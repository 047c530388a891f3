//! What a case is: what is done, what is expected, and by which text.

use std::time::Duration;

use super::finding::Verdict;

/// One case of the examination.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name: part of addresses and reports.
    pub id: String,
    /// What is done.
    pub title: String,
    /// What is expected.
    pub expected: &'static str,
    /// The RFC's section or the advisory.
    pub source: &'static str,
    /// Whether an RFC demands it: such a row gates.
    pub mandated: bool,
    /// The act.
    pub act: Act,
}

/// Who misbehaves.
#[derive(Clone, Debug)]
pub enum Act {
    /// A client of ours towards the target.
    Client(Script),
    /// A server of ours, to which the target relays.
    Server(Manner),
}

/// What a client does, and how it is judged.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it says and awaits, after the banner where it does not begin with [`Step::Early`].
    pub steps: Vec<Step>,
    /// Domain of the recipients.
    pub domain: &'static str,
    /// What is asked of what was seen.
    pub question: Question,
    /// Whether it may be played only to a target that offers PIPELINING.
    pub pipelines: bool,
}

/// One step of a client. `@FROM@`, `@TO@` and `@OTHER@` stand for the case's addresses.
#[derive(Clone, Debug)]
pub enum Step {
    /// Comes from an address that the target was told not to trust.
    AsStranger,
    /// Does not wait for the banner.
    Early,
    /// Writes at once.
    Say(Vec<u8>),
    /// Writes each octet in a segment of its own, with this pause after it.
    Dribble(Vec<u8>, Duration),
    /// Awaits so many replies.
    Hear(usize),
    /// Waits.
    Pause(Duration),
    /// Goes on under TLS.
    Secure,
    /// Notes what comes unasked within this time.
    Listen(Duration),
    /// Opens so many further connections and keeps them, idle.
    Crowd(usize),
    /// Opens so many further connections, each of which says an octet of a command that never ends
    /// every so often.
    Besiege(usize, Duration),
    /// Ends its half of the connection.
    EndHalf,
    /// Resets the connection.
    Reset,
}

/// What is asked of what a client saw and of what arrived.
#[derive(Clone, Debug)]
pub enum Question {
    /// Did `@OTHER@` get a message of its own, that stood inside the one for `@TO@`? Was the
    /// sequence passed on as it was?
    Smuggled {
        /// What might be taken for the end of data.
        sequence: Vec<u8>,
        /// Text at the end of the message inside.
        last: &'static [u8],
        /// Whether it is legal content.
        legal: bool,
    },
    /// Did a message that was accepted arrive once, its body byte for byte?
    Whole {
        /// The body, unstuffed.
        body: Vec<u8>,
        /// What a refusal means.
        refused: Verdict,
        /// What another body means.
        altered: Verdict,
    },
    /// Did a message that was accepted arrive at every accepted recipient, once?
    Once {
        /// What a refusal means.
        refused: Verdict,
    },
    /// Did it arrive, once, or was it turned away with a reply?
    Served,
    /// Did it arrive, once, at each of these recipients that was accepted by a RCPT of its own?
    Each {
        /// In the order of their RCPT, after banner, EHLO and MAIL.
        recipients: Vec<String>,
    },
    /// Did it come to this address, and to no other?
    Literal {
        /// Where it was sent.
        address: String,
        /// Where a trick would have it go.
        trick: String,
    },
    /// Was the last command refused?
    Denied,
    /// Was a message accepted without bare CR or LF passed on?
    Normalised,
    /// Did nothing arrive?
    Nothing,
    /// Did it arrive at most once?
    AtMostOnce,
    /// Do the codes heard begin so, one by one? An empty one: whatever.
    Codes {
        /// Beginnings, alternatives parted by `|`.
        codes: Vec<&'static str>,
        /// What others mean.
        otherwise: Verdict,
    },
    /// Was `@TO@` accepted by the last RCPT and was nothing of an earlier transaction delivered?
    Fresh,
    /// Did a reply come under TLS to what was said before it?
    Injected,
    /// Was every line of a flood answered, or the client turned away in order?
    Answered {
        /// How many.
        lines: usize,
    },
    /// Was a message that had passed too many hosts stopped?
    LoopStopped,
}

/// How a server of ours behaves, and how the target's answer is judged.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// What EHLO is answered with; `None`: the ordinary extensions.
    pub offer: Option<Vec<&'static str>>,
    /// Where it misbehaves, and how.
    pub strikes: Vec<(Moment, Strike)>,
    /// In so many tries; then it is obedient.
    pub tries: usize,
    /// The message to submit: its recipients' number, and its body.
    pub message: Errand,
    /// What is asked.
    pub asked: Asked,
    /// Whether the target is told to speak TLS to it or not at all.
    pub secured: bool,
    /// Whether it is the second host of its domain, the first being closed.
    pub spare: bool,
}

/// How long cases go on that are about patience: the time an RFC speaks of is minutes.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until the reply to the final dot comes.
    pub reply: Duration,
    /// Between two octets of a slow client.
    pub octet: Duration,
    /// How long a server of ours dawdles over one reply.
    pub dawdle: Duration,
}

impl Times {
    /// For an examination of a few minutes: an impatient target shows, a patient one is proved
    /// patient for so long only.
    pub const QUICK: Times = Times {
        reply: Duration::from_secs(20),
        octet: Duration::from_millis(250),
        dawdle: Duration::from_secs(20),
    };

    /// As RFC 5321 §4.5.3.2 has it: ten minutes for the reply to the dot, five for others.
    pub const FULL: Times = Times {
        reply: Duration::from_secs(595),
        octet: Duration::from_secs(8),
        dawdle: Duration::from_secs(660),
    };

    /// The longest that a server lets the target wait.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.reply.max(self.dawdle)
    }
}

/// The message that brings the target to the server.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Local parts, after the case's name.
    pub recipients: Vec<String>,
    /// Parameters of MAIL.
    pub parameters: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// Whether its sender is at the misbehaving server, too.
    pub own_sender: bool,
    /// Whether another message, for an obedient server, is submitted as soon as the target has
    /// come with this one.
    pub companion: bool,
}

impl Default for Errand {
    fn default() -> Errand {
        Errand {
            recipients: vec!["to".to_owned()],
            parameters: "",
            body: b"An ordinary body.\r\n".to_vec(),
            own_sender: false,
            companion: false,
        }
    }
}

/// Where in the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Instead of the banner.
    Banner,
    /// In reply to EHLO.
    Ehlo,
    /// In reply to STARTTLS.
    StartTls,
    /// In reply to MAIL.
    Mail,
    /// In reply to RCPT, to a recipient whose local part contains this.
    Rcpt(&'static str),
    /// In reply to DATA.
    Data,
    /// After the first octets of content.
    Content,
    /// In reply to the final dot.
    Dot,
    /// In reply to any command.
    Any,
}

/// What is done there.
#[derive(Clone, Debug)]
pub enum Strike {
    /// Says this instead, and goes on as if it had said the ordinary reply.
    Say(Vec<u8>),
    /// Says this, which is a refusal, and goes on so.
    Refuse(&'static str),
    /// Says this and closes.
    Farewell(&'static str),
    /// Closes.
    Close,
    /// Resets.
    Reset,
    /// Ends its half, and reads on.
    EndHalf,
    /// Waits, then goes on.
    Wait(Duration),
    /// Says what never ends, for this long at most, and closes.
    Dawdle {
        /// First.
        lead: &'static str,
        /// Then this, again and again.
        again: Vec<u8>,
        /// With such pauses.
        pause: Duration,
        /// For so long.
        length: Duration,
    },
    /// Goes ahead to TLS, and sends what is no handshake.
    BadHandshake,
    /// Goes ahead, and in the same segment says this.
    Inject(&'static str),
    /// Shows a bad certificate.
    Certificate(crate::fault::tls::TlsFault),
}

/// What is asked of a target that met a misbehaving server.
#[derive(Clone, Debug, Default)]
pub enum Asked {
    /// Is the message delivered in the end, once, and not returned?
    #[default]
    Delivered,
    /// Delivered at once: what it met was no failure.
    Understood,
    /// Not taken for a success: tried again, or returned.
    NotTaken,
    /// Taken for a success, or tried again: one or the other, and not returned.
    EitherWay,
    /// Delivered, at the first host or at the next.
    NextHost,
    /// Was nothing sent but under TLS, and nothing returned at once?
    OnlySecured,
    /// Did other mail go on while this server dawdled, and was it given up?
    NotHeldUp,
    /// Was its return, refused in its turn, the last that was heard of it?
    NoReturnOfReturn,
    /// Did it wait at least this long for the reply?
    Patient(Duration),
    /// Refused recipients returned once, deferred ones tried again alone, the rest delivered once.
    EachAsTold,
    /// Returned, exactly once.
    Returned,
    /// Does it say EHLO after the handshake, and wait for the reply?
    Anew,
    /// Are no octets above 127 sent to a server that did not offer to take them?
    SevenBit,
    /// Is no address sent that the server did not offer to take, nor another in its place?
    AsciiAddress,
}
