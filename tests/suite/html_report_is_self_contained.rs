//! `report.html` in a real browser: no error on its console, no request, no sideways scrolling on
//! a phone, and what is pointed at says its values.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use mailbench::measure::results::Findings;
use mailbench::report::view::View;
use mailbench::report::{self, Format};

use crate::report_formats::fixture::clean;
use crate::report_formats::fixture::rich::rich;
use crate::support::skip;

/// Shows the page in a frame as wide as a phone and as wide as a desk, points at a chart, and
/// writes down what it saw.
const EYES: &str = r#"<!DOCTYPE html><link rel="icon" href="data:,"><body><script>
"use strict";
function look(width, then) {
  var frame = document.createElement("iframe");
  frame.style.cssText = "border:0;height:900px;width:" + width + "px";
  frame.onload = function () { then(frame.contentDocument, frame.contentWindow); };
  frame.src = "/report.html";
  document.body.appendChild(frame);
}
function say(name, value) {
  var line = document.createElement("p");
  line.textContent = "SEEN " + name + "=" + JSON.stringify(value) + "=SEEN";
  document.body.appendChild(line);
}
[390, 1400].forEach(function (width) {
  look(width, function (page, window) {
    say("overflow-" + width, page.documentElement.scrollWidth - width);
    var hit = page.querySelector("svg .hit");
    var at = hit.getBoundingClientRect();
    hit.dispatchEvent(new window.PointerEvent("pointermove",
      { bubbles: true, clientX: at.left + 1, clientY: at.top + 1 }));
    say("tip-" + width, page.getElementById("tip").textContent);
  });
});
</script></body>"#;

/// What a browser saw of a page.
struct Seen {
    /// The page that looked, after it had looked.
    dom: String,
    /// Lines of the browser's console.
    console: Vec<String>,
    /// What was asked of the server.
    requests: Vec<String>,
}

impl Seen {
    fn value(&self, name: &str) -> serde_json::Value {
        let said = self.dom.split(&format!("SEEN {name}=")).nth(1);
        let said = said.and_then(|rest| rest.split("=SEEN").next());
        let said = said.unwrap_or_else(|| panic!("{name} was not seen:\n{}", self.dom));
        serde_json::from_str(said).unwrap_or_else(|error| panic!("{name}: {said}: {error}"))
    }
}

/// A browser, or none with a word about it; in CI that is a failure.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        skip("chromium", "it is not installed");
    }
    found
}

fn look(browser: &Path, page: String) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its number");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let path = answer(&stream, &page);
            asked.lock().expect("no panic").push(path);
        }
    });
    let home = tempfile::tempdir().expect("a folder");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"])
        .args(["--window-size=1800,1000", &format!("--user-data-dir={}", home.path().display())])
        .arg(format!("http://{address}/"))
        .output()
        .expect("the browser runs");
    let log = String::from_utf8_lossy(&output.stderr);
    let console = log.lines().filter(|line| line.contains(":CONSOLE"));
    Seen {
        dom: String::from_utf8_lossy(&output.stdout).replace("&gt;", ">").replace("&lt;", "<"),
        console: console.map(str::to_owned).collect(),
        requests: requests.lock().expect("no panic").clone(),
    }
}

/// Answers one request and gives its path; an empty one when the browser only opened a connection.
fn answer(mut stream: &TcpStream, page: &str) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let _head = lines.take_while(|line| !line.is_empty()).count();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = if path == "/report.html" { page } else { EYES };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A browser that went away does not matter here.
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    path
}

fn page(findings: &Findings) -> String {
    report::render(Format::Html, findings, &View::plain(80)).expect("a page")
}

#[test]
fn a_browser_shows_it_without_error_request_or_overflow() {
    let Some(browser) = browser() else { return };
    for findings in [rich(), clean()] {
        let seen = look(&browser, page(&findings));
        assert_eq!(seen.console, Vec::<String>::new());
        let mut requests: Vec<&str> =
            seen.requests.iter().map(String::as_str).filter(|path| !path.is_empty()).collect();
        requests.sort_unstable();
        assert_eq!(requests, ["/", "/report.html", "/report.html"]);
        for width in [390, 1400] {
            let overflow = seen.value(&format!("overflow-{width}")).as_i64().expect("a number");
            assert!(overflow <= 0, "{overflow} px too wide at {width}");
            let tip = seen.value(&format!("tip-{width}"));
            let tip = tip.as_str().expect("text");
            assert!(tip.contains("received") && tip.lines().count() >= 2, "{tip}");
        }
    }
}

/// The test above can fail: this page does all that it forbids.
#[test]
fn a_page_that_misbehaves_is_found_out() {
    let Some(browser) = browser() else { return };
    let bad = "<!DOCTYPE html><link rel=\"icon\" href=\"data:,\"><div style=\"width:2000px\">wide</div>\
               <svg><rect class=\"hit\" width=\"9\" height=\"9\"/></svg><i id=\"tip\">x</i>\
               <img src=\"/more.png\"><script>console.error('loud')</script>";
    let seen = look(&browser, bad.to_owned());
    assert!(seen.console.iter().any(|line| line.contains("loud")), "{:?}", seen.console);
    assert!(seen.requests.iter().any(|path| path == "/more.png"), "{:?}", seen.requests);
    assert!(seen.value("overflow-390").as_i64().expect("a number") > 0);
}

/// What a reader without JavaScript needs is in the page itself, and nothing names a place to
/// fetch from.
#[test]
fn the_essentials_are_text_and_nothing_is_to_be_fetched() {
    let page = page(&rich());
    let (before, rest) = page.split_once("<script").expect("a script");
    for said in ["FAIL", "lost == 0", "deferral-storm", "mailbench run"] {
        assert!(before.contains(said), "{said} is said without script");
    }
    assert!(!rest.contains("<svg"), "charts come before any script");
    for fetching in ["src=", "@import", "url(", "href=\"http", "<link rel=\"style"] {
        assert!(!before.contains(fetching), "{fetching}");
    }
    assert!(before.contains("default-src 'none'"));
}
