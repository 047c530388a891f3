//! From as meant back to as written: a resolved scenario is a scenario, with every default
//! filled in. It is stored with a run and read again to judge it.

use std::collections::BTreeMap;

use super::file::{
    self, Amount, Arrival, At, Bound, Drawn, Encoding, Engine, File, Kind, Model, Parts, Retry,
    Schedule, Target, TextStyle, Thresholds,
};
use super::model::{
    self, Delivery, Extent, Load, LoadModel, MessageSpec, Mta, Scenario, SinkSpec, TargetKind,
    TargetSpec,
};
use super::units::{Count, Rate, Share, Size, Timespan, Unit};
use super::{write_fault, write_smtp};
use crate::quantity::{Law, Quantity};
use crate::queue::ordering::OrderingKind;
use crate::queue::schedule::{Growth, RetrySchedule};

/// The whole scenario as a file.
pub(super) fn file(scenario: &Scenario) -> File {
    let domain = |destination: &model::Destination| {
        At::from(file::Destination {
            domain: destination.domain.clone().into(),
            weight: some(Count(destination.weight)),
            extensions: destination.extensions.as_deref().map(extensions),
            with: None,
            without: None,
        })
    };
    File {
        name: some(scenario.name.clone()),
        question: some(scenario.question.clone()),
        seed: some(scenario.seed.0),
        target: some(target(&scenario.target)),
        load: some(load(&scenario.load)),
        smtp: some(write_smtp::smtp(&scenario.smtp)),
        sink: some(sink(&scenario.sink)),
        message: some(message(&scenario.message, &scenario.load.model)),
        destination: scenario.destinations.iter().map(domain).collect(),
        fault: write_fault::faults(&scenario.faults, &scenario.destinations),
        chaos: write_fault::chaos(&scenario.chaos),
        abuse: scenario.abuse.iter().map(|abuse| At::from(write_fault::abuse(abuse))).collect(),
        simulate: scenario.simulate.as_ref().map(|spec| At::from(simulate(spec))),
        thresholds: thresholds(scenario),
        compare: scenario.compare.as_ref().map(|it| At::from(compare(it))),
    }
}

fn simulate(spec: &model::SimulateSpec) -> file::Simulate {
    file::Simulate {
        service: spec.service.as_ref().and_then(|service| some(amount(service))),
        connect: some(amount(&spec.connect)),
        intake: some(amount(&spec.intake)),
        commit: some(amount(&spec.commit)),
        commit_batch: some(spec.commit_batch),
    }
}

fn compare(compare: &model::Compare) -> file::Compare {
    let variant = |one: &model::Variant| {
        let set = one.set.iter().map(|change| (change.key.clone(), plain(&change.value)));
        let set: BTreeMap<String, toml::Value> = set.collect();
        let set = if set.is_empty() { None } else { some(set) };
        At::from(file::Variant { name: one.name.clone().into(), set })
    };
    let names = |gate: &Vec<String>| gate.iter().cloned().map(At::from).collect::<Vec<_>>();
    file::Compare {
        pairs: some(compare.pairs),
        cool_down: some(Timespan(compare.cool_down)),
        extend: some(compare.extend),
        margin: some(Share(compare.margin)),
        rate_margin: some(Share(compare.rate_margin)),
        gate: compare.gate.as_ref().map(|gate| names(gate).into()),
        variant: compare.variants.iter().map(variant).collect(),
    }
}

