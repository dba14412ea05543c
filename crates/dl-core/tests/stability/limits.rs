//! What is known not to be accurate, with the reason.

/// Class, spelling (`*` for all) and reason.
const LIMITS: &[(&str, &str, &str)] = &[];

/// Why a spelling of a class may fail.
pub(crate) fn reason(class: &str, spelling: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(c, s, _)| *c == class && (*s == "*" || *s == spelling)).map(|(_, _, why)| *why)
}
