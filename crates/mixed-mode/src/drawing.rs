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

#[cfg(test)]
mod tests {
    use super::Drawing;

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
}
