//! Java's log-in configuration (JAAS), as Kafka's users write it: one module in `sasl.jaas.config`, or sections of
//! modules in a file of their own.

use std::iter::Peekable;
use std::str::CharIndices;

use super::Secret;

/// A log-in module with its options. `Debug` shows no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginModule {
    /// Its class, as written.
    pub class: String,
    options: Vec<(String, Secret<String>)>,
}

impl LoginModule {
    /// The class without its package.
    pub fn simple_class(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }

    /// The option called `name`; the last one counts.
    pub fn option(&self, name: &str) -> Option<&Secret<String>> {
        let mut own = self.options.iter().rev();
        own.find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

/// What is wrong, and at which byte. Never says what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JaasError {
    /// The byte it is found at.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

/// The value of `sasl.jaas.config`: `CLASS FLAG option="value" ...;`
pub fn login_module(text: &str) -> Result<LoginModule, JaasError> {
    let mut reader = Reader::new(text);
    let module = reader.module()?;
    match reader.next()? {
        None => Ok(module),
        Some((offset, _)) => Err(wrong(offset, "there is more than one log-in module")),
    }
}

/// A file of sections: `NAME { CLASS FLAG option="value" ...; };`
pub fn sections(text: &str) -> Result<Vec<(String, Vec<LoginModule>)>, JaasError> {
    let mut reader = Reader::new(text);
    let mut sections = Vec::new();
    while let Some((offset, token)) = reader.next()? {
        let Token::Text(name) = token else {
            return Err(wrong(offset, "a section begins with its name"));
        };
        reader.expect('{', "a section's name is followed by `{`")?;
        let mut modules = Vec::new();
        while !reader.accept('}')? {
            modules.push(reader.module()?);
        }
        reader.expect(';', "a section ends with `};`")?;
        sections.push((name, modules));
    }
    Ok(sections)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    Sign(char),
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    ahead: Option<(usize, Token)>,
}

const FLAGS: [&str; 4] = ["required", "requisite", "sufficient", "optional"];

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text.char_indices().peekable(),
            ahead: None,
        }
    }

    fn module(&mut self) -> Result<LoginModule, JaasError> {
        let class = self.word("a log-in module begins with its class")?;
        let flag = self.word("a class is followed by `required`")?;
        if !FLAGS.iter().any(|own| own.eq_ignore_ascii_case(&flag.1)) {
            let message = "a class is followed by required, requisite, sufficient or optional";
            return Err(wrong(flag.0, message));
        }
        let mut options = Vec::new();
        while !self.accept(';')? {
            let (_, name) = self.word("a log-in module ends with `;`")?;
            self.expect('=', "an option is followed by `=` and its value")?;
            let (_, value) = self.word("an option is followed by `=` and its value")?;
            options.push((name, Secret::new(value)));
        }
        Ok(LoginModule {
            class: class.1,
            options,
        })
    }

    fn word(&mut self, message: &str) -> Result<(usize, String), JaasError> {
        match self.next()? {
            Some((offset, Token::Text(text))) => Ok((offset, text)),
            Some((offset, Token::Sign(_))) => Err(wrong(offset, message)),
            None => Err(wrong(self.text.len(), message)),
        }
    }

    fn expect(&mut self, sign: char, message: &str) -> Result<(), JaasError> {
        match self.next()? {
            Some((_, Token::Sign(own))) if own == sign => Ok(()),
            Some((offset, _)) => Err(wrong(offset, message)),
            None => Err(wrong(self.text.len(), message)),
        }
    }

    fn accept(&mut self, sign: char) -> Result<bool, JaasError> {
        let next = self.next()?;
        let is_it = matches!(&next, Some((_, Token::Sign(own))) if *own == sign);
        if !is_it {
            self.ahead = next;
        }
        Ok(is_it)
    }

    fn next(&mut self) -> Result<Option<(usize, Token)>, JaasError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        self.skip()?;
        let Some((offset, character)) = self.rest.next() else {
            return Ok(None);
        };
        let token = match character {
            '{' | '}' | ';' | '=' => Token::Sign(character),
            '"' => Token::Text(self.quoted(offset)?),
            first => Token::Text(self.bare(first)),
        };
        Ok(Some((offset, token)))
    }

    /// Steps over blanks and comments.
    fn skip(&mut self) -> Result<(), JaasError> {
        while let Some((offset, character)) = self.rest.peek().copied() {
            let after = self.text.get(offset..).unwrap_or_default();
            if character.is_whitespace() {
                self.rest.next();
            } else if character == '#' || after.starts_with("//") {
                while self.rest.next_if(|(_, c)| *c != '\n').is_some() {}
            } else if after.starts_with("/*") {
                let Some(end) = after.find("*/") else {
                    return Err(wrong(offset, "a comment does not end"));
                };
                let end = offset + end + 2;
                while self.rest.next_if(|(at, _)| *at < end).is_some() {}
            } else {
                break;
            }
        }
        Ok(())
    }

    fn quoted(&mut self, start: usize) -> Result<String, JaasError> {
        let mut text = String::new();
        while let Some((_, character)) = self.rest.next() {
            match character {
                '"' => return Ok(text),
                '\\' => text.extend(self.rest.next().map(|(_, escaped)| escaped)),
                _ => text.push(character),
            }
        }
        Err(wrong(start, "a quotation does not end"))
    }

    fn bare(&mut self, first: char) -> String {
        let belongs = |(_, c): &(usize, char)| {
            !c.is_whitespace() && !matches!(c, '{' | '}' | ';' | '=' | '"')
        };
        let mut text = String::from(first);
        while let Some((_, character)) = self.rest.next_if(belongs) {
            text.push(character);
        }
        text
    }
}

