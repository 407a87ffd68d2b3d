//! Buffers of a thread, kept from call to call.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Lends the buffer that is kept, or a new one while the thread ends and its own is gone: an engine may still run then, in the
/// destructor of another value of the thread.
pub(super) fn lent<B: Default, R>(
    kept: &'static LocalKey<RefCell<B>>,
    lend: impl FnOnce(&mut B) -> R,
) -> R {
    if kept.try_with(|_| ()).is_ok() {
        kept.with_borrow_mut(lend)
    } else {
        lend(&mut B::default())
    }
}
