//! Where load may go: loopback, unless the user authorised an address twice, on the command line
//! and in their own configuration file. A scenario can widen nothing.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::isolation::Reach;
use crate::scenario::Scenario;
use crate::scenario::model::TargetKind;
use crate::targets::routing;
use crate::{files, limits};

/// A range of addresses, such as `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why an address may not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SafetyError {
    /// Not loopback and not on the command line.
    #[error(
        "{0} is not on this machine. mailbench sends load to loopback only; if you may load-test \
         that host, say so with `--allow-target {0}/{1}` and list it in {2}"
    )]
    NotAllowed(IpAddr, u8, String),
    /// On the command line, not in the user's own file.
    #[error(
        "{0} is allowed on the command line but not listed in {1}. Add a line with the address \
         or CIDR there to confirm that you are authorised to load-test it"
    )]
    NotAuthorised(IpAddr, String),
    /// A setting of a real MTA that could send mail away from this machine.
    #[error(
        "[target.settings] `{0}` could send mail to other machines or run commands, and the target \
         would be on {1}. Leave it out; or run where network namespaces can be made, with \
         `network = \"isolated\"`; or, if mail may go there, allow the address with --allow-target"
    )]
    Routing(String, String),
}

/// Text that is no CIDR.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address range; write it as `192.0.2.7` or `192.0.2.0/24`")]
pub struct NotACidr(String);

impl Cidr {
    /// Whether the range holds this address.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (bits(self.address), bits(address)) {
            ((own, width), (other, of)) if width == of => {
                let shift = u32::from(width) - u32::from(self.prefix);
                own.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Cidr, NotACidr> {
        let wrong = || NotACidr(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (_, width) = bits(address);
        let prefix = prefix.map_or(Ok(width), str::parse).map_err(|_| wrong())?;
        if prefix > width { Err(wrong()) } else { Ok(Cidr { address, prefix }) }
    }
}

/// The user's own list of targets they are authorised to load.
#[must_use]
pub fn authorised_file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let config = variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".config")))?;
    Some(config.join("mailbench/authorized-targets"))
}

/// Checks that `address` may be loaded.
///
/// # Errors
/// When it is not loopback and not authorised in both places.
pub fn check(
    address: IpAddr,
    allowed: &[Cidr],
    authorised: Option<&Path>,
) -> Result<(), SafetyError> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return Ok(());
    }
    let shown = authorised.unwrap_or(Path::new("~/.config/mailbench/authorized-targets"));
    let shown = shown.display().to_string();
    if !allowed.iter().any(|range| range.contains(address)) {
        return Err(SafetyError::NotAllowed(address, bits(address).1, shown));
    }
    let text = authorised
        .and_then(|path| files::read_text(path, limits::SMALL_FILE).ok())
        .unwrap_or_default();
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut listed = lines.filter_map(|line| line.parse::<Cidr>().ok());
    if listed.any(|range| range.contains(address)) {
        Ok(())
    } else {
        Err(SafetyError::NotAuthorised(address, shown))
    }
}

/// Checks that no setting of a real MTA can lead mail away from this machine.
///
/// # Errors
/// When one could, and the target is not isolated, and no address beyond loopback was allowed.
pub fn check_routes(
    scenario: &Scenario,
    reach: &Reach,
    allowed: &[Cidr],
) -> Result<(), SafetyError> {
    let TargetKind::Managed(managed) = &scenario.target.kind else { return Ok(()) };
    if reach.is_loopback() || !allowed.is_empty() {
        return Ok(());
    }
    match managed.settings.iter().find(|(name, value)| routing::could_route(name, value)) {
        Some((name, _)) => Err(SafetyError::Routing(name.clone(), reach.to_string())),
        None => Ok(()),
    }
}

/// An address as a number, and its width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn loopback_needs_no_word() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(check(ip(address), &[], None).is_ok(), "{address}");
        }
    }

    #[test]
    fn another_address_needs_both_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("authorized-targets");
        let range: Cidr = "192.0.2.0/24".parse().expect("a range");
        let address = ip("192.0.2.9");
        assert!(check(address, &[], Some(&file)).is_err(), "neither");
        assert!(check(address, &[range], Some(&file)).is_err(), "command line only");
        std::fs::write(&file, "# mine\n192.0.2.9 # test rack\n").expect("written");
        assert!(check(address, &[], Some(&file)).is_err(), "file only");
        assert!(check(address, &[range], Some(&file)).is_ok(), "both");
        assert!(check(ip("192.0.3.9"), &[range], Some(&file)).is_err(), "another");
    }

    #[test]
    fn ranges_are_read_and_refused() {
        assert!("0.0.0.0/0".parse::<Cidr>().expect("a range").contains(ip("203.0.113.1")));
        assert!(!"0.0.0.0/0".parse::<Cidr>().expect("a range").contains(ip("2001:db8::1")));
        for text in ["", "x", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2/24"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
