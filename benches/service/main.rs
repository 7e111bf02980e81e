//! The service measured against its own plaintext twin and against PostgreSQL, in one run: a table, and JSON.
//!
//! ```text
//! cargo bench --bench service                    every row; takes about twenty minutes
//! cargo bench --bench service -- reads files     the rows with these names
//! cargo bench --bench service -- --quick         small sizes, to see that it works; the figures mean little
//! cargo bench --bench service -- --json FILE     JSON elsewhere than in target/bench/service.json
//! ```
//!
//! How each figure is come by is said in `docs/performance.md`.

mod args;
mod client;
mod console;
mod files;
mod growth;
mod home;
mod person;
mod postgres;
mod records;
mod report;
mod rounds;
mod search;
mod side;
mod sign_in;
mod space;
mod twin;

use std::path::Path;
use std::process::ExitCode;

use args::Args;
use report::Report;

/// Whatever went wrong, in words: a measurement that fails ends the run.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One group of rows: its name, by which the command line chooses it, and what measures it.
type Group = (&'static str, fn(&Args, &mut Report) -> Outcome);

const GROUPS: [Group; 10] = [
    ("submissions", records::submissions),
    ("reads", records::reads),
    ("files", files::files),
    ("search", search::search),
    ("console", console::console),
    ("attack", sign_in::attack),
    ("timing", sign_in::timing),
    ("growth", growth::growth),
    ("space", space::space),
    ("postgres", postgres::postgres),
];

/// First arguments by which this program starts itself again as something else.
const TWIN: &str = "--as-twin";
const CLIENT: &str = "--as-client";
const REST: &str = "--at-rest";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [TWIN, folder, token] => twin::run(Path::new(folder), token),
        [CLIENT] => client::main(),
        [REST, what, folder] => growth::rest(what, folder),
        _ => run(&words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome {
    let args = Args::parse(words)?;
    if let Some(word) = args.rows.iter().find(|word| !GROUPS.iter().any(|(name, _)| name.contains(word.as_str()))) {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no row is called {word}; there are: {}", names.join(", ")).into());
    }
    std::fs::create_dir_all(&args.scratch)?;
    let mut report = Report::new(args.quick)?;
    for (name, measure) in GROUPS.iter().filter(|(name, _)| args.wants(name)) {
        eprintln!("bench: {name}");
        measure(&args, &mut report).map_err(|e| format!("{name}: {e}"))?;
        // After each group, so that a later failure costs nothing that stands already.
        report.write_json(&args.json)?;
    }
    print!("{}", report.table());
    println!("\nJSON: {}", args.json.display());
    Ok(())
}
