//! The embedded store-and-forward MTA: intake, durable queue, delivery. Its own process.
