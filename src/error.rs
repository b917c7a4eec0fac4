//! The one error type: what was wrong, with the numbers, the file and the place, and what to do about it.

use crate::words::meant;
use std::fmt;
use std::path::{Path, PathBuf};

/// The result of anything in filet that can go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// Where in a file something was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere in particular: the file as a whole.
    File,
    /// A line, counted from 1.
    Line(usize),
    /// A byte offset, counted from 0.
    Byte(usize),
    /// A named section, element or attribute.
    Section(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => Ok(()),
            Place::Line(n) => write!(f, ", line {n}"),
            Place::Byte(n) => write!(f, ", byte {n}"),
            Place::Section(s) => write!(f, ", {s}"),
        }
    }
}

/// Everything that can be wrong with input, data or the machine. Not converging is not here: it is an
/// [`Outcome`](crate::solver::Outcome).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `"read"`, `"write"`, ...
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's content is not what its format asks for.
    #[error("{path}{place}: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// What is wrong, with the numbers.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// A boundary or cell group was named that the mesh does not have.
    #[error("the mesh has no group \"{name}\"")]
    UnknownGroup {
        /// The name asked for.
        name: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// A mesh cannot be used for what was asked.
    #[error("mesh: {what}")]
    Mesh {
        /// What is wrong, with cell numbers and places.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// An expression does not parse, or names something unknown.
    #[error("expression \"{text}\": {what}")]
    Expression {
        /// The expression as given.
        text: String,
        /// What is wrong.
        what: String,
    },
    /// Problem data are not usable: a coefficient that is not positive, a value that is not finite, data that are
    /// incompatible.
    #[error("problem: {what}")]
    Problem {
        /// What is wrong, with the point and the value.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// A matrix is not what the method needs (square, symmetric positive definite).
    #[error("matrix: {what}")]
    Matrix {
        /// What is wrong, with the row and the value.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// An option has a value that makes no sense.
    #[error("{option} {value}: {what}")]
    Option {
        /// The option as the user writes it.
        option: String,
        /// The value given.
        value: String,
        /// What is wrong and what is allowed.
        what: String,
    },
    /// The device asked for is not there, or failed.
    #[error("cuda: {what}")]
    Device {
        /// What is missing or went wrong.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// The solver stopped before the asked-for accuracy and the caller required it.
    #[error("the solver did not converge: {outcome} after {iterations} iterations, relative residual {residual:.1e}")]
    NotConverged {
        /// How it ended.
        outcome: String,
        /// Iterations made.
        iterations: usize,
        /// The last relative residual.
        residual: f64,
    },
}

impl Error {
    /// An [`Error::Io`].
    pub fn io(path: impl AsRef<Path>, action: &'static str, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), action, source }
    }

    /// An [`Error::File`].
    pub fn file(path: impl AsRef<Path>, place: Place, what: impl Into<String>, help: impl Into<String>) -> Self {
        Error::File { path: path.as_ref().to_path_buf(), place, what: what.into(), help: help.into() }
    }

    /// What the user can do about it, where there is more to say than the message does.
    pub fn help(&self) -> Option<String> {
        match self {
            Error::File { help, .. }
            | Error::Mesh { help, .. }
            | Error::Problem { help, .. }
            | Error::Matrix { help, .. }
            | Error::Device { help, .. } => (!help.is_empty()).then(|| help.clone()),
            Error::UnknownGroup { available, .. } if available.is_empty() => {
                Some("this mesh has no groups; leave the group name out to mean the whole boundary".into())
            }
            Error::UnknownGroup { name, available } => {
                let near = meant(name, available.iter().map(String::as_str));
                Some(format!("its groups are: {}{near}", available.join(", ")))
            }
            Error::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Some("check the path".into()),
                std::io::ErrorKind::PermissionDenied => Some("check the permissions of the file and its folder".into()),
                std::io::ErrorKind::InvalidData => Some("it is no text: give another file".into()),
                std::io::ErrorKind::StorageFull => {
                    Some("free some space or write elsewhere; nothing was left half written".into())
                }
                _ => None,
            },
            Error::NotConverged { .. } => {
                Some("raise the iteration limit, loosen the tolerance or take another preconditioner".into())
            }
            Error::Expression { .. } => {
                Some("use numbers, x, y, z, pi, e, + - * / ^, and functions such as sin, exp, sqrt".into())
            }
            _ => None,
        }
    }
}
