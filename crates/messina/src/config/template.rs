//! Text with captures of an MQTT topic in it: `sensors-$1`, `${2}_raw`, `$topic`, `$client`.

use thiserror::Error;

/// A Kafka topic or record key with places to fill in per publish.
///
/// `$0` and `$topic` are the whole MQTT topic, `$1`, `$2` ... (or `${1}`) the captures of a route's regex, or
/// what the wildcards of its filter stood for, in order; `$client` is the client identifier, `$$` a dollar sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<TemplatePart>,
}

/// One piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text as it stands.
    Text(String),
    /// The MQTT topic.
    Topic,
    /// The client identifier of the publisher.
    Client,
    /// What the n-th group or wildcard captured, counted from 1.
    Capture(usize),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A `$` is followed by nothing that could be meant.
    #[error("`${0}` is not a capture (`$1`), `$topic` or `$client`; a dollar sign itself is `$$`")]
    Unknown(String),
    /// `${` without `}`.
    #[error("`${{` is not closed by `}}`")]
    Unclosed,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                literal.push('$');
                rest = after;
                continue;
            }
            let (name, after) = placeholder(after)?;
            if !literal.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut literal)));
            }
            parts.push(part(name)?);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Text(literal));
        }
        Ok(Self { parts })
    }

    /// A template of these pieces.
    pub(super) fn of(parts: Vec<TemplatePart>) -> Self {
        Self { parts }
    }

    /// The pieces in order.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.parts
    }

    /// The text, when there is nothing to fill in.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TemplatePart::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The highest capture it asks for; 0 when it asks for none.
    pub fn highest_capture(&self) -> usize {
        let capture = |part: &TemplatePart| match part {
            TemplatePart::Capture(number) => *number,
            _ => 0,
        };
        self.parts.iter().map(capture).max().unwrap_or(0)
    }

    /// Fills in: `capture(n)` is the n-th capture, empty where there is none.
    pub fn fill<'a>(
        &self,
        topic: &str,
        client: &str,
        capture: impl Fn(usize) -> &'a str,
    ) -> String {
        let mut out = String::new();
        for part in &self.parts {
            out.push_str(match part {
                TemplatePart::Text(text) => text,
                TemplatePart::Topic => topic,
                TemplatePart::Client => client,
                TemplatePart::Capture(number) => capture(*number),
            });
        }
        out
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => formatter.write_str(&text.replace('$', "$$"))?,
                TemplatePart::Topic => formatter.write_str("${topic}")?,
                TemplatePart::Client => formatter.write_str("${client}")?,
                TemplatePart::Capture(number) => write!(formatter, "${{{number}}}")?,
            }
        }
        Ok(())
    }
}

/// Splits what follows a `$` into the placeholder's name and the rest.
fn placeholder(after: &str) -> Result<(&str, &str), TemplateError> {
    if let Some(braced) = after.strip_prefix('{') {
        return braced.split_once('}').ok_or(TemplateError::Unclosed);
    }
    let digits = after.starts_with(|first: char| first.is_ascii_digit());
    let end = if digits {
        after.find(|c: char| !c.is_ascii_digit())
    } else {
        after.find(|c: char| !c.is_ascii_alphabetic())
    };
    Ok(after.split_at(end.unwrap_or(after.len())))
}

fn part(name: &str) -> Result<TemplatePart, TemplateError> {
    match name {
        "topic" | "0" => Ok(TemplatePart::Topic),
        "client" => Ok(TemplatePart::Client),
        _ => match name.parse() {
            Ok(number) => Ok(TemplatePart::Capture(number)),
            Err(_) => Err(TemplateError::Unknown(name.to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_names_are_filled_in() {
        let template = Template::parse("site-$1/${2}x-$topic-$client-$$").unwrap();
        let filled = template.fill("a/b", "c1", |n| if n == 1 { "A" } else { "B" });
        assert_eq!(filled, "site-A/Bx-a/b-c1-$");
        assert_eq!(template.highest_capture(), 2);
        assert_eq!(Template::parse("plain").unwrap().constant(), Some("plain"));
    }

    #[test]
    fn a_stray_dollar_sign_is_an_error_that_says_what_to_write() {
        assert!(
            Template::parse("a-$x")
                .unwrap_err()
                .to_string()
                .contains("`$x`")
        );
        assert_eq!(Template::parse("a-${1"), Err(TemplateError::Unclosed));
    }

    #[test]
    fn a_template_prints_as_it_could_have_been_typed() {
        let template = Template::parse("a$$-$1-$topic").unwrap();
        assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
    }
}
