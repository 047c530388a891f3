//! The `mailbench` program; everything is in the library.

fn main() -> std::process::ExitCode {
    mailbench::cli::main()
}
