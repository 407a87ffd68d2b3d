//! Panics of a block that is being checked, caught and turned into text.

use std::any::Any;
use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `program`; a panic in it becomes its message. The panic is not printed: whoever checks a block expects it, and
/// shrinking would print it dozens of times. Panics elsewhere, on this thread or others, are printed as ever.
///
/// # Errors
/// The panic's message.
///
/// ```
/// use pushpull_core::siblings::quiet;
/// assert_eq!(quiet::catch(|| 7), Ok(7));
/// assert_eq!(quiet::catch(|| panic!("no such map")), Err::<(), _>("no such map".to_string()));
/// ```
pub fn catch<R>(program: impl FnOnce() -> R) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(program));
    QUIET.set(before);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
        forget(payload);
        text.unwrap_or_else(|| "a panic without a message".into())
    })
}

/// Does without what a panic left. A message is dropped; anything else stays where it is, for dropping it runs code of
/// whoever panicked, which may panic again, or wait.
pub(crate) fn forget(payload: Box<dyn Any + Send>) {
    if payload.is::<String>() || payload.is::<&'static str>() {
        drop(payload);
    } else {
        mem::forget(payload);
    }
}
