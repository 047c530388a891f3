//! Rates: events inside the measured period, per second of it; and goodput.

/// What is counted by the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Probes that became due.
    Offered,
    /// Probes that the target accepted: its 2yz to end-of-data was read.
    Accepted,
    /// Probes that the target refused, by a reply or by breaking the connection.
    Refused,
    /// Probes whose submission ended without a readable reply to the final dot (RFC 1047).
    Indeterminate,
    /// First deliveries of probes.
    Delivered,
    /// Probes returned by a DSN with the action *failed* (RFC 3464 §2.3.3).
    Bounced,
    /// Attempts answered 4yz.
    Deferred,
}

/// The name of goodput among the rates.
pub const GOODPUT: &str = "goodput";

impl Flow {
    /// Every one, in the order of declaration.
    pub const ALL: [Flow; 7] = [
        Flow::Offered,
        Flow::Accepted,
        Flow::Refused,
        Flow::Indeterminate,
        Flow::Delivered,
        Flow::Bounced,
        Flow::Deferred,
    ];

    /// The name of the count, and of the rate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Flow::Offered => "offered",
            Flow::Accepted => "accepted",
            Flow::Refused => "refused",
            Flow::Indeterminate => "indeterminate",
            Flow::Delivered => "delivered",
            Flow::Bounced => "bounced",
            Flow::Deferred => "deferred",
        }
    }
}
