//! The problem as the user gives it: flags for the common case, a TOML file for all of it.

use crate::assembly::{Coefficient, Conductivity, Poisson};
use crate::error::{Error, Place, Result};
use crate::expression::{Expression, Written};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// −∇·(k ∇u) + c u = f
#[derive(Debug, Args)]
#[command(next_help_heading = "Problem: -div(k grad u) + c u = f; numbers or expressions in x, y, z")]
pub(super) struct ProblemArgs {
    /// Read the problem from a TOML file instead (docs/problem_files.md)
    #[arg(long, value_name = "FILE")]
    problem: Option<PathBuf>,

    /// f [default: 1 where no problem is given; made from --exact where that is given; else 0]
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    source: Option<String>,

    /// k > 0, or a tensor by its upper triangle, xx,xy,yy or xx,xy,xz,yy,yz,zz; for one cell group with GROUP= (repeat) [default: 1]
    #[arg(long, value_name = "[GROUP=]EXPR", allow_hyphen_values = true)]
    conductivity: Vec<String>,

    /// c >= 0 [default: 0]
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    reaction: Option<String>,

    /// u = EXPR on a group, or without GROUP= on the boundary outside all groups named (repeat) [default: u = 0, or --exact, on the whole boundary where no condition is given]
    #[arg(long, value_name = "[GROUP=]EXPR", allow_hyphen_values = true)]
    dirichlet: Vec<String>,

    /// k du/dn = EXPR (repeat)
    #[arg(long, value_name = "[GROUP=]EXPR", allow_hyphen_values = true)]
    neumann: Vec<String>,

    /// k du/dn + ALPHA u = G (repeat)
    #[arg(long, value_name = "[GROUP=]ALPHA,G", allow_hyphen_values = true)]
    robin: Vec<String>,

    /// The exact solution: its L2 and H1 errors are reported
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    exact: Option<String>,

    /// Degree of the elements, 1 or 2 [default: 1]
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u8).range(1..=2))]
    degree: Option<u8>,
}

