//! The playground's engine: pushpull's own crates behind a plain C interface.
//!
//! A page writes a question as JSON into memory that [`room`] gives, calls [`ask`], and reads the answer where
//! [`answer`] says, `{"ok": ..}` or `{"fault": ".."}`, and a picture's numbers where [`numbers`] says. Nothing in here
//! differentiates: gradients, programs, predictions, traces and times are the library's.

mod agreement;
mod clock;
mod cost;
mod curve;
mod fault;
mod feature;
mod formula;
mod network;
mod picture;
mod points;
mod request;
mod run;
mod settings;
mod stepper;

use std::cell::RefCell;

pub use fault::Fault;
pub use request::{Engine, Request};

/// What lies in memory between two calls.
#[derive(Default)]
struct Desk {
    engine: Engine,
    question: Vec<u8>,
    answer: String,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Bytes of a question, at most.
const QUESTION: usize = 8 << 20;

/// Makes room for a question of so many bytes, and says where it is; 0: it is too long.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    if bytes > QUESTION {
        return std::ptr::null_mut();
    }
    DESK.with_borrow_mut(|desk| {
        desk.question.clear();
        desk.question.resize(bytes, 0);
        desk.question.as_mut_ptr()
    })
}

/// Answers the question that was written; returns the answer's bytes.
#[unsafe(no_mangle)]
pub extern "C" fn ask() -> usize {
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    pushpull_core::siblings::clock::set(clock::seconds);
    DESK.with_borrow_mut(|desk| {
        let question = String::from_utf8_lossy(&desk.question).into_owned();
        let answer = match desk.engine.answer(&question) {
            Ok(answer) => serde_json::json!({ "ok": answer }),
            Err(Fault(line)) => serde_json::json!({ "fault": line }),
        };
        desk.answer = answer.to_string();
        desk.answer.len()
    })
}

/// Where the answer lies.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    DESK.with_borrow(|desk| desk.answer.as_ptr())
}

/// Where the picture's numbers lie.
#[unsafe(no_mangle)]
pub extern "C" fn numbers() -> *const f32 {
    DESK.with_borrow(|desk| desk.engine.numbers.as_ptr())
}

/// How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn numbers_len() -> usize {
    DESK.with_borrow(|desk| desk.engine.numbers.len())
}
