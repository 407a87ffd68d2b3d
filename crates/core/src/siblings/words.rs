//! Words and numbers of messages, those from elsewhere among them, fit for one line of a terminal.

use std::fmt::{self, Write};

/// A name that may be any text of an option or a file: its first characters, quoted, with control characters escaped.
pub fn shown(name: &str) -> String {
    const MOST: usize = 40;
    let short: String = name.chars().take(MOST).collect();
    let more = if short.len() < name.len() { "..." } else { "" };
    format!("{short:?}{more}")
}

/// Shows what it holds on one line: characters that end a line, move the cursor or turn the text around are escaped.
///
/// Files and their names are written by strangers, and some of what a parser says repeats them.
///
/// ```
/// assert_eq!(pushpull_core::siblings::words::Line("a\u{1b}[31mb\nc, but not é").to_string(), r"a\u{1b}[31mb\nc, but not é");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Line<T>(pub T);

impl<T: fmt::Display> fmt::Display for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Hands text on, escaped.
struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| {
            if moves(c) {
                write!(self.0, "{}", c.escape_default())
            } else {
                self.0.write_char(c)
            }
        })
    }
}

/// Whether a character does something to a line other than to stand in it: the controls, Unicode's line ends, and the marks
/// that are invisible or change the direction of writing.
fn moves(c: char) -> bool {
    let unseen = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || unseen
}

/// A number for a message: one of many digits by its power of ten.
///
/// ```
/// use pushpull_core::siblings::words::number;
/// assert_eq!([0.0, -2.5, 1e-160, 3e40].map(number), ["0", "-2.5", "1e-160", "3e40"]);
/// ```
pub fn number(value: f64) -> String {
    match value.abs() {
        1e15.. | 0.0..1e-5 if value != 0.0 && value.is_finite() => format!("{value:e}"),
        _ => value.to_string(),
    }
}

/// At most so many characters of a text.
pub fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_out_of_files_cannot_draw_on_a_terminal() {
        assert_eq!(shown("0.weight"), "\"0.weight\"");
        assert_eq!(shown("\u{1b}[31m\n"), "\"\\u{1b}[31m\\n\"");
        assert!(shown(&"a".repeat(10_000)).len() < 50);
    }

    #[test]
    fn a_line_is_one_and_reads_from_left_to_right() {
        for wild in [
            "\r", "\n", "\t", "\0", "\u{7f}", "\u{85}", "\u{9b}2J", "\u{2028}", "\u{202e}",
            "\u{2066}", "\u{feff}",
        ] {
            let line = Line(wild).to_string();
            assert!(
                line.is_ascii() && !line.contains(char::is_control),
                "{line:?}"
            );
        }
        assert_eq!(Line("größer, 大きい").to_string(), "größer, 大きい");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("ééé".into(), 2), "éé...");
        assert_eq!(cut("ééé".into(), 3), "ééé");
    }
}
