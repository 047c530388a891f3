//! The generator's own threads: half of the cores. The other half is for the sink and for whatever
//! is between the two.
//!
//! On threads that they share, each step of a message wakes one that had just gone to sleep beside
//! one that is busy; apart, both find several events each time they look (`reports/peers`).

use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

use super::TrafficError;

/// Half of the cores, at least one.
#[must_use]
pub fn half_the_cores() -> usize {
    (available_parallelism().map_or(1, usize::from) / 2).max(1)
}

/// Does the work on threads of its own, which end with it or when it is no longer waited for.
pub(super) async fn on_own_threads<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, TrafficError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(half_the_cores())
        .thread_name("traffic")
        .enable_all()
        .build()?;
    let work = runtime.spawn(work);
    let _until_it_ends = Threads(Some(runtime));
    Ok(work.await?)
}

/// A runtime that can be dropped by a task, which must not wait for its end.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
