//! `mailbench report RUN` judges the journal again and writes every file to the byte.

use mailbench::report::Format;

use crate::support::{Lab, mailbench};

#[test]
fn every_report_file_is_reproduced() {
    let ran = Lab::small(
        r#"
        [[fault]]
        name = "greylist"
        destination = "one.test"
        stage = "rcpt-to"
        attempts = "1"
        defer = "451 4.7.1 Greylisted"
        [thresholds]
        lost = "== 0"
        "e2e_response.p50" = "< 10s"
        "#,
    )
    .run();
    ran.assert_code(0);
    for format in Format::ALL {
        let Some(file) = format.file() else { continue };
        let format = format.name();
        let written = std::fs::read(ran.path.join(file)).expect("written by the run");
        let output = mailbench().arg("report").arg(&ran.path).args(["--format", format]).output();
        let output = output.expect("mailbench runs");
        // Not the run's own code: that had a spoiled instrument allowed, which is no judgement.
        let judged = ran.report()["verdict"]["exit_code"].as_i64();
        assert_eq!(output.status.code().map(i64::from), judged, "the exit code is the verdict's");
        assert!(output.stdout == written, "{file} differs from what the run wrote");
    }
}
