//! `pushpull figures`: the lecture's figures and claims, measured here and now.

use std::path::PathBuf;

use pushpull_bench::progress::Progress;
use pushpull_bench::sweep::Extent;
use pushpull_files::{FileError, output};
use pushpull_lecture::{EXPERIMENTS, Experiment, Figure, named, section};
use serde_json::json;

use crate::fault::Fault;
use crate::long::{Faster, Forecast};
use crate::options::figures::Figures;
use crate::{interrupt, screen};

/// Runs the command; the text for stdout.
pub fn run(asked: &Figures, json: bool) -> Result<String, Fault> {
    output::check_directory("--output", &asked.output)?;
    let extent = if asked.quick {
        Extent::Quick
    } else {
        Extent::Full
    };
    let (mut figures, mut left) = (Vec::new(), Vec::new());
    interrupt::listen();
    let chosen = chosen(&asked.only)?;
    let expected = chosen.len() as f64 * seconds(extent);
    forecast(expected, asked).announce();
    let mut progress = Progress::start("figures", expected);
    for experiment in chosen {
        if interrupt::came() {
            left.push(experiment.name);
            continue;
        }
        progress.begin(&format!("{}: {}", experiment.name, experiment.about));
        figures.extend(experiment.run(extent)?);
        progress.finish(seconds(extent));
    }
    progress.end();
    let files = output::write_all::<Fault>(&asked.output, |aside| {
        for figure in &figures {
            figure
                .chart
                .save(&aside.join(format!("{}.png", figure.name)))?;
        }
        let path = aside.join("FIGURES.md");
        let title = "# The lecture's figures\n";
        std::fs::write(&path, format!("{title}{}", section(&figures, false)))
            .map_err(|error| FileError::write(&path, error))?;
        Ok(())
    })?;
    let said = if json {
        report(&figures, &files)
    } else {
        text(&figures, &files)
    };
    if left.is_empty() {
        return Ok(said);
    }
    screen::say(&said)?;
    Err(Fault::Interrupted {
        remedy: format!("go on with --only {}", left.join(",")),
    })
}

/// About what an experiment takes: an equal part of the minute and a half that all of them take on two cores. The planner, which
/// knows gradients, knows nothing of them.
fn seconds(extent: Extent) -> f64 {
    let all = match extent {
        Extent::Full => 90.0,
        Extent::Quick => 5.0,
    };
    all / EXPERIMENTS.len() as f64
}

/// What is said before figures that take long.
fn forecast(expected: f64, asked: &Figures) -> Forecast {
    let mut faster = vec![Faster::new(
        "--quick",
        EXPERIMENTS.len() as f64 * seconds(Extent::Quick),
    )];
    if asked.only.is_empty() {
        faster.push(Faster::new("--only with the names of some", None));
    }
    Forecast {
        what: "figures".into(),
        seconds: expected,
        faster,
    }
}

/// The experiments of these names, each once; all for none.
fn chosen(names: &[String]) -> Result<Vec<&'static Experiment>, Fault> {
    if names.is_empty() {
        return Ok(EXPERIMENTS.iter().collect());
    }
    let find = |name: &String| {
        named(name).ok_or_else(|| {
            let all = EXPERIMENTS.map(|experiment| experiment.name).join(", ");
            Fault::option(
                "--only",
                format!("one of {all}"),
                name,
                "choose one of them",
            )
        })
    };
    let first = |&(i, name): &(usize, &String)| !names[..i].contains(name);
    let names = names.iter().enumerate().filter(first);
    names.map(|(_, name)| find(name)).collect()
}

fn text(figures: &[Figure], files: &[PathBuf]) -> String {
    let mut text = String::new();
    for claim in figures.iter().flat_map(|figure| &figure.claims) {
        text += &format!(
            "{}: {}\n    {}\n",
            claim.verdict, claim.words, claim.measured
        );
    }
    text += "\n";
    for file in files {
        text += &format!("{}\n", file.display());
    }
    text
}

fn report(figures: &[Figure], files: &[PathBuf]) -> String {
    let figures: Vec<_> = figures
        .iter()
        .map(|figure| {
            let claims = figure.claims.iter().map(|claim| {
                json!({"words": claim.words, "measured": claim.measured, "verdict": claim.verdict.to_string()})
            });
            json!({"name": figure.name, "caption": figure.caption, "claims": claims.collect::<Vec<_>>()})
        })
        .collect();
    json!({"figures": figures, "files": files}).to_string() + "\n"
}
