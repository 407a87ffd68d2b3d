//! The run.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::linalg::first_not_finite;
use pushpull_core::siblings::clock::Instant;
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Mat, Role};

use crate::checkpoint::Identity;
use crate::evaluate::{Alone, Evaluator};
use crate::identity::identity;
use crate::optimiser::Moments;
use crate::state::State;
use crate::{
    Batches, Engine, Epoch, Judges, Model, Precision, Samples, Settings, Step, TrainError,
};

mod keep;
mod run;

/// A run of mini-batch gradient descent: model, data, settings, and how far it has come.
///
/// [`Training::run`] does everything; [`Training::step`] is there for programs that interleave training with something
/// else, such as a server. See the crate's documentation for an example.
#[derive(Debug)]
pub struct Training<T> {
    model: Model,
    settings: Settings,
    identity: Identity,
    batches: Batches,
    engine: Engine<T>,
    block: DMatrix<T>,
    /// For a smaller last block.
    rest: Option<(Engine<T>, DMatrix<T>)>,
    train: Evaluator<T>,
    valid: Option<Evaluator<T>>,
    judges: Box<dyn Judges>,
    /// Where weights lie, which decay and are penalised.
    weights: Vec<Range<usize>>,
    /// Of the mean loss and the penalties.
    gradient: Vec<T>,
    state: State<T>,
    /// A run whose parameters are not finite does not go on.
    diverged: Option<TrainError>,
    #[cfg(feature = "shadow")]
    shadow: Option<crate::shadow::Shadows<T>>,
}

impl<T: Precision> Training<T> {
    /// Prepares a run: every shape is checked and all memory allocated here.
    ///
    /// # Errors
    /// [`TrainError::Setting`], [`TrainError::Data`] for samples that do not fit the model, and those of the engines.
    pub fn new(
        model: &Model,
        settings: Settings,
        train: &Samples,
        valid: Option<&Samples>,
    ) -> Result<Self, TrainError> {
        let Settings {
            mode,
            seed,
            threads,
            ..
        } = settings;
        let engine = |size| Engine::new(&model.objective, size, mode, threads, seed);
        Self::prepare(model, settings, train, valid, None, engine)
    }

    /// As [`Training::new`], with gradients by engines of one's own: `engines` is asked for one of the blocks of
    /// [`Settings::batch`] samples, and for one of a smaller last block. [`Settings::mode`] is not looked at, nor are
    /// the threads but for the metrics. What the bits of these gradients depend on besides, such as the size of the pieces
    /// into which a block is cut, is `also`, by name and value: a part of the run's identity, which checkpoints are held
    /// against.
    ///
    /// # Errors
    /// As [`Training::new`], and those of `engines`.
    ///
    /// ```
    /// use nalgebra::DMatrix;
    /// use pushpull_core::blocks::{Activation, Loss};
    /// use pushpull_reverse_mode::Reverse;
    /// use pushpull_train::{Engine, Model, Samples, Settings, Training};
    /// let samples = Samples::new(DMatrix::from_fn(2, 9, |i, j| (i + j) as f64), DMatrix::from_element(1, 9, 1.0))?;
    /// let model = Model::mlp(&[2, 4, 1], Activation::Tanh, Loss::SquaredError)?;
    /// let settings = Settings { epochs: 3, batch: 4, ..Settings::default() };
    /// let mut plain = Training::<f64>::new(&model, settings.clone(), &samples, None)?;
    /// let own = |size| Ok(Engine::of(Box::new(Reverse::new(model.objective(), size)?)));
    /// let mut same = Training::<f64>::with_engines(&model, settings, &samples, None, ("engine", "my own".into()), own)?;
    /// plain.run(&mut ())?;
    /// same.run(&mut ())?;
    /// assert_eq!(plain.params(), same.params());
    /// assert!(plain.decode(&same.encode()?).is_err()); // another run, by its identity
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn with_engines(
        model: &Model,
        settings: Settings,
        train: &Samples,
        valid: Option<&Samples>,
        also: (&str, String),
        engines: impl FnMut(usize) -> Result<Engine<T>, TrainError>,
    ) -> Result<Self, TrainError> {
        Self::prepare(model, settings, train, valid, Some(also), engines)
    }

    /// Has the metrics at the end of an epoch found by these, whose bits are the same.
    pub fn with_judges(mut self, judges: Box<dyn Judges>) -> Self {
        self.judges = judges;
        self
    }

