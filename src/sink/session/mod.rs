//! One session at the sink: read, dialogue, judge, enact, record.
//!
//! All it knows stands in [`Session`], never only in a future, so that however a session ends,
//! [`Session::close`] can say what became of every recipient still open.

mod chunks;
mod content;
mod each;
mod enact;
mod judge;
mod secure;
mod turn;

use std::convert::Infallible;
use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::addressee::Origin;
use super::grammar::Grammar;
use super::incoming::Whole;
use super::record::{Conclusion, Recorder};
use super::shared::Shared;
use super::transaction::{Recipient, Transaction};
use super::wire::{Input, Wire};
use crate::fault::rule::{Hangup, TlsFault};
use crate::ledger::event::{AttemptOutcome, Ending, Proof, SessionChange};
use crate::limits;
use crate::probe::{DestinationId, MessageId};
use crate::smtp::command::{Command, Flaw};
use crate::smtp::dialogue::{Dialogue, Next, Turn};
use crate::smtp::reply::{EnhancedStatus, Reply};
use crate::smtp::stage::Stage;
use crate::smtp::stream::Stream;
use chunks::Chunks;
use enact::Answer;

/// How a session ended, and how its connection is to be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    how: Ending,
    hangup: Hangup,
}

impl Ended {
    pub(super) fn by_peer(how: Ending) -> Ended {
        Ended { how, hangup: Hangup::Fin }
    }

    fn is_reset(self) -> bool {
        self.how == Ending::PeerRst
    }

    pub(super) fn by_us(how: Ending) -> Ended {
        Ended { how, hangup: Hangup::Fin }
    }
}

/// By which port a session came in.
pub(super) struct Entrance {
    /// Ordinal of the session.
    pub(super) number: u64,
    /// Whose port it is; `None`: that of all destinations.
    pub(super) destination: Option<DestinationId>,
    /// The rule that closes the port.
    pub(super) closed_by: watch::Receiver<Option<u16>>,
}

impl Entrance {
    /// Waits until a rule closes the port.
    async fn closed(mut self) -> u16 {
        match self.closed_by.wait_for(Option::is_some).await.map(|rule| *rule) {
            Ok(Some(rule)) => rule,
            // The sink is being stopped, which the session learns otherwise.
            _ => pending().await,
        }
    }
}

/// What MAIL opens is of this run, or nothing is opened.
const OPENING: Origin = Origin::Run(MessageId(0));

/// Everything one session knows.
pub(super) struct Session {
    shared: Arc<Shared>,
    /// The destination whose port it came to.
    destination: Option<DestinationId>,
    wire: Wire,
    recorder: Recorder,
    grammar: Grammar,
    dialogue: Dialogue,
    stage: Stage,
    /// Whether it was let in, and the reply by which it was not.
    let_in: bool,
    turned_away_by: Option<Reply>,
    transaction: Option<Transaction>,
    /// MAIL is being answered for this message.
    opening: Option<Recipient>,
    /// Content seen whole and not answered.
    whole: Option<Whole>,
    /// What BDAT has brought so far.
    chunks: Option<Box<Chunks>>,
    /// What is to be wrong with the TLS that begins next.
    tls_fault: Option<TlsFault>,
    /// A reception whose 250 the peer may not have read.
    unconfirmed: Option<u64>,
    /// The rule that is being enacted.
    fault: Option<u16>,
    /// The throttle that outlasts the transaction.
    lasting_throttle: Option<f64>,
}

/// Serves one connection from accept to close.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream, entrance: Entrance) {
    let stop = shared.stop.clone();
    let mut session = Session::new(shared, stream, &entrance);
    let ended = tokio::select! {
        ended = session.run() => match ended { ControlFlow::Break(ended) => ended },
        rule = entrance.closed() => tokio::select! {
            ended = session.cut(rule) => ended,
            () = stop.cancelled() => session.stopped().await,
        },
        () = stop.cancelled() => session.stopped().await,
    };
    session.close(ended).await;
}

impl Session {
    fn new(shared: Arc<Shared>, stream: TcpStream, entrance: &Entrance) -> Session {
        Session {
            destination: entrance.destination,
            wire: Wire::new(Stream::Plain(stream), shared.clock, shared.patience),
            recorder: Recorder::new(Arc::clone(&shared), entrance.number),
            grammar: Grammar::new(shared.engine),
            dialogue: Dialogue::new(shared.terms(entrance.destination)),
            stage: Stage::Connect,
            let_in: false,
            turned_away_by: None,
            transaction: None,
            opening: None,
            whole: None,
            chunks: None,
            tls_fault: None,
            unconfirmed: None,
            fault: None,
            lasting_throttle: None,
            shared,
        }
    }

    async fn run(&mut self) -> ControlFlow<Ended, Infallible> {
        self.enter().await?;
        self.turn(Turn::Greeting).await?;
        loop {
            let command = self.hear().await?;
            if let Command::Bdat { size, last } = command {
                self.chunk(size, last).await?;
                continue;
            }
            match self.turn(Turn::Command(command)).await? {
                Next::Content => self.content().await?,
                Next::Handshake => self.handshake().await?,
                Next::Answer => self.log_in().await?,
                Next::Command | Next::Close => {}
            }
        }
    }

