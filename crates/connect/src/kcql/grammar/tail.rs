//! The clauses after the topic, in their fixed order, and what does not belong to any of them.

use super::super::clause::{Argument, Clause, ClauseOrder, Form};
use super::super::lexer::{Keyword, Kind, Token};
use super::{Parser, Read, Refused};

impl Parser<'_, '_> {
    /// Reads clauses as long as the next one may follow the last.
    pub(super) fn clauses(&mut self, order: ClauseOrder) -> Read<Vec<Clause>> {
        let mut clauses = Vec::new();
        let mut next = 0;
        while let Some(token) = self.peek()
            && let Kind::Keyword(keyword) = token.kind
            && let Some((place, form)) = order.place(keyword)
            && place >= next
        {
            self.at += 1;
            next = place + 1;
            let argument = self.argument(form, token)?;
            clauses.push(Clause {
                keyword,
                argument,
                span: token.span.to(self.last_span()),
            });
        }
        Ok(clauses)
    }

    fn argument(&mut self, form: Form, clause: Token<'_>) -> Read<Argument> {
        if matches!(
            form,
            Form::EqualWord | Form::EqualField | Form::EqualNumber | Form::Delimiter
        ) {
            self.require(Kind::Equal, &format!("`=` after `{}`", clause.text))?;
        }
        match form {
            Form::Bare => Ok(Argument::None),
            Form::Paths => self.paths().map(Argument::Paths),
            Form::EqualWord => self.value().map(Argument::Word),
            Form::EqualNumber | Form::Number => self.number(clause).map(Argument::Number),
            Form::Field => self.field("a name").map(Argument::Word),
            Form::EqualField => self.time_unit_or_field(clause).map(Argument::Word),
            Form::Timestamp if self.accept(Kind::SysTime) => {
                Ok(Argument::Word("sys_time()".to_owned()))
            }
            Form::Timestamp => self.field("a field or `sys_time()`").map(Argument::Word),
            Form::Format => self.format(),
            Form::Tags => self.listed(Self::tag).map(Argument::Pairs),
            Form::Words => self.listed(Self::value).map(Argument::Words),
            Form::Delimiter => self.delimiter().map(Argument::Word),
            Form::Pairs => self.properties().map(Argument::Pairs),
        }
    }

    fn paths(&mut self) -> Read<Vec<Vec<String>>> {
        let mut paths = Vec::new();
        loop {
            let Some(first) = self.accept_name() else {
                return self.expected("the name of a field");
            };
            let (path, _) = self.steps_after(first)?;
            paths.push(path);
            if !self.accept(Kind::Comma) {
                return Ok(paths);
            }
        }
    }

    fn number(&mut self, clause: Token<'_>) -> Read<u32> {
        let Some(token) = self.accept_token(Kind::Int) else {
            return self.expected("a number of digits only");
        };
        match token.text.parse::<i32>().map(u32::try_from) {
            Ok(Ok(number)) if number > 0 => Ok(number),
            _ => {
                let message = format!(
                    "`{}` must be between 1 and {}, not `{}`",
                    clause.text,
                    i32::MAX,
                    token.text
                );
                self.problems.error(token.span, message, None);
                Err(Refused)
            }
        }
    }

    fn time_unit_or_field(&mut self, clause: Token<'_>) -> Read<String> {
        let word = self.field("a name")?;
        if clause.kind == Kind::Keyword(Keyword::TimestampUnit)
            && !TIME_UNITS.contains(&word.to_ascii_uppercase().as_str())
        {
            let message = format!("`{word}` is not a time unit");
            let help = format!("one of {}", TIME_UNITS.join(", "));
            self.problems.error(self.last_span(), message, Some(help));
        }
        Ok(word)
    }

    fn format(&mut self) -> Read<Argument> {
        let word = self.value()?;
        let pairs = if self.peek_kind() == Some(Kind::Open) {
            self.listed(Self::pair)?
        } else {
            Vec::new()
        };
        Ok(Argument::Format(word, pairs))
    }

