//! What will be packed next, fetched while the present block is multiplied: copying it then waits for no memory.
#![allow(unsafe_code)] // A prefetch takes an address; it reads nothing and may be given any.

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
use std::ops::Range;

use super::Factor;
use crate::Mat;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Runs of memory, line by line.
pub(super) struct Ahead<'a, T> {
    mat: Mat<'a, T>,
    /// Entries within a column.
    rows: Range<usize>,
    /// Columns to come.
    columns: Range<usize>,
    /// The next entry of the first of them.
    row: usize,
}

impl<'a, T> Ahead<'a, T> {
    /// Rows and contracted entries of a left factor.
    #[inline(always)]
    pub(super) fn new(a: Factor<'a, T>, rows: Range<usize>, depth: Range<usize>) -> Self {
        let (rows, columns) = if a.transposed {
            (depth, rows)
        } else {
            (rows, depth)
        };
        Self {
            mat: a.mat,
            row: rows.start,
            rows,
            columns,
        }
    }

    /// The lines to fetch at each of so many turns.
    #[inline(always)]
    pub(super) fn share(&self, turns: usize) -> usize {
        let lines = (self.rows.len() * size_of::<T>()).div_ceil(LINE) * self.columns.len();
        lines.div_ceil(turns.max(1))
    }

    /// Fetches so many lines, if there are any.
    #[inline(always)]
    pub(super) fn fetch(&mut self, lines: usize) {
        if self.rows.is_empty() {
            return;
        }
        for _ in 0..lines {
            if self.columns.is_empty() {
                return;
            }
            let at = self.columns.start * self.mat.stride() + self.row;
            if let Some(entry) = self.mat.data().get(at) {
                // SAFETY: the address is that of an entry, and nothing is read.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(entry).cast()) };
            }
            self.row += LINE / size_of::<T>();
            if self.row >= self.rows.end {
                self.row = self.rows.start;
                self.columns.start += 1;
            }
        }
    }
}
