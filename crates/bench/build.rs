//! Hands two facts of the build to `machine.rs`: the compiler that is building, and the versions that were locked.

use std::{env, fs, path::Path, process::Command};

/// The crates whose version can change a measured number or a picture.
const NAMED: [&str; 5] = ["criterion", "faer", "nalgebra", "plotters", "rand_chacha"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .filter(|done| done.status.success())
        .and_then(|done| String::from_utf8(done.stdout).ok());
    let version = version.as_deref().map_or("unknown", str::trim);
    println!("cargo:rustc-env=PUSHPULL_RUSTC={version}");

    // A dependency's consumer has no lock file here; the list is then empty.
    let lock = Path::new("../../Cargo.lock");
    if lock.exists() {
        println!("cargo:rerun-if-changed=../../Cargo.lock");
    }
    let lock = fs::read_to_string(lock).unwrap_or_default();
    println!("cargo:rustc-env=PUSHPULL_CRATES={}", locked(&lock));
}

/// `nalgebra 0.35.0;faer 0.24.0`, read from the text of a `Cargo.lock`.
fn locked(lock: &str) -> String {
    let value = |line: &str, key: &str| {
        let rest = line.strip_prefix(key)?.strip_prefix(" = \"")?;
        rest.strip_suffix('"').map(str::to_owned)
    };
    let mut found = Vec::new();
    let mut name = None;
    for line in lock.lines() {
        if let Some(n) = value(line, "name") {
            name = NAMED.contains(&n.as_str()).then_some(n);
        } else if let (Some(v), Some(n)) = (value(line, "version"), name.take()) {
            found.push(format!("{n} {v}"));
        }
    }
    found.join(";")
}
