//! Times a computation with criterion and reads back what it found.

use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::Criterion;
use pushpull_bench::timer::{Time, Timer, TimerError};

/// Criterion with the settings of one run.
#[allow(missing_debug_implementations)] // Criterion has none.
pub struct CriterionTimer {
    criterion: Criterion,
    directory: PathBuf,
}

impl CriterionTimer {
    /// Measures each computation for about `seconds`, at least ten samples; criterion's files go to `directory`.
    pub fn new(directory: &Path, seconds: f64) -> Self {
        let criterion = Criterion::default()
            .output_directory(directory)
            .sample_size(10)
            .warm_up_time(Duration::from_secs_f64(seconds / 3.0))
            .measurement_time(Duration::from_secs_f64(seconds))
            .nresamples(2_000)
            .without_plots();
        Self {
            criterion,
            directory: directory.to_path_buf(),
        }
    }
}

impl Timer for CriterionTimer {
    fn time(&mut self, id: &str, run: &mut dyn FnMut()) -> Result<Time, TimerError> {
        // `id` names criterion's directory.
        self.criterion
            .bench_function(id, |bencher| bencher.iter(&mut *run));
        let file = self.directory.join(id).join("new").join("estimates.json");
        let fault = |detail: String| TimerError {
            file: file.clone(),
            detail,
        };
        let text = std::fs::read_to_string(&file).map_err(|e| fault(e.to_string()))?;
        let estimates: serde_json::Value =
            serde_json::from_str(&text).map_err(|e| fault(e.to_string()))?;
        let median = &estimates["median"];
        let seconds = |value: &serde_json::Value| {
            value
                .as_f64()
                .map(|nanoseconds| nanoseconds * 1e-9)
                .ok_or_else(|| fault("no median".into()))
        };
        Ok(Time {
            median: seconds(&median["point_estimate"])?,
            low: seconds(&median["confidence_interval"]["lower_bound"])?,
            high: seconds(&median["confidence_interval"]["upper_bound"])?,
        })
    }
}
