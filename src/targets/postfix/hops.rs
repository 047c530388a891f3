//! Where Postfix sends mail, and how it is to speak there.

use std::net::SocketAddr;

use super::super::conformance::UNKNOWN_CLIENT;
use super::super::{Settings, native};

/// One next hop a destination, for Postfix counts concurrency and failures by next hop.
pub(super) fn routes(settings: &Settings) -> Option<(String, String)> {
    if native::hops_are_shared(settings) {
        return None;
    }
    let route = |(domain, hosts): (&str, Vec<SocketAddr>)| {
        let hosts: Vec<String> = hosts.into_iter().map(next_hop).collect();
        format!("{{ {domain} = smtp:{} }}", hosts.join(", "))
    };
    let routes: Vec<String> = native::hosts(settings).into_iter().map(route).collect();
    Some(("transport_maps".to_owned(), format!("inline:{{ {} }}", routes.join(", "))))
}

/// What an examination asks: strangers, and next hops that are spoken to under TLS or not at all.
pub(super) fn demanded(settings: &Settings) -> Vec<(String, String)> {
    let demands = &settings.demands;
    let mut main = Vec::new();
    if demands.unknown_clients {
        let trusted = format!("!{UNKNOWN_CLIENT}/32, 127.0.0.0/8");
        main.push(("mynetworks".to_owned(), trusted));
    }
    let secured = settings.routes.iter().filter(|(domain, _)| demands.secured.contains(domain));
    let policies: Vec<String> =
        secured.map(|(_, hop)| format!("{{ {} = encrypt }}", next_hop(*hop))).collect();
    if !policies.is_empty() {
        let table = format!("inline:{{ {} }}", policies.join(", "));
        main.push(("smtp_tls_policy_maps".to_owned(), table));
    }
    main
}

pub(super) fn next_hop(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::settings;
    use super::*;
    use crate::targets::conformance::ConformanceNeeds;

    #[test]
    fn what_an_examination_asks_becomes_settings() {
        let mut settings = settings(&[("a.test", 1), ("a.test", 2), ("b.test", 3)]);
        assert!(demanded(&settings).is_empty());
        let (_, table) = routes(&settings).expect("routes");
        assert!(table.contains("{ a.test = smtp:[127.0.0.1]:1, [127.0.0.1]:2 }"), "{table}");
        settings.demands =
            ConformanceNeeds { secured: vec!["b.test".to_owned()], unknown_clients: true };
        let demanded: BTreeMap<String, String> = demanded(&settings).into_iter().collect();
        assert_eq!(demanded["mynetworks"], "!127.66.0.1/32, 127.0.0.0/8");
        assert_eq!(demanded["smtp_tls_policy_maps"], "inline:{ { [127.0.0.1]:3 = encrypt } }");
    }
}
