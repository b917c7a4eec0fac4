//! Problem files (TOML): an equation in u and its derivatives, a domain, conditions.
//!
//! ```toml
//! coordinates = ["x", "t"]                       # default x, y
//! residual = "u_t + u*u_x - 0.01/pi*u_xx"        # vanishes; u_x first, u_xt second derivatives
//! domain = { box = [[-1, 1], [0, 1]] }           # or { disc = {centre = [0, 0], radius = 1} }, { polygon = [[0, 0], ..] }, { mesh = "f.msh" }
//! hard = { value = "-sin(pi*x)", distance = "(1 - x^2)*t" }     # u = value + distance N; defaults 0 and the domain's own
//! exact = "..."                                  # optional, to measure errors
//! periodic = ["x"]                               # optional
//!
//! [unknowns]                                     # coefficients to be found, from these values
//! k = 1.0
//!
//! [[condition]]                                  # soft; on the whole boundary, or a side of a box
//! side = "x-"                                    # where x is lowest
//! dirichlet = "0"                                # or neumann = "g", or residual = "u_t"
//! weight = 10
//!
//! [[data]]                                       # measurements of u
//! points = [[0.5, 0.5]]
//! values = [1.0]
//! ```

use super::lift::Hard;
use super::{Condition, Domain, Form, Part, Problem, Residual, Site};
use crate::error::{Error, Place, Result};
use crate::expression::{Expression, Jet, Number, Written};
use crate::mesh::Mesh;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum DomainEntry {
    Box(Vec<[f64; 2]>),
    #[serde(alias = "ball")]
    Disc {
        centre: Vec<f64>,
        radius: f64,
    },
    Polygon(Vec<[f64; 2]>),
    Mesh(PathBuf),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct HardEntry {
    value: Option<Written>,
    distance: Option<Written>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionEntry {
    side: Option<String>,
    dirichlet: Option<Written>,
    neumann: Option<Written>,
    residual: Option<String>,
    weight: Option<f64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DataEntry {
    points: Vec<Vec<f64>>,
    values: Vec<f64>,
    weight: Option<f64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ProblemFile {
    coordinates: Option<Vec<String>>,
    residual: String,
    domain: DomainEntry,
    hard: Option<HardEntry>,
    exact: Option<Written>,
    #[serde(default)]
    periodic: Vec<String>,
    #[serde(default)]
    unknowns: BTreeMap<String, f64>,
    #[serde(default)]
    condition: Vec<ConditionEntry>,
    #[serde(default)]
    data: Vec<DataEntry>,
}

/// Reads a problem file.
///
/// Errors: what TOML, an expression or the domain has wrong, with the file and the entry; a boundary without a condition.
pub fn read_problem(path: impl AsRef<Path>) -> Result<Problem> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
    let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    parse_problem(&name, path, &text)
}

/// A problem of the text of a problem file; errors name it as `path`.
pub fn parse_problem(name: &str, path: &Path, text: &str) -> Result<Problem> {
    let file: ProblemFile = toml::from_str(text).map_err(|e: toml::de::Error| {
        let place = e.span().map_or(Place::File, |s| Place::Line(text[..s.start].matches('\n').count() + 1));
        Error::file(path, place, e.message(), "docs/pinn.md tells what a problem file holds")
    })?;
    Reader { path, names: Names::of(&file) }.problem(name, file)
}

/// The names an expression may use.
struct Names {
    coordinates: Vec<String>,
    forms: Vec<(usize, usize)>,
    unknowns: Vec<String>,
}

impl Names {
    fn of(file: &ProblemFile) -> Self {
        let coordinates = file.coordinates.clone().unwrap_or_else(|| vec!["x".into(), "y".into()]);
        let texts = || file.condition.iter().filter_map(|c| c.residual.as_deref()).chain([file.residual.as_str()]);
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = || texts().flat_map(|t| t.split(|c| !is_word(c)));
        let mut forms = Vec::new();
        for i in 0..coordinates.len() {
            for j in 0..coordinates.len() {
                let name = format!("u_{}{}", coordinates[i], coordinates[j]);
                let pair = (i.min(j), i.max(j));
                if words().any(|w| w == name) && !forms.contains(&pair) {
                    forms.push(pair);
                }
            }
        }
        Names { coordinates, forms, unknowns: file.unknowns.keys().cloned().collect() }
    }

    /// Coordinates, u, its derivatives, unknowns: the order of an [`Equation`]'s values.
    fn all(&self) -> Vec<String> {
        let c = &self.coordinates;
        let first = c.iter().map(|c| format!("u_{c}"));
        let second = self.forms.iter().map(|(i, j)| format!("u_{}{}", c[*i], c[*j]));
        c.iter().cloned().chain(["u".to_string()]).chain(first).chain(second).chain(self.unknowns.clone()).collect()
    }
}

struct Reader<'a> {
    path: &'a Path,
    names: Names,
}

impl Reader<'_> {
    fn refuse(&self, entry: &str, what: impl Into<String>, help: &str) -> Error {
        Error::file(self.path, Place::Section(entry.into()), what, help)
    }

    /// An expression in the coordinates.
    fn function(&self, entry: &str, text: &str) -> Result<Expression> {
        let names: Vec<&str> = self.names.coordinates.iter().map(String::as_str).collect();
        Expression::parse_in(text, &names).map_err(|e| self.refuse(entry, e.to_string(), "correct the expression"))
    }

    /// An expression that vanishes; d/dn stands for the normal derivative less `flux`.
    fn equation(&self, entry: &str, text: &str, flux: bool) -> Result<Box<dyn Residual>> {
        let names = self.names.all();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let expression = Expression::parse_in(text, &names).map_err(|e| {
            let help = "first derivatives are u_x, second ones u_xx or u_xy; coefficients stand under [unknowns]";
            self.refuse(entry, e.to_string(), help)
        })?;
        let d = self.names.coordinates.len();
        let of: Vec<usize> = (0..names.len() - d).filter(|k| expression.depends_on(d + k)).collect();
        Ok(Box::new(Equation { expression, dimension: d, channels: 1 + d + self.names.forms.len(), of, flux }))
    }

    fn domain(&self, entry: DomainEntry) -> Result<(Domain, Option<Mesh>)> {
        let mut mesh = None;
        let domain = match entry {
            DomainEntry::Box(bounds) => Domain::Box(bounds),
            DomainEntry::Disc { centre, radius } => Domain::Ball { centre, radius },
            DomainEntry::Polygon(corners) => Domain::polygon(&corners),
            DomainEntry::Mesh(file) => {
                let beside = self.path.parent().unwrap_or(Path::new("")).join(&file);
                Domain::mesh(mesh.insert(crate::mesh::io::read(beside)?.mesh))?
            }
        };
        domain.check().map_err(|e| self.refuse("domain", e.to_string(), "give it a volume"))?;
        if domain.dimension() != self.names.coordinates.len() {
            let (d, c) = (domain.dimension(), self.names.coordinates.len());
            let what = format!("has {d} dimensions, but there are {c} coordinates");
            return Err(self.refuse(
                "domain",
                what,
                "name one coordinate for each dimension: coordinates = [\"x\", \"t\"]",
            ));
        }
        Ok((domain, mesh))
    }

    /// `x-` or `x+`
    fn side(&self, entry: &str, name: &str, domain: &Domain) -> Result<Part> {
        let sides = || self.names.coordinates.iter().flat_map(|c| [format!("{c}-"), format!("{c}+")]);
        let at = sides().position(|s| s == name).filter(|_| matches!(domain, Domain::Box(_)));
        let at = at.ok_or_else(|| {
            let all = sides().collect::<Vec<_>>().join(", ");
            self.refuse(
                entry,
                format!("there is no side \"{name}\""),
                &format!("the sides of a box are {all}; others have none"),
            )
        })?;
        Ok(Part::Side { axis: at / 2, high: at % 2 == 1 })
    }

    fn condition(&self, k: usize, entry: &ConditionEntry, domain: &Domain) -> Result<Condition> {
        let name = format!("condition {}", k + 1);
        let part = entry.side.as_ref().map_or(Ok(Part::Whole), |side| self.side(&name, side, domain))?;
        let residual = match (&entry.dirichlet, &entry.neumann, &entry.residual) {
            (Some(g), None, None) => self.equation(&name, &format!("u - ({})", g.text()), false)?,
            (None, Some(g), None) => self.equation(&name, &format!("-({})", g.text()), true)?,
            (None, None, Some(text)) => self.equation(&name, text, false)?,
            _ => {
                return Err(self.refuse(
                    &name,
                    "says nothing, or more than one thing",
                    "give one of dirichlet, neumann, residual",
                ));
            }
        };
        Ok(Condition { name, part, weight: entry.weight.unwrap_or(1.0), residual })
    }

    fn data(&self, k: usize, entry: &DataEntry, domain: &Domain) -> Result<Condition> {
        let (name, d) = (format!("data {}", k + 1), domain.dimension());
        if entry.points.is_empty()
            || entry.points.len() != entry.values.len()
            || entry.points.iter().any(|p| p.len() != d)
        {
            let what = format!("has {} points and {} values", entry.points.len(), entry.values.len());
            return Err(self.refuse(&name, what, &format!("give points of {d} coordinates and a value for each")));
        }
        let points = entry.points.concat();
        let measured = Measured { points: points.clone(), values: entry.values.clone() };
        Ok(Condition {
            name,
            part: Part::Points(points),
            weight: entry.weight.unwrap_or(1.0),
            residual: Box::new(measured),
        })
    }

    fn problem(&self, name: &str, file: ProblemFile) -> Result<Problem> {
        let (domain, mesh) = self.domain(file.domain)?;
        let equation = self.equation("residual", &file.residual, false)?;
        let d = domain.dimension();
        if let Some(unknown) = file.periodic.iter().find(|p| !self.names.coordinates.contains(p)) {
            return Err(self.refuse("periodic", format!("names no coordinate \"{unknown}\""), "list coordinates"));
        }
        let periodic: Vec<bool> = self.names.coordinates.iter().map(|c| file.periodic.contains(c)).collect();
        let conditions = file.condition.iter().enumerate().map(|(k, c)| self.condition(k, c, &domain));
        let data = file.data.iter().enumerate().map(|(k, c)| self.data(k, c, &domain));
        let conditions: Vec<Condition> = conditions.chain(data).collect::<Result<_>>()?;
        if file.hard.is_none() && file.condition.is_empty() && periodic.contains(&false) {
            let help = "add hard = {} for u = 0 on the whole boundary, or a [[condition]]";
            return Err(self.refuse("condition", "is missing: nothing is said of u on the boundary", help));
        }
        let lift = file.hard.map(|h| self.hard(&h, &domain)).transpose()?;
        let exact = file.exact.map(|e| self.function("exact", &e.text())).transpose()?;
        let exact = exact.map(|e| Box::new(move |x: &[f64]| e.eval_at(x)) as super::Function);
        let forms = self.names.forms.iter().map(|(i, j)| Form::second(*i, *j)).collect();
        let unknowns = file.unknowns.into_iter().collect();
        let coordinates = self.names.coordinates.clone();
        debug_assert_eq!(d, coordinates.len());
        Ok(Problem {
            name: name.into(),
            coordinates,
            domain,
            mesh,
            periodic,
            forms,
            equation,
            lift,
            conditions,
            exact,
            unknowns,
        })
    }

    fn hard(&self, entry: &HardEntry, domain: &Domain) -> Result<Box<dyn super::Lift>> {
        if domain.dimension() > 3 && (entry.value.is_some() || entry.distance.is_some()) {
            return Err(self.refuse(
                "hard",
                "takes expressions in up to 3 coordinates",
                "leave value and distance out",
            ));
        }
        if entry.distance.is_none() && matches!(domain, Domain::Region(_)) {
            let help = "give distance = \"...\", zero on the boundary, or use a [[condition]]";
            return Err(self.refuse("hard", "needs a distance: only boxes and balls bring their own", help));
        }
        let text = |v: &Option<Written>| v.as_ref().map(|v| self.function("hard", &v.text())).transpose();
        Ok(Box::new(Hard { value: text(&entry.value)?, distance: text(&entry.distance)?, domain: domain.clone() }))
    }
}

/// A residual as an expression.
struct Equation {
    expression: Expression,
    dimension: usize,
    channels: usize,
    /// The channels and coefficients it depends on.
    of: Vec<usize>,
    /// Whether the normal derivative is added.
    flux: bool,
}

impl Residual for Equation {
    fn residual(&self, site: Site, u: &[f64], c: &[f64], partials: &mut [f64]) -> f64 {
        let d = self.dimension;
        let values: Vec<f64> = site.x.iter().chain(u).chain(c).copied().collect();
        debug_assert_eq!(u.len(), self.channels);
        let mut jets: Vec<Jet> = values.iter().map(|v| Jet::constant(*v)).collect();
        let mut r = if self.of.is_empty() { self.expression.eval_at(&values) } else { 0.0 };
        // Three partial derivatives at a time.
        for of in self.of.chunks(3) {
            of.iter().enumerate().for_each(|(axis, k)| jets[d + k] = Jet::variable(values[d + k], axis));
            let jet = self.expression.eval_at(&jets);
            r = jet.value;
            of.iter().enumerate().for_each(|(axis, k)| partials[*k] = jet.gradient[axis]);
            of.iter().for_each(|k| jets[d + k] = Jet::constant(values[d + k]));
        }
        if self.flux {
            for i in 0..d {
                r += site.normal[i] * u[1 + i];
                partials[1 + i] += site.normal[i];
            }
        }
        r
    }
}

/// u less what was measured.
struct Measured {
    points: Vec<f64>,
    values: Vec<f64>,
}

impl Residual for Measured {
    fn residual(&self, site: Site, u: &[f64], _: &[f64], partials: &mut [f64]) -> f64 {
        partials[0] = 1.0;
        let at = self.points.chunks_exact(site.x.len()).position(|p| p == site.x);
        u[0] - at.map_or(u[0], |i| self.values[i])
    }
}
