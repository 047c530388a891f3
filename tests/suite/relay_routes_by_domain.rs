//! Mail for a domain with a route goes there, retries too; all other mail goes to the main hop.

use std::time::Duration;

use crate::relay_actors::{Client, settings, start};
use crate::relay_next_hop::{NextHop, accept_all};

const TEXT: &str = "Subject: t\r\n\r\nhello";

#[tokio::test]
async fn each_domain_goes_its_way_and_the_bounce_goes_to_the_main_hop() {
    let main = NextHop::start(accept_all, Duration::ZERO).await;
    let own = NextHop::start(by_name, Duration::ZERO).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), main.address);
    settings.routes = vec![("Own.test".to_owned(), own.address)];
    let (relay, _running) = start(&settings);
    let mut client = Client::connect(relay).await.expect("a session");
    let recipients = ["late@own.test", "bad@OWN.test", "a@other.test"];
    client.send("<b+1@bounce.test>", &recipients, TEXT).await.expect("a reply");
    own.wait_for(1).await;
    main.wait_for(2).await;
    assert_eq!(own.recipients(), ["late@own.test"]);
    assert_eq!(own.attempts_at("late@own.test").len(), 2);
    assert_eq!(own.attempts_at("bad@OWN.test").len(), 1);
    let mut at_main = main.recipients();
    at_main.sort();
    assert_eq!(at_main, ["a@other.test", "b+1@bounce.test"]);
}

fn by_name(recipient: &str, attempt: usize) -> &'static str {
    match recipient {
        _ if recipient.starts_with("bad") => "550 5.1.1 nobody",
        _ if attempt == 1 => "451 4.7.1 later",
        _ => "250 2.1.5 ok",
    }
}
