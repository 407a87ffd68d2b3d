//! Runs the laws over random cases, shrinks what fails, and explains it.

use std::fmt;
use std::io::Write;
use std::sync::Once;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use pushpull_core::siblings::memory;
use pushpull_core::{Accum, AnyBlock, Op, alloc};

use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::case::{Case, Domain, Flavour, cases};
use crate::explain::explain;
use crate::probe::Probe;
use crate::{Diagnosis, Law, Rule, Violation, laws};

/// Where ordinary blocks live.
const ORDINARY: (f64, f64) = (-2.0, 2.0);
/// Where logarithms and roots live too.
const POSITIVE: (f64, f64) = (0.25, 2.0);

/// Columns that a block is tried on at once, at most, with all copies of them.
const COLUMNS: usize = 64;

/// Why a block cannot be tried: what it declares fits no memory. A length that panics is left to the laws.
fn too_large(block: &dyn AnyBlock) -> Option<String> {
    let scratch =
        |op: Op| pushpull_core::siblings::quiet::catch(|| block.scratch_len(op, 1, 1)).unwrap_or(0);
    let ops = [
        Op::JvpInput,
        Op::VjpInput,
        Op::JvpParams(Accum::Add),
        Op::VjpParams(Accum::Add),
        Op::UnitParams(Accum::Add),
    ];
    let (dims, extra) = (block.dims(), block.keeps().extra);
    let sizes = [dims.n_in, dims.n_out, dims.n_params, extra];
    let numbers = sizes.into_iter().chain(ops.map(scratch));
    let numbers = numbers.fold(0, usize::saturating_add);
    let what = format_args!("what {} declares", block.name());
    let remedy = "check it at smaller sizes";
    let fits = memory::fits::<f64>(what, memory::elements(&[numbers, COLUMNS]), remedy);
    fits.err().map(|fault| fault.to_string())
}

/// How to check a block; [`crate::check`] is `Check::new().run(..)`.
///
/// ```
/// use pushpull_core::blocks::{Ln, Map};
/// use pushpull_laws::Check;
/// Check::new().domain(0.5..=3.0).cases(10).run(&Map::new(Ln, 4))?;
/// # Ok::<(), pushpull_laws::Violation>(())
/// ```
#[derive(Clone, Debug)]
pub struct Check {
    cases: u32,
    seed: u64,
    domain: Option<(f64, f64)>,
    params: Option<(f64, f64)>,
    laws: Vec<Law>,
    /// The laws were named by the user: each has to be looked at.
    named: bool,
}

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

impl Check {
    /// All laws, 24 cases each, the same on every run.
    pub fn new() -> Self {
        Self {
            cases: 24,
            seed: 0,
            domain: None,
            params: None,
            laws: Law::ALL.to_vec(),
            named: false,
        }
    }

    /// How many random cases each law is tried on, at least one.
    pub fn cases(self, cases: u32) -> Self {
        Self {
            cases: cases.max(1),
            ..self
        }
    }

    /// Other random cases: the same seed gives the same cases.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Where the entries of the input lie. Without it: [-2, 2], or [0.25, 2] for a block that is not finite there.
    pub fn domain(self, entries: std::ops::RangeInclusive<f64>) -> Self {
        let domain = Some((*entries.start(), *entries.end()));
        Self { domain, ..self }
    }

    /// Where the parameters lie. Without it: like the input's default.
    pub fn params_domain(self, entries: std::ops::RangeInclusive<f64>) -> Self {
        let params = Some((*entries.start(), *entries.end()));
        Self { params, ..self }
    }

    /// Only these laws, in the order of [`Law::ALL`]. [`Law::Allocates`] is then a violation, [`Diagnosis::NotCounted`], where
    /// the program does not count its heap: what was not looked at does not pass.
    pub fn laws(self, laws: &[Law]) -> Self {
        let asked = Law::ALL.into_iter().filter(|law| laws.contains(law));
        Self {
            laws: asked.collect(),
            named: true,
            ..self
        }
    }

    /// Checks a block.
    ///
    /// # Errors
    /// The first law that it breaks, in the order of [`Law::ALL`], at the smallest failing batch and number of seeds.
    pub fn run(&self, block: &dyn AnyBlock) -> Result<(), Violation> {
        self.run_members(&[block])
    }

    /// Checks a family of blocks at the sizes 1 to 6; a failure shrinks over the size too.
    ///
    /// # Errors
    /// As [`Check::run`].
    pub fn run_family<B: AnyBlock>(&self, family: impl Fn(usize) -> B) -> Result<(), Violation> {
        let members: Vec<B> = (1..=6).map(family).collect();
        let members: Vec<&dyn AnyBlock> = members.iter().map(|b| b as &dyn AnyBlock).collect();
        self.run_members(&members)
    }

    fn run_members(&self, members: &[&dyn AnyBlock]) -> Result<(), Violation> {
        let wants = |law| self.laws.contains(&law);
        let mut domains = Vec::new();
        for &block in members {
            if let Some(fault) = too_large(block) {
                let known = Diagnosis::Declaration(fault.into());
                let finding = Finding::plain(Law::Declarations, None, known);
                return Err(self.violation(block, None, finding, None));
            }
            if wants(Law::Declarations) {
                let told = pushpull_core::siblings::quiet::catch(|| laws::declarations(block));
                let declared = told.unwrap_or_else(|message| {
                    let known = Diagnosis::Panicked(message.into());
                    Err(Finding::plain(Law::Panics, None, known))
                });
                declared.map_err(|finding| self.violation(block, None, finding, None))?;
            }
            domains.push(self.pick_domain(block)?);
        }
        for &law in &self.laws {
            if law != Law::Allocates || alloc::installed() {
                self.run_law(law, members, &domains)?;
            } else if self.named {
                let unseen = Finding::plain(law, None, Diagnosis::NotCounted);
                return Err(self.violation(members[0], None, unseen, None));
            } else {
                tell_once();
            }
        }
        Ok(())
    }

