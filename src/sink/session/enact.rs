//! Enact: does what a verdict says, or comes back with the reply to send.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Ended, Session};
use crate::fault::judge::{Effect, Verdict};
use crate::fault::rule::{Garble, Hangup, TlsFault};
use crate::ledger::event::Ending;
use crate::smtp::reply::Reply;

/// What is to be sent.
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// The rule that chose the reply.
    pub(super) rule: Option<u16>,
    /// The form it is to be given, and the rule that says so.
    pub(super) garbled: Option<(Garble, u16)>,
    /// What is wrong with TLS.
    pub(super) tls: Option<TlsFault>,
}

impl Answer {
    fn ordinary(reply: Reply) -> Answer {
        Answer { reply, rule: None, garbled: None, tls: None }
    }
}

impl Session {
    /// Waits, slows down, breaks, stalls, or says what is to be sent. A positive reply of a rule (in a script) lets the ordinary one through, so that no
    /// fault takes away an extension or a 354.
    pub(super) async fn enact(
        &mut self,
        verdict: Verdict,
        ordinary: Reply,
    ) -> ControlFlow<Ended, Answer> {
        if let Some((_, bytes_per_second)) = verdict.throttle {
            self.slow_down(bytes_per_second);
        }
        self.fault = verdict.rule();
        verdict.striking().for_each(|rule| self.recorder.struck(rule));
        if verdict.delay > Duration::ZERO {
            self.wire.wait(verdict.delay).await?;
        }
        let answer = match verdict.decided {
            None => Answer::ordinary(ordinary),
            Some((_, Effect::Reply(reply))) if reply.is_positive() => Answer::ordinary(ordinary),
            Some((rule, Effect::Reply(reply))) => {
                Answer { rule: Some(rule), ..Answer::ordinary(reply) }
            }
            Some((rule, Effect::Garble(form))) => {
                Answer { garbled: Some((form, rule)), ..Answer::ordinary(ordinary) }
            }
            Some((_, Effect::Tls(fault))) => {
                Answer { tls: Some(fault), ..Answer::ordinary(ordinary) }
            }
            Some((_, Effect::Disconnect { how, .. })) => return self.break_off(how).await,
            Some((_, Effect::Refuse)) => return self.break_off(Hangup::Rst).await,
            Some((_, Effect::Stall(length))) => {
                self.wire.wait(length).await?;
                return self.break_off(Hangup::Fin).await;
            }
        };
        self.fault = None;
        ControlFlow::Continue(answer)
    }

    /// Sends a reply, in the form it is to be given. One that never ends is followed by silence.
    pub(super) async fn say(
        &mut self,
        reply: &Reply,
        garbled: Option<(Garble, u16)>,
    ) -> ControlFlow<Ended, ()> {
        let Some((form, rule)) = garbled else { return self.wire.reply(reply).await };
        self.fault = Some(rule);
        self.wire.pieces(form.pieces(reply)).await?;
        if form == Garble::NoLastLine {
            self.wire.wait(self.shared.patience).await?;
            return self.break_off(Hangup::Fin).await;
        }
        ControlFlow::Continue(())
    }

    /// Breaks the connection after the replies to earlier commands are out.
    pub(super) async fn break_off<T>(&mut self, hangup: Hangup) -> ControlFlow<Ended, T> {
        self.wire.flush().await?;
        ControlFlow::Break(Ended { how: Ending::Fault, hangup })
    }

    /// Reads more slowly from here on: to the end of the transaction, or of the session when
    /// there is none.
    fn slow_down(&mut self, bytes_per_second: f64) {
        let least = self.wire.throttled().map_or(bytes_per_second, |now| now.min(bytes_per_second));
        self.wire.throttle(Some(least));
        if self.transaction.is_none() {
            self.lasting_throttle = Some(least);
        }
    }

    /// The transaction is over, and with it the throttle it had.
    pub(super) fn end_transaction(&mut self) {
        self.transaction = None;
        self.whole = None;
        self.chunks = None;
        if self.wire.throttled() != self.lasting_throttle {
            self.wire.throttle(self.lasting_throttle);
        }
    }
}
