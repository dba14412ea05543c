//! From tokens to a tree: precedence, calls, indices, statements.

use super::mistake::{Mistake, Span};
use super::token::{Token, tokens};
use super::tree::{Kind, Node, Operator, Says, Shape, Size, Statement};

/// Bytes of a formula at most.
const LONGEST: usize = 64 << 10;
/// Brackets and signs within each other at most: people do not read further, and the stack ends.
const DEEPEST: usize = 100;
/// Functions whose first argument may be an index.
pub(super) const OVER: [&str; 5] = ["sum", "prod", "mean", "max", "min"];

/// The statements of a formula; at least one.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>, Mistake> {
    if text.len() > LONGEST {
        let what = format!("the formula has {} bytes, at most {LONGEST} are read", text.len());
        return Err(Mistake::new("", 0..0, what));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, place: 0, depth: 0 };
    let mut all = vec![];
    loop {
        while parser.peek() == Some(&Token::Break) {
            parser.place += 1;
        }
        if parser.peek().is_none() {
            break;
        }
        all.push(parser.statement()?);
        if !matches!(parser.peek(), None | Some(Token::Break)) {
            return Err(parser.unexpected("an operator or the end"));
        }
    }
    if all.is_empty() {
        return Err(Mistake::new(text, 0..0, "an empty formula"));
    }
    Ok(all)
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<(Token, Span)>,
    place: usize,
    depth: usize,
}

