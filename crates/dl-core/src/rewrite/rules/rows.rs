//! The notation of the tables.

/// Rows `name: left => right if conditions;` of one phase.
macro_rules! rows {
    ($phase:ident $($name:literal : $left:literal => $right:literal $(if $($when:expr),+)?;)*) => {
        &[$($crate::rewrite::rules::Rule {
            name: $name,
            phase: $crate::rewrite::rules::Phase::$phase,
            left: $left,
            right: $right,
            when: &[$($($when),+)?],
            kind: $crate::rewrite::rules::RuleKind::Pattern,
        }),*]
    };
}

/// Rows `name at [nodes]: instance => result by function;` of one phase.
macro_rules! code_rows {
    ($phase:ident $($name:literal at [$($root:literal),+] : $left:literal => $right:literal by $function:expr;)*) => {
        &[$($crate::rewrite::rules::Rule {
            name: $name,
            phase: $crate::rewrite::rules::Phase::$phase,
            left: $left,
            right: $right,
            when: &[],
            kind: $crate::rewrite::rules::RuleKind::Code(&[$($root),+], $function),
        }),*]
    };
}

pub(super) use {code_rows, rows};
