//! The laws, with their mathematics.

use std::fmt;

/// A law of a block `h = f(x, w)`, with J = dh/dx and K = dh/dw. The order is the order of checking: what a later law
/// relies on comes earlier, so that the law that is named is the one at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// The description agrees with itself: positive widths; the matrices of `params()` hold `n_params` numbers; a block
    /// that runs in place has as many outputs as inputs and does not keep the input it overwrites; `validate()` is
    /// content.
    Declarations,
    /// No map panics on shapes that the block declared, and the declared scratch is enough.
    Panics,
    /// The primal is finite somewhere on the domain, or there is nothing to check: hand in a domain by
    /// [`crate::Check::domain`].
    Domain,
    /// A map writes its outputs and nothing else: canaries around every buffer and between columns stay alive, inputs
    /// keep their bits.
    Confined,
    /// The same call gives the same bits.
    Repeatable,
    /// `forward` and the input maps assign: the result has the same bits whatever the output and the scratch held
    /// before.
    Assigns,
    /// The parameter maps set or add as told: `Set` over anything is K w_dot (or K' y_bar), `Add` over g is g plus that.
    Accumulates,
    /// The derivative maps read nothing but what `keeps` declares: with NaN, or nothing at all, in place of the rest, the
    /// result is the same.
    Keeps,
    /// Many seeds are the single seeds side by side: column `seed * batch + sample` is J(sample) times that column.
    Seeds,
    /// A batch is its samples one by one: columns for the input maps, a sum for `vjp_params`.
    Batch,
    /// A zero seed is a structural zero: it gives exact zeros, also at x = 0 where a derivative may be infinite, and so
    /// `0 * inf = NaN`. Passed over where the primal itself is NaN.
    ZeroSeed,
    /// The maps are linear in the seed: `M(1000 u - v / 2) = 1000 M u - M v / 2`. Large, so that clipping shows.
    Linear,
    /// The pushforward is the block run at dual numbers: `f(x + x_dot e, w + w_dot e) = f(x, w) + (J x_dot + K w_dot) e`
    /// with e^2 = 0. No step size to choose, exact to rounding.
    Dual,
    /// Taylor's theorem: `r(h) = f(x + h v) - f(x) - h J v` shrinks as h^2. With D(s) the derivative along v at
    /// x + s v, r(h) is the integral of D(s) - D(0) from 0 to h, so `|r(h)| <= 2 h |D(h) - D(0)|` plus rounding wherever
    /// D is monotone over the step. Checked at h = 2^-16, with D from dual numbers: a kink inside the step raises the
    /// bound and no alarm, while dual numbers that lost their derivative have D(h) = D(0) and are found out.
    Taylor,
    /// The pullback is the transpose of the pushforward: `<y_bar, J v> = <J' y_bar, v>` for each column, and
    /// `<y_bar, K w_dot> = <K' y_bar, w_dot>` summed over the batch.
    Adjoint,
    /// The other forms of a map compute the same: `unit_params` is `jvp_params` on unit vectors, the maps in place are
    /// the maps out of place.
    Forms,
    /// For a block that says it runs on planes: `forward_dot`, `vjp_input_dot` and `vjp_params_dot` give the tangent of the
    /// pullback, `J' y_bar_dot + J_dot' y_bar`, as the pullback run at dual numbers does.
    Planes,
    /// The declared structure of J and K is true: zeros where it says zeros, ones where it says ones, x where K is
    /// x' (x) I.
    Structure,
    /// The declared cost is the cost counted by running the map at [`pushpull_core::Counted`].
    Cost,
    /// A map allocates nothing: run again, it asks the heap for nothing. What it made at its first run and kept, as a
    /// product's buffers on each thread, does not count, nor what other threads ask for. Last, because it is looked at only
    /// where the program's heap is counted ([`crate::CountingAllocator`]): what is found before it is the same everywhere.
    Allocates,
}

impl Law {
    /// All laws, in the order of checking.
    pub const ALL: [Self; 20] = [
        Self::Declarations,
        Self::Panics,
        Self::Domain,
        Self::Confined,
        Self::Repeatable,
        Self::Assigns,
        Self::Accumulates,
        Self::Keeps,
        Self::Seeds,
        Self::Batch,
        Self::ZeroSeed,
        Self::Linear,
        Self::Dual,
        Self::Taylor,
        Self::Adjoint,
        Self::Forms,
        Self::Planes,
        Self::Structure,
        Self::Cost,
        Self::Allocates,
    ];

    /// A short name, as in `reports/laws.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declarations => "declarations",
            Self::Panics => "panics",
            Self::Domain => "domain",
            Self::Confined => "confined",
            Self::Repeatable => "repeatable",
            Self::Assigns => "assigns",
            Self::Accumulates => "accumulates",
            Self::Keeps => "keeps",
            Self::Seeds => "seeds",
            Self::Batch => "batch",
            Self::ZeroSeed => "zero-seed",
            Self::Linear => "linear",
            Self::Dual => "dual",
            Self::Taylor => "taylor",
            Self::Adjoint => "adjoint",
            Self::Forms => "forms",
            Self::Planes => "planes",
            Self::Structure => "structure",
            Self::Cost => "cost",
            Self::Allocates => "allocates",
        }
    }

    /// The law in a sentence.
    pub const fn statement(self) -> &'static str {
        match self {
            Self::Declarations => "what a block declares agrees with itself",
            Self::Panics => "no map panics on the declared shapes",
            Self::Domain => "the primal is finite on the domain",
            Self::Confined => "a map writes its outputs and nothing else",
            Self::Repeatable => "the same call gives the same bits",
            Self::Assigns => "input maps assign, whatever outputs and scratch held before",
            Self::Accumulates => "parameter maps set or add as told",
            Self::Keeps => "derivative maps read only what `keeps` declares",
            Self::Seeds => "many seeds = the single seeds side by side",
            Self::Batch => "a batch = its samples one by one",
            Self::ZeroSeed => "a zero seed gives exact zeros",
            Self::Linear => "maps are linear in the seed",
            Self::Dual => "jvp = the block run at dual numbers",
            Self::Taylor => "f(x + h v) - f(x) - h J v shrinks as h^2",
            Self::Adjoint => "<y_bar, J v> = <J' y_bar, v>",
            Self::Forms => "unit and in-place forms = the plain maps",
            Self::Planes => "maps on planes = the maps at dual numbers",
            Self::Structure => "the declared structure of the Jacobians is true",
            Self::Cost => "the declared cost = the counted cost",
            Self::Allocates => "a map asks the heap for nothing",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
