use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Crew, attend};
use crate::{MatMut, Real};

/// A payload whose `Drop` panics, in each of its halves: dropped, the second ends the program.
struct Mine(#[allow(dead_code)] [Powder; 2]);

struct Powder;

impl Drop for Powder {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// A payload whose `Drop` never comes back while somebody waits for it.
struct Anchor(Arc<Mutex<()>>);

impl Drop for Anchor {
    fn drop(&mut self) {
        drop(self.0.lock());
    }
}

/// What `each` goes on panicking with.
fn thrown(crew: &Crew, parts: usize, work: impl Fn(usize) + Sync) -> Box<dyn Any + Send> {
    catch_unwind(AssertUnwindSafe(|| crew.each(parts, &work))).expect_err("no part panicked")
}

/// Every part of some work is done once.
fn goes_on(crew: &Crew) {
    for parts in [0, 1, 2, 7] {
        let done: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
        crew.each(parts, &|part| {
            done[part].fetch_add(1, Ordering::Relaxed);
        });
        assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
    }
}

#[test]
fn payloads_that_cannot_be_dropped_reach_the_caller_once_and_leave_the_crew_whole() {
    for workers in [1, 3] {
        let crew = Crew::new(workers).unwrap();
        for parts in [1, 2, 5, 16] {
            for _ in 0..20 {
                let done = AtomicUsize::new(0);
                let payload = thrown(&crew, parts, |_| {
                    done.fetch_add(1, Ordering::Relaxed);
                    panic_any(Mine([Powder, Powder]));
                });
                assert!(payload.is::<Mine>());
                std::mem::forget(payload);
                assert_eq!(done.into_inner(), parts);
                goes_on(&crew);
            }
        }
    }
}

#[test]
fn a_payload_that_waits_for_the_caller_when_dropped_does_not_hold_it_up() {
    let crew = Crew::new(1).unwrap();
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let payload = thrown(&crew, 8, |_| panic_any(Anchor(Arc::clone(&lock))));
    drop(held);
    assert!(payload.is::<Anchor>());
    goes_on(&crew);
}

#[test]
fn one_part_among_many_is_what_the_caller_panics_with_whoever_does_it() {
    let crew = Crew::new(2).unwrap();
    for broken in 0..9 {
        let payload = thrown(&crew, 9, |part| assert!(part != broken, "part {part}"));
        let message = payload.downcast_ref::<String>();
        assert_eq!(message, Some(&format!("part {broken}")));
        goes_on(&crew);
    }
}

#[test]
fn a_busy_crew_leaves_a_panic_within_a_part_to_that_part() {
    let crew = Crew::new(2).unwrap();
    let payload = thrown(&crew, 3, |part| {
        let inner = thrown(&crew, 4, |_| panic_any(Mine([Powder, Powder])));
        assert!(inner.is::<Mine>());
        std::mem::forget(inner);
        crew.each(4, &|inner| assert!(inner != part, "part {part}"));
    });
    assert!(
        payload
            .downcast_ref::<String>()
            .unwrap()
            .starts_with("part ")
    );
    goes_on(&crew);
}

#[test]
fn a_caller_that_panics_already_hands_off_too() {
    struct HandOff<'c>(&'c Crew);
    impl Drop for HandOff<'_> {
        fn drop(&mut self) {
            let payload = thrown(self.0, 6, |_| panic_any(Mine([Powder, Powder])));
            std::mem::forget(payload);
            goes_on(self.0);
        }
    }
    let crew = Crew::new(1).unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _last = HandOff(&crew);
        panic!("first");
    }));
    let payload: Box<dyn Any + Send> = outcome.unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"first"));
}

