//! Finds the places of a source file that can be mutated, and what may stand there instead.
//!
//! Left alone are constants (a switch is no constant), patterns, tests, and whatever only makes the text of an error:
//! the vectors do not compare it.

use std::ops::Range;

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, Block, Expr, Lit, Pat, Stmt, Token};

use crate::mutant::{Mutant, RULE};
use crate::other;

/// How a mutant stands in the source.
#[derive(Debug)]
pub(crate) enum Shape {
    /// This expression instead of the one there.
    Instead(String),
    /// These texts around what is there; `ON` in the first is the switch.
    Around(String, &'static str),
}

/// What is put where.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) place: Range<usize>,
    pub(crate) shape: Shape,
}

/// Functions and macros whose arguments are words for a person.
const WORDS: [&str; 12] = [
    "refuse",
    "refuse_self",
    "help",
    "unexpected",
    "missing",
    "no_fields",
    "within",
    "in_field",
    "ok_or",
    "ok_or_else",
    "map_err",
    "with_capacity",
];

/// Types whose functions only make such words.
const WORDED: [&str; 2] = ["DataError", "Problem"];

/// Functions that only say something.
const SAYING: [&str; 8] = [
    "fmt",
    "kind",
    "available",
    "class_name",
    "unexpected",
    "token_name",
    "representation",
    "in_field",
];

/// Collects what can be changed in one file.
#[derive(Debug)]
pub(crate) struct Places<'s> {
    file: &'s str,
    text: &'s str,
    within: Vec<String>,
    found: Vec<(Mutant, Change)>,
}

