//! Replays `testdata/connect/*.jsonl`: what Apache Kafka Connect's own classes answer (see `tools/oracle`).
//!
//! Every file there is run; a class that is not implemented has none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

#[path = "golden/vectors.rs"]
mod vectors;

/// Differences shown of each class.
const SHOWN: usize = 8;

#[test]
fn everything_is_as_the_original_has_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/connect");
    let all = vectors::read(&directory);
    assert!(!all.is_empty(), "no vectors in {}", directory.display());
    let mut differences = BTreeMap::<String, Vec<String>>::new();
    let mut cases = BTreeMap::<String, usize>::new();
    for case in &all {
        let class = case["class"].as_str().unwrap().to_owned();
        *cases.entry(class.clone()).or_default() += 1;
        if let Some(difference) = vectors::difference(case) {
            differences.entry(class).or_default().push(difference);
        }
    }
    let mut report = String::new();
    for (class, list) in &differences {
        writeln!(report, "{class}: {} of {} differ", list.len(), cases[class]).unwrap();
        list.iter()
            .take(SHOWN)
            .for_each(|text| writeln!(report, "  {text}").unwrap());
    }
    for (class, count) in &cases {
        eprintln!(
            "{class}: {count} cases, {} differ",
            differences.get(class).map_or(0, Vec::len)
        );
    }
    assert!(differences.is_empty(), "\n{report}");
}
