//! Clustering by other Rust crates, on the rows and the data of `benches/peers/cluster.py`.
//!
//! ```text
//! cargo run --release -- [--list] [--only SUBSTR[,SUBSTR]] [--threads N] [--quick]
//! ```
//!
//! Prints the JSON objects of `purlin-bench`, with the name of the crate as `peer`; each row runs in a
//! process of its own. A row whose first call takes over a minute is left out, with a note on
//! standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program, which prints")]

#[allow(dead_code, reason = "of a shared file not all is used")]
#[path = "../../../src/cluster/blobs.rs"]
mod blobs;
mod density;
#[allow(dead_code, reason = "of a shared file not all is used")]
#[path = "../../../src/inputs.rs"]
mod inputs;
mod kmeans;
mod linkage;
#[allow(dead_code, reason = "of a shared file not all is used")]
#[path = "../../../src/measure.rs"]
mod measure;
mod mixture;
mod task;

use clap::Parser;
use std::process::{Command, ExitCode};
use task::Task;

/// Measures clustering by other Rust crates and prints one JSON object per line.
#[derive(Parser)]
struct Arguments {
    /// Print the names of the rows and stop.
    #[arg(long)]
    list: bool,
    /// Only rows whose name contains one of these, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Threads of the pool; pin the process to one core for 1 (`taskset -c 0`).
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Three repeats instead of five.
    #[arg(long)]
    quick: bool,
    /// Run this one row, `TASK@PEER`, in this process.
    #[arg(long, hide = true)]
    case: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    measure::set_quick(arguments.quick);
    if let Some(case) = &arguments.case {
        return run(&arguments, case);
    }
    let is_wanted = |task: &Task| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| task.name.contains(part))
    };
    for task in tasks().iter().filter(|task| is_wanted(task)) {
        let case = format!("{}@{}", task.name, task.peer);
        if arguments.list {
            println!("{case}");
        } else if !run_in_child(&arguments, &case) {
            eprintln!("{case} is left out");
        }
    }
    ExitCode::SUCCESS
}

fn tasks() -> Vec<Task> {
    let mut tasks = kmeans::tasks();
    tasks.extend(density::tasks());
    tasks.extend(linkage::tasks());
    tasks.extend(mixture::tasks());
    tasks
}

fn run(arguments: &Arguments, case: &str) -> ExitCode {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global();
    let task = tasks().into_iter().find(|task| case == format!("{}@{}", task.name, task.peer));
    match (pool, task) {
        (Ok(()), Some(task)) => {
            println!("{}", (task.run)().line(&task.name, task.peer, arguments.threads));
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn run_in_child(arguments: &Arguments, case: &str) -> bool {
    let Ok(program) = std::env::current_exe() else { return false };
    let mut command = Command::new(program);
    command.args(["--case", case, "--threads", &arguments.threads.to_string()]);
    if arguments.quick {
        command.arg("--quick");
    }
    command.status().is_ok_and(|status| status.success())
}
