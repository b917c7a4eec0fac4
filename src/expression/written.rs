//! Numbers and expressions as problem files write them.

/// A number or the text of an expression.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(untagged)]
pub enum Written {
    /// A number.
    Number(f64),
    /// An expression, not yet parsed.
    Text(String),
}

impl Written {
    /// The text of either.
    pub fn text(&self) -> String {
        match self {
            Written::Number(v) => v.to_string(),
            Written::Text(t) => t.clone(),
        }
    }
}
