//! What a calibration was measured on.

/// One line: processor, system, version of this crate, build.
pub(crate) fn description() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "optimised"
    };
    let words = [
        field("model name").unwrap_or_else(unknown),
        format!("family {}", field("cpu family").unwrap_or_else(unknown)),
        format!("model {}", field("model\t").unwrap_or_else(unknown)),
        format!("cache {}", field("cache size").unwrap_or_else(unknown)),
        format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        env!("CARGO_PKG_VERSION").to_owned(),
        build.to_owned(),
    ];
    words.join(", ")
}
