//! What the planner says of every candidate is what a run counts and what an allocator is asked for, to the integer.

use nalgebra::DMatrix;
use pushpull::blocks::{Activation, Add, LayerNorm, Linear, Loss, Tanh};
use pushpull::{
    Budget, Builder, Calibration, Counted, Graph, Init, Mat, Mlp, Plan, PlanError, Planned,
    Prepared, Question, Real, Reverse, Seeds, count,
};
use pushpull_bench::alloc::{self, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn graphs() -> Vec<Graph> {
    let chain = Mlp::new(&[6, 3, 5, 2, 4], Activation::Tanh)
        .build()
        .unwrap();
    let deep = Mlp::new(&[5; 13], Activation::Gelu).loss(Loss::SquaredError);
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.block(Linear::new(3, 4), x);
    let g = b.map(Tanh, h);
    let h = b.block(Add::new(4, 2), [h, g]);
    let y = b.block(LayerNorm::new(4), h);
    vec![chain, deep.build().unwrap(), b.build(y).unwrap()]
}

/// A point and seeds for a question.
struct Subject<T: Real> {
    params: Vec<T>,
    x: DMatrix<T>,
    directions: DMatrix<T>,
    cotangents: DMatrix<T>,
    question: Question,
}

impl<T: Real> Subject<T> {
    fn new(graph: &Graph, batch: usize, question: Question) -> Self {
        let wave = |rows: usize, columns: usize| {
            DMatrix::from_fn(rows, columns, |i, j| {
                T::from_f64((0.1 + (1 + i + 7 * j) as f64).sin().abs())
            })
        };
        let k = question.seeds().unwrap_or(0);
        Self {
            params: graph.layout().init(Init::Glorot, 3),
            x: wave(graph.n_inputs(), batch),
            directions: wave(graph.n_params(), k),
            cotangents: wave(graph.n_outputs(), batch * k),
            question,
        }
    }

    fn seeds(&self) -> Seeds<'_, T> {
        match self.question {
            Question::Jvp(_) | Question::HessianVector(_) => {
                Seeds::Directions(Mat::from(&self.directions))
            }
            Question::Vjp(_) => Seeds::Cotangents(Mat::from(&self.cotangents)),
            _ => Seeds::None,
        }
    }
}

/// Checks every candidate that fits; their number is returned.
fn exact<T: Planned>(plan: &Plan<T>) -> usize
where
    pushpull::Dual<T>: pushpull::Scalar,
{
    let (graph, batch, question) = (plan.graph(), plan.batch(), plan.question());
    let subject = Subject::<T>::new(graph, batch, question);
    let counted = Subject::<Counted<f64>>::new(graph, batch, question);
    let mut checked = 0;
    for candidate in plan.candidates().iter().filter(|c| c.is_feasible()) {
        let (way, said) = (candidate.way, candidate.prediction.unwrap());
        let prepare = || Prepared::<T>::new(graph, batch, question, way);
        let run = |prepared: &mut Prepared<T>| {
            let answer = prepared.run(&subject.params, &subject.x, subject.seeds());
            answer.map(drop).unwrap();
        };
        // Warm: what the GEMM library keeps for itself is not the candidate's.
        run(&mut prepare().unwrap());
        let (prepared, kept) = alloc::measure(prepare).unwrap();
        let mut prepared = prepared.unwrap();
        assert_eq!(kept.kept_bytes, said.prepared() as i64, "{way} in\n{plan}");
        let ((), seen) = alloc::measure(|| run(&mut prepared)).unwrap();
        assert_eq!(seen.peak_bytes, said.run as u64, "{way} in\n{plan}");
        let mut prepared = Prepared::<Counted<f64>>::new(graph, batch, question, way).unwrap();
        let (done, cost) = count(|| {
            let answer = prepared.run(&counted.params, &counted.x, counted.seeds());
            answer.map(|_| ())
        });
        done.unwrap();
        assert_eq!(cost, said.cost, "{way} in\n{plan}");
        checked += 1;
    }
    checked
}

