//! What is handed in wrong is refused by name, without a panic and before anything large is allocated.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Add, Linear, Loss, Tanh};
use pushpull_core::{Builder, Error, MatMut, Mlp};
use pushpull_mixed_mode::{Bracketing, MixedMode};

fn refused(result: Result<impl Sized, Error>) -> Error {
    match result {
        Ok(_) => panic!("accepted"),
        Err(fault) => fault,
    }
}

#[test]
fn settings_and_shapes_are_named() {
    let graph = Mlp::new(&[4, 2, 3], Activation::Tanh).build().unwrap();
    let fault = refused(MixedMode::<f64>::new(&graph, 0));
    assert!(matches!(fault, Error::EmptyBatch { .. }), "{fault}");
    let fault = refused(MixedMode::plan(&graph, 1).threads(0).prepare::<f64>());
    assert!(matches!(fault, Error::Setting { .. }), "{fault}");
    let mut mixed = MixedMode::new(&graph, 2).unwrap();
    let (params, x) = (
        vec![0.5; graph.n_params()],
        DMatrix::from_element(4, 2, 1.0),
    );
    let fault = refused(mixed.jacobian_inputs(&params[1..], &x));
    assert!(matches!(fault, Error::Length { .. }), "{fault}");
    let fault = refused(mixed.jacobian_inputs(&params, &DMatrix::from_element(4, 3, 1.0)));
    assert!(matches!(fault, Error::Shape { .. }), "{fault}");
    let fault = refused(mixed.jacobian_inputs(&params, &DMatrix::from_element(4, 2, f64::NAN)));
    assert!(matches!(fault, Error::NotFinite { .. }), "{fault}");
    let mut target = [7.0; 40];
    for target in [
        MatMut::new(&mut target, 4, 6),
        MatMut::new(&mut [0.0; 20], 6, 3),
    ] {
        let fault = refused(mixed.jacobian_inputs_into(&params, &x, target));
        assert!(matches!(fault, Error::Shape { .. }), "{fault}");
    }
    let fault =
        refused(mixed.jacobian_inputs_into(&params, &x, MatMut::with_stride(&mut target, 6, 4, 7)));
    assert!(matches!(fault, Error::Shape { .. }), "{fault}");
    assert_eq!(target, [7.0; 40]);
    mixed.jacobian_inputs(&params, &x).unwrap();
}

#[test]
fn a_graph_that_is_no_chain_is_refused_with_the_node() {
    let loss = Mlp::new(&[3, 2], Activation::Tanh).loss(Loss::SquaredError);
    let fault = refused(Bracketing::new(&loss.build().unwrap(), 1));
    assert_eq!(
        fault.to_string(),
        "loss: expected one source, the output of layer0, got 2 sources; mixed mode brackets one chain of blocks; use forward or reverse mode for this graph"
    );
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let h = b.named("branch", Linear::new(2, 2), x);
    let h = b.map(Tanh, h);
    let skip = b.named("skip", Add::new(2, 2), [h, x]);
    let y = b.map(Tanh, skip);
    let fault = refused(MixedMode::<f32>::new(&b.build(y).unwrap(), 1));
    assert!(
        fault.to_string().starts_with("skip: expected one source"),
        "{fault}"
    );
}

#[test]
fn sizes_beyond_any_memory_are_refused_before_they_are_allocated() {
    for widths in [
        &[1 << 20, 1 << 22][..],
        &[1 << 30, 1, 1 << 30],
        &[1 << 40, 2],
        &[1 << 62],
    ] {
        let mut b = Builder::new();
        let x = b.input("x", widths[0]);
        let h = b.map(Tanh, x);
        let y = widths[1..].iter().fold(h, |h, &width| {
            b.block(Linear::without_bias(h.rows(), width), h)
        });
        let graph = b.build(y).unwrap();
        let fault = refused(MixedMode::<f64>::new(&graph, 1 << 8));
        assert!(matches!(fault, Error::TooLarge { .. }), "{fault}");
    }
}
