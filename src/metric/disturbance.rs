//! What a recovery time can be of.

/// What disturbs a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The window of a fault rule.
    Fault,
    /// A chaos event.
    Chaos,
}

impl Kind {
    /// As thresholds and reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Fault => "fault",
            Kind::Chaos => "chaos",
        }
    }
}
