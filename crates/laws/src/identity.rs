//! The adjoint identity of one block at the point where it is used, with what rounding may do to it.

use pushpull_core::{Block, Mat, Point, Rounded, Scalar};

use crate::walk::{Walk, over, pull, push};

/// Both sides of `<y_bar, J x_dot + K params_dot> = <J' y_bar, x_dot> + <K' y_bar, params_dot>`, as computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Identity {
    /// The left side: by the pushforward.
    pub(crate) pushed: f64,
    /// The right side: by the pullback.
    pub(crate) pulled: f64,
    /// What rounding accounts for.
    pub(crate) bound: f64,
}

/// How many standard deviations a sum of independent roundings may lie off: by Hoeffding's inequality it lies further off
/// with probability at most `2 exp(-8^2 / 2)`, 3e-14.
const DEVIATIONS: f64 = 8.0;

/// What many roundings may add up to, over twice the unit roundoff: at worst, all of one sign, or as independent ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    sum: f64,
    squares: f64,
}

impl Spread {
    /// One more rounding, of at most `size`.
    pub(crate) fn add(&mut self, size: f64) {
        self.sum += size;
        self.squares += size * size;
    }

    /// The roundings `factor |a b|` of a sum of products.
    pub(crate) fn add_products<T: Scalar>(&mut self, factor: f64, a: &[T], b: &[T]) {
        for (a, b) in a.iter().zip(b) {
            self.add(factor * (a.to_f64() * b.to_f64()).abs());
        }
    }

    /// The smaller of the two.
    pub(crate) fn most(self) -> f64 {
        self.sum.min(DEVIATIONS * self.squares.sqrt())
    }
}

/// The seeds of an identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds<'a, T> {
    /// n_in x batch
    pub(crate) x_dot: &'a [T],
    pub(crate) params_dot: &'a [T],
    /// n_out x batch
    pub(crate) y_bar: &'a [T],
}

impl Identity {
    /// At node `i`, with the given seeds; by the maps in place, if asked, where the block has them.
    pub(crate) fn at<T: Scalar>(
        walk: &Walk<'_, T>,
        i: usize,
        seeds: Seeds<'_, T>,
        in_place: bool,
    ) -> Self {
        let (block, at) = (T::of(&*walk.graph.nodes()[i].block), walk.point(i));
        let mut y_dot = push(block, &at, seeds.x_dot, seeds.params_dot);
        let (mut x_bar, params_bar) = pull(block, &at, seeds.y_bar);
        if in_place {
            y_dot = seeds.x_dot.to_vec();
            x_bar = seeds.y_bar.to_vec();
            over(block, &at, &mut y_dot, &mut x_bar);
        }
        let pushed = Dot::of(seeds.y_bar, &y_dot);
        let input = Dot::of(seeds.x_dot, &x_bar);
        let pulled = input + Dot::of(seeds.params_dot, &params_bar);
        let mut spread = Spread::default();
        terms(walk, i, seeds, &mut spread);
        Self {
            pushed: pushed.sum,
            pulled: pulled.sum,
            bound: 2.0 * T::UNIT_ROUNDOFF * spread.most() + pushed.error() + pulled.error(),
        }
    }

    /// How far the sides are apart, in units of what rounding accounts for. More than 1 is a proof of a wrong rule.
    pub(crate) fn ratio(&self) -> f64 {
        let apart = (self.pushed - self.pulled).abs();
        match apart {
            0.0 => 0.0,
            // Whatever is not a number is no agreement.
            apart if apart.is_nan() => f64::INFINITY,
            apart => apart / self.bound.max(f64::MIN_POSITIVE),
        }
    }
}

/// Adds what the rounding of node `i`'s maps may do to the two sides, entry by entry:
/// `<|y_bar|, terms(y_dot)> + <terms(x_bar), |x_dot|> + <terms(params_bar), |params_dot|>`. The terms are those of the
/// maps run at [`Rounded`], where everything that a map is given is exact.
pub(crate) fn terms<T: Scalar>(
    walk: &Walk<'_, T>,
    i: usize,
    seeds: Seeds<'_, T>,
    spread: &mut Spread,
) {
    let block: &dyn Block<Rounded> = &*walk.graph.nodes()[i].block;
    let at = walk.point(i);
    let (params, x, y, extra) = (
        exact(at.params),
        exact(at.x.data()),
        exact(at.y.data()),
        exact(at.extra),
    );
    let dims = block.dims();
    let at = Point {
        params: &params,
        x: Mat::new(&x, dims.n_in, walk.batch),
        y: Mat::new(&y, dims.n_out, walk.batch),
        extra: &extra,
        batch: walk.batch,
    };
    let y_dot = push(block, &at, &exact(seeds.x_dot), &exact(seeds.params_dot));
    let (x_bar, params_bar) = pull(block, &at, &exact(seeds.y_bar));
    let mut weigh = |seed: &[T], results: &[Rounded]| {
        for (seed, result) in seed.iter().zip(results) {
            spread.add(seed.to_f64().abs() * result.terms);
        }
    };
    weigh(seeds.y_bar, &y_dot);
    weigh(seeds.x_dot, &x_bar);
    weigh(seeds.params_dot, &params_bar);
}

/// The same numbers, without an error.
pub(crate) fn exact<T: Scalar>(numbers: &[T]) -> Vec<Rounded> {
    numbers.iter().map(|x| Rounded::exact(x.to_f64())).collect()
}

/// A sum of products in f64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Dot {
    pub(crate) sum: f64,
    /// The sum of the absolute values.
    pub(crate) size: f64,
    terms: f64,
}

impl Dot {
    pub(crate) fn of<T: Scalar>(a: &[T], b: &[T]) -> Self {
        let products = a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64());
        products.fold(Self::default(), Self::plus)
    }

    /// The sum of some numbers.
    pub(crate) fn ones<T: Scalar>(a: &[T]) -> Self {
        a.iter()
            .map(|a| a.to_f64())
            .fold(Self::default(), Self::plus)
    }

    fn plus(self, product: f64) -> Self {
        Self {
            sum: self.sum + product,
            size: self.size + product.abs(),
            terms: self.terms + 1.0,
        }
    }

    /// gamma_n sum |a b|, with gamma_n <= 2 n u in f64.
    pub(crate) fn error(self) -> f64 {
        f64::EPSILON * self.terms * self.size
    }
}

impl std::ops::Add for Dot {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            size: self.size + other.size,
            terms: self.terms + other.terms + 1.0,
        }
    }
}
