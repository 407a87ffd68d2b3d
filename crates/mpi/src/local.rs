//! Ranks as threads of one process: what is built on a [`Communicator`] is tested without MPI.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::{Communicator, MpiError, Tag};

type Message = (Tag, Vec<u8>);

/// One rank of several threads.
#[derive(Debug)]
pub struct Thread {
    rank: usize,
    /// To every rank.
    to: Vec<Sender<Message>>,
    /// From every rank, with what arrived before it was asked for.
    from: Vec<RefCell<(Receiver<Message>, VecDeque<Message>)>>,
}

/// Runs the same work on so many ranks, each a thread; what each of them gives, in their order. A rank that fails drops its
/// end, so that those that wait for it fail as well.
///
/// # Panics
/// If a rank does.
///
/// ```
/// use pushpull_mpi::{Communicator, local};
/// let told = local::run(3, |rank| {
///     let mut number = [10 * rank.rank() as u8 + 7];
///     rank.broadcast(&mut number).map(|()| number[0])
/// });
/// assert!(told.into_iter().all(|told| told == Ok(7)));
/// ```
pub fn run<R: Send>(ranks: usize, work: impl Fn(Thread) -> R + Sync) -> Vec<R> {
    let mut ends: Vec<Thread> = (0..ranks)
        .map(|rank| Thread {
            rank,
            to: Vec::new(),
            from: Vec::new(),
        })
        .collect();
    for sender in 0..ranks {
        for receiver in 0..ranks {
            let (to, from) = channel();
            ends[sender].to.push(to);
            ends[receiver]
                .from
                .push(RefCell::new((from, VecDeque::new())));
        }
    }
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = ends
            .into_iter()
            .map(|end| scope.spawn(move || work(end)))
            .collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended
            .map(|outcome| outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

impl Communicator for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, tag: Tag, bytes: &[u8]) -> Result<(), MpiError> {
        let lost = |_| MpiError::Lost {
            rank: self.rank,
            from: to,
        };
        self.to[to].send((tag, bytes.to_vec())).map_err(lost)
    }

    fn receive(&self, from: usize, tag: Tag, bytes: &mut [u8]) -> Result<(), MpiError> {
        let mut end = self.from[from].borrow_mut();
        let (receiver, waiting) = &mut *end;
        let there = waiting.iter().position(|(other, _)| *other == tag);
        let message = match there.and_then(|at| waiting.remove(at)) {
            Some((_, message)) => message,
            None => loop {
                let lost = |_| MpiError::Lost {
                    rank: self.rank,
                    from,
                };
                match receiver.recv().map_err(lost)? {
                    (other, message) if other == tag => break message,
                    early => waiting.push_back(early),
                }
            },
        };
        if message.len() != bytes.len() {
            return Err(MpiError::Message {
                rank: self.rank,
                from,
                expected: bytes.len(),
                got: message.len(),
            });
        }
        bytes.copy_from_slice(&message);
        Ok(())
    }

    fn arrived(&self, tag: Tag) -> Option<usize> {
        (0..self.size()).find(|&rank| {
            let mut end = self.from[rank].borrow_mut();
            let (receiver, waiting) = &mut *end;
            while let Ok(message) = receiver.try_recv() {
                waiting.push_back(message);
            }
            waiting.iter().any(|(other, _)| *other == tag)
        })
    }
}
