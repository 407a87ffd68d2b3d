//! Graphs on the edges of their functions, and what every engine answers there.

use std::fmt;

use pushpull::blocks::{
    Abs, Add, Atan2, Bias, Clamp, Cos, Div, Elu, Exp, Gelu, LayerNorm, LeakyRelu, Linear, Ln,
    LogSoftmax, LogSumExp, Max, Maximum, Minimum, Mul, Norm, Over, Pow, Power, Recip, Relu,
    Sigmoid, Silu, Softmax, SoftmaxCrossEntropy, Softplus, Sqrt, Square, SquaredError, Sub, Sum,
    Tanh, Where, Zip,
};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Builder, Chunk, Dual, Error, Forward, ForwardOverForward, Graph, HessianVector, Mat, MixedMode,
    Question, Reverse, Rounded, Scalar, Store, Structured, Value,
};
use pushpull_core::graph::Origin;
use pushpull_core::program::{Base, Program, Role};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Samples.
const BATCH: usize = 2;

/// What inputs and parameters are drawn from: kinks, poles, saturation, ties.
const NUMBERS: [f64; 12] = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 40.0, -40.0, 800.0, -800.0,
];

/// A graph with the point at which it is differentiated.
pub struct EdgeGraph {
    pub graph: Graph,
    pub params: Vec<f64>,
    pub x: DMatrix<f64>,
    pub direction: Vec<f64>,
}

impl fmt::Display for EdgeGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in self.graph.nodes() {
            writeln!(f, "{}: {:?} of {:?}", node.name, node.block, node.sources)?;
        }
        writeln!(
            f,
            "params {:?}\nx {}direction {:?}",
            self.params, self.x, self.direction
        )
    }
}

fn number(rng: &mut ChaCha8Rng) -> f64 {
    NUMBERS[rng.random_range(0..NUMBERS.len())]
}

impl EdgeGraph {
    /// The graph of a seed: 1 to 7 blocks of 1 to 3 rows.
    pub fn draw(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = rng.random_range(1..=3);
        let mut b = Builder::new();
        let (x, c) = (b.input("x", n), b.constant("c", n));
        let chain = rng.random_bool(0.3);
        let mut values = vec![x, c];
        let mut h = if rng.random_bool(0.5) {
            b.block(Bias::new(n), x)
        } else {
            b.block(Linear::new(n, n), x)
        };
        values.push(h);
        for _ in 0..rng.random_range(1..=6) {
            h = step(&mut b, &mut rng, n, h, &values, chain);
            values.push(h);
        }
        let end = match rng.random_range(0..4) {
            0 if !chain => b.block(SquaredError::new(n), [h, c]),
            1 if !chain => b.block(SoftmaxCrossEntropy::new(n), [h, c]),
            2 => h,
            _ => b.block(Sum::new(n), h),
        };
        let graph = b.build(end).expect("every recipe makes a valid graph");
        let mut x = DMatrix::from_fn(graph.n_inputs(), BATCH, |_, _| number(&mut rng));
        if rng.random_bool(0.1) {
            let infinite = [f64::INFINITY, f64::NEG_INFINITY];
            x[(n, rng.random_range(0..BATCH))] = infinite[rng.random_range(0..2)];
        }
        let params: Vec<f64> = (0..graph.n_params()).map(|_| number(&mut rng)).collect();
        let directions = [0.0, 1.0, -1.0, 0.5];
        let direction = (0..graph.n_params())
            .map(|_| directions[rng.random_range(0..4)])
            .collect();
        Self {
            graph,
            params,
            x,
            direction,
        }
    }
}