impl ProblemArgs {
    /// The first option given, if any is.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--problem", self.problem.is_some()),
            ("--source", self.source.is_some()),
            ("--conductivity", !self.conductivity.is_empty()),
            ("--reaction", self.reaction.is_some()),
            ("--dirichlet", !self.dirichlet.is_empty()),
            ("--neumann", !self.neumann.is_empty()),
            ("--robin", !self.robin.is_empty()),
            ("--exact", self.exact.is_some()),
            ("--degree", self.degree.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

/// A problem and what is known of its solution.
#[derive(Debug)]
pub(super) struct Given {
    pub problem: Poisson,
    pub exact: Option<Expression>,
    /// Choices made for the user, one sentence each.
    pub notes: Vec<String>,
}

/// A scalar, a tensor, or one of these a group.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum ConductivityEntry {
    One(Written),
    Tensor(Vec<Vec<Written>>),
    Groups(BTreeMap<String, Written>),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Robin {
    alpha: Written,
    g: Written,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundaryEntry {
    group: Option<String>,
    dirichlet: Option<Written>,
    neumann: Option<Written>,
    robin: Option<Robin>,
}

/// The whole problem file.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ProblemFile {
    degree: Option<u8>,
    source: Option<Written>,
    conductivity: Option<ConductivityEntry>,
    reaction: Option<Written>,
    exact: Option<Written>,
    boundary: Vec<BoundaryEntry>,
}

/// The boundary outside all named groups, in a table of conductivities by group.
const REST: &str = "rest";

impl ProblemArgs {
    /// The problem, from the file or the flags, with defaults for what is not given.
    pub fn build(&self, dimension: usize) -> Result<Given> {
        let has_flags = self.source.is_some()
            || self.reaction.is_some()
            || self.exact.is_some()
            || self.degree.is_some()
            || ![&self.conductivity, &self.dirichlet, &self.neumann, &self.robin].iter().all(|v| v.is_empty());
        match &self.problem {
            Some(path) if has_flags => Err(Error::Option {
                option: "--problem".into(),
                value: path.display().to_string(),
                what: "cannot be combined with flags that give the problem; put them into the file".into(),
            }),
            Some(path) => complete(read(path)?, dimension, path).map_err(|e| match e {
                Error::Expression { .. } => Error::file(path, Place::File, e.to_string(), e.help().unwrap_or_default()),
                e => e,
            }),
            None => complete(self.as_file()?, dimension, Path::new("the command line")),
        }
    }

    /// The flags as if they stood in a file.
    fn as_file(&self) -> Result<ProblemFile> {
        let text = |t: &Option<String>| t.clone().map(Written::Text);
        let mut boundary = Vec::new();
        for (flag, values) in [("--dirichlet", &self.dirichlet), ("--neumann", &self.neumann), ("--robin", &self.robin)]
        {
            for value in values {
                boundary.push(boundary_entry(flag, value)?);
            }
        }
        Ok(ProblemFile {
            degree: self.degree,
            source: text(&self.source),
            conductivity: conductivity_entry(&self.conductivity)?,
            reaction: text(&self.reaction),
            exact: text(&self.exact),
            boundary,
        })
    }
}

fn read(path: &Path) -> Result<ProblemFile> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
    toml::from_str(&text).map_err(|e| {
        let place = e.span().map_or(Place::File, |s| Place::Line(text[..s.start].matches('\n').count() + 1));
        Error::file(path, place, e.message(), "docs/problem_files.md tells what a problem file holds")
    })
}

fn boundary_entry(flag: &str, value: &str) -> Result<BoundaryEntry> {
    let (group, rest) = split_group(value);
    let mut entry = BoundaryEntry { group: group.map(str::to_string), dirichlet: None, neumann: None, robin: None };
    let whole = Written::Text(rest.to_string());
    match flag {
        "--dirichlet" => entry.dirichlet = Some(whole),
        "--neumann" => entry.neumann = Some(whole),
        _ => match split_commas(rest)[..] {
            [alpha, g] => entry.robin = Some(Robin { alpha: Written::Text(alpha.into()), g: Written::Text(g.into()) }),
            ref parts => {
                return Err(Error::Option {
                    option: flag.into(),
                    value: value.into(),
                    what: format!("needs two expressions, ALPHA,G, and has {}", parts.len()),
                });
            }
        },
    }
    Ok(entry)
}

fn conductivity_entry(values: &[String]) -> Result<Option<ConductivityEntry>> {
    match values {
        [] => return Ok(None),
        [one] if split_group(one).0.is_none() => {
            let parts = split_commas(one);
            if parts.len() == 1 {
                return Ok(Some(ConductivityEntry::One(Written::Text(one.clone()))));
            }
            let e: Vec<Written> = parts.iter().map(|p| Written::Text(p.to_string())).collect();
            let rows: &[&[usize]] = match e.len() {
                3 => &[&[0, 1], &[1, 2]],
                6 => &[&[0, 1, 2], &[1, 3, 4], &[2, 4, 5]],
                n => {
                    return Err(Error::Option {
                        option: "--conductivity".into(),
                        value: one.clone(),
                        what: format!("has {n} entries; a tensor has 3 (xx,xy,yy) or 6 (xx,xy,xz,yy,yz,zz)"),
                    });
                }
            };
            let tensor = rows.iter().map(|row| row.iter().map(|&i| e[i].clone()).collect()).collect();
            return Ok(Some(ConductivityEntry::Tensor(tensor)));
        }
        _ => {}
    }
    let pair = |value: &String| {
        let (group, rest) = split_group(value);
        (group.unwrap_or(REST).to_string(), Written::Text(rest.to_string()))
    };
    Ok(Some(ConductivityEntry::Groups(values.iter().map(pair).collect())))
}

/// Fills in defaults and compiles the expressions.
fn complete(file: ProblemFile, dimension: usize, path: &Path) -> Result<Given> {
    let mut notes = Vec::new();
    let exact = file.exact.as_ref().map(|e| Expression::parse(&e.text())).transpose()?;
    let is_empty = file.source.is_none() && file.boundary.is_empty() && exact.is_none();
    let mut problem = Poisson { degree: usize::from(file.degree.unwrap_or(1)), ..Default::default() };
    if let Some(k) = &file.conductivity {
        problem.conductivity = conductivity(k, dimension, path)?;
    }
    if let Some(c) = &file.reaction {
        problem.reaction = coefficient(c)?;
    }
    for (i, entry) in file.boundary.iter().enumerate() {
        let group = entry.group.as_deref().unwrap_or("without group");
        if file.boundary[..i].iter().any(|before| before.group == entry.group) {
            let place = Place::Section(format!("boundary {group}"));
            let help = "give one condition; k du/dn + ALPHA u = G holds Neumann's and Robin's";
            return Err(Error::file(path, place, "there are two conditions", help));
        }
        problem = with_condition(problem, entry, path)?;
    }
    match (&file.source, &exact) {
        (Some(f), _) => problem.source = coefficient(f)?,
        (None, Some(u)) => {
            problem.source = problem.manufactured_source(u, dimension).ok_or_else(|| {
                let what =
                    "no source is given, and it can be made from the exact solution only where k is one expression";
                Error::file(path, Place::Section("source".into()), what, "give the source")
            })?;
            notes.push(format!("f is made so that u = {u} is the solution"));
        }
        (None, None) if is_empty => {
            problem.source = 1.0.into();
            notes.push("no problem given: f = 1, u = 0 on the boundary".into());
        }
        (None, None) => {}
    }
    if file.boundary.is_empty() {
        let value = exact.clone().unwrap_or_else(|| Expression::constant(0.0));
        if !is_empty {
            notes.push(format!("no boundary condition given: u = {value} on the whole boundary"));
        }
        problem = problem.dirichlet(None, value);
    }
    Ok(Given { problem, exact, notes })
}

fn coefficient(value: &Written) -> Result<Coefficient> {
    Ok(Expression::parse(&value.text())?.into())
}

fn conductivity(entry: &ConductivityEntry, dimension: usize, path: &Path) -> Result<Conductivity> {
    match entry {
        ConductivityEntry::One(k) => Ok(Conductivity::Scalar(coefficient(k)?)),
        ConductivityEntry::Groups(groups) => {
            let rest = groups.get(REST).map_or(Ok(1.0.into()), coefficient)?;
            let named = groups.iter().filter(|(name, _)| *name != REST);
            let named = named.map(|(name, k)| Ok((name.clone(), coefficient(k)?))).collect::<Result<_>>()?;
            Ok(Conductivity::Scalar(Coefficient::PerGroup(named, Box::new(rest))))
        }
        ConductivityEntry::Tensor(rows) => {
            let n = rows.len();
            if !(2..=3).contains(&n) || n < dimension || rows.iter().any(|r| r.len() != n) {
                return Err(tensor_error(path, format!("the tensor must be {dimension} x {dimension}, by rows")));
            }
            let mut entries: [Coefficient; 6] = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0].map(Coefficient::from);
            for (i, j, at) in [(0, 0, 0), (1, 1, 1), (2, 2, 2), (0, 1, 3), (1, 2, 4), (0, 2, 5)] {
                if i < n && j < n {
                    if rows[i][j].text() != rows[j][i].text() {
                        return Err(tensor_error(
                            path,
                            format!("entries ({i}, {j}) and ({j}, {i}) of the tensor differ"),
                        ));
                    }
                    entries[at] = coefficient(&rows[i][j])?;
                }
            }
            Ok(Conductivity::Tensor(Box::new(entries)))
        }
    }
}

