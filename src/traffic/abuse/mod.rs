//! Bad clients beside the honest load: so many of each kind at a time, while their window lasts.
//!
//! They share nothing with honest sessions but the target. None ever ends a message: what arrives
//! at the sink is honest mail alone.

mod act;
mod talk;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Instruments, until};
use crate::clock::Time;
use crate::ledger::event::{AbuseEnd, Abused, Event};
use crate::scenario::model::Abuse;
use crate::smtp::stage::Stage;
use talk::Talk;

/// What bad clients need to know.
#[derive(Clone, Debug)]
pub struct Background {
    /// Who they are.
    pub profiles: Vec<Abuse>,
    /// Start of the measured period.
    pub measured: Time,
    /// Its end, where that is a matter of time.
    pub end: Option<Time>,
    /// A recipient that does not exist.
    pub recipient: String,
}

/// Bad clients at work.
pub(super) struct Crowd {
    stop: CancellationToken,
    clients: JoinSet<()>,
}

/// One client that comes again and again.
struct Client {
    address: SocketAddr,
    instruments: Instruments,
    background: Arc<Background>,
    profile: usize,
    /// Which of its kind it is.
    number: u32,
    stop: CancellationToken,
}

impl Crowd {
    /// Lets them all begin when their time comes.
    pub(super) fn start(
        background: &Background,
        address: SocketAddr,
        instruments: &Instruments,
    ) -> Crowd {
        let stop = CancellationToken::new();
        let background = Arc::new(background.clone());
        let mut clients = JoinSet::new();
        for (profile, abuse) in background.profiles.iter().enumerate() {
            for number in 0..abuse.sessions {
                let (instruments, stop) = (instruments.clone(), stop.clone());
                let background = Arc::clone(&background);
                let client = Client { address, instruments, background, profile, number, stop };
                clients.spawn(async move { client.come_and_go().await });
            }
        }
        Crowd { stop, clients }
    }

    /// Ends them.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        while self.clients.join_next().await.is_some() {}
    }
}

impl Client {
    fn abuse(&self) -> &Abuse {
        &self.background.profiles[self.profile]
    }

    async fn come_and_go(self) {
        let measured = self.background.measured;
        let window = self.abuse().during;
        let from = window.map_or(measured, |window| measured.plus(window.start));
        let to = window.map(|window| measured.plus(window.end));
        let to = [to, self.background.end].into_iter().flatten().min();
        tokio::select! {
            () = self.stop.cancelled() => return,
            () = until(self.instruments.clock, Some(from)) => {}
        }
        let mut ordinal = u64::from(self.number);
        let over = async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = until(self.instruments.clock, to) => {}
            }
        };
        let mut over = std::pin::pin!(over);
        loop {
            let start = self.instruments.clock.now();
            let mut talk = Talk::new(&self.background.recipient);
            let mut is_over = false;
            let end = tokio::select! {
                biased;
                () = &mut over => { is_over = true; AbuseEnd::Tolerated }
                end = act::play(self.abuse().kind, self.address, ordinal, &mut talk) => end,
            };
            if let Some(what) = talk.shortage {
                self.instruments.short_of(what);
            }
            self.record(start, talk.stage, end);
            drop(talk);
            if is_over || self.rest(&mut over).await {
                return;
            }
            ordinal += u64::from(self.abuse().sessions);
        }
    }

    /// Waits for the next turn; whether it is over meanwhile.
    async fn rest(&self, over: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        tokio::select! {
            () = over => true,
            () = tokio::time::sleep(self.abuse().pause) => false,
        }
    }

    fn record(&self, start: Time, stage: Stage, end: AbuseEnd) {
        let at = self.instruments.clock.now();
        let held: Duration = at.since(start);
        let profile = u16::try_from(self.profile).unwrap_or(u16::MAX);
        let held_us = u64::try_from(held.as_micros()).unwrap_or(u64::MAX);
        self.instruments.ledger.record(&Event::Abused(Abused { at, profile, stage, held_us, end }));
    }
}