/// One more block of n rows on `h`, of a chain on it alone.
fn step(
    b: &mut Builder,
    rng: &mut ChaCha8Rng,
    n: usize,
    h: Value,
    values: &[Value],
    chain: bool,
) -> Value {
    let mut other = || values[rng.random_range(0..values.len())];
    let (other, third) = (other(), other());
    let exponents = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0];
    let exponent = exponents[rng.random_range(0..exponents.len())];
    let choices = if chain { 26 } else { 36 };
    match rng.random_range(0..choices) {
        0 => b.map(Sqrt, h),
        1 => b.map(Ln, h),
        2 => b.map(Recip, h),
        3 => b.map(Exp, h),
        4 => b.map(Abs, h),
        5 => b.map(Relu, h),
        6 => b.map(LeakyRelu { slope: 0.25 }, h),
        7 => b.map(Elu { alpha: 1.0 }, h),
        8 => b.map(Sigmoid, h),
        9 => b.map(Tanh, h),
        10 => b.map(Softplus, h),
        11 => b.map(Silu, h),
        12 => b.map(Gelu, h),
        13 => b.map(Square, h),
        14 => b.map(Cos, h),
        15 => b.map(
            Clamp {
                low: -1.0,
                high: 1.0,
            },
            h,
        ),
        16 => b.map(Power { exponent }, h),
        17 => b.map(Over { numerator: 2.0 }, h),
        18 => b.block(Softmax::new(n), h),
        19 => b.block(LogSoftmax::new(n), h),
        20 => b.block(LayerNorm::new(n), h),
        21 => b.block(Linear::without_bias(n, n), h),
        22..26 => {
            let one = match rng.random_range(0..4) {
                0 => b.block(Max::new(n), h),
                1 => b.block(Norm::new(n), h),
                2 => b.block(LogSumExp::new(n), h),
                _ => b.block(Sum::new(n), h),
            };
            b.block(pushpull::blocks::Select::new(1, vec![0; n]), one)
        }
        26 => b.block(Add::new(n, 2), [h, other]),
        27 => b.block(Sub::new(n), [h, other]),
        28 => b.block(Mul::new(n), [h, other]),
        29 => b.block(Div::new(n), [h, other]),
        30 => b.block(Zip::new(Maximum, n), [h, other]),
        31 => b.block(Zip::new(Minimum, n), [h, other]),
        32 => b.block(Zip::new(Pow, n), [h, other]),
        33 => b.block(Zip::new(Atan2, n), [h, other]),
        34 => b.block(Where::new(n), [h, other, third]),
        _ => {
            let stopped = b.stop_gradient(other);
            b.block(Where::new(n), [stopped, h, third])
        }
    }
}

/// How far from the kinks of their blocks all values lie that blocks read.
fn distances<T: Scalar>(drawn: &EdgeGraph) -> Vec<T> {
    let of = |x: &f64| T::from_f64(*x);
    let params: Vec<T> = drawn.params.iter().map(of).collect();
    let x = drawn.x.map(|x| of(&x));
    let program = Program::primal(&drawn.graph, BATCH).expect("emits");
    let trace = program.trace(&params, Mat::from(&x)).expect("runs");
    let mut values = vec![DMatrix::from_element(0, 0, T::zero()); drawn.graph.nodes().len()];
    for (view, numbers) in trace.into_iter().flat_map(|written| written.numbers) {
        if let Base::Buf(buf) = view.base
            && program.bufs()[buf].role == Role::Value
        {
            values[program.bufs()[buf].node] = numbers;
        }
    }
    let mut distances = Vec::new();
    for (node, sample) in drawn.graph.nodes().iter().flat_map(|n| [(n, 0), (n, 1)]) {
        let sources = node.sources.iter().map(|source| match source.origin {
            Origin::Node(j) => values[j].column(sample).as_slice().to_vec(),
            Origin::Input(k) => {
                let rows = drawn.graph.inputs()[k].rows.clone();
                x.column(sample).as_slice()[rows].to_vec()
            }
        });
        let read = sources.collect::<Vec<_>>().concat();
        let block = format!("{:?}", node.block);
        let has = |names: &[&str]| names.iter().any(|name| block.contains(name));
        if has(&["Abs", "Elu", "Relu", "Where"]) {
            distances.extend(&read);
        } else if has(&["Clamp"]) {
            distances.extend(read.iter().flat_map(|&a| [a - T::one(), a + T::one()]));
        } else if has(&["Max", "Min"]) {
            let others = |k: usize| read[k + 1..].iter().map(move |&b| (k, b));
            let pairs = (0..read.len()).flat_map(others);
            distances.extend(pairs.map(|(k, b)| read[k] - b));
        }
    }
    distances
}

/// Whether a value lies so near to a kink that the order of a sum decides the side. A bound for one side says nothing of the
/// other.
pub fn rounding_decides(drawn: &EdgeGraph) -> bool {
    let pairs = distances::<Rounded>(drawn).into_iter();
    let mut pairs = pairs.zip(distances::<f64>(drawn));
    pairs.any(|(bounded, plain)| {
        // A zero by an exact product is off by no more than an underflow, and one in two orders is taken for exact.
        let (error, zero) = (bounded.error::<f64>(), bounded.value == 0.0 && plain == 0.0);
        bounded.value.abs() <= error && error > 1e-40 && !zero
    })
}

