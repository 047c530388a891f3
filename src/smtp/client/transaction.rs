//! One mail transaction: envelope, content, and what became of each recipient.
//!
//! Where the connection is lost, the outcome hangs on the bytes the kernel took: content and final
//! dot are offered to it in one write, which is repeated for what it did not take. As long as
//! no byte of the final CRLF.CRLF was taken the server cannot have a whole message, and the
//! outcome is broken; from the first such byte on it is indeterminate until a reply is read.

use std::io::Write;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::connection::Connection;
use super::lines::{write_mail, write_rcpt};
use super::mail::{Content, Mail};
use super::outcome::{Cause, Outcome};
use super::peer::Protocol;
use super::progress::{Progress, Step};
use super::trace::Trace;
use crate::clock::Time;
use crate::limits;
use crate::smtp::content::stuffed;
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// What ends the content, its last CRLF included (RFC 5321 §4.1.1.4).
const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// A transaction that has ended, one way or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transacted {
    /// How long each stage took that was answered, as [`Trace::answered`] has it.
    pub stages: Vec<(Stage, Duration)>,
    /// One outcome a recipient, in the order of the mail.
    pub outcomes: Vec<Outcome>,
}

/// A transaction on its way.
struct Course<'t> {
    progress: Progress,
    trace: &'t mut Trace,
}

impl Connection {
    /// Submits one mail. Afterwards [`Connection::ready_again`] says whether the connection can
    /// be used for another.
    pub async fn transact(&mut self, mail: &Mail<'_>) -> Transacted {
        let mut trace = Trace::for_recipients(mail.recipients.len());
        let outcomes = self.transact_traced(mail, &mut trace).await;
        Transacted { stages: trace.answered().collect(), outcomes }
    }

    /// The same, with a trace that can be read also when this is dropped under way. One outcome a
    /// recipient, in the order of the mail.
    pub async fn transact_traced(&mut self, mail: &Mail<'_>, trace: &mut Trace) -> Vec<Outcome> {
        trace.forget_awaited();
        let mut course = Course { progress: Progress::new(mail.recipients.len()), trace };
        if mail.options.utf8 && !self.capabilities.smtp_utf8 {
            // RFC 6531 §3.2: such mail must not go to a server that cannot take it.
            course.progress.lost(Stage::MailFrom, Cause::NotOffered("SMTPUTF8"));
        } else {
            self.unfinished = true;
            match mail.content {
                Content::Text(text) if self.chunking => {
                    self.transact_by_chunk(mail, text, &mut course).await;
                }
                Content::Text(text) => {
                    self.transact_by_data(mail, &stuffed(text), &mut course).await;
                }
                Content::Stuffed(bytes) => self.transact_by_data(mail, bytes, &mut course).await,
            }
        }
        course.progress.into_outcomes()
    }

    async fn transact_by_data(&mut self, mail: &Mail<'_>, content: &[u8], course: &mut Course<'_>) {
        let size = content.len().saturating_sub(END_OF_DATA.len() - 2);
        let steps: Vec<Step> = envelope(mail).chain([Step::Data]).collect();
        for batch in steps.chunks(self.batch) {
            if self.open && course.progress.goes_on() {
                let lines = self.lines(batch, mail, size, course);
                self.submit(batch, &lines, course).await;
            }
        }
        if self.open && course.progress.content_awaited {
            if course.progress.goes_on() {
                self.submit_content(content, course).await;
            } else {
                self.submit_nothing().await;
            }
        }
    }

    /// By one BDAT (RFC 3030). Under pipelining a text of moderate size goes out with its
    /// envelope, in one write.
    async fn transact_by_chunk(&mut self, mail: &Mail<'_>, text: &[u8], course: &mut Course<'_>) {
        let steps: Vec<Step> = envelope(mail).collect();
        let at_once = self.batch > 1 && text.len() <= limits::PIPELINED_CONTENT;
        let mut batches = steps.chunks(self.batch).peekable();
        while let Some(batch) = batches.next() {
            if !self.open || !course.progress.goes_on() {
                return;
            }
            let lines = self.lines(batch, mail, text.len(), course);
            if at_once && batches.peek().is_none() {
                return self.submit_chunk(batch, lines, text, course).await;
            }
            self.submit(batch, &lines, course).await;
        }
        if self.open && course.progress.goes_on() {
            self.submit_chunk(&[], Vec::new(), text, course).await;
        }
    }

