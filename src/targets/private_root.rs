//! A root directory of its own for a program whose paths are compiled in: the program, its
//! libraries, and the few system files it reads, all copies. Made of `chroot` alone, so that no
//! mount is left behind and a container's default privileges do.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{TargetError, programs};

/// Where the libraries lie in it: a name that no system has, since `chroot` itself is started with
/// this library path, too.
const LIBRARIES: &str = "/mailbench-libraries";

/// Read by the C library when it looks a user up, without being named as needed.
const NAMES: &str = "libnss_files.so.2";

/// What must be allowed: the number of each capability, and what it is for.
const CAPABILITIES: &[(u32, &str)] = &[
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (5, "CAP_KILL"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
    (18, "CAP_SYS_CHROOT"),
];

/// A root directory, and how a program is started in it.
pub(super) struct PrivateRoot {
    path: PathBuf,
    chroot: PathBuf,
    /// Path of the program, as seen inside.
    program: &'static str,
}

impl PrivateRoot {
    /// Makes one at `path` with the program `original`, there to be found as `program`.
    pub(super) async fn make(
        path: PathBuf,
        original: &Path,
        program: &'static str,
        library_path: &str,
    ) -> Result<PrivateRoot, TargetError> {
        let chroot =
            programs::find("chroot", "usr/sbin", None).map_err(|_| TargetError::Unmet {
                what: "`chroot` was not found on PATH".to_owned(),
                remedy: "install it (Debian: package coreutils)".to_owned(),
            })?;
        let needed = needed(original, library_path).await?;
        let root = PrivateRoot { path, chroot, program };
        root.fill(original, &needed)
            .map_err(|cause| TargetError::Folder { folder: root.path.clone(), cause })?;
        Ok(root)
    }

    fn fill(&self, original: &Path, needed: &[PathBuf]) -> std::io::Result<()> {
        // The disk of the scenario may be mounted within.
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&self.path)?;
        self.copy(original, &self.within(self.program))?;
        for file in needed {
            let name = file.file_name().unwrap_or_default();
            let is_loader = name.as_encoded_bytes().starts_with(b"ld");
            // The kernel looks for the loader where the program says.
            let place =
                if is_loader { self.within(file) } else { self.within(LIBRARIES).join(name) };
            self.copy(file, &place)?;
        }
        Ok(())
    }

    /// Copies a file to a place in it.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.folder(to.parent().unwrap_or(&self.path), 0o755)?;
        std::fs::copy(from, to)?;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755))
    }

    /// Makes a folder in it with all above it.
    pub(super) fn folder(&self, path: impl AsRef<Path>, mode: u32) -> std::io::Result<()> {
        let path = self.within(path);
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
    }

    /// Writes a file that all may read.
    pub(super) fn file(&self, path: &str, text: &str) -> std::io::Result<()> {
        let path = self.within(path);
        self.folder(path.parent().unwrap_or(&self.path), 0o755)?;
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))
    }

    /// Where a path inside lies outside.
    pub(super) fn within(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if path.starts_with(&self.path) {
            return path.to_owned();
        }
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// What is to be started outside.
    pub(super) fn launcher(&self) -> &Path {
        &self.chroot
    }

    /// The launcher's arguments for the program to be started with these.
    pub(super) fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let root = self.path.display().to_string();
        let words = [&root, self.program].into_iter().chain(arguments.iter().copied());
        words.map(str::to_owned).collect()
    }

    /// The environment it needs.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        vec![("LD_LIBRARY_PATH".to_owned(), LIBRARIES.to_owned())]
    }
}

/// The libraries and the loader of a program, as the loader itself tells.
async fn needed(program: &Path, library_path: &str) -> Result<Vec<PathBuf>, TargetError> {
    let environment = [("LD_LIBRARY_PATH", library_path), ("LD_TRACE_LOADED_OBJECTS", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let said = programs::output_in(program, &[], &environment).await?;
    let mut files = read_trace(&said).map_err(|missing| TargetError::Unmet {
        what: format!("`{}` needs the library {missing}, which is not here", program.display()),
        remedy: "unpack it, too (`tests/mtas/install DIR` does), or install it".to_owned(),
    })?;
    let beside = files.iter().find(|file| file.ends_with("libc.so.6"));
    files.extend(beside.map(|libc| libc.with_file_name(NAMES)).filter(|names| names.is_file()));
    Ok(files)
}

/// Reads lines such as `libz.so.1 => /lib/libz.so.1 (0x7f…)` and `/lib64/ld-linux.so.2 (0x7f…)`;
/// what was not found is the error.
fn read_trace(said: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for line in said.lines() {
        let line = line.trim();
        let place = line.split_once(" => ").map_or(line, |(_, place)| place);
        if place.starts_with("not found") {
            return Err(line.split(' ').next().unwrap_or(line).to_owned());
        }
        // Others are of the kernel's making.
        if place.starts_with('/') {
            files.push(PathBuf::from(place.split(" (").next().unwrap_or(place)));
        }
    }
    Ok(files)
}

/// Capabilities that are missing, by name.
pub(super) fn missing_capabilities() -> Vec<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    missing(&status)
}

fn missing(status: &str) -> Vec<&'static str> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    let effective = effective.unwrap_or_default();
    let absent = CAPABILITIES.iter().filter(|(number, _)| effective >> number & 1 == 0);
    absent.map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_s_words_are_read() {
        let said = "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibz.so.1 => /lib/libz.so.1 (0x00007f2c)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f2c)\n";
        let files = read_trace(said).expect("all there");
        assert_eq!(files, ["/lib/libz.so.1", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from));
        let missing = read_trace("\tlibz.so.1 => /z (0x1)\n\tlibdb-5.3.so => not found\n");
        assert_eq!(missing.expect_err("one is missing"), "libdb-5.3.so");
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        let container = "CapPrm:\t0\nCapEff:\t00000000a80425fb\n";
        assert_eq!(missing(container), [""; 0]);
        assert_eq!(missing("CapEff:\t00000000a80025db\n"), ["CAP_KILL", "CAP_SYS_CHROOT"]);
        assert_eq!(missing("").len(), CAPABILITIES.len());
    }
}
