//! What ranks say to one another.

use std::fmt;

use pushpull_train::Precision;

use crate::MpiError;

/// What a message is about. Messages of one tag from one rank to another arrive in the order in which they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tag {
    /// The sum of a subtree of this level, of one part of the vectors.
    Subtree {
        /// The level of its node.
        level: u8,
        /// Which part.
        part: u8,
    },
    /// What one rank tells all others.
    Broadcast,
    /// What all ranks tell one of them.
    Gather,
    /// The length of what follows.
    Length,
    /// A worker that is ready for a trial, or has finished one.
    Ready,
    /// A trial that is handed out.
    Trial,
    /// A message that is timed.
    Ping,
}

/// The ranks of a job, seen by one of them: numbered from 0, each with a part of the work.
///
/// There are few required methods, so that what is built on them is tested between threads ([`crate::local`]) as well as between
/// processes ([`crate::World`]). All ranks make the same collective calls (`broadcast`, `gather`) in the same order.
pub trait Communicator: fmt::Debug {
    /// This rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks, at least 1.
    fn size(&self) -> usize;

    /// Starts to send; the bytes are copied, and the call does not wait for the receiver.
    ///
    /// # Errors
    /// [`MpiError::Lost`]
    fn send(&self, to: usize, tag: Tag, bytes: &[u8]) -> Result<(), MpiError>;

    /// Waits for a message of exactly this length.
    ///
    /// # Errors
    /// [`MpiError::Lost`], [`MpiError::Message`]
    fn receive(&self, from: usize, tag: Tag, bytes: &mut [u8]) -> Result<(), MpiError>;

    /// A rank of which a message with this tag is there, if there is one. Does not wait.
    fn arrived(&self, tag: Tag) -> Option<usize>;

    /// Lets what is being sent come along while this rank computes.
    fn progress(&self) {}

    /// Waits until all that was sent has left this rank.
    fn settle(&self) {}

    /// Rank 0's bytes on every rank, along a binomial tree.
    ///
    /// # Errors
    /// As [`Communicator::receive`].
    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), MpiError> {
        let (rank, size) = (self.rank(), self.size());
        // The highest bit of a rank's number says who tells it; it tells those with a higher bit set.
        let mut bit = 1;
        if rank > 0 {
            let highest = 1 << rank.ilog2();
            self.receive(rank - highest, Tag::Broadcast, bytes)?;
            bit = highest << 1;
        }
        while rank + bit < size {
            self.send(rank + bit, Tag::Broadcast, bytes)?;
            bit <<= 1;
        }
        Ok(())
    }
}

impl<C: Communicator + ?Sized> Communicator for std::rc::Rc<C> {
    fn rank(&self) -> usize {
        (**self).rank()
    }

    fn size(&self) -> usize {
        (**self).size()
    }

    fn send(&self, to: usize, tag: Tag, bytes: &[u8]) -> Result<(), MpiError> {
        (**self).send(to, tag, bytes)
    }

    fn receive(&self, from: usize, tag: Tag, bytes: &mut [u8]) -> Result<(), MpiError> {
        (**self).receive(from, tag, bytes)
    }

    fn arrived(&self, tag: Tag) -> Option<usize> {
        (**self).arrived(tag)
    }

    fn progress(&self) {
        (**self).progress();
    }

    fn settle(&self) {
        (**self).settle();
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), MpiError> {
        (**self).broadcast(bytes)
    }
}

/// Bytes whose number the receiver does not know.
pub(crate) fn send_any(
    comm: &dyn Communicator,
    to: usize,
    tag: Tag,
    bytes: &[u8],
) -> Result<(), MpiError> {
    comm.send(to, Tag::Length, &(bytes.len() as u64).to_le_bytes())?;
    comm.send(to, tag, bytes)
}

/// What [`send_any`] has sent.
pub(crate) fn receive_any(
    comm: &dyn Communicator,
    from: usize,
    tag: Tag,
) -> Result<Vec<u8>, MpiError> {
    let mut length = [0; 8];
    comm.receive(from, Tag::Length, &mut length)?;
    let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
    comm.receive(from, tag, &mut bytes)?;
    Ok(bytes)
}

/// Rank 0's bytes on every rank, whose number the others do not know.
pub(crate) fn broadcast_any(comm: &dyn Communicator, bytes: Vec<u8>) -> Result<Vec<u8>, MpiError> {
    let mut length = (bytes.len() as u64).to_le_bytes();
    comm.broadcast(&mut length)?;
    let mut told = if comm.rank() == 0 {
        bytes
    } else {
        vec![0; u64::from_le_bytes(length) as usize]
    };
    comm.broadcast(&mut told)?;
    Ok(told)
}

/// Every rank's bytes on rank 0, in the order of the ranks; nothing on the others.
pub(crate) fn gather_any(
    comm: &dyn Communicator,
    own: &[u8],
) -> Result<Option<Vec<Vec<u8>>>, MpiError> {
    if comm.rank() > 0 {
        send_any(comm, 0, Tag::Gather, own)?;
        return Ok(None);
    }
    let mut all = vec![own.to_vec()];
    for rank in 1..comm.size() {
        all.push(receive_any(comm, rank, Tag::Gather)?);
    }
    Ok(Some(all))
}

/// Numbers as the bytes of a message.
pub(crate) fn bytes_of<T: Precision>(numbers: &[T]) -> Vec<u8> {
    let mut bytes = vec![0; numbers.len() * T::BYTES];
    T::store_all(numbers, &mut bytes);
    bytes
}
