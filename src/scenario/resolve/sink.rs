//! `[sink]`, and what each destination offers.

use std::net::{Ipv4Addr, SocketAddr};

use super::place;
use crate::fault::rule::{Action, Rule, TlsFault};
use crate::limits;
use crate::probe::DestinationId;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At, Protocol, Tls};
use crate::scenario::model::{
    Addresses, Destination, Engine, Extension, SinkSpec, TargetKind, own_address,
};
use crate::scenario::units::{NotAUnit, address};

/// The keys by which what is offered is chosen.
pub(super) struct Choice<'a> {
    pub(super) exactly: &'a Option<At<Vec<At<Extension>>>>,
    pub(super) with: &'a Option<At<Vec<At<Extension>>>>,
    pub(super) without: &'a Option<At<Vec<At<Extension>>>>,
}

pub(super) fn sink(written: Option<&At<file::Sink>>, problems: &mut Problems) -> SinkSpec {
    let nothing = file::Sink::default();
    let sink = written.map_or(&nothing, |written| &written.value);
    let engine = match sink.engine.as_ref().map(|engine| engine.value) {
        Some(file::Engine::Samotop) => Engine::Samotop,
        Some(file::Engine::Native) | None => Engine::Native,
    };
    let choice = Choice { exactly: &sink.extensions, with: &sink.with, without: &sink.without };
    let mut extensions = offered(&choice, engine, problems).unwrap_or_else(|| engine.extensions());
    let tls = sink.tls.as_ref().map_or(Tls::None, |tls| tls.value);
    if tls == Tls::Starttls {
        add(&mut extensions, Extension::StartTls);
    }
    if tls == Tls::Implicit && extensions.contains(&Extension::StartTls) {
        let place = place(&sink.tls).cloned().unwrap_or_default();
        problems.push(Problem::new(&place, "STARTTLS is offered, and TLS is there already"));
    }
    let lmtp = sink.protocol.as_ref().filter(|protocol| protocol.value == Protocol::Lmtp);
    if let Some(protocol) = lmtp.filter(|_| engine == Engine::Samotop) {
        problems.push(samotop(&protocol.span, "LHLO"));
    }
    SinkSpec {
        listen: listen(sink.listen.as_ref(), problems),
        engine,
        extensions,
        implicit_tls: tls == Tls::Implicit,
        lmtp: lmtp.is_some(),
        addresses: sink.addresses.as_ref().map(|addresses| match addresses.value {
            file::Addresses::Shared => Addresses::Shared,
            file::Addresses::PerDestination => Addresses::PerDestination,
        }),
    }
}

