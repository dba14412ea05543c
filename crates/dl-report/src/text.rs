//! Text: escaped for markup, as wide as it will be, and numbers as people write them.

use unicode_width::UnicodeWidthChar;

/// `text` for the content and the attributes of HTML and SVG. Control characters, which XML has no spelling for, become
/// U+FFFD.
///
/// ```
/// assert_eq!(dl_report::escape("a < b & \"c\""), "a &lt; b &amp; &quot;c&quot;");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(printable(c)),
        }
    }
    escaped
}

/// A character that XML has.
pub(crate) fn printable(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    }
}

/// How wide a line of text is in a font of system-ui's kind, in units of the font size: an estimate on the wide side,
/// since the reader's font is not known here.
pub(crate) fn width(text: &str) -> f64 {
    text.chars().map(advance).sum()
}

fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' ' => 0.32,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.92,
        '⁰'..='₉' | '²' | '³' | '¹' => 0.4,
        'A'..='Z' => 0.7,
        _ => match c.width() {
            // As wide as it is high.
            Some(2..) => 1.05,
            Some(0) => 0.0,
            _ => 0.58,
        },
    }
}

/// `text` cut to a width, with `…` where it was cut.
pub(crate) fn cut(text: &str, most: f64) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut used = 1.0;
    let fits = text.chars().take_while(|c| {
        used += advance(*c);
        used <= most
    });
    fits.chain(['…']).collect()
}

/// A number in four significant digits, as people write it: `0.125`, `1,250`, `3.2×10⁻⁵`, `∞`.
///
/// ```
/// assert_eq!(dl_report::number(0.12499), "0.125");
/// assert_eq!(dl_report::number(-12345.6), "−12,346");
/// assert_eq!(dl_report::number(3.2e-5), "3.2×10⁻⁵");
/// ```
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".into()
    } else if size.is_infinite() {
        if value > 0.0 { "∞".into() } else { "−∞".into() }
    } else if size == 0.0 {
        "0".into()
    } else if (1e-3..1e6).contains(&size) {
        let decimals = 3 - exponent(size);
        plain(value, usize::try_from(decimals).unwrap_or(0))
    } else {
        scientific(value, 3)
    }
}

/// A number with at most so many decimals, zeros at the end left out and thousands apart.
pub(crate) fn plain(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut text = String::new();
    if value < 0.0 && digits.bytes().any(|b| matches!(b, b'1'..=b'9')) {
        text.push('−');
    }
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left.is_multiple_of(3) && whole.len() > 4 {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// `1.2×10⁻⁵`, with at most so many decimals.
pub(crate) fn scientific(value: f64, decimals: usize) -> String {
    let decimals = decimals.min(17); // what a double has
    let text = format!("{value:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    let mantissa = mantissa.replace('-', "−");
    let power = power(exponent);
    match mantissa.as_str() {
        "1" => power,
        "−1" => format!("−{power}"),
        _ => format!("{mantissa}×{power}"),
    }
}

/// `10⁻⁵` from `-5`.
pub(crate) fn power(exponent: &str) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = exponent.chars().filter_map(|c| match c.to_digit(10) {
        Some(digit) => RAISED.get(digit as usize).copied(),
        None => Some('⁻'),
    });
    "10".chars().chain(raised).collect()
}

/// The power of ten of the first digit of a finite number above 0.
#[allow(clippy::cast_possible_truncation)] // from -324 to 308
pub(crate) fn exponent(size: f64) -> i32 {
    size.log10().floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_do() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.001, "0.001"),
            (1234.6, "1235"),
            (12_345.0, "12,345"),
            (999_999.0, "999,999"),
            (1e6, "10⁶"),
            (-1e-6, "−10⁻⁶"),
            (f64::MAX, "1.798×10³⁰⁸"),
            (5e-324, "4.941×10⁻³²⁴"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (value, want) in cases {
            assert_eq!(number(value), want);
        }
    }

    #[test]
    fn what_xml_cannot_say_is_replaced() {
        assert_eq!(escape("a\u{0}<\u{1b}'"), "a\u{fffd}&lt;\u{fffd}&#39;");
    }

    #[test]
    fn text_is_cut_to_a_width() {
        assert_eq!(cut("loss", 10.0), "loss");
        let cut = cut("a very long name of a series", 6.0);
        assert!(cut.ends_with('…') && width(&cut) <= 6.5, "{cut}");
        assert!(width("损失") > 2.0);
        assert_eq!(width("e\u{301}"), width("e"));
    }
}
