//! The shell sessions of `docs/`: run as they stand, in one directory and in the order of the chapters, and what the program
//! prints compared with what the chapter says, line by line. The commands of the README run as well.
//!
//! Compared is stdout, or stderr where a command fails. In a chapter `...` stands for any text within a line, with the
//! blanks around it; a line that is only `...` for any number of lines, none among them.

mod common;

use std::path::{Path, PathBuf};

use common::{fault, pushpull};
use npyz::NpyFile;
use pushpull_data::Dataset;

/// What stands for text that varies.
const GAP: &str = "...";

/// A command of a session and what is written beneath it.
#[derive(Debug)]
struct Step {
    /// `02-forward-mode.md:17`
    place: String,
    command: String,
    expected: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The chapters by name, with their text.
fn chapters() -> Vec<(String, String)> {
    let files = std::fs::read_dir(root().join("docs")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && name.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    names.sort();
    let text = |name: &str| std::fs::read_to_string(root().join("docs").join(name)).unwrap();
    names
        .into_iter()
        .map(|name| (name.clone(), text(&name)))
        .collect()
}

/// The steps of a chapter's console blocks. A command ends where its line does not end in a backslash.
fn steps(name: &str, text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for (i, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = !inside && line == "```console";
            assert!(!goes_on, "{name}:{}: a command without an end", i + 1);
            continue;
        }
        if !inside {
            continue;
        }
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) if goes_on || line.starts_with("$ ") => (part, true),
            _ => (line, false),
        };
        if let Some(command) = part.strip_prefix("$ ") {
            steps.push(Step {
                place: format!("{name}:{}", i + 1),
                command: command.into(),
                expected: Vec::new(),
            });
        } else {
            let step = steps.last_mut().expect("a session starts with a command");
            if goes_on {
                step.command += part;
            } else {
                step.expected.push(part.into());
            }
        }
        goes_on = more;
    }
    steps
}

/// Whether a line is what the chapter says.
fn line_fits(says: &str, line: &str) -> bool {
    let Some((head, rest)) = says.split_once(GAP) else {
        return says.trim_end() == line.trim_end();
    };
    let Some(mut line) = line.strip_prefix(head.trim_end()) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split(GAP).map(str::trim).collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match line.split_once(piece) {
            Some((_, after)) => line = after,
            None => return false,
        }
    }
    line.trim_end().ends_with(tail)
}

/// Whether lines are what the chapter says.
fn lines_fit(says: &[String], lines: &[&str]) -> bool {
    match says {
        [] => lines.is_empty(),
        [gap, rest @ ..] if gap == GAP => (0..=lines.len()).any(|k| lines_fit(rest, &lines[k..])),
        [first, rest @ ..] => {
            lines.first().is_some_and(|line| line_fits(first, line)) && lines_fit(rest, &lines[1..])
        }
    }
}

/// Copies the files of a directory of the repository.
fn provide(name: &str, place: &Path) {
    std::fs::create_dir(place.join(name)).unwrap();
    for file in std::fs::read_dir(root().join(name)).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), place.join(name).join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn every_session_prints_what_the_tutorial_says() {
    let place = tempfile::tempdir().unwrap();
    provide("data", place.path());
    provide("docs", place.path());
    let (mut faults, mut commands, mut code) = (String::new(), 0, Some(0));
    for (name, text) in chapters() {
        for step in steps(&name, &text) {
            let said = if step.command == "echo $?" {
                let said = code.map_or_else(|| "killed".into(), |code| code.to_string());
                code = Some(0);
                said
            } else {
                assert_eq!(code, Some(0), "{}: the command before failed", step.place);
                let mut words = step.command.split_whitespace();
                assert_eq!(words.next(), Some("pushpull"), "{}", step.place);
                let output = pushpull(place.path(), &words.collect::<Vec<_>>());
                (commands, code) = (commands + 1, output.status.code());
                // What goes to stderr beside results is progress, which a terminal shows otherwise.
                let said = if output.status.success() {
                    output.stdout
                } else {
                    output.stderr
                };
                String::from_utf8(said).unwrap()
            };
            let lines: Vec<&str> = said.lines().collect();
            if !lines_fit(&step.expected, &lines) {
                let expected = step.expected.join("\n");
                faults += &format!(
                    "\n{}: $ {}\n--- the tutorial says\n{expected}\n--- the program says\n{said}",
                    step.place, step.command
                );
            }
        }
    }
    assert_eq!(code, Some(0), "the last command failed");
    assert!(commands > 0, "no session was found");
    assert!(faults.is_empty(), "{faults}");
}

