//! Bounds of what is held when a run is judged, and of what is recorded of the instrument's own
//! delays.

/// Hiccups of the instrument recorded a second, the longest: more of them are starvation, which
/// the waits for a processor show.
pub const HICCUPS_A_SECOND: usize = 16;

/// Hiccups of a run that are looked at: 32 bytes each, and a million are a day of as many as are
/// recorded.
pub const HICCUPS: usize = 1 << 20;

/// Hiccups that a report lists, the longest.
pub const HICCUPS_LISTED: usize = 10;

/// Messages due within one stretch of the inter-arrival check; 16 bytes each.
pub const ARRIVALS_STRETCH: usize = 1 << 18;

/// Stage times that wait to be judged until all hiccups up to their end are known.
pub const STAGES_WAITING: usize = 1 << 18;

/// Durations of one kind that are kept one by one; more are counted by a histogram, which weighs
/// up to as much.
pub const RESERVOIR_EXACT: usize = 48 * 1024;

/// Of those that are counted, the most that are kept as well: half as many, at least, state a
/// median within 2 % of the spread.
pub const RESERVOIR_SAMPLES: usize = 12 * 1024;

/// Seconds in a series beyond the number of its events: a day.
pub const SERIES_QUIET: usize = 24 * 3600;

/// Seconds in a series: a week. What happens later is judged all the same, without a row.
pub const SERIES_SECONDS: usize = 7 * 24 * 3600;
