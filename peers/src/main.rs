//! Times the derivatives of pushpull beside those of other libraries. `README.md` says what is measured and how.

mod data;
mod fleet;
mod grid;
mod log;
mod net;
mod options;
mod peers;
mod picture;
mod process;
mod protocol;
mod record;
mod round;
mod statistics;
mod worker;

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use pushpull_bench::machine::Machine;

use data::Data;
use fleet::Fleet;
use grid::Cell;
use log::Log;
use options::Options;
use peers::Library;
use record::Row;
use round::Peaks;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match &arguments[..] {
        [flag, name] if flag == "--worker" => work(name),
        _ => Options::parse(arguments.into_iter())
            .map_err(Into::into)
            .and_then(|options| run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("peers: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The worker's process of a library of this build.
fn work(name: &str) -> Result<(), Box<dyn Error>> {
    let Some(library) = Library::called(name) else {
        let why =
            format!("did not build; see the log of peers/run, or build with the feature {name}");
        println!(
            "{}",
            serde_json::to_string(&protocol::Answer::Refused { why })?
        );
        return Ok(());
    };
    let serve = || worker::serve(library, std::io::stdin().lock(), std::io::stdout());
    Ok(if library.pooled {
        rayon::scope(|_| serve())
    } else {
        serve()
    }?)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cells = Cell::all(options);
    if options.list {
        for cell in &cells {
            println!("{}: {}", cell.words(), cell.peers(options).join(", "));
        }
        return Ok(());
    }
    let (reports, merge) = options.target(package);
    std::fs::create_dir_all(&reports)?;
    let table = reports.join("peers.csv");
    let earlier = if merge {
        record::read(&table)?
    } else {
        Vec::new()
    };
    let logs = package.join("target/log");
    let mut log = Log::begin(&logs)?;
    let peaks = Peaks::measure();
    log.say(&peaks.words());
    let mut fleet = Fleet::new(package, &logs);
    let (mut written, mut rows, since) = (HashSet::new(), Vec::<Row>::new(), Instant::now());
    for (i, cell) in cells.iter().enumerate() {
        log.say(&format!(
            "[{:>4} s, {}/{}] {}",
            since.elapsed().as_secs(),
            i + 1,
            cells.len(),
            cell.words()
        ));
        let directory = package.join(format!(
            "target/exchange/{}-b{}",
            cell.net.name, cell.net.batch
        ));
        if written.insert(directory.clone()) {
            Data::new(&cell.net)?.write(&directory)?;
        }
        match round::measure(cell, &directory, &mut fleet, options, &peaks, &mut log) {
            Ok(measured) => rows.extend(measured),
            Err(why) => log.say(&format!("  left out, pushpull: {why}")),
        }
        if merge {
            record::write(&table, &record::merged(earlier.clone(), &rows))?;
        }
    }
    let rows = record::merged(earlier, &rows);
    record::write(&table, &rows)?;
    let setting = format!("{}. {}", Machine::read().cpu, peaks.words());
    let drawn = picture::draw(&rows, &setting, &reports)?;
    log.say(&format!(
        "{} rows and {} pictures in {} s, in {}",
        rows.len(),
        drawn.len(),
        since.elapsed().as_secs(),
        reports.display()
    ));
    Ok(())
}
