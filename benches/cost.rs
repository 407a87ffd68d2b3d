//! `cargo bench`: measures both modes, draws the pictures and writes the report. What is measured stands in `benches/cost.toml`.
//!
//! - `cargo bench` measures everything and replaces `reports/`.
//! - `cargo bench -- --quick` runs every part on small networks and writes under `target/`.
//! - `cargo bench --bench cost -- --sweep depth` measures one sweep and writes under `target/`; `--sweep networks` those of your own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pushpull_bench::alloc::CountingAllocator;
use pushpull_bench::cell::Cell;
use pushpull_bench::data::{self, Dataset};
use pushpull_bench::edition::Edition;
use pushpull_bench::grid::chart::{self, Point};
use pushpull_bench::grid::{Against, Grid};
use pushpull_bench::machine::Machine;
use pushpull_bench::pictures::Picture;
use pushpull_bench::plan::frontier::{Choice, choices};
use pushpull_bench::progress::Progress;
use pushpull_bench::record::{self, Record, Sweep};
use pushpull_bench::sweep::{self, Extent, Sweeps};
use pushpull_bench::table::Table;
use pushpull_bench::{bottleneck, checkpoint, claims, kinks, pictures, plan, report};

#[path = "cost/timer.rs"]
mod timer;

use timer::CriterionTimer;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What was asked for on the command line.
struct Request {
    extent: Extent,
    sweeps: Vec<Sweep>,
    /// Whether the planner is put to the test and the lecture's figures are made: not beside one sweep.
    planned: bool,
    target: PathBuf,
    command: String,
}

fn request(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut extent, mut only) = (Extent::Full, None);
    let mut arguments = arguments.filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => extent = Extent::Quick,
            "--sweep" => {
                let name = arguments.next().unwrap_or_default();
                let mut all = sweep::ALL.into_iter().chain([Sweep::Networks]);
                let found = all.find(|sweep| sweep.to_string() == name);
                only = Some(found.ok_or(format!(
                    "no sweep is called {name:?}; there are: width, depth, outputs, directions, networks"
                ))?);
            }
            other => {
                return Err(format!(
                    "unknown argument {other:?}; there are: --quick, --sweep NAME"
                ));
            }
        }
    }
    let scratch =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let (target, command) = match (extent, only) {
        (Extent::Full, None) => (root.join("reports"), "cargo bench".into()),
        (Extent::Full, Some(sweep)) => (
            scratch.join("reports").join(sweep.to_string()),
            format!("cargo bench --bench cost -- --sweep {sweep}"),
        ),
        (Extent::Quick, _) => (
            scratch.join("reports").join("quick"),
            "cargo bench -- --quick".into(),
        ),
    };
    Ok(Request {
        extent,
        planned: only.is_none(),
        sweeps: only.map_or(sweep::ALL.to_vec(), |sweep| vec![sweep]),
        target,
        command,
    })
}

