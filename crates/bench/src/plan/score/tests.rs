use super::{Cell, cells, score};
use crate::plan::record::Row;
use crate::plan::section::section;
use crate::record::Dtype;

fn row(cell: usize, candidate: &str, seconds: Option<f64>, picked: bool) -> Row {
    Row {
        net: "2-2".into(),
        batch: 1,
        question: "gradient".into(),
        budget: "unlimited".into(),
        candidate: candidate.into(),
        predicted_flops: Some(10),
        counted_flops: seconds.map(|_| 10),
        predicted_peak: Some(100),
        measured_peak: seconds.map(|_| 100),
        predicted_s: seconds,
        measured_s: seconds,
        picked,
        cell,
        kind: "gradient",
        dtype: Dtype::F64,
        forward: candidate.starts_with("forward"),
        reverse: candidate.starts_with("reverse"),
        inputs: 6,
        outputs: 2,
        low_s: seconds.map(|s| 0.98 * s),
        high_s: seconds.map(|s| 1.02 * s),
    }
}

/// The planner is right, just right, and wrong; in the last cell forward mode does not fit.
fn rows() -> Vec<Row> {
    vec![
        row(0, "forward dense", Some(3.0), false),
        row(0, "reverse", Some(1.0), true),
        row(1, "forward dense", Some(1.0), false),
        row(1, "reverse", Some(1.09), true),
        row(2, "forward dense", Some(1.0), false),
        row(2, "reverse", Some(1.2), true),
        row(3, "forward dense", None, false),
        row(3, "reverse", Some(2.0), true),
    ]
}

#[test]
fn a_choice_is_right_within_a_tenth_of_the_best() {
    let rows = rows();
    let cells = cells(&rows);
    let planner = score(&cells, Cell::picked);
    assert_eq!((planner.right, planner.cells, planner.stuck), (3, 4, 0));
    assert!((planner.worst - 1.2).abs() < 1e-12);
    assert!((planner.slower - (1.09_f64 * 1.2).powf(0.25)).abs() < 1e-12);
    let forward = score(&cells, Cell::forward);
    assert_eq!((forward.right, forward.stuck), (2, 1));
    // Six inputs are more than 1.5 times two outputs.
    assert_eq!(score(&cells, Cell::by_sizes), score(&cells, Cell::reverse));
    let margins: Vec<_> = cells.iter().map(Cell::margin).collect();
    assert_eq!(margins, [Some(3.0), Some(1.09), Some(1.2), None]);
}

#[test]
fn a_wide_spread_is_allowed_for() {
    let mut rows = rows();
    rows[5].high_s = Some(1.5);
    assert_eq!(score(&cells(&rows), Cell::picked).right, 4);
}

#[test]
fn a_row_that_is_not_exact_is_told() {
    let mut rows = rows();
    rows[0].counted_flops = Some(11);
    rows[1].measured_peak = Some(101);
    let exact: Vec<_> = rows.iter().map(Row::exact).collect();
    assert_eq!(exact[..3], [Some(false), Some(false), Some(true)]);
    assert_eq!(exact[6], None);
    let text = section(&rows, 1, &[]);
    assert!(text.contains("on 5 of 7 filled rows"), "{text}");
    assert!(text.contains("| the planner | 3 of 4 | 0 |"), "{text}");
}
