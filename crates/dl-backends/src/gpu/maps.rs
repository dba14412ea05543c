//! Tables of places as formulas: most movements count along a few axes.

/// `map` as an expression of `e`, where every place is a sum of digits of `e` times distances.
pub(super) fn formula(map: &[Option<u32>], e: &str) -> Option<String> {
    let map = map.iter().copied().collect::<Option<Vec<u32>>>()?;
    let (first, digits) = digits(&map)?;
    let last = digits.len().saturating_sub(1);
    let terms = digits.iter().enumerate().filter(|(_, d)| d.step != 0).map(|(i, digit)| {
        let digit_of = if digit.after == 1 { e.to_owned() } else { format!("{e} / {}u", digit.after) };
        // The slowest digit ends where the table does.
        let taken = if i == last { digit_of } else { format!("({digit_of}) % {}u", digit.size) };
        let (size, sign) = (digit.step.unsigned_abs(), if digit.step < 0 { "-" } else { "+" });
        let term = if size == 1 { format!("({taken})") } else { format!("({taken}) * {size}u") };
        (sign, term)
    });
    let mut text = if first == 0 { String::new() } else { format!("{first}u") };
    for (sign, term) in terms {
        match (text.is_empty(), sign) {
            (true, "+") => text = term,
            (true, _) => return None,
            (false, sign) => text = format!("{text} {sign} {term}"),
        }
    }
    Some(match text {
        text if text.is_empty() => "0u".into(),
        text if text == format!("({e})") => e.into(),
        text => text,
    })
}

/// One digit of a place's number.
struct Digit {
    /// How many numbers a step of it is.
    after: usize,
    size: usize,
    step: i64,
}

/// The first place, and the digits that lead to the others, the fastest first.
fn digits(map: &[u32]) -> Option<(u32, Vec<Digit>)> {
    let (mut level, mut after, mut digits) = (map.to_vec(), 1, vec![]);
    while level.len() > 1 {
        if digits.len() == 6 {
            return None;
        }
        let step = i64::from(level[1]) - i64::from(level[0]);
        let runs = level.windows(2).take_while(|w| i64::from(w[1]) - i64::from(w[0]) == step).count();
        let size = runs + 1;
        if level.len() % size != 0 {
            return None;
        }
        let regular = level.chunks(size).all(|chunk| {
            chunk.iter().zip(0i64..).all(|(place, i)| i64::from(*place) == i64::from(chunk[0]) + i * step)
        });
        if !regular {
            return None;
        }
        digits.push(Digit { after, size, step });
        after *= size;
        level = level.chunks(size).map(|chunk| chunk[0]).collect();
    }
    Some((map.first().copied()?, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(map: &[u32], want: Option<&str>) {
        let map: Vec<_> = map.iter().copied().map(Some).collect();
        assert_eq!(formula(&map, "e").as_deref(), want);
    }

    #[test]
    fn movements_are_formulas() {
        check(&[0, 1, 2, 3], Some("e"));
        check(&[0, 0, 1, 1, 2, 2], Some("(e / 2u)"));
        check(&[0, 2, 4, 1, 3, 5], Some("((e) % 3u) * 2u + (e / 3u)"));
        check(&[3, 2, 1, 0], Some("3u - (e)"));
        check(&[5, 5, 5], Some("5u"));
        check(&[7], Some("7u"));
    }

    #[test]
    fn what_follows_no_pattern_is_a_table() {
        check(&[0, 1, 3, 2], None);
        check(&[0, 1, 2, 4, 5], None);
        assert_eq!(formula(&[Some(0), None], "e"), None);
    }
}