/// Notes addresses of destinations to which nothing can be routed.
pub(super) fn check_addresses(
    written: Option<&At<file::Sink>>,
    sink: &SinkSpec,
    target: &TargetKind,
    destinations: usize,
    problems: &mut Problems,
) {
    let Some(key) = written.and_then(|written| place(&written.value.addresses)) else { return };
    if sink.addresses != Some(Addresses::PerDestination) {
        return;
    }
    let mut refuse = |place: &std::ops::Range<usize>, what: String, help: &str| {
        problems.push(Problem::new(place, what).help(help));
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

/// What is chosen, on top of what `engine` offers anyhow; `None`: nothing is.
fn offered(choice: &Choice<'_>, engine: Engine, problems: &mut Problems) -> Option<Vec<Extension>> {
    choose(choice, engine, &engine.extensions(), problems)
}

/// What is chosen, on top of what is offered `otherwise`; `None`: nothing is.
pub(super) fn choose(
    choice: &Choice<'_>,
    engine: Engine,
    otherwise: &[Extension],
    problems: &mut Problems,
) -> Option<Vec<Extension>> {
    let Choice { exactly, with, without } = choice;
    if let Some(exactly) = exactly {
        for (name, key) in [("with", with), ("without", without)] {
            if let Some(span) = place(key) {
                let problem = Problem::new(span, format!("`{name}` beside `extensions`"));
                problems.push(problem.help("`extensions` says all that is offered: leave one out"));
            }
        }
        check(exactly, engine, problems);
        return Some(exactly.value.iter().map(|one| one.value).collect());
    }
    if with.is_none() && without.is_none() {
        return None;
    }
    let mut chosen = otherwise.to_vec();
    for extension in with.iter().flat_map(|with| &with.value) {
        add(&mut chosen, extension.value);
    }
    for extension in without.iter().flat_map(|without| &without.value) {
        chosen.retain(|one| *one != extension.value);
    }
    // Who offers SMTPUTF8 must offer 8BITMIME (RFC 6531 §3.1): clients count on it.
    let named = with.iter().flat_map(|with| &with.value).any(|it| it.value == Extension::SmtpUtf8);
    if !chosen.contains(&Extension::EightBitMime) && !named {
        chosen.retain(|one| *one != Extension::SmtpUtf8);
    }
    with.iter().for_each(|with| check(with, engine, problems));
    Some(chosen)
}

fn add(extensions: &mut Vec<Extension>, extension: Extension) {
    if !extensions.contains(&extension) {
        extensions.push(extension);
    }
}

fn check(written: &At<Vec<At<Extension>>>, engine: Engine, problems: &mut Problems) {
    for one in written.value.iter().filter(|one| !engine.reads(one.value)) {
        problems.push(samotop(&one.span, one.value.keyword()));
    }
}

fn samotop(place: &std::ops::Range<usize>, what: &str) -> Problem {
    let problem = Problem::new(place, format!("the samotop engine cannot read {what}"));
    problem.help("use `engine = \"native\"`")
}

/// TLS can only break where it is offered: a fault of it brings the offer with it.
pub(super) fn offer_what_breaks(
    rules: &[Rule],
    sink: &mut SinkSpec,
    destinations: &mut [Destination],
) {
    let breaks = |rule: &&Rule| matches!(rule.action, Action::Tls(_));
    for rule in rules.iter().filter(breaks).filter(|_| !sink.implicit_tls) {
        let named = rule.scope.destination.map(|id| usize::from(id.0));
        let common = sink.extensions.clone();
        match named.and_then(|number| destinations.get_mut(number)) {
            Some(one) => add(one.extensions.get_or_insert(common), Extension::StartTls),
            None => {
                add(&mut sink.extensions, Extension::StartTls);
                let own = destinations.iter_mut().filter_map(|one| one.extensions.as_mut());
                own.for_each(|own| add(own, Extension::StartTls));
            }
        }
    }
}

/// With TLS from the first byte there is no offer to withhold.
pub(super) fn check_implicit(
    written: &[At<file::Fault>],
    sink: &SinkSpec,
    problems: &mut Problems,
) {
    let withheld = written.iter().filter_map(|fault| fault.value.tls.as_ref());
    for tls in withheld.filter(|tls| sink.implicit_tls && tls.value == TlsFault::NotOffered) {
        let problem = Problem::new(&tls.span, "implicit TLS is not offered, it is just there");
        problems.push(problem.help("use `tls = \"starttls\"` in [sink]"));
    }
}

fn listen(written: Option<&At<String>>, problems: &mut Problems) -> SocketAddr {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let Some(written) = written else { return any_port };
    address(&written.value).unwrap_or_else(|NotAUnit { what, right }| {
        problems.push(Problem::new(&written.span, what).help(right));
        any_port
    })
}

#[cfg(test)]
mod tests {
    use crate::scenario::model::Extension::{self, EightBitMime, SmtpUtf8};

    /// Whether these are offered by `[sink]` with this line, and by a destination with it.
    fn offered(line: &str) -> [[bool; 2]; 2] {
        let text = format!(
            "name = \"x\"\n[load]\nrate = \"1/s\"\nduration = \"1s\"\n[sink]\n{line}\n\
             [[destination]]\ndomain = \"a.test\"\n{line}\n"
        );
        let scenario = crate::scenario::parse("x.toml", &text, &[]).expect("a scenario").scenario;
        let own = scenario.destinations[0].extensions.clone().expect("its own");
        let has = |all: &[Extension]| [EightBitMime, SmtpUtf8].map(|one| all.contains(&one));
        [has(&scenario.sink.extensions), has(&own)]
    }

    #[test]
    fn smtputf8_goes_with_8bitmime() {
        for (line, expected) in [
            ("without = [\"SIZE\"]", [true, true]),
            ("without = [\"SMTPUTF8\"]", [true, false]),
            ("without = [\"8BITMIME\"]", [false, false]),
            ("with = [\"SMTPUTF8\"]\nwithout = [\"8BITMIME\"]", [false, true]),
            ("extensions = [\"SMTPUTF8\"]", [false, true]),
        ] {
            assert_eq!(offered(line), [expected; 2], "{line}");
        }
    }
}
