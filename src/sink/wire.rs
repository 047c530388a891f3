//! A session's two directions: bytes in, bounded and throttled; replies out, gathered.
//!
//! Replies are written when the session is about to wait, so that commands which came in one
//! segment are answered in one.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::session::Ended;
use crate::clock::{Clock, Time};
use crate::fault::rule::Hangup;
use crate::ledger::event::Ending;
use crate::limits;
use crate::smtp::line::{Line, Lines};
use crate::smtp::patience::Patience;
use crate::smtp::reply::Reply;
use crate::smtp::stream::Stream;

/// What came of waiting for a command line.
pub(super) enum Input<T> {
    /// A line, as its reader took it.
    Line(T),
    /// One that was too long.
    TooLong,
    /// Too much without any line end.
    Endless,
}

/// Both directions of a connection.
pub(super) struct Wire {
    stream: Stream,
    clock: Clock,
    patience: Duration,
    timer: Patience,
    /// Empty while a peer lets us wait.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    lines: Lines,
    out: Vec<u8>,
    /// Bytes a second to read at most, and when the next may be read.
    throttle: Option<f64>,
    next_read: Time,
    /// Whether anything was read since [`Wire::forget_reads`].
    has_read: bool,
}

impl Wire {
    pub(super) fn new(stream: Stream, clock: Clock, patience: Duration) -> Wire {
        Wire {
            stream,
            clock,
            patience,
            timer: Patience::new(clock),
            buffer: Box::default(),
            start: 0,
            end: 0,
            lines: Lines::default(),
            out: Vec::new(),
            throttle: None,
            next_read: Time::ZERO,
            has_read: false,
        }
    }

    /// Waits for a command line and gives it to `read`. A peer that does not end one within the
    /// patience, however slowly it drips, has timed out.
    pub(super) async fn line<T>(
        &mut self,
        read: impl FnOnce(&[u8]) -> T,
    ) -> ControlFlow<Ended, Input<T>> {
        let deadline = self.clock.now().plus(self.patience);
        loop {
            let (used, line) = self.lines.next(&self.buffer[self.start..self.end]);
            self.start += used;
            match line {
                Line::Whole(line) => return ControlFlow::Continue(Input::Line(read(line))),
                Line::TooLong => return ControlFlow::Continue(Input::TooLong),
                Line::Endless => return ControlFlow::Continue(Input::Endless),
                Line::Partial => {
                    let left = deadline.since(self.clock.now());
                    self.fill(usize::MAX, left).await?;
                }
            }
        }
    }

    /// What has been read and not been used.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks bytes of [`Wire::unread`] as used.
    pub(super) fn used(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads once, at most `most` bytes, after everything owed is written.
    pub(super) async fn read(&mut self, most: usize) -> ControlFlow<Ended, ()> {
        self.fill(most, self.patience).await
    }

    async fn fill(&mut self, most: usize, patience: Duration) -> ControlFlow<Ended, ()> {
        self.flush().await?;
        self.make_room();
        let most = self.pace().await.min(most).min(self.buffer.len() - self.end);
        let room = &mut self.buffer[self.end..self.end + most];
        let soon = patience.min(limits::SINK_BUFFER_HELD);
        let mut read = self.timer.within(soon, self.stream.read(room)).await;
        if read.is_none() && soon < patience {
            read = self.read_late(most, patience - soon).await;
        }
        let read = match read {
            Some(Ok(0)) => return ControlFlow::Break(Ended::by_peer(Ending::PeerFin)),
            Some(Ok(read)) => read,
            Some(Err(_)) => return ControlFlow::Break(Ended::by_peer(Ending::PeerRst)),
            None => return ControlFlow::Break(Ended::by_us(Ending::TimedOut)),
        };
        self.arrived(read);
        ControlFlow::Continue(())
    }

    /// Reads from a peer that lets us wait: many thousands may, so they hold no buffer meanwhile.
    async fn read_late(&mut self, most: usize, patience: Duration) -> Option<io::Result<usize>> {
        let deadline = self.clock.now().plus(patience);
        loop {
            self.release();
            let left = deadline.since(self.clock.now());
            if let Err(error) = self.timer.within(left, self.stream.readable()).await? {
                return Some(Err(error));
            }
            self.make_room();
            match self.stream.try_read(&mut self.buffer[self.end..self.end + most]) {
                // A part of a record, or nothing after all.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Some(read),
            }
        }
    }

    /// Gives the buffer back where it holds nothing.
    fn release(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.buffer = Box::default();
        }
    }

