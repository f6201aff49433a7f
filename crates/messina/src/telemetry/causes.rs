//! An error on one line.

use std::error::Error;

/// The error and its causes, outermost first.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("rows wait")]
    struct Waiting(#[source] std::io::Error);

    #[test]
    fn causes_follow_their_effects() {
        let disk = std::io::Error::other("the disk is full");
        assert_eq!(with_causes(&Waiting(disk)), "rows wait: the disk is full");
    }
}
