//! The lecture's claims, each with what was measured and whether it held. Every word of a verdict follows from the rows.

use crate::record::{Dtype, Mode, Record, Sweep};
use crate::table::{Curve, Table, blocks, law, params};
use crate::verdict::within;

pub use crate::verdict::Verdict;

/// A claim with its measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The lecture's words, summarised, with the slide.
    pub words: &'static str,
    /// What was measured.
    pub measured: String,
    /// How it came out.
    pub verdict: Verdict,
}

/// Reads a claim's measurement and verdict off the rows, where there are any.
type Judge = fn(Table<'_>) -> Option<(String, Verdict)>;

/// Points of a curve.
type Points = Vec<(f64, f64)>;

/// All claims of the lecture's autodiff part that a measurement can judge.
pub fn all(table: Table<'_>) -> Vec<Claim> {
    let claims: [(&'static str, Judge); 9] = [
        (
            "Forward mode's work, a product of (o_i, o_(i-1)) by (o_(i-1), p_j), grows linearly with the number of parameters (\"Pros and cons of forward-mode autodiff\").",
            forward_grows,
        ),
        (
            "The same product, where the tangent matrix of a linear block is kept as the Kronecker product x' (x) A: its columns are the block's outputs instead of its parameters (structured tangents; not on the slides).",
            structured_grows,
        ),
        (
            "Forward mode can discard earlier estimates after each update, so it is memory efficient (same slide).",
            forward_forgets,
        ),
        (
            "The tangent matrices carry every parameter through every block (\"Forward-mode autodiff (general)\").",
            full_tangents,
        ),
        (
            "Reverse mode needs a lot of memory: all intermediate outputs are stored (\"Pros and cons of reverse-mode autodiff\").",
            reverse_stores,
        ),
        (
            "The adjoint program takes 3x-4x the time of the primal one (same slide).",
            adjoint_ratio,
        ),
        (
            "The adjoint program's products do not scale in the number of parameters, relative to the primal (same slide).",
            adjoint_flat,
        ),
        (
            "A Jacobian by reverse mode takes one backward pass for each output (\"Autodiff in TensorFlow (2)\").",
            jacobian_sweeps,
        ),
        (
            "Which end to start from: equation 17 multiplied from the left carries a row for each input or parameter, from the right a column for each output.",
            winner,
        ),
    ];
    claims
        .into_iter()
        .map(|(words, judge)| {
            let (measured, verdict) = judge(table).unwrap_or(("no rows".into(), Verdict::Open));
            Claim {
                words,
                measured,
                verdict,
            }
        })
        .collect()
}

/// Cost over the primal's cost along a curve: in time and in flops.
fn over_primal(table: Table<'_>, curve: Curve) -> (Points, Points) {
    let time = table.points(curve, params, |r| r.time_s / r.primal_time_s);
    let flops = table
        .rows(curve)
        .filter_map(|r| Some((params(r), r.flops as f64 / table.primal(r)?.flops as f64)));
    (time, flops.collect())
}

fn forward_grows(table: Table<'_>) -> Option<(String, Verdict)> {
    let (time, flops) = over_primal(table, Curve::new(Sweep::Width, 32, Mode::Forward));
    let (time, flops) = (law(&time, 1e3)?, law(&flops, 1e3)?);
    let text = format!(
        "Forward over primal against p (p >= 1000, 64-w-10, batch 32, f64): fitted slope {:.3} in counted flops, {:.3} in time, {} points; 1 is linear.",
        flops.slope, time.slope, flops.points
    );
    // The claim is one on work, which is counted.
    Some((text, Verdict::of((flops.slope - 1.0).abs() <= 0.05)))
}

/// What structured tangents take off forward mode, and what they still cost beside reverse mode.
fn structured_grows(table: Table<'_>) -> Option<(String, Verdict)> {
    let curve = |mode| Curve::new(Sweep::Width, 32, mode);
    let (_, flops) = over_primal(table, curve(Mode::ForwardStructured));
    let slope = law(&flops, 1e3)?;
    let same = |row: &Record, mode| table.rows(curve(mode)).find(|r| r.layers == row.layers);
    let largest = table.rows(curve(Mode::Forward)).max_by_key(|r| r.params)?;
    let structured = same(largest, Mode::ForwardStructured)?;
    let reverse = same(largest, Mode::Reverse)?;
    let (fewer, faster) = (
        largest.flops as f64 / structured.flops as f64,
        largest.time_s / structured.time_s,
    );
    let text = format!(
        "Structured over primal against p (p >= 1000, 64-w-10, batch 32, f64): fitted slope {:.3} in counted flops, {} points. At p = {}, the largest with dense tangents: {fewer:.0} times fewer flops and {faster:.0} times faster than dense tangents, {:.2} times the flops and {:.2} times the time of reverse mode.",
        slope.slope,
        slope.points,
        largest.params,
        structured.flops as f64 / reverse.flops as f64,
        structured.time_s / reverse.time_s
    );
    Some((text, Verdict::of(slope.slope.abs() < 0.05 && fewer > 1.0)))
}

/// Rows of the depth sweep, by number of blocks.
fn depth(table: Table<'_>, mode: Mode, keep: impl Fn(&Record) -> bool) -> Vec<(f64, f64)> {
    table
        .rows(Curve::new(Sweep::Depth, 32, mode))
        .filter(|r| keep(r))
        .map(|r| (blocks(r), r.peak_bytes as f64))
        .collect()
}

fn forward_forgets(table: Table<'_>) -> Option<(String, Verdict)> {
    let jvp = depth(table, Mode::Jvp, |_| true);
    let chunk: Vec<(f64, f64)> = table
        .rows(Curve::new(Sweep::Depth, 32, Mode::Forward))
        .filter(|r| r.chunk.is_some_and(|chunk| chunk < r.params))
        .map(|r| (blocks(r), r.peak_bytes as f64 - 8.0 * params(r)))
        .collect();
    let growth = |points: &[(f64, f64)]| Some(points.last()?.1 / points.first()?.1);
    let (jvp, chunk, depth) = (
        growth(&jvp)?,
        growth(&chunk)?,
        growth(&jvp.iter().map(|p| (p.0, p.0)).collect::<Vec<_>>())?,
    );
    let text = format!(
        "From the shallowest to the deepest network, {depth:.0} times the blocks, one jvp's peak memory grows {jvp:.2} times and a chunk's, without the gradient that it returns, {chunk:.2} times; both include the plan's own bookkeeping, which is a few hundred bytes per block."
    );
    Some((
        text,
        Verdict::of(jvp < depth.sqrt() && chunk < depth.sqrt()),
    ))
}

fn full_tangents(table: Table<'_>) -> Option<(String, Verdict)> {
    let full: Vec<(f64, f64)> = table
        .rows(Curve::new(Sweep::Depth, 32, Mode::Forward))
        .filter(|r| r.chunk == Some(r.params))
        .map(|r| (params(r), r.peak_bytes as f64))
        .collect();
    let fit = law(&full, 0.0)?;
    let reverse = depth(table, Mode::Reverse, |_| true);
    let (last, reverse) = (full.last()?.1, reverse.last()?.1);
    let text = format!(
        "As a whole, the tangent matrix is (outputs x batch) x p: its memory grows with p to the power {:.2} and is {:.0} times reverse mode's for the deepest network. Forward mode is frugal for a direction or a chunk, not for the full matrix.",
        fit.slope,
        last / reverse
    );
    Some((
        text,
        if last > reverse {
            Verdict::InPart
        } else {
            Verdict::Held
        },
    ))
}

fn reverse_stores(table: Table<'_>) -> Option<(String, Verdict)> {
    let rows: Vec<(f64, f64)> = table
        .rows(Curve::new(Sweep::Depth, 32, Mode::Reverse))
        .map(|r| (blocks(r), r.peak_bytes as f64 - 8.0 * params(r)))
        .collect();
    let fit = law(&rows, 8.0)?;
    let text = format!(
        "Peak memory without the gradient grows with the number of blocks to the power {:.2} (from 8 blocks on; a power of 1 means that every block's output is kept).",
        fit.slope
    );
    Some((text, Verdict::of(fit.slope > 0.7)))
}

/// (primal + adjoint) / primal in time, for p >= 10^4 at batch 32.
fn totals(table: Table<'_>, dtype: Dtype) -> Vec<(f64, f64)> {
    let mut points = table.points(
        Curve::new(Sweep::Width, 32, Mode::Reverse).at(dtype),
        params,
        |r| r.time_s / r.primal_time_s,
    );
    points.retain(|p| p.0 >= 1e4);
    points
}

/// The adjoint over the primal in time, with the ends that its quartiles give.
fn adjoints(table: Table<'_>, dtype: Dtype) -> Vec<[f64; 3]> {
    let rows = table.rows(Curve::new(Sweep::Width, 32, Mode::Reverse).at(dtype));
    rows.filter(|r| params(r) >= 1e4)
        .map(|r| [r.time_low_s, r.time_s, r.time_high_s].map(|time| time / r.primal_time_s - 1.0))
        .collect()
}

/// What the counts say of the adjoint over the primal, layer by layer: a linear layer's primal is one product, its adjoint two,
/// but the first's, whose input nobody asks for.
fn counted_adjoint(row: &Record, primal: &Record) -> String {
    let batch = row.batch as f64;
    let layer = |i: usize, pair: &[usize]| {
        let (n, m) = (pair[0] as f64, pair[1] as f64);
        let (product, bias) = (2.0 * m * n * batch, m * batch);
        let back = if i == 0 { 0.0 } else { product };
        format!(
            "layer {} {:.2}",
            i + 1,
            (product + bias + back) / (product + bias)
        )
    };
    let layers: Vec<String> = row
        .layers
        .0
        .windows(2)
        .enumerate()
        .map(|(i, pair)| layer(i, pair))
        .collect();
    let all = row.flops as f64 / primal.flops as f64 - 1.0;
    format!(
        "By the counts of {} ({} parameters) the adjoint is {all:.2} times the primal in flops ({}); where times differ from that, the rest is reading and writing, and calls of elementary functions, which are counted separately.",
        row.layers,
        row.params,
        layers.join(", ")
    )
}

fn adjoint_ratio(table: Table<'_>) -> Option<(String, Verdict)> {
    let (mut text, mut points) = (Vec::new(), Vec::new());
    for dtype in [Dtype::F64, Dtype::F32] {
        let adjoint = adjoints(table, dtype);
        let medians = || adjoint.iter().map(|of| of[1]);
        let (low, high) = (medians().reduce(f64::min)?, medians().reduce(f64::max)?);
        text.push(format!(
            "{dtype}: adjoint {low:.2} to {high:.2} times the primal, total {:.2} to {:.2}, {} points",
            low + 1.0,
            high + 1.0,
            adjoint.len()
        ));
        points.extend(adjoint);
    }
    let largest = table
        .rows(Curve::new(Sweep::Width, 32, Mode::Reverse))
        .max_by_key(|r| r.params)?;
    let text = format!(
        "For p >= 10^4 at batch 32, {}. {} 3x-4x would be the total of a program that reads and writes more for the same products.",
        text.join("; "),
        counted_adjoint(largest, table.primal(largest)?)
    );
    Some((text, within((3.0, 4.0), &points)))
}

fn adjoint_flat(table: Table<'_>) -> Option<(String, Verdict)> {
    let total = totals(table, Dtype::F64);
    let fit = law(&total, 1e4)?;
    let (_, flops) = over_primal(table, Curve::new(Sweep::Width, 32, Mode::Reverse));
    let flops = law(&flops, 1e4)?;
    let text = format!(
        "Total over primal against p (p >= 10^4, batch 32, f64): fitted slope {:+.3} in time, {:+.4} in counted flops; 0 is flat.",
        fit.slope, flops.slope
    );
    Some((text, Verdict::of(flops.slope.abs() < 0.05)))
}

fn jacobian_sweeps(table: Table<'_>) -> Option<(String, Verdict)> {
    let widest = table
        .rows(Curve::new(Sweep::Outputs, 1, Mode::JacobianReverse))
        .map(|r| r.inputs)
        .max()?;
    let rows: Vec<&Record> = table
        .rows(Curve::new(Sweep::Outputs, 1, Mode::JacobianReverse))
        .filter(|r| r.inputs == widest)
        .collect();
    // The last layer costs no pass anything: each starts from a row of its weights.
    let sweeps: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|r| {
            let pulled = (r.flops - table.primal(r)?.flops) as f64;
            Some((r.outputs as f64, pulled))
        })
        .collect();
    let fit = law(&sweeps, 1.0)?;
    let text = format!(
        "The counted flops of the Jacobian, less the primal's, grow with the number of outputs to the power {:.3} ({} inputs, 1 to {:.0} outputs); 1 is a pass for each.",
        fit.slope,
        widest,
        sweeps.last()?.0
    );
    Some((text, Verdict::of((fit.slope - 1.0).abs() < 0.02)))
}

fn winner(table: Table<'_>) -> Option<(String, Verdict)> {
    let (mut decided, mut counted, mut timed, mut square) = (0, 0, 0, Vec::new());
    for forward in table.rows(Curve::new(Sweep::Outputs, 1, Mode::JacobianForward)) {
        let reverse = table
            .rows(Curve::new(Sweep::Outputs, 1, Mode::JacobianReverse))
            .find(|r| (r.inputs, r.outputs) == (forward.inputs, forward.outputs))?;
        let ratio = forward.time_s / reverse.time_s;
        if forward.inputs == forward.outputs {
            square.push(ratio);
            continue;
        }
        let fewer = forward.inputs < forward.outputs;
        decided += 1;
        counted += usize::from((forward.flops < reverse.flops) == fewer);
        timed += usize::from((ratio < 1.0) == fewer);
    }
    square.sort_by(f64::total_cmp);
    let text = format!(
        "The mode with fewer sweeps took fewer counted flops in {counted} of {decided} cells, and less time in {timed}; with as many inputs as outputs, forward took {:.2} times reverse's time (median of {} cells). Forward mode runs the primal once for each chunk of inputs, which is counted.",
        square.get(square.len() / 2)?,
        square.len()
    );
    let verdict = if counted == decided {
        Verdict::Held
    } else if 10 * counted >= 8 * decided {
        Verdict::InPart
    } else {
        Verdict::Failed
    };
    Some((text, verdict))
}
