use super::*;

fn labels(scale: Scale, low: f64, high: f64) -> Vec<String> {
    let ruler = Ruler::over(scale, [low, high].into_iter(), true, (0.0, 1000.0));
    ruler
        .ticks()
        .0
        .into_iter()
        .map(|(_, label)| label)
        .collect()
}

#[test]
fn ticks_are_powers_or_readable_steps() {
    assert_eq!(
        labels(Scale::Log, 1e-6, 1e-1),
        ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]
    );
    assert_eq!(
        labels(Scale::Log, 10.0, 10_000.0),
        ["10", "100", "1,000", "10,000"]
    );
    assert_eq!(labels(Scale::Log, 3.0, 60.0), ["5", "10", "20", "50"]);
    assert_eq!(
        labels(Scale::Log2, 2.0, 64.0),
        ["2", "4", "8", "16", "32", "64"]
    );
    assert_eq!(
        labels(Scale::Linear, 0.3, 5.0),
        ["0", "1", "2", "3", "4", "5"]
    );
    assert_eq!(
        labels(Scale::Linear, 0.02, 0.3),
        ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]
    );
}

#[test]
fn any_admitted_range_has_two_to_eleven_ticks_within_the_axis() {
    let sizes = [
        5e-324,
        1e-300,
        1e-9,
        0.1,
        0.999,
        1.0,
        1.001,
        7.0,
        1e3,
        1e9,
        1e300,
        f64::MAX,
    ];
    for scale in [Scale::Linear, Scale::Log, Scale::Log2] {
        for (i, &low) in sizes.iter().enumerate() {
            for &high in &sizes[i..] {
                let ruler = Ruler::over(scale, [low, high].into_iter(), false, (100.0, 900.0));
                let (a, b) = (ruler.place(low), ruler.place(high));
                assert!(
                    (99.9..=900.1).contains(&a) && (99.9..=900.1).contains(&b),
                    "{scale:?} {low}..{high}: {a} {b}"
                );
                let ticks = ruler.ticks().0;
                if (1e-299..1e299).contains(&low) && high < 1e299 {
                    assert!(
                        (2..=11).contains(&ticks.len()),
                        "{scale:?} {low}..{high}: {ticks:?}"
                    );
                }
                assert!(
                    ticks
                        .iter()
                        .all(|(v, _)| (99.9..=900.1).contains(&ruler.place(*v))),
                    "{scale:?} {low}..{high}: {ticks:?}"
                );
            }
        }
    }
}

#[test]
fn places_are_monotone_and_ratios_equal_on_log() {
    let ruler = Ruler::over(Scale::Log, [1.0, 100.0].into_iter(), true, (800.0, 100.0));
    let (a, b, c) = (ruler.place(1.0), ruler.place(10.0), ruler.place(100.0));
    assert!(a > b && ((a - b) - (b - c)).abs() < 1e-9);
}

#[test]
fn whole_numbers_are_those_that_the_values_reach() {
    assert_eq!(
        labels(Scale::Whole, 1.0, 6.0),
        ["1", "2", "3", "4", "5", "6"]
    );
    assert_eq!(labels(Scale::Whole, 1.0, 2.0), ["1", "2"]);
    assert_eq!(labels(Scale::Whole, 3.0, 3.0), ["3"]);
    assert!(!labels(Scale::Whole, 1.0, 50.0).contains(&"0".to_owned()));
    let axis = Axis::named("block", ["linear", "tanh"]);
    let ruler = Ruler::over(axis.scale, axis.ends(), false, (0.0, 100.0));
    let (ticks, _) = axis.ticks(&ruler);
    assert_eq!(ticks, [(1.0, "linear".into()), (2.0, "tanh".into())]);
}
