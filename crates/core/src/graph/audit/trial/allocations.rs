//! Maps that ask the heap for memory.

use super::{Breach, Trial};
use crate::{Accum, Op, alloc};

impl Trial<'_> {
    /// What maps ask the heap for once they have run, where the program counts it. The first run may fill what is kept.
    pub(super) fn allocations(&self) -> Result<(), Breach> {
        if !alloc::installed() {
            return Ok(());
        }
        let keeps = self.block.keeps();
        let maps = [
            ("forward", Op::Forward, false),
            ("jvp_input", Op::JvpInput, false),
            ("vjp_input", Op::VjpInput, false),
            ("jvp_params", Op::JvpParams(Accum::Set), false),
            ("vjp_params", Op::VjpParams(Accum::Set), false),
            ("unit_params", Op::UnitParams(Accum::Set), false),
            ("forward_in_place", Op::Forward, true),
            ("jvp_input_in_place", Op::JvpInput, true),
            ("vjp_input_in_place", Op::VjpInput, true),
        ];
        for (map, op, in_place) in maps {
            let of_params = matches!(op, Op::JvpParams(_) | Op::VjpParams(_) | Op::UnitParams(_));
            if in_place && !self.block.overwrites() || of_params && self.dims.n_params == 0 {
                continue;
            }
            let mut bytes = 0;
            self.run_by(op, in_place, (keeps.x, keeps.y), |map| {
                map();
                bytes = alloc::measure(map).map_or(0, |((), seen)| seen.bytes);
            });
            if bytes > 0 {
                return Err(Breach {
                    law: "allocates",
                    map,
                    entry: "what it asks the heap for, in bytes,".into(),
                    expected: 0.0,
                    got: bytes as f64,
                });
            }
        }
        Ok(())
    }
}
