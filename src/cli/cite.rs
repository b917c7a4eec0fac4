//! `--cite`: BibTeX entries of what a command used, from `data/references.bib`.

use super::Command;
use crate::pinn::SamplerKind;
use crate::solver::Method;

const LIBRARY: &str = include_str!("../../data/references.bib");

/// The references of a solver's methods.
pub(super) fn solver(method: Method) -> &'static [&'static str] {
    match method {
        Method::Auto => &["amestoy1996", "vanek1996"],
        Method::Cg | Method::PcgJacobi | Method::Gmg => &["hestenes1952"],
        Method::PcgIc => &["hestenes1952", "meijerink1977", "manteuffel1980"],
        Method::PcgDeflation => &["hestenes1952", "nicolaides1987", "tang2009"],
        Method::PcgAmg => &["hestenes1952", "vanek1996"],
        Method::Direct => &["amestoy1996"],
        Method::GmgPlain => &["hestenes1952", "mcadams2010"],
        Method::Dcdm => &["kaneda2023", "he2024", "hansen2001"],
        Method::DcdmNet => &["kaneda2023"],
    }
}

/// The references of a sampler of PINNs.
pub(super) fn sampler(sampler: SamplerKind) -> &'static [&'static str] {
    match sampler {
        SamplerKind::Aas | SamplerKind::AasExact => &["tang2024"],
        SamplerKind::Das => &["tang2023"],
        SamplerKind::RarG | SamplerKind::RarD | SamplerKind::Rad => &["wu2023"],
        SamplerKind::R3 => &["daw2023"],
        SamplerKind::Uniform | SamplerKind::Latin | SamplerKind::Sobol | SamplerKind::Grid | SamplerKind::Quadtree => {
            &[]
        }
    }
}

/// The entries of filet and of what `command` uses, each once.
pub(super) fn bibtex(command: &Command) -> String {
    let used = match command {
        Command::Solve(solve) => solve.references(),
        Command::Move(mover) => mover.references(),
        Command::Pinn(pinn) => pinn.references(),
        Command::Bench(bench) => bench.references(),
        Command::Train(train) => train.references(),
        Command::Operator(operator) => operator.references(),
        Command::Mesh(_) | Command::Info(_) | Command::Completions { .. } | Command::Manual { .. } => vec![],
    };
    entries(&[&["filet"], used.as_slice()].concat())
}

/// The entries with these keys, in the order of the library.
fn entries(keys: &[&str]) -> String {
    let wanted = LIBRARY.split("\n\n").filter(|entry| keys.contains(&key(entry)));
    wanted.map(str::trim).collect::<Vec<_>>().join("\n\n")
}

/// The key of an entry `@type{key, ...}`.
fn key(entry: &str) -> &str {
    entry.split(['{', ',']).nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_references_in_the_library() {
        let solvers = Method::ALL.into_iter().chain([Method::Auto]).flat_map(solver);
        let samplers = SamplerKind::ALL.into_iter().flat_map(sampler);
        for wanted in solvers.chain(samplers) {
            assert!(LIBRARY.split("\n\n").any(|entry| key(entry) == *wanted), "{wanted}");
            assert!(entries(&[wanted]).contains("title = {"), "{wanted}");
        }
    }
}
