use super::*;

#[test]
fn a_dashed_line_is_half_a_line() {
    let ink = |dash| {
        let mut canvas = Canvas::new();
        canvas
            .line(&[(100.0, 100.0), (500.0, 100.0)], 4.0, Colour::BLUE, dash)
            .unwrap();
        canvas.count(Colour::BLUE)
    };
    assert_eq!(ink(Dash::Solid), 1600);
    assert_eq!(ink(Dash::Dashed), 800);
}
