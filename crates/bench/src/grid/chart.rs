//! The picture of a sweep: what each mode costs, over the primal, against what varies.

use pushpull_plot::{Axis, LineChart, MOST_LINES, Mode as Look, Multiples, PlotError, Series};

use super::{Against, Configuration, Grid};
use crate::record::{Dtype, Layers, Mode, Record};

/// What a mode took in one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Where.
    pub configuration: Configuration,
    /// Parameters of the network, biases as it has them.
    pub params: usize,
    /// The mode's name.
    pub mode: String,
    /// Its time over the primal's.
    pub ratio: f64,
    /// Quartiles of the same, where it was measured.
    pub quartiles: Option<(f64, f64)>,
    /// Whether it was computed and not run.
    pub predicted: bool,
}

impl Point {
    /// Of a measured row; `None` of the primal.
    pub fn of(row: &Record) -> Option<Self> {
        let forward_full = row.mode == Mode::Forward && row.chunk == Some(row.params);
        (row.mode != Mode::Primal).then(|| Self {
            configuration: Configuration {
                widths: row.layers.0.clone(),
                batch: row.batch,
                dtype: row.dtype,
            },
            params: row.params,
            mode: match forward_full {
                true => "forward-full".into(),
                false => row.mode.to_string(),
            },
            ratio: row.time_s / row.primal_time_s,
            quartiles: Some((
                row.time_low_s / row.primal_time_s,
                row.time_high_s / row.primal_time_s,
            )),
            predicted: false,
        })
    }
}

/// The points as CSV.
pub fn csv(points: &[Point]) -> String {
    let mut text = "network,batch,dtype,params,mode,time_over_primal,low,high\n".to_owned();
    for point in points {
        let Configuration {
            widths,
            batch,
            dtype,
        } = &point.configuration;
        let (network, mode) = (Layers(widths.clone()), &point.mode);
        let (low, high) = point.quartiles.unwrap_or((point.ratio, point.ratio));
        text += &format!(
            "{network},{batch},{dtype},{},{mode},{},{low},{high}\n",
            point.params, point.ratio
        );
    }
    text
}

/// What tells the curves of a picture apart that have the same mode.
struct Layout {
    against: Against,
    /// The networks in groups that a line may lead through; in one group where no line may.
    groups: Vec<Vec<Vec<usize>>>,
    joined: bool,
    batches: Vec<usize>,
    dtypes: Vec<Dtype>,
    modes: Vec<String>,
    /// Whether each precision has panels of its own.
    apart: bool,
}

impl Layout {
    fn of(points: &[Point], against: Against) -> Self {
        let (mut grid, mut modes) = (Grid::default(), Vec::new());
        for point in points {
            grid.add(&point.configuration);
            if !modes.contains(&point.mode) {
                modes.push(point.mode.clone());
            }
        }
        let Grid {
            networks,
            mut batches,
            dtypes,
        } = grid;
        batches.sort_unstable();
        let (groups, joined) = groups(&networks, against);
        let apart = modes.len() * dtypes.len() > MOST_LINES;
        Self {
            against,
            groups,
            joined,
            batches,
            dtypes,
            modes,
            apart,
        }
    }

    /// The batches and precisions that share a panel, panel by panel.
    fn shared(&self) -> Vec<(Vec<usize>, Vec<Dtype>)> {
        let batches = match self.against {
            Against::Batch => vec![self.batches.clone()],
            _ => self.batches.iter().map(|&batch| vec![batch]).collect(),
        };
        let dtypes = match self.apart {
            true => self.dtypes.iter().map(|&dtype| vec![dtype]).collect(),
            false => vec![self.dtypes.clone()],
        };
        let with = |batches: &Vec<usize>| {
            let batches = batches.clone();
            dtypes
                .iter()
                .map(move |dtypes| (batches.clone(), dtypes.clone()))
        };
        batches.iter().flat_map(with).collect()
    }
}

/// Networks that differ in what they are drawn against alone, group by group; all in one, and not joined, where each would be
/// alone, or two would lie at the same place.
fn groups(networks: &[Vec<usize>], against: Against) -> (Vec<Vec<Vec<usize>>>, bool) {
    let mut groups: Vec<Vec<Vec<usize>>> = Vec::new();
    for network in networks {
        let found = groups.iter_mut().find(|group| {
            let related = |other: &Vec<usize>| against.relates(other, network);
            group.iter().all(related)
        });
        match found {
            Some(group) => group.push(network.clone()),
            None => groups.push(vec![network.clone()]),
        }
    }
    let alone = groups.iter().all(|group| group.len() == 1);
    let place = |network: &Vec<usize>| against.of(network, 1);
    let doubled = groups.iter().any(|group| {
        let mut places: Vec<usize> = group.iter().map(place).collect();
        places.sort_unstable();
        places.windows(2).any(|pair| pair[0] == pair[1])
    });
    match against {
        Against::Batch => (groups, true),
        _ if networks.len() > 1 && (alone || doubled) => (vec![networks.to_vec()], false),
        _ => (groups, true),
    }
}