fn tensor_error(path: &Path, what: String) -> Error {
    Error::file(
        path,
        Place::Section("conductivity".into()),
        what,
        "a conductivity tensor is symmetric, as [[2, 1], [1, 3]]",
    )
}

fn with_condition(problem: Poisson, entry: &BoundaryEntry, path: &Path) -> Result<Poisson> {
    let group = entry.group.as_deref();
    match (&entry.dirichlet, &entry.neumann, &entry.robin) {
        (Some(g), None, None) => Ok(problem.dirichlet(group, coefficient(g)?)),
        (None, Some(g), None) => Ok(problem.neumann(group, coefficient(g)?)),
        (None, None, Some(r)) => Ok(problem.robin(group, coefficient(&r.alpha)?, coefficient(&r.g)?)),
        _ => Err(Error::file(
            path,
            Place::Section(format!("boundary {}", group.unwrap_or("without group"))),
            "a boundary entry has exactly one of dirichlet, neumann and robin",
            "split it into one [[boundary]] for each condition",
        )),
    }
}

/// Splits `GROUP=EXPR` at the first `=` that is no part of `==`, `<=`, `>=` or `!=`.
pub(super) fn split_group(text: &str) -> (Option<&str>, &str) {
    let bytes = text.as_bytes();
    let at = (0..bytes.len()).find(|&i| {
        let before = i.checked_sub(1).map(|j| bytes[j]);
        bytes[i] == b'=' && bytes.get(i + 1) != Some(&b'=') && !matches!(before, Some(b'=' | b'<' | b'>' | b'!'))
    });
    match at {
        Some(i) => (Some(text[..i].trim()), text[i + 1..].trim()),
        None => (None, text.trim()),
    }
}

/// Splits at commas outside parentheses.
pub(super) fn split_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0i32, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_commas_are_told_from_expressions() {
        assert_eq!(split_group("left = 1 + x"), (Some("left"), "1 + x"));
        assert_eq!(split_group("if(x <= 1, y == 2, z)"), (None, "if(x <= 1, y == 2, z)"));
        assert_eq!(split_group("a b=x>=1"), (Some("a b"), "x>=1"));
        assert_eq!(split_commas("max(x, 1), 2"), ["max(x, 1)", "2"]);
    }
}
