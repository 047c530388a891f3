//! A scenario from a pull request runs no command, reads no foreign file and sends no secret.

use std::process::Output;

use crate::support::{SMALL, mailbench};

const EXTERNAL: &str =
    "target.kind=external target.address=127.0.0.1:25 sink.listen=127.0.0.1:2526";

/// Keys that are refused: what else the scenario needs for them, key and value.
const REFUSED: [(&str, &str, &str); 13] = [
    (EXTERNAL, "target.start_command", r#"["touch", "ran"]"#),
    (EXTERNAL, "target.stop_command", r#"["touch", "ran"]"#),
    (EXTERNAL, "target.queue_command", r#"["touch", "ran"]"#),
    (EXTERNAL, "target.pid_file", r#""/run/other.pid""#),
    ("target.kind=postfix", "target.program", r#""/tmp/postfix""#),
    ("target.kind=exim", "target.settings", r#"{ received_header_text = "${run{/bin/true}}" }"#),
    ("", "target.network", r#""host""#),
    ("", "chaos", r#"[{ at = "1s", run = ["touch", "ran"] }]"#),
    ("", "smtp.auth", r#"{ mechanism = "plain", user = "u", password_env = "HOME" }"#),
    ("", "message.corpus", r#""/etc/*""#),
    ("", "message.dkim", r#"{ domain = "a.test", selector = "s", key = "../../key.pem" }"#),
    ("", "message.dkim", r#"{ domain = "a.test", selector = "s", key_env = "HOME" }"#),
    ("", "load.trace", r#""/etc/passwd""#),
];

fn checked(folder: &std::path::Path, more: &[&str]) -> (Output, String) {
    let mut command = mailbench();
    command.current_dir(folder).args(["check", "s.toml"]).args(more);
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

/// The small scenario with a key in the file itself, by way of a variant where TOML would not take it
/// twice.
fn with(settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "{SMALL}\n[compare]\npairs = 5\n[[compare.variant]]\nname = \"a\"\n\
         [[compare.variant]]\nname = \"b\"\nset = {{ {settings} }}\n"
    );
    std::fs::write(folder.path().join("s.toml"), text).expect("written");
    folder
}

#[test]
fn whatever_runs_reads_or_reveals_is_refused_with_its_place() {
    for (needs, key, value) in REFUSED {
        let needed = needs.split_whitespace().map(|pair| pair.split_once('=').expect("a pair"));
        let mut settings: Vec<String> =
            needed.map(|(key, value)| format!("\"{key}\" = \"{value}\"")).collect();
        settings.push(format!("\"{key}\" = {value}"));
        let folder = with(&settings.join(", "));
        let (output, said) = checked(folder.path(), &["--untrusted"]);
        assert_eq!(output.status.code(), Some(104), "{key}: {said}");
        assert!(said.contains("is refused under --untrusted"), "{key}: {said}");
        assert!(!folder.path().join("ran").exists(), "{key} ran");
    }
}

#[test]
fn a_symbolic_link_out_of_the_folder_is_not_read() {
    for key in ["load.trace", "message.corpus", "smtp.tls_ca"] {
        let folder = with(&format!("\"{key}\" = \"linked\""));
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("linked")).expect("linked");
        let (output, said) = checked(folder.path(), &["--untrusted"]);
        assert_eq!(output.status.code(), Some(104), "{key}: {said}");
        assert!(said.contains("is refused under --untrusted"), "{key}: {said}");
        assert!(!said.contains("root"), "{key}: {said}");
    }
}

#[test]
fn harmless_scenarios_and_what_the_command_line_sets_are_taken() {
    let folder = with("\"load.rate\" = \"70/s\"");
    let (output, said) = checked(folder.path(), &["--untrusted"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let own = ["--untrusted", "--set", "target.kind=postfix", "--set", "target.program=/bin/true"];
    let (output, said) = checked(folder.path(), &own);
    assert_eq!(output.status.code(), Some(0), "the user's own: {said}");
}
