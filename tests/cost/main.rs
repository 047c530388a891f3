//! What a message costs, in figures that do not depend on the machine: allocations, counted by the
//! allocator, and system calls, counted by `strace`. Each has a committed bound a little above what
//! it is (and what a stalled session holds); whoever makes a message dearer learns it here, and either mends it or raises the bound
//! with a reason.
//!
//! A program of its own, since an allocator is for a whole program. What it costs in time is for
//! `cargo bench --bench peers`.

mod calls;
mod direct;
mod stalled;

use std::alloc::System;
use std::sync::{Mutex, PoisonError};

use direct::By;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Messages of the shorter and of the longer load: what their costs differ by is due to messages
/// alone.
const LOADS: [u64; 2] = [500, 2_500];

/// Names the load to this program when it is to run under `strace`.
const CHILD: &str = "MAILBENCH_COST_MESSAGES";

/// Allocations for a message of 4 KiB with one recipient, in generator, sink and ledger together.
const ALLOCATIONS: [(By, f64); 2] = [(By::Data, 52.0), (By::Chunk, 51.0)];

/// KiB that a stalled session holds on the heap of the sink, in the clear and under TLS; the
/// kernel's part and what lies between comes on top.
const STALLED: [(bool, f64); 2] = [(false, 7.0), (true, 15.0)];

/// Sessions that stall at a time.
const SESSIONS: usize = 50;

/// What a message costs: the difference of two loads, divided.
fn each(of: impl Fn(u64) -> f64) -> f64 {
    let [few, many] = LOADS;
    (of(many) - of(few)) / (many - few) as f64
}

/// Tests of one program run beside each other, and what one allocates is counted for all.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn a_message_makes_few_allocations() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for (by, most) in ALLOCATIONS {
        let allocations = |messages| {
            let region = Region::new(ALLOCATOR);
            direct::offer(messages, by);
            let change = region.change();
            (change.allocations + change.reallocations) as f64
        };
        // What is made once and kept is made here.
        allocations(1);
        let each = each(allocations);
        println!("{each:.2} allocations a message ({by:?})");
        assert!(each > 5.0, "{each:.2} a message: nothing was counted");
        assert!(each <= most, "{each:.2} allocations a message ({by:?}), at most {most}");
    }
}

#[test]
fn a_stalled_session_holds_no_buffer() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for (secured, most) in STALLED {
        let stats = || ALLOCATOR.stats();
        let held = || stats().bytes_allocated as i64 - stats().bytes_deallocated as i64;
        let grown = stalled::stall(SESSIONS, secured, held);
        let each = grown as f64 / SESSIONS as f64 / 1024.0;
        println!("{each:.2} KiB a stalled session (TLS: {secured})");
        assert!(each > 0.5, "{each:.2} KiB a session: nothing was counted");
        assert!(each <= most, "{each:.2} KiB a stalled session (TLS: {secured}), at most {most}");
    }
}
