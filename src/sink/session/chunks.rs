//! Content in chunks (BDAT, RFC 3030): a command, so many octets, and only then a reply.
//!
//! To a rule the first chunk is DATA too: what would be answered to DATA is answered to it.

use std::ops::ControlFlow;

use super::content::{Cut, Promise};
use super::enact::Answer;
use super::{Ended, Session};
use crate::fault::rule::Hangup;
use crate::limits;
use crate::sink::incoming::Incoming;
use crate::smtp::command::Command;
use crate::smtp::dialogue::{Next, Turn};
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

/// What BDAT has brought so far in a transaction.
pub(super) struct Chunks {
    incoming: Incoming,
    cut: Option<Cut>,
    promised: Option<Promise>,
}

impl Session {
    /// One chunk; the last one is answered as a final dot is.
    pub(super) async fn chunk(&mut self, size: u64, last: bool) -> ControlFlow<Ended, ()> {
        let turn = Turn::Command(Command::Bdat { size, last });
        let ordinary = self.dialogue.answer(&turn);
        if ordinary.code == 502 {
            // One who was not offered it does not know that octets follow.
            return self.wire.reply(&ordinary).await;
        }
        if !ordinary.is_positive() {
            return self.refuse_chunk(turn, size, &ordinary, None).await;
        }
        if self.chunks.is_none() {
            self.stage = Stage::Data;
            let verdict = self.judge_transaction(Stage::Data);
            let Answer { reply, rule, .. } = self.enact(verdict, ordinary.clone()).await?;
            if !reply.is_positive() {
                return self.refuse_chunk(turn, size, &reply, rule).await;
            }
            self.begin_chunks().await?;
        }
        self.take_chunk(size).await?;
        if !last {
            self.wire.reply(&ordinary).await?;
            self.dialogue.settle(turn, &ordinary);
            return ControlFlow::Continue(());
        }
        let Some(chunks) = self.chunks.take() else { return ControlFlow::Continue(()) };
        let Chunks { incoming, promised, .. } = *chunks;
        self.content_is_whole(incoming).await;
        self.answer_whole(promised).await
    }

    async fn begin_chunks(&mut self) -> ControlFlow<Ended, ()> {
        let (cut, promised) = self.begin_content().await?;
        let Some(transaction) = &self.transaction else { return ControlFlow::Continue(()) };
        let incoming = Incoming::of(transaction, &self.shared.directory);
        self.chunks = Some(Box::new(Chunks { incoming, cut, promised }));
        ControlFlow::Continue(())
    }

    async fn take_chunk(&mut self, size: u64) -> ControlFlow<Ended, ()> {
        self.stage = Stage::Content;
        let mut left = size;
        while left > 0 {
            let Some(chunks) = &mut self.chunks else { return ControlFlow::Continue(()) };
            let most =
                chunks.cut.as_ref().map_or(u64::MAX, |cut| cut.left(chunks.incoming.bytes()));
            if most == 0 {
                let cut = chunks.cut.take();
                return self.cut_content(cut).await;
            }
            let unread = self.wire.unread();
            let used = (unread.len() as u64).min(left).min(most) as usize;
            chunks.incoming.feed(&unread[..used]);
            let bytes = chunks.incoming.bytes();
            self.wire.used(used);
            left -= used as u64;
            if bytes > 2 * limits::MESSAGE_SIZE {
                self.recorder.limit("MESSAGE_SIZE", bytes);
                return self.break_off(Hangup::Fin).await;
            }
            if used == 0 {
                self.wire.read(usize::MAX).await?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The octets of a refused chunk come all the same.
    async fn refuse_chunk(
        &mut self,
        turn: Turn,
        size: u64,
        reply: &Reply,
        rule: Option<u16>,
    ) -> ControlFlow<Ended, ()> {
        if size > 2 * limits::MESSAGE_SIZE {
            self.recorder.limit("MESSAGE_SIZE", size);
            return self.break_off(Hangup::Fin).await;
        }
        let mut left = size as usize;
        while left > 0 {
            let used = self.wire.unread().len().min(left);
            self.wire.used(used);
            left -= used;
            if used == 0 {
                self.wire.read(left).await?;
            }
        }
        if reply.code != 503 {
            self.refuse_all(reply, rule);
        }
        self.wire.reply(reply).await?;
        match self.dialogue.settle(turn, reply) {
            Next::Close => self.break_off(Hangup::Fin).await,
            _ => ControlFlow::Continue(()),
        }
    }
}
