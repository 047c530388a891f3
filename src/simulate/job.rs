//! One delivery in the simulated queue, in few bytes: a hundred million go through, millions wait.

use crate::probe::MessageId;

/// No time yet.
pub(super) const NEVER: u64 = u64::MAX;

/// Recipients of one message that share a destination and their attempts. Times in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) message: MessageId,
    pub(super) due: u64,
    pub(super) accepted: u64,
    /// Start of the first attempt that the sink saw.
    pub(super) first: u64,
    /// End of the last one.
    pub(super) last: u64,
    pub(super) size: u32,
    pub(super) destination: u16,
    /// Attempts by the target's count, and by the sink's.
    pub(super) attempts: u16,
    pub(super) seen: u16,
    pub(super) deferrals: u16,
    /// Receptions without a 250.
    pub(super) withheld: u16,
    /// Recipients: the first, and the others, which most messages do not have.
    pub(super) recipient: u16,
    pub(super) others: Box<[u16]>,
    /// What it is now.
    pub(super) stands: JobKind,
}

/// What a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobKind {
    /// Mail to be delivered.
    Owed,
    /// The report on mail that was rejected.
    Rejected,
    /// The report on mail that grew too old.
    Expired,
}

impl Job {
    /// How many recipients.
    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// Every recipient's place in its message.
    pub(super) fn recipients(&self) -> impl Iterator<Item = u16> + '_ {
        std::iter::once(self.recipient).chain(self.others.iter().copied())
    }

    /// The same for some of its recipients; `None` for none.
    pub(super) fn only(&self, recipients: &[u16]) -> Option<Job> {
        let (first, others) = recipients.split_first()?;
        Some(Job { recipient: *first, others: others.into(), ..self.clone() })
    }
}

/// Jobs by slot; slots are used again.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    slots: Vec<Option<Job>>,
    free: Vec<u32>,
}

impl Jobs {
    pub(super) fn put(&mut self, job: Job) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(job);
            return slot;
        }
        self.slots.push(Some(job));
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Job> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn take(&mut self, slot: u32) -> Option<Job> {
        let job = self.slots.get_mut(slot as usize)?.take();
        self.free.extend(job.is_some().then_some(slot));
        job
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// All that are left, with their slots.
    pub(super) fn left(&self) -> impl Iterator<Item = (u32, &Job)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, job)| Some((slot, job.as_ref()?)))
    }
}
