//! What a case consists of: the script of a misbehaving client or server, the expectation and its
//! source. Owns the types only; the cases themselves are in `cases`.

use std::time::Duration;

use super::finding::Verdict;

/// One case of the conformance test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, used in addresses and reports.
    pub id: String,
    /// What the peer does.
    pub title: String,
    /// What the target is expected to do.
    pub expected: &'static str,
    /// Section of the RFC, or the advisory.
    pub source: &'static str,
    /// Whether an RFC mandates it. Only mandated cases fail the test by default.
    pub mandated: bool,
    /// The script of the peer.
    pub script: Script,
}

/// The misbehaving peer of a case.
#[derive(Clone, Debug)]
pub enum Script {
    /// A client that connects to the target.
    Client(ClientScript),
    /// A server to which the target relays.
    Server(ServerScript),
}

/// What a client sends, and how the result is judged.
#[derive(Clone, Debug)]
pub struct ClientScript {
    /// The steps. They begin after the banner unless the first is [`Step::BeforeBanner`].
    pub steps: Vec<Step>,
    /// Domain of the recipients.
    pub domain: &'static str,
    /// How replies and deliveries are judged.
    pub check: ClientCheck,
    /// Whether it requires a target that offers PIPELINING.
    pub pipelines: bool,
}

/// One step of a client. `@FROM@`, `@TO@` and `@OTHER@` stand for the addresses of the case.
#[derive(Clone, Debug)]
pub enum Step {
    /// Connects from an address that the target is configured not to trust. First step only.
    FromUntrusted,
    /// Does not wait for the banner. First step only.
    BeforeBanner,
    /// Sends text in one write.
    Send(Vec<u8>),
    /// Sends each octet in a segment of its own, with this pause after each.
    SlowSend(Vec<u8>, Duration),
    /// Waits for this many replies.
    AwaitReplies(usize),
    /// Waits.
    Pause(Duration),
    /// Performs the TLS handshake and continues under TLS.
    StartTls,
    /// Records what the target sends unasked within this time.
    Listen(Duration),
    /// Opens this many further connections and leaves them idle.
    IdleClients(usize),
    /// Opens this many further connections, each of which sends one octet of an endless command at
    /// this interval (slowloris).
    SlowClients(usize, Duration),
    /// Closes its sending half of the connection (FIN).
    HalfClose,
    /// Resets the connection (RST).
    Reset,
}

/// How the replies to a client and the mail that was delivered are judged.
#[derive(Clone, Debug)]
pub enum ClientCheck {
    /// `@OTHER@` gets no message of its own from inside the message to `@TO@`, and the sequence is
    /// not passed on as it was.
    NotSmuggled {
        /// What a server might mistake for the end of data.
        sequence: Vec<u8>,
        /// Text at the end of the inner message.
        last: &'static [u8],
        /// Whether the sequence is legal content.
        legal: bool,
    },
    /// An accepted message is delivered once, its body byte for byte.
    BodyUnchanged {
        /// The body before dot-stuffing.
        body: Vec<u8>,
        /// Verdict if the target rejects it.
        rejected: Verdict,
        /// Verdict if the body changed in transit.
        altered: Verdict,
    },
    /// An accepted message is delivered to `@TO@` once.
    DeliveredOnce {
        /// Verdict if the target rejects it.
        rejected: Verdict,
    },
    /// The message is delivered once, or turned away with a reply.
    Served,
    /// The message is delivered once to each of these recipients that was accepted by its RCPT.
    EveryRecipient {
        /// In the order of their RCPT, after banner, EHLO and MAIL.
        recipients: Vec<String>,
    },
    /// The message is delivered to this address and to no other.
    NotRerouted {
        /// The recipient as it was sent.
        address: String,
        /// The recipient that a source-routing hack would deliver to.
        trick: String,
    },
    /// The last command is rejected.
    RelayingDenied,
    /// An accepted message is passed on without bare CR or LF.
    LineEndsNormalised,
    /// Nothing is delivered.
    NothingDelivered,
    /// The message is delivered at most once.
    AtMostOnce,
    /// The reply codes begin with these, one by one. An empty entry matches any code.
    ReplyCodes {
        /// Beginnings of codes; alternatives separated by `|`.
        codes: Vec<&'static str>,
        /// Verdict for any other code.
        otherwise: Verdict,
    },
    /// `@TO@` gets the message, and no recipient of the transaction before it does.
    TransactionReset,
    /// Commands sent before the TLS handshake get no reply under TLS.
    PlaintextDiscarded,
    /// Every unknown command gets a reply, or the client is turned away with one.
    EveryCommandAnswered {
        /// Number of commands.
        lines: usize,
    },
    /// A message that has passed too many hosts is not relayed further.
    LoopStopped,
}

/// How a misbehaving server acts, and how the target's reaction is judged.
#[derive(Clone, Debug, Default)]
pub struct ServerScript {
    /// Extensions in the reply to EHLO; `None`: the ordinary ones.
    pub extensions: Option<Vec<&'static str>>,
    /// Where it misbehaves, and how.
    pub misbehaviour: Vec<(ServerStage, Misbehaviour)>,
    /// In this many attempts of the target; after them it behaves.
    pub attempts: usize,
    /// The message that is submitted to the target for this server.
    pub message: TestMessage,
    /// How the target's reaction is judged.
    pub check: ServerCheck,
    /// Whether the target is configured to require TLS for this server's domain.
    pub requires_tls: bool,
    /// Whether this is the second host of its domain; the first refuses connections.
    pub second_host: bool,
}