/// A value as it was written in TOML.
fn plain(text: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("it = {text}"))
        .ok()
        .and_then(|mut table| table.remove("it"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

pub(super) fn some<T>(value: T) -> Option<At<T>> {
    Some(At::from(value))
}

/// A value, unless something else says it.
fn untold<T>(value: T, told: bool) -> Option<At<T>> {
    if told { None } else { some(value) }
}

fn thresholds(scenario: &Scenario) -> Option<Thresholds> {
    let bound = |line: &model::ThresholdLine| Bound {
        metric: line.metric.clone(),
        metric_span: line.metric_span.clone(),
        bound: line.bound.clone(),
        bound_span: line.bound_span.clone(),
    };
    let bounds: Vec<Bound> = scenario.thresholds.iter().map(bound).collect();
    if bounds.is_empty() { None } else { Some(Thresholds(bounds)) }
}

fn target(spec: &TargetSpec) -> Target {
    let kind = match &spec.kind {
        TargetKind::Relay => Kind::Relay,
        TargetKind::Direct => Kind::Direct,
        TargetKind::External(_) => Kind::External,
        TargetKind::Managed(managed) => mta_kind(managed.mta),
    };
    let mut delivery = delivery(&spec.delivery);
    if kind == Kind::External {
        (delivery.ordering, delivery.durability, delivery.tls) = (None, None, None);
    }
    Target {
        kind: some(kind),
        retry: spec.is_told_waits().then(|| some(retry(&spec.retry))).flatten(),
        delivery: some(delivery),
        changes: some(changes(&spec.changes)),
        network: spec.network.and_then(some),
        ..of_its_kind(&spec.kind)
    }
}

fn changes(changes: &model::Changes) -> file::Changes {
    file::Changes {
        headers: some(changes.headers),
        subject: some(changes.subject),
        footer: some(changes.footer),
        reencoded: some(changes.reencoded),
        sender: some(changes.sender),
        recipient: some(changes.recipient),
        copies: some(changes.copies.iter().cloned().map(At::from).collect()),
    }
}

fn mta_kind(mta: Mta) -> Kind {
    match mta {
        Mta::Postfix => Kind::Postfix,
        Mta::Exim => Kind::Exim,
        Mta::Opensmtpd => Kind::Opensmtpd,
        Mta::Haraka => Kind::Haraka,
    }
}

/// What is said of its kind alone.
fn of_its_kind(kind: &TargetKind) -> Target {
    match kind {
        TargetKind::Relay | TargetKind::Direct => Target::default(),
        TargetKind::External(target) => external(target),
        TargetKind::Managed(managed) => native(managed),
    }
}

fn external(target: &model::External) -> Target {
    let command = |command: &Option<Vec<String>>| command.clone().map(At::from);
    Target {
        address: some(target.address.to_string()),
        queue_command: command(&target.queue_command),
        start_command: command(&target.start_command),
        stop_command: command(&target.stop_command),
        pid_file: target.pid_file.as_ref().map(|path| At::from(path.display().to_string())),
        ..Target::default()
    }
}

fn native(managed: &model::Managed) -> Target {
    let text = |(name, value): (&String, &String)| (name.clone(), value.clone().into());
    let settings: BTreeMap<String, toml::Value> = managed.settings.iter().map(text).collect();
    Target {
        program: managed.program.as_ref().map(|path| At::from(path.display().to_string())),
        settings: if settings.is_empty() { None } else { some(settings) },
        ..Target::default()
    }
}

/// `[target.retry]`.
pub(super) fn retry(schedule: &RetrySchedule) -> Retry {
    let mut retry = Retry {
        jitter: some(Share(schedule.jitter)),
        give_up_after: some(Timespan(schedule.give_up_after)),
        ..Retry::default()
    };
    match &schedule.kind {
        Growth::Fixed { first } => {
            retry.schedule = some(Schedule::Fixed);
            retry.first = some(Timespan(*first));
        }
        Growth::Exponential { first, factor, cap } => {
            retry.schedule = some(Schedule::Exponential);
            retry.first = some(Timespan(*first));
            retry.factor = some(*factor);
            retry.cap = some(Timespan(*cap));
        }
        Growth::Steps { delays } => {
            retry.schedule = some(Schedule::Steps);
            retry.steps = some(delays.iter().map(|delay| Timespan(*delay)).collect());
        }
    }
    retry
}

/// `[target.delivery]`.
pub(super) fn delivery(delivery: &Delivery) -> file::Delivery {
    file::Delivery {
        concurrency: some(delivery.concurrency),
        per_destination: some(delivery.per_destination),
        ordering: some(match delivery.ordering {
            OrderingKind::Fifo => file::Ordering::Fifo,
            OrderingKind::DueTime => file::Ordering::DueTime,
            OrderingKind::Priority => file::Ordering::Priority,
            OrderingKind::LoadAware => file::Ordering::LoadAware,
        }),
        durability: some(match delivery.durability {
            model::Durability::Fsync => file::Durability::Fsync,
            model::Durability::None => file::Durability::None,
        }),
        tls: some(match delivery.tls {
            model::OnwardTls::None => file::OnwardTls::None,
            model::OnwardTls::May => file::OnwardTls::May,
            model::OnwardTls::Encrypt => file::OnwardTls::Encrypt,
        }),
    }
}

fn load(load: &Load) -> file::Load {
    let mut written = file::Load {
        warm_up: some(Timespan(load.warm_up)),
        drain: some(Timespan(load.drain)),
        sessions: some(load.sessions),
        messages_per_session: some(load.messages_per_session),
        ..file::Load::default()
    };
    match load.extent {
        Extent::Duration(duration) => written.duration = some(Timespan(duration)),
        Extent::Messages(messages) => written.messages = some(messages),
    }
    match &load.model {
        LoadModel::Closed { think_time } => {
            written.model = some(Model::Closed);
            written.think_time = some(amount(think_time));
        }
        LoadModel::Open { arrival, segments } => {
            written.model = some(Model::Open);
            write_arrival(arrival, &mut written);
            if matches!(arrival, model::Arrival::Trace(_)) {
                return written;
            }
            let warm_up = usize::from(!load.warm_up.is_zero());
            write_pieces(&segments[warm_up.min(segments.len())..], &mut written);
        }
    }
    written
}

fn write_arrival(arrival: &model::Arrival, written: &mut file::Load) {
    match arrival {
        model::Arrival::Constant => written.arrival = some(Arrival::Constant),
        model::Arrival::Poisson => written.arrival = some(Arrival::Poisson),
        model::Arrival::Trace(_) => {
            written.arrival = some(Arrival::Trace);
            written.trace = some(super::TRACE.to_owned());
        }
        model::Arrival::OnOff { on, off } => {
            written.arrival = some(Arrival::OnOff);
            written.on = some(Timespan(*on));
            written.off = some(Timespan(*off));
        }
    }
}

/// One level piece is `rate` beside `duration` or `messages`; anything else is segments.
fn write_pieces(pieces: &[model::Segment], written: &mut file::Load) {
    if let [piece] = pieces
        && piece.from_per_second == piece.to_per_second
    {
        written.rate = some(Rate(piece.from_per_second));
        return;
    }
    written.duration = None;
    let segment = |piece: &model::Segment| {
        At::from(file::Segment {
            rate: Rate(piece.from_per_second).into(),
            to: some(Rate(piece.to_per_second)),
            duration: Timespan(piece.duration).into(),
        })
    };
    written.segment = pieces.iter().map(segment).collect();
}

fn sink(sink: &SinkSpec) -> file::Sink {
    file::Sink {
        listen: some(sink.listen.to_string()),
        engine: some(match sink.engine {
            model::Engine::Native => Engine::Native,
            model::Engine::Samotop => Engine::Samotop,
        }),
        tls: some(if sink.implicit_tls { file::Tls::Implicit } else { file::Tls::None }),
        protocol: some(if sink.lmtp { file::Protocol::Lmtp } else { file::Protocol::Smtp }),
        extensions: Some(extensions(&sink.extensions)),
        with: None,
        without: None,
        addresses: sink.addresses.map(|addresses| {
            At::from(match addresses {
                model::Addresses::Shared => file::Addresses::Shared,
                model::Addresses::PerDestination => file::Addresses::PerDestination,
            })
        }),
    }
}

fn extensions(offered: &[model::Extension]) -> At<Vec<At<model::Extension>>> {
    At::from(offered.iter().map(|one| At::from(*one)).collect::<Vec<_>>())
}

fn message(message: &MessageSpec, load: &LoadModel) -> file::Message {
    let corpus = message.corpus.is_some();
    let trace = match load {
        LoadModel::Open { arrival: model::Arrival::Trace(trace), .. } => Some(&*trace.0),
        _ => None,
    };
    let text = match message.text {
        model::TextStyle::Prose => TextStyle::Prose,
        model::TextStyle::LongLines => TextStyle::LongLines,
        model::TextStyle::Dots => TextStyle::Dots,
    };
    let encoding = match message.encoding {
        model::Encoding::SevenBit => Encoding::SevenBit,
        model::Encoding::EightBit => Encoding::EightBit,
        model::Encoding::Utf8 => Encoding::Utf8,
    };
    file::Message {
        size: untold(
            amount::<Size>(&message.size),
            corpus || trace.is_some_and(|it| !it.sizes.is_empty()),
        ),
        recipients: untold(
            amount::<Count>(&message.recipients),
            trace.is_some_and(|it| !it.destinations.is_empty()),
        ),
        parts: some(match message.parts {
            model::Parts::Text => Parts::Text,
            model::Parts::Alternative => Parts::Alternative,
            model::Parts::Mixed => Parts::Mixed,
            model::Parts::Corpus => Parts::Corpus,
        }),
        text: untold(text, corpus),
        encoding: untold(encoding, corpus),
        null_sender: (message.null_sender > 0.0).then(|| At::from(Share(message.null_sender))),
        priority: message.priority.as_ref().map(|priority| At::from(amount::<Count>(priority))),
        corpus: message.corpus.as_ref().map(|corpus| At::from(corpus.0.pattern.clone())),
        dkim: message.dkim.as_ref().map(|dkim| At::from(signer(dkim))),
    }
}

fn signer(dkim: &model::Dkim) -> file::Dkim {
    let (key, key_env) = match &dkim.place {
        model::KeyPlace::Nowhere => (None, None),
        model::KeyPlace::File(path) => (Some(path), None),
        model::KeyPlace::Environment(name) => (None, Some(name)),
    };
    file::Dkim {
        domain: some(dkim.domain.clone()),
        selector: some(dkim.selector.clone()),
        key: key.map(|path| At::from(path.clone())),
        key_env: key_env.map(|name| At::from(name.clone())),
    }
}

/// A quantity in the unit of its key.
pub(super) fn amount<U: Unit>(quantity: &Quantity) -> Amount<U> {
    let unit = U::of_base;
    let (law, least, greatest) = match quantity {
        Quantity::Constant(value) => return Amount::Constant(unit(*value)),
        Quantity::Drawn { law, min, max } => (law, min.map(unit), max.map(unit)),
    };
    Amount::Drawn(match law {
        Law::LogNormal { median, sigma } => {
            Drawn::Lognormal { median: unit(*median), sigma: *sigma, min: least, max: greatest }
        }
        Law::Uniform { min, max } => Drawn::Uniform { min: unit(*min), max: unit(*max) },
        Law::Exponential { mean } => {
            Drawn::Exponential { mean: unit(*mean), min: least, max: greatest }
        }
        Law::Normal { mean, sd } => {
            Drawn::Normal { mean: unit(*mean), sd: unit(*sd), min: least, max: greatest }
        }
        Law::Pareto { min, shape } => {
            Drawn::Pareto { min: unit(*min), shape: *shape, max: greatest }
        }
        Law::Choice { values, weights } => Drawn::Choice {
            values: values.iter().map(|value| unit(*value)).collect(),
            weights: Some(weights.clone()),
        },
    })
}
