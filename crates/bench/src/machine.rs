//! The machine behind a number: no speed without it.
//!
//! What is read is hardware, operating system and versions. Host names, user names and paths are not asked for, so
//! that a report can be published as it is.

use std::fmt;
use std::process::Command;

/// Hardware and software that a measurement depends on. What cannot be found out is `unknown` or `None`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Machine {
    /// The processor's model name.
    pub cpu: String,
    /// Logical cores that this process may use.
    pub logical_cores: usize,
    /// Vector extensions that the kernels may use, found at run time.
    pub simd: Vec<&'static str>,
    /// Main memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Operating system and architecture, e.g. `linux x86_64`.
    pub os: String,
    /// `rustc --version` of the compiler that built this crate.
    pub rustc: String,
    /// Whether the build is optimised (no debug assertions).
    pub optimised: bool,
    /// Name and locked version of the crates that matter to a number or a picture.
    pub crates: Vec<(String, String)>,
}

impl Machine {
    /// Reads this machine. Never fails, takes milliseconds.
    ///
    /// ```
    /// let machine = pushpull_bench::machine::Machine::read();
    /// assert!(machine.logical_cores >= 1);
    /// ```
    pub fn read() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let cpu = cpu_model(&cpuinfo).or_else(|| sysctl("machdep.cpu.brand_string"));
        Self {
            cpu: cpu.unwrap_or_else(|| "unknown".into()),
            logical_cores: std::thread::available_parallelism().map_or(1, usize::from),
            simd: simd(),
            memory_bytes: memory_bytes(&meminfo).or_else(|| sysctl("hw.memsize")?.parse().ok()),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            rustc: env!("PUSHPULL_RUSTC").into(),
            optimised: !cfg!(debug_assertions),
            crates: crates(env!("PUSHPULL_CRATES")),
        }
    }
}

/// One Markdown list item a line, for `REPORT.md`.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let simd = if self.simd.is_empty() {
            "none known".into()
        } else {
            self.simd.join(", ")
        };
        writeln!(
            f,
            "- processor: {}, {} logical cores",
            self.cpu, self.logical_cores
        )?;
        writeln!(f, "- vector extensions: {simd}")?;
        match self.memory_bytes {
            Some(bytes) => writeln!(f, "- memory: {:.1} GiB", bytes as f64 / (1u64 << 30) as f64)?,
            None => writeln!(f, "- memory: unknown")?,
        }
        writeln!(f, "- system: {}", self.os)?;
        writeln!(
            f,
            "- compiler: {}, {}",
            self.rustc,
            if self.optimised {
                "optimised"
            } else {
                "not optimised"
            }
        )?;
        let crates: Vec<_> = self
            .crates
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        writeln!(
            f,
            "- crates: {}",
            if crates.is_empty() {
                "unknown".into()
            } else {
                crates.join(", ")
            }
        )
    }
}

/// `model name` of Linux on x86, else what Linux on other processors has.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    let field = |wanted: &str| {
        let pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        let mut values = pairs
            .filter(|(key, _)| key.trim() == wanted)
            .map(|(_, value)| value.trim());
        values.find(|value| !value.is_empty()).map(str::to_owned)
    };
    field("model name")
        .or_else(|| field("cpu model"))
        .or_else(|| field("CPU part").map(|part| format!("CPU part {part}")))
}

/// `MemTotal:  16384000 kB`
fn memory_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn sysctl(name: &str) -> Option<String> {
    if !cfg!(target_os = "macos") {
        return None;
    }
    let done = Command::new("sysctl")
        .args(["-n", name])
        .output()
        .ok()
        .filter(|done| done.status.success())?;
    Some(String::from_utf8(done.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}

fn crates(locked: &str) -> Vec<(String, String)> {
    locked
        .split(';')
        .filter_map(|pair| pair.split_once(' '))
        .map(|(name, version)| (name.into(), version.into()))
        .collect()
}

#[cfg(target_arch = "x86_64")]
fn simd() -> Vec<&'static str> {
    let mut found = Vec::new();
    macro_rules! look {
        ($($name:tt),*) => { $(if std::is_x86_feature_detected!($name) { found.push($name); })* };
    }
    look!(
        "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"
    );
    found
}

#[cfg(target_arch = "aarch64")]
fn simd() -> Vec<&'static str> {
    let mut found = Vec::new();
    if std::arch::is_aarch64_feature_detected!("neon") {
        found.push("neon");
    }
    if std::arch::is_aarch64_feature_detected!("sve") {
        found.push("sve");
    }
    found
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_files_are_read_and_broken_ones_are_unknown() {
        let info = "processor\t: 0\nmodel name\t: \nmodel name\t: Some CPU @ 3.0 GHz: rev 2\nflags\t: avx\n";
        assert_eq!(
            cpu_model(info).as_deref(),
            Some("Some CPU @ 3.0 GHz: rev 2")
        );
        assert_eq!(
            cpu_model("CPU part\t: 0xd0c\n").as_deref(),
            Some("CPU part 0xd0c")
        );
        assert_eq!(cpu_model(""), None);
        assert_eq!(
            memory_bytes("MemFree: 1 kB\nMemTotal:       16 kB\n"),
            Some(16384)
        );
        for broken in [
            "",
            "MemTotal: much kB",
            "MemTotal: 16",
            "MemTotal: 99999999999999999999 kB",
            "MemTotal: 18446744073709551615 kB",
        ] {
            assert_eq!(memory_bytes(broken), None, "{broken}");
        }
    }

    #[test]
    fn versions_come_from_the_lock_and_no_private_fact_is_told() {
        let machine = Machine::read();
        assert!(machine.rustc.starts_with("rustc 1.") || machine.rustc == "unknown");
        assert!(
            machine
                .crates
                .iter()
                .any(|(name, version)| name == "nalgebra" && version.starts_with("0.")),
            "{:?}",
            machine.crates
        );
        let told = machine.to_string();
        assert_eq!(told.lines().count(), 6);
        assert!(!told.contains("/home") && !told.contains("/root"), "{told}");
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        assert!(
            host.trim().len() < 4 || !told.contains(host.trim()),
            "{told}"
        );
    }
}
