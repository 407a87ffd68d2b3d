//! Blocks that are given by their partial derivatives keep the laws, and a wrong list is caught.

use pushpull_core::blocks::Partials;
use pushpull_core::{Dims, Error, Graph, Real, Singular};
use pushpull_laws::{Law, check, check_family};

/// h_i = w_i x_i
#[derive(Debug)]
struct Stretch(usize);

impl Partials for Stretch {
    fn dims(&self) -> Dims {
        Dims {
            n_in: self.0,
            n_out: self.0,
            n_params: self.0,
        }
    }
    fn f<T: Real>(&self, w: &[T], x: &[T], h: &mut [T]) {
        (0..self.0).for_each(|i| h[i] = w[i] * x[i]);
    }
    fn partials<T: Real>(
        &self,
        w: &[T],
        x: &[T],
        mut by_x: impl FnMut(usize, usize, T),
        mut by_w: impl FnMut(usize, usize, T),
    ) {
        for i in 0..self.0 {
            by_x(i, i, w[i]);
            by_w(i, i, x[i]);
        }
    }
}

/// Neighbours meet, and every parameter reaches every output: h_i = sin(x_i x_(i+1)) + sum_k w_k^2 x_i, with a slip or not.
#[derive(Debug)]
struct Meeting {
    n: usize,
    slip: bool,
}

impl Partials for Meeting {
    fn name(&self) -> &str {
        "meeting"
    }
    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n + 1,
            n_out: self.n,
            n_params: 3,
        }
    }
    fn f<T: Real>(&self, w: &[T], x: &[T], h: &mut [T]) {
        let size = w[0] * w[0] + w[1] * w[1] + w[2] * w[2];
        for i in 0..self.n {
            h[i] = (x[i] * x[i + 1]).sin() + size * x[i];
        }
    }
    fn partials<T: Real>(
        &self,
        w: &[T],
        x: &[T],
        mut by_x: impl FnMut(usize, usize, T),
        mut by_w: impl FnMut(usize, usize, T),
    ) {
        let size = w[0] * w[0] + w[1] * w[1] + w[2] * w[2];
        for i in 0..self.n {
            let slope = (x[i] * x[i + 1]).cos();
            // Two entries of one place add.
            by_x(i, i, slope * x[i + 1]);
            by_x(i, i, size);
            by_x(i, i + 1, slope * if self.slip { x[i + 1] } else { x[i] });
            (0..3).for_each(|k| by_w(i, k, (w[k] + w[k]) * x[i]));
        }
    }
}

/// The root of x, without parameters.
#[derive(Debug)]
struct Root;

impl Partials for Root {
    fn dims(&self) -> Dims {
        Dims {
            n_in: 1,
            n_out: 1,
            n_params: 0,
        }
    }
    fn f<T: Real>(&self, _: &[T], x: &[T], h: &mut [T]) {
        h[0] = x[0].sqrt();
    }
    fn partials<T: Real>(
        &self,
        _: &[T],
        x: &[T],
        mut by_x: impl FnMut(usize, usize, T),
        _: impl FnMut(usize, usize, T),
    ) {
        by_x(0, 0, T::from_f64(0.5) / x[0].sqrt());
    }
    fn singular(&self) -> Singular {
        Singular::AtPoints
    }
}

#[test]
fn the_laws_hold() {
    check_family(Stretch).unwrap();
    check_family(|n| Meeting { n, slip: false }).unwrap();
}

#[test]
fn a_wrong_entry_is_caught() {
    let violation = check(&Meeting { n: 2, slip: true }).unwrap_err();
    assert_eq!(violation.law, Law::Dual, "{violation}");
}

fn alone(block: impl pushpull_core::AnyBlock, rows: usize) -> Result<Graph, Error> {
    let mut net = pushpull_core::Builder::new();
    let x = net.input("x", rows);
    let y = net.named("alone", block, x);
    net.build(y)
}

/// What a debug build finds unasked.
#[test]
#[cfg(debug_assertions)]
fn a_graph_refuses_a_wrong_entry() {
    let fault = alone(Meeting { n: 2, slip: true }, 3).unwrap_err();
    assert!(matches!(fault, Error::Law { .. }), "{fault}");
}

#[test]
fn a_slope_that_is_not_finite_is_named() {
    let graph = alone(Root, 1).unwrap();
    let mut found = Vec::new();
    let x = [4.0, 0.0];
    let at = pushpull_core::Point {
        params: &[],
        x: pushpull_core::Mat::new(&x, 1, 2),
        y: pushpull_core::Mat::empty(),
        extra: &[],
        batch: 2,
    };
    for second in [false, true] {
        let block = <f64 as pushpull_core::Scalar>::of(&*graph.nodes()[0].block);
        block.singular_at(&at, second, &mut |steep| found.push(steep.sample));
    }
    assert_eq!(found, [1, 1]);
}