fn run(request: &Request) -> Result<(), Box<dyn std::error::Error>> {
    let sweeps = Sweeps::read(&sweep::file())?;
    let of = |&sweep: &Sweep| sweeps.cells(sweep, request.extent);
    let cells: Vec<_> = request.sweeps.iter().flat_map(of).collect();
    if cells.is_empty() {
        return Err(
            "benches/cost.toml: expected at least one cell of this sweep, got none; add a table"
                .into(),
        );
    }
    let digits = Dataset::digits(&data::directory())?.standardised();
    let edition = Edition::begin(&request.target)?;
    let place = request
        .target
        .parent()
        .unwrap_or(Path::new("."))
        .to_path_buf();
    let criterion = if request.extent == Extent::Full {
        place.join("target/criterion")
    } else {
        place.join("criterion")
    };
    let mut timer = CriterionTimer::new(
        &criterion,
        if request.extent == Extent::Full {
            0.3
        } else {
            0.03
        },
    );
    let mut progress = Progress::start("measuring", cells.len() as f64);
    let mut records = Vec::new();
    for (i, cell) in cells.iter().enumerate() {
        progress.begin(&format!(
            "{} {:?} batch {} {}",
            cell.sweep,
            summary(&cell.widths),
            cell.batch,
            cell.dtype
        ));
        records.extend(cell.measure(i, &digits, &mut timer)?);
        progress.finish(1.0);
    }
    progress.end();
    let (table, machine) = (Table(&records), Machine::read());
    let setting = format!("{}, 1 thread, faer kernels.", machine.cpu);
    record::write(&edition.file("cost.csv")?, &records)?;
    let planned = if request.planned {
        let outputs = sweeps.cells(Sweep::Outputs, request.extent);
        Some(planned(request.extent, &outputs, &setting, &edition)?)
    } else {
        None
    };
    let choices = planned.as_ref().map_or(&[][..], |planned| &planned.choices);
    let mut pictures = pictures::draw(table, &setting, choices, &edition)?;
    pictures.extend(networks(&records, &setting, &edition)?);
    let claims = claims::all(table);
    let at_kinks = kinks::measure()?;
    kinks::write(&edition.file("kinks.csv")?, &at_kinks)?;
    let mut text = report::markdown(&records, &claims, &pictures, &machine, &request.command);
    text += planned.as_ref().map_or("", |planned| &planned.section);
    text += &kinks::section(&at_kinks);
    if request.planned {
        let mut figures = Vec::new();
        for experiment in &pushpull_lecture::EXPERIMENTS {
            eprintln!("figures: {}", experiment.name);
            figures.extend(experiment.run(request.extent)?);
        }
        pushpull_lecture::write(&figures, &edition)?;
        text += &pushpull_lecture::section(&figures, true);
    }
    std::fs::write(edition.file("REPORT.md")?, text)?;
    let committed = edition.commit()?;
    eprintln!(
        "wrote {} files to {}",
        committed.written.len(),
        request.target.display()
    );
    Ok(())
}

/// The planner's part: what it would do in the sweep over outputs, and its section.
struct Planned {
    choices: Vec<Choice>,
    section: String,
}

fn planned(
    extent: Extent,
    outputs: &[Cell],
    setting: &str,
    edition: &Edition,
) -> Result<Planned, Box<dyn std::error::Error>> {
    let (rows, mut calibration) = plan::measure(extent, plan::SEED)?;
    plan::record::write(&edition.file("plan.csv")?, &rows)?;
    let mut pictures = plan::picture::draw(&rows, setting, edition)?;
    let (schedules, depth) = checkpoint::measure(extent)?;
    pictures.push(checkpoint::picture(&schedules, depth, setting, edition)?);
    let found = bottleneck::measure(extent)?;
    pictures.push(bottleneck::picture(&found, setting, edition)?);
    Ok(Planned {
        choices: choices(outputs, &mut calibration)?,
        section: plan::section::section(&rows, plan::SEED, &pictures),
    })
}

/// The picture of the reader's own networks, drawn as `pushpull compare` draws a sweep.
fn networks(
    records: &[Record],
    setting: &str,
    edition: &Edition,
) -> Result<Option<Picture>, Box<dyn std::error::Error>> {
    let own = records.iter().filter(|row| row.sweep == Sweep::Networks);
    let points: Vec<Point> = own.filter_map(Point::of).collect();
    if points.is_empty() {
        return Ok(None);
    }
    let mut grid = Grid::default();
    points
        .iter()
        .for_each(|point| grid.add(&point.configuration));
    let against = grid.varies().unwrap_or(Against::Params);
    let mut page = chart::draw(&points, against)?;
    page.notes.push(format!(
        "Bars: 95 % intervals of criterion's medians. {setting}"
    ));
    let file = "networks.png";
    std::fs::write(edition.file("networks.csv")?, chart::csv(&points))?;
    std::fs::write(edition.file(file)?, page.png()?)?;
    std::fs::write(edition.file("networks.svg")?, page.svg()?)?;
    let caption = format!("Time of each mode over the primal's, against {against}.");
    Ok(Some(Picture {
        file: file.into(),
        caption,
    }))
}

/// Widths, where many equal ones would fill the line.
fn summary(widths: &[usize]) -> String {
    match widths {
        [first, .., last] if widths.len() > 6 => {
            format!("{first}-..-{last}, {} blocks", widths.len() - 1)
        }
        _ => widths
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join("-"),
    }
}

fn main() -> ExitCode {
    let outcome = request(std::env::args().skip(1))
        .map_err(Into::into)
        .and_then(|request| run(&request));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cost: {fault}");
            ExitCode::FAILURE
        }
    }
}
