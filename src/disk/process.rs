//! The disk's process as mailbench holds it: started, ordered, ended.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::orders::{Answer, Counts, Order};
use super::terms::Keep;
use crate::limits;

/// Name of the hidden subcommand that serves a disk.
pub const SUBCOMMAND: &str = "serve-disk";

/// The variable in its environment by which it is known.
pub const MARK: &str = "MAILBENCH_DISK";

/// A disk's process.
#[derive(Debug)]
pub(super) struct DiskProcess {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl DiskProcess {
    /// Starts one that serves images of this size at `folder`.
    pub(super) async fn start(
        folder: &Path,
        size: u64,
        flush: Duration,
    ) -> io::Result<DiskProcess> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SUBCOMMAND).arg(folder).arg(size.to_string());
        command.arg(flush.as_micros().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env(MARK, folder);
        // A Ctrl-C at the terminal must not reach it.
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = answers.ok_or_else(|| io::Error::other("no standard output"))?;
        let mut process = DiskProcess { child, orders, answers: BufReader::new(answers) };
        match process.answer().await {
            Ok(_) => Ok(process),
            Err(error) => Err(process.why_not(error).await),
        }
    }

    /// What it printed before it ended.
    async fn why_not(&mut self, error: io::Error) -> io::Error {
        let Some(mut stderr) = self.child.stderr.take() else { return error };
        let mut said = String::new();
        let read = tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut said);
        match tokio::time::timeout(Duration::from_secs(1), read).await {
            Ok(Ok(_)) if !said.trim().is_empty() => io::Error::other(said.trim().to_owned()),
            _ => error,
        }
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        let read = tokio::time::timeout(limits::DISK_ANSWER, read).await;
        match read.map_err(|_| io::Error::other("the disk's process does not answer"))?? {
            0 => Err(io::Error::other("the disk's process ended")),
            _ => Ok(serde_json::from_str(&line)?),
        }
    }

    async fn order(&mut self, order: Order) -> io::Result<Answer> {
        let orders = self.orders.as_mut().ok_or_else(|| io::Error::other("the disk is closed"))?;
        orders.write_all(&[&serde_json::to_vec(&order)?, &b"\n"[..]].concat()).await?;
        orders.flush().await?;
        match self.answer().await? {
            Answer::Refused(why) => Err(io::Error::other(why)),
            answer => Ok(answer),
        }
    }

    /// Gives an order that has no more than a yes for an answer.
    pub(super) async fn tell(&mut self, order: Order) -> io::Result<()> {
        self.order(order).await.map(drop)
    }

    /// Loses power; writes that were not flushed, and those of them that were kept.
    pub(super) async fn lose_power(
        &mut self,
        keep: Keep,
        (seed, ordinal): (u64, u64),
    ) -> io::Result<(u64, u64)> {
        match self.order(Order::LosePower { keep, seed, ordinal }).await? {
            Answer::PowerLost { unflushed, kept } => Ok((unflushed, kept)),
            _ => Err(io::Error::other("the disk's process answered something else")),
        }
    }

    pub(super) async fn counts(&mut self) -> io::Result<Counts> {
        match self.order(Order::Count).await? {
            Answer::Counted(counts) => Ok(counts),
            _ => Err(io::Error::other("the disk's process answered something else")),
        }
    }

    /// Ends it, in order first.
    pub(super) async fn end(&mut self) {
        drop(self.orders.take());
        if tokio::time::timeout(limits::DISK_ANSWER, self.child.wait()).await.is_err() {
            let _killed = self.child.kill().await;
        }
    }
}