fn wrong(offset: usize, message: &str) -> JaasError {
    JaasError {
        offset,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(module: &LoginModule, name: &str) -> Option<String> {
        module.option(name).map(|value| value.reveal().clone())
    }

    #[test]
    fn a_module_of_a_property_is_read() {
        let text = "org.apache.kafka.common.security.plain.PlainLoginModule required \\\n username=\"alice\" \
                    password=\"a \\\"b\\\" ;c\" serviceName=kafka;";
        let module = login_module(&text.replace("\\\n", "\n")).unwrap();
        assert_eq!(module.simple_class(), "PlainLoginModule");
        assert_eq!(value(&module, "username").as_deref(), Some("alice"));
        assert_eq!(value(&module, "password").as_deref(), Some("a \"b\" ;c"));
        assert_eq!(value(&module, "serviceName").as_deref(), Some("kafka"));
        assert_eq!(value(&module, "other"), None);
        assert!(!format!("{module:?}").contains("alice"));
    }

    #[test]
    fn a_file_has_sections_and_comments() {
        let text = "/* of the\n proxy */\nConfluentKafkaMqtt {\n  // lines user: password\n  \
                    org.eclipse.jetty.jaas.spi.PropertyFileLoginModule required\n  debug=\"true\"\n  \
                    file=\"/etc/proxy.passwords\";\n};\n# another\nKafkaClient { a.B optional; c.D REQUIRED x=1; };\n";
        let sections = sections(text).unwrap();
        let names = sections
            .iter()
            .map(|(name, own)| (name.as_str(), own.len()));
        let names: Vec<_> = names.collect();
        assert_eq!(names, [("ConfluentKafkaMqtt", 1), ("KafkaClient", 2)]);
        let module = &sections[0].1[0];
        assert_eq!(
            value(module, "file").as_deref(),
            Some("/etc/proxy.passwords")
        );
    }

    #[test]
    fn what_is_wrong_is_found_where_it_is_and_not_repeated() {
        for (text, offset, message) in [
            ("", 0, "a log-in module begins with its class"),
            ("a.B", 3, "a class is followed by `required`"),
            (
                "a.B user=1;",
                4,
                "a class is followed by required, requisite, sufficient or optional",
            ),
            ("a.B required", 12, "a log-in module ends with `;`"),
            (
                "a.B required secret;",
                19,
                "an option is followed by `=` and its value",
            ),
            ("a.B required p=\"secret", 15, "a quotation does not end"),
            (
                "a.B required; c.D required;",
                14,
                "there is more than one log-in module",
            ),
        ] {
            let error = login_module(text).unwrap_err();
            assert_eq!(
                (error.offset, error.message.as_str()),
                (offset, message),
                "{text}"
            );
        }
        assert_eq!(sections("A { a.B required; }").unwrap_err().offset, 19);
        assert_eq!(sections("A a.B").unwrap_err().offset, 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\\n/*\"\\\\{};=é]{0,60}") {
            for offset in [sections(&text).err(), login_module(&text).err()].into_iter().flatten() {
                prop_assert!(offset.offset <= text.len());
            }
        }
    }
}
