//! `pushpull figures`: the lecture's figures and claims, measured here and now.

use std::path::PathBuf;
use std::time::Instant;

use pushpull_bench::progress::Progress;
use pushpull_bench::sweep::Extent;
use pushpull_files::{FileError, output};
use pushpull_lecture::{EXPERIMENTS, Experiment, Figure, named, section};
use serde_json::json;

use crate::destination::{self, listed};
use crate::fault::Fault;
use crate::long::{Faster, Forecast};
use crate::options::figures::Figures;
use crate::{interrupt, screen};

/// Runs the command; the text for stdout.
pub fn run(asked: &Figures, json: bool) -> Result<String, Fault> {
    destination::check(&[("--output", &asked.output, &["FIGURES.md"])], &[])?;
    let extent = if asked.quick {
        Extent::Quick
    } else {
        Extent::Full
    };
    let (mut figures, mut left) = (Vec::new(), Vec::new());
    interrupt::listen();
    let chosen = chosen(&asked.only)?;
    let listed = seconds(&chosen, extent);
    forecast(&chosen, extent, pace(listed)?).announce();
    let mut progress = Progress::start("figures", listed);
    for experiment in chosen {
        if interrupt::came() {
            left.push(experiment.name);
            continue;
        }
        progress.begin(&format!("{}: {}", experiment.name, experiment.about));
        figures.extend(experiment.run(extent)?);
        progress.finish(experiment.seconds(extent));
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

/// What these experiments took on the machine where they were timed. The planner, which knows gradients, knows nothing of them.
fn seconds(chosen: &[&Experiment], extent: Extent) -> f64 {
    let each = chosen.iter().map(|experiment| experiment.seconds(extent));
    each.sum()
}

/// How many times as long this machine takes: by a short experiment, which is run. Nothing is run before what is short anyway.
fn pace(listed: f64) -> Result<f64, Fault> {
    const SHORT: f64 = 6.0;
    let Some(short) = named("noise").filter(|_| listed > SHORT) else {
        return Ok(1.0);
    };
    let began = Instant::now();
    short.run(Extent::Quick)?;
    Ok(began.elapsed().as_secs_f64() / short.seconds(Extent::Quick))
}

/// What is said before figures that take long.
fn forecast(chosen: &[&Experiment], extent: Extent, pace: f64) -> Forecast {
    let all = seconds(chosen, extent);
    let mut faster = vec![Faster::new(
        "--quick",
        pace * seconds(chosen, Extent::Quick),
    )];
    let longest =
        |a: &&&Experiment, b: &&&Experiment| a.seconds(extent).total_cmp(&b.seconds(extent));
    if let Some(longest) = chosen.iter().max_by(longest).filter(|_| chosen.len() > 1) {
        let rest: Vec<&str> = chosen
            .iter()
            .map(|experiment| experiment.name)
            .filter(|name| *name != longest.name)
            .collect();
        faster.push(Faster::new(
            format!("--only {}", rest.join(",")),
            pace * (all - longest.seconds(extent)),
        ));
    }
    Forecast {
        what: "figures".into(),
        seconds: pace * all,
        source: Some("by a short one that was timed just now"),
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
                format!("{name:?}"),
                "choose one of them, or leave --only out for all",
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
    format!("{text}\n{}", listed(files, ""))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_machine_is_told_what_would_be_faster() {
        let all: Vec<&Experiment> = EXPERIMENTS.iter().collect();
        let words = forecast(&all, Extent::Full, 10.0).words().unwrap();
        for part in [
            "figures: predicted to take about 4 min, by a short one that was timed just now; faster: --quick (about 14 s)",
            ", or --only linear,approximation,starts,descent,cost,projection,activations,depth (about 3 min)",
        ] {
            assert!(words.contains(part), "{words}");
        }
        assert_eq!(forecast(&all, Extent::Full, 1.0).words(), None);
        let one = forecast(&all[..1], Extent::Full, 1e4).words().unwrap();
        assert!(!one.contains("--only"), "{one}");
    }

    #[test]
    fn the_pace_of_a_machine_is_measured_before_what_may_be_long() {
        assert_eq!(pace(1.0).unwrap(), 1.0);
        assert!(pace(30.0).unwrap() > 0.0);
    }
}
