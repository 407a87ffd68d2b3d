//! Equation 17: a gradient unrolled into a product of Jacobians, and what its brackets cost.

use pushpull_core::Graph;
use pushpull_core::graph::Origin;
use pushpull_mixed_mode::{Bracket, DenseChain};
use serde::Serialize;

use pushpull_core::siblings::names::{numbers, objective};

/// What all searches of one explanation may take together: the cube of the factors, summed. The longest chain that is planned
/// takes as much.
const SEARCHED: u128 = 1_000_000_000;
/// Factors that are written out.
const SHOWN: usize = 8;

/// One use of parameters, its gradient unrolled as in equation 17:
/// `∇w1 y = ∂w1ᵀh1 · ∂h1ᵀh2 · ∂h2ᵀh3 · 1` with the shapes (p1, o1), (o1, o2), (o2, o3), (o3).
///
/// In a graph, the factors lead from one value through which every path to the output passes to the next; each is the
/// Jacobian of everything between them. Parameters that are used more than once have a product for each use, and
/// their gradient is the sum.
///
/// Costs are multiply-adds of dense matrices, for one sample, as equation 17 has it: an (m, k) by (k, n) product costs m k n.
/// The engines never multiply such matrices out where a block knows better; [`crate::Explanation`] has their real counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unrolled {
    /// The block that uses the parameters, counted from 0.
    pub node: usize,
    /// `∇w1 y`
    pub gradient: String,
    /// The product, as on the slide.
    pub product: String,
    /// p, o_1, .., o_l: the factors are (p, o_1), (o_1, o_2), .., and the last one is the vector of o_l ones.
    pub sizes: Vec<usize>,
    /// Multiply-adds if the product is made from the left: forward mode. `None` beyond 128 bits.
    pub forward: Option<u128>,
    /// Multiply-adds if it is made from the right: reverse mode, matrix-vector products alone.
    pub reverse: Option<u128>,
    /// The least over all bracketings; `None` where the chain is too long to search them.
    pub optimum: Option<u128>,
    /// The brackets of the optimum.
    pub brackets: Option<String>,
}

/// All uses of parameters, the first block's first.
pub(crate) fn unrolled(graph: &Graph) -> Vec<Unrolled> {
    let (numbers, y) = (numbers(graph), objective(graph));
    let (nodes, next) = (graph.nodes(), carriers(graph));
    let mut searched = 0_u128;
    let uses = (0..nodes.len()).filter(|&i| graph.activity()[i].output);
    let uses = uses.filter(|&i| !nodes[i].params.is_empty());
    let each = uses.map(|node| {
        let w = numbers[node];
        let mut chain = vec![node];
        while let Some(up) = next[chain[chain.len() - 1]] {
            chain.push(up);
        }
        let rows = chain.iter().map(|&i| nodes[i].dims().n_out);
        let sizes: Vec<usize> = std::iter::once(nodes[node].dims().n_params)
            .chain(rows)
            .collect();
        let mut factors = vec![format!("∂w{w}ᵀh{}", node + 1)];
        factors.extend(
            chain
                .windows(2)
                .map(|pair| format!("∂h{}ᵀh{}", pair[0] + 1, pair[1] + 1)),
        );
        factors.push("1".into());
        let wide = |n: usize| n as u128;
        // From the left a p x o_(k) matrix meets each further factor; from the right a vector does.
        let ends = || sizes.iter().copied().chain([1]).skip(1);
        let forward = ends().zip(ends().skip(1)).try_fold(0_u128, |sum, (k, n)| {
            let product = wide(sizes[0]).checked_mul(wide(k))?.checked_mul(wide(n))?;
            sum.checked_add(product)
        });
        let reverse = sizes.windows(2).try_fold(0_u128, |sum, pair| {
            sum.checked_add(wide(pair[0]).checked_mul(wide(pair[1]))?)
        });
        let n = wide(factors.len());
        let cube = n * n * n;
        let affordable = factors.len() <= DenseChain::MAX_FACTORS && searched + cube <= SEARCHED;
        let plan = affordable.then(|| {
            searched += cube;
            // The slide writes the transposed product: its sizes from output to input are these from behind.
            let sizes: Vec<u64> = ends()
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .chain([sizes[0]])
                .map(|n| n as u64)
                .collect();
            DenseChain::new(&sizes).ok()
        });
        let plan = plan.flatten();
        Unrolled {
            node,
            gradient: format!("∇w{w} {y}"),
            product: product(&factors),
            forward,
            reverse,
            optimum: plan.as_ref().map(DenseChain::optimum),
            brackets: plan
                .filter(|_| factors.len() <= SHOWN)
                .map(|plan| bracketed(plan.bracket(), &factors)),
            sizes,
        }
    });
    each.collect()
}

/// For each node the next one through which every path from it to the output passes; `None` for the last, and where no
/// derivative passes.
fn carriers(graph: &Graph) -> Vec<Option<usize>> {
    let (nodes, activity) = (graph.nodes(), graph.activity());
    let mut next: Vec<Option<usize>> = vec![None; nodes.len()];
    for (i, node) in nodes.iter().enumerate().rev() {
        if !activity[i].output {
            continue;
        }
        for source in node.sources.iter().filter(|source| !source.stopped) {
            if let Origin::Node(j) = source.origin {
                next[j] = Some(match next[j] {
                    None => i,
                    Some(other) => common(&next, i, other),
                });
            }
        }
    }
    next
}

/// The first node on both ways up.
fn common(next: &[Option<usize>], mut a: usize, mut b: usize) -> usize {
    while a != b {
        let lower = if a < b { &mut a } else { &mut b };
        match next[*lower] {
            Some(up) => *lower = up,
            None => return a.max(b),
        }
    }
    a
}

fn product(factors: &[String]) -> String {
    match factors {
        [first, second, .., last, one] if factors.len() > SHOWN => {
            format!("{first} · {second} · .. · {last} · {one}")
        }
        _ => factors.join(" · "),
    }
}

/// The brackets in the slide's order: the factor evaluated first is on the left.
fn bracketed(bracket: &Bracket, factors: &[String]) -> String {
    match bracket {
        Bracket::Factor { factor, .. } => factors[*factor].clone(),
        Bracket::Product { upper, lower, .. } => format!(
            "({} · {})",
            bracketed(lower, factors),
            bracketed(upper, factors)
        ),
        // Chains of dense matrices have products alone.
        Bracket::Pulled { upper, .. } => bracketed(upper, factors),
        Bracket::Pushed { lower, .. } => bracketed(lower, factors),
    }
}
