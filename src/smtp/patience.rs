//! Waiting for a peer, but not for ever: one timer a connection.
//!
//! A timer an operation is dear: each is entered into the runtime's wheel and taken out again, and
//! whenever it is due before all others the runtime's thread is woken up to see it, by a system call
//! a message. A connection's one timer is let run; when it fires it is set to when the operation
//! under way is really to be given up.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::clock::{Clock, Time};

/// The timer of a connection.
pub struct Patience {
    clock: Clock,
    /// Made when something is first waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// When the timer fires, or fired.
    set_to: Time,
}

impl Patience {
    /// A timer that is not running.
    #[must_use]
    pub fn new(clock: Clock) -> Patience {
        Patience { clock, timer: None, set_to: Time::ZERO }
    }

    /// What `operation` comes to; `None`: it did not within this time.
    pub async fn within<T>(
        &mut self,
        length: Duration,
        operation: impl Future<Output = T>,
    ) -> Option<T> {
        let mut operation = pin!(operation);
        // Most operations are done at once and never look at the clock.
        let mut deadline = None;
        poll_fn(|context| {
            if let Poll::Ready(done) = operation.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            let deadline = *deadline.get_or_insert_with(|| self.clock.now().plus(length));
            self.poll_until(deadline, context).map(|()| None)
        })
        .await
    }

    fn poll_until(&mut self, deadline: Time, context: &mut Context<'_>) -> Poll<()> {
        let Patience { clock, timer, set_to } = self;
        let timer = timer.get_or_insert_with(|| {
            *set_to = deadline;
            Box::pin(tokio::time::sleep_until(clock.instant(deadline).into()))
        });
        if *set_to > deadline {
            set(timer, set_to, deadline, clock);
        }
        while timer.as_mut().poll(context).is_ready() {
            if clock.now() >= deadline {
                return Poll::Ready(());
            }
            set(timer, set_to, deadline, clock);
        }
        Poll::Pending
    }
}

fn set(timer: &mut Pin<Box<Sleep>>, set_to: &mut Time, deadline: Time, clock: &Clock) {
    *set_to = deadline;
    timer.as_mut().reset(clock.instant(deadline).into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio::time::sleep;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn an_operation_is_waited_for_or_given_up() {
        let clock = Clock::start();
        let mut patience = Patience::new(clock);
        assert_eq!(patience.within(SHORT, ready(1)).await, Some(1));
        assert_eq!(patience.within(LONG, sleep(SHORT)).await, Some(()));
        // Earlier than the timer runs, and again after it has fired.
        for _ in 0..2 {
            let since = clock.now();
            assert_eq!(patience.within(SHORT, pending::<()>()).await, None);
            assert!(clock.now().since(since) >= SHORT);
        }
        // The timer fires in its midst, which is not its end.
        assert_eq!(patience.within(LONG, sleep(3 * SHORT)).await, Some(()));
        assert_eq!(patience.within(SHORT, pending::<()>()).await, None);
        assert_eq!(patience.within(3 * SHORT, sleep(2 * SHORT)).await, Some(()));
    }
}
