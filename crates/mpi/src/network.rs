//! What messages cost, and how many ranks pay.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pushpull_files::output;

use crate::communicator::{broadcast_any, gather_any};
use crate::{Communicator, MpiError, Node, Tag, Tree, owner, share};

/// The first line of a file. Its number changes with what is measured or how it is written.
const VERSION: &str = "pushpull network 1";

/// Bytes of the long message that is timed.
const LONG: usize = 1 << 22;

/// Another number of ranks has to save so much to be better.
const WORTH: f64 = 0.02;

/// A network by two numbers: a message of n bytes takes `latency + n / bandwidth` seconds from one rank to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Seconds of a message without bytes.
    pub latency: f64,
    /// Bytes a second.
    pub bandwidth: f64,
}

/// What is computed over ranks, and what they exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Exchange {
    /// The gradient of leaves: messages of so many bytes, up the tree and down again.
    Summed {
        /// Leaves of the batch.
        leaves: usize,
        /// Bytes of a gradient.
        bytes: usize,
    },
    /// Columns or rows, all of which go to rank 0.
    Gathered {
        /// Columns or rows.
        parts: usize,
        /// Bytes of all of them.
        bytes: usize,
    },
    /// Columns or rows that stay where they are.
    Distributed {
        /// Columns or rows.
        parts: usize,
    },
}

/// What is predicted for a number of ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// The number of ranks.
    pub ranks: usize,
    /// Seconds until every rank has its answer.
    pub seconds: f64,
    /// Of these, the seconds that the busiest rank computes. The others go to messages.
    pub computing: f64,
}

