use super::*;

fn map() -> HeatMap {
    let mut map = HeatMap::new(
        "t",
        Categories::new("in", [1, 10]),
        Categories::new("out", ["a", "b"]),
        "ratio",
    );
    map.cells = vec![vec![Some(0.1), Some(1.0)], vec![None, Some(10.0)]];
    map
}

#[test]
fn colours_follow_the_values_and_the_table_holds_them() {
    let page = map().draw().unwrap();
    for colour in [-1.0, 1.0, 0.0].map(Colour::diverging) {
        assert!(page.canvas.count(colour) > 20_000, "{colour:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    map().save(&directory.path().join("m.png")).unwrap();
    let text = std::fs::read_to_string(directory.path().join("m.csv")).unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        ["out,in,ratio", "a,1,0.1", "a,10,1", "b,1,", "b,10,10"]
    );
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let refused = |change: &dyn Fn(&mut HeatMap)| {
        let mut map = map();
        change(&mut map);
        map.draw().unwrap_err()
    };
    for bad in [0.0, -2.0, f64::NAN, f64::INFINITY] {
        assert!(
            matches!(
                refused(&|m| m.cells[1][0] = Some(bad)),
                PlotError::Value { .. }
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        refused(&|m| m.cells[0].truncate(1)),
        PlotError::Shape {
            expected: 2,
            got: 1,
            ..
        }
    ));
    assert!(matches!(
        refused(&|m| m.cells.truncate(1)),
        PlotError::Shape { .. }
    ));
    assert!(matches!(
        refused(&|m| m.cells = vec![vec![None; 2]; 2]),
        PlotError::Empty { .. }
    ));
    assert!(matches!(
        refused(&|m| (m.y.names, m.cells) = (vec![], vec![])),
        PlotError::Empty { .. }
    ));
    let many = |m: &mut HeatMap| {
        (m.x.names, m.cells) = (vec!["1".into(); 99], vec![vec![Some(1.0); 99]; 2])
    };
    assert!(matches!(refused(&many), PlotError::Crowded { .. }));
    assert!(matches!(
        refused(&|m| m.x.names[0] = "w".repeat(80)),
        PlotError::Crowded { .. }
    ));
}

#[test]
fn the_scale_has_one_in_its_middle_and_few_marks() {
    for reach in [2f64.log10(), 0.9, 1.0, 2.5, 7.9, 300.0] {
        let marks = key::marks(reach);
        assert!(
            (3..=9).contains(&marks.len()) && marks[marks.len() / 2] == 1.0,
            "{reach}: {marks:?}"
        );
        assert!(marks.iter().all(|v| v.log10().abs() <= reach + 1e-9));
    }
}

#[test]
fn cells_have_two_digits() {
    let all = [
        0.00891, 0.5, 0.996, 1.0, 1.07, 9.93, 9.96, 20.5, 137.0, 12_345.0,
    ];
    let read = [
        "0.0089", "0.50", "1.0", "1.0", "1.1", "9.9", "10", "20", "137", "12,345",
    ];
    assert_eq!(all.map(rounded), read);
    assert_eq!(
        (rounded(1e-9), rounded(2e9)),
        ("10⁻⁹".into(), "2×10⁹".into())
    );
}

#[test]
fn a_frontier_runs_between_the_sides_and_stands_in_the_table() {
    let mut map = map();
    let black = map.draw().unwrap().canvas.count(Colour::BLACK);
    map.frontier = Some(Frontier {
        name: "predicted".into(),
        side: vec![vec![true, false], vec![true, true]],
    });
    let edges = map.frontier.as_ref().unwrap().edges();
    // To the right of the lower left cell, and above the lower right one.
    assert_eq!(edges, [[(1.0, 0.0), (1.0, 1.0)], [(1.0, 1.0), (2.0, 1.0)]]);
    assert!(map.draw().unwrap().canvas.count(Colour::BLACK) > black + 500);
    assert_eq!(map.table()[2], ["a", "10", "1", "false"]);
    map.frontier.as_mut().unwrap().side.pop();
    assert!(matches!(map.draw(), Err(PlotError::Shape { .. })));
}

#[test]
fn shares_say_their_words_and_zero_is_a_share() {
    let mut map = map();
    map.shade = Shade::Share;
    map.cells = vec![vec![Some(0.0), Some(1.0)], vec![None, Some(0.5)]];
    map.labels = Some(Labels {
        name: "samples".into(),
        cells: vec![
            vec!["0".into(), "17".into()],
            vec![String::new(), "4".into()],
        ],
    });
    let canvas = map.draw().unwrap().canvas;
    for colour in [0.0, 1.0, 0.5].map(Colour::rising) {
        assert!(canvas.count(colour) > 20_000, "{colour:?}");
    }
    assert!(canvas.texts.iter().any(|(text, _)| text == "17"));
    canvas.assert_words_apart();
    assert_eq!(map.table()[0][3], "samples");
    assert_eq!(map.table()[2], ["a", "10", "1", "17"]);
    map.cells[0][0] = Some(1.5);
    assert!(matches!(map.draw(), Err(PlotError::Value { .. })));
    map.cells[0][0] = Some(0.5);
    map.labels.as_mut().unwrap().cells.pop();
    assert!(matches!(map.draw(), Err(PlotError::Shape { .. })));
}

#[test]
fn a_confusion_of_many_classes_is_drawn_by_its_shades_alone() {
    for classes in [2, 10, 26, 100] {
        let names: Vec<String> = (0..classes).map(|i| format!("class {i}")).collect();
        let categories = |label: &str| Categories::new(label, &names);
        let mut map = HeatMap::new("t", categories("answer"), categories("class"), "share");
        map.shade = Shade::Share;
        let cell = |i: usize, j: usize| Some(f64::from(u8::from(i == j)));
        map.cells = (0..classes)
            .map(|j| (0..classes).map(|i| cell(i, j)).collect())
            .collect();
        map.labels = Some(Labels {
            name: "samples".into(),
            cells: vec![vec!["1234".into(); classes]; classes],
        });
        let canvas = map.draw().unwrap().canvas;
        canvas.assert_words_apart();
        let written = canvas.texts.iter().any(|(text, _)| text == "1234");
        assert_eq!(written, classes <= 10, "{classes}");
    }
}
