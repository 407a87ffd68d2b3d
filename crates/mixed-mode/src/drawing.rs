//! A tree drawn in text.

use std::fmt;

/// A line with the lines below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    pub label: String,
    pub below: Vec<Drawing>,
}

impl Drawing {
    pub(crate) fn leaf(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            below: Vec::new(),
        }
    }

    fn lines(&self, indent: &mut String, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, branch) in self.below.iter().enumerate() {
            let last = i + 1 == self.below.len();
            let (turn, bar) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            write!(f, "\n{indent}{turn}{}", branch.label)?;
            indent.push_str(bar);
            branch.lines(indent, f)?;
            indent.truncate(indent.len() - bar.len());
        }
        Ok(())
    }
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        self.lines(&mut String::new(), f)
    }
}

/// A number with commas between its thousands.
pub(crate) fn grouped(n: impl Into<u128>) -> String {
    let digits = n.into().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Drawing, grouped};

    #[test]
    fn branches_hang_under_their_root() {
        let tree = Drawing {
            label: "a".into(),
            below: vec![
                Drawing {
                    label: "b".into(),
                    below: vec![Drawing::leaf("c")],
                },
                Drawing::leaf("d"),
            ],
        };
        assert_eq!(tree.to_string(), "a\n├─ b\n│  └─ c\n└─ d");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0_u64, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