/// The panels that a sweep has: one for each group of networks and batch, and for each precision where there would be more than
/// six lines.
pub fn panels(
    networks: &[Vec<usize>],
    batches: usize,
    (dtypes, modes): (usize, usize),
    against: Against,
) -> usize {
    let (groups, _) = groups(networks, against);
    let batches = if against == Against::Batch {
        1
    } else {
        batches
    };
    let dtypes = if modes * dtypes > MOST_LINES {
        dtypes
    } else {
        1
    };
    groups.len() * batches * dtypes
}

/// Draws points against what varies.
///
/// # Errors
/// [`PlotError::Empty`] for no points.
pub fn draw(points: &[Point], against: Against) -> Result<Multiples, PlotError> {
    let title = format!(
        "Time of each mode of a gradient over the primal's, against {}",
        match against {
            Against::Params => "parameters",
            Against::Width => "width",
            Against::Depth => "depth",
            Against::Batch => "batch",
        }
    );
    let mut page = Multiples::new(title, Vec::new());
    if points.is_empty() {
        return Err(PlotError::Empty {
            picture: page.title,
            expected: "at least one mode with a time".into(),
        });
    }
    let place = |point: &Point| match against {
        Against::Params => point.params,
        _ => against.of(&point.configuration.widths, point.configuration.batch),
    };
    let layout = Layout::of(points, against);
    for group in &layout.groups {
        for (batches, dtypes) in layout.shared() {
            let x = match against {
                Against::Params => Axis::log(against.label()),
                _ => Axis::log2(against.label()),
            };
            let name = words(&layout, group, &batches, &dtypes);
            let mut panel = LineChart::new(name, x, Axis::log("time / time of the primal"));
            for mode in &layout.modes {
                for &dtype in &dtypes {
                    let here = points.iter().filter(|point| {
                        let Configuration { widths, batch, .. } = &point.configuration;
                        point.mode == *mode
                            && point.configuration.dtype == dtype
                            && group.contains(widths)
                            && batches.contains(batch)
                    });
                    let mut here: Vec<&Point> = here.collect();
                    here.sort_by_key(|point| place(point));
                    panel.series.extend(layout.lines(mode, dtype, &here, place));
                }
            }
            if !panel.series.is_empty() {
                page.panels.push(panel);
            }
        }
    }
    if points.iter().any(|point| point.predicted) {
        page.notes.push(PREDICTED.into());
    }
    if !layout.joined {
        page.notes
            .push("Marks are not joined: the networks differ in more than one thing.".into());
    }
    Ok(page)
}

/// The picture that a sweep will have at most, of made-up points: whether it can be drawn is known before anything is measured.
///
/// # Errors
/// As [`draw`].
pub fn sketch(grid: &Grid, modes: &[&str], against: Against) -> Result<Multiples, PlotError> {
    let point = |(i, configuration): (usize, Configuration)| {
        modes.iter().map(move |&mode| Point {
            params: Against::Params.of(&configuration.widths, 1),
            configuration: configuration.clone(),
            mode: mode.into(),
            ratio: 2.0,
            quartiles: None,
            predicted: i > 0,
        })
    };
    let configurations = grid.configurations().enumerate();
    let points: Vec<Point> = configurations.flat_map(point).collect();
    let mut page = draw(&points, against)?;
    // One of several lines stands for the machine's.
    page.notes.push("w".repeat(160));
    page.subtitle = "s".into();
    Ok(page)
}

/// What outlined marks are.
pub const PREDICTED: &str = "Outlined marks and dotted lines: predicted, not run.";

