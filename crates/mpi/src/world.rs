//! Ranks as processes, by MPI.

use std::cell::RefCell;

use mpi::datatype::Equivalence;
use mpi::environment::{Threading, Universe, is_finalized, is_initialized, processor_name};
use mpi::ffi;
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::traits::{AsRaw, Root, Source};

use crate::{Communicator, MpiError, Tag};

/// Bytes of one message of MPI, at most: it counts them in 32 bits with a sign.
const MOST: usize = 1 << 30;

/// All processes of the job.
///
/// Bytes are sent without waiting: they are copied, and the copy is kept until MPI has sent it.
pub struct World {
    comm: SimpleCommunicator,
    sending: RefCell<Sending>,
    /// Ends MPI when it is dropped, after all else.
    _universe: Universe,
}

/// What is being sent, and buffers that are free.
#[derive(Default)]
struct Sending {
    pending: Vec<Pending>,
    free: Vec<Vec<u8>>,
}

/// Bytes that MPI reads until the request is complete. The buffer is neither changed nor moved out before.
struct Pending {
    bytes: Vec<u8>,
    request: ffi::MPI_Request,
}

impl World {
    /// Starts MPI, once in a process.
    ///
    /// # Errors
    /// [`MpiError::Mpi`] where it was started before.
    pub fn start() -> Result<Self, MpiError> {
        let started = mpi::initialize_with_threading(Threading::Funneled);
        let (universe, _) = started.ok_or(MpiError::Mpi {
            what: "it was started before in this process".into(),
            remedy: "start it once, and hand the world on",
        })?;
        Ok(Self {
            comm: universe.world(),
            sending: RefCell::default(),
            _universe: universe,
        })
    }

    /// The name of the machine that this rank runs on.
    pub fn host(&self) -> String {
        processor_name().unwrap_or_else(|_| "unknown".into())
    }

    /// Ends all ranks of the job at once, with this exit code.
    pub fn abort(&self, code: i32) -> ! {
        self.comm.abort(code)
    }
}

/// Ends the job that this process belongs to, from any of its threads; nothing where MPI does not run.
pub(crate) fn abort(code: i32) {
    if is_initialized() && !is_finalized() {
        SimpleCommunicator::world().abort(code);
    }
}

fn number(tag: Tag) -> i32 {
    match tag {
        Tag::Broadcast => 1,
        Tag::Gather => 2,
        Tag::Length => 3,
        Tag::Ready => 4,
        Tag::Trial => 5,
        Tag::Ping => 6,
        // Below 32,768, which every MPI has; a level is below 64.
        Tag::Subtree { level, part } => 64 + i32::from(level) + 64 * i32::from(part),
    }
}

impl Sending {
    /// Starts to send a copy of the bytes, at most [`MOST`].
    #[allow(unsafe_code)]
    fn start(&mut self, comm: &SimpleCommunicator, to: usize, tag: Tag, bytes: &[u8]) {
        let mut own = self.free.pop().unwrap_or_default();
        own.clear();
        own.extend_from_slice(bytes);
        // SAFETY: a constant of MPI.
        let request = unsafe { ffi::RSMPI_REQUEST_NULL };
        let mut pending = Pending {
            bytes: own,
            request,
        };
        // SAFETY: pointer and length are those of a buffer on the heap that `pending` owns. It is only read or given up after
        // `complete` has seen the request complete, and `World` is not dropped before (`settle`). Datatype and communicator are
        // MPI's own.
        unsafe {
            ffi::MPI_Isend(
                pending.bytes.as_ptr().cast(),
                pending.bytes.len() as i32,
                u8::equivalent_datatype().as_raw(),
                to as i32,
                number(tag),
                comm.as_raw(),
                &mut pending.request,
            );
        }
        self.pending.push(pending);
    }

    /// Takes back the buffers of what is sent; with `wait`, of all.
    #[allow(unsafe_code)]
    fn complete(&mut self, wait: bool) {
        let mut at = 0;
        while at < self.pending.len() {
            let (mut done, request) = (0, &mut self.pending[at].request);
            // SAFETY: the request is one that `MPI_Isend` has made and that was not complete yet; the status is not asked for.
            unsafe {
                if wait {
                    ffi::MPI_Wait(request, ffi::RSMPI_STATUS_IGNORE);
                    done = 1;
                } else {
                    ffi::MPI_Test(request, &mut done, ffi::RSMPI_STATUS_IGNORE);
                }
            }
            if done == 0 {
                at += 1;
            } else {
                self.free.push(self.pending.swap_remove(at).bytes);
            }
        }
    }
}

impl Communicator for World {
    fn rank(&self) -> usize {
        self.comm.rank() as usize
    }

    fn size(&self) -> usize {
        self.comm.size() as usize
    }

    fn send(&self, to: usize, tag: Tag, bytes: &[u8]) -> Result<(), MpiError> {
        let mut sending = self.sending.borrow_mut();
        sending.complete(false);
        match bytes {
            [] => sending.start(&self.comm, to, tag, bytes),
            _ => bytes
                .chunks(MOST)
                .for_each(|part| sending.start(&self.comm, to, tag, part)),
        }
        Ok(())
    }

    fn receive(&self, from: usize, tag: Tag, bytes: &mut [u8]) -> Result<(), MpiError> {
        let (rank, expected) = (self.rank(), bytes.len());
        let process = self.comm.process_at_rank(from as i32);
        let receive = |part: &mut [u8]| {
            let status = process.receive_into_with_tag(part, number(tag));
            let got = status.count(u8::equivalent_datatype()) as usize;
            (got == part.len()).then_some(()).ok_or(MpiError::Message {
                rank,
                from,
                expected,
                got,
            })
        };
        match bytes {
            [] => receive(bytes),
            _ => bytes.chunks_mut(MOST).try_for_each(receive),
        }
    }

    fn arrived(&self, tag: Tag) -> Option<usize> {
        let any = self.comm.any_process();
        let status = any.immediate_probe_with_tag(number(tag))?;
        Some(status.source_rank() as usize)
    }

    fn progress(&self) {
        self.sending.borrow_mut().complete(false);
    }

    fn settle(&self) {
        self.sending.borrow_mut().complete(true);
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), MpiError> {
        let root = self.comm.process_at_rank(0);
        bytes
            .chunks_mut(MOST)
            .for_each(|part| root.broadcast_into(part));
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // MPI reads what is being sent.
        self.settle();
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "World {{ rank: {}, size: {} }}",
            self.rank(),
            self.size()
        )
    }
}