type Parsed = Result<Node, Mistake>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place).map(|(token, _)| token)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(s)) if *s == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.place += usize::from(is);
        is
    }

    /// Where the next token stands; behind the text at its end.
    fn span(&self) -> Span {
        self.tokens.get(self.place).map_or(self.text.len()..self.text.len(), |(_, span)| span.clone())
    }

    /// Where the last token ends.
    fn end(&self) -> usize {
        self.place.checked_sub(1).map_or(0, |last| self.tokens[last].1.end)
    }

    fn unexpected(&self, expected: &str) -> Mistake {
        let span = self.span();
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Break) => "the end of the line".to_owned(),
            Some(_) => self.text[span.clone()].to_owned(),
        };
        let hint = match (self.peek(), self.place.checked_sub(1).map(|last| &self.tokens[last].0)) {
            (
                Some(Token::Name(_) | Token::Number(_) | Token::Sign("(")),
                Some(Token::Name(_) | Token::Number(_) | Token::Sign(")")),
            ) => "; products are written with *",
            _ => "",
        };
        Mistake::new(self.text, span, format!("expected {expected}, found {found}{hint}"))
    }

    fn statement(&mut self) -> Result<Statement, Mistake> {
        let next = self.tokens.get(self.place + 1).map(|(token, _)| token.clone());
        let (token, span) = self.tokens[self.place].clone();
        if let (Token::Name(name), Some(Token::Sign(sign @ ("=" | ":")))) = (token, next) {
            self.place += 2;
            let says = match sign {
                "=" => Says::Value(self.comparison()?),
                _ => Says::Shape(self.shape()?),
            };
            return Ok(Statement { name: Some((name, span)), says });
        }
        Ok(Statement { name: None, says: Says::Value(self.comparison()?) })
    }

    /// `[B, 3]`, or `int [B]`.
    fn shape(&mut self) -> Result<Shape, Mistake> {
        let integers = matches!(self.peek(), Some(Token::Name(name)) if name == "int");
        self.place += usize::from(integers);
        if !self.takes("[") {
            return Err(self.unexpected("a shape such as [B, 3]"));
        }
        let mut dims = vec![];
        while !self.takes("]") {
            if !dims.is_empty() && !self.takes(",") {
                return Err(self.unexpected(", or ]"));
            }
            dims.push(match self.peek() {
                Some(Token::Name(name)) => Size::Name(name.clone()),
                Some(Token::Number(n)) if n.fract() == 0.0 && (1.0..=1e9).contains(n) => {
                    Size::Number(*n as usize)
                }
                _ => return Err(self.unexpected("a size: a whole number from 1 on, or a name")),
            });
            self.place += 1;
        }
        Ok(Shape { dims, integers })
    }

    /// Deeper by one.
    fn within(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == DEEPEST {
            let what = format!("more than {DEEPEST} brackets and signs within each other");
            return Err(Mistake::new(self.text, self.span(), what));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn binary(&mut self, signs: &[(&str, Operator)], operand: fn(&mut Self) -> Parsed, once: bool) -> Parsed {
        let mut left = operand(self)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.is(sign)) {
            self.place += 1;
            let right = operand(self)?;
            let span = left.span.start..right.span.end;
            left = Node { kind: Kind::Binary(*operator, Box::new(left), Box::new(right)), span };
            if once {
                break;
            }
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed {
        use Operator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        let signs = [
            ("<=", LessEqual),
            (">=", GreaterEqual),
            ("==", Equal),
            ("!=", NotEqual),
            ("<", Less),
            (">", Greater),
        ];
        self.within(|parser| parser.binary(&signs, Self::sum, true))
    }

    fn sum(&mut self) -> Parsed {
        self.binary(&[("+", Operator::Add), ("-", Operator::Subtract)], Self::product, false)
    }

    fn product(&mut self) -> Parsed {
        let signs = [("*", Operator::Multiply), ("/", Operator::Divide), ("@", Operator::Matrix)];
        self.binary(&signs, Self::signed, false)
    }

    fn signed(&mut self) -> Parsed {
        let start = self.span().start;
        if self.takes("+") {
            return self.within(Self::signed);
        }
        if !self.takes("-") {
            return self.power();
        }
        let x = self.within(Self::signed)?;
        let span = start..x.span.end;
        Ok(Node { kind: Kind::Negative(Box::new(x)), span })
    }

    fn power(&mut self) -> Parsed {
        let base = self.postfix()?;
        if !self.takes("^") {
            return Ok(base);
        }
        // To the right: x^y^z is x^(y^z).
        let exponent = self.within(Self::signed)?;
        let span = base.span.start..exponent.span.end;
        Ok(Node { kind: Kind::Binary(Operator::Power, Box::new(base), Box::new(exponent)), span })
    }

    fn postfix(&mut self) -> Parsed {
        let mut x = self.atom()?;
        loop {
            let start = x.span.start;
            if self.takes("'") {
                x = Node { kind: Kind::Transposed(Box::new(x)), span: start..self.end() };
            } else if self.is("²") || self.is("³") {
                let exponent = Kind::Number(if self.is("²") { 2.0 } else { 3.0 });
                let exponent = Node { kind: exponent, span: self.span() };
                self.place += 1;
                let kind = Kind::Binary(Operator::Power, Box::new(x), Box::new(exponent));
                x = Node { kind, span: start..self.end() };
            } else if self.takes("[") {
                let indices = self.list("]")?;
                x = Node { kind: Kind::Index(Box::new(x), indices), span: start..self.end() };
            } else {
                return Ok(x);
            }
        }
    }

    /// Parts between commas up to a bracket.
    fn list(&mut self, close: &str) -> Result<Vec<Node>, Mistake> {
        let mut all = vec![];
        if self.takes(close) {
            return Ok(all);
        }
        loop {
            all.push(self.comparison()?);
            if self.takes(close) {
                return Ok(all);
            }
            if !self.takes(",") {
                return Err(self.unexpected(&format!(", or {close}")));
            }
        }
    }

    fn atom(&mut self) -> Parsed {
        let (token, span) = match self.tokens.get(self.place) {
            Some((token, span)) => (token.clone(), span.clone()),
            None => return Err(self.unexpected("a value")),
        };
        match token {
            Token::Number(value) => {
                self.place += 1;
                Ok(Node { kind: Kind::Number(value), span })
            }
            Token::Name(name) => {
                self.place += 1;
                if self.takes("(") {
                    self.call(name, span)
                } else {
                    Ok(Node { kind: Kind::Name(name), span })
                }
            }
            Token::Sign("(") => {
                self.place += 1;
                let inner = self.comparison()?;
                if !self.takes(")") {
                    let opened = if self.peek().is_none() { " for the ( that is marked" } else { "" };
                    let mistake = self.unexpected(&format!("){opened}"));
                    return Err(if opened.is_empty() {
                        mistake
                    } else {
                        Mistake::new(self.text, span, mistake.what())
                    });
                }
                Ok(Node { span: span.start..self.end(), ..inner })
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn call(&mut self, name: String, span: Span) -> Parsed {
        let mut all = self.list(")")?;
        let whole = span.start..self.end();
        let index = match (&all[..], OVER.contains(&&*name)) {
            ([Node { kind: Kind::Name(index), .. }, body], true) if is_index(body, index) => {
                Some(index.clone())
            }
            _ => None,
        };
        if let Some(index) = index {
            let body = all.remove(1);
            let kind = Kind::Over(name, index, all[0].span.clone(), Box::new(body));
            return Ok(Node { kind, span: whole });
        }
        Ok(Node { kind: Kind::Call(name, span, all), span: whole })
    }
}

/// Whether a name is used as an index in a value.
fn is_index(node: &Node, name: &str) -> bool {
    match &node.kind {
        Kind::Number(_) | Kind::Name(_) => false,
        Kind::Negative(x) | Kind::Transposed(x) | Kind::Over(_, _, _, x) => is_index(x, name),
        Kind::Binary(_, x, y) => is_index(x, name) || is_index(y, name),
        Kind::Call(_, _, all) => all.iter().any(|x| is_index(x, name)),
        Kind::Index(x, indices) => {
            is_index(x, name) || indices.iter().any(|i| i.kind == Kind::Name(name.to_owned()))
        }
    }
}
