//! A printed subexpression and how tightly it binds: the one rule for parentheses.

/// What holds an expression together, from loosest to tightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// `a ∨ b`
    Or,
    /// `a ∧ b`
    And,
    /// `a < b`
    Comparison,
    /// `a + b`
    Sum,
    /// `Σ a`: takes the products after it.
    Prefix,
    /// `a · b`, and `-a`
    Product,
    /// `A B`: binds tighter than the product of elements.
    Matrix,
    /// A fraction that is drawn as one.
    Fraction,
    /// `aᵇ`
    Power,
    /// Names, numbers, and everything inside delimiters.
    Atom,
}

/// Printed text with what its surroundings need to know.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) level: Level,
    /// Starts with a minus sign.
    pub(super) minus: bool,
    /// Ends in an operand of a [`Level::Prefix`] operator, which would take what follows.
    pub(super) open: bool,
    /// About how wide it is drawn, in characters.
    pub(super) width: usize,
}

/// Where an operand stands: after which operator, and before which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) after: Option<Level>,
    pub(super) before: Option<Level>,
}

impl Place {
    /// Inside delimiters, or alone.
    pub(super) const FREE: Place = Place { after: None, before: None };

    /// What superscripts and subscripts attach to.
    pub(super) const BASE: Place = Place::before(Level::Atom);

    /// The right operand.
    pub(super) const fn after(level: Level) -> Place {
        Place { after: Some(level), before: None }
    }

    /// The left operand.
    pub(super) const fn before(level: Level) -> Place {
        Place { after: None, before: Some(level) }
    }
}

impl Piece {
    /// Something that never needs parentheses.
    pub(super) fn atom(text: impl Into<String>) -> Piece {
        let text = text.into();
        let width = text.chars().count();
        Piece { text, level: Level::Atom, minus: false, open: false, width }
    }

    pub(super) fn with(self, level: Level) -> Piece {
        Piece { level, ..self }
    }

    pub(super) fn width(self, width: usize) -> Piece {
        Piece { width, ..self }
    }

    pub(super) fn opened(self) -> Piece {
        Piece { open: true, ..self }
    }

    /// True where it reads right without parentheses. Operators group to the left, so the same
    /// level is fine on the left side only; comparisons do not chain.
    pub(super) fn fits(&self, place: Place) -> bool {
        let after = place.after.is_none_or(|operator| {
            let prefix_in_product = self.level == Level::Prefix && operator == Level::Product;
            !self.minus && (self.level > operator || prefix_in_product)
        });
        let before = place.before.is_none_or(|operator| {
            let same = self.level == operator && operator != Level::Comparison;
            (self.level > operator || same) && !(self.open && operator > Level::Prefix)
        });
        after && before
    }
}

/// Text in the making: operands go in with the parentheses that they need.
pub(super) struct Writer {
    piece: Piece,
    brackets: [&'static str; 2],
}

impl Writer {
    /// An expression of that level, with these parentheses around operands that need them.
    pub(super) fn new(level: Level, brackets: [&'static str; 2]) -> Writer {
        Writer { piece: Piece { text: String::new(), level, minus: false, open: false, width: 0 }, brackets }
    }

    /// Adds text that is drawn `width` characters wide.
    pub(super) fn text(mut self, text: &str, width: usize) -> Writer {
        self.piece.minus |= self.piece.text.is_empty() && text.starts_with('-');
        self.piece.text.push_str(text);
        self.piece.open = false;
        self.piece.width += width;
        self
    }

    /// Adds an operand.
    pub(super) fn operand(mut self, x: &Piece, place: Place) -> Writer {
        let first = self.piece.text.is_empty();
        if x.fits(place) {
            self.piece.minus |= first && x.minus;
            self.piece.text.push_str(&x.text);
            self.piece.open = x.open;
            self.piece.width += x.width;
            return self;
        }
        for part in [self.brackets[0], &x.text, self.brackets[1]] {
            self.piece.text.push_str(part);
        }
        self.piece.open = false;
        self.piece.width += x.width + 2;
        self
    }

    /// Adds operands between commas.
    pub(super) fn list<'a>(mut self, xs: impl IntoIterator<Item = &'a Piece>) -> Writer {
        for (i, x) in xs.into_iter().enumerate() {
            let separated = if i > 0 { self.text(", ", 2) } else { self };
            self = separated.operand(x, Place::FREE);
        }
        self
    }

    pub(super) fn done(self) -> Piece {
        self.piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        let piece = |level| Piece::atom("x").with(level);
        assert!(piece(Level::Sum).fits(Place::before(Level::Sum)));
        assert!(!piece(Level::Sum).fits(Place::after(Level::Sum)));
        assert!(!piece(Level::Comparison).fits(Place::before(Level::Comparison)));
        assert!(piece(Level::Prefix).fits(Place::after(Level::Product)));
        assert!(!piece(Level::Product).opened().fits(Place::before(Level::Product)));
        assert!(piece(Level::Product).opened().fits(Place::before(Level::Sum)));
        assert!(!Piece { minus: true, ..piece(Level::Product) }.fits(Place::after(Level::Sum)));
    }
}