    /// A batch of commands as it is written.
    fn lines(
        &self,
        batch: &[Step],
        mail: &Mail<'_>,
        size: usize,
        course: &mut Course<'_>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 * batch.len());
        for step in batch {
            let offered = self.capabilities;
            match *step {
                Step::Mail => write_mail(&mut out, mail, size, offered),
                Step::Rcpt(index) => {
                    write_rcpt(&mut out, &mail.recipients[index], &mail.options, offered);
                }
                Step::Data => out.extend_from_slice(b"DATA\r\n"),
            }
            course.progress.sent(*step);
        }
        out
    }

    /// Writes a batch of commands and reads their replies in order.
    async fn submit(&mut self, batch: &[Step], lines: &[u8], course: &mut Course<'_>) {
        course.begin(batch, self.clock.now());
        if let Err(cause) = self.write(lines).await {
            let stage = batch.first().map_or(Stage::MailFrom, |step| step.stage());
            course.progress.lost(stage, cause);
            return;
        }
        if let Err((stage, cause)) = self.replies(batch, course).await {
            course.progress.lost(stage, cause);
        }
    }

    /// Reads the replies to a batch in order; `Err`: where and why there are no more.
    async fn replies(
        &mut self,
        batch: &[Step],
        course: &mut Course<'_>,
    ) -> Result<(), (Stage, Cause)> {
        for step in batch {
            let replied = self.reply(self.reply_time(*step)).await;
            let now = self.clock.now();
            let taken = replied.and_then(|reply| {
                course.trace.end(step.stage(), now);
                course.progress.replied(*step, reply)
            });
            if let Err(cause) = taken {
                return Err((step.stage(), self.lost(cause)));
            }
            if !self.open {
                break;
            }
        }
        Ok(())
    }

    fn reply_time(&self, step: Step) -> Duration {
        match step {
            Step::Mail | Step::Rcpt(_) => self.timeouts.reply,
            Step::Data => self.timeouts.data,
        }
    }

    /// A server may say 354 though it took no recipient; it is then owed a lone dot
    /// (RFC 2920 §3.1). By LMTP no reply to it would follow (RFC 2033 §4.2).
    async fn submit_nothing(&mut self) {
        if self.protocol == Protocol::Lmtp {
            self.open = false;
        } else if self.write(b".\r\n").await.is_ok() {
            self.unfinished = self.reply(self.timeouts.end_of_data).await.is_err();
        }
    }

    /// Sends content and final dot and reads the reply.
    async fn submit_content(&mut self, content: &[u8], course: &mut Course<'_>) {
        course.trace.begin(Stage::Content, self.clock.now());
        let (taken, failure) = self.give(content).await;
        let given = self.clock.now();
        match failure {
            None => {
                course.trace.end(Stage::Content, given);
                self.conclude(given, course).await;
            }
            Some(cause) if may_be_whole(taken, content.len()) => {
                course.progress.conclude(&Outcome::Indeterminate { cause });
            }
            Some(cause) => course.progress.conclude(&self.cut_short(cause).await),
        }
    }

    /// Sends the last commands of an envelope, if any are left, and the whole text as one chunk;
    /// reads all their replies. Once the kernel has all of it, the server may have it whole.
    async fn submit_chunk(
        &mut self,
        batch: &[Step],
        mut bytes: Vec<u8>,
        text: &[u8],
        course: &mut Course<'_>,
    ) {
        // Writing to memory cannot fail. One allocation for all that goes out at once.
        bytes.reserve(if text.len() <= limits::PIPELINED_CONTENT { text.len() + 32 } else { 32 });
        let _ = write!(bytes, "BDAT {} LAST\r\n", text.len());
        let start = self.clock.now();
        course.begin(batch, start);
        course.trace.begin(Stage::Content, start);
        let (whole, failure) = if text.len() <= limits::PIPELINED_CONTENT {
            bytes.extend_from_slice(text);
            let (taken, failure) = self.give(&bytes).await;
            (taken == bytes.len(), failure)
        } else {
            match self.give(&bytes).await {
                (_, None) => {
                    let (taken, failure) = self.give(text).await;
                    (taken == text.len(), failure)
                }
                (_, cut) => (false, cut),
            }
        };
        let given = self.clock.now();
        if let Some(cause) = failure {
            let outcome = match whole {
                true => Outcome::Indeterminate { cause },
                false => self.cut_short(cause).await,
            };
            return course.progress.conclude(&outcome);
        }
        let replied = self.replies(batch, course).await;
        course.trace.end(Stage::Content, given);
        if let Err((_, cause)) = replied {
            return course.progress.conclude(&Outcome::Indeterminate { cause });
        }
        if self.open {
            self.conclude(given, course).await;
        }
    }

