//! The latency metrics: their names, and which stage belongs to which.
//!
//! `submit_*`, `refused_response`, `stage_*` and `schedule_lag` have one sample a message (one reply,
//! one dispatch); the others one a probe, because each recipient is delivered by itself.

use crate::smtp::stage::Stage;

/// A metric whose value is a duration, many times over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LatencyMetric {
    /// Due to reply.
    SubmitResponse,
    /// Sent to reply.
    SubmitService,
    /// Due to the sink's 250.
    E2eResponse,
    /// Target's 250 to the first attempt at the sink.
    QueueTime,
    /// Target's 250 to the sink's 250.
    RelayLatency,
    /// End of an attempt that failed to the start of the next.
    RetryGap,
    /// Due to handed to a session.
    ScheduleLag,
    /// TCP connection.
    StageConnect,
    /// Greeting.
    StageBanner,
    /// EHLO.
    StageEhlo,
    /// STARTTLS.
    StageStarttls,
    /// AUTH.
    StageAuth,
    /// MAIL FROM.
    StageMailFrom,
    /// RCPT TO.
    StageRcptTo,
    /// DATA to 354.
    StageData,
    /// Content handed to the kernel.
    StageContent,
    /// Final dot to its reply.
    StageEndOfData,
    /// Due to a reply of 4yz or 5yz.
    RefusedResponse,
}

use LatencyMetric as M;

impl LatencyMetric {
    /// Every one, in the order of declaration.
    pub const ALL: [LatencyMetric; 18] = [
        M::SubmitResponse,
        M::SubmitService,
        M::E2eResponse,
        M::QueueTime,
        M::RelayLatency,
        M::RetryGap,
        M::ScheduleLag,
        M::StageConnect,
        M::StageBanner,
        M::StageEhlo,
        M::StageStarttls,
        M::StageAuth,
        M::StageMailFrom,
        M::StageRcptTo,
        M::StageData,
        M::StageContent,
        M::StageEndOfData,
        M::RefusedResponse,
    ];

    /// The name used in thresholds and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            M::SubmitResponse => "submit_response",
            M::SubmitService => "submit_service",
            M::E2eResponse => "e2e_response",
            M::QueueTime => "queue_time",
            M::RelayLatency => "relay_latency",
            M::RetryGap => "retry_gap",
            M::ScheduleLag => "schedule_lag",
            M::StageConnect => "stage_connect",
            M::StageBanner => "stage_banner",
            M::StageEhlo => "stage_ehlo",
            M::StageStarttls => "stage_starttls",
            M::StageAuth => "stage_auth",
            M::StageMailFrom => "stage_mail_from",
            M::StageRcptTo => "stage_rcpt_to",
            M::StageData => "stage_data",
            M::StageContent => "stage_content",
            M::StageEndOfData => "stage_end_of_data",
            M::RefusedResponse => "refused_response",
        }
    }

    /// The metric of a stage; none for QUIT, after which nothing depends on the time.
    #[must_use]
    pub fn of_stage(stage: Stage) -> Option<LatencyMetric> {
        match stage {
            Stage::Connect => Some(M::StageConnect),
            Stage::Banner => Some(M::StageBanner),
            Stage::Ehlo => Some(M::StageEhlo),
            Stage::Starttls => Some(M::StageStarttls),
            Stage::Auth => Some(M::StageAuth),
            Stage::MailFrom => Some(M::StageMailFrom),
            Stage::RcptTo => Some(M::StageRcptTo),
            Stage::Data => Some(M::StageData),
            Stage::Content => Some(M::StageContent),
            Stage::EndOfData => Some(M::StageEndOfData),
            Stage::Quit => None,
        }
    }

    /// Whether every destination has its own figures. A stage belongs to a message and the
    /// target, not to where the message goes.
    #[must_use]
    pub fn by_destination(self) -> bool {
        self <= M::RetryGap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_declaration() {
        for (index, metric) in LatencyMetric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, index, "{}", metric.name());
        }
    }

    #[test]
    fn every_stage_but_quit_has_a_metric_of_its_name() {
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Quit) {
            let metric = LatencyMetric::of_stage(stage).expect("a metric");
            assert_eq!(metric.name(), format!("stage_{}", stage.name().replace('-', "_")));
        }
    }
}
