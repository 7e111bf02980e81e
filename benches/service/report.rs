//! What was measured: one row a measure, as a table for people and as JSON for machines.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use letterlock::base::clock::{Clock, SystemClock};
use serde::Serialize;
use serde_json::Value;

use crate::Outcome;

/// One measure.
#[derive(Serialize)]
pub(crate) struct Row {
    /// What was measured, in a few words.
    pub(crate) measure: String,
    /// The figure, with its unit.
    pub(crate) value: String,
    /// What it is held against, with its unit; empty for a figure that stands alone.
    pub(crate) against: String,
    /// The figure over what it is held against.
    pub(crate) ratio: Option<f64>,
    /// What it shall reach, in words.
    pub(crate) reach: String,
    /// Whether it does; `None` where nothing is asked, or nothing was measured.
    pub(crate) met: Option<bool>,
    /// What stands behind it: each round, medians, extremes. Units are in the names.
    pub(crate) figures: Value,
}

/// All rows of a run, and where it ran.
#[derive(Serialize)]
pub(crate) struct Report {
    commit: String,
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    date: String,
    quick: bool,
    rows: Vec<Row>,
    /// What Letterlock came to in this run, to be held against PostgreSQL: submissions and reads a second.
    #[serde(skip)]
    pub(crate) letterlock_intake: Option<f64>,
    #[serde(skip)]
    pub(crate) letterlock_reads: Option<f64>,
}

impl Report {
    /// An empty report about this machine and this commit.
    pub(crate) fn new(quick: bool) -> Outcome<Self> {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned();
        let memory = field("/proc/meminfo", "MemTotal")?;
        let memory_kib: u64 = memory.trim_end_matches(" kB").parse()?;
        Ok(Self {
            commit: commit(),
            cpu: field("/proc/cpuinfo", "model name")?,
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory_kib >> 10,
            kernel,
            date: SystemClock.now().to_string(),
            quick,
            rows: Vec::new(),
            letterlock_intake: None,
            letterlock_reads: None,
        })
    }

    /// Adds a row; it is also told at once, because a run takes long.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("bench:   {}: {} · {} · {}", row.measure, row.value, row.against, verdict(&row));
        self.rows.push(row);
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = format!(
            "Commit {} · {} · {} cores · {} MiB · Linux {} · {}{}\n\n",
            self.commit,
            self.cpu,
            self.cores,
            self.memory_mib,
            self.kernel,
            self.date,
            if self.quick { " · QUICK: the figures mean little" } else { "" },
        );
        out.push_str("| measure | measured | held against | ratio | reach | |\n|---|---|---|---|---|---|\n");
        for row in &self.rows {
            let ratio = row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            let (measure, value, against, reach) = (&row.measure, &row.value, &row.against, &row.reach);
            // Writing to a string does not fail.
            let _ = writeln!(out, "| {measure} | {value} | {against} | {ratio} | {reach} | {} |", verdict(row));
        }
        out
    }

    /// Writes everything as JSON.
    pub(crate) fn write_json(&self, path: &Path) -> Outcome {
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.met {
        Some(true) => "met",
        Some(false) => "FALLS SHORT",
        None => "",
    }
}

/// The value of the first line `name : value` in a file of /proc.
fn field(path: &str, name: &str) -> Outcome<String> {
    let text = std::fs::read_to_string(path)?;
    let value = text.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name));
    Ok(value.map(|(_, value)| value.trim().to_owned()).ok_or_else(|| format!("{path} does not tell {name}"))?)
}

/// The commit measured, with a mark when sources were changed since.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let changed = git(&["status", "--porcelain", "--", "src", "benches", "Cargo.toml", "Cargo.lock"]);
    if changed.is_some_and(|text| !text.is_empty()) { head + " with changes" } else { head }
}