    /// Offers all of `bytes` to the kernel: how many it took, and why not all.
    async fn give(&mut self, bytes: &[u8]) -> (usize, Option<Cause>) {
        let patience = self.timeouts.content;
        let mut taken = 0;
        while taken < bytes.len() {
            let written = self.wire.write(&bytes[taken..]);
            match self.patience.within(patience, written).await {
                Some(Ok(0)) => return (taken, Some(self.lost(Cause::Closed))),
                Some(Ok(more)) => taken += more,
                Some(Err(error)) => return (taken, Some(self.lost(Cause::of(&error)))),
                None => return (taken, Some(self.lost(Cause::TimedOut(patience)))),
            }
        }
        match self.patience.within(patience, self.wire.flush()).await {
            Some(Ok(())) => (taken, None),
            Some(Err(error)) => (taken, Some(self.lost(Cause::of(&error)))),
            None => (taken, Some(self.lost(Cause::TimedOut(patience)))),
        }
    }

    /// Reads what the content is answered with: one reply, by LMTP one for each recipient who is
    /// left, in order (RFC 2033 §4.2).
    async fn conclude(&mut self, given: Time, course: &mut Course<'_>) {
        let left = course.progress.left();
        if self.protocol == Protocol::Smtp || left.is_empty() {
            let outcome = self.end_of_data(given, course).await;
            return course.progress.conclude(&outcome);
        }
        for index in left {
            if !self.open {
                return;
            }
            let outcome = self.end_of_data(given, course).await;
            course.progress.conclude_one(index, outcome.clone());
            if !self.open {
                let closed = Outcome::Indeterminate { cause: Cause::Closed };
                let of_all = matches!(outcome, Outcome::Indeterminate { .. });
                course.progress.conclude(if of_all { &outcome } else { &closed });
            }
        }
    }

    /// Reads one reply to the end of the content: what it, or its absence, means.
    async fn end_of_data(&mut self, given: Time, course: &mut Course<'_>) -> Outcome {
        course.trace.begin(Stage::EndOfData, given);
        let replied = self.reply(self.timeouts.end_of_data).await;
        let reply = match replied {
            Ok(reply) => {
                course.trace.end(Stage::EndOfData, self.clock.now());
                reply
            }
            Err(cause) => return Outcome::Indeterminate { cause },
        };
        // A chunk that was refused leaves the transaction open (RFC 3030 §2).
        self.unfinished = self.chunking && !reply.is_positive();
        match reply.severity() {
            Some(Severity::Positive) => Outcome::Accepted { reply },
            Some(Severity::Transient | Severity::Permanent) => {
                Outcome::Refused { stage: Stage::EndOfData, reply }
            }
            _ => Outcome::Indeterminate { cause: self.lost(Cause::Unexpected(reply)) },
        }
    }

    /// The connection was lost in mid-content: a server that gave its reason before it closed
    /// has refused, any other broken off.
    async fn cut_short(&mut self, cause: Cause) -> Outcome {
        let stage = Stage::Content;
        let reason = match cause {
            Cause::TimedOut(_) => None,
            _ => self.reply(self.timeouts.reply.min(limits::QUIT)).await.ok(),
        };
        let refusal = |reply: &Reply| {
            matches!(reply.severity(), Some(Severity::Transient | Severity::Permanent))
        };
        match reason.filter(refusal) {
            Some(reply) => Outcome::Refused { stage, reply },
            None => Outcome::Broken { stage, cause },
        }
    }
}

impl Course<'_> {
    /// A batch of commands is written, from `at` on.
    fn begin(&mut self, batch: &[Step], at: Time) {
        batch.iter().for_each(|step| self.trace.begin(step.stage(), at));
    }
}

/// MAIL and every RCPT.
fn envelope(mail: &Mail<'_>) -> impl Iterator<Item = Step> {
    std::iter::once(Step::Mail).chain((0..mail.recipients.len()).map(Step::Rcpt))
}

/// Whether, of content of `length` bytes, `taken` bytes hold a byte of the final CRLF.CRLF.
fn may_be_whole(taken: usize, length: usize) -> bool {
    taken > length.saturating_sub(END_OF_DATA.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_first_byte_of_the_end_on_the_content_may_be_whole() {
        let content = b"ab\r\n.\r\n";
        let whole: Vec<usize> = (0..=7).filter(|n| may_be_whole(*n, content.len())).collect();
        assert_eq!(whole, [3, 4, 5, 6, 7]);
        assert_eq!([0, 1].map(|taken| may_be_whole(taken, 3)), [false, true], "a lone dot");
    }
}
