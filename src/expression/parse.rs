//! Recursive-descent parser: text -> postfix program, constants folded.

use super::Op;
use super::number::{Binary, FUNCTIONS, Function, Number, Unary};
use crate::error::{Error, Result};
use crate::words::meant;

/// Nesting deeper than this is refused, so that no input can overflow the stack.
const MAX_DEPTH: usize = 200;

struct Parser<'a> {
    text: &'a str,
    names: &'a [&'a str],
    at: usize,
    depth: usize,
    program: Vec<Op>,
}

/// The postfix program of `text`; `names` are those of the variables.
pub(super) fn parse(text: &str, names: &[&str]) -> Result<Vec<Op>> {
    let mut parser = Parser { text, names, at: 0, depth: 0, program: Vec::new() };
    if text.trim().is_empty() {
        return Err(parser.error("it is empty".into()));
    }
    parser.or()?;
    match parser.peek() {
        None => Ok(parser.program),
        Some(c) => Err(parser.error(format!("unexpected \"{c}\" at column {}", parser.at + 1))),
    }
}

impl Parser<'_> {
    fn error(&self, what: String) -> Error {
        Error::Expression { text: self.text.trim().to_string(), what }
    }

    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    /// Takes the first of `tokens` that comes next; list longer ones first.
    fn accept(&mut self, tokens: &[(&str, Binary)]) -> Option<Binary> {
        self.peek();
        let (token, op) = tokens.iter().find(|(t, _)| self.text[self.at..].starts_with(t))?;
        self.at += token.len();
        Some(*op)
    }

    fn expect(&mut self, c: char) -> Result<()> {
        match self.peek() {
            Some(next) if next == c => self.at += 1,
            Some(next) => {
                return Err(self.error(format!("expected \"{c}\" but found \"{next}\" at column {}", self.at + 1)));
            }
            None => return Err(self.error(format!("it ends where \"{c}\" is expected"))),
        }
        Ok(())
    }

    fn push_unary(&mut self, f: Unary) {
        match self.program.last_mut() {
            Some(Op::Constant(v)) => *v = v.unary(f),
            _ => self.program.push(Op::Unary(f)),
        }
    }

    fn push_binary(&mut self, f: Binary) {
        if let [.., Op::Constant(a), Op::Constant(b)] = self.program[..] {
            self.program.truncate(self.program.len() - 2);
            self.program.push(Op::Constant(a.binary(f, b)));
        } else {
            self.program.push(Op::Binary(f));
        }
    }

    fn chain(&mut self, ops: &[(&str, Binary)], next: fn(&mut Self) -> Result<()>) -> Result<()> {
        next(self)?;
        while let Some(op) = self.accept(ops) {
            next(self)?;
            self.push_binary(op);
        }
        Ok(())
    }

    fn or(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("it nests deeper than {MAX_DEPTH} levels; a \")\" may be missing")));
        }
        self.chain(&[("||", Binary::Or)], |p| p.chain(&[("&&", Binary::And)], Self::comparison))?;
        self.depth -= 1;
        Ok(())
    }

    fn comparison(&mut self) -> Result<()> {
        const OPS: [(&str, Binary); 6] = [
            ("<=", Binary::LessEqual),
            (">=", Binary::GreaterEqual),
            ("==", Binary::Equal),
            ("!=", Binary::NotEqual),
            ("<", Binary::Less),
            (">", Binary::Greater),
        ];
        self.sum()?;
        if let Some(op) = self.accept(&OPS) {
            self.sum()?;
            self.push_binary(op);
        }
        Ok(())
    }

    fn sum(&mut self) -> Result<()> {
        self.chain(&[("+", Binary::Add), ("-", Binary::Subtract)], Self::product)
    }

    fn product(&mut self) -> Result<()> {
        self.sign()?;
        loop {
            if self.peek().is_some() && self.text[self.at..].starts_with("**") {
                return Ok(());
            }
            let ops = [("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Remainder)];
            let Some(op) = self.accept(&ops) else { return Ok(()) };
            self.sign()?;
            self.push_binary(op);
        }
    }

    fn sign(&mut self) -> Result<()> {
        let mut signs = Vec::new();
        loop {
            match self.peek() {
                Some('-') => signs.push(Unary::Negate),
                Some('!') => signs.push(Unary::Not),
                Some('+') => {}
                _ => break,
            }
            self.at += 1;
            if signs.len() > MAX_DEPTH {
                return Err(self.error(format!("more than {MAX_DEPTH} signs in a row")));
            }
        }
        self.power()?;
        signs.into_iter().rev().for_each(|s| self.push_unary(s));
        Ok(())
    }

    fn power(&mut self) -> Result<()> {
        self.atom()?;
        if self.accept(&[("^", Binary::Power), ("**", Binary::Power)]).is_some() {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error(format!("more than {MAX_DEPTH} powers of powers")));
            }
            self.sign()?;
            self.depth -= 1;
            self.push_binary(Binary::Power);
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<()> {
        match self.peek() {
            None => Err(self.error("it ends where a number, a name or \"(\" is expected".into())),
            Some('(') => {
                self.at += 1;
                self.or()?;
                self.expect(')')
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.name(),
            Some(c) => Err(self.error(format!("unexpected \"{c}\" at column {}", self.at + 1))),
        }
    }

    fn number(&mut self) -> Result<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut end = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        if rest.get(end).is_some_and(|b| matches!(b, b'e' | b'E')) {
            let sign = usize::from(rest.get(end + 1).is_some_and(|b| matches!(b, b'+' | b'-')));
            let digits = rest[end + 1 + sign..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits > 0 {
                end += 1 + sign + digits;
            }
        }
        let token = &self.text[self.at..self.at + end];
        let value = token
            .parse::<f64>()
            .map_err(|_| self.error(format!("\"{token}\" at column {} is not a number", self.at + 1)))?;
        self.at += end;
        self.program.push(Op::Constant(value));
        Ok(())
    }

    fn name(&mut self) -> Result<()> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, column) = (rest[..end].to_string(), self.at + 1);
        self.at += end;
        if let Some(variable) = self.names.iter().position(|n| *n == name) {
            self.program.push(Op::Variable(variable));
            return Ok(());
        }
        let op = match name.as_str() {
            "pi" | "PI" => Op::Constant(std::f64::consts::PI),
            "e" | "E" => Op::Constant(std::f64::consts::E),
            _ => return self.call(&name, column),
        };
        self.program.push(op);
        Ok(())
    }

    fn call(&mut self, name: &str, column: usize) -> Result<()> {
        let Some((_, function)) = FUNCTIONS.iter().find(|(n, _)| *n == name) else {
            let functions = FUNCTIONS.iter().map(|(n, _)| *n);
            let known: Vec<&str> = self.names.iter().map(|n| &**n).chain(["pi", "e"]).chain(functions).collect();
            let near = meant(name, known.iter().copied());
            let known = known.join(", ");
            return Err(self.error(format!("unknown name \"{name}\" at column {column}; known are {known}{near}")));
        };
        self.expect('(')?;
        self.or()?;
        let mut given = 1;
        while self.peek() == Some(',') {
            self.at += 1;
            self.or()?;
            given += 1;
        }
        self.expect(')')?;
        let wanted = match function {
            Function::Unary(_) => 1,
            Function::Binary(_) => 2,
            Function::Select => 3,
        };
        if given != wanted {
            return Err(self.error(format!("{name} at column {column} takes {wanted} arguments, not {given}")));
        }
        match function {
            Function::Unary(f) => self.push_unary(*f),
            Function::Binary(f) => self.push_binary(*f),
            Function::Select => self.program.push(Op::Select),
        }
        Ok(())
    }
}