/// As printed, in one directory and in their order; a comparison is given less time than it would take by default.
#[test]
fn every_command_of_the_readme_runs() {
    let place = tempfile::tempdir().unwrap();
    provide("data", place.path());
    provide("docs", place.path());
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    let whole = blocks.filter_map(|block| Some(block.split_once("```")?.0.replace("\\\n", " ")));
    let lines: Vec<String> = whole
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("pushpull "))
        .collect();
    assert_eq!(lines.len(), 10, "{lines:#?}");
    for line in lines {
        let mut words: Vec<&str> = line.split_whitespace().skip(1).collect();
        if words[0] == "compare" {
            words.extend(["--seconds", "0.5"]);
        }
        let output = pushpull(place.path(), &words);
        assert!(output.status.success(), "{line}: {}", fault(&output));
    }
}

/// A comparison that takes anything for right would prove nothing.
#[test]
fn what_differs_is_seen() {
    let fits = |says: &str, lines: &[&str]| {
        let says: Vec<String> = says.lines().map(str::to_owned).collect();
        lines_fit(&says, lines)
    };
    assert!(fits("loss  0.5", &["loss  0.5"]) && !fits("loss  0.5", &["loss  0.6"]));
    assert!(fits("loss 0.5...", &["loss 0.512"]) && !fits("loss 0.5...", &["loss 0.499"]));
    assert!(fits("in ... s by ...", &["in   0.1 s by reverse"]));
    assert!(!fits("in ... s by ...", &["in 0.1 min"]));
    assert!(!fits("in ... s", &["in 0.1 s or so"]) && !fits("a ... b ... c", &["a c b c d"]));
    assert!(fits("a\n...\nb", &["a", "b"]) && fits("a\n...\nb", &["a", "1", "2", "b"]));
    assert!(!fits("a\n...\nb", &["a", "b", "1"]) && !fits("a", &["a", "b"]));
    assert!(!fits("a\nb", &["a"]) && !fits("", &["a"]) && fits("", &[]));
}

#[test]
fn sessions_are_found_with_their_commands_whole() {
    let text =
        "```rust\n$ no\n```\n```console\n$ pushpull a \\\n    --b\nout\n$ echo $?\n0\n```\n$ no\n";
    let found: Vec<_> = steps("x.md", text)
        .into_iter()
        .map(|step| (step.place, step.command, step.expected))
        .collect();
    let step = |place: &str, command: &str, out: &str| {
        (place.to_owned(), command.to_owned(), vec![out.to_owned()])
    };
    assert_eq!(
        found,
        [
            step("x.md:5", "pushpull a     --b", "out"),
            step("x.md:8", "echo $?", "0")
        ]
    );
}

/// `docs/digits-32.npz` is what chapter 3 says it is.
#[test]
fn the_archive_holds_the_first_digits() {
    let file = std::fs::File::open(root().join("docs/digits-32.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut member = |name: &str| {
        let mut bytes = Vec::new();
        std::io::copy(&mut archive.by_name(name).unwrap(), &mut bytes).unwrap();
        bytes
    };
    let (x, y) = (member("x.npy"), member("y.npy"));
    let (x, y) = (NpyFile::new(&x[..]).unwrap(), NpyFile::new(&y[..]).unwrap());
    assert_eq!((x.shape(), y.shape()), (&[32, 64][..], &[32][..]));
    let digits = Dataset::digits(&root().join("data")).unwrap();
    let (x, y): (Vec<f64>, Vec<i64>) = (x.into_vec().unwrap(), y.into_vec().unwrap());
    // A sample is a row there and a column here, so both lie in the same order.
    assert_eq!(
        x,
        digits
            .inputs
            .columns(0, 32)
            .iter()
            .copied()
            .collect::<Vec<_>>()
    );
    for (j, class) in y.into_iter().enumerate() {
        assert_eq!(digits.targets[(class as usize, j)], 1.0);
    }
}