    /// An AUTH exchange, to its end.
    async fn log_in(&mut self) -> ControlFlow<Ended, ()> {
        loop {
            let received = self.wire.line(<[u8]>::to_vec).await?;
            let line = match received {
                Input::Line(line) => line,
                Input::TooLong | Input::Endless => Vec::new(),
            };
            if self.turn(Turn::Answer(line)).await? != Next::Answer {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Stage connect: the session is let in or turned away.
    async fn enter(&mut self) -> ControlFlow<Ended, ()> {
        let verdict = self.judge_session(Stage::Connect);
        let welcome = Reply::new(220, None, "");
        let Answer { reply, rule, .. } = self.enact(verdict, welcome).await?;
        if !reply.is_positive() {
            self.fault = rule;
            self.wire.reply(&reply).await?;
            self.turned_away_by = Some(reply);
            return ControlFlow::Break(Ended::by_us(Ending::Fault));
        }
        self.let_in = true;
        self.recorder.changed(SessionChange::Opened);
        if self.shared.implicit_tls {
            self.begin_secure().await?;
        }
        ControlFlow::Continue(())
    }

    /// Reads the next command; that it came may prove that the last reply was read.
    async fn hear(&mut self) -> ControlFlow<Ended, Command> {
        let grammar = &self.grammar;
        let received = self.wire.line(|line| grammar.read(line)).await?;
        self.proved_read();
        ControlFlow::Continue(match received {
            Input::Line(command) => command,
            Input::TooLong => {
                self.recorder.limit("COMMAND_LINE", limits::COMMAND_LINE as u64);
                Command::Malformed(Flaw::TooLong)
            }
            Input::Endless => {
                self.recorder.limit("LINE_DISCARDED", limits::LINE_DISCARDED as u64);
                return self.break_off(Hangup::Fin).await;
            }
        })
    }

    /// What was read since the last 250 proves that the peer has read that.
    fn proved_read(&mut self) {
        if self.wire.has_read()
            && let Some(reception) = self.unconfirmed.take()
        {
            self.recorder.confirmed(reception, Proof::Command);
        }
    }

    /// The port was closed: the connection is reset. But where nothing is open except whether the
    /// peer has read the last 250, a reset would hide that for good, so only our half is closed
    /// and the peer's next action awaited.
    async fn cut(&mut self, rule: u16) -> Ended {
        self.fault = Some(rule);
        if self.transaction.is_none()
            && let Some(reception) = self.unconfirmed
        {
            if let ControlFlow::Break(ended) = self.wire.take_leave().await {
                return ended;
            }
            self.unconfirmed = None;
            self.recorder.confirmed(reception, Proof::Command);
        }
        Ended { how: Ending::Fault, hangup: Hangup::Rst }
    }

    /// The sink is stopped. What the peer had done before that still counts: at the end of a run
    /// the target goes first, and its last act proves that it has read the last 250.
    async fn stopped(&mut self) -> Ended {
        // Lets the runtime see what the kernel holds.
        tokio::task::yield_now().await;
        let left = self.wire.peer_left();
        self.proved_read();
        left.unwrap_or(Ended::by_us(Ending::Shutdown))
    }

    /// Ends the session: says what became of whatever was open, then breaks the connection.
    async fn close(mut self, ended: Ended) {
        self.conclude_open(ended.how);
        if self.let_in {
            self.recorder.closed(self.stage, ended.how);
        } else {
            let (fault, reply) = (self.fault, self.turned_away_by.take().map(Reply::shortened));
            self.recorder.changed(SessionChange::TurnedAway { fault, reply });
        }
        self.shared.dismiss(self.recorder.session());
        if ended.how == Ending::Shutdown {
            return;
        }
        if ended.how == Ending::TimedOut {
            self.recorder.limit("SERVER_IDLE", self.shared.patience.as_secs());
            let status = EnhancedStatus { class: 4, subject: 4, detail: 2 };
            let farewell = Reply::new(421, Some(status), "Waited too long");
            let _peer_may_be_gone = self.wire.reply(&farewell).await;
        }
        let stop = self.shared.stop.clone();
        // QUIT may have been sent with the final dot (RFC 2920), before the reply to that could
        // be read; but a peer that had not read it would have reset the connection.
        let unconfirmed = self.unconfirmed.filter(|_| ended.how == Ending::Quit);
        let left_in_order = tokio::select! {
            left = self.wire.hang_up(ended.hangup, unconfirmed.is_some()) => left,
            () = stop.cancelled() => false,
        };
        if left_in_order && let Some(reception) = unconfirmed {
            self.recorder.confirmed(reception, Proof::Fin);
        }
    }

    /// Concludes every attempt still open: withheld where the content was seen whole, else broken.
    fn conclude_open(&mut self, how: Ending) {
        let now = self.shared.clock.now();
        if let Some(opening) = self.opening.take() {
            self.shared.attempts.count(opening.subject);
            let broken = Conclusion::silent(now, self.stage, AttemptOutcome::Broken);
            let broken = Conclusion { fault: self.fault, ..broken };
            self.recorder.attempt((OPENING, ""), &opening, &broken);
        }
        let Some(transaction) = self.transaction.take() else {
            if how == Ending::PeerFin
                && let Some(reception) = self.unconfirmed.take()
            {
                self.recorder.confirmed(reception, Proof::Fin);
            }
            return;
        };
        let outcome = match self.whole {
            Some(_) => AttemptOutcome::Withheld,
            None => AttemptOutcome::Broken,
        };
        let mut conclusion = Conclusion::silent(now, self.stage, outcome);
        conclusion.fault = self.fault;
        conclusion.describe(self.whole.take());
        for recipient in &transaction.recipients {
            self.recorder.attempt(transaction.sender(), recipient, &conclusion);
        }
        self.shared.ledger.flush();
    }
}
