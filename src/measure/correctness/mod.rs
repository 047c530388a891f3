//! Whether accepted mail arrived, once and unchanged: counts, conservation, violations, evidence.

pub mod conservation;
pub mod content_changes;
pub mod counts;
pub mod criteria;
pub mod declarations;
pub mod evidence;
pub mod violation;