/// How many ranks pay, and why no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// The number of ranks that is predicted to be the fastest; of about equal ones the smallest.
    pub best: Forecast,
    /// What one rank takes.
    pub alone: f64,
    /// In words.
    pub reason: String,
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Network {
    /// Times messages between rank 0 and the last rank, which is on another machine if any is: 8 bytes for the latency, 4 MiB for
    /// the bandwidth, there and back, the median of many. All ranks get the result. Alone there is nothing to time: no latency.
    ///
    /// # Errors
    /// Those of the communicator.
    pub fn measure(comm: &dyn Communicator) -> Result<Self, MpiError> {
        let last = comm.size() - 1;
        if last == 0 {
            return Ok(Self {
                latency: 0.0,
                bandwidth: f64::INFINITY,
            });
        }
        let (mut short, mut long) = (0.0, 0.0);
        for (bytes, rounds, seconds) in [(8, 201, &mut short), (LONG, 21, &mut long)] {
            let mut message = vec![0; bytes];
            let mut times = Vec::new();
            for _ in 0..rounds {
                let since = Instant::now();
                if comm.rank() == 0 {
                    comm.send(last, Tag::Ping, &message)?;
                    comm.receive(last, Tag::Ping, &mut message)?;
                } else if comm.rank() == last {
                    comm.receive(0, Tag::Ping, &mut message)?;
                    comm.send(0, Tag::Ping, &message)?;
                }
                times.push(since.elapsed().as_secs_f64() / 2.0);
            }
            times.sort_by(f64::total_cmp);
            *seconds = times[rounds / 2];
        }
        comm.settle();
        let own = Self {
            latency: short,
            bandwidth: LONG as f64 / (long - short).max(f64::MIN_POSITIVE),
        };
        let mut told = [own.latency.to_le_bytes(), own.bandwidth.to_le_bytes()].concat();
        comm.broadcast(&mut told)?;
        let number = |at: usize| {
            told[at..]
                .first_chunk()
                .map_or(0.0, |b| f64::from_le_bytes(*b))
        };
        Ok(Self {
            latency: number(0),
            bandwidth: number(8),
        })
    }

    /// As it was measured between these machines before, by the file; else measured now, and written there. `host`: the name of
    /// this rank's machine. Only rank 0 opens the file; a place that cannot be written to is no reason not to plan.
    ///
    /// # Errors
    /// Those of the communicator.
    ///
    /// ```
    /// use pushpull_mpi::{Network, local};
    /// let place = tempfile::tempdir().unwrap();
    /// let file = place.path().join("network.txt");
    /// let measured = local::run(2, |rank| Network::load_or_measure(&rank, "here", Some(&file)).unwrap());
    /// let known = local::run(2, |rank| Network::load_or_measure(&rank, "here", Some(&file)).unwrap());
    /// assert!(measured == known && measured[0] == measured[1]);
    /// ```
    pub fn load_or_measure(
        comm: &dyn Communicator,
        host: &str,
        file: Option<&Path>,
    ) -> Result<Self, MpiError> {
        let key = gather_any(comm, host.as_bytes())?.map(|hosts| key(&hosts));
        let text = file
            .filter(|_| key.is_some())
            .and_then(|file| fs::read_to_string(file).ok());
        let text = text.unwrap_or_default();
        let known = key.as_ref().and_then(|key| find(&text, key));
        let told = known.map_or(Vec::new(), |own| line("", own).into_bytes());
        let told = broadcast_any(comm, told)?;
        if let Some(own) = find(
            &format!("{VERSION}\n{}", String::from_utf8_lossy(&told)),
            "",
        ) {
            return Ok(own);
        }
        let own = Self::measure(comm)?;
        if let (Some(file), Some(key)) = (file, key) {
            let mut lines = match text.lines().next() {
                Some(VERSION) => text,
                _ => format!("{VERSION}\n"),
            };
            lines += &line(&key, own);
            let made = file.parent().map_or(Ok(()), fs::create_dir_all);
            let _ = made.is_ok() && output::write(file, lines.as_bytes()).is_ok();
        }
        Ok(own)
    }

    /// Seconds of one message.
    pub fn message(&self, bytes: usize) -> f64 {
        self.latency + bytes as f64 / self.bandwidth
    }

    /// What so many ranks take for what one rank computes in `seconds`.
    ///
    /// Sums are followed through the tree: a node is there when both of its halves are, the right one's message included. What
    /// every rank is told takes ceil(log2 ranks) messages. Additions are taken to be computed with the leaves, and a subtree to be
    /// sent when its last leaf ends, whole: parts that reverse mode sends earlier make it shorter.
    pub fn forecast(&self, seconds: f64, exchange: Exchange, ranks: usize) -> Forecast {
        let ranks = ranks.max(1);
        let (parts, bytes) = match exchange {
            Exchange::Summed { leaves, bytes } => (leaves, bytes),
            Exchange::Gathered { parts, bytes } => (parts, bytes),
            Exchange::Distributed { parts } => (parts, 0),
        };
        let each = seconds / parts.max(1) as f64;
        let computing = each * share(parts, 0, ranks).len() as f64;
        let seconds = match exchange {
            Exchange::Summed { leaves, .. } if leaves > 0 => {
                let tree = Tree::new(leaves);
                let up = self.whole(&tree, tree.root(), ranks, (each, bytes));
                let told = f64::from(ranks.next_power_of_two().trailing_zeros());
                up + told * if ranks > 1 { self.message(bytes) } else { 0.0 }
            }
            Exchange::Gathered { .. } => {
                let others = (ranks - 1) as f64;
                computing
                    + others * self.latency
                    + bytes as f64 * others / ranks as f64 / self.bandwidth
            }
            _ => computing,
        };
        Forecast {
            ranks,
            seconds,
            computing,
        }
    }

    /// When the sum of a subtree is whole on the rank where it begins.
    fn whole(&self, tree: &Tree, node: Node, ranks: usize, (each, bytes): (f64, usize)) -> f64 {
        let covered = tree.leaves_of(node);
        let of = |leaf| owner(tree.leaves(), leaf, ranks);
        let here = of(covered.start);
        let block = share(tree.leaves(), here, ranks);
        if covered.end <= block.end {
            return (covered.end - block.start) as f64 * each;
        }
        let half = |index| Node {
            level: node.level - 1,
            index,
        };
        let (left, right) = (half(2 * node.index), half(2 * node.index + 1));
        let left_whole = self.whole(tree, left, ranks, (each, bytes));
        let begins = tree.leaves_of(right);
        if begins.is_empty() {
            return left_whole;
        }
        let mut right_whole = self.whole(tree, right, ranks, (each, bytes));
        if of(begins.start) != here {
            right_whole += self.message(bytes);
        }
        left_whole.max(right_whole)
    }

    /// How many ranks pay, of at most `most`, for what one rank computes in `seconds`: a prediction of a plan
    /// (`pushpull_planner::Candidate::seconds`), or measured.
    ///
    /// ```
    /// use pushpull_mpi::{Exchange, Network};
    /// let network = Network { latency: 2e-6, bandwidth: 1e9 };
    /// // 32 leaves of 1 ms, a gradient of 1 MB.
    /// let worth = network.worth(0.032, Exchange::Summed { leaves: 32, bytes: 1_000_000 }, 64);
    /// assert_eq!(worth.best.ranks, 7); // an eighth would save less than 2 %
    /// println!("{worth}");
    /// // A gradient of 100 MB does not pay at all.
    /// let worth = network.worth(0.032, Exchange::Summed { leaves: 32, bytes: 100_000_000 }, 64);
    /// assert_eq!(worth.best.ranks, 1);
    /// ```
    pub fn worth(&self, seconds: f64, exchange: Exchange, most: usize) -> Worth {
        let alone = self.forecast(seconds, exchange, 1);
        let mut best = alone;
        for ranks in 2..=most.max(1) {
            let other = self.forecast(seconds, exchange, ranks);
            if other.seconds < (1.0 - WORTH) * best.seconds {
                best = other;
            }
        }
        let more = self.forecast(seconds, exchange, 2 * best.ranks);
        let parts = match exchange {
            Exchange::Summed { leaves: 1, .. } => "one leaf".to_owned(),
            Exchange::Summed { leaves, .. } => format!("{leaves} leaves"),
            Exchange::Gathered { parts, .. } | Exchange::Distributed { parts } => {
                format!("{parts} columns or rows")
            }
        };
        let span = |seconds: f64| format!("{:.3} ms", 1e3 * seconds);
        let messages = |forecast: Forecast| span(forecast.seconds - forecast.computing);
        let why = if more.computing >= best.computing {
            format!("the {parts} cannot be cut any further")
        } else if best.ranks >= most {
            "no more were asked for".to_owned()
        } else {
            format!(
                "{} would take {}, of which {} are messages",
                more.ranks,
                span(more.seconds),
                messages(more)
            )
        };
        let reason = format!(
            "{} of {most} ranks pay: {} in place of {} alone, of which {} are messages; {why}",
            best.ranks,
            span(best.seconds),
            span(alone.seconds),
            messages(best)
        );
        Worth {
            best,
            alone: alone.seconds,
            reason,
        }
    }
}