impl Layout {
    /// What was measured of a mode, and the line on which what was predicted goes on from it.
    fn lines(
        &self,
        mode: &str,
        dtype: Dtype,
        points: &[&Point],
        place: impl Fn(&Point) -> usize,
    ) -> Vec<Series> {
        let named = self.dtypes.len() > 1 && !self.apart;
        let name = match named {
            true => format!("{mode}, {dtype}"),
            false => mode.to_owned(),
        };
        let at = |point: &&Point| (place(point) as f64, point.ratio);
        let look = |series: Series| {
            let series = match Look::named(mode) {
                Some(look) => series.mode(look),
                None => series,
            };
            if self.joined {
                series
            } else {
                series.scattered()
            }
        };
        let measured: Vec<&Point> = points.iter().copied().filter(|p| !p.predicted).collect();
        let predicted: Vec<&Point> = points.iter().copied().filter(|p| p.predicted).collect();
        let mut lines = Vec::new();
        if !predicted.is_empty() {
            // From its measured neighbour on, whose own mark lies above.
            let start = predicted.iter().map(|point| place(point)).min();
            let before = measured.iter().rfind(|point| Some(place(point)) < start);
            let joined = before.into_iter().filter(|_| self.joined);
            let all: Vec<(f64, f64)> = joined.chain(&predicted).map(at).collect();
            let series = look(Series::new(format!("{name}, predicted"), all)).predicted();
            let known = !measured.is_empty();
            lines.push(if known { series.continued() } else { series });
        }
        if !measured.is_empty() {
            let bars = measured
                .iter()
                .map(|point| point.quartiles.unwrap_or((point.ratio, point.ratio)));
            let series = Series::new(name, measured.iter().map(at).collect()).bars(bars.collect());
            let series = look(series);
            lines.push(match (named, dtype) {
                (true, Dtype::F32) => series.dtype(pushpull_plot::Dtype::F32),
                _ => series,
            });
        }
        lines
    }
}

/// What all networks of a group have in common: their width or their layers.
fn shared_size(group: &[Vec<usize>], against: Against) -> Option<String> {
    // The deepest: without hidden layers a network has no width but that of its ends.
    let network = group.iter().max_by_key(|network| network.len())?;
    match against {
        Against::Depth => Some(format!("width {}", Against::Width.of(network, 1))),
        Against::Width => Some(format!("{} layers", Against::Depth.of(network, 1))),
        Against::Params | Against::Batch => None,
    }
}

