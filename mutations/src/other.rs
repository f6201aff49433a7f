//! What may stand instead: the operators, literals, methods and results that take another's place.

use syn::{Arm, BinOp, Expr, Lit, Pat, ReturnType};

/// Methods, and what takes their place.
pub(crate) const METHODS: [(&str, &str); 28] = [
    ("all", "any"),
    ("any", "all"),
    ("div_euclid", "wrapping_div"),
    ("ends_with", "starts_with"),
    ("eq_ignore_ascii_case", "eq"),
    ("filter", "take_while"),
    ("first", "last"),
    ("is_ascii_alphabetic", "is_ascii_digit"),
    ("is_ascii_digit", "is_ascii_alphabetic"),
    ("is_empty", "is_ascii"),
    ("is_none", "is_some"),
    ("is_some", "is_none"),
    ("last", "first"),
    ("max", "min"),
    ("min", "max"),
    ("next_back", "next"),
    ("or", "and"),
    ("rem_euclid", "wrapping_rem"),
    ("rev", "into_iter"),
    ("rsplit_once", "split_once"),
    ("saturating_mul", "wrapping_mul"),
    ("split_once", "rsplit_once"),
    ("starts_with", "ends_with"),
    ("strip_prefix", "strip_suffix"),
    ("strip_suffix", "strip_prefix"),
    ("trim", "trim_ascii_start"),
    ("wrapping_mul", "saturating_mul"),
    ("wrapping_add", "saturating_add"),
];

/// Signs in the place of a binary operator.
pub(crate) fn operators(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Add(_) => &["-"],
        BinOp::Sub(_) | BinOp::Mul(_) => &["+"],
        BinOp::Div(_) => &["*"],
        BinOp::Rem(_) => &["/"],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::Lt(_) => &["<=", ">="],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<="],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        _ => &[],
    }
}

/// Another literal: the next number, the other truth, a text nobody writes.
pub(crate) fn literal(literal: &Lit) -> Option<String> {
    match literal {
        Lit::Bool(own) => Some((!own.value).to_string()),
        Lit::Int(own) => {
            let value: u64 = own.base10_parse().ok()?;
            Some(format!("{}{}", value + 1, own.suffix()))
        }
        Lit::Float(own) if own.base10_digits().trim_matches(['0', '.']).is_empty() => {
            Some(format!("1.5{}", own.suffix()))
        }
        Lit::Float(own) => Some(format!("({own} * 1.5)")),
        Lit::Str(own) if own.value().is_empty() => Some("\"!\"".to_owned()),
        Lit::Str(_) => Some("\"\"".to_owned()),
        Lit::Char(own) => Some(
            if own.value() == '\u{1}' {
                "'\\u{2}'"
            } else {
                "'\\u{1}'"
            }
            .to_owned(),
        ),
        Lit::Byte(_) => Some("1_u8".to_owned()),
        _ => None,
    }
}

/// Results a function could give without doing anything.
pub(crate) fn results(output: &ReturnType) -> Vec<&'static str> {
    let ReturnType::Type(_, of) = output else {
        return vec![""];
    };
    let syn::Type::Path(path) = &**of else {
        return vec!["Default::default()"];
    };
    let name = path.path.segments.last().map(|last| last.ident.to_string());
    match name.as_deref() {
        Some("bool") => vec!["true", "false"],
        Some("Option") => vec!["None"],
        Some("Result") => vec!["Ok(Default::default())"],
        _ => vec!["Default::default()"],
    }
}

/// Whether an arm's body is what it would be replaced by.
pub(crate) fn is_default(body: &str) -> bool {
    let body: String = body.split_whitespace().collect();
    [
        "None",
        "Ok(None)",
        "Value::Null",
        "Ok(Value::Null)",
        "0",
        "false",
        "\"\"",
        "{}",
    ]
    .contains(&&*body)
}

/// Whether a condition binds something.
pub(crate) fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => {
            matches!(binary.op, BinOp::And(_)) && (has_let(&binary.left) || has_let(&binary.right))
        }
        _ => false,
    }
}

/// Whether an expression stands as a statement for what it does.
pub(crate) fn is_effect(expression: &Expr) -> bool {
    match expression {
        Expr::Binary(binary) => matches!(
            binary.op,
            BinOp::AddAssign(_) | BinOp::SubAssign(_) | BinOp::MulAssign(_) | BinOp::DivAssign(_)
        ),
        Expr::Return(_) | Expr::Continue(_) | Expr::Break(_) => true,
        other => matches!(
            other,
            Expr::MethodCall(_) | Expr::Call(_) | Expr::Assign(_) | Expr::Try(_)
        ),
    }
}

/// Whether an arm takes whatever is left.
pub(crate) fn takes_all(arm: &Arm) -> bool {
    let open = match &arm.pat {
        Pat::Wild(_) => true,
        Pat::Ident(own) => {
            own.subpat.is_none() && own.ident.to_string().starts_with(char::is_lowercase)
        }
        _ => false,
    };
    open && arm.guard.is_none()
}
