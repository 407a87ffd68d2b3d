//! Which columns of a table are the target, and why.

use super::Table;
use crate::words::shown;
use crate::{FileError, Header, Target};

/// Names that say a column is the target.
const TARGETS: [&str; 4] = ["label", "class", "target", "y"];

/// Whether a name says that its column is the target.
fn says_target(name: &str) -> bool {
    TARGETS.contains(&name.trim().to_lowercase().as_str())
}

impl Table<'_> {
    /// Which columns the target is in.
    pub(super) fn targets(&self, names: &[String]) -> Result<Vec<usize>, FileError> {
        let passed = self.asked.passed_over();
        let (count, columns) = (self.sample.targets().max(passed), self.columns());
        let asked = &self.asked.targets;
        if !asked.is_empty() && asked.len() != count {
            return Err(FileError::request(
                "--target",
                format!("{count} columns for this network and loss"),
                asked.len().to_string(),
                "name as many, or leave it out for the last",
            ));
        }
        if !asked.is_empty() {
            let found = asked.iter().map(|target| self.column(target, names));
            let found: Vec<usize> = found.collect::<Result<_, _>>()?;
            let twice = (1..found.len()).find(|&k| found[..k].contains(&found[k]));
            if let Some(k) = twice {
                let got = format!("column {} twice", found[k] + 1);
                return Err(FileError::request(
                    "--target",
                    "columns, each once",
                    got,
                    "name another",
                ));
            }
            return Ok(found);
        }
        let last = (columns - count..columns).collect();
        if count != 1 {
            return Ok(last);
        }
        let named: Vec<usize> = (0..names.len())
            .filter(|&k| says_target(&names[k]))
            .collect();
        match named[..] {
            [] => Ok(last),
            [one] => Ok(vec![one]),
            _ => {
                let shown: Vec<String> = named.iter().map(|&k| shown(&names[k])).collect();
                Err(self.fault(
                    "the header",
                    "one column that is called label, class, target or y",
                    shown.join(" and "),
                    "say which one is the target with --target",
                ))
            }
        }
    }

    /// Whether a comment of as many fields as there are columns is taken for their names: where names are asked for, or where
    /// one of them, and no other, says that it is the target. It is a comment like others else.
    pub(super) fn are_names(&self, fields: &[String]) -> bool {
        let asked = &self.asked.targets;
        let by_name = |target: &Target| matches!(target, Target::Name(_));
        self.asked.header == Header::Yes
            || asked.iter().any(by_name)
            || asked.is_empty()
                && self.sample.targets() == 1
                && fields.iter().filter(|name| says_target(name)).count() == 1
    }

    /// The column that somebody names.
    fn column(&self, target: &Target, names: &[String]) -> Result<usize, FileError> {
        let columns = self.columns();
        let refused = |expected: String, got: String| {
            let remedy = "give the name of a column, or its number counted from 1";
            Err(FileError::request("--target", expected, got, remedy))
        };
        match target {
            Target::Name(name) => {
                let same = |&k: &usize| names[k].trim() == name.trim();
                let found: Vec<usize> = (0..names.len()).filter(same).collect();
                match found[..] {
                    [k] => Ok(k),
                    [_, _, ..] => refused(
                        "a name that one column has".into(),
                        format!("{}, which {} have", shown(name), found.len()),
                    ),
                    [] if name.trim().parse::<f64>().is_ok() => {
                        refused(format!("a column, 1 to {columns}"), name.clone())
                    }
                    [] if names.is_empty() => refused(
                        "a table with a header".into(),
                        format!("none, and the name {}", shown(name)),
                    ),
                    [] => {
                        let names: Vec<String> =
                            names.iter().take(20).map(|name| shown(name)).collect();
                        refused(format!("one of {}", names.join(", ")), shown(name))
                    }
                }
            }
            Target::Index(k) if (1..=columns).contains(k) => Ok(k - 1),
            // A name may be a number.
            Target::Index(k) => match names.iter().position(|name| *name.trim() == k.to_string()) {
                Some(named) => Ok(named),
                None => refused(format!("a column, 1 to {columns}"), k.to_string()),
            },
        }
    }

    /// Which column is the target, and why.
    pub(super) fn target_words(&self, names: &[String], targets: &[usize]) -> String {
        let columns = self.columns();
        let shown: Vec<String> = targets
            .iter()
            .map(|&k| match names.get(k).map(|name| name.trim()) {
                Some(name) if !name.is_empty() => format!("{} (column {})", shown(name), k + 1),
                _ => format!("column {}", k + 1),
            })
            .collect();
        let last = targets.iter().copied().eq(columns - targets.len()..columns);
        let why = match (self.asked.targets.is_empty(), last) {
            (false, _) => "as --target says",
            (true, true) => "the last",
            (true, false) => "as the header says",
        };
        match &shown[..] {
            many if many.len() > 4 => format!("the target is in the last {} columns", many.len()),
            some => format!("the target is {}, {why}", some.join(", ")),
        }
    }
}