    fn properties(&mut self) -> Read<Vec<(String, String)>> {
        let empty = self.tokens.get(self.at..self.at + 2).is_some_and(
            |pair| matches!(pair, [open, close] if open.kind == Kind::Open && close.kind == Kind::Close),
        );
        if empty {
            self.at += 2;
            return Ok(Vec::new());
        }
        self.listed(Self::pair)
    }

    fn listed<T>(&mut self, item: fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.require(Kind::Open, "`(`")?;
        let mut items = Vec::new();
        loop {
            items.push(item(self)?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.require(Kind::Close, "`,` or `)`")?;
        Ok(items)
    }

    fn pair(&mut self) -> Read<(String, String)> {
        let name = self.value()?;
        self.require(Kind::Equal, "`=`")?;
        Ok((name, self.value()?))
    }

    fn tag(&mut self) -> Read<(String, String)> {
        let name = self.value()?;
        let with_value = self.accept(Kind::Equal) || self.accept(Kind::Keyword(Keyword::As));
        let value = if with_value {
            self.value()?
        } else {
            name.clone()
        };
        Ok((name, value))
    }

    fn delimiter(&mut self) -> Read<String> {
        match self.accept_token(Kind::Delimiter) {
            Some(token) => Ok(token.meaning().to_owned()),
            None => self.expected("one quoted character"),
        }
    }

    /// A number, a text, or pieces of a name that touch each other.
    fn value(&mut self) -> Read<String> {
        if let Some(token) = self
            .accept_token(Kind::Int)
            .or_else(|| self.accept_token(Kind::Text))
        {
            return Ok(token.meaning().to_owned());
        }
        let Some(first) = self.accept_piece() else {
            return self.expected("a name, a number or a quoted text");
        };
        let mut value = first.meaning().to_owned();
        while self
            .peek()
            .is_some_and(|token| token.span.start == self.last_span().end)
            && let Some(piece) = self.accept_piece()
        {
            value.push_str(piece.meaning());
        }
        Ok(value)
    }

    fn require(&mut self, kind: Kind, what: &str) -> Read<()> {
        if self.accept(kind) {
            return Ok(());
        }
        self.expected(what)
    }

    /// Notes what is left after the last clause that fits.
    pub(super) fn unread(&mut self, order: ClauseOrder, clauses: &[Clause]) {
        let (Some(token), Some(last)) = (self.peek(), self.tokens.last().copied()) else {
            return;
        };
        let help = order_help(order, clauses, &token);
        self.problems.lost(
            token.span.to(last.span),
            format!(
                "`{}` cannot stand here; it and all after it would be ignored",
                token.text
            ),
            Some(help),
        );
    }
}

const TIME_UNITS: [&str; 7] = [
    "NANOSECONDS",
    "MICROSECONDS",
    "MILLISECONDS",
    "SECONDS",
    "MINUTES",
    "HOURS",
    "DAYS",
];

fn order_help(order: ClauseOrder, clauses: &[Clause], token: &Token<'_>) -> String {
    let all: Vec<&str> = order.keywords().map(Keyword::name).collect();
    let whole = format!("the order of clauses is fixed: {}", all.join(" "));
    let Kind::Keyword(keyword) = token.kind else {
        return whole;
    };
    let Some((place, _)) = order.place(keyword) else {
        return whole;
    };
    let later = clauses.iter().find(|clause| {
        order
            .place(clause.keyword)
            .is_some_and(|(own, _)| own >= place)
    });
    match later {
        Some(clause) if clause.keyword == keyword => {
            format!("`{}` may stand only once; {whole}", keyword.name())
        }
        Some(clause) => format!(
            "write `{}` before `{}`; {whole}",
            keyword.name(),
            clause.keyword.name()
        ),
        None => whole,
    }
}