/// What an engine says.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Numbers, and how far each may lie from another engine's: a bound on the rounding of both.
    Numbers(Vec<f64>, Vec<f64>),
    /// The words of its error.
    Refused(String),
}

/// Whether two answers are the same.
pub fn same(want: &Answer, got: &Answer) -> Result<(), String> {
    match (want, got) {
        (Answer::Refused(want), Answer::Refused(got)) if want == got => Ok(()),
        (Answer::Numbers(want, allowed), Answer::Numbers(got, _)) if want.len() == got.len() => {
            for (i, ((want, got), allowed)) in want.iter().zip(got).zip(allowed).enumerate() {
                let equal = want == got || want.is_nan() && got.is_nan();
                // Without a bound something has overflowed on the way, and the two only have to be numbers both or neither:
                // what is infinite when it is summed in one order is NaN in another.
                let near = (want - got).abs() <= *allowed;
                let unbounded = !allowed.is_finite() && want.is_finite() == got.is_finite();
                if !(equal || near || unbounded) {
                    return Err(format!(
                        "entry {i}: {want:e} and {got:e}, allowed {allowed:e}"
                    ));
                }
            }
            Ok(())
        }
        _ => Err(format!("{want:?}\n{got:?}")),
    }
}

/// Every question with what each engine answers.
pub fn engines(drawn: &EdgeGraph) -> Vec<(&'static str, Vec<(&'static str, Answer)>)> {
    let mut all = vec![
        ("gradient", gradients(drawn)),
        ("Jacobian of inputs", jacobians(drawn)),
        ("Hessian-vector product", second(drawn)),
    ];
    if rounding_decides(drawn) {
        for (_, answer) in all.iter_mut().flat_map(|(_, ways)| ways) {
            if let Answer::Numbers(_, bounds) = answer {
                bounds.fill(f64::INFINITY);
            }
        }
    }
    all
}

fn answer(numbers: Result<Vec<f64>, Error>, bounds: &[f64]) -> Answer {
    match numbers {
        Ok(numbers) => Answer::Numbers(numbers, bounds.to_vec()),
        Err(fault @ (Error::Singular { .. } | Error::Undefined { .. })) => {
            Answer::Refused(fault.to_string())
        }
        Err(fault) => panic!("{fault}"),
    }
}

/// How far two engines' entries may lie apart in double precision, by running error analyses of reverse and of forward mode: what
/// one of them finds without any rounding, as a difference of equal numbers, the other may round.
fn apart(
    reverse: Result<Vec<Rounded>, Error>,
    forward: Result<Vec<Rounded>, Error>,
    n: usize,
) -> Vec<f64> {
    let (Ok(reverse), Ok(forward)) = (reverse, forward) else {
        // A bound has left the range of numbers: nothing is said of the distance.
        return vec![f64::INFINITY; n];
    };
    let entries = reverse.iter().zip(&forward);
    entries
        .map(|(reverse, forward)| 4.0 * reverse.error::<f64>() + forward.error::<f64>() + 1e-290)
        .collect()
}

/// The same of the gradient.
fn bounds(drawn: &EdgeGraph) -> Vec<f64> {
    let exact = |x: &f64| Rounded::exact(*x);
    let params: Vec<Rounded> = drawn.params.iter().map(exact).collect();
    let x = drawn.x.map(|x| exact(&x));
    let mut reverse = Reverse::new(&drawn.graph, BATCH).expect("prepares");
    let mut forward = Forward::new(&drawn.graph, BATCH).expect("prepares");
    let pulled = reverse.value_and_gradient(&params, &x);
    let pushed = forward.value_and_gradient(&params, &x);
    apart(
        pulled.map(|(_, gradient)| gradient.to_vec()),
        pushed.map(|(_, gradient)| gradient.to_vec()),
        params.len(),
    )
}

