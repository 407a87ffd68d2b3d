//! The time: a browser's, which the page hands in, or the system's.

/// Seconds from any beginning.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub fn seconds() -> f64 {
    #[link(wasm_import_module = "page")]
    unsafe extern "C" {
        safe fn seconds() -> f64;
    }
    seconds()
}

/// Seconds from any beginning.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub fn seconds() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}
