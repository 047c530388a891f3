//! The replies of LMTP to content: one for each recipient, in their order (RFC 2033 §4.2).
//!
//! Each is judged, enacted and recorded by itself. What breaks the connection at one leaves those
//! after it without a reply.

use std::ops::ControlFlow;

use super::enact::Answer;
use super::{Ended, Session};
use crate::clock::Time;
use crate::fault::judge::Verdict;
use crate::ledger::event::Ending;
use crate::sink::transaction::Recipient;
use crate::smtp::dialogue::Turn;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

impl Session {
    /// Answers the content for every recipient.
    pub(super) async fn answer_each(
        &mut self,
        ordinary: Reply,
        dot: Time,
    ) -> ControlFlow<Ended, ()> {
        self.stage = Stage::EndOfData;
        self.wire.forget_reads();
        while let Some(recipient) = self.first_recipient() {
            let verdict = match recipient.addressee.is_exempt() || !ordinary.is_positive() {
                true => Verdict::default(),
                false => self.judge_recipient(&recipient),
            };
            let Answer { reply, rule, garbled, .. } = self.enact(verdict, ordinary.clone()).await?;
            self.check_there(&reply)?;
            let mut conclusion = self.content_conclusion(&reply, rule, garbled);
            conclusion.describe(self.whole.clone());
            self.conclude_content(&recipient, &conclusion);
            if let Some(open) = &mut self.transaction {
                open.recipients.remove(0);
            }
            if !self.shared.ledger.persist().await {
                self.refuse_unrecorded().await?;
                continue;
            }
            self.say(&reply, garbled).await?;
            if reply.is_positive() {
                self.unconfirmed = self.whole.as_ref().map(|whole| whole.reception);
            }
            if reply.code == 421 {
                return ControlFlow::Break(Ended::by_us(Ending::Fault));
            }
        }
        self.end_transaction();
        self.dialogue.settle(Turn::EndOfData { size: 0 }, &ordinary);
        self.wire.flush().await?;
        self.wire.forget_reads();
        self.processed(dot, std::time::Duration::ZERO);
        ControlFlow::Continue(())
    }

    fn first_recipient(&self) -> Option<Recipient> {
        self.transaction.as_ref().and_then(|open| open.recipients.first()).cloned()
    }
}
