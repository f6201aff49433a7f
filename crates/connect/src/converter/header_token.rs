//! The tokens of a header's text: delimiters, and what stands between them, blanks and backslashes included.

use crate::java_text::trim;

/// A position in the text, and the token behind it if one was looked at.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    text: &'t str,
    index: usize,
    looked_at: Option<String>,
}

const DELIMITERS: [char; 7] = [':', ',', '{', '}', '[', ']', '"'];

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            index: 0,
            looked_at: None,
        }
    }

    pub(super) fn has_next(&self) -> bool {
        self.looked_at.is_some() || self.index < self.text.len()
    }

    /// Where [`Self::rewind`] goes back to. Blank tokens that were skipped before one that was looked at stay skipped.
    pub(super) fn mark(&self) -> usize {
        self.index - self.looked_at.as_ref().map_or(0, String::len)
    }

    pub(super) fn rewind(&mut self, mark: usize) {
        self.index = mark;
        self.looked_at = None;
    }

    pub(super) fn next(&mut self) -> String {
        match self.looked_at.take() {
            Some(token) => token,
            None => self.consume(),
        }
    }

    /// The text of the next four tokens; none, and nothing taken, where there are fewer.
    pub(super) fn next_four(&mut self) -> Option<&'t str> {
        let start = self.mark();
        for _ in 0..4 {
            if !self.has_next() {
                self.rewind(start);
                return None;
            }
            self.next();
        }
        self.text.get(start..self.index)
    }

    /// Takes the next token if it is `expected`, whatever blanks are around it.
    pub(super) fn take(&mut self, expected: &str) -> bool {
        if !self.has_next() {
            return false;
        }
        let mut token = self.next();
        while trim(&token).is_empty() && self.index < self.text.len() {
            token = self.consume();
        }
        if trim(&token) == expected {
            return true;
        }
        self.looked_at = Some(token);
        false
    }

    fn consume(&mut self) -> String {
        let rest = self.text.get(self.index..).unwrap_or_default();
        let mut escaped = false;
        let mut end = rest.len();
        for (at, character) in rest.char_indices() {
            if DELIMITERS.contains(&character) && !escaped {
                end = if at == 0 { 1 } else { at };
                break;
            }
            escaped = character == '\\' && !escaped;
        }
        self.index += end;
        rest.get(..end).unwrap_or_default().to_owned()
    }
}
