use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{MAX_THREADS, TILE, Team, by_columns};
use crate::blocks::{Activation, Tanh};
use crate::{Builder, Error, Graph, MatMut, Mlp};

const ROWS: usize = 3;
const STRIDE: usize = 5;

/// Adds 1 to every entry and the column's number to the first, cut among the present team.
fn count(data: &mut [usize], ncols: usize) {
    by_columns([MatMut::with_stride(data, ROWS, ncols, STRIDE)], &|columns,
                                                                   [
        mut y,
    ]| {
        assert_eq!(columns.len(), y.ncols());
        for (j, column) in columns.enumerate() {
            y.col_mut(j).iter_mut().for_each(|entry| *entry += 1);
            y.col_mut(j)[0] += column;
        }
    });
}

fn all_once(ncols: usize) {
    let mut data = vec![0; STRIDE * ncols];
    count(&mut data, ncols);
    for (j, column) in data.chunks(STRIDE).enumerate() {
        assert_eq!(column, [1 + j, 1, 1, 0, 0], "column {j} of {ncols}");
    }
}

#[test]
fn every_column_is_given_once_and_nothing_between_them() {
    for threads in 1..=5 {
        let team = Team::new("Test", threads).unwrap();
        team.run(|| (1..70).for_each(all_once));
    }
}

#[test]
fn workers_that_went_to_sleep_are_no_obstacle() {
    let team = Team::new("Test", 3).unwrap();
    for _ in 0..5 {
        team.run(|| all_once(64));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn no_part_is_a_few_columns_alone() {
    for threads in 2..=5 {
        let team = Team::new("Test", threads).unwrap();
        for ncols in 2..200 {
            let mut data = vec![0; ncols];
            team.run(|| {
                by_columns([MatMut::new(&mut data, 1, ncols)], &|columns, _| {
                    assert!(columns.len() >= ncols.min(TILE), "{columns:?} of {ncols}");
                });
            });
        }
    }
}

#[test]
fn a_panic_reaches_the_caller_once_all_parts_are_done_and_the_team_goes_on() {
    let team = Team::new("Test", 2).unwrap();
    for broken in [0, 63] {
        let done = AtomicUsize::new(0);
        let mut data = vec![0; 64];
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.run(|| {
                by_columns([MatMut::new(&mut data, 1, 64)], &|columns, _| {
                    done.fetch_add(1, Ordering::Relaxed);
                    assert!(!columns.contains(&broken), "told to");
                });
            });
        }));
        let payload = outcome.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"told to"));
        assert_eq!(done.into_inner(), 2);
        team.run(|| all_once(64));
        // Outside, no team is left behind.
        let parts = AtomicUsize::new(0);
        by_columns([MatMut::new(&mut data, 1, 64)], &|_, _| {
            parts.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(parts.into_inner(), 1);
    }
}

#[test]
fn users_of_one_team_at_once_and_work_within_work_end() {
    let team = Team::new("Test", 3).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..50 {
                    team.run(|| {
                        let mut data = vec![0; 48];
                        by_columns([MatMut::new(&mut data, 1, 48)], &|_, _| all_once(40));
                    });
                }
            });
        }
    });
}

#[test]
fn a_graph_is_shared_where_one_block_has_work_enough() {
    let shares = |graph: &Graph, batch, threads| {
        let team = Team::of_graph("Test", threads, graph, batch).unwrap();
        assert_eq!(team.threads(), threads);
        team.shares()
    };
    let layer = Mlp::new(&[64, 64], Activation::Relu).build().unwrap();
    assert!(!shares(&layer, 100, 2) && shares(&layer, 200, 2) && !shares(&layer, 200, 1));
    // Elementary functions alone are work too.
    let mut b = Builder::new();
    let x = b.input("x", 100);
    let y = b.map(Tanh, x);
    let map = b.build(y).unwrap();
    assert!(!shares(&map, 100, 2) && shares(&map, 1000, 2));
}

#[test]
fn the_number_of_threads_has_bounds() {
    for threads in [0, MAX_THREADS + 1] {
        assert!(matches!(
            Team::new("Test", threads),
            Err(Error::Setting { .. })
        ));
    }
}
