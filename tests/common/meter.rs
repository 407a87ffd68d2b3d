//! A prediction held against what a run does: operations counted by its scalar, or bytes counted by the allocator.

use pushpull::{Prediction, count};
use pushpull_bench::alloc::measure;

/// What a run is held against.
#[derive(Clone, Copy)]
pub enum Meter {
    Operations,
    Bytes,
}

impl Meter {
    /// Prepares and runs an engine, and says what the prediction got wrong.
    pub fn check<E, R>(
        self,
        what: &str,
        predicted: Prediction,
        prepare: impl Fn() -> E,
        run: impl Fn(&mut E) -> R,
    ) -> Result<(), String> {
        let same = |of: &str, predicted: u64, measured: u64| {
            if predicted == measured {
                return Ok(());
            }
            Err(format!(
                "{what}: {predicted} {of} predicted, {measured} measured"
            ))
        };
        // The first run warms the GEMM library's buffers on this thread, which are not the engine's.
        let (_, counted) = {
            let mut engine = prepare();
            count(|| drop(run(&mut engine)))
        };
        match self {
            Self::Operations => {
                same("flops", predicted.cost.flops, counted.flops)?;
                same("calls", predicted.cost.calls, counted.calls)
            }
            Self::Bytes => {
                let (mut engine, prepared) = measure(prepare).map_err(|e| e.to_string())?;
                let (results, ran) = measure(|| run(&mut engine)).map_err(|e| e.to_string())?;
                drop(results);
                let kept = prepared.kept_bytes.try_into().map_err(|_| "freed more")?;
                same("bytes prepared", predicted.prepared() as u64, kept)?;
                same("bytes of a run", predicted.run as u64, ran.peak_bytes)?;
                let results = ran.kept_bytes.try_into().map_err(|_| "freed more")?;
                same("bytes of results", predicted.results as u64, results)
            }
        }
    }
}
