use super::*;
use crate::Marker;

fn chart() -> LineChart {
    let mut chart = LineChart::new("t", Axis::log("p (count)"), Axis::linear("ratio"));
    chart.series = vec![
        Series::new("a, b", vec![(1.0, 0.5), (100.0, 3.0)]),
        Series::new("c", vec![(1.0, 2.0)]),
    ];
    chart.series[0].bars = vec![(0.5, 0.5), (2.5, 4.0)];
    chart.bands = vec![Band::new("3 to 4", 4.0, 3.0)];
    chart
}

#[test]
fn the_table_holds_every_number_of_the_picture() {
    let directory = tempfile::tempdir().unwrap();
    chart().save(&directory.path().join("a.png")).unwrap();
    let text = std::fs::read_to_string(directory.path().join("a.csv")).unwrap();
    let rows: Vec<_> = text.lines().skip(2).collect();
    assert_eq!(
        rows,
        [
            "series,\"a, b\",1,0.5,0.5,0.5",
            "series,\"a, b\",100,3,2.5,4",
            "series,c,1,2,,",
            "band,3 to 4,,,3,4"
        ]
    );
    let png = std::fs::read(directory.path().join("a.png")).unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(
        (png[18..20].to_vec(), png[22..24].to_vec()),
        (
            1200u16.to_be_bytes().to_vec(),
            800u16.to_be_bytes().to_vec()
        )
    );
}

#[test]
fn every_series_leaves_ink_of_its_colour() {
    let page = chart().draw().unwrap();
    for colour in [
        Colour::of_series(0),
        Colour::of_series(1),
        legend::band_colour(0),
    ] {
        assert!(page.count(colour) > 100, "{colour:?}");
    }
    let mut other = chart();
    other.series.pop();
    assert!(other.draw().unwrap().count(Colour::of_series(1)) == 0);
}

#[test]
fn what_cannot_be_drawn_is_refused_before_writing() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut LineChart)| {
        let mut chart = chart();
        change(&mut chart);
        let error = chart.save(&directory.path().join("b.png")).unwrap_err();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        error
    };
    assert!(matches!(
        refused(&|c| c.series.clear()),
        PlotError::Empty { .. }
    ));
    assert!(matches!(
        refused(&|c| c.series[1].points.clear()),
        PlotError::Empty { .. }
    ));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            matches!(
                refused(&|c| c.series[0].points[1].0 = bad),
                PlotError::Value { .. }
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        refused(&|c| c.series[0].points[0].1 = f64::NAN),
        PlotError::Value { .. }
    ));
    assert!(matches!(
        refused(&|c| c.bands[0].high = f64::INFINITY),
        PlotError::Value { .. }
    ));
    assert!(matches!(
        refused(&|c| c.y.label = " ".into()),
        PlotError::Unlabelled { .. }
    ));
    assert!(matches!(
        refused(&|c| c.notes = vec!["word ".repeat(2000)]),
        PlotError::Crowded { .. }
    ));
    assert!(matches!(
        refused(&|c| c.series = vec![c.series[0].clone(); 100]),
        PlotError::Crowded { .. }
    ));
    assert!(matches!(
        chart().save(Path::new("a.jpg")),
        Err(PlotError::NotPng { .. })
    ));
    let nowhere = directory.path().join("no/such/a.png");
    assert!(matches!(
        chart().save(&nowhere),
        Err(PlotError::Write { .. })
    ));
}

#[test]
fn words_stay_on_the_page_and_apart() {
    let long = "a long name of a series that is broken into lines";
    let mut all = chart();
    all.title = long.repeat(3);
    all.subtitle = long.repeat(4);
    all.notes = vec![long.repeat(5)];
    all.series[0].name = long.repeat(2);
    all.series[0].points = vec![(1e-7, 1e5), (1e9, 2e5)];
    all.series[0].bars.clear();
    all.draw().unwrap().assert_words_apart();
    // Names that do not fit side by side are written upright, all of them.
    let names: Vec<String> = (1..=14).map(|i| format!("{i} layer{i}.linear")).collect();
    all.x = Axis::named("block", &names);
    all.series[0].points = (1..=14).map(|i| (f64::from(i), 1e5)).collect();
    all.series.truncate(1);
    let canvas = all.draw().unwrap();
    canvas.assert_words_apart();
    for name in &names {
        assert!(canvas.texts.iter().any(|(text, _)| text == name), "{name}");
    }
}

#[test]
fn guides_lie_above_marks_and_bars_reach_as_far_as_they_say() {
    let ink = |bars: Vec<(f64, f64)>, low| {
        let mut chart = LineChart::new("t", Axis::linear("x"), Axis::linear("y"));
        let points = vec![(0.0, 2.0), (2.0, 2.0)];
        let series = Series::new("a", points.clone()).bars(bars);
        chart.series.push(series.marker(Marker::None).scattered());
        chart.series.push(Series::guide("2", points));
        chart
            .series
            .push(Series::guide("ends", vec![(0.0, low), (2.0, 4.0)]));
        chart.draw().unwrap().count(Colour::of_series(0))
    };
    let bar = |low, high| ink(vec![(low, high); 2], 0.0);
    assert!(bar(0.0, 4.0) > 3 * bar(1.5, 2.5));
    assert!(ink(Vec::new(), 0.0) < 20);
    let marks = |guides: bool| {
        let mut chart = LineChart::new("t", Axis::linear("x"), Axis::linear("y"));
        let points: Vec<_> = (0..40).map(|i| (f64::from(i), 1.0)).collect();
        chart.series.push(Series::new("a", points.clone()));
        if guides {
            chart.series.push(Series::guide("1", points));
        }
        chart.draw().unwrap().count(Colour::GREY)
    };
    assert!(marks(true) > marks(false) + 200);
}

#[test]
fn few_columns_say_their_heights() {
    let mut chart = LineChart::new("t", Axis::linear("x"), Axis::linear("y"));
    let values = [0.1, 0.1, 0.1, 0.9];
    chart
        .series
        .push(Series::histogram("runs", &values, (0.0, 1.0), 20));
    let canvas = chart.draw().unwrap();
    canvas.assert_words_apart();
    let places: Vec<f64> = canvas
        .texts
        .iter()
        .filter(|(text, at)| text == "3" && at[0] > 150.0)
        .map(|(_, at)| at[0])
        .collect();
    assert_eq!(places.len(), 1, "{:?}", canvas.texts);
    let many: Vec<f64> = (0..20).map(|i| (f64::from(i) + 0.5) / 20.0).collect();
    chart.series = vec![Series::histogram("runs", &many, (0.0, 1.0), 20)];
    let canvas = chart.draw().unwrap();
    assert!(canvas.texts.iter().filter(|(text, _)| text == "1").count() <= 1);
}
