//! What simulated devices say: the demo's script, a JSON meter, or the lines of a file.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use super::Random;

/// Readings of one payload of the demo's script.
const DEMO_READINGS: u32 = 210;

/// What devices say, and to which topic.
#[derive(Debug, Clone)]
pub enum Profile {
    /// The demo's script: event id, comma, 210 readings joined by `# `; 1.2 kB.
    Demo,
    /// A meter: a JSON object with the device, a sequence number, the time and three values.
    Json,
    /// The lines of a file in turn. Lines repeat, so that arrival can only be counted.
    Lines(Arc<[Bytes]>),
}

impl Profile {
    /// The topic devices publish to when the operator names none; `{device}` is the device's number.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::Demo => "temperature",
            Self::Json | Self::Lines(_) => "meters/{device}",
        }
    }

    /// The payload number `sequence` of a device. `run` makes payloads of different runs differ.
    pub fn payload(
        &self,
        run: u64,
        device: u32,
        sequence: u64,
        millis: i64,
        random: &mut Random,
    ) -> Bytes {
        match self {
            Self::Demo => demo(run, device, sequence, random),
            Self::Json => json(run, device, sequence, millis, random),
            Self::Lines(lines) => {
                let index = sequence.wrapping_add(u64::from(device)) % (lines.len().max(1) as u64);
                let line = usize::try_from(index)
                    .ok()
                    .and_then(|index| lines.get(index));
                line.cloned().unwrap_or_default()
            }
        }
    }

    /// Whether each payload is told from every other, so that each can be looked for.
    pub fn is_unique(&self) -> bool {
        !matches!(self, Self::Lines(_))
    }
}

fn demo(run: u64, device: u32, sequence: u64, random: &mut Random) -> Bytes {
    // Digits: run (4), device (5), sequence (9). All that fits an event id, and no two alike within a run.
    let event = (run % 9_000 + 1_000) * 100_000_000_000_000
        + u64::from(device % 100_000) * 1_000_000_000
        + sequence % 1_000_000_000;
    let mut text = String::with_capacity(1300);
    // A String does not refuse to be written to.
    let _written = write!(text, "{event},");
    for _ in 0..DEMO_READINGS {
        let _written = write!(text, "{}.{:02}# ", 2 + random.below(3), random.below(100));
    }
    Bytes::from(text)
}

fn json(run: u64, device: u32, sequence: u64, millis: i64, random: &mut Random) -> Bytes {
    let temperature = 180 + random.below(80);
    let humidity = 30 + random.below(50);
    Bytes::from(format!(
        "{{\"run\":{run},\"device\":{device},\"seq\":{sequence},\"time\":{millis},\
         \"temperature\":{}.{},\"humidity\":{humidity},\"battery\":{}}}",
        temperature / 10,
        temperature % 10,
        random.below(101),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_the_demos_shape_and_repeat_with_the_seed() {
        let payload = || Profile::Demo.payload(1, 2, 3, 0, &mut Random::new(1));
        let text = String::from_utf8(payload().to_vec()).unwrap();
        assert_eq!(payload(), text.as_bytes());
        assert!(text.starts_with("100100002000000003,"), "{text}");
        assert_eq!(text.matches("# ").count(), 210);
        assert!((1200..1300).contains(&text.len()), "{}", text.len());
        let meter = Profile::Json.payload(1, 2, 3, 4, &mut Random::new(1));
        assert!(serde_json::from_slice::<serde_json::Value>(&meter).is_ok());
    }
}
