//! What is in a field: a number, nothing, or words.

use crate::words::shown;

/// The number of a field; `decimal`: with a comma for the point.
pub(super) fn number(field: &str, decimal: bool) -> Option<f64> {
    let field = field.trim();
    if missing(field) {
        return None;
    }
    if decimal && field.matches(',').count() == 1 && !field.contains('.') {
        return field.replace(',', ".").parse().ok();
    }
    field.parse().ok()
}

/// Whether a field says that there is no value.
pub(super) fn missing(field: &str) -> bool {
    let spelled = [
        "na", "n/a", "nan", "-nan", "null", "?", "#n/a", "#na", "<na>",
    ];
    field.is_empty() || spelled.contains(&field.to_lowercase().as_str())
}

/// Whether a field of an input says so as Python does: among words, it may be one of them.
pub(super) fn none(field: &str) -> bool {
    field.eq_ignore_ascii_case("none")
}

/// The field in a message.
pub(super) fn value_words(field: &str) -> String {
    if field.is_empty() {
        "an empty field".into()
    } else {
        shown(field)
    }
}
