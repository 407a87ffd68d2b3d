//! A rank between threads that notes what it sends.

use std::cell::RefCell;
use std::rc::Rc;

use pushpull_mpi::{Communicator, MpiError, Tag, local};

/// What happened on a rank, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // Each test notes a part.
pub enum Note {
    Sent(Tag),
    /// A leaf's engine has come to its end.
    Ended,
}

pub type Notes = Rc<RefCell<Vec<Note>>>;

#[derive(Debug)]
pub struct Noting(pub local::Thread, pub Notes);

impl Communicator for Noting {
    fn rank(&self) -> usize {
        self.0.rank()
    }
    fn size(&self) -> usize {
        self.0.size()
    }
    fn send(&self, to: usize, tag: Tag, bytes: &[u8]) -> Result<(), MpiError> {
        self.1.borrow_mut().push(Note::Sent(tag));
        self.0.send(to, tag, bytes)
    }
    fn receive(&self, from: usize, tag: Tag, bytes: &mut [u8]) -> Result<(), MpiError> {
        self.0.receive(from, tag, bytes)
    }
    fn arrived(&self, tag: Tag) -> Option<usize> {
        self.0.arrived(tag)
    }
}
