//! `cargo xtask kill9`: the kill -9 rounds alone, as many as wanted, with the seed of a run to repeat.

use anyhow::{Context as _, Result, bail};

use crate::command::{cargo, check};

/// Runs the rounds: `--rounds N`, `--seed S`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check(&mut cargo(["build", "--package", "messina", "--locked"]))?;
    let mut command = cargo([
        "test",
        "--locked",
        "--package",
        "messina-e2e",
        "--test",
        "kill9",
    ]);
    command.args(["--", "--nocapture"]);
    for pair in arguments.chunks(2) {
        let [option, value] = pair else {
            bail!("`{}` needs a number", pair.concat())
        };
        let _number: u64 = value
            .parse()
            .with_context(|| format!("`{value}` is not a number"))?;
        match option.as_str() {
            "--rounds" => command.env("MESSINA_ROUNDS", value),
            "--seed" => command.env("MESSINA_SEED", value),
            other => bail!("there is no option `{other}`; there are --rounds and --seed"),
        };
    }
    check(&mut command)
}
