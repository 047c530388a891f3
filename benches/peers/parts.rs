//! Parts of mailbench, and what bounds them, as processes of their own, so that each one's CPU can
//! be told from the others'.

use std::net::SocketAddr;
use std::sync::Arc;

use mailbench::clock::Clock;
use mailbench::ledger::Ledger;
use mailbench::plan::Plan;
use mailbench::traffic::{Gauges, Instruments, Settings, offer, peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Octets to the server, octets back: one round trip.
type Round = (usize, usize);

/// Plays the part the command line names.
pub(crate) fn play(words: &[String]) {
    match words {
        [part, scenario, address] if part == "generator" => generator(scenario, address),
        [part, rounds, messages, sessions] if part == "exchange" => {
            exchange(&rounds_of(rounds), number(messages), number(sessions));
        }
        _ => panic!("no such part: {words:?}"),
    }
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

/// As `run` has it.
fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// The traffic generator with its ledger, into any server: what `mailbench run` does between
/// preflight and drain. (`run` itself asks that its mail arrives at its own sink.)
fn generator(scenario: &str, address: &str) {
    let loaded = mailbench::scenario::parse("generator", scenario, &[]);
    let scenario = loaded.unwrap_or_else(|problem| panic!("{problem}")).scenario;
    let address: SocketAddr = address.parse().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::create(&folder.path().join("journal.bin")).expect("a journal");
    let clock = Clock::start();
    let gauges = Arc::new(Gauges::default());
    let instruments = Instruments { clock, ledger: ledger.clone(), gauges };
    let peer = peer(&scenario.smtp, address).expect("a way to talk");
    let settings = Settings::new(&scenario, peer, clock.now());
    let plan = Plan::new(&scenario, Some("peers".to_owned()));
    let offered = runtime().block_on(offer(plan, settings, instruments, CancellationToken::new()));
    let messages = offered.expect("offered").messages;
    ledger.flush();
    let tally = ledger.tally();
    assert_eq!(tally.accepted, messages, "not all was accepted: {tally:?}");
}

/// Client and server on one runtime that exchange as many octets in as many round trips as a
/// message takes, and do nothing else.
fn exchange(rounds: &[Round], messages: u64, sessions: u64) {
    let rounds: Arc<[Round]> = rounds.into();
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let serving = Arc::clone(&rounds);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        let mut clients = JoinSet::new();
        for _ in 0..sessions {
            clients.spawn(ask(address, Arc::clone(&rounds), messages / sessions));
        }
        clients.join_all().await;
    });
}

async fn serve(mut stream: TcpStream, rounds: Arc<[Round]>) {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut buffer = vec![0; 64 * 1024];
    loop {
        for (there, back) in rounds.iter() {
            if !take(&mut stream, &mut buffer, *there).await {
                return;
            }
            stream.write_all(&vec![b'x'; *back]).await.expect("written");
        }
    }
}

async fn ask(address: SocketAddr, rounds: Arc<[Round]>, messages: u64) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..messages {
        for (there, back) in rounds.iter() {
            stream.write_all(&vec![b'x'; *there]).await.expect("written");
            assert!(take(&mut stream, &mut buffer, *back).await, "closed early");
        }
    }
}

/// Reads so many octets; false: the other side has closed.
async fn take(stream: &mut TcpStream, buffer: &mut [u8], octets: usize) -> bool {
    let mut left = octets;
    while left > 0 {
        match stream.read(buffer).await.expect("read") {
            0 => return false,
            read => left = left.saturating_sub(read),
        }
    }
    true
}

/// Reads `120:90,4100:40`.
fn rounds_of(word: &str) -> Vec<Round> {
    let round = |round: &str| {
        let (there, back) = round.split_once(':').expect("a round trip");
        (number(there) as usize, number(back) as usize)
    };
    word.split(',').map(round).collect()
}
