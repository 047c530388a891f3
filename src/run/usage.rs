//! A once-a-second look at what the target's processes use, recorded as it adds up over the
//! target's lives: a new process counts from zero.

use std::collections::BTreeSet;
use std::time::Duration;

use super::isolation::elsewhere::Elsewhere;
use super::target_handle::TargetHandle;
use crate::clock::{Clock, Time, micros};
use crate::ledger::Ledger;
use crate::ledger::event::{self, Event, NetworkSeen};
use crate::targets::outside::peers;
use crate::targets::usage::{Usage, usage};

/// Time between two looks.
const SECOND: Duration = Duration::from_secs(1);

/// Looks until it is stopped. A target in hand, or not ours, is not looked at; `elsewhere`: `None` for
/// one that cannot be connected to other machines.
pub(super) async fn watch(
    target_handle: TargetHandle,
    clock: Clock,
    ledger: Ledger,
    mut elsewhere: Option<Elsewhere>,
) {
    let mut sums = Sums::default();
    loop {
        if let Some(members) = target_handle.members() {
            let (at, life) = (clock.now(), members.root());
            // Some hundred small files are read: not on a thread that serves sessions.
            let connected = elsewhere.is_some();
            let look = tokio::task::spawn_blocking(move || {
                let peers = if connected { peers(&members) } else { BTreeSet::new() };
                (usage(&members), peers)
            });
            let (look, peers) = look.await.unwrap_or_default();
            if look.processes > 0 {
                ledger.record(&Event::Usage(sums.add(at, life, &look)));
            }
            let news = elsewhere.as_mut().map_or(Vec::new(), |seen| seen.news(peers));
            for address in news {
                let seen = NetworkSeen::Outside { address: address.to_string() };
                ledger.record(&Event::Network { at, seen });
            }
        }
        tokio::time::sleep(SECOND).await;
    }
}

/// What only rises, summed over the target's lives.
#[derive(Debug, Default)]
struct Sums {
    /// The process we started, and the last look at it and its children.
    last: Option<(u32, Usage)>,
    cpu: Duration,
    io_bytes: u64,
}

impl Sums {
    /// Children that were not waited for take their sums with them: what falls within one life is
    /// not counted back.
    fn add(&mut self, at: Time, life: u32, look: &Usage) -> event::Usage {
        if let Some((last_life, last)) = self.last {
            let last = if last_life == life { last } else { Usage::default() };
            self.cpu += look.cpu.saturating_sub(last.cpu);
            let io = |usage: &Usage| usage.io_bytes.unwrap_or(0);
            self.io_bytes += io(look).saturating_sub(io(&last));
        }
        self.last = Some((life, *look));
        event::Usage {
            at,
            cpu_us: micros(self.cpu),
            rss_bytes: look.rss_bytes,
            io_bytes: look.io_bytes.map(|_| self.io_bytes),
            open_files: look.open_files,
            processes: look.processes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_life_does_not_count_back() {
        let look = |seconds, io| Usage {
            cpu: Duration::from_secs(seconds),
            io_bytes: Some(io),
            processes: 1,
            ..Usage::default()
        };
        let mut sums = Sums::default();
        let looks = [(8, look(5, 100)), (8, look(7, 300)), (9, look(1, 50)), (9, look(0, 60))];
        let seen: Vec<_> =
            looks.iter().map(|(life, look)| sums.add(Time::ZERO, *life, look)).collect();
        let cpu: Vec<u64> = seen.iter().map(|usage| usage.cpu_us / 1_000_000).collect();
        assert_eq!(cpu, [0, 2, 3, 3]);
        let io: Vec<_> = seen.iter().map(|usage| usage.io_bytes).collect();
        assert_eq!(io, [Some(0), Some(200), Some(250), Some(260)]);
    }
}