    fn prepare(
        model: &Model,
        settings: Settings,
        train: &Samples,
        valid: Option<&Samples>,
        also: Option<(&str, String)>,
        mut engines: impl FnMut(usize) -> Result<Engine<T>, TrainError>,
    ) -> Result<Self, TrainError> {
        settings.check()?;
        let Settings {
            batch,
            seed,
            threads,
            ..
        } = settings;
        let stacked = model.stack::<T>("training", train)?;
        let judged = valid
            .map(|valid| model.stack::<T>("validation", valid))
            .transpose()?;
        let batches = Batches::new(train.len(), batch, seed)?;
        let mut engine = |size: usize| -> Result<(Engine<T>, DMatrix<T>), TrainError> {
            Ok((
                engines(size)?,
                DMatrix::from_element(stacked.nrows(), size, T::zero()),
            ))
        };
        let rest = (batches.rest() > 0)
            .then(|| engine(batches.rest()))
            .transpose()?;
        let (engine, block) = engine(batch)?;
        let layout = model.objective.layout();
        // Parameters, the best of them, their gradient, its mean, two moments, and those of the epoch's end.
        memory::fits::<T>(
            "the state of a run",
            memory::elements(&[layout.len(), 7]),
            "train a smaller network",
        )?;
        let weights = layout
            .entries()
            .iter()
            .filter(|entry| entry.shape.role == Role::Weight);
        let params: Vec<T> = layout.init(settings.init, seed);
        let moments = Moments::new(settings.optimiser, params.len());
        let mut identity = identity(model, &settings, &stacked, judged.as_ref());
        identity.extend(also.map(|(what, value)| (what.to_owned(), value)));
        Ok(Self {
            identity,
            weights: weights.map(|entry| entry.range()).collect(),
            gradient: layout.zeros(),
            state: State::start(params, moments),
            train: Evaluator::new(model, stacked, threads)?,
            valid: judged
                .map(|judged| Evaluator::new(model, judged, threads))
                .transpose()?,
            judges: Box::new(Alone),
            model: model.clone(),
            settings,
            batches,
            engine,
            block,
            rest,
            diverged: None,
            #[cfg(feature = "shadow")]
            shadow: None,
        })
    }

    /// Starts from these parameters instead of the initialiser's; before the first step. They are no part of a
    /// checkpoint's identity: a checkpoint holds those of its own moment.
    ///
    /// # Errors
    /// [`pushpull_core::Error::Length`]; [`TrainError::Setting`] after the first step.
    pub fn start_from(&mut self, params: &[T]) -> Result<(), TrainError> {
        self.model.objective.layout().check("params", params)?;
        if self.state.step > 0 {
            let expected = "before the first step";
            return Err(crate::error::setting(
                "start_from",
                expected,
                format!("step {}", self.state.step),
                "set the parameters of a new run",
            ));
        }
        self.state = State::start(
            params.to_vec(),
            Moments::new(self.settings.optimiser, params.len()),
        );
        Ok(())
    }

    /// Checks the gradient of every `every`-th step against a jvp (`pushpull_laws::Shadow`); a miss ends the run and
    /// names the block. The bits of the run do not change.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for a forward gradient, which is no gradient but an estimate; those of `Shadow::new`.
    #[cfg(feature = "shadow")]
    pub fn with_shadow(mut self, every: u64) -> Result<Self, TrainError> {
        if let crate::Mode::ForwardGradient { .. } = self.settings.mode {
            let expected = "reverse, forward or structured: an estimate is not the gradient";
            return Err(crate::error::setting(
                "the mode under a shadow check",
                expected,
                self.settings.mode,
                "choose one of these modes, or leave the check out",
            ));
        }
        let Settings { batch, seed, .. } = self.settings;
        let rest = self.batches.rest();
        self.shadow = Some(crate::shadow::Shadows::new(
            &self.model.objective,
            batch,
            rest,
            every,
            seed,
        )?);
        Ok(self)
    }

    /// Gradients that the shadow check has looked at since this run was prepared.
    #[cfg(feature = "shadow")]
    pub fn shadow_checked(&self) -> u64 {
        self.shadow
            .as_ref()
            .map_or(0, crate::shadow::Shadows::checked)
    }

