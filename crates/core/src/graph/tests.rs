use crate::blocks::{Identity, Linear, Map, Square, Tanh};
use crate::{Builder, Error, Mat, Primal};

fn fault(build: impl FnOnce(&mut Builder) -> crate::Value) -> Error {
    let mut b = Builder::new();
    let output = build(&mut b);
    b.build(output).unwrap_err()
}

#[test]
fn every_fault_of_building_is_a_typed_error_that_names_the_node() {
    let shape = fault(|b| {
        let x = b.input("x", 3);
        b.named("first", Linear::new(4, 2), x)
    });
    assert!(
        shape
            .to_string()
            .starts_with("first: expected 4 input rows, got 3"),
        "{shape}"
    );
    let zero = fault(|b| {
        let x = b.input("x", 3);
        b.named("empty", Linear::new(3, 0), x)
    });
    assert_eq!(
        zero,
        Error::ZeroWidth {
            name: "empty".into(),
            n_in: 3,
            n_out: 0
        }
    );
    assert!(matches!(
        fault(|b| b.input("x", 0)),
        Error::ZeroWidth { .. }
    ));
    assert!(matches!(fault(|b| b.input("x", 2)), Error::Empty { .. }));
    let twice = fault(|b| {
        let x = b.input("x", 2);
        b.named("x", Map::new(Tanh, 2), x)
    });
    assert!(matches!(twice, Error::DuplicateName { .. }));
    let unknown = fault(|b| {
        let x = b.input("x", 2);
        b.again("second", x, "first")
    });
    assert!(matches!(unknown, Error::UnknownName { .. }));
    let foreign = fault(|b| {
        let x = Builder::new().input("x", 2);
        b.map(Tanh, x)
    });
    assert!(matches!(foreign, Error::ForeignValue { .. }));
    let tied = fault(|b| {
        let x = b.input("x", 2);
        let h = b.named("first", Linear::new(2, 2), x);
        b.tied("second", Linear::without_bias(2, 2), h, "first")
    });
    assert!(matches!(
        tied,
        Error::Length {
            expected: 4,
            got: 6,
            ..
        }
    ));
}

#[test]
fn nodes_that_the_output_does_not_need_are_left_out_and_their_parameters_stay() {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    b.named("unused", Linear::new(2, 5), x);
    let y = b.named("used", Linear::new(2, 1), x);
    let graph = b.build(y).unwrap();
    assert_eq!((graph.nodes().len(), graph.n_params()), (1, 15 + 3));
    assert_eq!(graph.nodes()[0].params, 15..18);
}

#[test]
fn activity_ends_where_a_gradient_is_stopped() {
    let mut b = Builder::new();
    let (x, t) = (b.input("x", 2), b.constant("t", 2));
    let h = b.named("w", Linear::new(2, 2), x);
    let held = b.stop_gradient(h);
    let sum = b.block(crate::blocks::Add::new(2, 2), [held, t]);
    let graph = b.build(sum).unwrap();
    let [first, last] = graph.activity() else {
        panic!()
    };
    assert!(first.params && first.inputs && !first.output);
    assert!(!last.params && !last.inputs && last.output);
}

#[test]
fn what_comes_in_is_checked_before_it_runs() {
    let mut b = Builder::new();
    let (x, t) = (b.input("x", 2), b.input("t", 1));
    let y = b.named("w", Linear::new(3, 1), [x, t]);
    let graph = b.build(y).unwrap();
    let mut primal = Primal::<f64>::new(&graph, 2).unwrap();
    let mut x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    assert!(matches!(
        primal.run(&[0.0; 3], Mat::new(&x, 3, 2)),
        Err(Error::Length {
            expected: 4,
            got: 3,
            ..
        })
    ));
    assert!(matches!(
        primal.run(&[0.0; 4], Mat::new(&x, 2, 3)),
        Err(Error::Shape { .. })
    ));
    x[5] = f64::NAN;
    let Err(Error::NotFinite { name, entry, .. }) = primal.run(&[0.0; 4], Mat::new(&x, 3, 2))
    else {
        panic!()
    };
    assert_eq!((name.as_str(), entry.as_str()), ("t", "[0, 1]"));
    x[5] = 1.0;
    let Err(Error::NotFinite { name, .. }) =
        primal.run(&[0.0, 0.0, 0.0, f64::INFINITY], Mat::new(&x, 3, 2))
    else {
        panic!()
    };
    assert_eq!(name, "w.bias");
    assert!(matches!(
        Primal::<f64>::new(&graph, 0),
        Err(Error::EmptyBatch { .. })
    ));
    assert!(matches!(
        Primal::<f64>::new(&graph, usize::MAX / 8),
        Err(Error::TooLarge { .. })
    ));
}

#[test]
fn values_take_the_place_of_their_source_only_where_nobody_reads_it_again() {
    let mut b = Builder::new();
    let x = b.input("x", 4);
    let h = b.named("w", Linear::new(4, 4), x);
    let mapped = b.map(Identity, h);
    let mapped = b.map(Tanh, mapped);
    let chain = b.build(mapped).unwrap();
    assert_eq!(Primal::<f64>::new(&chain, 1).unwrap().bytes(), 4 * 8);

    let mut b = Builder::new();
    let x = b.input("x", 4);
    let h = b.named("w", Linear::new(4, 4), x);
    let mapped = b.map(Tanh, h);
    let sum = b.block(crate::blocks::Add::new(4, 2), [h, mapped]);
    let y = b.map(Square, sum);
    let diamond = b.build(y).unwrap();
    let params: Vec<f64> = diamond.layout().init(crate::Init::Glorot, 1);
    let x = [0.1, -0.2, 0.3, 0.4];
    let mut primal = Primal::new(&diamond, 1).unwrap();
    let y = primal.run(&params, &x[..]).unwrap();
    let w = diamond
        .layout()
        .view(&params, "w.weight")
        .unwrap()
        .to_dmatrix();
    let h = w * nalgebra::DVector::from_row_slice(&x);
    for i in 0..4 {
        let expected = (h[i] + h[i].tanh()).powi(2);
        assert!((y.get(i, 0) - expected).abs() < 1e-15);
    }
}
