//! Content and its final dot: from 354 to the reply that makes the sink responsible.
//!
//! A rule at stage content that defers or rejects answers when the content is whole, as one at
//! end-of-data does, because a reply in its midst would be read as the reply to the dot; the
//! attempt is recorded at stage content.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::enact::Answer;
use super::{Ended, Session};
use crate::clock::Time;
use crate::fault::judge::Effect;
use crate::fault::rule::{Garble, Hangup};
use crate::ledger::event::{AttemptOutcome, Ending};
use crate::limits;
use crate::sink::attribution::Attribution;
use crate::sink::incoming::Incoming;
use crate::sink::record::Conclusion;
use crate::sink::transaction::{Recipient, Transaction};
use crate::smtp::content::Unstuffer;
use crate::smtp::dialogue::Turn;
use crate::smtp::reply::{EnhancedStatus, Reply};
use crate::smtp::stage::Stage;

/// A break that a rule wants in mid-content.
pub(super) struct Cut {
    rule: u16,
    how: Hangup,
    after_bytes: u64,
}

/// A reply a rule wants when the content is whole.
pub(super) type Promise = (Reply, u16);

impl Cut {
    /// Bytes until it strikes.
    pub(super) fn left(&self, seen: u64) -> u64 {
        self.after_bytes.saturating_sub(seen)
    }
}

impl Session {
    /// Takes one content and answers it.
    pub(super) async fn content(&mut self) -> ControlFlow<Ended, ()> {
        let (cut, promised) = self.begin_content().await?;
        self.take_in(cut).await?;
        self.answer_whole(promised).await
    }

    /// What rules at stage content want: a break in its midst, and a reply when it is whole.
    pub(super) async fn begin_content(
        &mut self,
    ) -> ControlFlow<Ended, (Option<Cut>, Option<Promise>)> {
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
        ControlFlow::Continue((cut, promised))
    }

    /// Answers content that was seen whole just now.
    pub(super) async fn answer_whole(
        &mut self,
        promised: Option<Promise>,
    ) -> ControlFlow<Ended, ()> {
        let dot = self.shared.clock.now();
        if let Some(rule) = self.without_recipient() {
            return self.pass_over(rule).await;
        }
        match promised {
            Some((reply, rule)) => {
                self.recorder.struck(rule);
                let answer = Answer { reply, rule: Some(rule), garbled: None, tls: None };
                self.answer_content(answer).await
            }
            None => self.end_of_data(dot).await,
        }
    }

    /// The rule after whose unclear reply nothing but a dot came: a peer that took it for a refusal
    /// of all recipients ends so what it had begun already (RFC 2920 §3.1).
    fn without_recipient(&self) -> Option<u16> {
        let is_empty = self.whole.as_ref().is_some_and(|whole| whole.bytes == 0);
        self.transaction.as_ref()?.unclear.filter(|_| is_empty)
    }

    async fn pass_over(&mut self, rule: u16) -> ControlFlow<Ended, ()> {
        self.whole = None;
        self.abandon(Some(rule));
        let status = EnhancedStatus { class: 5, subject: 5, detail: 1 };
        let reply = Reply::new(554, Some(status), "No mail, then");
        self.say(&reply, None).await?;
        self.dialogue.settle(Turn::EndOfData { size: 0 }, &reply);
        ControlFlow::Continue(())
    }

    /// Breaks off in mid-content, as a rule says.
    pub(super) async fn cut_content(&mut self, cut: Option<Cut>) -> ControlFlow<Ended, ()> {
        let Some(cut) = cut else { return ControlFlow::Continue(()) };
        self.fault = Some(cut.rule);
        self.recorder.struck(cut.rule);
        self.break_off(cut.how).await
    }

