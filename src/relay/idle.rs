//! Connections to the next hop between two transactions, by destination.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::Time;
use crate::limits::{RELAY_IDLE, RELAY_IDLE_CONNECTIONS};

/// Idle connections, each with the time it became idle.
#[derive(Debug)]
pub struct Idle<C> {
    by_destination: HashMap<Arc<str>, Vec<(Time, C)>>,
    held: usize,
}

impl<C> Default for Idle<C> {
    fn default() -> Idle<C> {
        Idle { by_destination: HashMap::new(), held: 0 }
    }
}

impl<C> Idle<C> {
    /// Keeps a connection; gives it back if there is no room.
    pub fn put(&mut self, destination: Arc<str>, connection: C, now: Time) -> Option<C> {
        if self.held >= RELAY_IDLE_CONNECTIONS {
            return Some(connection);
        }
        self.held += 1;
        self.by_destination.entry(destination).or_default().push((now, connection));
        None
    }

    /// The connection to `destination` that was used last.
    pub fn take(&mut self, destination: &str) -> Option<C> {
        let connections = self.by_destination.get_mut(destination)?;
        let (_, connection) = connections.pop()?;
        if connections.is_empty() {
            self.by_destination.remove(destination);
        }
        self.held -= 1;
        Some(connection)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes out the connections that have been idle for too long.
    pub fn expire(&mut self, now: Time) -> Vec<C> {
        let mut expired = Vec::new();
        self.by_destination.retain(|_, connections| {
            // In each list the oldest stand first.
            let old = connections.partition_point(|(since, _)| now.since(*since) >= RELAY_IDLE);
            expired.extend(connections.drain(..old).map(|(_, connection)| connection));
            !connections.is_empty()
        });
        self.held -= expired.len();
        expired
    }

    /// Takes out all of them.
    pub fn drain(&mut self) -> Vec<C> {
        self.held = 0;
        let all = std::mem::take(&mut self.by_destination);
        all.into_values().flatten().map(|(_, connection)| connection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_last_used_goes_first_and_the_old_ones_go() {
        let mut idle = Idle::default();
        let late = Time::from_offset(RELAY_IDLE);
        for (number, since) in [(1, Time::ZERO), (2, Time::ZERO), (3, late)] {
            assert_eq!(idle.put("a".into(), number, since), None);
        }
        assert_eq!(idle.take("a"), Some(3));
        assert_eq!(idle.take("b"), None);
        idle.put("a".into(), 4, late);
        assert_eq!(idle.expire(late.plus(Duration::from_millis(1))), [1, 2]);
        assert_eq!((idle.held, idle.drain()), (1, vec![4]));
    }

    #[test]
    fn there_is_a_bound() {
        let mut idle = Idle::default();
        for number in 0..RELAY_IDLE_CONNECTIONS {
            assert_eq!(idle.put(number.to_string().into(), number, Time::ZERO), None);
        }
        assert_eq!(idle.put("one more".into(), 7, Time::ZERO), Some(7));
    }
}
