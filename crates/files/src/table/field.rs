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

/// Whether a field says how its column is called: with a letter before any digit, and no word for a missing value.
pub(super) fn names(field: &str) -> bool {
    let field = field.trim();
    let first = field.chars().find(|c| c.is_alphanumeric() || *c == '_');
    !missing(field) && !none(field) && first.is_some_and(|c| !c.is_numeric())
}

/// Whether a field is a number to a reader, in a way of writing that is not read here, too: `1,5`, `1%`, `$1`. What has other
/// signs within, as `2020-01`, may be a name.
pub(super) fn numeral(field: &str) -> bool {
    let bare = field.trim_matches(|c: char| "+-\u{2212}$€£¥% ".contains(c));
    bare.contains(char::is_numeric) && bare.chars().all(|c| c.is_numeric() || ".,' ".contains(c))
}

/// The field in a message.
pub(super) fn value_words(field: &str) -> String {
    if field.is_empty() {
        "an empty field".into()
    } else {
        shown(field)
    }
}