/// Durations of the cases about timeouts. RFC 5321 gives them in minutes.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Delay of the reply to the end of data.
    pub reply_delay: Duration,
    /// Time between two octets of a slow client.
    pub octet_interval: Duration,
    /// How long a server goes on with a reply that has no end.
    pub endless_reply: Duration,
}

impl Times {
    /// For a test of a few minutes. A target with too short a timeout is found; that of any other
    /// is shown to be at least this long.
    pub const QUICK: Times = Times {
        reply_delay: Duration::from_secs(20),
        octet_interval: Duration::from_millis(250),
        endless_reply: Duration::from_secs(20),
    };

    /// The minimum timeouts of RFC 5321 §4.5.3.2: ten minutes for the reply to the end of data, five
    /// for others.
    pub const FULL: Times = Times {
        reply_delay: Duration::from_secs(595),
        octet_interval: Duration::from_secs(8),
        endless_reply: Duration::from_secs(660),
    };

    /// The longest time that a server keeps the target waiting.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.reply_delay.max(self.endless_reply)
    }
}

/// The message that makes the target connect to the misbehaving server.
#[derive(Clone, Debug)]
pub struct TestMessage {
    /// Local parts of the recipients; the case's name is put before each.
    pub recipients: Vec<String>,
    /// Parameters of MAIL.
    pub parameters: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the sender's domain is at the misbehaving server, too.
    pub sender_at_server: bool,
    /// Whether a second message, for a compliant server, is submitted as soon as the target has
    /// connected with this one.
    pub companion: bool,
}

impl Default for TestMessage {
    fn default() -> TestMessage {
        TestMessage {
            recipients: vec!["to".to_owned()],
            parameters: "",
            body: b"An ordinary body.\r\n".to_vec(),
            sender_at_server: false,
            companion: false,
        }
    }
}

/// Where in the dialogue a server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerStage {
    /// Instead of the banner.
    Banner,
    /// In the reply to EHLO.
    Ehlo,
    /// In the reply to STARTTLS.
    StartTls,
    /// In the reply to MAIL.
    Mail,
    /// In the reply to RCPT, for recipients whose address contains this.
    Rcpt(&'static str),
    /// In the reply to DATA.
    Data,
    /// After the first octets of content.
    Content,
    /// In the reply to the end of data.
    EndOfData,
}

/// What a server does instead of the ordinary reply.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// Sends this and continues as after the ordinary reply.
    Reply(Vec<u8>),
    /// Sends this reply, which rejects the command.
    Reject(&'static str),
    /// Sends this reply and closes the connection.
    ReplyAndClose(&'static str),
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Closes its sending half and continues to read.
    HalfClose,
    /// Waits before the ordinary reply.
    Delay(Duration),
    /// Sends a reply without end, then closes.
    EndlessReply {
        /// Sent once.
        first: &'static str,
        /// Sent again and again after it.
        repeated: Vec<u8>,
        /// Pause after each piece.
        interval: Duration,
        /// How long at most.
        length: Duration,
    },
    /// Accepts STARTTLS, then sends something that is not a TLS handshake.
    InvalidHandshake,
    /// Accepts STARTTLS and sends this plaintext in the same segment.
    InjectPlaintext(&'static str),
    /// Presents a bad certificate.
    BadCertificate(crate::fault::tls::TlsFault),
}

/// How the target's reaction to a misbehaving server is judged.
#[derive(Clone, Debug, Default)]
pub enum ServerCheck {
    /// The message is delivered in the end, once, and does not bounce.
    #[default]
    Delivered,
    /// The message is delivered and does not bounce, even after several attempts: the reply was
    /// valid.
    DeliveredAtOnce,
    /// The reply is not treated as success: the message is retried or bounces.
    NotASuccess,
    /// The reply is treated as success or the message is retried; it does not bounce.
    SuccessOrRetry,
    /// The message is delivered to the second host of the domain.
    NextHost,
    /// Nothing is sent without TLS, and nothing bounces at once.
    OnlyUnderTls,
    /// Other mail is delivered while this server keeps the target waiting, and the target gives up
    /// on the server.
    OtherMailContinues,
    /// A bounce that is rejected causes no further bounce.
    NoBounceOfBounce,
    /// The target waits at least this long for the reply.
    WaitsForReply(Duration),
    /// Rejected recipients bounce once, deferred ones are retried alone, the others get the message
    /// once.
    PerRecipient,
    /// The message bounces exactly once.
    BouncedOnce,
    /// The target sends EHLO after the handshake and waits for the reply to it.
    EhloAfterTls,
    /// No octets above 127 are sent to a server that does not offer 8BITMIME.
    SevenBit,
    /// No internationalized address is sent to a server that does not offer SMTPUTF8, nor is it
    /// replaced by another.
    AsciiAddress,
}
