//! A saved run (`filet bench --json > saved.json`) beside a new one.

use super::row::Row;
use crate::error::{Error, Place, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The total time of a row, now and in a saved run.
pub(super) struct Change {
    /// Seconds then.
    pub before: f64,
    /// New over old.
    pub ratio: f64,
    /// Iterations then.
    iterations: u64,
    /// Whether the quartiles of the two overlap: then nothing can be said.
    alike: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match (self.alike, self.ratio < 1.0) {
            (true, _) => "alike",
            (false, true) => "faster",
            (false, false) => "slower",
        };
        let before = crate::report::format::seconds(self.before);
        write!(f, "{before} ({}), {:.2} {word}", self.iterations, self.ratio)
    }
}

/// The rows of a saved run by their keys.
pub(super) struct Saved {
    rows: BTreeMap<String, Value>,
    /// The memory bandwidth then, in GB/s.
    pub triad: Option<f64>,
}

impl Saved {
    pub fn read(path: &Path) -> Result<Saved> {
        let fault = |place, what: String| {
            Error::file(path, place, what, "compare with what `filet bench --json` of this version wrote")
        };
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
        let run: Value = serde_json::from_str(&text).map_err(|e| fault(Place::Line(e.line()), e.to_string()))?;
        let rows = run["rows"].as_array().ok_or_else(|| fault(Place::File, "has no list \"rows\"".into()))?;
        let mut saved = Saved { rows: BTreeMap::new(), triad: run["triad_gb_s"].as_f64() };
        for (i, row) in rows.iter().enumerate() {
            let key = key(row).ok_or_else(|| {
                fault(Place::Section(format!("row {i}")), "lacks problem, method, rtol, threads or seconds".into())
            })?;
            saved.rows.insert(key, row.clone());
        }
        Ok(saved)
    }

    /// Sets what has changed in each row; gives the rows of then that are missing now.
    pub fn compare(&self, rows: &mut [Row]) -> Vec<&str> {
        for row in rows.iter_mut() {
            row.change = self.rows.get(&row.key()).and_then(|old| {
                let before = old["seconds"]["total"].as_f64()?;
                let [low, high] = [0, 1].map(|i| old["quartiles"]["total"][i].as_f64().unwrap_or(before));
                Some(Change {
                    before,
                    ratio: row.total.median / before,
                    iterations: old["iterations"].as_u64().unwrap_or(0),
                    alike: row.total.low <= high && low <= row.total.high,
                })
            });
        }
        let now: Vec<String> = rows.iter().map(Row::key).collect();
        self.rows.keys().map(String::as_str).filter(|key| !now.iter().any(|n| n == key)).collect()
    }
}

/// As [`Row::key`].
fn key(row: &Value) -> Option<String> {
    row["seconds"]["total"].as_f64()?;
    let [problem, method] = [row["problem"].as_str()?, row["method"].as_str()?];
    Some(format!("{problem} {method} {:e} {}", row["rtol"].as_f64()?, row["threads"].as_u64()?))
}