    fn arrived(&mut self, bytes: usize) {
        self.end += bytes;
        self.has_read = true;
        if let Some(rate) = self.throttle {
            let takes = Duration::from_secs_f64(bytes as f64 / rate);
            self.next_read = self.next_read.max(self.clock.now()).plus(takes);
        }
    }

    fn make_room(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = vec![0; limits::SINK_BUFFER].into_boxed_slice();
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() && self.end < limits::COMMAND_LINE {
            // A line that is longer than most: room for the longest there may be.
            let mut longer = vec![0; limits::COMMAND_LINE];
            longer[..self.end].copy_from_slice(&self.buffer);
            self.buffer = longer.into_boxed_slice();
        }
    }

    /// Waits until the throttle lets more in; how much at once: a tenth of a second's worth.
    async fn pace(&self) -> usize {
        let Some(rate) = self.throttle else { return usize::MAX };
        tokio::time::sleep(self.next_read.since(self.clock.now())).await;
        ((rate / 10.0) as usize).max(1)
    }

    /// From here on reads at most so many bytes a second; `None`: as fast as they come.
    pub(super) fn throttle(&mut self, bytes_per_second: Option<f64>) {
        self.throttle = bytes_per_second.filter(|rate| *rate > 0.0);
        self.next_read = Time::ZERO;
    }

    pub(super) fn throttled(&self) -> Option<f64> {
        self.throttle
    }

    /// From now on [`Wire::has_read`] tells whether anything more was read.
    pub(super) fn forget_reads(&mut self) {
        self.has_read = false;
    }

    /// Whether something came since [`Wire::forget_reads`].
    pub(super) fn has_read(&self) -> bool {
        self.has_read
    }

