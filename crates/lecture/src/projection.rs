//! The Jacobian of a linear projection, its vjp, and weights that are shared.

use nalgebra::{DMatrix, dmatrix};
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_core::blocks::{Add, Linear, Square};
use pushpull_core::{Builder, Graph, Init, Primal, Question};
use pushpull_plot::{Axis, Colour, LineChart, Mode, Series};
use pushpull_reverse_mode::Reverse;

use crate::network::{SEED, norm, short};
use crate::{Fault, Figure};

fn projection(d: usize, o: usize) -> Result<Graph, Fault> {
    let mut b = Builder::new();
    let x = b.input("x", d);
    let y = b.block(Linear::without_bias(d, o), x);
    Ok(b.build(y)?)
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let most = match extent {
        Extent::Full => 512,
        Extent::Quick => 32,
    };
    let widths: Vec<usize> = (1..=12).map(|i| 1 << i).filter(|&n| n <= most).collect();
    let (mut jacobian, mut adjoint) = (Vec::new(), Vec::new());
    for &n in &widths {
        let graph = projection(n, n)?;
        let mut reverse = Reverse::<f64>::new(&graph, 1)?;
        let vjp = Reverse::plan(&graph, 1, Question::Vjp(1)).prediction::<f64>()?;
        let primal = Primal::<f64>::new(&graph, 1)?.cost();
        // With respect to W alone: o x o x d numbers against the o x d of a vjp.
        let entries = (n * n * n) as f64;
        jacobian.push((n as f64, entries));
        adjoint.push((n as f64, (vjp.cost.flops - primal.flops) as f64));
        // A vjp that is not run is no vjp.
        reverse.value_and_gradient(&vec![0.5; n * n], &DMatrix::from_element(n, 1, 1.0))?;
    }
    let mut chart = LineChart::new(
        "A linear projection: the Jacobian with respect to W, and its vjp",
        Axis::log2("rows and columns of W (count)"),
        Axis::log("entries (count) or flops (count)"),
    );
    chart.subtitle = "f(x, W) = W x, W square; the Jacobian is a tensor of shape (o, o, d)".into();
    chart.series.push(
        Series::new("entries of the Jacobian", jacobian)
            .colour(Colour::BLACK)
            .remark("o o d, of which o d are not zero"),
    );
    chart.series.push(
        Series::new("flops of one vjp", adjoint)
            .mode(Mode::Vjp)
            .remark("exact"),
    );
    chart.notes.push(
        "The vjp is one product of a column and a row, v x': the Jacobian is never computed."
            .into(),
    );
    Ok(vec![Figure {
        name: "projection",
        chart,
        caption: "Entries of the Jacobian of W x with respect to W, and the flops of one of its vjps, against the size of W.".into(),
        claims: vec![tensor()?, pulled()?, shared()?],
    }])
}

/// The Jacobian with respect to W, entry by entry.
fn tensor() -> Result<Claim, Fault> {
    const D: usize = 4;
    const O: usize = 3;
    let graph = projection(D, O)?;
    let w: Vec<f64> = graph.layout().init(Init::Glorot, SEED);
    let x = DMatrix::from_fn(D, 1, |j, _| (1.0 + j as f64).sin());
    let mut reverse = Reverse::new(&graph, 1)?;
    let jacobian = reverse.jacobian_params(&w, &x)?;
    let mut right = 0;
    // Column k + O j is that of W[k, j].
    for (i, k, j) in (0..O * O * D).map(|at| (at / (O * D), at / D % O, at % D)) {
        let expected = if i == k { x[(j, 0)] } else { 0.0 };
        right += usize::from(jacobian[(i, k + O * j)] == expected);
    }
    let input = reverse.jacobian_inputs(&w, &x)?;
    let same = input.as_slice() == w.as_slice();
    Ok(Claim {
        words: "The Jacobian of W x with respect to x is W; with respect to W it is a tensor of shape (o, o, d): can you compute it? (\"Backpropagating through a linear projection\")",
        measured: format!(
            "Its entry [i, k, j] is x_j if i = k and 0 otherwise: {right} of {} entries agree exactly for o = {O}, d = {D}. With respect to x it is W, to the bit: {same}.",
            O * O * D
        ),
        verdict: if right == O * O * D && same {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    })
}

/// vjp_W is v x'.
fn pulled() -> Result<Claim, Fault> {
    const D: usize = 4;
    const O: usize = 3;
    let graph = projection(D, O)?;
    let w: Vec<f64> = graph.layout().init(Init::Glorot, SEED);
    let x = DMatrix::from_fn(D, 1, |j, _| (1.0 + j as f64).sin());
    let v = DMatrix::from_fn(O, 1, |i, _| (2.0 + i as f64).cos());
    let mut reverse = Reverse::new(&graph, 1)?;
    let (w_bar, x_bar) = reverse.vjp(&w, &x, &v)?;
    let of_w =
        (w_bar.reshape_generic(nalgebra::Dyn(O), nalgebra::Dyn(D)) - &v * x.transpose()).amax();
    let of_x = (x_bar - DMatrix::from_column_slice(O, D, &w).transpose() * &v).amax();
    Ok(Claim {
        words: "The vjps of W x are simpler: W'v, and x v' (\"VJPs of a linear projection\").",
        measured: format!(
            "The vjp with respect to x and W'v differ by {}. For W of shape (o, d) the vjp with respect to W is v x' (they differ by {}), which has W's own shape; the slide's x v' is its transpose, of shape (d, o).",
            short(of_x),
            short(of_w)
        ),
        verdict: if of_x < 1e-15 && of_w < 1e-15 {
            Verdict::InPart
        } else {
            Verdict::Failed
        },
    })
}

/// Shared weights: the gradient is the sum over the uses.
fn shared() -> Result<Claim, Fault> {
    let network = |tied: bool| -> Result<Graph, Fault> {
        let mut b = Builder::new();
        let x = b.input("x", 3);
        let h = b.named("first", Linear::new(3, 3), x);
        let h = b.map(Square, h);
        let again = if tied {
            b.again("second", h, "first")
        } else {
            b.named("second", Linear::new(3, 3), h)
        };
        let y = b.block(Add::new(3, 2), [again, h]);
        Ok(b.build(y)?)
    };
    let (tied, apart) = (network(true)?, network(false)?);
    let params: Vec<f64> = tied.layout().init(Init::Glorot, SEED);
    let x = dmatrix![0.3, -0.7; 0.9, 0.2; -0.4, 0.5];
    let whole = crate::network::gradient(&tied, &params, &x)?;
    let twice = [params.clone(), params].concat();
    let parts = crate::network::gradient(&apart, &twice, &x)?;
    let (first, second) = parts.split_at(whole.len());
    let sums = first.iter().zip(second).map(|(a, b)| a + b);
    let error = norm(sums.zip(&whole).map(|(sum, g)| sum - g)) / norm(whole.iter().copied());
    Ok(Claim {
        words: "The derivation extends to acyclic graphs; a weight that takes part in several operations has the sum of their gradients (\"Pros and cons of reverse-mode autodiff\").",
        measured: format!(
            "A layer used twice, with a branch around its second use, against two layers of the same weights: the sum of their two gradients differs by {} of its norm.",
            short(error)
        ),
        verdict: if error < 1e-14 {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    })
}
