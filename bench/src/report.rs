//! The table.

use crate::process;

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    what: String,
    messina: String,
    mosquitto: String,
    bar: &'static str,
}

impl Figure {
    /// What was measured, and the bar the design sets.
    pub(crate) fn new(what: impl Into<String>, bar: &'static str) -> Self {
        Self {
            what: what.into(),
            messina: "-".to_owned(),
            mosquitto: "-".to_owned(),
            bar,
        }
    }

    /// A case that could not be measured.
    pub(crate) fn failed(name: &str, error: &anyhow::Error) -> Self {
        Self::new(name, "").messina(format!("not measured: {error:#}").replace('\n', " "))
    }

    /// Messina's figure.
    #[must_use]
    pub(crate) fn messina(mut self, figure: impl Into<String>) -> Self {
        self.messina = figure.into();
        self
    }

    /// Mosquitto's figure.
    #[must_use]
    pub(crate) fn mosquitto(mut self, figure: impl Into<String>) -> Self {
        self.mosquitto = figure.into();
        self
    }
}

/// Prints the table as Markdown.
pub(crate) fn print(figures: &[Figure]) {
    println!(
        "Measured on: {}; the generator shares the machine.\n",
        process::machine()
    );
    println!("| what | messina | mosquitto | bar |\n|---|---|---|---|");
    for figure in figures {
        println!(
            "| {} | {} | {} | {} |",
            figure.what, figure.messina, figure.mosquitto, figure.bar
        );
    }
}

/// A count with its thousands apart.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [thousands(7.0), thousands(1234.4), thousands(1_234_567.0)],
            ["7", "1,234", "1,234,567"]
        );
    }
}
