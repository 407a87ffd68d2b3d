//! What the command line asks for.

use std::path::{Path, PathBuf};

use crate::grid::{Cell, PEERS};

pub const USAGE: &str = "\
peers/run [--quick] [--merge] [--only KEY=VALUE[,VALUE...]]... [--rounds N] [--list]

  without arguments      measures the whole grid and replaces reports/peers.csv and its pictures
  --only KEY=VALUE,...   only some cells or peers; KEY is net, batch, dtype, threads, task or peer
  --quick                a few cells, few rounds
  --merge                puts the rows of a partial run into reports/peers.csv; without it a partial run writes to
                         peers/target/partial/
  --rounds N             rounds of a cell (15; quick: 5)
  --list                 names the cells and who takes part, measures nothing";

/// Parsed arguments.
#[derive(Debug, Default)]
pub struct Options {
    pub quick: bool,
    pub merge: bool,
    pub list: bool,
    pub rounds: usize,
    only: Vec<(String, Vec<String>)>,
}

impl Options {
    const KEYS: [&str; 6] = ["net", "batch", "dtype", "threads", "task", "peer"];

    /// # Errors
    /// A word about what is wrong.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--merge" => options.merge = true,
                "--list" => options.list = true,
                "--rounds" => {
                    let number = arguments.next().unwrap_or_default();
                    options.rounds = number.parse().ok().filter(|&n| n > 0).ok_or(format!(
                        "--rounds: expected a number of at least 1, got {number:?}"
                    ))?;
                }
                "--only" => options
                    .only
                    .push(Self::filter(&arguments.next().unwrap_or_default())?),
                _ => return Err(format!("unknown argument {argument:?}\n{USAGE}")),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 5 } else { 15 };
        }
        Ok(options)
    }

    fn filter(text: &str) -> Result<(String, Vec<String>), String> {
        let expected = || {
            format!(
                "--only: expected KEY=VALUE[,VALUE...] with KEY one of {:?}, got {text:?}",
                Self::KEYS
            )
        };
        let (key, values) = text.split_once('=').ok_or_else(expected)?;
        let values: Vec<String> = values.split(',').map(str::to_owned).collect();
        if !Self::KEYS.contains(&key) {
            return Err(expected());
        }
        let stranger = values.iter().find(|value| !PEERS.contains(&value.as_str()));
        match stranger {
            Some(stranger) if key == "peer" => Err(format!(
                "no peer is called {stranger:?}; there are: {PEERS:?}"
            )),
            _ => Ok((key.into(), values)),
        }
    }

    /// Whether a cell is asked for.
    pub fn wants(&self, cell: &Cell) -> bool {
        let quick = !self.quick || {
            let few = ["2-4-1", "4-16-16-3", "64-128-128-10", "784-128-10"];
            let slow = cell.task == crate::net::Task::ForwardGradient && cell.net.n_params() > 403;
            few.contains(&cell.net.name.as_str()) && !slow
        };
        quick
            && self.admits("net", &cell.net.name)
            && self.admits("batch", &cell.net.batch.to_string())
            && self.admits("dtype", &cell.dtype.to_string())
            && self.admits("threads", &cell.threads.to_string())
            && self.admits("task", &cell.task.to_string())
    }

    pub fn wants_peer(&self, peer: &str) -> bool {
        self.admits("peer", peer)
    }

    fn admits(&self, key: &str, value: &str) -> bool {
        let mut filters = self.only.iter().filter(|(k, _)| k == key);
        filters.all(|(_, values)| values.iter().any(|v| v == value))
    }

    /// Whether less than the whole grid is measured.
    fn partial(&self) -> bool {
        self.quick || !self.only.is_empty()
    }

    /// Where the table and the pictures go, and whether rows that are there already stay.
    pub fn target(&self, package: &Path) -> (PathBuf, bool) {
        if self.merge || !self.partial() {
            (package.join("../reports"), self.merge)
        } else {
            (package.join("target/partial"), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn filters_choose_cells_and_peers() {
        let options = parse("--only net=2-4-1,50x64 --only threads=1 --only dtype=f32 --only task=gradient --only peer=jax,burn").unwrap();
        let cells = Cell::all(&options);
        let names: Vec<_> = cells
            .iter()
            .map(|c| (c.net.name.as_str(), c.net.batch))
            .collect();
        assert_eq!(names, [("2-4-1", 1), ("2-4-1", 32), ("50x64", 32)]);
        assert_eq!(cells[0].peers(&options), ["jax", "burn"]);
    }

    #[test]
    fn only_a_whole_run_or_a_merge_touches_the_reports() {
        let target = |line| parse(line).unwrap().target(Path::new("p"));
        assert_eq!(target(""), ("p/../reports".into(), false));
        assert_eq!(target("--quick"), ("p/target/partial".into(), false));
        assert_eq!(
            target("--only net=2-4-1"),
            ("p/target/partial".into(), false)
        );
        assert_eq!(
            target("--only net=2-4-1 --merge"),
            ("p/../reports".into(), true)
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, word) in [
            ("--fast", "--fast"),
            ("--only jax", "KEY=VALUE"),
            ("--only colour=red", "colour"),
            ("--only peer=julia", "julia"),
            ("--rounds 0", "at least 1"),
        ] {
            assert!(parse(line).unwrap_err().contains(word), "{line}");
        }
    }
}