    /// Whether the peer is known to have gone, without waiting. Reads what is there, as far as
    /// there is room.
    pub(super) fn peer_left(&mut self) -> Option<Ended> {
        self.make_room();
        if self.end == self.buffer.len() {
            return None;
        }
        match self.stream.try_read(&mut self.buffer[self.end..]) {
            Ok(0) => Some(Ended::by_peer(Ending::PeerFin)),
            Ok(read) => {
                self.arrived(read);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(_) => Some(Ended::by_peer(Ending::PeerRst)),
        }
    }

    /// Waits for `length`, or until the peer leaves. A peer that still has something to say
    /// cannot be seen to leave.
    pub(super) async fn wait(&mut self, length: Duration) -> ControlFlow<Ended, ()> {
        self.flush().await?;
        if length > limits::SINK_BUFFER_HELD {
            self.release();
        }
        tokio::select! {
            () = tokio::time::sleep(length) => ControlFlow::Continue(()),
            ended = self.peer_leaves() => ControlFlow::Break(ended),
        }
    }

    /// Comes back when the peer leaves. Under TLS what it says has to be read to know whether it
    /// is a farewell.
    async fn peer_leaves(&mut self) -> Ended {
        loop {
            match self.stream.peek().await {
                Ok(0) => return Ended::by_peer(Ending::PeerFin),
                Ok(_) if self.stream.is_secure() && self.end < limits::SINK_BUFFER => {
                    if let Some(ended) = self.peer_left() {
                        return ended;
                    }
                }
                Ok(_) => std::future::pending().await,
                Err(_) => return Ended::by_peer(Ending::PeerRst),
            }
        }
    }

    /// Waits for `length` whatever the peer says, or until it leaves.
    pub(super) async fn wait_out(&mut self, length: Duration) -> ControlFlow<Ended, ()> {
        self.flush().await?;
        let end = self.clock.now().plus(length);
        loop {
            let left = end.since(self.clock.now());
            if left.is_zero() {
                return ControlFlow::Continue(());
            }
            (self.start, self.end) = (0, 0);
            self.make_room();
            match tokio::time::timeout(left, self.stream.read(&mut self.buffer)).await {
                Ok(Ok(0)) => return ControlFlow::Break(Ended::by_peer(Ending::PeerFin)),
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return ControlFlow::Break(Ended::by_peer(Ending::PeerRst)),
                Err(_) => return ControlFlow::Continue(()),
            }
        }
    }

    /// Owes the peer a reply.
    pub(super) async fn reply(&mut self, reply: &Reply) -> ControlFlow<Ended, ()> {
        reply.encode(&mut self.out);
        if self.out.len() >= limits::SINK_BUFFER {
            self.flush().await?;
        }
        ControlFlow::Continue(())
    }

    /// Writes a reply that is not formed as it should be, each piece by itself.
    pub(super) async fn pieces(&mut self, pieces: Vec<Vec<u8>>) -> ControlFlow<Ended, ()> {
        let several = pieces.len() > 1;
        self.flush().await?;
        for piece in pieces {
            self.out = piece;
            self.flush().await?;
            if several {
                tokio::time::sleep(limits::SPLIT_REPLY).await;
            }
        }
        ControlFlow::Continue(())
    }

    /// Goes on under TLS. What the peer said before in the clear is dropped: taken for commands
    /// that came under TLS, it may come from an attacker in between (CVE-2011-0411).
    pub(super) async fn secure(&mut self, acceptor: &TlsAcceptor) -> ControlFlow<Ended, ()> {
        self.flush().await?;
        (self.start, self.end) = (0, 0);
        self.lines = Lines::default();
        let handshake = Box::pin(self.stream.secure(acceptor));
        match tokio::time::timeout(self.patience, handshake).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(error)) => {
                tracing::debug!("TLS handshake: {error}");
                ControlFlow::Break(Ended::by_peer(Ending::TlsFailed))
            }
            Err(_) => ControlFlow::Break(Ended::by_peer(Ending::TlsFailed)),
        }
    }

    /// Writes what is owed.
    pub(super) async fn flush(&mut self) -> ControlFlow<Ended, ()> {
        if self.out.is_empty() {
            return ControlFlow::Continue(());
        }
        let all = async {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await
        };
        let written = self.timer.within(self.patience, all).await;
        self.out.clear();
        match written {
            Some(Ok(())) => ControlFlow::Continue(()),
            Some(Err(_)) => ControlFlow::Break(Ended::by_peer(Ending::PeerRst)),
            None => ControlFlow::Break(Ended::by_us(Ending::TimedOut)),
        }
    }

    /// Closes our half and waits for the peer's next action; comes back when it said something.
    pub(super) async fn take_leave(&mut self) -> ControlFlow<Ended, ()> {
        self.flush().await?;
        // A peer that is gone already shows when it is read from.
        let _closed_or_gone = self.stream.shutdown().await;
        self.fill(usize::MAX, self.patience).await
    }

    /// Breaks the connection. An orderly end writes what is owed first. Returns whether the peer
    /// ended its half in order, too, after that. `proves`: whether that is going to prove something.
    pub(super) async fn hang_up(mut self, how: Hangup, proves: bool) -> bool {
        // A half that was ended before the last reply says nothing of that reply.
        let left_before = self.peer_left().is_some();
        if how == Hangup::Fin && self.flush().await.is_break() {
            return false;
        }
        let peer_first = proves && self.stream.is_secure();
        super::hangup::hang_up(self.stream, how, peer_first).await && !left_before
    }
}