/// What a panel has that the others have not.
fn words(layout: &Layout, group: &[Vec<usize>], batches: &[usize], dtypes: &[Dtype]) -> String {
    let mut words = Vec::new();
    if layout.groups.len() > 1 {
        let own = shared_size(group, layout.against);
        let alike = |other: &&Vec<Vec<usize>>| shared_size(other, layout.against) == own;
        let alone = layout.groups.iter().filter(alike).count() == 1;
        words.push(match (own, group) {
            (Some(own), _) if alone => own,
            (_, [network]) => Layers(network.clone()).to_string(),
            (_, [first, .., last]) => {
                format!("{} to {}", Layers(first.clone()), Layers(last.clone()))
            }
            (_, []) => String::new(),
        });
    }
    if let (true, [batch]) = (layout.batches.len() > 1, batches) {
        words.push(format!("batch {batch}"));
    }
    if let (true, [dtype]) = (layout.apart, dtypes) {
        words.push(dtype.to_string());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [&str; 5] = [
        "reverse",
        "checkpointed",
        "structured",
        "forward",
        "forward-full",
    ];

    fn points(grid: &Grid, modes: &[&str]) -> Vec<Point> {
        let at = |configuration: Configuration| {
            modes.iter().map(move |mode| Point {
                params: Against::Params.of(&configuration.widths, 1),
                configuration: configuration.clone(),
                mode: (*mode).into(),
                ratio: 3.0,
                quartiles: Some((2.9, 3.1)),
                predicted: *mode == "forward",
            })
        };
        grid.configurations().flat_map(at).collect()
    }

    fn grid(networks: &[&[usize]], batches: &[usize], dtypes: &[Dtype]) -> Grid {
        Grid {
            networks: networks.iter().map(|network| network.to_vec()).collect(),
            batches: batches.to_vec(),
            dtypes: dtypes.to_vec(),
        }
    }

    #[test]
    fn no_panel_has_more_than_six_lines_and_none_is_forgotten() {
        let both = [Dtype::F32, Dtype::F64];
        let wider: &[&[usize]] = &[&[8, 4, 2], &[8, 16, 2], &[8, 64, 2]];
        let mixed: &[&[usize]] = &[&[8, 4, 2], &[8, 16, 2], &[8, 4, 4, 2], &[8, 16, 16, 2]];
        for (networks, batches, dtypes, against, expected) in [
            (wider, &[1, 32][..], &both[..], Against::Width, 4),
            (wider, &[1, 32], &both[..1], Against::Width, 2),
            (wider, &[1, 32], &both[..1], Against::Batch, 3),
            (mixed, &[1], &both[..1], Against::Width, 2),
            (mixed, &[1], &both[..1], Against::Depth, 2),
        ] {
            let grid = grid(networks, batches, dtypes);
            let points = points(&grid, &MODES);
            let page = draw(&points, against).unwrap();
            assert_eq!(page.panels.len(), expected);
            let sizes = (dtypes.len(), MODES.len());
            assert_eq!(
                panels(&grid.networks, batches.len(), sizes, against),
                expected
            );
            let lines = page.panels.iter().map(|panel| panel.series.len());
            assert!(lines.max().unwrap() <= MOST_LINES);
            let marks = page.panels.iter().flat_map(|panel| &panel.series);
            let marks: usize = marks.map(|series| series.points.len()).sum();
            assert_eq!(marks, points.len());
            assert!(page.panels.iter().all(|panel| !panel.title.is_empty()));
            assert!(page.png().is_ok());
        }
    }

    #[test]
    fn panels_are_told_apart_by_what_their_networks_share() {
        let against = |networks: &[&[usize]], against| {
            let grid = grid(networks, &[1], &[Dtype::F64]);
            let page = draw(&points(&grid, &["reverse"]), against).unwrap();
            let titles = page.panels.iter().map(|panel| panel.title.clone());
            titles.collect::<Vec<_>>()
        };
        let deeper: &[&[usize]] = &[
            &[64, 10],
            &[64, 16, 10],
            &[64, 16, 16, 10],
            &[64, 32, 10],
            &[64, 32, 32, 10],
        ];
        assert_eq!(against(deeper, Against::Depth), ["width 16", "width 32"]);
        let ends: &[&[usize]] = &[&[64, 16, 10], &[64, 32, 10], &[32, 16, 10], &[32, 64, 10]];
        let titles = against(ends, Against::Width);
        assert_eq!(titles, ["64-16-10 to 64-32-10", "32-16-10 to 32-64-10"]);
    }

    #[test]
    fn a_sketch_has_room_where_the_picture_will() {
        let grid = grid(
            &[&[8, 4, 2], &[8, 16, 2]],
            &[1, 2, 3, 4],
            &[Dtype::F32, Dtype::F64],
        );
        let mut page = sketch(&grid, &MODES, Against::Width).unwrap();
        assert!(page.svg().is_ok());
        page.size = (900, 300);
        assert!(page.svg().is_err());
    }

    #[test]
    fn networks_that_have_nothing_in_common_are_not_joined() {
        let grid = grid(&[&[8, 4, 2], &[100, 7, 9, 3]], &[1], &[Dtype::F64]);
        let page = draw(&points(&grid, &["reverse"]), Against::Params).unwrap();
        assert!(page.panels[0].series.iter().all(|series| !series.joined));
        assert!(page.notes[0].contains("not joined"));
    }

    #[test]
    fn a_precision_is_told_by_its_dash_and_what_was_predicted_by_its_mark() {
        let grid = grid(&[&[8, 4, 2], &[8, 8, 2]], &[1], &[Dtype::F32, Dtype::F64]);
        let page = draw(&points(&grid, &["reverse", "forward"]), Against::Width).unwrap();
        let series = &page.panels[0].series;
        let dash = |name: &str| series.iter().find(|s| s.name == name).unwrap().dash;
        assert_eq!(dash("reverse, f32"), pushpull_plot::Dash::Dashed);
        assert_eq!(dash("reverse, f64"), pushpull_plot::Dash::Solid);
        for series in series {
            let predicted = series.name.starts_with("forward");
            assert_eq!(series.hollow, predicted, "{}", series.name);
        }
        assert!(page.notes.contains(&PREDICTED.to_owned()));
    }

    #[test]
    fn what_was_predicted_goes_on_from_what_was_measured() {
        let grid = grid(&[&[8, 4, 2], &[8, 8, 2], &[8, 16, 2]], &[1], &[Dtype::F64]);
        let mut points = points(&grid, &["reverse"]);
        points[2].predicted = true;
        let page = draw(&points, Against::Width).unwrap();
        let [predicted, measured] = &page.panels[0].series[..] else {
            panic!("{:?}", page.panels[0].series);
        };
        assert_eq!((predicted.points.len(), measured.points.len()), (2, 2));
        assert!(predicted.continued && predicted.points[0] == measured.points[1]);
        assert_eq!(predicted.colour, measured.colour);
        assert!(page.svg().unwrap().contains("reverse, predicted"));
    }
}