impl<'s> Places<'s> {
    pub(crate) fn of(file: &'s str, text: &'s str) -> Self {
        Self {
            file,
            text,
            within: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(crate) fn into_changes(self) -> Vec<(Mutant, Change)> {
        self.found
    }

    /// A rule broken in words: `after` instead of what stands at `place`.
    pub(crate) fn rule(&mut self, place: Range<usize>, words: &str, after: &str) {
        let line = 1 + self.source(&(0..place.start)).matches('\n').count();
        let mutant = Mutant {
            file: self.file.to_owned(),
            line,
            function: RULE.to_owned(),
            before: words.to_owned(),
            after: after.to_owned(),
            repeat: 1,
        };
        let shape = Shape::Instead(after.to_owned());
        self.found.push((mutant, Change { place, shape }));
    }

    fn source(&self, place: &Range<usize>) -> &'s str {
        self.text.get(place.clone()).unwrap_or_default()
    }

    fn add(&mut self, span: Span, place: Range<usize>, before: &str, after: &str, shape: Shape) {
        let mutant = Mutant {
            file: self.file.to_owned(),
            line: span.start().line,
            function: self.within.join("::"),
            before: before.to_owned(),
            after: after.to_owned(),
            repeat: 1,
        };
        self.found.push((mutant, Change { place, shape }));
    }

    /// `other` instead of the expression.
    fn instead(&mut self, expression: &Expr, other: String) {
        let place = expression.span().byte_range();
        let before = self.source(&place);
        self.add(
            expression.span(),
            place,
            before,
            &other.clone(),
            Shape::Instead(other),
        );
    }

    /// A truth that no operator of its own says is turned around.
    fn truth(&mut self, expression: &Expr) {
        match expression {
            Expr::MethodCall(_)
            | Expr::Call(_)
            | Expr::Path(_)
            | Expr::Field(_)
            | Expr::Macro(_) => {
                let source = self.source(&expression.span().byte_range());
                self.instead(expression, format!("!({source})"));
            }
            Expr::Paren(inner) => self.truth(&inner.expr),
            _ => {}
        }
    }

    /// The condition of an `if` or `while`; where it holds a `let` it can only be made not to hold.
    fn condition(&mut self, condition: &Expr) {
        if !other::has_let(condition) {
            return self.truth(condition);
        }
        let place = condition.span().byte_range();
        let before = self.source(&place);
        let shape = Shape::Around("!ON && ".to_owned(), "");
        self.add(condition.span(), place, before, "never", shape);
    }

    fn arm(&mut self, arm: &Arm, removable: bool) {
        let pattern = arm.pat.span().byte_range();
        let before = self.source(&pattern);
        if !removable {
            let body = arm.body.span().byte_range();
            if other::is_default(self.source(&body)) {
                return;
            }
            // A block needs no comma behind it, and what stands around it must not either.
            let shape = match &*arm.body {
                Expr::Block(_) => {
                    Shape::Around("{ if ON { Default::default() } else ".to_owned(), " }")
                }
                _ => Shape::Instead("Default::default()".to_owned()),
            };
            let own = format!("{before} =>");
            return self.add(arm.body.span(), body, &own, "the default", shape);
        }
        match &arm.guard {
            None => {
                let place = pattern.end..pattern.end;
                self.add(
                    arm.pat.span(),
                    place,
                    before,
                    "no arm",
                    Shape::Around(" if !ON".to_owned(), ""),
                );
            }
            Some((_, guard)) => {
                let place = guard.span().byte_range();
                let before = format!("{before} if {}", self.source(&place));
                let shape = Shape::Around("!ON && (".to_owned(), ")");
                self.add(arm.pat.span(), place, &before, "no arm", shape);
            }
        }
    }

    fn body(&mut self, name: &str, output: &syn::ReturnType, block: &Block) {
        let Some(first) = block.stmts.first() else {
            return;
        };
        let at = first.span().byte_range().start;
        for value in other::results(output) {
            let text = format!("if ON {{ return {value}; }} ");
            self.add(
                block.span(),
                at..at,
                name,
                &format!("return {value}"),
                Shape::Around(text, ""),
            );
        }
    }

    fn function(&mut self, signature: &syn::Signature, block: &Block) {
        let name = signature.ident.to_string();
        if signature.constness.is_some() || SAYING.contains(&name.as_str()) {
            return;
        }
        self.within.push(name.clone());
        self.body(&name, &signature.output, block);
        self.visit_block(block);
        self.within.pop();
    }

    fn literal(&mut self, expression: &Expr, literal: &Lit) {
        if let Some(other) = other::literal(literal) {
            self.instead(expression, other);
        }
    }
}

impl<'ast> Visit<'ast> for Places<'_> {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !module
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("cfg"))
        {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = self.source(&item.self_ty.span().byte_range());
        self.within
            .push(name.split('<').next().unwrap_or(name).to_owned());
        visit::visit_item_impl(self, item);
        self.within.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Expr(expression, Some(_)) = statement
            && other::is_effect(expression)
        {
            let place = statement.span().byte_range();
            let before = self.source(&place);
            let shape = Shape::Around("if !ON { ".to_owned(), " }");
            self.add(statement.span(), place, before, "nothing", shape);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        let last = expression.arms.len().saturating_sub(1);
        let open = expression.arms.last().is_some_and(other::takes_all);
        for (index, arm) in expression.arms.iter().enumerate() {
            self.arm(arm, index < last && (open || arm.guard.is_some()));
            if let Some((_, guard)) = &arm.guard {
                self.truth(guard);
            }
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        self.condition(&expression.cond);
        visit::visit_expr_if(self, expression);
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.condition(&expression.cond);
        visit::visit_expr_while(self, expression);
    }

    fn visit_expr_repeat(&mut self, _: &'ast syn::ExprRepeat) {}

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if !only_words(call) {
            visit::visit_expr_call(self, call);
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            Expr::Binary(binary) if !other::has_let(expression) => {
                let operator = binary.op.span().byte_range();
                let place = expression.span().byte_range();
                let begin = self.source(&(place.start..operator.start));
                let end = self.source(&(operator.end..place.end));
                for sign in other::operators(&binary.op) {
                    self.instead(expression, format!("{begin}{sign}{end}"));
                }
                if matches!(binary.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) {
                    self.truth(&binary.left);
                    self.truth(&binary.right);
                }
            }
            Expr::Binary(binary) => {
                self.truth(&binary.left);
                self.truth(&binary.right);
            }
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Not(_) | syn::UnOp::Neg(_)) => {
                let source = self.source(&unary.expr.span().byte_range()).to_owned();
                self.instead(expression, source);
            }
            Expr::Lit(literal) => self.literal(expression, &literal.lit),
            Expr::MethodCall(call) => {
                let (place, name) = (
                    expression.span().byte_range(),
                    call.method.span().byte_range(),
                );
                for (from, to) in other::METHODS
                    .iter()
                    .filter(|(from, _)| call.method == from)
                {
                    let begin = self.source(&(place.start..name.start));
                    let end = self.source(&(name.start + from.len()..place.end));
                    self.instead(expression, format!("{begin}{to}{end}"));
                }
                if WORDS.iter().any(|word| call.method == word) {
                    return self.visit_expr(&call.receiver);
                }
            }
            Expr::Macro(own) => {
                let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
                let arguments = own.mac.parse_body_with(parse).into_iter().flatten();
                // Behind the first one of `matches!` is a pattern.
                let count = if own.mac.path.is_ident("matches") {
                    1
                } else {
                    usize::MAX
                };
                // A text has places.
                for argument in arguments
                    .take(count)
                    .filter(|own| !matches!(own, Expr::Lit(_)))
                {
                    self.visit_expr(&argument);
                }
            }
            _ => {}
        }
        visit::visit_expr(self, expression);
    }
}

/// Whether a call only makes the text of an error.
fn only_words(call: &syn::ExprCall) -> bool {
    let Expr::Path(function) = &*call.func else {
        return false;
    };
    let segments = &function.path.segments;
    let is_in = |segment: Option<&syn::PathSegment>, list: &[&str]| {
        segment.is_some_and(|segment| list.iter().any(|word| segment.ident == word))
    };
    let text = matches!(call.args.first(), Some(Expr::Lit(_) | Expr::Macro(_)));
    is_in(segments.last(), &WORDS)
        || is_in(segments.first(), &WORDED)
        || (text && is_in(segments.last(), &["Err"]))
}
