//! The routing table of a scenario, ready to paste into the configuration of an MTA. Where mail goes
//! is decided by `Scenario::routes`.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use crate::probe::BOUNCE_DOMAIN;
use crate::scenario::model::Route;

/// For which MTA, or in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Aligned columns for people.
    Table,
    /// One JSON object.
    Json,
    /// `transport_maps` of Postfix.
    Postfix,
    /// A `manualroute` router and a transport of Exim.
    Exim,
    /// `mailertable` of Sendmail.
    Sendmail,
    /// Actions and matches of OpenSMTPD.
    Opensmtpd,
    /// A plugin of Haraka.
    Haraka,
    /// `esmtproutes` of Courier.
    Courier,
    /// Host records of dnsmasq, for an MTA that looks every domain up in DNS, such as chasquid.
    Dnsmasq,
}

impl Form {
    /// Every form there is.
    pub const ALL: [Form; 9] = [
        Form::Table,
        Form::Json,
        Form::Postfix,
        Form::Exim,
        Form::Sendmail,
        Form::Opensmtpd,
        Form::Haraka,
        Form::Courier,
        Form::Dnsmasq,
    ];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Table => "table",
            Form::Json => "json",
            Form::Postfix => "postfix",
            Form::Exim => "exim",
            Form::Sendmail => "sendmail",
            Form::Opensmtpd => "opensmtpd",
            Form::Haraka => "haraka",
            Form::Courier => "courier",
            Form::Dnsmasq => "dnsmasq",
        }
    }
}

/// Domains named in the short form.
const SHORT: usize = 6;

/// The table in this form, with how to use it as comments.
#[must_use]
pub fn render(routes: &[Route], form: Form) -> String {
    match form {
        Form::Table => table(routes),
        Form::Json => json(routes),
        Form::Postfix => postfix(routes),
        Form::Exim => exim(routes),
        Form::Sendmail => sendmail(routes),
        Form::Opensmtpd => opensmtpd(routes),
        Form::Haraka => haraka(routes),
        Form::Courier => courier(routes),
        Form::Dnsmasq => dnsmasq(routes),
    }
}

/// The table in one line, for the start of a run: the first domains and that of bounces.
#[must_use]
pub fn in_short(routes: &[Route]) -> String {
    let Some((bounces, domains)) = routes.split_last() else { return String::new() };
    let one = |route: &Route| format!("{} to {}", route.domain, route.address);
    let mut words: Vec<String> = domains.iter().take(SHORT).map(one).collect();
    if domains.len() > SHORT {
        words.push(format!("{} more", domains.len() - SHORT));
    }
    format!("{} and bounces ({}) to {}", words.join(", "), bounces.domain, bounces.address)
}

fn table(routes: &[Route]) -> String {
    let widest = routes.iter().map(|route| route.domain.len()).max().unwrap_or(0);
    lines(routes, |route| {
        let note = match route.domain == BOUNCE_DOMAIN {
            true => "  bounces return here (VERP senders); route it, too",
            false => "",
        };
        format!("{:widest$}  {}{note}", route.domain, route.address)
    })
}

fn json(routes: &[Route]) -> String {
    let value = serde_json::json!({ "bounce_domain": BOUNCE_DOMAIN, "routes": routes });
    format!("{value:#}\n")
}

fn postfix(routes: &[Route]) -> String {
    let route = |route: &Route| {
        format!("{} smtp:[{}]:{}", route.domain, route.address.ip(), route.address.port())
    };
    format!(
        "# /etc/postfix/mailbench, named in main.cf: transport_maps = texthash:/etc/postfix/mailbench
# The domains must not be in mydestination; 127.0.0.0/8 must be in mynetworks.
# {BOUNCE_DOMAIN} is where bounces return (VERP senders).
{}",
        lines(routes, route)
    )
}