#[test]
fn what_a_part_leaves_on_its_worker_s_thread_is_dropped_when_that_goes_home() {
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    struct Left;
    impl Drop for Left {
        fn drop(&mut self) {
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static OWN: Cell<Option<Left>> = const { Cell::new(None) };
    }
    let crew = Crew::new(2).unwrap();
    let here = thread::current().id();
    let away = AtomicUsize::new(0);
    while away.load(Ordering::Relaxed) == 0 {
        crew.each(16, &|_| {
            if thread::current().id() != here {
                away.fetch_add(1, Ordering::Relaxed);
                OWN.set(Some(Left));
            }
        });
    }
    drop(crew);
    assert_eq!(LEFT.load(Ordering::Relaxed), away.into_inner());
}

#[test]
fn where_a_thread_does_not_start_those_before_it_go_home() {
    for started in 0..3 {
        let (tried, home) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let crew = Crew::start(4, |life| {
            if tried.fetch_add(1, Ordering::Relaxed) == started {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let home = Arc::clone(&home);
            thread::Builder::new().spawn(move || {
                attend(&life.shared, &life.asleep, life.patience);
                home.fetch_add(1, Ordering::Relaxed);
            })
        });
        assert_eq!(crew.err().unwrap().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(home.load(Ordering::Relaxed), started);
    }
}

#[test]
fn columns_without_rows_or_numbers_are_dealt_out_however_many_they_are() {
    let crew = Crew::new(1).unwrap();
    for width in [usize::MAX / 2 + 1, usize::MAX] {
        let dealt = AtomicUsize::new(0);
        let none = MatMut::<f64>::with_stride(&mut [], 0, usize::MAX, 3);
        crew.columns([none], width, &|columns, [y]| {
            assert_eq!((columns.len(), y.nrows()), (y.ncols(), 0));
            dealt.fetch_add(columns.len(), Ordering::Relaxed);
        });
        assert_eq!(dealt.into_inner(), usize::MAX);
    }
    let mut data = [(); usize::MAX];
    let dealt = AtomicUsize::new(0);
    let all = MatMut::new(&mut data, 1, usize::MAX);
    crew.columns([all], usize::MAX / 2 + 1, &|columns, [mut y]| {
        assert_eq!(columns.len(), y.data_mut().len());
        dealt.fetch_add(columns.len(), Ordering::Relaxed);
    });
    assert_eq!(dealt.into_inner(), usize::MAX);
}

/// Rounds of the stress below; `tests/thread_sanitizer` asks for more.
fn rounds() -> u64 {
    let asked = std::env::var("PUSHPULL_HAND_OFFS");
    asked.map_or(200, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Adds 1 to every entry of two matrices, one of them with gaps, and does as `kind` says besides.
fn turn<T: Real>(crew: &Crew, kind: u64, ncols: usize, width: usize) {
    let (mut a, mut b) = (vec![T::zero(); 4 * ncols], vec![T::zero(); 3 * ncols]);
    let ys = [
        MatMut::with_stride(&mut a, 2, ncols, 4),
        MatMut::with_stride(&mut b, 3, ncols, 3),
    ];
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        crew.columns(ys, width, &|columns, ys| {
            for mut y in ys {
                for j in 0..y.ncols() {
                    y.col_mut(j).iter_mut().for_each(|y| *y += T::one());
                }
            }
            match kind {
                0 => assert!(!columns.contains(&(ncols - 1)), "the last column"),
                1 => panic_any(Mine([Powder, Powder])),
                2 if ncols > 1 => turn::<T>(crew, columns.start as u64 % 5, 1, 1),
                _ => {}
            }
        });
    }));
    let whole = outcome.is_ok();
    if let Err(payload) = outcome {
        crate::quiet::forget(payload);
        assert!(kind < 2);
    }
    // Who is alone with its work stops at the first panic.
    let right = |x: &T| *x == T::one() || !whole && *x == T::zero();
    assert!(
        a.chunks(4)
            .all(|a| a[..2].iter().all(right) && a[2..] == [T::zero(); 2])
    );
    assert!(b.iter().all(right));
}

#[test]
fn hand_offs_of_every_kind_at_once_by_users_of_one_crew() {
    fn user<T: Real>(crew: &Crew, seed: u64) {
        let mut state = seed;
        for round in 0..rounds() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let mut draw = |n: u64| {
                state = state.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (state >> 33) % n
            };
            let (kind, ncols, width) = (draw(6), 1 + draw(40), 1 + draw(12));
            turn::<T>(crew, kind, ncols as usize, width as usize);
            if round % 16 == 0 {
                // Long enough for workers to fall asleep.
                thread::sleep(Duration::from_micros(150));
            }
        }
    }
    let crew = Crew::new(2).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| user::<f32>(&crew, 1));
        scope.spawn(|| user::<f64>(&crew, 2));
        user::<f64>(&crew, 3);
    });
    goes_on(&crew);
}
