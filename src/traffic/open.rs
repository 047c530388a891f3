//! The open model: whatever is due goes to a session, as many as are allowed.

use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::dispatcher::{Dispatched, Patience, dispatch};
use super::prepare::Job;
use super::session::{Handed, Session, serve, unserved};
use super::{Shared, TrafficError, until};
use crate::clock::Time;
use crate::limits;

/// A message that is due.
type Due = (Time, Job);

/// Offers everything prepared, each when it is due; the last due time.
pub(super) async fn run(
    shared: &Arc<Shared>,
    prepared: mpsc::Receiver<Job>,
) -> Result<Option<Time>, TrafficError> {
    let (to_pool, due) = mpsc::channel(limits::DISPATCH_QUEUE);
    let dispatched = start_dispatcher(Arc::clone(shared), prepared, to_pool)?;
    let mut pool = Pool { shared, idle: Vec::new(), busy: JoinSet::new() };
    pool.serve_all(due, dispatched).await
}

/// Starts the dispatcher's thread; it says when it is done.
fn start_dispatcher(
    shared: Arc<Shared>,
    mut prepared: mpsc::Receiver<Job>,
    to_pool: mpsc::Sender<Due>,
) -> std::io::Result<oneshot::Receiver<Option<Time>>> {
    let (done, dispatched) = oneshot::channel();
    let run = move || {
        let start = shared.settings.start;
        let mut source = std::iter::from_fn(|| {
            let job = prepared.blocking_recv()?;
            let due = start.plus(job.offer.due?);
            Some((due, (due, job)))
        });
        let patience = Patience { stop: shared.stop.clone(), full_for: shared.settings.grace };
        let dispatch = dispatch(&mut source, &to_pool, &shared.instruments, &patience);
        let last_due = leave(&shared, dispatch, &mut source);
        let _ = done.send(last_due);
    };
    thread::Builder::new().name("dispatcher".to_owned()).spawn(run)?;
    Ok(dispatched)
}

/// Records what came due while nothing could be released any more; the last due time of all.
fn leave(
    shared: &Shared,
    dispatched: Dispatched<Due>,
    rest: &mut impl Iterator<Item = (Time, Due)>,
) -> Option<Time> {
    let now = shared.instruments.clock.now();
    let mut last_due = dispatched.last_due;
    let left = dispatched.held.into_iter().chain(rest).take_while(|(due, _)| *due <= now);
    for (due, (_, job)) in left {
        unserved(shared, &job.offer, due);
        last_due = Some(due);
    }
    last_due
}

/// The sessions: idle ones, and one task a message under way.
struct Pool<'a> {
    shared: &'a Arc<Shared>,
    idle: Vec<Session>,
    busy: JoinSet<Option<Session>>,
}

impl Pool<'_> {
    /// Hands every message that is due to a session, until there are no more or it is time to
    /// end; the last due time.
    async fn serve_all(
        &mut self,
        mut due: mpsc::Receiver<Due>,
        mut dispatched: oneshot::Receiver<Option<Time>>,
    ) -> Result<Option<Time>, TrafficError> {
        let clock = self.shared.instruments.clock;
        // Last due time and end of the grace time, once the dispatcher is done.
        let mut done: Option<(Option<Time>, Time)> = None;
        loop {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => break,
                () = until(clock, done.map(|(_, grace_ends)| grace_ends)) => break,
                Some(returned) = self.busy.join_next() => self.idle.extend(returned?),
                last_due = &mut dispatched, if done.is_none() => {
                    done = Some((last_due.ok().flatten(), self.grace_ends()));
                }
                next = due.recv(), if self.busy.len() < self.places() => match next {
                    Some((due, job)) => self.hand(due, job),
                    None => break,
                },
            }
        }
        self.turn_away(due).await;
        let (last_due, grace_ends) = match done {
            Some(done) => done,
            None => (dispatched.await.ok().flatten(), self.grace_ends()),
        };
        self.finish(grace_ends).await?;
        Ok(last_due)
    }

    /// Records those still waiting as not served.
    async fn turn_away(&self, mut due: mpsc::Receiver<Due>) {
        due.close();
        while let Some((due, job)) = due.recv().await {
            self.shared.instruments.gauges.waits_no_more();
            unserved(self.shared, &job.offer, due);
        }
    }

    fn grace_ends(&self) -> Time {
        self.shared.instruments.clock.now().plus(self.shared.settings.grace)
    }

    fn places(&self) -> usize {
        self.shared.settings.sessions as usize
    }

    fn hand(&mut self, due: Time, job: Job) {
        self.shared.instruments.gauges.waits_no_more();
        let at = self.shared.instruments.clock.now();
        let handed = Handed::new(self.shared, job, due, at);
        let (shared, session) = (Arc::clone(self.shared), self.idle.pop());
        self.busy.spawn(async move { serve(&shared, session, handed).await });
    }

    /// Lets transactions under way end, then the sessions.
    async fn finish(&mut self, grace_ends: Time) -> Result<(), TrafficError> {
        let clock = self.shared.instruments.clock;
        loop {
            tokio::select! {
                biased;
                returned = self.busy.join_next() => match returned {
                    Some(returned) => self.idle.extend(returned?),
                    None => break,
                },
                () = until(clock, Some(grace_ends)), if !self.shared.give_up.is_cancelled() => {
                    self.shared.give_up.cancel();
                }
            }
        }
        let mut quitting: JoinSet<()> = self.idle.drain(..).map(Session::quit).collect();
        while quitting.join_next().await.is_some() {}
        Ok(())
    }
}
