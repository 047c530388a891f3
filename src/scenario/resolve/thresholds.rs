//! `[thresholds]` is only carried: what a metric means is decided by the measurement.

use crate::scenario::file::Thresholds;
use crate::scenario::model::ThresholdLine;

pub(super) fn thresholds(written: Option<&Thresholds>) -> Vec<ThresholdLine> {
    let bounds = written.map_or(&[][..], |thresholds| &thresholds.0);
    let carry = |bound: &crate::scenario::file::Bound| ThresholdLine {
        metric: bound.metric.clone(),
        bound: bound.bound.clone(),
        metric_span: bound.metric_span.clone(),
        bound_span: bound.bound_span.clone(),
    };
    bounds.iter().map(carry).collect()
}
