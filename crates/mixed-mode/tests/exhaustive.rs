//! What dynamic programming finds is what trying every bracketing finds.

mod common;

use proptest::prelude::*;
use pushpull_core::{Cost, Graph, InputJacobian, Keeps, Op, cost};
use pushpull_mixed_mode::{Bracketing, ChainFactor, ChainPlan, DenseChain};

use common::{graph, links, seeds};

/// The costs of all bracketings of the ranges of a chain of `n` factors: `one(i)` lists the ways to a factor, `join(i,
/// k, j)` what product, pulling and pushing cost where i..k and k..j meet.
fn all_bracketings(
    n: usize,
    one: impl Fn(usize) -> Vec<u128>,
    join: impl Fn(usize, usize, usize) -> [Option<u128>; 3],
) -> Vec<u128> {
    let mut ways: Vec<Vec<Vec<u128>>> = vec![vec![Vec::new(); n + 1]; n + 1];
    for length in 1..=n {
        for i in 0..=n - length {
            let j = i + length;
            let mut found = if length == 1 { one(i) } else { Vec::new() };
            let splits = (i + 1..j).map(|k| (k, &ways[i][k], &ways[k][j]));
            for (k, lower, upper) in splits {
                let [product, pulled, pushed] = join(i, k, j);
                if let Some(product) = product {
                    found.extend(
                        lower
                            .iter()
                            .flat_map(|l| upper.iter().map(move |u| l + u + product)),
                    );
                }
                found.extend(pulled.iter().flat_map(|p| upper.iter().map(move |u| u + p)));
                found.extend(pushed.iter().flat_map(|p| lower.iter().map(move |l| l + p)));
            }
            ways[i][j] = found;
        }
    }
    ways[0].swap_remove(n)
}

/// The least flops for the Jacobian of a chain, but the primal.
fn least_flops(graph: &Graph, batch: usize) -> u128 {
    let factors: Vec<_> = graph
        .nodes()
        .iter()
        .map(|node| node.block.clone())
        .filter(|block| block.input_jacobian() != InputJacobian::Identity)
        .collect();
    let n = factors.len();
    if n == 0 {
        return cost::of(&*graph.nodes()[0].block, Op::JvpInput, 1, 1)
            .flops
            .into();
    }
    let linear = |i: usize| factors[i].name() == "linear";
    let size = |i: usize| match i {
        0 => factors[0].dims().n_in,
        _ => factors[i - 1].dims().n_out,
    };
    let diagonal =
        |i: usize, j: usize| (i..j).all(|f| factors[f].input_jacobian() == InputJacobian::Diagonal);
    let samples = |i: usize, j: usize| {
        let same = |f: usize| linear(f) || factors[f].keeps() == Keeps::NOTHING;
        if (i..j).all(same) { 1 } else { batch }
    };
    let map = |f: usize, op: Op, samples: usize, seeds: usize| -> u128 {
        cost::of(&*factors[f], op, samples, seeds).flops.into()
    };
    let one = |i: usize| {
        let samples = samples(i, i + 1);
        if linear(i) {
            vec![0]
        } else if diagonal(i, i + 1) {
            vec![map(i, Op::JvpInput, samples, 1)]
        } else {
            vec![
                map(i, Op::JvpInput, samples, size(i)),
                map(i, Op::VjpInput, samples, size(i + 1)),
            ]
        }
    };
    // Matrix-free through a part, one block after the other; what does not depend on a sample yet is done once.
    let join = |i: usize, k: usize, j: usize| {
        let (m, middle, n) = (size(j) as u128, size(k) as u128, size(i) as u128);
        let all = samples(i, j) as u128;
        let product = match (diagonal(k, j), diagonal(i, k)) {
            (true, true) => n,
            (false, false) => 2 * m * middle * n,
            _ => m * n,
        };
        let pulled = (i..k)
            .rev()
            .map(|f| {
                let seeds = if diagonal(f, j) { 1 } else { size(j) };
                map(f, Op::VjpInput, samples(f, j), seeds)
            })
            .sum();
        let pushed = (k..j)
            .map(|f| {
                let seeds = if diagonal(i, f + 1) { 1 } else { size(i) };
                map(f, Op::JvpInput, samples(i, f + 1), seeds)
            })
            .sum();
        [Some(product * all), Some(pulled), Some(pushed)]
    };
    all_bracketings(n, one, join).into_iter().min().unwrap()
}

fn primal(graph: &Graph, batch: usize) -> Cost {
    let nodes = graph.nodes().iter();
    nodes
        .map(|node| cost::of(&*node.block, Op::Forward, batch, 1))
        .sum()
}

proptest! {
    #![proptest_config(seeds::config(64, "tests/proptest-regressions/exhaustive.txt"))]

    #[test]
    fn a_plan_of_up_to_eight_blocks((n, links) in links(8), batch in 1..4_usize) {
        let graph = graph(n, &links);
        let plan = Bracketing::new(&graph, batch).unwrap();
        let found = plan.cost().flops - primal(&graph, batch).flops;
        prop_assert_eq!(u128::from(found), least_flops(&graph, batch), "{}", plan);
    }

    #[test]
    fn a_file_of_up_to_eight_factors(
        sizes in prop::collection::vec(prop_oneof![1..4_u64, 1..60_u64], 2..=9),
        edges in prop::collection::vec(0..2000_u64, 8),
    ) {
        let n = sizes.len() - 1;
        let factors: Vec<ChainFactor> = (0..n)
            .map(|i| ChainFactor { n_out: sizes[i + 1], n_in: sizes[i], edges: edges[i] })
            .collect();
        let d = |i: usize| u128::from(sizes[i]);
        let sum = |i: usize, j: usize| edges[i..j].iter().map(|&e| u128::from(e)).sum::<u128>();
        let own = |i: usize| u128::from(edges[i]) * d(i).min(d(i + 1));
        let product = |i, k, j| d(j) * d(k) * d(i);
        let all = all_bracketings(n, |i| vec![own(i)], |i, k, j| {
            [Some(product(i, k, j)), Some(d(j) * sum(i, k)), Some(d(i) * sum(k, j))]
        });
        let dense = all_bracketings(n, |i| vec![own(i)], |i, k, j| [Some(product(i, k, j)), None, None]);
        let plan = ChainPlan::new(&factors).unwrap();
        prop_assert_eq!(plan.optimum(), *all.iter().min().unwrap());
        prop_assert_eq!(plan.preaccumulation(), *dense.iter().min().unwrap());
        prop_assert_eq!(plan.all_tangent(), d(0) * sum(0, n));
        prop_assert_eq!(plan.all_adjoint(), d(n) * sum(0, n));
        prop_assert_eq!(plan.bracket().total(), plan.optimum());
    }

    #[test]
    fn a_dense_chain_of_up_to_eight_factors(sizes in prop::collection::vec(1..50_u64, 2..=9)) {
        let n = sizes.len() - 1;
        let d = |i: usize| u128::from(sizes[n - i]);
        let join = |i: usize, k: usize, j: usize| [Some(d(i) * d(k) * d(j)), None, None];
        let all = all_bracketings(n, |_| vec![0], join);
        let chain = DenseChain::new(&sizes).unwrap();
        prop_assert_eq!(chain.optimum(), *all.iter().min().unwrap());
        // The two pure modes are the first and the last way to set brackets.
        prop_assert!(all.contains(&chain.reverse()) && all.contains(&chain.forward()));
    }
}
