//! A search for hyper-parameters over ranks.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use pushpull_train::{Choice, Metrics, Outcome, Ranking, Score, TrainError, Trial};

use crate::communicator::{broadcast_any, receive_any, send_any};
use crate::{Communicator, MpiError, Tag};

/// How often the rank that hands out looks for a worker: a trial takes far longer.
const LOOK: Duration = Duration::from_millis(1);

/// In place of a trial's number: there is none any more, or there was none before.
const NONE: u64 = u64::MAX;

/// How often a trial is tried.
const ATTEMPTS: u32 = 2;

/// Tries combinations on all ranks, each trial by one of them alone, and ranks them: the same ranking on every rank, but for the
/// seconds, whatever the number of ranks.
///
/// Rank 0 hands the trials out in their order, to whichever rank is free. It computes none itself and sleeps between looks, so a
/// job should have one rank more than processors; a job of one rank does all of them. A trial that is lost, because it ended in a
/// typed error, is run once more, by another rank if there is one; if it fails again, that is its outcome. A panic, or a rank
/// that is killed, ends the job.
///
/// # Errors
/// Those of the communicator.
///
/// ```
/// use nalgebra::DMatrix;
/// use pushpull_core::blocks::{Activation, Loss};
/// use pushpull_mpi::{local, search};
/// use pushpull_train::{Samples, Settings, Space, Strategy};
/// let x = DMatrix::from_fn(1, 40, |_, j| j as f64 / 20.0 - 1.0);
/// let samples = Samples::new(x.clone(), x.map(|x| x * x))?;
/// let space = Space {
///     hidden: vec![vec![], vec![8]],
///     activations: vec![Activation::Tanh],
///     rates: vec![0.02],
///     batches: vec![8],
/// };
/// let choices = space.choices(Strategy::Grid)?;
/// let settings = Settings { epochs: 30, ..Settings::default() };
/// let winners = local::run(3, |rank| {
///     let attempt = |at: usize| choices[at].attempt::<f64>(Loss::SquaredError, &settings, &samples, &samples);
///     let ranking = search(&rank, &choices, attempt, |_, _| {}).unwrap();
///     ranking.best().unwrap().hidden.clone()
/// });
/// assert_eq!(winners, [[8], [8], [8]]);
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
pub fn search(
    comm: &dyn Communicator,
    choices: &[Choice],
    mut attempt: impl FnMut(usize) -> Result<Outcome, TrainError>,
    mut progress: impl FnMut(&Trial, usize),
) -> Result<Ranking, MpiError> {
    let n = choices.len();
    let seen = |at: usize, outcome: &Result<Outcome, TrainError>| {
        progress(&choices[at].came(outcome.clone()), n);
    };
    let outcomes = match (comm.size(), comm.rank()) {
        (1, _) => alone(n, &mut attempt, seen),
        (_, 0) => hand_out(comm, n, seen)?,
        _ => {
            work(comm, &mut attempt)?;
            Vec::new()
        }
    };
    let mut told = Vec::new();
    for outcome in &outcomes {
        let bytes = encode(outcome);
        told.extend((bytes.len() as u64).to_le_bytes());
        told.extend(bytes);
    }
    let told = broadcast_any(comm, told)?;
    let (mut rest, mut trials) = (&told[..], Vec::new());
    for choice in choices {
        let (length, after) = rest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let length = (u64::from_le_bytes(*length) as usize).min(after.len());
        let (bytes, after) = after.split_at(length);
        trials.push(choice.came(decode(bytes)));
        rest = after;
    }
    Ok(Ranking::new(trials))
}

type Outcomes = Vec<Result<Outcome, TrainError>>;

fn alone(
    n: usize,
    attempt: &mut impl FnMut(usize) -> Result<Outcome, TrainError>,
    mut seen: impl FnMut(usize, &Result<Outcome, TrainError>),
) -> Outcomes {
    let each = (0..n).map(|at| {
        let outcome = attempt(at).or_else(|_| attempt(at));
        seen(at, &outcome);
        outcome
    });
    each.collect()
}

/// A trial that is to be run.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: usize,
    attempts: u32,
    /// The rank that lost it.
    lost_by: Option<usize>,
}

fn hand_out(
    comm: &dyn Communicator,
    n: usize,
    mut seen: impl FnMut(usize, &Result<Outcome, TrainError>),
) -> Result<Outcomes, MpiError> {
    let mut due: VecDeque<Due> = (0..n)
        .map(|at| Due {
            at,
            attempts: 0,
            lost_by: None,
        })
        .collect();
    let mut running: Vec<Option<Due>> = vec![None; comm.size()];
    let (mut idle, mut outcomes, mut ended) = (Vec::new(), vec![None; n], 0);
    while ended < n {
        let Some(rank) = comm.arrived(Tag::Ready) else {
            thread::sleep(LOOK);
            continue;
        };
        let message = receive_any(comm, rank, Tag::Ready)?;
        if let Some(trial) = running[rank].take() {
            let (outcome, attempts) = (decode(&message), trial.attempts + 1);
            if outcome.is_err() && attempts < ATTEMPTS {
                due.push_front(Due {
                    attempts,
                    lost_by: Some(rank),
                    ..trial
                });
            } else {
                seen(trial.at, &outcome);
                outcomes[trial.at] = Some(outcome);
                ended += 1;
            }
        }
        idle.push(rank);
        // Whoever lost a trial gets it again only if there is no other worker.
        let may = |rank: usize, trial: &Due| trial.lost_by != Some(rank) || comm.size() == 2;
        let mut still = Vec::new();
        for rank in idle.drain(..) {
            let next = due.iter().position(|trial| may(rank, trial));
            match next.and_then(|next| due.remove(next)) {
                Some(trial) => {
                    running[rank] = Some(trial);
                    comm.send(rank, Tag::Trial, &(trial.at as u64).to_le_bytes())?;
                }
                None => still.push(rank),
            }
        }
        idle = still;
    }
    // All are waiting, or about to say for the first time that they are ready.
    for rank in 1..comm.size() {
        if !idle.contains(&rank) {
            receive_any(comm, rank, Tag::Ready)?;
        }
        comm.send(rank, Tag::Trial, &NONE.to_le_bytes())?;
    }
    let missing = || Err(MpiError::Trial("it was never run".into()).into());
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(missing))
        .collect())
}