/// The hosts of all ranks in their order, those that follow one another counted: the key of a measurement.
fn key(hosts: &[Vec<u8>]) -> String {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for host in hosts {
        let name: String = String::from_utf8_lossy(host)
            .chars()
            .map(|c| {
                if c.is_whitespace() || c.is_control() {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        match counted.last_mut() {
            Some((last, times)) if *last == name => *times += 1,
            _ => counted.push((name, 1)),
        }
    }
    let each = counted
        .iter()
        .map(|(name, times)| format!("{name}:{times}"));
    each.collect::<Vec<_>>().join(",")
}

fn line(key: &str, own: Network) -> String {
    format!("{key}\t{:e}\t{:e}\n", own.latency, own.bandwidth)
}

/// The last line of this key in a file of this version.
fn find(text: &str, key: &str) -> Option<Network> {
    let mut lines = text.lines();
    if lines.next() != Some(VERSION) {
        return None;
    }
    lines.rev().find_map(|line| {
        let mut parts = line.split('\t');
        if parts.next() != Some(key) {
            return None;
        }
        let mut number = || parts.next()?.parse::<f64>().ok();
        let own = Network {
            latency: number()?,
            bandwidth: number()?,
        };
        (own.latency >= 0.0 && own.bandwidth > 0.0).then_some(own)
    })
}

/// Where measured networks are kept: `PUSHPULL_NETWORK`, nothing if that is empty; else in the user's directory for caches.
pub fn place() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let given = |path: PathBuf| (!path.as_os_str().is_empty()).then_some(path);
    if let Some(named) = set("PUSHPULL_NETWORK") {
        return given(named);
    }
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(set("HOME").and_then(given)?.join(".cache")))?;
    Some(cache.join("pushpull").join("network.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Network = Network {
        latency: 1e-3,
        bandwidth: 1e6,
    };

    #[test]
    fn a_sum_over_aligned_blocks_takes_its_levels_up_and_down() {
        let exchange = Exchange::Summed {
            leaves: 8,
            bytes: 1000,
        };
        // Two leaves of 1 s each, then two levels of messages of 2 ms up and two down.
        let four = SLOW.forecast(8.0, exchange, 4);
        assert!(
            (four.seconds - (2.0 + 2.0 * 2e-3 + 2.0 * 2e-3)).abs() < 1e-12,
            "{four:?}"
        );
        assert_eq!(SLOW.forecast(8.0, exchange, 1).seconds, 8.0);
        // More ranks than leaves compute no faster.
        assert_eq!(SLOW.forecast(8.0, exchange, 100).computing, 1.0);
    }

    #[test]
    fn what_is_gathered_goes_through_one_rank() {
        let gathered = Exchange::Gathered {
            parts: 10,
            bytes: 1_000_000,
        };
        let five = SLOW.forecast(1.0, gathered, 5);
        assert!(
            (five.seconds - (0.2 + 4e-3 + 0.8)).abs() < 1e-12,
            "{five:?}"
        );
        let worth = SLOW.worth(1.0, gathered, 8);
        assert_eq!(worth.best.ranks, 1, "{worth}");
        let stays = SLOW.worth(1.0, Exchange::Distributed { parts: 10 }, 20);
        assert_eq!(stays.best.ranks, 10);
        assert!(
            stays.reason.contains("cannot be cut any further"),
            "{stays}"
        );
        let one = Exchange::Summed {
            leaves: 1,
            bytes: 8,
        };
        let whole = SLOW.worth(1.0, one, 8);
        assert_eq!(whole.best.ranks, 1);
        assert!(
            whole
                .reason
                .contains("the one leaf cannot be cut any further"),
            "{whole}"
        );
    }

    #[test]
    fn files_of_other_machines_versions_or_rubbish_are_measured_anew() {
        let hosts = ["a", "a", "b c"].map(|host| host.as_bytes().to_vec());
        assert_eq!(key(&hosts), "a:2,b_c:1");
        let text = format!("{VERSION}\n{}{}", line("a:2", SLOW), line("b:1", SLOW));
        assert_eq!(find(&text, "a:2"), Some(SLOW));
        assert_eq!(find(&text, "a:3"), None);
        assert_eq!(find(&text.replace("network 1", "network 0"), "a:2"), None);
        for wrong in ["a:2\tx\t1", "a:2\t1", "a:2\t-1\t1", "a:2\tNaN\t1"] {
            assert_eq!(
                find(&format!("{VERSION}\n{wrong}\n"), "a:2"),
                None,
                "{wrong}"
            );
        }
    }
}
