//! A graph run piece by piece gives the bits of the whole run, in the arena and in its mirror image.

use pushpull_core::blocks::{Add, Gelu, Linear, Mul, Tanh};
use pushpull_core::primal::PrimalPlan;
use pushpull_core::{Builder, Error, Graph, Init, Mat};

/// Two layers, a block with a skip and a stopped edge, one more layer.
fn graph() -> Result<Graph, Error> {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.block(Linear::new(3, 4), x);
    let h = b.map(Tanh, h);
    let inner = b.block(Linear::new(4, 4), h);
    let inner = b.map(Gelu, inner);
    let gated = b.block(Mul::new(4), [inner, b.stop_gradient(h)]);
    let h = b.block(Add::new(4, 2), [gated, h]);
    let y = b.block(Linear::new(4, 2), h);
    b.build(y)
}

#[test]
fn pieces_give_the_bits_of_the_whole() -> Result<(), Error> {
    let (graph, batch) = (graph()?, 3);
    let n = graph.nodes().len();
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
    let x: Vec<f64> = (0..9).map(|i| (i as f64).sin()).collect();
    let x = Mat::new(&x, 3, batch);
    let whole = PrimalPlan::new(&graph, batch, n, |_| None)?;
    let mut arena = vec![0.0; whole.len()];
    whole.run(&params, x, &mut arena);
    let want = whole.output(&arena).to_dmatrix();
    for keeps in [None, Some(usize::MAX)] {
        let mut carried: Vec<f64> = Vec::new();
        for piece in [0..2, 2..6, 6..7] {
            let plan = PrimalPlan::piece(&graph, batch, piece.clone(), |_| keeps)?;
            let mut arena = vec![f64::NAN; plan.len()];
            plan.run_from(&params, x, &carried, &mut arena);
            let output = plan.output(&arena).to_dmatrix();
            // The output lies at the start, in the mirror image at the end.
            assert_eq!(&arena[..output.len()], output.as_slice());
            let mirrored = plan.clone().mirrored();
            let mut image = vec![f64::NAN; plan.len()];
            mirrored.run_from(&params, x, &carried, &mut image);
            assert_eq!(mirrored.output(&image).to_dmatrix(), output);
            assert_eq!(&image[image.len() - output.len()..], output.as_slice());
            if keeps.is_some() {
                for i in piece {
                    let at = plan.point_from(i, &params, x, &carried, &arena);
                    let of_image = mirrored.point_from(i, &params, x, &carried, &image);
                    assert_eq!(at.x.to_dmatrix(), of_image.x.to_dmatrix());
                    assert_eq!(at.y.to_dmatrix(), of_image.y.to_dmatrix());
                }
            }
            carried = output.as_slice().to_vec();
        }
        assert_eq!(carried, want.as_slice());
    }
    Ok(())
}

#[test]
#[should_panic(expected = "passes by the start of a piece")]
fn a_value_that_passes_by_is_no_piece() {
    let graph = graph().unwrap();
    let _ = PrimalPlan::piece(&graph, 3, 3..7, |_| None);
}
