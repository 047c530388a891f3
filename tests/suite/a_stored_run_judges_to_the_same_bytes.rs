//! `mailbench report RUN` judges the journal again and writes every file to the byte.

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
    // What a user allows (here: a busy machine) is the command's, not the run's.
    let verdict = ran.report()["verdict"]["exit_code"].as_i64();
    let formats = [("json", "report.json"), ("markdown", "summary.md"), ("csv", "timeseries.csv")];
    for (format, file) in formats {
        let written = std::fs::read(ran.path.join(file)).expect("written by the run");
        let output = mailbench().arg("report").arg(&ran.path).args(["--format", format]).output();
        let output = output.expect("mailbench runs");
        let code = output.status.code().map(i64::from);
        assert_eq!(code, verdict, "the exit code is the run's");
        assert!(output.stdout == written, "{file} differs from what the run wrote");
    }
}
