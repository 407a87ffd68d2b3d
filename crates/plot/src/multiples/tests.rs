use super::*;
use crate::{Colour, Mode};

fn line(name: impl Into<String>, height: f64) -> Series {
    Series::new(name, vec![(1.0, height), (100.0, 2.0 * height)])
}

fn chart(title: &str, lines: usize) -> LineChart {
    let mut chart = LineChart::new(title, Axis::log("p (count)"), Axis::log("time (s)"));
    chart.series = (0..lines)
        .map(|i| line(format!("line {i}"), 1.0 + i as f64))
        .collect();
    chart
}

#[test]
fn no_panel_holds_more_than_six_lines_and_none_is_lost() {
    for lines in 1..=40 {
        let mut all = chart("t", lines);
        all.series
            .insert(0, Series::guide("slope 1", vec![(1.0, 1.0)]));
        let parts = panels(&all);
        let mut seen = Vec::new();
        for part in &parts {
            assert!((1..=MOST_LINES).contains(&part.lines()), "{lines}");
            assert_eq!(part.series.len(), part.lines() + 1, "a guide in each");
            let lines = part.series.iter().filter(|series| !series.guide);
            seen.extend(lines.map(|series| series.name.clone()));
        }
        let names: Vec<_> = all.series[1..].iter().map(|s| s.name.clone()).collect();
        assert_eq!(seen, names);
        // As few panels as hold them.
        assert_eq!(parts.len(), lines.div_ceil(MOST_LINES));
    }
}

#[test]
fn a_chart_of_many_lines_draws_itself_in_panels_and_all_its_colours_are_seen() {
    let many = chart("t", 8);
    let canvas = many.draw().unwrap();
    for i in 0..7 {
        let ink = canvas.count(Colour::of_series(i));
        assert!(ink > 50, "{i}: {ink}");
    }
    let words: Vec<_> = canvas.texts.iter().map(|(text, _)| text.as_str()).collect();
    assert!(
        words.contains(&"1 of 2") && words.contains(&"2 of 2"),
        "{words:?}"
    );
    // The table is that of the chart.
    assert_eq!(many.csv().unwrap().lines().count(), 2 + 16);
}

#[test]
fn a_series_looks_the_same_in_every_panel_and_stands_once_in_the_legend() {
    let panel = |title: &str, remark: &str| {
        let mut chart = chart(title, 0);
        chart
            .series
            .push(line("reverse", 1.0).mode(Mode::Reverse).remark(remark));
        chart
    };
    let both = Multiples::new("t", vec![panel("f64", "slope 1"), panel("f32", "slope 2")]);
    let canvas = both.draw().unwrap();
    let count = |text: &str| {
        canvas
            .texts
            .iter()
            .filter(|(t, _)| t.contains(text))
            .count()
    };
    assert_eq!(
        (count("reverse"), count("time (s)"), count("p (count)")),
        (1, 1, 1)
    );
    let remarks: String = canvas.texts.iter().map(|(t, _)| format!("{t} ")).collect();
    assert!(remarks.contains("f64: slope 1; f32: slope 2"), "{remarks}");
    assert_eq!(both.csv().unwrap().matches("axis,").count(), 2);
}

#[test]
fn axes_of_another_scale_are_labelled_by_themselves() {
    let mut other = chart("zoomed", 2);
    other.y = Axis::linear("time (s)");
    let both = Multiples::new("t", vec![chart("all", 3), other]);
    let canvas = both.draw().unwrap();
    let labels = canvas.texts.iter().filter(|(t, _)| t == "time (s)").count();
    assert_eq!(labels, 2);
}

#[test]
fn nothing_is_written_outside_the_picture_or_over_other_words() {
    let long = "a network of many layers, trained on digits, with a softmax cross-entropy and a batch of 32";
    for panels in 1..=6 {
        for lines in [1, 4, 6] {
            let mut charts: Vec<_> = (0..panels)
                .map(|i| chart(&format!("panel {i}"), lines))
                .collect();
            for (i, series) in charts.iter_mut().flat_map(|c| &mut c.series).enumerate() {
                series.points[1].1 *= 10f64.powi(i as i32);
                series.remark = (i % 2 == 0).then(|| format!("slope {i}"));
            }
            let mut all = Multiples::new(long, charts);
            all.subtitle = long.repeat(2);
            all.notes = vec![long.into()];
            let canvas = all.draw().unwrap();
            canvas.assert_words_apart();
        }
    }
}

#[test]
fn none_and_too_many_are_refused() {
    let all = |n| Multiples::new("t", vec![chart("p", 2); n]).draw();
    assert!(matches!(all(0), Err(PlotError::Empty { .. })));
    assert!(matches!(all(17), Err(PlotError::Crowded { .. })));
    let mut empty = Multiples::new("t", vec![chart("p", 2)]);
    empty.panels[0].series[0].points.clear();
    assert!(matches!(empty.png(), Err(PlotError::Empty { .. })));
}
