//! A way to a Jacobian: what is done last, in which form it leaves the result, and what it costs.

/// How a Jacobian of `rows x cols` a sample lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// The parameters of its block: one matrix, column by column.
    Params,
    /// Its diagonal alone: rows x samples.
    Diagonal,
    /// As tangents: rows x (cols samples), column `col * samples + sample`.
    Columns,
    /// As cotangents: cols x (rows samples), column `row * samples + sample`.
    Rows,
}

impl Form {
    pub(super) const ALL: [Self; 4] = [Self::Params, Self::Diagonal, Self::Columns, Self::Rows];
    pub(super) const DENSE: [Self; 2] = [Self::Columns, Self::Rows];
}

/// What a way costs. Ways are compared by flops, then by calls of elementary functions, then by what is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Work {
    pub flops: u64,
    pub calls: u64,
    /// Entries copied, and [`CALL`] for every call of a kernel or a block.
    pub moved: u64,
}

/// Entries that are copied in about the time that a call takes besides its flops.
pub(super) const CALL: u64 = 64;

impl Work {
    pub(super) const fn flops(flops: u64) -> Self {
        Self {
            flops,
            calls: 0,
            moved: 0,
        }
    }

    pub(super) const fn moved(moved: u64) -> Self {
        Self {
            flops: 0,
            calls: 0,
            moved,
        }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            calls: self.calls.saturating_add(other.calls),
            moved: self.moved.saturating_add(other.moved),
        }
    }
}

/// What is done last for a range `i..j`. `from` is the form in which an operand is made, before it is laid out as the
/// step needs it. Factors are 32 bits wide here, since the table of all ranges is as large as its entries make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The block's parameters are the Jacobian.
    Given,
    /// Unit seeds: the diagonal by one, columns by tangents, rows by adjoints.
    Accumulated,
    /// Factors k..j times factors i..k.
    Product { k: u32, upper: Form, lower: Form },
    /// The diagonal factors k..j scale the rows of what factors i..k made.
    ScaledRows { k: u32, from: Form },
    /// The diagonal factors i..k scale the columns of what factors k..j made.
    ScaledColumns { k: u32, from: Form },
    /// The columns of i..j - 1 pushed through factor j - 1.
    Pushed { from: Form },
    /// The rows of i + 1..j pulled through factor i.
    Pulled { from: Form },
}

/// A way with its work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub work: Work,
    pub how: How,
}