#[test]
fn flops_and_peak_bytes_of_every_candidate_are_exact() {
    let mut calibration = Calibration::default();
    for graph in graphs() {
        for question in [
            Question::Gradient,
            Question::Jvp(5),
            Question::Vjp(3),
            Question::JacobianParams,
            Question::JacobianInputs,
            Question::HessianVector(2),
        ] {
            let budget = Budget::Unlimited;
            let plan = Plan::<f64>::with(&graph, 3, question, budget, &mut calibration).unwrap();
            assert!(exact(&plan) >= 3, "{plan}");
            let plan = Plan::<f32>::with(&graph, 2, question, budget, &mut calibration).unwrap();
            assert!(exact(&plan) >= 3, "{plan}");
        }
    }
}

#[test]
fn under_a_budget_checkpoints_are_a_candidate_and_exact() {
    let mut calibration = Calibration::default();
    let graph = Mlp::new(&[8; 21], Activation::Tanh)
        .loss(Loss::SquaredError)
        .build()
        .unwrap();
    let mut plan = |budget| {
        Plan::<f64>::with(&graph, 64, Question::Gradient, budget, &mut calibration).unwrap()
    };
    let free = plan(Budget::Unlimited);
    let reverse = free.candidates().iter().find(|c| c.way.name() == "reverse");
    let whole = reverse.unwrap().prediction.unwrap().peak();
    let tight = plan(Budget::Bytes(whole * 3 / 4));
    let stored = tight
        .candidates()
        .iter()
        .find(|c| c.way.name() == "reverse checkpointed")
        .unwrap();
    assert!(stored.is_feasible(), "{tight}");
    assert!(
        stored.prediction.unwrap().cost.flops > reverse.unwrap().prediction.unwrap().cost.flops
    );
    exact(&tight);
}

/// Among checkpoints a larger budget never does worse, and one that is refused with what is needed gets by with that.
#[test]
fn checkpoints_fit_every_budget_from_the_smallest_on() {
    let mut calibration = Calibration::default();
    let net = |widths: &[usize], activation, loss| {
        Mlp::new(widths, activation).loss(loss).build().unwrap()
    };
    let few = net(&[64, 32, 10], Activation::Relu, Loss::SoftmaxCrossEntropy);
    let deep = net(&[8; 33], Activation::Tanh, Loss::SquaredError);
    let uneven = net(&[3, 40, 5, 60, 2], Activation::Gelu, Loss::SquaredError);
    let mut fitted = 0;
    for (graph, batch) in [(few, 32), (deep, 128), (uneven, 96)] {
        let mut plan = |bytes| {
            let budget = Budget::Bytes(bytes);
            Plan::<f32>::with(&graph, batch, Question::Gradient, budget, &mut calibration)
        };
        let whole = Reverse::plan(&graph, batch, Question::Gradient)
            .prediction::<f32>()
            .unwrap();
        // Whether checkpoints fit, or what they say that they need; nothing where the whole record fits.
        let checkpoints = |plan: &Plan<f32>| {
            let mut found = plan.candidates().iter();
            let found = found.find(|c| c.way.name() == "reverse checkpointed")?;
            let peak = found.prediction?.peak();
            Some(if found.is_feasible() {
                Ok(())
            } else {
                Err(peak)
            })
        };
        let (mut fits, mut told) = (false, 0);
        for step in 0..60 {
            let bytes = whole.peak() / 3 + whole.peak() * step / 90;
            let outcome = match plan(bytes) {
                Ok(plan) => checkpoints(&plan),
                Err(PlanError::OverBudget { smallest, .. }) => {
                    assert!(plan(smallest).is_ok(), "{smallest} of {bytes} bytes");
                    None
                }
                Err(fault) => panic!("{fault}"),
            };
            match outcome {
                Some(Ok(())) => fits = true,
                Some(Err(needed)) => {
                    assert!(!fits, "{bytes} bytes are refused, fewer were not");
                    if needed != told {
                        told = needed;
                        let again = checkpoints(&plan(needed).unwrap());
                        assert!(!matches!(again, Some(Err(_))), "{needed} of {bytes} bytes");
                    }
                }
                None => {}
            }
        }
        fitted += usize::from(fits);
    }
    // On one of them the books of a schedule take more than it saves.
    assert!(fitted >= 2, "{fitted}");
}
