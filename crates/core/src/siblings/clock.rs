//! The time that passes: the system's monotonic clock, and on `wasm32-unknown-unknown`, which has none, the host's.

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use std::time::Instant;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use host::{Instant, set};

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod host {
    use std::sync::OnceLock;
    use std::time::Duration;

    static SECONDS: OnceLock<fn() -> f64> = OnceLock::new();

    /// Says how the host tells the time, in seconds from any beginning; once. Until then the clock stands still.
    pub fn set(seconds: fn() -> f64) {
        SECONDS.get_or_init(|| seconds);
    }

    /// A moment of the host's clock.
    #[derive(Clone, Copy, Debug)]
    pub struct Instant(f64);

    impl Instant {
        /// This moment.
        pub fn now() -> Self {
            Self(SECONDS.get().map_or(0.0, |seconds| seconds()))
        }

        /// How long ago it was.
        pub fn elapsed(&self) -> Duration {
            let seconds = Self::now().0 - self.0;
            Duration::try_from_secs_f64(seconds).unwrap_or_default()
        }
    }
}