fn work(
    comm: &dyn Communicator,
    attempt: &mut impl FnMut(usize) -> Result<Outcome, TrainError>,
) -> Result<(), MpiError> {
    let mut done = Vec::new();
    loop {
        send_any(comm, 0, Tag::Ready, &done)?;
        let mut next = [0; 8];
        comm.receive(0, Tag::Trial, &mut next)?;
        match u64::from_le_bytes(next) {
            NONE => return Ok(()),
            at => done = encode(&attempt(at as usize)),
        }
    }
}

/// An outcome as a message: eleven numbers, or the words of a fault.
fn encode(outcome: &Result<Outcome, TrainError>) -> Vec<u8> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(fault) => return [&[1], fault.to_string().as_bytes()].concat(),
    };
    let Outcome {
        n_params,
        epochs,
        epoch,
        train,
        valid,
        seconds,
    } = *outcome;
    let metrics = |metrics: Metrics| {
        let kind = u64::from(matches!(metrics.score, Score::R2(_)));
        [
            metrics.loss.to_bits(),
            kind,
            metrics.score.value().to_bits(),
        ]
    };
    let mut bytes = vec![0];
    let counters = [n_params as u64, epochs, epoch, seconds.to_bits()];
    for number in counters
        .into_iter()
        .chain(metrics(train))
        .chain(metrics(valid))
    {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<Outcome, TrainError> {
    let (kind, rest) = bytes.split_first().unwrap_or((&1, &[]));
    let (numbers, _) = rest.as_chunks();
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|chunk| u64::from_le_bytes(*chunk))
        .collect();
    let (0, &[n_params, epochs, epoch, seconds, a, b, c, d, e, f]) = (*kind, &numbers[..]) else {
        let words = String::from_utf8_lossy(rest).into_owned();
        return Err(MpiError::Trial(words).into());
    };
    let metrics = |[loss, kind, score]: [u64; 3]| Metrics {
        loss: f64::from_bits(loss),
        score: match (kind, f64::from_bits(score)) {
            (0, score) => Score::Accuracy(score),
            (_, score) => Score::R2(score),
        },
    };
    Ok(Outcome {
        n_params: n_params as usize,
        epochs,
        epoch,
        train: metrics([a, b, c]),
        valid: metrics([d, e, f]),
        seconds: f64::from_bits(seconds),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pushpull_core::blocks::Activation;
    use pushpull_train::{Space, Strategy};

    use super::*;
    use crate::local;

    fn outcome() -> Outcome {
        Outcome {
            n_params: 7,
            epochs: 5,
            epoch: 3,
            train: Metrics {
                loss: -0.0,
                score: Score::R2(f64::INFINITY),
            },
            valid: Metrics {
                loss: 0.25,
                score: Score::Accuracy(0.5),
            },
            seconds: 1.5,
        }
    }

    /// Of four trials the second fails the first time, and the third always.
    #[test]
    fn a_lost_trial_is_run_again_by_another_rank() {
        let space = Space {
            hidden: vec![vec![], vec![8]],
            activations: vec![Activation::Tanh],
            rates: vec![0.02, 0.01],
            batches: vec![8],
        };
        let choices = space.choices(Strategy::Grid).unwrap();
        let ran = Mutex::new(Vec::new());
        let rankings = local::run(3, |rank| {
            let attempt = |at: usize| {
                let mut ran = ran.lock().unwrap();
                let before = ran.iter().filter(|(other, _)| *other == at).count();
                ran.push((at, rank.rank()));
                match (at, before) {
                    (1, 0) | (2, _) => Err(MpiError::Trial("lost".into()).into()),
                    _ => Ok(outcome()),
                }
            };
            search(&rank, &choices, attempt, |_, _| {}).unwrap()
        });
        let ran = ran.into_inner().unwrap();
        for (at, times) in [(0, 1), (1, 2), (2, 2), (3, 1)] {
            let mut by: Vec<_> = ran.iter().filter(|(other, _)| *other == at).collect();
            by.dedup();
            assert_eq!(by.len(), times, "trial {at}: {ran:?}");
        }
        for ranking in rankings {
            let failed = ranking
                .trials()
                .iter()
                .filter(|trial| trial.outcome.is_err());
            assert_eq!(failed.count(), 1, "{ranking:?}");
        }
    }

    #[test]
    fn outcomes_come_back_as_they_were() {
        let outcome = outcome();
        assert_eq!(decode(&encode(&Ok(outcome))), Ok(outcome));
        let fault = Err(MpiError::Trial("rate: expected more, got 0".into()).into());
        assert_eq!(decode(&encode(&fault)), fault);
        assert!(decode(&[]).is_err() && decode(&[0, 1, 2]).is_err());
    }
}
