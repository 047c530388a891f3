//! A target that mailbench starts reaches loopback only, whatever its settings say; where it cannot
//! be shut in, settings that lead elsewhere are refused, and a connection elsewhere fails the run.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::support::{Lab, Ran, mailbench, pass_over, prefix, skip};

/// A Postfix that sends a copy of all mail to a listener of ours, which is not its sink.
fn leaking(listener: &TcpListener) -> Lab {
    let address = listener.local_addr().expect("its address");
    let hop = format!("inline:{{elsewhere.example=smtp:[127.0.0.1]:{}}}", address.port());
    Lab::small("")
        .set("target.kind", "postfix")
        .set("load.duration", "1s")
        .set("load.drain", "2s")
        .set("target.settings.always_bcc", "archive@elsewhere.example")
        .set("target.settings.transport_maps", &hop)
}

fn postfix_is_here() -> bool {
    let here = std::env::var_os("MAILBENCH_MTA_PREFIX").is_some()
        && prefix().join("usr/sbin/postfix").exists();
    if !here {
        skip("isolation of Postfix", "it is not under MAILBENCH_MTA_PREFIX");
    }
    here
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

#[test]
fn mail_does_not_leave_an_isolated_target() {
    if !postfix_is_here() {
        return;
    }
    if !is_root() {
        return pass_over("isolation of Postfix", "it needs root");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let ran = leaking(&listener).run();
    assert!(listener.accept().is_err(), "nothing came out\n{ran}");
    let accepted = ran.count("accepted");
    assert!(accepted > 0 && ran.count("delivered") == accepted, "the rest works\n{ran}");
    assert_eq!(ran.count("outside_connections"), 0, "{ran}");

    let ran = leaking(&listener).set("target.network", "host").run();
    ran.assert_code(106);
    assert!(ran.stderr.contains("`always_bcc` could send mail to other machines"), "{ran}");
    assert!(listener.accept().is_err(), "nothing was sent\n{ran}");

    let control = leaking(&listener).set("target.network", "host");
    let ran = control.arg("--allow-target").arg("127.0.0.1").run();
    assert!(listener.accept().is_ok(), "it would have come out\n{ran}");
}

/// A relay with a process beside it that connects to another machine. It runs in a namespace in which
/// that address leads nowhere.
#[test]
fn a_connection_to_another_machine_fails_the_run() {
    if !is_root() {
        return pass_over("connections to other machines", "a network namespace needs root");
    }
    let reaching = |port: u16, more: &[&str]| run_reaching(&format!("203.0.113.5 {port}"), more);
    let ran = reaching(25, &[]);
    ran.assert_code(97);
    assert_eq!(ran.count("outside_connections"), 1, "{ran}");
    let shown = ran.report()["warnings"].to_string();
    assert!(shown.contains("203.0.113.5:25, which is not on this machine"), "{ran}");
    assert!(ran.stdout.contains("1 outside_connections"), "{ran}");
    assert_eq!(reaching(389, &[]).code, 0, "its directory, perhaps");
    assert_eq!(reaching(25, &["--allow-target", "203.0.113.0/24"]).code, 0, "allowed");
}

fn run_reaching(peer: &str, more: &[&str]) -> Ran {
    let lab = Lab::small("")
        .set("target.kind", "external")
        .set("target.address", "127.0.0.1:2525")
        .set("sink.listen", "127.0.0.1:2526")
        .set("target.start_command", r#"["sh", "start"]"#)
        .set("target.queue_command", r#"["true"]"#);
    let lab = more.iter().fold(lab, |lab, word| lab.arg(word));
    let reach = "import socket, sys, time\n\
        s = socket.socket()\ns.setblocking(False)\n\
        s.connect_ex((sys.argv[1], int(sys.argv[2])))\ntime.sleep(60)\n";
    let relay = mailbench().get_program().to_owned();
    let start = format!(
        "python3 reach.py {peer} &\nexec '{}' relay --listen 127.0.0.1:2525 --relay-to 127.0.0.1:2526 --queue queue\n",
        Path::new(&relay).display()
    );
    std::fs::write(lab.folder().join("reach.py"), reach).expect("written");
    std::fs::write(lab.folder().join("start"), start).expect("written");
    lab.run_within(Command::new("unshare").args([
        "-n",
        "sh",
        "-c",
        "ip link set lo up && ip route add 203.0.113.0/24 dev lo && exec \"$@\"",
        "sh",
    ]))
}

#[test]
fn a_scenario_may_demand_isolation_only_of_what_mailbench_starts() {
    let ran = Lab::small("")
        .set("target.kind", "external")
        .set("target.address", "127.0.0.1:2525")
        .set("target.network", "isolated")
        .run();
    ran.assert_code(104);
    assert!(ran.stderr.contains("`network` belongs to a target that mailbench starts"), "{ran}");
}

#[test]
fn the_embedded_relay_can_be_isolated() {
    if !is_root() {
        return pass_over("isolation of the relay", "a network namespace may need root");
    }
    let ran = Lab::small("").set("target.network", "isolated").run();
    ran.assert_code(0);
    assert_eq!(ran.count("delivered"), ran.count("offered"), "{ran}");
    let kept = std::fs::read_to_string(ran.path.join("scenario.toml")).expect("text");
    assert!(kept.contains("network = \"isolated\""), "{kept}");
}
