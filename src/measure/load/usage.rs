//! What the target's processes used, over any part of the run.

use crate::clock::Time;
use crate::ledger::event::{Event, Usage};
use crate::measure::results::TargetResources;

/// Tracing the calls would show them, and slow down what is measured.
const NO_FSYNCS: &str = "fsyncs: the kernel keeps no count of them for a process";

/// Looks at the target's processes, in order.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    looks: Vec<Usage>,
}

/// Mean and highest value over a span; none without a look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanMax {
    /// Mean.
    pub mean: Option<f64>,
    /// Highest of a second.
    pub max: Option<f64>,
}

impl Uses {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        if let Event::Usage(usage) = event {
            self.looks.push(*usage);
        }
    }

    /// CPU, in cores.
    #[must_use]
    pub fn cpu(&self, from: Time, to: Time) -> MeanMax {
        self.rate(from, to, |look| Some(look.cpu_us as f64 / 1e6))
    }

    /// Disk, in bytes a second.
    #[must_use]
    pub fn io(&self, from: Time, to: Time) -> MeanMax {
        self.rate(from, to, |look| look.io_bytes.map(|bytes| bytes as f64))
    }

    /// Resident memory, in bytes.
    #[must_use]
    pub fn rss(&self, from: Time, to: Time) -> MeanMax {
        let values: Vec<f64> = self.within(from, to).map(|look| look.rss_bytes as f64).collect();
        MeanMax {
            mean: (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64),
            max: values.into_iter().max_by(f64::total_cmp),
        }
    }

    /// The facts of a report, over a span; none where the target's processes are not ours.
    #[must_use]
    pub fn facts(&self, from: Time, to: Time) -> Option<TargetResources> {
        let (cpu, rss, io) = (self.cpu(from, to), self.rss(from, to), self.io(from, to));
        let inside = || self.within(from, to);
        let open_files_max = inside().filter_map(|look| look.open_files).max();
        let not_ours = "only root can read it of another user's processes";
        let missing = [("disk", io.mean.is_none()), ("open files", open_files_max.is_none())];
        let missing = missing.into_iter().filter(|(_, missing)| *missing);
        let not_readable = missing.map(|(what, _)| format!("{what}: {not_ours}"));
        Some(TargetResources {
            cpu_mean_cores: cpu.mean?,
            cpu_max_cores: cpu.max?,
            rss_mean_bytes: rss.mean?,
            rss_max_bytes: inside().map(|look| look.rss_bytes).max()?,
            io_mean_bytes_per_s: io.mean,
            io_max_bytes_per_s: io.max,
            open_files_max,
            processes_max: inside().map(|look| look.processes).max()?,
            not_readable: not_readable.chain([NO_FSYNCS.to_owned()]).collect(),
        })
    }

    fn within(&self, from: Time, to: Time) -> impl Iterator<Item = &Usage> {
        self.looks.iter().filter(move |look| (from..=to).contains(&look.at))
    }

    /// Of what only rises: mean over the span, and the highest from one look to the next.
    fn rate(&self, from: Time, to: Time, value: impl Fn(&Usage) -> Option<f64>) -> MeanMax {
        let points = self.within(from, to).filter_map(|look| Some((look.at, value(look)?)));
        let points: Vec<(Time, f64)> = points.collect();
        let rate = |a: &(Time, f64), b: &(Time, f64)| {
            let seconds = b.0.since(a.0).as_secs_f64();
            (seconds > 0.0).then(|| (b.1 - a.1).max(0.0) / seconds)
        };
        MeanMax {
            mean: points.first().zip(points.last()).and_then(|(first, last)| rate(first, last)),
            max: points.windows(2).filter_map(|two| rate(&two[0], &two[1])).max_by(f64::total_cmp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::synthetic::ms;

    fn uses() -> Uses {
        let look = |at, cpu_us, rss_bytes, io| Usage {
            at: ms(at),
            cpu_us,
            rss_bytes,
            io_bytes: Some(io),
            open_files: Some(7),
            processes: 2,
        };
        let looks = [
            look(0, 0, 10, 0),
            look(1000, 500_000, 30, 4000),
            look(2000, 1_500_000, 20, 4000),
            look(9000, 1_500_000, 90, 4000),
        ];
        Uses { looks: looks.to_vec() }
    }

    #[test]
    fn means_are_over_the_span_and_peaks_from_look_to_look() {
        let uses = uses();
        assert_eq!(uses.cpu(ms(0), ms(2000)), MeanMax { mean: Some(0.75), max: Some(1.0) });
        assert_eq!(uses.rss(ms(0), ms(2000)), MeanMax { mean: Some(20.0), max: Some(30.0) });
        assert_eq!(uses.io(ms(0), ms(2000)), MeanMax { mean: Some(2000.0), max: Some(4000.0) });
    }

    #[test]
    fn without_two_looks_there_is_no_rate() {
        assert_eq!(uses().cpu(ms(8000), ms(9000)), MeanMax::default());
        assert!(uses().facts(ms(8000), ms(9000)).is_none());
        let facts = uses().facts(ms(0), ms(2000)).expect("facts");
        assert_eq!((facts.processes_max, facts.open_files_max), (2, Some(7)));
        assert_eq!(facts.not_readable, [NO_FSYNCS]);
    }

    #[test]
    fn what_could_not_be_read_is_said() {
        let mut uses = uses();
        uses.looks.iter_mut().for_each(|look| (look.io_bytes, look.open_files) = (None, None));
        let facts = uses.facts(ms(0), ms(2000)).expect("facts");
        let words = facts.not_readable.join("\n");
        assert!(words.contains("disk: ") && words.contains("open files: "), "{words}");
    }
}
