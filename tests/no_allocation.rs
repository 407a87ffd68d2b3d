//! After preparation the hot paths allocate nothing, in both modes, counted on this thread. faer allocates packing
//! buffers of its own in its first large product on a thread, so every path runs once before it is counted.

use pushpull::blocks::{Activation, Loss};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Accum, Chunk, Forward, HessianVector, Init, Mat, MatMut, MixedMode, Mlp, Primal, Question,
    Reverse, Structured, Team, Wrt,
};
use pushpull_bench::alloc::{CountingAllocator, measure};
use pushpull_laws::Shadow;
use pushpull_reverse_mode::HessianVectorPlan;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Allocations of the second run of `path`.
fn allocations(mut path: impl FnMut()) -> u64 {
    path();
    measure(&mut path).unwrap().1.count
}

#[test]
fn the_counter_sees_an_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1.0; 8]))), 1);
}

#[test]
fn prepared_engines_allocate_nothing() {
    let small = Mlp::new(&[2, 4, 1], Activation::Tanh).loss(Loss::SquaredError);
    let middle = Mlp::new(&[16, 40, 24, 10], Activation::Gelu).loss(Loss::SoftmaxCrossEntropy);
    for (net, batch) in [(small, 1), (middle, 33)] {
        let graph = net.build().unwrap();
        let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
        let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
            ((3 * i + 5 * j) % 7) as f64 / 7.0
        });
        let params_dot = DMatrix::from_element(graph.n_params(), 2, 0.5);
        let x_dot = DMatrix::from_element(graph.n_inputs(), 2 * batch, 0.25);
        let y_bar = DMatrix::from_element(graph.n_outputs(), 2 * batch, 0.75);
        let mut y_dot = DMatrix::zeros(graph.n_outputs(), 2 * batch);
        let mut params_bar = DMatrix::zeros(graph.n_params(), 2);
        let mut x_bar = DMatrix::zeros(graph.n_inputs(), 2 * batch);

        let mut primal = Primal::new(&graph, batch).unwrap();
        assert_eq!(
            allocations(|| assert!(primal.run(&params, &x).is_ok())),
            0,
            "primal"
        );
        for chunk in [Chunk::Auto, Chunk::Full, Chunk::Fixed(5)] {
            let mut forward = Forward::plan(&graph, batch, Question::Gradient)
                .chunk(chunk)
                .prepare()
                .unwrap();
            let gradient = || assert!(forward.value_and_gradient(&params, &x).is_ok());
            assert_eq!(allocations(gradient), 0, "forward, {chunk:?}");
        }
        for chunk in [Chunk::Auto, Chunk::Full, Chunk::Fixed(5)] {
            let mut structured = Structured::plan(&graph, batch)
                .chunk(chunk)
                .prepare()
                .unwrap();
            let gradient = || assert!(structured.value_and_gradient(&params, &x).is_ok());
            assert_eq!(allocations(gradient), 0, "structured, {chunk:?}");
        }
        let mut forward = Forward::plan(&graph, batch, Question::Jvp(2))
            .chunk(Chunk::Full)
            .wrt(Wrt::BOTH)
            .prepare()
            .unwrap();
        let jvp = || {
            let (w, x_dot) = (Some(Mat::from(&params_dot)), Some(Mat::from(&x_dot)));
            assert!(
                forward
                    .jvp_into(&params, &x, w, x_dot, MatMut::from(&mut y_dot))
                    .is_ok()
            );
        };
        assert_eq!(allocations(jvp), 0, "jvp");
        let mut reverse = Reverse::new(&graph, batch).unwrap();
        let gradient = || assert!(reverse.value_and_gradient(&params, &x).is_ok());
        assert_eq!(allocations(gradient), 0, "reverse");
        let gradient = reverse.value_and_gradient(&params, &x).unwrap().1.to_vec();
        let mut shadow = Shadow::new(&graph, batch, 1, 1).unwrap();
        let check = || assert!(shadow.check(&params, &x, &gradient).unwrap().is_some());
        assert_eq!(allocations(check), 0, "shadow check");
        let mut reverse = Reverse::plan(&graph, batch, Question::Gradient)
            .threads(2)
            .prepare()
            .unwrap();
        let gradient = || assert!(reverse.value_and_gradient(&params, &x).is_ok());
        assert_eq!(
            allocations(gradient),
            0,
            "reverse, the user's of two threads"
        );
        let mut reverse = Reverse::plan(&graph, batch, Question::Vjp(2))
            .seeds(2)
            .prepare()
            .unwrap();
        let pullback = || {
            let mut record = reverse.record(&params, &x).unwrap();
            let (w, x) = (MatMut::from(&mut params_bar), MatMut::from(&mut x_bar));
            record
                .pullback(&y_bar, Accum::Set, Some(w), Some(x))
                .unwrap();
        };
        assert_eq!(allocations(pullback), 0, "pullback");
        let hessian = |plan: HessianVectorPlan| {
            let mut hessian = plan.prepare::<f64>().unwrap();
            let product = || {
                let product = hessian.gradient_and_hessian_vector(&params, &x, &params);
                assert!(product.is_ok());
            };
            allocations(product)
        };
        assert_eq!(
            hessian(HessianVector::plan(&graph, batch)),
            0,
            "H v on planes"
        );
        assert_eq!(
            hessian(HessianVector::plan(&graph, batch).by_duals()),
            0,
            "H v by duals"
        );
    }
}

/// On a network that is large enough to be shared.
#[test]
fn the_user_s_of_two_threads_allocates_nothing() {
    let net = Mlp::new(&[64, 128, 128, 10], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
    let (graph, batch) = (net.build().unwrap(), 64);
    assert!(Team::of_graph("test", 2, &graph, batch).unwrap().shares());
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
    let x = DMatrix::from_element(graph.n_inputs(), batch, 0.1);
    let mut reverse = Reverse::plan(&graph, batch, Question::Gradient)
        .threads(2)
        .prepare()
        .unwrap();
    let gradient = || assert!(reverse.value_and_gradient(&params, &x).is_ok());
    assert_eq!(allocations(gradient), 0);
}

#[test]
fn a_prepared_bracketing_allocates_nothing() {
    for widths in [&[3, 2, 3][..], &[40, 4, 40, 4, 40]] {
        let graph = Mlp::new(widths, Activation::Gelu).build().unwrap();
        let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
        let x = DMatrix::from_element(graph.n_inputs(), 5, 0.5);
        let mut jacobian = DMatrix::zeros(5 * graph.n_outputs(), graph.n_inputs());
        let mut mixed = MixedMode::new(&graph, 5).unwrap();
        let run = || {
            let target = MatMut::from(&mut jacobian);
            mixed.jacobian_inputs_into(&params, &x, target).unwrap();
        };
        assert_eq!(allocations(run), 0, "{widths:?}");
    }
}

#[test]
fn a_user_whose_work_is_shared_allocates_nothing() {
    let net = Mlp::new(&[96, 128, 64], Activation::Tanh).loss(Loss::SquaredError);
    let graph = net.build().unwrap();
    let params: Vec<f32> = graph.layout().init(Init::Glorot, 1);
    let x = DMatrix::from_element(graph.n_inputs(), 128, 0.5);
    let mut reverse = Reverse::plan(&graph, 128, Question::Gradient)
        .threads(2)
        .prepare()
        .unwrap();
    let gradient = || assert!(reverse.value_and_gradient(&params, &x).is_ok());
    assert_eq!(allocations(gradient), 0);
}
