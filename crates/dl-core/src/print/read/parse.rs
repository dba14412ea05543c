//! From LaTeX to the parts of formulas: the printer's own spellings and levels, read backwards.

use crate::ops::binary::BINARY;
use crate::ops::unary::UNARY;
use crate::ops::{Binary, Reduce, Unary};
use crate::print::form::Along;
use crate::print::piece::Level;
use crate::print::read::names::{Known, Names};
use crate::print::read::split::{is_index, top_level};
use crate::print::read::syntax::{Kind, Syntax, labels};
use crate::print::read::{LatexError, Result, error};
use crate::print::template::{Part, Template};

/// Formulas within formulas at most.
const DEEPEST: usize = 100;

pub(super) struct Parser<'t, 'g> {
    text: &'t str,
    at: usize,
    depth: usize,
    pub(super) names: Names<'g>,
    /// Functions by how they begin, the longest beginning first, with how they end and the level of the argument.
    functions: Vec<(&'static str, &'static str, Level, Unary)>,
    /// Functions of two arguments by how they begin, with what stands between the arguments and how they end.
    pairs: Vec<([&'static str; 3], Binary)>,
    infix: Vec<(String, Level, Binary)>,
}

type Read<'t, 'g> = Result<Syntax<'t, 'g>>;

impl<'t, 'g> Parser<'t, 'g> {
    pub(super) fn new(text: &'t str, names: Names<'g>) -> Self {
        let mut functions = vec![];
        for row in UNARY {
            let template = Template::read(row.latex);
            if let [Part::Text(before), Part::Slot { place, .. }, Part::Text(after)] = template.parts[..]
                && row.op != Unary::Expm1
            {
                functions.push((before, after, place.after.unwrap_or(Level::Or), row.op));
            }
        }
        functions.sort_by_key(|(before, ..)| std::cmp::Reverse(before.len()));
        let (mut infix, mut pairs) = (vec![], vec![]);
        for row in BINARY {
            let template = Template::read(row.latex);
            if let [
                Part::Text(before),
                Part::Slot { .. },
                Part::Text(between),
                Part::Slot { .. },
                Part::Text(after),
            ] = template.parts[..]
                && row.op != Binary::Div
                && row.op != Binary::Pow
            {
                pairs.push(([before, between, after], row.op));
            }
            if let Some(sign) = template.infix() {
                infix.push((format!(" {sign} "), template.level, row.op));
            }
        }
        Parser { text, at: 0, depth: 0, names, functions, pairs, infix }
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.text.len()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<()> {
        if self.eat(text) { Ok(()) } else { self.unexpected(text) }
    }

    pub(super) fn unexpected<T>(&self, expected: &str) -> Result<T> {
        let found: String = self.rest().chars().take(12).collect();
        let found = if found.is_empty() { "the end".into() } else { found.escape_debug().to_string() };
        error(
            self.at,
            format!("expected {}, found {found}", expected.escape_debug().to_string().replace("\\\\", "\\")),
        )
    }

    /// The left side, if there is one, and whether it is updated.
    pub(super) fn left(&mut self, aligned: bool) -> Result<Option<(&'t str, bool)>> {
        let and = if aligned { "&" } else { "" };
        let line = self.rest().split('\n').next().unwrap_or_default();
        let mut depth = 0i32;
        for (i, c) in line.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ' ' if depth == 0 => {
                    let left = &line[..i];
                    for (sign, update) in [("=", false), ("\\leftarrow", true)] {
                        let sign = format!(" {and}{sign} ");
                        if !left.is_empty() && line[i..].starts_with(&sign) {
                            self.at += i + sign.len();
                            return Ok(Some((left, update)));
                        }
                    }
                    break;
                }
                _ => {}
            }
        }
        if aligned {
            self.expect("&")?;
        }
        Ok(None)
    }

    /// What a derivation says of where a value comes from: `\operatorname{f}\left(…\right) = `, if that stands here.
    pub(super) fn call(&mut self) -> Result<()> {
        let start = self.at;
        if !self.eat("\\operatorname{") {
            return Ok(());
        }
        self.braces()?;
        let mut is_call = self.eat("\\left(");
        while is_call {
            // A function that is part of the value may have arguments that are no formulas.
            is_call = self.formula().is_ok();
            if !self.eat(", ") {
                break;
            }
        }
        if !(is_call && self.eat("\\right) = ")) {
            self.at = start;
        }
        Ok(())
    }

    /// A formula, of whatever binds loosest.
    pub(super) fn formula(&mut self) -> Read<'t, 'g> {
        if self.depth == DEEPEST {
            return error(self.at, format!("nested deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let read = self.level(Level::Or);
        self.depth -= 1;
        read
    }

    fn level(&mut self, level: Level) -> Read<'t, 'g> {
        match level {
            Level::Or => self.chain(level, Level::And),
            Level::And => self.chain(level, Level::Comparison),
            Level::Comparison => self.chain(level, Level::Sum),
            Level::Sum => self.chain(level, Level::Product),
            Level::Prefix | Level::Product => {
                let at = self.at;
                // A minus holds the first factor; it is the product's as well.
                if self.eat("-") {
                    let first = self.matrices()?;
                    let minus = Syntax { at, kind: Kind::Unary(Unary::Neg, Box::new(first)) };
                    return self.chained(minus, Level::Product, Level::Matrix);
                }
                self.chain(Level::Product, Level::Matrix)
            }
            Level::Matrix => self.matrices(),
            _ => self.power(),
        }
    }

    fn chain(&mut self, level: Level, inner: Level) -> Read<'t, 'g> {
        let first = self.level(inner)?;
        self.chained(first, level, inner)
    }

    fn chained(&mut self, first: Syntax<'t, 'g>, level: Level, inner: Level) -> Read<'t, 'g> {
        let (at, mut rest) = (first.at, vec![]);
        loop {
            let rows = self.infix.iter().filter(|(_, own, _)| *own == level);
            let found = rows.clone().find(|(sign, ..)| self.rest().starts_with(&**sign));
            let Some((length, op)) = found.map(|(sign, _, op)| (sign.len(), *op)) else { break };
            self.at += length;
            rest.push((op, self.level(inner)?));
            // Comparisons do not chain.
            if level == Level::Comparison {
                break;
            }
        }
        Ok(if rest.is_empty() { first } else { Syntax { at, kind: Kind::Chain(Box::new(first), rest) } })
    }

    fn matrices(&mut self) -> Read<'t, 'g> {
        let at = self.at;
        let mut factors = vec![self.power()?];
        while self.eat("\\,") {
            factors.push(self.power()?);
        }
        match factors.len() {
            1 => factors.pop().map_or_else(|| self.unexpected("a factor"), Ok),
            _ => Ok(Syntax { at, kind: Kind::Product(factors) }),
        }
    }

    /// Something with a subscript or a power, or neither.
    fn power(&mut self) -> Read<'t, 'g> {
        let at = self.at;
        let braced = self.eat("{");
        let mut x = if braced {
            let x = self.formula()?;
            self.expect("}")?;
            if !self.rest().starts_with(['^', '_']) {
                return self.unexpected("^ or _");
            }
            x
        } else {
            self.primary()?
        };
        if self.eat("_{") {
            x = self.subscripts(at, x)?;
        }
        if self.eat("^{\\top}") {
            return Ok(Syntax { at, kind: Kind::Transpose(Box::new(x)) });
        }
        if !braced && self.eat("^{2}") {
            return Ok(Syntax { at, kind: Kind::Square(Box::new(x)) });
        }
        if self.eat("^{") {
            if !braced && !matches!(x.kind, Kind::At { .. }) {
                return error(self.at, "expected the power of what stands in braces, 2 or \\top");
            }
            let y = self.formula()?;
            self.expect("}")?;
            let two = matches!(y.kind, Kind::Number(2.0));
            let kind = match two {
                true => Kind::Square(Box::new(x)),
                false => Kind::Binary(Binary::Pow, Box::new(x), Box::new(y)),
            };
            return Ok(Syntax { at, kind });
        }
        Ok(x)
    }

    /// The text up to the brace that closes.
    fn braces(&mut self) -> Result<&'t str> {
        let (start, mut depth, mut escaped) = (self.at, 0usize, false);
        for (i, c) in self.rest().char_indices() {
            match c {
                _ if escaped => {}
                '{' => depth += 1,
                '}' if depth == 0 => {
                    self.at = start + i + 1;
                    return Ok(&self.text[start..start + i]);
                }
                '}' => depth -= 1,
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        error(start, "expected a closing brace")
    }

    /// What stands below: indices, ranges, or a value at the end.
    fn subscripts(&mut self, at: usize, x: Syntax<'t, 'g>) -> Read<'t, 'g> {
        let start = self.at;
        let subscripts = self.braces()?;
        let end = self.at;
        let last = top_level(subscripts, ", ").last().copied().unwrap_or_default();
        let mut value = None;
        let is_range = last.contains(':') && !last.contains('{');
        if !is_range {
            self.at = start + subscripts.len() - last.len();
            let is_name = self.names.first(last).is_some();
            // Labels of contractions and indices are no names.
            if is_name || last.len() > 1 && labels(last).is_none() && !is_index(last) {
                value = Some(Box::new(self.formula()?));
                self.expect("}")?;
                if self.at != end {
                    return error(self.at, "expected the end of the subscript");
                }
            }
            self.at = end;
        }
        Ok(Syntax { at, kind: Kind::At { x: Box::new(x), subscripts, last: value } })
    }

    fn primary(&mut self) -> Read<'t, 'g> {
        let at = self.at;
        let pair = self.pairs.iter().find(|([before, ..], _)| self.rest().starts_with(before)).copied();
        if let Some(([before, between, after], op)) = pair {
            self.at += before.len();
            let (x, y) = (self.inside(between)?, self.inside(after)?);
            return Ok(Syntax { at, kind: Kind::Binary(op, x, y) });
        }
        let found = self.names.first(self.rest()).map(|(name, known)| (name, known.clone()));
        if let Some((name, known)) = found {
            // The same letters begin the logistic function and the digamma function.
            if !self.rest()[name.len()..].starts_with("\\left(") {
                self.at += name.len();
                if name == "e" && self.rest().starts_with("^{") {
                    return error(at, "e is a name here and a number: expected another name");
                }
                let kind = match known {
                    Known::Value(x) => Kind::Value(x),
                    Known::Size(dim) => Kind::Size(dim),
                    Known::Ambiguous => return error(at, format!("{name} stands for two things")),
                };
                return Ok(Syntax { at, kind });
            }
        }
        for (text, kind) in [
            ("\\infty", Kind::Number(f64::INFINITY)),
            ("\\mathrm{NaN}", Kind::Number(f64::NAN)),
            ("\\mathrm{true}", Kind::Truth(true)),
            ("\\mathrm{false}", Kind::Truth(false)),
        ] {
            if self.eat(text) {
                return Ok(Syntax { at, kind });
            }
        }
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) && !self.rest().starts_with("2^{") {
            return self.number();
        }
        let kind = match () {
            () if self.eat("\\frac{") => return self.fraction(at),
            () if self.eat("\\begin{cases} ") => self.cases()?,
            () if self.eat("\\left\\langle ") => {
                let (x, y) = self.pair("\\right\\rangle")?;
                Kind::Inner(x, y)
            }
            () if self.eat("\\left[") => Kind::Bracket(self.inside("\\right]")?),
            () if self.eat("\\neg ") => Kind::Unary(Unary::Not, Box::new(self.nested(Level::Power)?)),
            () if self.eat("\\log \\operatorname{softmax}_{") => self.along(Along::LogSoftmax)?,
            () if self.eat("\\operatorname{softmax}_{") => self.along(Along::Softmax)?,
            () if self.eat("\\operatorname{logsumexp}_{") => self.along(Along::LogSumExp)?,
            () if self.eat("\\operatorname{argmax}_{") => self.extreme(Reduce::Max, true)?,
            () if self.eat("\\operatorname{argmin}_{") => self.extreme(Reduce::Min, true)?,
            () if self.eat("\\max_{") => self.extreme(Reduce::Max, false)?,
            () if self.eat("\\min_{") => self.extreme(Reduce::Min, false)?,
            () if self.eat("\\sum_{") => self.over(Reduce::Sum)?,
            () if self.eat("\\prod_{") => self.over(Reduce::Prod)?,
            () if self.eat("\\operatorname{one\\_hot}\\left(") => Kind::OneHot(self.inside("\\right)")?),
            () => return self.function(at),
        };
        Ok(Syntax { at, kind })
    }

    /// A function of the table, parentheses, or one of the other operations.
    fn function(&mut self, at: usize) -> Read<'t, 'g> {
        let found = self.functions.iter().find(|(before, ..)| self.rest().starts_with(before)).copied();
        if let Some((before, after, level, op)) = found {
            self.at += before.len();
            let x = match level {
                Level::Or => self.formula()?,
                // `1+` stands before it.
                _ => self.nested(Level::Product)?,
            };
            self.expect(after)?;
            return Ok(Syntax { at, kind: Kind::Unary(op, Box::new(x)) });
        }
        if self.eat("\\left(") {
            let x = self.formula()?;
            if let Kind::Unary(Unary::Exp, _) = x.kind
                && self.eat("-1\\right)")
            {
                let Kind::Unary(_, x) = x.kind else { return self.unexpected("an exponential") };
                return Ok(Syntax { at, kind: Kind::Unary(Unary::Expm1, x) });
            }
            self.expect("\\right)")?;
            return Ok(x);
        }
        if self.eat("\\operatorname{") {
            let name = self.braces()?;
            let mut parameters = "";
            if self.eat("_{\\mathrm{") {
                parameters = self.braces()?;
                self.expect("}")?;
            }
            if !["pad", "flip", "iota"].contains(&name) {
                return error(
                    at,
                    format!("{name} cannot be read back: its formula does not say all that it is"),
                );
            }
            let x = if self.eat("\\left(") { Some(self.inside("\\right)")?) } else { None };
            return Ok(Syntax { at, kind: Kind::Call { name, parameters, x } });
        }
        self.unexpected("a name, a number or a function")
    }

    fn nested(&mut self, level: Level) -> Read<'t, 'g> {
        if self.depth == DEEPEST {
            return error(self.at, format!("nested deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let read = self.level(level);
        self.depth -= 1;
        read
    }

    fn inside(&mut self, end: &str) -> Result<Box<Syntax<'t, 'g>>> {
        let x = self.formula()?;
        self.expect(end)?;
        Ok(Box::new(x))
    }

    fn pair(&mut self, end: &str) -> Result<(Box<Syntax<'t, 'g>>, Box<Syntax<'t, 'g>>)> {
        Ok((self.inside(", ")?, self.inside(end)?))
    }

    fn number(&mut self) -> Read<'t, 'g> {
        let at = self.at;
        let digits = |text: &str| text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let mut text = self.rest()[..digits(self.rest())].to_owned();
        self.at += text.len();
        let power = if text == "10" { "^{" } else { " \\cdot 10^{" };
        if self.eat(power) {
            let exponent = self.braces()?;
            text = if text == "10" { format!("1e{exponent}") } else { format!("{text}e{exponent}") };
        }
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b".e-".contains(&b));
        match text.parse::<f64>() {
            Ok(x) if plain => Ok(Syntax { at, kind: Kind::Number(x) }),
            _ => Err(LatexError { at, what: format!("expected a number, found {text}") }),
        }
    }

    /// A fraction, or a mean, which begins like one.
    fn fraction(&mut self, at: usize) -> Read<'t, 'g> {
        let (above, below) = (self.inside("}{")?, self.inside("}")?);
        let kind = if self.rest().starts_with(" \\sum_{") {
            if !matches!(above.kind, Kind::Number(1.0)) {
                return self.unexpected("an operator");
            }
            self.at += 1;
            let start = self.at;
            self.expect("\\sum_{")?;
            let sum = Syntax { at: start, kind: self.over(Reduce::Sum)? };
            Kind::Mean { count: below, sum: Box::new(sum) }
        } else {
            Kind::Binary(Binary::Div, above, below)
        };
        Ok(Syntax { at, kind })
    }

    fn cases(&mut self) -> Result<Kind<'t, 'g>> {
        let then = self.inside(" & \\text{if } ")?;
        let condition = self.inside(" \\\\ ")?;
        let otherwise = self.inside(" & \\text{otherwise} \\end{cases}")?;
        Ok(Kind::Cases { condition, then, otherwise })
    }

    fn along(&mut self, function: Along) -> Result<Kind<'t, 'g>> {
        let indices = self.braces()?;
        self.expect("\\left(")?;
        Ok(Kind::Along { function, indices, x: self.inside("\\right)")? })
    }

    fn extreme(&mut self, kind: Reduce, place: bool) -> Result<Kind<'t, 'g>> {
        let indices = self.braces()?;
        self.expect("\\left(")?;
        let x = self.inside("\\right)")?;
        Ok(if place { Kind::ArgReduce { kind, indices, x } } else { Kind::Reduce { kind, indices, x } })
    }

    /// A sum or product, which takes the products after it.
    fn over(&mut self, kind: Reduce) -> Result<Kind<'t, 'g>> {
        let indices = self.braces()?;
        self.expect(" ")?;
        if self.rest().starts_with('-') {
            return self.unexpected("a product");
        }
        Ok(Kind::Reduce { kind, indices, x: Box::new(self.nested(Level::Product)?) })
    }
}
