//! The named graphs: one list for correctness, exact costs, allocations, and for the benches.

use pushpull::blocks::{Activation, Loss};

use super::recipe::{End, Fan, Recipe, Step};

/// A recipe with a name.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub recipe: Recipe,
}

const fn linear(width: usize) -> Step {
    Step::Linear { width, bias: true }
}

const fn combine(with: usize, fan: Fan) -> Step {
    Step::Combine {
        with,
        fan,
        stopped: false,
    }
}

const fn loss(loss: Loss) -> End {
    End::Loss {
        loss,
        constant: true,
    }
}

/// Every structure that a graph may have, small and readable; the last ones are large enough for the GEMM kernel.
pub fn scenarios() -> Vec<Scenario> {
    use Step::Map;
    let tanh = || Map(Activation::Tanh);
    // Name, widths, steps, end, batch.
    type Row = (&'static str, Vec<usize>, Vec<Step>, End, usize);
    let list: Vec<Row> = vec![
        ("one-layer", vec![3], vec![linear(2)], End::Outputs, 1),
        (
            "mlp",
            vec![4],
            vec![linear(6), tanh(), linear(3)],
            loss(Loss::SoftmaxCrossEntropy),
            5,
        ),
        (
            "no-params",
            vec![5],
            vec![Map(Activation::Gelu), Map(Activation::Square)],
            End::Outputs,
            3,
        ),
        (
            "map-first",
            vec![4],
            vec![Map(Activation::Sin), linear(4), Map(Activation::Relu)],
            loss(Loss::Sum),
            4,
        ),
        (
            "diamond",
            vec![4],
            vec![
                linear(4),
                tanh(),
                combine(1, Fan::Add),
                combine(2, Fan::Mul),
                combine(0, Fan::Stack(3)),
            ],
            loss(Loss::SquaredError),
            3,
        ),
        (
            "same-twice",
            vec![3],
            vec![linear(3), combine(1, Fan::AddTwice), combine(2, Fan::Mul)],
            End::Outputs,
            2,
        ),
        (
            "shared",
            vec![4],
            vec![linear(4), tanh(), Step::Again(0), tanh(), Step::Again(0)],
            loss(Loss::SquaredError),
            3,
        ),
        (
            "tied",
            vec![6],
            vec![Step::Tied { width: 2 }],
            loss(Loss::SigmoidCrossEntropy),
            4,
        ),
        (
            "recurrent",
            vec![3, 2],
            vec![
                Step::Recurrent {
                    input: 1,
                    width: 5,
                    times: 3,
                },
                linear(2),
            ],
            loss(Loss::SquaredError),
            3,
        ),
        (
            "stopped",
            vec![3],
            vec![
                linear(4),
                Step::Combine {
                    with: 0,
                    fan: Fan::Add,
                    stopped: true,
                },
                Step::Stop,
                combine(1, Fan::Add),
                linear(2),
            ],
            End::Outputs,
            3,
        ),
        (
            "stopped-output",
            vec![3],
            vec![linear(4), tanh()],
            End::Stopped,
            2,
        ),
        (
            "unused",
            vec![3],
            vec![
                Step::Unused { width: 7 },
                linear(2),
                Step::Unused { width: 1 },
            ],
            End::Outputs,
            2,
        ),
        (
            "norms",
            vec![5],
            vec![
                linear(6),
                Step::LayerNorm { eps: 1e-5 },
                linear(4),
                Step::Softmax,
                linear(3),
                Step::LogSoftmax,
            ],
            End::Outputs,
            4,
        ),
        (
            "selected",
            vec![6],
            vec![Step::Select(vec![5, 0, 5, 2]), linear(3), Step::Scale(-0.5)],
            End::Outputs,
            2,
        ),
        (
            "target-is-input",
            vec![4],
            vec![linear(3)],
            End::Loss {
                loss: Loss::SoftmaxCrossEntropy,
                constant: false,
            },
            3,
        ),
        (
            "deep",
            vec![8],
            vec![linear(8), tanh()]
                .into_iter()
                .cycle()
                .take(24)
                .collect(),
            loss(Loss::SquaredError),
            4,
        ),
        (
            "wide",
            vec![24],
            vec![linear(40), tanh(), linear(10)],
            loss(Loss::SoftmaxCrossEntropy),
            16,
        ),
        (
            "wide-outputs",
            vec![24],
            vec![linear(32), Map(Activation::Silu), linear(24)],
            End::Outputs,
            9,
        ),
    ];
    let named = |(i, (name, rows, steps, end, batch)): (usize, _)| {
        let rows: Vec<usize> = rows;
        // Further inputs are constant, as data that no derivative is asked for.
        let inputs = rows
            .iter()
            .enumerate()
            .map(|(k, &rows)| (rows, k > 0))
            .collect();
        let seed = i as u64;
        Scenario {
            name,
            recipe: Recipe {
                inputs,
                steps,
                end,
                batch,
                seed,
            },
        }
    };
    list.into_iter().enumerate().map(named).collect()
}
