//! The recipe pages (`docs/recipes`), as a reader follows them: writes the files that a page shows,
//! runs the command that makes the routing table, and knows where the MTA's programs were unpacked.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Lab, Ran, free_port, mailbench, pass_over, prefix, skip};

/// An MTA that has a page.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    /// Its page, without `.md`.
    pub(crate) name: &'static str,
    /// Where its packages were unpacked, below the prefix of all.
    below: &'static str,
    /// A program of its own there.
    program: &'static str,
}

pub(crate) const SENDMAIL: Recipe =
    Recipe { name: "sendmail", below: "sendmail", program: "usr/libexec/sendmail/sendmail" };
pub(crate) const COURIER: Recipe =
    Recipe { name: "courier", below: "courier", program: "usr/lib/courier/courier/courierd" };
pub(crate) const CHASQUID: Recipe =
    Recipe { name: "chasquid", below: "chasquid", program: "usr/bin/chasquid" };
pub(crate) const POSTFIX: Recipe =
    Recipe { name: "postfix", below: "", program: "usr/lib/postfix/sbin/master" };
pub(crate) const EXIM: Recipe = Recipe { name: "exim", below: "", program: "usr/sbin/exim4" };

/// Ports and addresses of the pages: others in a test, since tests run beside each other.
const PORTS: [&str; 3] = ["2525", "2526", "2587"];
const DNS: &str = "127.66.0.53";

/// What names processes of a test, in their environment.
const MARK: &str = "MAILBENCH_TEST_FOLDER";

/// A page whose files are written.
pub(crate) struct Followed {
    lab: Lab,
}

impl Recipe {
    /// Follows the page up to the routing table, with `more` at the end of its scenario; `None`:
    /// it cannot be run here, which was said.
    pub(crate) fn follow(self, more: &str) -> Option<Followed> {
        self.is_possible().then(|| {
            let page = page(self.name);
            let replaced = replacements();
            let files = files(&page).into_iter();
            let mut files: Vec<(String, String)> =
                files.map(|(name, text)| (name, replace(&text, &replaced))).collect();
            let at = files.iter().position(|(name, _)| name == "scenario.toml");
            let (_, scenario) = files.remove(at.expect("a scenario"));
            let followed = Followed { lab: lab(self, &format!("{scenario}\n{more}")) };
            let folder = followed.lab.folder();
            // An MTA's own user comes here, too.
            let open = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder, open).expect("open to others");
            files.iter().for_each(|(name, text)| write(&folder.join(name), text));
            followed.route(&page);
            followed
        })
    }

    fn is_possible(self) -> bool {
        let missing = match prefix().join(self.below).join(self.program).exists() {
            false => Some("it is not unpacked".to_owned()),
            true if !nix::unistd::Uid::effective().is_root() => Some("it needs root".to_owned()),
            true => None,
        };
        if let Some(missing) = missing {
            skip(self.name, &missing);
            return false;
        }
        let made = Command::new("unshare").args(["--mount", "--uts", "true"]).output();
        let may = made.is_ok_and(|ended| ended.status.success());
        if !may {
            pass_over(self.name, "namespaces cannot be made here");
        }
        may
    }
}

fn lab(recipe: Recipe, scenario: &str) -> Lab {
    let lab = Lab::new(scenario).env("PREFIX", &prefix().join(recipe.below));
    let folder = lab.folder().to_owned();
    lab.env("MAILBENCH_PASSWORD", Path::new("secret")).env(MARK, &folder)
}

impl Followed {
    /// The lab, to be changed and run.
    pub(crate) fn run(self, change: impl FnOnce(Lab) -> Lab) -> Ran {
        let folder = self.lab.folder().to_owned();
        let ran = change(self.lab).run();
        assert_none_left(&folder, &ran.to_string());
        ran
    }

    /// `mailbench doctor target`, with these arguments: exit code and what it printed.
    pub(crate) fn doctor(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = mailbench();
        command.args(["doctor", "target", "scenario.toml"]).args(arguments);
        let ended = self.lab.prepare(command).output().expect("mailbench runs");
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_none_left(self.lab.folder(), &said);
        (ended.status.code().unwrap_or(-1), said)
    }

    /// Changes a file of the page.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        let file = self.lab.folder().join(name);
        let text = std::fs::read_to_string(&file).expect("a file of the page");
        std::fs::write(&file, change(text)).expect("written");
    }

    /// The page's own command.
    fn route(&self, page: &str) {
        let line = page.lines().find_map(|line| line.strip_prefix("# mailbench routes "));
        let line = line.expect("a command that makes the routing table");
        let program = mailbench().get_program().to_owned();
        let mut command = Command::new("sh");
        command.args(["-ec", &format!("\"$MAILBENCH\" routes {line}")]).env("MAILBENCH", program);
        let ended = self.lab.prepare(command).output().expect("a shell");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes").join(name);
    std::fs::read_to_string(path.with_extension("md")).expect("a page")
}

/// The blocks of a page that a line introduces as "`name`: …".
fn files(page: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = page.split("```").collect();
    let named = |pair: &[&str]| {
        let lines = pair[0].lines().rev();
        let (name, _) =
            lines.flat_map(|line| line.strip_prefix('`')).find_map(|line| line.split_once("`:"))?;
        let (_language, text) = pair[1].split_once('\n')?;
        Some((name.to_owned(), text.to_owned()))
    };
    parts.chunks_exact(2).filter_map(named).collect()
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("written");
    if text.starts_with("#!") {
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(file, executable).expect("executable");
    }
}

/// Other ports, each free at every address that a page names, and another address for DNS.
fn replacements() -> Vec<(&'static str, String)> {
    let hosts = [[127, 0, 0, 1], [127, 1, 0, 1], [127, 1, 0, 2]].map(Ipv4Addr::from);
    let mut all: Vec<(&str, String)> =
        PORTS.into_iter().map(|old| (old, free_port(&hosts).to_string())).collect();
    let [high, low] = free_port(&hosts).to_be_bytes();
    all.push((DNS, format!("127.66.{high}.{}", low.max(1))));
    all
}

fn replace(text: &str, replaced: &[(&str, String)]) -> String {
    replaced.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
}

/// What a test started carries its folder in the environment.
#[track_caller]
fn assert_none_left(folder: &Path, said: &str) {
    let mark = format!("{MARK}={}", folder.display());
    let left = |pid: &PathBuf| {
        let environment = std::fs::read(pid.join("environ")).unwrap_or_default();
        memchr::memmem::find(&environment, mark.as_bytes()).is_some()
    };
    let all = || {
        let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
        entries.map(|entry| entry.path()).filter(left).collect::<Vec<_>>()
    };
    let none = crate::support::comes_true(std::time::Duration::from_secs(5), || all().is_empty());
    assert!(none, "still running: {:?}\n{said}", all());
}