fn gradients(drawn: &EdgeGraph) -> Vec<(&'static str, Answer)> {
    let EdgeGraph {
        graph, params, x, ..
    } = drawn;
    let bounds = bounds(drawn);
    let of =
        |outcome: Result<(f64, &[f64]), Error>| answer(outcome.map(|(_, g)| g.to_vec()), &bounds);
    let mut reverse = Reverse::new(graph, BATCH).expect("prepares");
    let mut forward = Forward::plan(graph, BATCH, Question::Gradient)
        .chunk(Chunk::Fixed(2))
        .prepare()
        .expect("prepares");
    let mut structured = Structured::new(graph, BATCH).expect("prepares");
    let mut planes = HessianVector::new(graph, BATCH).expect("prepares");
    let mut answers = vec![
        ("reverse", of(reverse.value_and_gradient(params, x))),
        ("forward", of(forward.value_and_gradient(params, x))),
        ("structured", of(structured.value_and_gradient(params, x))),
    ];
    if let Ok(mut few) = Reverse::plan(graph, BATCH, Question::Gradient)
        .checkpointing(Store::Slots(2))
        .prepare()
    {
        answers.push(("checkpointed", of(few.value_and_gradient(params, x))));
    }
    // Along the zero direction: the gradient beside a Hessian-vector product, where second derivatives exist too.
    let zeros = vec![0.0; params.len()];
    let beside = planes
        .gradient_and_hessian_vector(params, x, &zeros)
        .map(|(_, gradient, _)| gradient.to_vec());
    if let Ok(gradient) = beside {
        answers.push(("beside H v", answer(Ok(gradient), &bounds)));
    }
    answers
}

fn jacobians(drawn: &EdgeGraph) -> Vec<(&'static str, Answer)> {
    let EdgeGraph {
        graph, params, x, ..
    } = drawn;
    let mut reverse = Reverse::new(graph, BATCH).expect("prepares");
    let exact = |x: &f64| Rounded::exact(*x);
    let rounded: Vec<Rounded> = params.iter().map(exact).collect();
    let at = x.map(|x| exact(&x));
    let mut pulling = Reverse::new(graph, BATCH).expect("prepares");
    let mut pushing = Forward::new(graph, BATCH).expect("prepares");
    let pulled = pulling.jacobian_inputs(&rounded, &at);
    let pushed = pushing.jacobian_inputs(&rounded, &at);
    let bounds = apart(
        pulled.map(|jacobian| jacobian.as_slice().to_vec()),
        pushed.map(|jacobian| jacobian.as_slice().to_vec()),
        graph.n_outputs() * BATCH * graph.n_inputs(),
    );
    let of = |outcome: Result<DMatrix<f64>, Error>| {
        answer(outcome.map(|j| j.as_slice().to_vec()), &bounds)
    };
    let mut forward = Forward::plan(graph, BATCH, Question::Gradient)
        .chunk(Chunk::Fixed(2))
        .prepare()
        .expect("prepares");
    let mut answers = vec![
        ("reverse", of(reverse.jacobian_inputs(params, x))),
        ("forward", of(forward.jacobian_inputs(params, x))),
    ];
    if let Ok(mut mixed) = MixedMode::new(graph, BATCH) {
        answers.push(("mixed", of(mixed.jacobian_inputs(params, x))));
    }
    answers
}

fn second(drawn: &EdgeGraph) -> Vec<(&'static str, Answer)> {
    let exact = |x: &f64| Rounded::exact(*x);
    let rounded = |numbers: &[f64]| numbers.iter().map(exact).collect::<Vec<Rounded>>();
    let bounding = products(
        &drawn.graph,
        &rounded(&drawn.params),
        &drawn.x.map(|x| exact(&x)),
        &rounded(&drawn.direction),
    );
    // What every way may be off by, all of them together.
    let mut bounds = vec![1e-290; drawn.params.len()];
    for (_, outcome) in &bounding {
        for (i, bound) in bounds.iter_mut().enumerate() {
            *bound += outcome
                .as_ref()
                .map_or(f64::INFINITY, |product| 4.0 * product[i].error::<f64>());
        }
    }
    products(&drawn.graph, &drawn.params, &drawn.x, &drawn.direction)
        .into_iter()
        .map(|(name, outcome)| (name, answer(outcome, &bounds)))
        .collect()
}

/// The Hessian times the direction by every way.
fn products<T: Scalar>(
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    direction: &[T],
) -> [(&'static str, Result<Vec<T>, Error>); 3]
where
    Dual<T>: Scalar,
{
    let mut planes = HessianVector::new(graph, BATCH).expect("prepares");
    let mut duals = HessianVector::plan(graph, BATCH)
        .by_duals()
        .prepare()
        .expect("prepares");
    let mut forward = ForwardOverForward::plan(graph, BATCH)
        .chunk(Chunk::Fixed(2))
        .prepare()
        .expect("prepares");
    let product = |outcome: Result<(T, &[T]), Error>| outcome.map(|(_, product)| product.to_vec());
    [
        (
            "planes",
            product(planes.hessian_vector(params, x, direction)),
        ),
        ("duals", product(duals.hessian_vector(params, x, direction))),
        (
            "forward",
            product(forward.hessian_vector(params, x, direction)),
        ),
    ]
}
