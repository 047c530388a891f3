//! Finds the programs of a real MTA: where the scenario says, below the prefix of unpacked
//! packages, or on `PATH`.

use std::path::{Path, PathBuf};

use super::{TargetError, output};
use crate::limits;

/// Names the folder into which packages were unpacked (`tests/mtas/install`).
pub(super) const PREFIX: &str = "MAILBENCH_MTA_PREFIX";

/// Where system programs lie; often not on a user's `PATH`.
pub(super) const SYSTEM: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The program `name`, which packages keep in the folder `inside`.
pub(super) fn find(name: &str, inside: &str, named: Option<&Path>) -> Result<PathBuf, TargetError> {
    if let Some(program) = named {
        let found = program.is_file().then(|| absolute(program));
        return found.ok_or_else(|| missing(name, format!("{} is not a file", program.display())));
    }
    let prefix = std::env::var_os(PREFIX).map(|prefix| PathBuf::from(prefix).join(inside));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = prefix.into_iter().chain(std::env::split_paths(&path));
    let places = places.chain(SYSTEM.map(PathBuf::from));
    let found = places.map(|place| place.join(name)).find(|file| file.is_file());
    found.map(|file| absolute(&file)).ok_or_else(|| {
        let cause = format!("it is neither below ${PREFIX}/{inside} nor on PATH");
        missing(name, cause)
    })
}

fn missing(name: &str, cause: String) -> TargetError {
    TargetError::Unmet {
        what: format!("`{name}` was not found: {cause}"),
        remedy: format!(
            "unpack it with `tests/mtas/install DIR` and set {PREFIX}=DIR, or name it in \
             target.program"
        ),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The root below which a package's files lie, of a program in `ROOT/usr/sbin`.
pub(super) fn root(program: &Path) -> PathBuf {
    program.ancestors().nth(3).unwrap_or(Path::new("/")).to_owned()
}

/// Where the libraries lie that were unpacked below `root`, beside `first`; for
/// `LD_LIBRARY_PATH`.
pub(super) fn library_path(root: &Path, first: Option<&Path>) -> String {
    let mut folders: Vec<PathBuf> = first.map(Path::to_owned).into_iter().collect();
    if root != Path::new("/") {
        for lib in ["usr/lib", "lib"] {
            let triplets = std::fs::read_dir(root.join(lib)).into_iter().flatten().flatten();
            let libraries = triplets.map(|entry| entry.path());
            folders.extend(libraries.filter(|path| path.to_string_lossy().ends_with("-gnu")));
        }
    }
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
}

/// A library that packages keep below `root`, or the system.
pub(super) fn library(name: &str, root: &Path) -> Result<PathBuf, TargetError> {
    let below = |root: &Path| -> Vec<PathBuf> {
        let triplets = std::fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
        triplets.map(|entry| entry.path().join(name)).collect()
    };
    let mut places = below(root).into_iter().chain(below(Path::new("/")));
    let found = places.find(|file| file.is_file());
    found.ok_or_else(|| missing(name, format!("it is not below {}/usr/lib", root.display())))
}

/// What a program prints when asked for its version and the like.
pub(super) async fn output(
    program: &Path,
    arguments: &[&str],
    libraries: &str,
) -> Result<String, TargetError> {
    let environment = [("LD_LIBRARY_PATH".to_owned(), libraries.to_owned())];
    output_in(program, arguments, &environment).await
}

/// The same, with these variables in its environment.
pub(super) async fn output_in(
    program: &Path,
    arguments: &[&str],
    environment: &[(String, String)],
) -> Result<String, TargetError> {
    printed(program, ended(program, arguments, environment).await?)
}

/// What a program printed that ended well.
fn printed(program: &Path, output: std::process::Output) -> Result<String, TargetError> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let (program, cause) = (program.display().to_string(), std::io::Error::other(said));
        return Err(TargetError::Start { program, cause });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a program prints that reads `input`.
pub(super) async fn fed(
    program: &Path,
    arguments: &[&str],
    environment: &[(String, String)],
    input: &str,
) -> Result<String, TargetError> {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
    let run = output::collect(&mut command, Some(input), limits::PROGRAM_OUTPUT);
    let failed = |cause| TargetError::Start { program: program.display().to_string(), cause };
    let ended = tokio::time::timeout(limits::QUEUE_COMMAND, run).await;
    let output = ended.map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(std::io::Error::other(said)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program to its end, whatever that is.
pub(super) async fn ended(
    program: &Path,
    arguments: &[&str],
    environment: &[(String, String)],
) -> Result<std::process::Output, TargetError> {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
    let failed = |cause| TargetError::Start { program: program.display().to_string(), cause };
    let run = output::collect(&mut command, None, limits::PROGRAM_OUTPUT);
    let output = tokio::time::timeout(limits::QUEUE_COMMAND, run)
        .await
        .map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?;
    output.map_err(failed)
}
