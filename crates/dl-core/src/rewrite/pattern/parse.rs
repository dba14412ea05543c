//! The parser of one side of a rule.

use super::Pattern;
use crate::ops::binary::BINARY;
use crate::ops::unary::UNARY;
use crate::ops::{Binary, Reduce, Unary};

/// A parser of one side of a rule; the tables are tested, so it fails with a plain message.
pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
    let mut parser = Parser { text: text.chars().filter(|c| !c.is_whitespace()).collect(), at: 0 };
    let pattern = parser.comparison()?;
    if parser.at < parser.text.len() {
        return Err(format!("{text:?}: unexpected {:?} at {}", parser.text[parser.at], parser.at));
    }
    Ok(pattern)
}

struct Parser {
    text: Vec<char>,
    at: usize,
}

impl Parser {
    fn comparison(&mut self) -> Result<Pattern, String> {
        let left = self.sum()?;
        for (sign, op) in
            [(">=", Binary::Ge), ("<=", Binary::Le), ("=", Binary::Eq), (">", Binary::Gt), ("<", Binary::Lt)]
        {
            if self.take(sign) {
                return Ok(Pattern::Binary(op, left.into(), self.sum()?.into()));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Pattern, String> {
        let mut left = self.product()?;
        loop {
            let op = match () {
                () if self.take("+") => Binary::Add,
                () if self.take("-") => Binary::Sub,
                () => return Ok(left),
            };
            left = Pattern::Binary(op, left.into(), self.product()?.into());
        }
    }

    fn product(&mut self) -> Result<Pattern, String> {
        let mut left = self.power()?;
        loop {
            let op = match () {
                () if self.take("*") => Binary::Mul,
                () if self.take("/") => Binary::Div,
                () => return Ok(left),
            };
            left = Pattern::Binary(op, left.into(), self.power()?.into());
        }
    }

    fn power(&mut self) -> Result<Pattern, String> {
        if self.take("-") {
            return Ok(match self.power()? {
                Pattern::Number(x) => Pattern::Number(-x),
                x => Pattern::Unary(Unary::Neg, x.into()),
            });
        }
        let base = self.atom()?;
        if self.take("^") {
            return Ok(Pattern::Binary(Binary::Pow, base.into(), self.power()?.into()));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Pattern, String> {
        if self.take("(") {
            let inner = self.comparison()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let word = self.word();
        if let Ok(number) = word.parse::<f64>() {
            return Ok(Pattern::Number(number));
        }
        let mut letters = word.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            return Ok(if matches!(letter, 'c' | 'k') {
                Pattern::Constant(letter)
            } else {
                Pattern::Any(letter)
            });
        }
        self.call(&word)
    }

    fn call(&mut self, name: &str) -> Result<Pattern, String> {
        let frame = if self.take("[") {
            let letter = self.word().chars().next().ok_or("a frame needs a letter")?;
            self.expect("]")?;
            Some(letter)
        } else {
            None
        };
        self.expect("(")?;
        let mut args = vec![self.comparison()?];
        while self.take(",") {
            args.push(self.comparison()?);
        }
        self.expect(")")?;
        let unknown = || format!("unknown function {name} of {} arguments", args.len());
        let reduce = match name {
            "sum" => Some(Reduce::Sum),
            "prod" => Some(Reduce::Prod),
            "max" => Some(Reduce::Max),
            "min" => Some(Reduce::Min),
            _ => None,
        };
        let mut args = args.clone().into_iter().map(Box::new).collect::<Vec<_>>().into_iter();
        let (first, second, third) = (args.next(), args.next(), args.next());
        match (frame, first, second, third) {
            (Some(l), Some(x), None, None) if name == "bc" => Ok(Pattern::Broadcast(l, x)),
            (Some(l), Some(x), None, None) => Ok(Pattern::Reduce(reduce.ok_or_else(unknown)?, l, x)),
            (None, Some(c), Some(x), Some(y)) if name == "select" => Ok(Pattern::Select(c, x, y)),
            (None, Some(x), None, None) if name == "stop" => Ok(Pattern::Stop(x)),
            (None, Some(x), None, None) => {
                let row = UNARY.iter().find(|row| row.name == name).ok_or_else(unknown)?;
                Ok(Pattern::Unary(row.op, x))
            }
            (None, Some(x), Some(y), None) => {
                let row = BINARY.iter().find(|row| row.name == name).ok_or_else(unknown)?;
                Ok(Pattern::Binary(row.op, x, y))
            }
            _ => Err(unknown()),
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        let number = self.text.get(start).is_some_and(char::is_ascii_digit);
        let part = |c: &char| {
            if number { c.is_ascii_digit() || *c == '.' } else { c.is_alphanumeric() || *c == '_' }
        };
        while self.text.get(self.at).is_some_and(part) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.text[self.at..].iter().copied().zip(sign.chars()).filter(|(a, b)| a == b).count();
        let taken = found == sign.chars().count();
        if taken {
            self.at += found;
        }
        taken
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) {
            return Ok(());
        }
        let text: String = self.text.iter().collect();
        Err(format!("{text:?}: expected {sign:?} at {}", self.at))
    }
}
