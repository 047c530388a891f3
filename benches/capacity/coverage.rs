//! Searches for the capacity of simulated servers whose limit is known: how often the answer holds it.

use mailbench::measure::capacity::results::Capacity;
use mailbench::run::Request;
use mailbench::run::capacity::{SearchOptions, on_model};
use mailbench::scenario;
use mailbench::simulate::model::Model;

/// A server with one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    /// What it delivers at most, messages a second.
    pub(crate) limit: f64,
    /// `constant` or `poisson`.
    pub(crate) arrival: &'static str,
    /// Whether its service times are exponential instead of all the same.
    pub(crate) random: bool,
}

impl Server {
    /// A search of it. The scenario's rate, from which the search begins, is drawn by the seed.
    pub(crate) fn search(&self, options: &SearchOptions, seed: u64) -> Capacity {
        let loaded = scenario::parse("server.toml", &self.scenario(seed), &[]).expect("a scenario");
        let model = Model::of(&loaded.scenario).expect("a model");
        let request = Request {
            loaded,
            output: None,
            command: String::new(),
            allowed_targets: Vec::new(),
            reach: mailbench::run::isolation::Reach::Host,
            empty_first: None,
            preflight: true,
        };
        on_model(&request, options, &model).expect("thresholds")
    }

    fn scenario(&self, seed: u64) -> String {
        let service_ms = 1e3 / self.limit;
        let service = match self.random {
            true => format!("{{ dist = \"exponential\", mean = \"{service_ms}ms\" }}"),
            false => format!("\"{service_ms}ms\""),
        };
        // From half to four times the limit.
        let start = self.limit * 2.0_f64.powf(seed as f64 * 0.618_034 % 1.0 * 3.0 - 1.0);
        format!(
            "name = \"one-server\"\nseed = {seed}\n[target.delivery]\nconcurrency = \
             1\nper_destination = 1\n[load]\nrate = \"{start}/s\"\narrival = \"{}\"\ndrain = \
             \"30m\"\n[simulate]\nservice = {service}\n[[destination]]\ndomain = \"a.test\"\n",
            self.arrival
        )
    }
}

/// How the answers of several searches compare with the truth.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coverage {
    /// Searches.
    pub(crate) searches: u32,
    /// Those whose interval holds the truth.
    pub(crate) hold: u32,
    /// Those that found no lower bound, or no upper one.
    pub(crate) open: u32,
    /// Highest lower bound over the truth, less 1.
    pub(crate) most_over: f64,
    /// Mean width reached, as a share.
    pub(crate) mean_width: f64,
    /// Widest.
    pub(crate) most_width: f64,
    /// Mean seconds of load a search takes, warm-up included.
    pub(crate) mean_load_s: f64,
    /// Mean trials a search takes.
    pub(crate) mean_trials: f64,
}

impl Coverage {
    /// Adds one answer.
    pub(crate) fn enter(&mut self, capacity: &Capacity, truth: f64, warm_up_s: f64) {
        let n = f64::from(self.searches);
        let mean = |before: f64, value: f64| (before * n + value) / (n + 1.0);
        let load: f64 = capacity.trials.iter().map(|trial| trial.duration_s + warm_up_s).sum();
        self.mean_load_s = mean(self.mean_load_s, load);
        self.mean_trials = mean(self.mean_trials, capacity.trials.len() as f64);
        self.searches += 1;
        let bounds = capacity.lower_bound_per_s.zip(capacity.upper_bound_per_s);
        let Some((lower, upper)) = bounds else {
            self.open += 1;
            return;
        };
        self.hold += u32::from(lower <= truth && truth <= upper);
        self.most_over = self.most_over.max(lower / truth - 1.0);
        let width = upper / lower - 1.0;
        self.mean_width = mean(self.mean_width, width);
        self.most_width = self.most_width.max(width);
    }
}

/// Searches with the seeds of `seeds`.
pub(crate) fn coverage(
    server: &Server,
    options: &SearchOptions,
    seeds: impl Iterator<Item = u64>,
) -> Coverage {
    let mut coverage = Coverage::default();
    for seed in seeds {
        let capacity = server.search(options, seed);
        coverage.enter(&capacity, server.limit, options.warm_up_s);
    }
    coverage
}
