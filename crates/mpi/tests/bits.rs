//! The same bits for any number of ranks and threads, under `mpirun`, on digits.

mod common;

use common::{RANKS, job, probe, said};

#[test]
fn the_gradient_has_the_same_bits_over_ranks_and_threads() {
    // 203 samples: 13 leaves and a short last one, 4 leaves and fewer than ranks, one leaf.
    for leaf in ["16", "64", "500"] {
        let alone = said(job(1, &probe(), &["gradient", leaf, "1"]));
        assert_eq!(alone.split(' ').count(), 4, "{alone}");
        for ranks in RANKS {
            for threads in ["1", "2"] {
                let each = said(job(ranks, &probe(), &["gradient", leaf, threads]));
                assert_eq!(each, alone, "leaf {leaf}, {ranks} ranks, {threads} threads");
            }
        }
    }
    // The size of a leaf does change them, so the comparison can fail.
    let other = |leaf| said(job(2, &probe(), &["gradient", leaf, "1"]));
    assert_ne!(other("16"), other("64"));
}

#[test]
fn tangents_jacobians_and_hessians_are_those_of_the_plain_engine() {
    let alone = said(job(1, &probe(), &["columns"]));
    for ranks in RANKS {
        assert_eq!(
            said(job(ranks, &probe(), &["columns"])),
            alone,
            "{ranks} ranks"
        );
    }
}

#[test]
fn a_search_has_the_same_ranking() {
    let alone = said(job(1, &probe(), &["search"]));
    assert!(alone.contains("batch size"), "{alone}");
    for ranks in RANKS {
        assert_eq!(
            said(job(ranks, &probe(), &["search"])),
            alone,
            "{ranks} ranks"
        );
    }
}

#[test]
#[ignore = "takes 7 GB"]
fn a_message_longer_than_mpi_counts_arrives() {
    assert_eq!(said(job(2, &probe(), &["large", "1100"])), "true");
}
