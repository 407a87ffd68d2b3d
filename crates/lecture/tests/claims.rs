//! Every experiment runs, and the claims that do not depend on time come out as they must.

use pushpull_bench::claims::Verdict;
use pushpull_bench::sweep::Extent;
use pushpull_lecture::{EXPERIMENTS, Figure, named, section};
use pushpull_plot::MOST_LINES;

fn figures(name: &str) -> Vec<Figure> {
    named(name).unwrap().run(Extent::Quick).unwrap()
}

fn verdicts(name: &str) -> Vec<Verdict> {
    let figures = figures(name);
    let claims = figures.iter().flat_map(|figure| &figure.claims);
    claims.map(|claim| claim.verdict).collect()
}

#[test]
fn what_is_exact_holds() {
    use Verdict::{Held, InPart};
    assert_eq!(verdicts("linear"), [Held; 3]);
    assert_eq!(verdicts("projection"), [Held, InPart, Held]);
    assert_eq!(verdicts("activations"), [Held; 3]);
    assert_eq!(verdicts("noise"), [Held; 2]);
}

#[test]
fn what_speaks_of_time_is_judged_by_counts() {
    // Three sizes of a quick run are too few for its times to contradict the counts.
    assert_eq!(verdicts("cost"), [Verdict::Held; 2]);
    assert_eq!(verdicts("descent"), [Verdict::Held; 3]);
}

#[test]
fn weights_decide_whether_gradients_vanish() {
    assert_eq!(
        verdicts("depth"),
        [Verdict::InPart, Verdict::InPart, Verdict::Held]
    );
}

#[test]
fn starts_end_in_several_minima() {
    assert_eq!(verdicts("starts"), [Verdict::Held]);
}

#[test]
fn the_sigmoid_s_bound_lies_above_what_it_bounds() {
    let figures = figures("depth");
    let series = |start: &str| {
        let mut all = figures[0].chart.series.iter();
        let found = all.find(|series| series.name.starts_with(start)).unwrap();
        found.points.clone()
    };
    let (norms, bound) = (series("sigmoid, gradient before"), series("its bound"));
    assert_eq!(norms.len(), bound.len());
    for (norm, bound) in norms.iter().zip(bound.iter().rev()) {
        assert_eq!(norm.0, bound.0);
        assert!(norm.1 <= bound.1 * (1.0 + 1e-12), "{norm:?} {bound:?}");
    }
}

#[test]
fn no_two_lines_of_a_figure_differ_by_colour_alone() {
    let quick = ["activations", "linear", "noise", "projection", "depth"];
    for figure in quick.into_iter().flat_map(figures) {
        let lines = &figure.chart.series;
        assert!(lines.iter().filter(|line| !line.guide).count() <= MOST_LINES);
        for (i, a) in lines.iter().enumerate() {
            for b in lines[..i].iter().filter(|b| b.name != a.name) {
                // Without a mark of its own a series has that of its place.
                let same_mark = a.marker.is_some() && a.marker == b.marker;
                let alike = same_mark && (a.dash, a.joined) == (b.dash, b.joined);
                assert!(!alike, "{}: {} and {}", figure.name, a.name, b.name);
            }
        }
    }
}

#[test]
fn runs_repeat_to_the_bit() {
    for name in ["approximation", "noise", "depth"] {
        assert_eq!(figures(name), figures(name), "{name}");
    }
}

#[test]
fn the_section_shows_every_figure_and_claim() {
    let figures = figures("activations");
    let text = section(&figures, true);
    for figure in &figures {
        assert!(text.contains(&format!("lecture/{}.png", figure.name)));
        assert!(figure.claims.iter().all(|claim| text.contains(claim.words)));
    }
    let mut names: Vec<_> = EXPERIMENTS.iter().map(|e| e.name).collect();
    names.dedup();
    assert_eq!(names.len(), EXPERIMENTS.len());
}
