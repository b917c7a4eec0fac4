//! The monitor as the user gives it.

use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::mesh::Mesh;
use crate::mesh::io::MeshFile;
use crate::mover::{ExactMonitor, FieldMonitor, Form, Monitor, Ring};
use clap::Args;
use std::path::PathBuf;

/// Where nodes are wanted
#[derive(Debug, Args)]
#[command(next_help_heading = "Monitor")]
pub(super) struct MonitorArgs {
    /// An expression in x, y, z, positive everywhere; constant; ring:A,B,R2[,CX,CY[,CZ]] for 1 + A/cosh(B(r^2 - R2))^2; ball:A,B[,CX,..];
    /// or of the derivatives of --of or --field: arc-length, gradient, hessian, optimal, optimal-h1; field (the values themselves)
    #[arg(long, value_name = "MONITOR", default_value = "optimal", allow_hyphen_values = true)]
    monitor: String,

    /// The function whose derivatives make the monitor
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    of: Option<String>,

    /// The point field whose derivatives, or values, make the monitor
    #[arg(long, value_name = "NAME")]
    field: Option<String>,

    /// The VTU file with the field [default: MESH]
    #[arg(long, value_name = "FILE", requires = "field")]
    from: Option<PathBuf>,

    /// a: how strongly derivatives count [default: 1 arc-length, optimal, optimal-h1; 10 gradient; 5 hessian]
    #[arg(long, value_name = "A")]
    amount: Option<f64>,
}

impl MonitorArgs {
    /// The monitor for the mesh of `file`.
    pub fn build(&self, file: &MeshFile) -> Result<Box<dyn Monitor>> {
        let form = Form::ALL.iter().find(|f| f.1 == self.monitor).map(|f| f.0);
        if form.is_none() && (self.of.is_some() || self.amount.is_some()) {
            let names: Vec<&str> = Form::ALL.iter().map(|f| f.1).collect();
            let what = format!("--of and --amount go with the monitors {}", names.join(", "));
            return Err(self.refuse(&what));
        }
        if form.is_none() && self.field.is_some() && self.monitor != "field" {
            return Err(self.refuse("takes no --field; the monitor field does, and those of derivatives"));
        }
        match (form, self.monitor.split_once(':')) {
            (Some(form), _) => self.of_derivatives(form, file),
            (None, Some(("ring", numbers))) => Ok(Box::new(self.ring(numbers, true, &file.mesh)?)),
            (None, Some(("ball", numbers))) => Ok(Box::new(self.ring(numbers, false, &file.mesh)?)),
            (None, _) if self.monitor == "field" => {
                let (mesh, values) = self.read_field(file)?;
                Ok(Box::new(FieldMonitor::of_values(&mesh, &values)?))
            }
            (None, _) if self.monitor == "constant" => Ok(Box::new(Expression::constant(1.0))),
            (None, _) => Ok(Box::new(Expression::parse(&self.monitor)?)),
        }
    }

    fn refuse(&self, what: &str) -> Error {
        Error::Option { option: "--monitor".into(), value: self.monitor.clone(), what: what.into() }
    }

    fn of_derivatives(&self, form: Form, file: &MeshFile) -> Result<Box<dyn Monitor>> {
        let amount = self.amount.unwrap_or(form.usual_amount());
        match (&self.of, &self.field) {
            (Some(text), None) => Ok(Box::new(ExactMonitor::new(&Expression::parse(text)?, form, amount, &file.mesh)?)),
            (None, Some(_)) => {
                let (mesh, values) = self.read_field(file)?;
                Ok(Box::new(FieldMonitor::of_function(&mesh, &values, form, amount)?))
            }
            _ => Err(self.refuse("needs a function: give either --of EXPR or --field NAME")),
        }
    }

    /// The scalar field and the mesh it is on.
    fn read_field(&self, file: &MeshFile) -> Result<(Mesh, Vec<f64>)> {
        let Some(name) = &self.field else { return Err(self.refuse("needs --field NAME")) };
        let other = self.from.as_ref().map(crate::mesh::io::read).transpose()?;
        let file = other.as_ref().unwrap_or(file);
        match file.point_data.iter().find(|f| f.name == *name) {
            Some(field) if field.components == 1 => Ok((file.mesh.clone(), field.values.clone())),
            found => {
                let names: Vec<&str> =
                    file.point_data.iter().filter(|f| f.components == 1).map(|f| f.name.as_str()).collect();
                let there = if names.is_empty() { "none".into() } else { names.join(", ") };
                let what = if found.is_some() { "is no scalar field" } else { "is no field of the file" };
                Err(Error::Option {
                    option: "--field".into(),
                    value: name.clone(),
                    what: format!("{what}; scalar point fields: {there}"),
                })
            }
        }
    }

    /// A ring or ball, in the middle of the mesh where no place is given.
    fn ring(&self, numbers: &str, has_radius: bool, mesh: &Mesh) -> Result<Ring> {
        let given: std::result::Result<Vec<f64>, _> = numbers.split(',').map(|n| n.trim().parse::<f64>()).collect();
        let first = if has_radius { 3 } else { 2 };
        let form = if has_radius { "ring:A,B,R2[,CX,CY[,CZ]]" } else { "ball:A,B[,CX,CY[,CZ]]" };
        let given = given.map_err(|e| self.refuse(&format!("is not of the form {form} ({e})")))?;
        let centre = given.get(first..).unwrap_or_default();
        if given.len() < first || (!centre.is_empty() && centre.len() != mesh.dimension()) {
            return Err(self.refuse(&format!("is not of the form {form} on a mesh of dimension {}", mesh.dimension())));
        }
        let bounds = mesh.bounds();
        let middle = |k: usize| centre.get(k).copied().unwrap_or(0.5 * (bounds.min[k] + bounds.max[k]));
        Ok(Ring {
            amplitude: given[0],
            sharpness: given[1],
            radius_squared: if has_radius { given[2] } else { 0.0 },
            centre: std::array::from_fn(middle),
        })
    }
}
