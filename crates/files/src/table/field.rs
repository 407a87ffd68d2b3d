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
    let spelled = ["na", "n/a", "nan", "null", "?"];
    field.is_empty() || spelled.contains(&field.to_lowercase().as_str())
}

/// The field in a message.
pub(super) fn value_words(field: &str) -> String {
    if field.is_empty() {
        "an empty field".into()
    } else {
        shown(field)
    }
}
