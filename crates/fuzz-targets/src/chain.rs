//! Chains of factors.

use pushpull_mixed_mode::plan_chain;

use crate::one_line;

/// Bytes as a file of factors. The optimum is the least of the four costs; comments and blank lines change nothing.
pub fn chain(data: &[u8]) -> bool {
    let plan = plan_chain(data).inspect_err(one_line);
    let mut marked = b"# the same\n\n".to_vec();
    for line in data.split_inclusive(|&byte| byte == b'\n') {
        marked.extend_from_slice(line);
        // Not behind a last line without an end, which may be as long as a line may be.
        if line.ends_with(b"\n") {
            marked.extend_from_slice(b" \n");
        }
    }
    match (&plan, plan_chain(&marked[..])) {
        (Ok(plan), Ok(marked)) => {
            let others = [
                plan.all_tangent(),
                plan.all_adjoint(),
                plan.preaccumulation(),
            ];
            assert!(
                others.iter().all(|&other| plan.optimum() <= other),
                "{plan}"
            );
            assert!(!plan.to_string().is_empty());
            assert_eq!(*plan, marked);
        }
        (Err(_), Err(_)) => {}
        (plan, marked) => panic!("{plan:?}; with blank lines: {marked:?}"),
    }
    plan.is_ok()
}