fn exim(routes: &[Route]) -> String {
    // Colons separate hosts, so that those of an address are doubled.
    let host = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => format!("{ip}::{}", address.port()),
        IpAddr::V6(ip) => format!("[{}]::{}", ip.to_string().replace(':', "::"), address.port()),
    };
    let route = |route: &Route| format!("{} \"{}\" byname", route.domain, host(route.address));
    let routes: Vec<String> = routes.iter().map(route).collect();
    format!(
        "# A router, before all others; {BOUNCE_DOMAIN} is where bounces return (VERP senders).
mailbench:
  driver = manualroute
  route_list = {}
  self = send
  transport = mailbench

# A transport.
mailbench:
  driver = smtp
  allow_localhost
",
        routes.join(" ; \\\n    ")
    )
}

fn sendmail(routes: &[Route]) -> String {
    let first = routes.first().map_or(0, |route| route.address.port());
    let mut ports: Vec<u16> = routes.iter().map(|route| route.address.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    let mailer = |port: u16| if port == first { "esmtp".to_owned() } else { format!("mb{port}") };
    let host = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    };
    let route = |route: &Route| {
        format!("{}\t{}:{}", route.domain, mailer(route.address.port()), host(route.address.ip()))
    };
    let mut text = format!(
        "# /etc/mail/mailertable: makemap hash /etc/mail/mailertable < /etc/mail/mailertable
# In sendmail.mc, above MAILER(`smtp'), since a mailertable has no ports:
#   FEATURE(`mailertable')dnl
#   define(`ESMTP_MAILER_ARGS', `TCP $h {first}')dnl
"
    );
    for port in ports.into_iter().filter(|port| *port != first) {
        let _never_fails = writeln!(
            text,
            "# In sendmail.mc, below MAILER(`smtp'), with the flags of its esmtp mailer:
#   MAILER_DEFINITIONS
#   Mmb{port}, P=[IPC], F=mDFMuXa, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990, \
             T=DNS/RFC822/SMTP, A=TCP $h {port}"
        );
    }
    let _never_fails = writeln!(text, "# {BOUNCE_DOMAIN} is where bounces return (VERP senders).");
    text + &lines(routes, route)
}

fn opensmtpd(routes: &[Route]) -> String {
    let action = |(number, route): (usize, &Route)| {
        format!("action \"mailbench-{number}\" relay host \"smtp://{}\"\n", route.address)
    };
    let matched = |(number, route): (usize, &Route)| {
        format!("match from any for domain \"{}\" action \"mailbench-{number}\"\n", route.domain)
    };
    let actions: String = routes.iter().enumerate().map(action).collect();
    let matches: String = routes.iter().enumerate().map(matched).collect();
    format!(
        "# smtpd.conf, above the other matches; {BOUNCE_DOMAIN} is where bounces return (VERP senders).
{actions}{matches}"
    )
}

fn haraka(routes: &[Route]) -> String {
    let route = |route: &Route| {
        let hop = serde_json::json!({
            "priority": 0,
            "exchange": route.address.ip().to_string(),
            "port": route.address.port(),
        });
        format!("  {}: {hop},\n", serde_json::json!(route.domain))
    };
    let routes: String = routes.iter().map(route).collect();
    format!(
        "// plugins/mailbench_routes.js, named in config/plugins.
// {BOUNCE_DOMAIN} is where bounces return (VERP senders).
'use strict';
const routes = {{
{routes}}};
exports.hook_mail = function (next, connection) {{ connection.relaying = true; next(OK); }};
exports.hook_rcpt = function (next) {{ next(OK); }};
exports.hook_get_mx = function (next, hmail, domain) {{
  if (routes[domain]) next(OK, routes[domain]); else next(DENY, 'no route');
}};
"
    )
}

fn courier(routes: &[Route]) -> String {
    let route = |route: &Route| {
        format!("{}:[{}],{}", route.domain, route.address.ip(), route.address.port())
    };
    format!(
        "# /etc/courier/esmtproutes; {BOUNCE_DOMAIN} is where bounces return (VERP senders).\n{}",
        lines(routes, route)
    )
}

