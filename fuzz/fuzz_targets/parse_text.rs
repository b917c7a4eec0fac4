#![no_main]
//! Expressions and problem files must neither panic nor hang nor allocate without measure, whatever the text.

use filet::expression::Expression;
use filet::pinn::parse_problem;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    if let Ok(expression) = Expression::parse_in(text, &["x", "y", "u"]) {
        let _ = expression.eval_at(&[0.5, -1.0, 2.0]);
    }
    let _ = parse_problem("fuzz", Path::new("fuzz.toml"), text);
});
