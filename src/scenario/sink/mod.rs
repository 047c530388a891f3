//! `[sink]`: where it listens, and what it offers to every destination.

mod offer;
pub(super) mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::smtp::Begin;
use super::targets::TargetKind;
use crate::fault::rule::{Keys, TlsFault};
use crate::grammar::at::{At, place, some, value_or};
use crate::grammar::diagnosis::{Problem, Problems};
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::{NotAUnit, address};
use crate::limits;
use crate::probe::DestinationId;
use crate::smtp::client::Protocol;
pub use crate::smtp::dialogue::Extension;
pub(super) use offer::{Choice, choose, offer_text, offer_what_breaks};
use routes::own_address;

/// `[sink]`: the destinations' own settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sink")]
pub(super) struct Written {
    /// Where it listens, `IP:PORT`; port 0: a free one. Default: 127.0.0.1:0.
    pub listen: Option<At<String>>,
    /// Which reading of the protocol. Default: native.
    pub engine: Option<At<Engine>>,
    /// Whether each destination has an address of its own. Default: per-destination for a target
    /// that mailbench starts, shared for an external one.
    pub addresses: Option<At<Addresses>>,
    /// TLS: starttls offers STARTTLS, implicit begins with it. Default: none.
    pub tls: Option<At<Begin>>,
    /// The protocol spoken. Default: smtp.
    pub protocol: Option<At<Protocol>>,
    /// Exactly what it offers. Default: PIPELINING, SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES
    /// and DSN.
    pub extensions: Option<At<Vec<At<Extension>>>>,
    /// What it offers beside that.
    pub with: Option<At<Vec<At<Extension>>>>,
    /// What of that it does not offer.
    pub without: Option<At<Vec<At<Extension>>>>,
}

/// Which protocol engine the sink runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Ours.
    #[default]
    Native,
    /// A second, independent reading of the protocol.
    Samotop,
}

/// How many addresses the sink has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Addresses {
    /// One for all destinations.
    Shared,
    /// One for each destination, to which the target must be routed.
    PerDestination,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![("Sink.listen", schema::address())]
}

/// `[sink]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSpec {
    /// Where the sink listens; port 0: a free one.
    pub listen: SocketAddr,
    /// Which reading of the protocol.
    pub engine: Engine,
    /// What it offers to every destination that has no list of its own.
    pub extensions: Vec<Extension>,
    /// Whether TLS begins with the first byte.
    pub implicit_tls: bool,
    /// Whether it speaks LMTP.
    pub lmtp: bool,
    /// Whether each destination has an address of its own; `None`: as the target's kind has it.
    pub addresses: Option<Addresses>,
}

impl Engine {
    /// What it offers by default: nothing that costs more than a parameter.
    #[must_use]
    pub fn extensions(self) -> Vec<Extension> {
        let ordinary = [
            Extension::Pipelining,
            Extension::Size,
            Extension::EightBitMime,
            Extension::SmtpUtf8,
            Extension::EnhancedStatusCodes,
            Extension::Dsn,
        ];
        ordinary.into_iter().filter(|extension| self.reads(*extension)).collect()
    }

    /// Whether it can read what a client says that uses this.
    #[must_use]
    pub fn reads(self, extension: Extension) -> bool {
        match self {
            Engine::Native => true,
            Engine::Samotop => matches!(
                extension,
                Extension::Pipelining
                    | Extension::Size
                    | Extension::EightBitMime
                    | Extension::EnhancedStatusCodes
                    | Extension::StartTls
            ),
        }
    }
}

