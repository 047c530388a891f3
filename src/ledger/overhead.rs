//! What the instrument itself may have added to every time: waits for a processor, and the sink's
//! own work. Sums since the first look, so that any two looks give what lies between them.

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// A once-a-second look at what the instrument had to wait for. Not in journals of older versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overhead {
    /// When.
    pub at: Time,
    /// Threads of the generator.
    pub traffic: CpuWait,
    /// All other threads, those of the sink among them.
    pub sink: CpuWait,
    /// Threads of the target; `None`: its processes are not ours to look at.
    pub target: Option<CpuWait>,
    /// The sink's processing, from final dot to reply, less injected delay: sum, microseconds.
    pub processing_us: u64,
    /// Messages of which it is the sum.
    pub processed: u64,
    /// Time on a processor of all threads of the instrument, microseconds.
    pub own_us: u64,
    /// Time that the processors of the machine were busy, by any program (`/proc/stat`),
    /// microseconds; `None`: not readable.
    pub busy_us: Option<u64>,
    /// Time that the hypervisor gave to others (`/proc/stat`, steal), all cores together,
    /// microseconds; `None`: not readable.
    pub steal_us: Option<u64>,
    /// Time that the control group was throttled (`cpu.stat`), microseconds.
    pub throttled_us: Option<u64>,
    /// Time in which some task of the machine waited for a processor (`/proc/pressure/cpu`),
    /// microseconds.
    pub pressure_us: Option<u64>,
}

/// Time that threads were ready to run and did not (`/proc/PID/task/TID/schedstat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuWait {
    /// Sum, microseconds.
    pub us: u64,
    /// How often a thread was put on a processor.
    pub turns: u64,
    /// Time on a processor: sum, microseconds.
    pub ran_us: u64,
}
