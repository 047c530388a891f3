//! How every subcommand that takes a scenario reads it: overrides, allowed domains.

use std::path::Path;

use crate::scenario::{self, Loaded, Override, Provenance, ScenarioError};

/// What the command line changes in a scenario, or allows it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ScenarioArgs {
    /// Override a key of the scenario, such as load.rate=50/s (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Override the scenario's seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Allow recipients in this domain, which is not a reserved one (repeatable)
    #[arg(long, value_name = "DOMAIN")]
    allow_recipient_domain: Vec<String>,
    /// The scenario is from someone else, as in a pull request: refuse whatever in it runs commands,
    /// reads files outside its folder or sends secrets
    ///
    /// Refused are run, start_command, stop_command, queue_command, program, pid_file, settings,
    /// network = "host", password_env, key_env, and corpus, key, tls_ca and trace outside the folder of
    /// the scenario. What --set says is your own and is allowed.
    #[arg(long)]
    untrusted: bool,
}

impl ScenarioArgs {
    /// These options as words of a command line, to repeat it.
    pub(super) fn words(&self) -> Vec<String> {
        let option =
            |name: &str, value: &dyn std::fmt::Display| [name.to_owned(), value.to_string()];
        let set = self.set.iter().flat_map(|change| option("--set", change));
        let seed = self.seed.iter().flat_map(|seed| option("--seed", seed));
        let domains = self.allow_recipient_domain.iter();
        let domains = domains.flat_map(|domain| option("--allow-recipient-domain", domain));
        let untrusted = self.untrusted.then(|| "--untrusted".to_owned());
        set.chain(seed).chain(domains).chain(untrusted).collect()
    }

    /// Reads a scenario, whole: what this returns can be run.
    ///
    /// # Errors
    /// Everything that is wrong with it; ends the program with `Exit::Scenario`.
    pub(super) fn load(&self, path: &Path) -> Result<Loaded, ScenarioError> {
        self.load_with(path, None)
    }

    /// Reads a scenario of which only target and sink are used.
    ///
    /// # Errors
    /// As [`ScenarioArgs::load`].
    pub(super) fn load_target(&self, path: &Path) -> Result<Loaded, ScenarioError> {
        let loaded = scenario::load_target(path, &self.overrides(None), self.provenance())?;
        scenario::check_domains(&loaded, &self.allow_recipient_domain)?;
        Ok(loaded)
    }

    /// [`ScenarioArgs::load`], with one more override.
    ///
    /// # Errors
    /// As there.
    pub(super) fn load_with(
        &self,
        path: &Path,
        more: Option<Override>,
    ) -> Result<Loaded, ScenarioError> {
        let loaded = scenario::load_as(path, &self.overrides(more), self.provenance())?;
        scenario::check_domains(&loaded, &self.allow_recipient_domain)?;
        Ok(loaded)
    }

    fn provenance(&self) -> Provenance {
        if self.untrusted { Provenance::Untrusted } else { Provenance::Own }
    }

    fn overrides(&self, more: Option<Override>) -> Vec<Override> {
        let seed = self.seed.map(|seed| Override::new("seed", seed.to_string()));
        self.set.iter().cloned().chain(seed).chain(more).collect()
    }
}
