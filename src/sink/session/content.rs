//! Content and its final dot: from 354 to the reply that makes the sink responsible.
//!
//! A rule at stage content that defers or rejects answers when the content is whole, as one at
//! end-of-data does, because a reply in its midst would be read as the reply to the dot; the
//! attempt is recorded at stage content.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Ended, Session};
use crate::clock::Time;
use crate::fault::judge::Effect;
use crate::fault::rule::Hangup;
use crate::ledger::event::{AttemptOutcome, Ending};
use crate::limits;
use crate::sink::addressee::Addressee;
use crate::sink::incoming::Incoming;
use crate::sink::record::Conclusion;
use crate::smtp::content::Unstuffer;
use crate::smtp::dialogue::Turn;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// A break that a rule wants in mid-content.
struct Cut {
    rule: u16,
    how: Hangup,
    after_bytes: u64,
}

impl Session {
    /// Takes one content and answers it.
    pub(super) async fn content(&mut self) -> ControlFlow<Ended, ()> {
        self.stage = Stage::Content;
        let mut verdict = self.judge_transaction(Stage::Content);
        let (mut cut, mut promised) = (None, None);
        verdict.decided = verdict.decided.and_then(|(rule, effect)| match effect {
            Effect::Disconnect { how, after_bytes } => {
                cut = Some(Cut { rule, how, after_bytes });
                None
            }
            Effect::Reply(reply) => {
                promised = Some((reply, rule)).filter(|(reply, _)| !reply.is_positive());
                None
            }
            other => Some((rule, other)),
        });
        // Only what waits or breaks at once is left to enact; the reply is not needed.
        self.enact(verdict, Reply::new(354, None, "")).await?;
        self.take_in(cut).await?;
        let dot = self.shared.clock.now();
        match promised {
            Some((reply, rule)) => {
                self.recorder.struck(rule);
                self.answer_content(reply, Some(rule)).await
            }
            None => self.end_of_data(dot).await,
        }
    }

    /// Reads to the final dot, or to the byte at which a rule breaks off.
    async fn take_in(&mut self, cut: Option<Cut>) -> ControlFlow<Ended, ()> {
        let Some(transaction) = &self.transaction else { return ControlFlow::Continue(()) };
        let mut incoming = Incoming::of(transaction);
        let mut unstuffer = Unstuffer::default();
        let mut left = cut
            .as_ref()
            .map_or(usize::MAX, |cut| usize::try_from(cut.after_bytes).unwrap_or(usize::MAX));
        loop {
            let unread = self.wire.unread();
            let piece = &unread[..unread.len().min(left)];
            let (used, ended) = unstuffer.feed(piece, |text| incoming.feed(text));
            self.wire.used(used);
            left -= used;
            if ended {
                break;
            }
            if let Some(cut) = cut.as_ref().filter(|_| left == 0) {
                self.fault = Some(cut.rule);
                self.recorder.struck(cut.rule);
                return self.break_off(cut.how).await;
            }
            if incoming.bytes() > 2 * limits::MESSAGE_SIZE {
                // It was to be told 552 at its end; it has none.
                self.recorder.limit("MESSAGE_SIZE", incoming.bytes());
                return self.break_off(Hangup::Fin).await;
            }
            self.wire.read(left).await?;
        }
        self.whole = Some(incoming.whole(self.shared.next_reception()));
        ControlFlow::Continue(())
    }

    async fn end_of_data(&mut self, dot: Time) -> ControlFlow<Ended, ()> {
        self.stage = Stage::EndOfData;
        let size = self.whole.as_ref().map_or(0, |whole| whole.bytes);
        let turn = Turn::EndOfData { size };
        let ordinary = self.dialogue.answer(&turn);
        if size > limits::MESSAGE_SIZE {
            self.recorder.limit("MESSAGE_SIZE", size);
        }
        let verdict = self.judge_turn(&turn, &ordinary);
        let enacting = self.shared.clock.now();
        let (reply, rule) = self.enact(verdict, ordinary).await?;
        let injected = self.shared.clock.now().since(enacting);
        self.answer_content(reply, rule).await?;
        self.processed(dot, injected);
        ControlFlow::Continue(())
    }

    fn processed(&self, dot: Time, injected: Duration) {
        let took = self.shared.clock.now().since(dot);
        self.shared.processed(took.saturating_sub(injected));
    }

    /// Records the outcome, on disk, and only then says so: were it the other way round, a kill
    /// of this process between the two would look like a loss of the target's.
    async fn answer_content(&mut self, reply: Reply, rule: Option<u16>) -> ControlFlow<Ended, ()> {
        // One that said QUIT and ended its half of the connection may still be listening.
        if reply.is_positive()
            && let Some(ended) = self.wire.peer_left()
            && (ended.is_reset() || self.wire.unread().is_empty())
        {
            return ControlFlow::Break(ended);
        }
        let reception = self.whole.as_ref().map(|whole| whole.reception);
        self.record_content(&reply, rule);
        self.shared.ledger.persist().await;
        self.wire.reply(&reply).await?;
        // A QUIT sent with the dot is answered in one write with it: a peer that closes on the
        // first reply would reset the connection over the second, and prove nothing.
        if self.wire.unread().is_empty() {
            self.wire.flush().await?;
        }
        self.unconfirmed = reception.filter(|_| reply.is_positive());
        self.wire.forget_reads();
        self.dialogue.settle(Turn::EndOfData { size: 0 }, &reply);
        if reply.code == 421 {
            return ControlFlow::Break(Ended::by_us(Ending::Fault));
        }
        ControlFlow::Continue(())
    }

    fn record_content(&mut self, reply: &Reply, fault: Option<u16>) {
        let now = self.shared.clock.now();
        let mut conclusion = Conclusion::by_reply(now, self.stage, reply);
        conclusion.fault = fault;
        let kept = self.whole.as_mut().map(|whole| std::mem::take(&mut whole.kept));
        conclusion.describe(self.whole.take());
        let Some(transaction) = self.transaction.take() else { return };
        for recipient in &transaction.recipients {
            self.recorder.attempt(recipient, &conclusion);
        }
        if conclusion.outcome == AttemptOutcome::Taken {
            for recipient in &transaction.recipients {
                match recipient.addressee {
                    Addressee::Probe(..) => {}
                    Addressee::Preflight(probe) => self.shared.preflight(probe),
                    Addressee::Bounce => {
                        let text = kept.as_deref().unwrap_or_default();
                        self.recorder.dsn(&transaction.reverse_path, &recipient.address, text);
                    }
                    Addressee::Stranger(_) => {
                        self.recorder.foreign(now, &transaction.reverse_path, &recipient.address)
                    }
                }
            }
        }
        self.end_transaction();
    }
}