    fn run_law(
        &self,
        law: Law,
        members: &[&dyn AnyBlock],
        domains: &[Domain],
    ) -> Result<(), Violation> {
        let at = |case: &Case| -> Result<(), Finding> {
            let (block, domain) = (members[case.member], domains[case.member]);
            laws::check(law, &Bench::new(block, *case, domain)?)
        };
        let config = Config {
            cases: self.cases,
            failure_persistence: None,
            max_shrink_iters: 4096,
            ..Config::default()
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let outcome = runner.run(&cases(0..=members.len() - 1), |case| {
            at(&case).map_err(|_| TestCaseError::fail(law.name()))
        });
        let Err(TestError::Fail(_, smallest)) = outcome else {
            return Ok(());
        };
        let Err(finding) = at(&smallest) else {
            // It failed and does so no more.
            let unstable = Finding::plain(Law::Repeatable, None, Diagnosis::NotRepeatable);
            let block = members[smallest.member];
            return Err(self.violation(block, Some(&smallest), unstable, None));
        };
        // The largest member says most about the slip: one row hides a transpose.
        let widest = members.len() - 1;
        let explainer = Some((members[widest], domains[widest]));
        Err(self.violation(
            members[smallest.member],
            Some(&smallest),
            finding,
            explainer,
        ))
    }

    fn violation(
        &self,
        block: &dyn AnyBlock,
        case: Option<&Case>,
        finding: Finding,
        explainer: Option<(&dyn AnyBlock, Domain)>,
    ) -> Violation {
        let diagnosis = match (&finding.known, explainer) {
            (Some(known), _) => known.clone(),
            (None, Some((block, domain))) => explain(block, domain, &finding),
            (None, None) => Diagnosis::Unexplained,
        };
        Violation {
            block: title(block),
            law: finding.law,
            rule: finding.rule,
            batch: case.map_or(0, |case| case.batch),
            seeds: case.map_or(0, |case| case.seeds),
            entry: finding.entry,
            expected: finding.expected,
            got: finding.got,
            diagnosis,
        }
    }

    /// The first domain on which the primal is finite at every one of a few cases.
    fn pick_domain(&self, block: &dyn AnyBlock) -> Result<Domain, Violation> {
        let default = |x| Domain {
            x,
            params: self.params.unwrap_or(ORDINARY),
        };
        let positive = Domain {
            x: self.domain.unwrap_or(POSITIVE),
            params: self.params.unwrap_or(POSITIVE),
        };
        let given = self.domain.unwrap_or(ORDINARY);
        let candidates = [default(given), default(positive.x), positive];
        let primal = |domain: &Domain, number: u64| {
            let flavours = [Flavour::Plain, Flavour::Ties];
            let case = Case {
                member: 0,
                batch: 4,
                seeds: 1,
                gap: 0,
                flavour: flavours[(number % 2) as usize],
                number,
            };
            let probe = Probe::new(block, 0);
            let data = case.data(probe.dims, *domain);
            // Over numbers, not over NaN: an entry that is never written is the business of another law, and so is a
            // panic.
            let fill = Fill::Numbers;
            let at = probe.forward(Rule::Forward, &data.params, &data.x, fill);
            at.map(|at| at.y.iter().all(|y| y.is_finite()))
        };
        let finite = |domain: &Domain| (0..6).all(|number| primal(domain, number) == Ok(true));
        let runs = |domain: &Domain| primal(domain, 0).is_ok();
        if let Some(domain) = candidates.into_iter().find(finite) {
            return Ok(domain);
        }
        if !self.laws.contains(&Law::Domain) || !runs(&candidates[0]) {
            return Ok(candidates[0]);
        }
        let finding = Finding::plain(
            Law::Domain,
            None,
            Diagnosis::Declaration("the primal is not finite; hand in `Check::domain`".into()),
        );
        Err(self.violation(block, None, finding, None))
    }
}

/// Says that a law was not looked at. Not printed but written, for a test that passes shows nothing that it printed.
fn tell_once() {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let text = format!(
            "pushpull-laws: the law `{}` was not checked, because this program does not count its heap; add\n    {}\n",
            Law::Allocates,
            crate::INSTALL
        );
        std::io::stderr().write_all(text.as_bytes()).ok();
    });
}

/// The block's name and sizes.
fn title(block: &dyn AnyBlock) -> String {
    struct Title<'a>(&'a dyn AnyBlock);
    impl fmt::Display for Title<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let dims = self.0.dims();
            write!(f, "{} {} -> {}", self.0.name(), dims.n_in, dims.n_out)?;
            if dims.n_params > 0 {
                write!(f, ", {} parameters", dims.n_params)?;
            }
            Ok(())
        }
    }
    pushpull_core::siblings::quiet::catch(|| Title(block).to_string())
        .unwrap_or_else(|_| "a block that cannot say its name and sizes".into())
}