    /// One step: the gradient of the next block's mean loss, and the optimiser's move. After the last block of an epoch
    /// both parts are judged, and the next step shuffles anew. `None` where the run is finished.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], and `TrainError::Shadow` where a shadow check was asked for.
    pub fn step(&mut self) -> Result<Option<Step>, TrainError> {
        if let Some(fault) = &self.diverged {
            return Err(fault.clone());
        }
        if self.finished().is_some() {
            return Ok(None);
        }
        let since = Instant::now();
        if self.state.block == 0 {
            self.batches.shuffle(self.state.epoch);
        }
        let state = &mut self.state;
        let samples = self.batches.block(state.block as usize);
        let (engine, block) = match &mut self.rest {
            Some((engine, block)) if samples.len() < self.settings.batch => (engine, block),
            _ => (&mut self.engine, &mut self.block),
        };
        for (mut column, &sample) in block.column_iter_mut().zip(samples) {
            column.copy_from(&self.train.stacked().column(sample));
        }
        let (number, epoch) = (state.step + 1, state.epoch + 1);
        let diverged = |what, value: String| TrainError::Diverged {
            epoch,
            step: number,
            what,
            value,
        };
        let outcome = engine.value_and_gradient(&state.params, &*block, number);
        let (sum, gradient) = outcome.map_err(|fault| match fault {
            TrainError::Core(Error::Undefined { value, .. }) => diverged("the loss", value),
            TrainError::Core(fault @ Error::Singular { .. }) => TrainError::NoDerivative {
                epoch,
                step: number,
                fault: Box::new(fault),
            },
            fault => fault,
        })?;
        if !sum.is_finite() {
            return Err(diverged("the loss", sum.to_string()));
        }
        if let Some((i, _)) = first_not_finite(Mat::from(gradient)) {
            return Err(diverged("the gradient", gradient[i].to_string()));
        }
        #[cfg(feature = "shadow")]
        if let Some(shadow) = &mut self.shadow {
            shadow.check(number, &state.params, block, gradient)?;
        }
        let n = samples.len() as f64;
        let scale = T::from_f64(1.0 / n);
        self.gradient
            .iter_mut()
            .zip(gradient)
            .for_each(|(mean, &g)| *mean = scale * g);
        penalise(
            &self.settings,
            &self.weights,
            &state.params,
            &mut self.gradient,
        );
        let rate = self.settings.optimiser.rate();
        if self.settings.decay > 0.0 {
            let keep = T::from_f64(1.0 - rate * self.settings.decay);
            for range in &self.weights {
                state.params[range.clone()]
                    .iter_mut()
                    .for_each(|w| *w *= keep);
            }
        }
        state
            .moments
            .step(self.settings.optimiser, &mut state.params, &self.gradient);
        if let Some((i, _)) = first_not_finite(Mat::from(&state.params)) {
            let fault = diverged("a parameter", state.params[i].to_string());
            self.diverged = Some(fault.clone());
            return Err(fault);
        }
        (state.step, state.block) = (number, state.block + 1);
        state.seconds += since.elapsed().as_secs_f64();
        let ends_epoch = state.block as usize == self.batches.blocks();
        let step = Step {
            number,
            epoch,
            samples: samples.len(),
            loss: sum.to_f64() / n,
            gradient_norm: self
                .gradient
                .iter()
                .map(|g| g.to_f64().powi(2))
                .sum::<f64>()
                .sqrt(),
            ends_epoch,
        };
        if ends_epoch {
            self.judge()?;
        }
        Ok(Some(step))
    }

    /// The end of an epoch.
    fn judge(&mut self) -> Result<(), TrainError> {
        let (since, state) = (Instant::now(), &mut self.state);
        let judges = &*self.judges;
        let train = self.train.run(&state.params, judges)?;
        let valid = self
            .valid
            .as_mut()
            .map(|valid| valid.run(&state.params, judges))
            .transpose()?;
        let number = state.epoch + 1;
        let watched = valid.unwrap_or(train).loss;
        let epoch = Epoch {
            number,
            train,
            valid,
            seconds: state.seconds,
            evaluation_seconds: since.elapsed().as_secs_f64(),
            best: state.best.note(number, watched, &state.params),
        };
        state.history.push(epoch);
        (state.epoch, state.block, state.seconds) = (number, 0, 0.0);
        if watched.is_finite() {
            return Ok(());
        }
        let fault = TrainError::Diverged {
            epoch: number,
            step: state.step,
            what: match valid {
                Some(_) => "the validation loss",
                None => "the loss",
            },
            value: watched.to_string(),
        };
        self.diverged = Some(fault.clone());
        Err(fault)
    }
}

/// Adds the slopes of the penalties on weights to a gradient.
fn penalise<T: Precision>(
    settings: &Settings,
    weights: &[Range<usize>],
    params: &[T],
    gradient: &mut [T],
) {
    if settings.l1 == 0.0 && settings.l2 == 0.0 {
        return;
    }
    let (l1, l2, zero) = (
        T::from_f64(settings.l1),
        T::from_f64(settings.l2),
        T::zero(),
    );
    for range in weights {
        let slopes = gradient[range.clone()].iter_mut();
        for (slope, &w) in slopes.zip(&params[range.clone()]) {
            let sign = match w {
                w if w > zero => l1,
                w if w < zero => -l1,
                _ => zero,
            };
            *slope += sign + l2 * w;
        }
    }
}
