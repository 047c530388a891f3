//! One mail transaction: envelope, content, and what became of each recipient.
//!
//! Where the connection is lost, the outcome hangs on the bytes the kernel took: content and final
//! dot are offered to it in one write, which is repeated for what it did not take. As long as
//! no byte of the final CRLF.CRLF was taken the server cannot have a whole message, and the
//! outcome is broken; from the first such byte on it is indeterminate until a reply is read.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::connection::Connection;
use super::outcome::{Cause, Outcome};
use super::progress::{Progress, Step};
use crate::limits;
use crate::smtp::reply::{Reply, Severity};
use crate::smtp::stage::Stage;

/// What ends the content, its last CRLF included (RFC 5321 §4.1.1.4).
const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// What to submit.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// Reverse-path without brackets; empty: the null reverse-path.
    pub reverse_path: &'a str,
    /// Forward-paths without brackets.
    pub recipients: &'a [String],
    /// Whether the content holds 8-bit bytes: says so where 8BITMIME is offered.
    pub eight_bit: bool,
    /// Content as [`super::stuffed`] made it, final dot included.
    pub content: &'a [u8],
}

/// A transaction that has ended, one way or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transacted {
    /// How long each stage took, in order: from command written to reply read. Content runs
    /// from the 354 to the last byte given to the kernel, end-of-data from there to its reply.
    pub stages: Vec<(Stage, Duration)>,
    /// One outcome a recipient, in the order of the mail.
    pub outcomes: Vec<Outcome>,
}

/// A transaction on its way.
struct Course {
    progress: Progress,
    stages: Vec<(Stage, Duration)>,
}

impl Connection {
    /// Submits one mail. Afterwards [`Connection::ready_again`] says whether the connection can
    /// be used for another.
    pub async fn transact(&mut self, mail: &Mail<'_>) -> Transacted {
        let stages = Vec::with_capacity(mail.recipients.len() + 4);
        let mut course = Course { progress: Progress::new(mail.recipients.len()), stages };
        let recipients = (0..mail.recipients.len()).map(Step::Rcpt);
        let steps: Vec<Step> =
            std::iter::once(Step::Mail).chain(recipients).chain([Step::Data]).collect();
        self.unfinished = true;
        for batch in steps.chunks(self.batch) {
            if self.open && course.progress.goes_on() {
                self.submit(batch, mail, &mut course).await;
            }
        }
        if self.open && course.progress.content_awaited {
            if course.progress.goes_on() {
                self.submit_content(mail.content, &mut course).await;
            } else {
                self.submit_nothing().await;
            }
        }
        Transacted { stages: course.stages, outcomes: course.progress.into_outcomes() }
    }

    /// Writes a batch of commands and reads their replies in order.
    async fn submit(&mut self, batch: &[Step], mail: &Mail<'_>, course: &mut Course) {
        let mut lines = Vec::with_capacity(64 * batch.len());
        for step in batch {
            self.write_step(*step, mail, &mut lines);
            course.progress.sent(*step);
        }
        let start = self.clock.now();
        let mut written = self.write(&lines).await;
        for step in batch {
            let replied = match std::mem::replace(&mut written, Ok(())) {
                Ok(()) => self.reply(self.patience(*step)).await,
                Err(cause) => Err(cause),
            };
            course.stages.push((step.stage(), self.clock.now().since(start)));
            let taken = replied.and_then(|reply| course.progress.replied(*step, reply));
            if let Err(cause) = taken {
                course.progress.lost(step.stage(), self.lost(cause));
            }
            if !self.open {
                return;
            }
        }
    }

    fn write_step(&self, step: Step, mail: &Mail<'_>, lines: &mut Vec<u8>) {
        match step {
            Step::Mail => {
                lines.extend_from_slice(format!("MAIL FROM:<{}>", mail.reverse_path).as_bytes());
                if self.capabilities.size {
                    let size = mail.content.len().saturating_sub(END_OF_DATA.len() - 2);
                    lines.extend_from_slice(format!(" SIZE={size}").as_bytes());
                }
                if mail.eight_bit && self.capabilities.eight_bit_mime {
                    lines.extend_from_slice(b" BODY=8BITMIME");
                }
            }
            Step::Rcpt(index) => {
                let recipient = &mail.recipients[index];
                lines.extend_from_slice(format!("RCPT TO:<{recipient}>").as_bytes());
            }
            Step::Data => lines.extend_from_slice(b"DATA"),
        }
        lines.extend_from_slice(b"\r\n");
    }

    fn patience(&self, step: Step) -> Duration {
        match step {
            Step::Mail | Step::Rcpt(_) => self.timeouts.reply,
            Step::Data => self.timeouts.data,
        }
    }

    /// A server may say 354 though it took no recipient; it is then owed a lone dot
    /// (RFC 2920 §3.1).
    async fn submit_nothing(&mut self) {
        if self.write(b".\r\n").await.is_ok() {
            self.unfinished = self.reply(self.timeouts.end_of_data).await.is_err();
        }
    }

    /// Sends content and final dot and reads the reply.
    async fn submit_content(&mut self, content: &[u8], course: &mut Course) {
        let start = self.clock.now();
        let (taken, failure) = self.give(content).await;
        let given = self.clock.now();
        course.stages.push((Stage::Content, given.since(start)));
        let outcome = match failure {
            None => {
                let replied = self.reply(self.timeouts.end_of_data).await;
                course.stages.push((Stage::EndOfData, self.clock.now().since(given)));
                self.concluded(replied)
            }
            Some(cause) if may_be_whole(taken, content.len()) => Outcome::Indeterminate { cause },
            Some(cause) => self.cut_short(cause).await,
        };
        course.progress.conclude(&outcome);
    }

    /// Offers all of `bytes` to the kernel: how many it took, and why not all.
    async fn give(&mut self, bytes: &[u8]) -> (usize, Option<Cause>) {
        let patience = self.timeouts.content;
        let mut taken = 0;
        while taken < bytes.len() {
            match timeout(patience, self.client.stream.write(&bytes[taken..])).await {
                Ok(Ok(0)) => return (taken, Some(self.lost(Cause::Closed))),
                Ok(Ok(more)) => taken += more,
                Ok(Err(error)) => return (taken, Some(self.lost(Cause::Io(error.kind())))),
                Err(_) => return (taken, Some(self.lost(Cause::TimedOut(patience)))),
            }
        }
        (taken, None)
    }

    /// What the answer to the final dot, or its absence, means.
    fn concluded(&mut self, replied: Result<Reply, Cause>) -> Outcome {
        match replied {
            Ok(reply) => {
                self.unfinished = false;
                match reply.severity() {
                    Some(Severity::Positive) => Outcome::Accepted { reply },
                    Some(Severity::Transient | Severity::Permanent) => {
                        Outcome::Refused { stage: Stage::EndOfData, reply }
                    }
                    _ => Outcome::Indeterminate { cause: self.lost(Cause::Unexpected(reply)) },
                }
            }
            Err(cause) => Outcome::Indeterminate { cause },
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