pub(super) fn resolve(written: Option<&At<Written>>, problems: &mut Problems) -> SinkSpec {
    let nothing = Written::default();
    let sink = written.map_or(&nothing, |written| &written.value);
    let engine = value_or(&sink.engine, Engine::default());
    let choice = Choice { exactly: &sink.extensions, with: &sink.with, without: &sink.without };
    let chosen = choose(&choice, engine, &engine.extensions(), problems);
    let mut extensions = chosen.unwrap_or_else(|| engine.extensions());
    let tls = value_or(&sink.tls, Begin::None);
    if tls == Begin::Starttls {
        offer::add(&mut extensions, Extension::StartTls);
    }
    if tls == Begin::Implicit && extensions.contains(&Extension::StartTls) {
        let place = place(&sink.tls).cloned().unwrap_or_default();
        problems.push(Problem::new(&place, "STARTTLS is offered, and TLS is there already"));
    }
    let lmtp = sink.protocol.as_ref().filter(|protocol| protocol.value == Protocol::Lmtp);
    if let Some(protocol) = lmtp.filter(|_| engine == Engine::Samotop) {
        problems.push(offer::samotop(&protocol.span, "LHLO"));
    }
    SinkSpec {
        listen: listen(sink.listen.as_ref(), problems),
        engine,
        extensions,
        implicit_tls: tls == Begin::Implicit,
        lmtp: lmtp.is_some(),
        addresses: sink.addresses.as_ref().map(|addresses| addresses.value),
    }
}

/// Notes addresses of destinations to which nothing can be routed.
pub(super) fn check_addresses(
    written: Option<&At<Written>>,
    sink: &SinkSpec,
    target: &TargetKind,
    destinations: usize,
    problems: &mut Problems,
) {
    let Some(key) = written.and_then(|written| place(&written.value.addresses)) else { return };
    if sink.addresses != Some(Addresses::PerDestination) {
        return;
    }
    let mut refuse = |place: &Range<usize>, what: String, help: &str| {
        problems.refuse(place, what, help);
    };
    let ports = usize::from(u16::MAX - sink.listen.port());
    let listen = written.and_then(|written| place(&written.value.listen)).unwrap_or(key);
    match target {
        TargetKind::Direct => refuse(
            key,
            "a direct run has no target that could be routed".to_owned(),
            "leave `addresses` out, or name a target kind that relays",
        ),
        TargetKind::External(_) if sink.listen.port() == 0 => refuse(
            listen,
            "an external target must know the port of each address".to_owned(),
            "write a fixed port in [sink], such as `listen = \"127.0.0.1:2526\"`",
        ),
        _ if destinations > limits::ROUTES => refuse(
            key,
            format!("{destinations} destinations are more than the sink has addresses for"),
            "use at most 1024 destinations, or `addresses = \"shared\"`",
        ),
        _ if sink.listen.port() != 0
            && destinations > ports
            && own_address(sink.listen, DestinationId(0)).ip() == sink.listen.ip() =>
        {
            refuse(
                listen,
                format!("there are only {ports} ports above that of `listen`"),
                "each destination takes the next port: write a lower one",
            );
        }
        _ => {}
    }
}

/// With TLS from the first byte there is no offer to withhold.
pub(super) fn check_implicit(written: &[At<Keys>], sink: &SinkSpec, problems: &mut Problems) {
    let withheld = written.iter().filter_map(|fault| fault.value.tls.as_ref());
    for tls in withheld.filter(|tls| sink.implicit_tls && tls.value == TlsFault::NotOffered) {
        problems.refuse(
            &tls.span,
            "implicit TLS is not offered, it is just there",
            "use `tls = \"starttls\"` in [sink]",
        );
    }
}

fn listen(written: Option<&At<String>>, problems: &mut Problems) -> SocketAddr {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let Some(written) = written else { return any_port };
    address(&written.value).unwrap_or_else(|NotAUnit { what, right }| {
        problems.refuse(&written.span, what, right);
        any_port
    })
}

impl From<&SinkSpec> for Written {
    fn from(sink: &SinkSpec) -> Written {
        Written {
            listen: some(sink.listen.to_string()),
            engine: some(sink.engine),
            tls: some(if sink.implicit_tls { Begin::Implicit } else { Begin::None }),
            protocol: some(if sink.lmtp { Protocol::Lmtp } else { Protocol::Smtp }),
            extensions: Some(offer_text(&sink.extensions)),
            with: None,
            without: None,
            addresses: sink.addresses.map(At::from),
        }
    }
}