    /// Reads to the final dot, or to the byte at which a rule breaks off.
    async fn take_in(&mut self, cut: Option<Cut>) -> ControlFlow<Ended, ()> {
        let Some(transaction) = &self.transaction else { return ControlFlow::Continue(()) };
        let mut incoming = Incoming::of(transaction, &self.shared.directory);
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
            if left == 0 && cut.is_some() {
                return self.cut_content(cut).await;
            }
            if incoming.bytes() > 2 * limits::MESSAGE_SIZE {
                // It should get 552 at its end; it has none.
                self.recorder.limit("MESSAGE_SIZE", incoming.bytes());
                return self.break_off(Hangup::Fin).await;
            }
            self.wire.read(left).await?;
        }
        self.content_is_whole(incoming).await;
        ControlFlow::Continue(())
    }

    /// The final dot, or the last chunk, has come: says what the content was.
    pub(super) async fn content_is_whole(&mut self, incoming: Incoming) {
        let received = incoming.end(&self.shared.directory);
        let (reception, shared) = (self.shared.next_reception(), Arc::clone(&self.shared));
        let sender = self.transaction.as_ref().and_then(|open| open.origin.message());
        let long = received.is_long_work();
        let examine = move || received.whole(reception, shared.plan.as_ref(), sender);
        self.whole = match long {
            true => tokio::task::spawn_blocking(examine).await.ok(),
            false => Some(examine()),
        };
        if let Some(whole) = &self.whole {
            self.recorder.differences(whole);
        }
    }

    async fn end_of_data(&mut self, dot: Time) -> ControlFlow<Ended, ()> {
        self.stage = Stage::EndOfData;
        let size = self.whole.as_ref().map_or(0, |whole| whole.bytes);
        let turn = Turn::EndOfData { size };
        let ordinary = self.dialogue.answer(&turn);
        if size > limits::MESSAGE_SIZE {
            self.recorder.limit("MESSAGE_SIZE", size);
        }
        if self.dialogue.is_lmtp() {
            return self.answer_each(ordinary, dot).await;
        }
        let verdict = self.judge_turn(&turn, &ordinary);
        let enacting = self.shared.clock.now();
        let answer = self.enact(verdict, ordinary).await?;
        let injected = self.shared.clock.now().since(enacting);
        self.answer_content(answer).await?;
        self.processed(dot, injected);
        ControlFlow::Continue(())
    }

    pub(super) fn processed(&self, dot: Time, injected: Duration) {
        let took = self.shared.clock.now().since(dot);
        self.shared.processed(took.saturating_sub(injected));
    }

    /// One that said QUIT and ended its half of the connection may still be listening.
    pub(super) fn check_there(&mut self, reply: &Reply) -> ControlFlow<Ended, ()> {
        if reply.is_positive()
            && let Some(ended) = self.wire.peer_left()
            && (ended.is_reset() || self.wire.unread().is_empty())
        {
            return ControlFlow::Break(ended);
        }
        ControlFlow::Continue(())
    }

    /// Records the outcome, on disk, and only then says so: were it the other way round, a kill
    /// of this process between the two would look like a loss of the target's.
    async fn answer_content(&mut self, answer: Answer) -> ControlFlow<Ended, ()> {
        let Answer { reply, rule, garbled, .. } = answer;
        self.check_there(&reply)?;
        let conclusion = self.content_conclusion(&reply, rule, garbled);
        let reception = self.whole.as_ref().map(|whole| whole.reception);
        let taken = conclusion.outcome == AttemptOutcome::Taken;
        self.record_content(conclusion);
        if !self.shared.ledger.persist().await {
            self.refuse_unrecorded().await?;
            self.dialogue.settle(Turn::EndOfData { size: 0 }, &reply);
            return ControlFlow::Continue(());
        }
        self.say(&reply, garbled).await?;
        // A QUIT sent with the dot is answered in one write with it: a peer that closes on the
        // first reply would reset the connection over the second, and prove nothing.
        if self.wire.unread().is_empty() {
            self.wire.flush().await?;
        }
        self.unconfirmed = reception.filter(|_| taken);
        self.wire.forget_reads();
        self.dialogue.settle(Turn::EndOfData { size: 0 }, &reply);
        if reply.code == 421 {
            return ControlFlow::Break(Ended::by_us(Ending::Fault));
        }
        ControlFlow::Continue(())
    }

    /// What cannot be recorded is not taken: the peer keeps it.
    pub(super) async fn refuse_unrecorded(&mut self) -> ControlFlow<Ended, ()> {
        let status = EnhancedStatus { class: 4, subject: 3, detail: 0 };
        let reply = Reply::new(451, Some(status), "Local error: the journal cannot be written");
        self.say(&reply, None).await?;
        self.wire.flush().await
    }

    /// What a reply to the content concludes. One that need not be understood is as good as
    /// withheld: whether the peer took it for a 250 cannot be known.
    pub(super) fn content_conclusion(
        &self,
        reply: &Reply,
        rule: Option<u16>,
        garbled: Option<(Garble, u16)>,
    ) -> Conclusion {
        let now = self.shared.clock.now();
        let fault = rule.or(garbled.map(|(_, rule)| rule));
        let unclear = garbled.filter(|(form, _)| reply.is_positive() && !form.is_plain());
        match unclear {
            Some(_) => Conclusion {
                fault,
                ..Conclusion::silent(now, self.stage, AttemptOutcome::Withheld)
            },
            None => Conclusion { fault, ..Conclusion::by_reply(now, self.stage, reply) },
        }
    }

    fn record_content(&mut self, mut conclusion: Conclusion) {
        conclusion.describe(self.whole.clone());
        let Some(transaction) = self.transaction.take() else { return };
        for recipient in &transaction.recipients {
            self.conclude_content_of(&transaction, recipient, &conclusion);
        }
        self.end_transaction();
    }

    /// Records what the content came to for one recipient of the transaction under way.
    pub(super) fn conclude_content(&mut self, recipient: &Recipient, conclusion: &Conclusion) {
        let Some(transaction) = self.transaction.take() else { return };
        self.conclude_content_of(&transaction, recipient, conclusion);
        self.transaction = Some(transaction);
    }

    fn conclude_content_of(
        &mut self,
        transaction: &Transaction,
        recipient: &Recipient,
        conclusion: &Conclusion,
    ) {
        let amounts_to = self.recorder.attempt(transaction.sender(), recipient, conclusion);
        if amounts_to == Attribution::Returned {
            let text = self.whole.as_ref().map_or(&[][..], |whole| &whole.kept);
            self.recorder.returned(&transaction.reverse_path, recipient, text);
        }
    }
}
