//! The lines above the picture of a field.

use super::colour::GREY;
use super::page::{Page, Text};
use super::text::{self, Anchor};
use crate::error::Error;

/// Room for the title, where there is one, and the line under it.
pub fn height(title: &str, em: f64) -> f64 {
    if title.is_empty() { 3.4 * em } else { 5.0 * em }
}

/// Draws the title and, smaller, a line of facts.
pub fn draw(page: &mut Page, title: &str, facts: &str) {
    let em = page.text_size;
    let (middle, room) = (0.5 * f64::from(page.width), f64::from(page.width) - 2.0 * em);
    let mut baseline = 1.7 * em;
    if !title.is_empty() {
        let size = 1.2 * em;
        page.text(Text::new([middle, baseline], text::fit(title, size, room), size, Anchor::Middle));
        baseline += 1.5 * em;
    }
    let size = 0.85 * em;
    page.text(Text::new([middle, baseline], text::fit(facts, size, room), size, Anchor::Middle).colour(GREY));
}

/// The error for a mesh that leaves no mark on the page.
pub fn nothing_to_see(what: &str) -> Error {
    Error::Mesh { what: what.into(), help: "a picture needs cells that are not degenerate".into() }
}