fn dnsmasq(routes: &[Route]) -> String {
    let port = routes.first().map_or(0, |route| route.address.port());
    let route = |route: &Route| format!("host-record={},{}", route.domain, route.address.ip());
    format!(
        "# dnsmasq.conf. DNS has no ports: the MTA must connect to port {port}.
# {BOUNCE_DOMAIN} is where bounces return (VERP senders).
{}",
        lines(routes, route)
    )
}

fn lines(routes: &[Route], line: impl Fn(&Route) -> String) -> String {
    routes.iter().map(|route| line(route) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(addresses: &[&str]) -> Vec<Route> {
        let domains = ["one.test", "two.test", BOUNCE_DOMAIN];
        let route = |(domain, address): (&str, &&str)| Route {
            domain: domain.to_owned(),
            address: address.parse().expect("an address"),
        };
        domains.into_iter().zip(addresses).map(route).collect()
    }

    fn v4() -> Vec<Route> {
        routes(&["127.1.0.1:2526", "127.1.0.2:2526", "127.0.0.1:2526"])
    }

    fn v6() -> Vec<Route> {
        routes(&["[::1]:2527", "[::1]:2528", "[::1]:2526"])
    }

    #[test]
    fn every_form_names_every_domain_and_the_bounce_domain() {
        let forms = [
            (Form::Table, "two.test               127.1.0.2:2526\n"),
            (Form::Json, "\"address\": \"127.1.0.2:2526\""),
            (Form::Postfix, "\ntwo.test smtp:[127.1.0.2]:2526\n"),
            (Form::Exim, "two.test \"127.1.0.2::2526\" byname"),
            (Form::Sendmail, "\ntwo.test\tesmtp:[127.1.0.2]\n"),
            (Form::Opensmtpd, "action \"mailbench-1\" relay host \"smtp://127.1.0.2:2526\"\n"),
            (Form::Haraka, "{\"exchange\":\"127.1.0.2\",\"port\":2526,\"priority\":0}"),
            (Form::Courier, "\ntwo.test:[127.1.0.2],2526\n"),
            (Form::Dnsmasq, "\nhost-record=two.test,127.1.0.2\n"),
        ];
        for (form, line) in forms {
            let text = render(&v4(), form);
            assert!(text.contains(line), "{form:?}: {line}\n{text}");
            for domain in ["one.test", BOUNCE_DOMAIN] {
                assert!(text.contains(domain), "{form:?}: {domain}\n{text}");
            }
        }
    }

    #[test]
    fn ports_of_their_own_are_written_as_each_wants_them() {
        for (form, line) in [
            (Form::Postfix, "\ntwo.test smtp:[::1]:2528\n"),
            (Form::Exim, "two.test \"[::::1]::2528\" byname"),
            (Form::Sendmail, "\ntwo.test\tmb2528:[IPv6:::1]\n"),
            (Form::Sendmail, "T=DNS/RFC822/SMTP, A=TCP $h 2528\n"),
            (Form::Opensmtpd, "relay host \"smtp://[::1]:2528\"\n"),
            (Form::Courier, "\ntwo.test:[::1],2528\n"),
        ] {
            let text = render(&v6(), form);
            assert!(text.contains(line), "{form:?}: {line}\n{text}");
        }
    }

    #[test]
    fn the_short_form_ends_with_bounces_and_is_short() {
        let said = in_short(&v4());
        assert_eq!(
            said,
            "one.test to 127.1.0.1:2526, two.test to 127.1.0.2:2526 and bounces \
             (bounce.mailbench.test) to 127.0.0.1:2526"
        );
        let mut many = vec![v4()[0].clone(); 500];
        many.push(v4()[2].clone());
        assert!(in_short(&many).contains(", 494 more and bounces"), "{}", in_short(&many));
    }
}
