//! The runner of the measured workloads: one JSON object per line, each task in its own process.
//!
//! ```text
//! cargo run --release -p purlin-bench -- [--list] [--only SUBSTR[,SUBSTR]] [--threads N] [--quick | --growth] [--data DIR]
//! ```
//!
//! `benches/peers/compare` runs it in turn with other libraries and prints the ratios; the program
//! `clustering_growth` does so with the tasks of `--growth` and draws them.
#![allow(clippy::print_stdout, reason = "the lines on standard output are the product")]

mod augment;
mod cluster;
mod elementwise;
mod gan;
mod gemm;
mod generate;
mod inputs;
mod linear;
mod measure;
mod train;

use clap::Parser;
use measure::Row;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Measures the workloads and prints one JSON object per line.
#[derive(Parser, Clone)]
struct Arguments {
    /// Print the names of the tasks and stop.
    #[arg(long)]
    list: bool,
    /// Only tasks whose name contains one of these, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Threads of the pool; pin the process to one core for 1 (`taskset -c 0`).
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Three repeats instead of five.
    #[arg(long)]
    quick: bool,
    /// Clustering of more and more samples instead of the tasks of the table, briefly.
    #[arg(long)]
    growth: bool,
    /// Folder with `jpeg/{a,b}`, written by `benches/peers/augment.py --gen-only`; without it the
    /// decoding tasks are left out.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Run this one task in this process.
    #[arg(long, hide = true)]
    task: Option<String>,
}

/// A measured piece of work.
struct Task {
    name: String,
    run: Box<dyn FnOnce() -> Row>,
}

impl Task {
    fn new(name: impl Into<String>, run: impl FnOnce() -> Row + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

fn tasks(arguments: &Arguments) -> Vec<Task> {
    if arguments.growth {
        return cluster::growth();
    }
    let mut tasks = gemm::tasks();
    tasks.extend(train::tasks());
    tasks.extend(generate::tasks());
    tasks.extend(gan::tasks());
    tasks.extend(linear::tasks());
    tasks.extend(augment::tasks(arguments.data.as_deref()));
    tasks.extend(elementwise::tasks());
    tasks.extend(cluster::tasks());
    tasks
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    measure::set_quick(arguments.quick);
    measure::set_brief(arguments.growth);
    if let Some(name) = &arguments.task {
        return run_one(&arguments, name);
    }
    let wanted = |name: &str| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part.as_str()))
    };
    let mut failed = false;
    for task in tasks(&arguments).into_iter().filter(|task| wanted(&task.name)) {
        if arguments.list {
            println!("{}", task.name);
        } else {
            failed |= !run_in_child(&arguments, &task.name);
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run_one(arguments: &Arguments, name: &str) -> ExitCode {
    if let Err(error) =
        rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()
    {
        println!("purlin-bench: {error}");
        return ExitCode::FAILURE;
    }
    match tasks(arguments).into_iter().find(|task| task.name == name) {
        Some(task) => {
            println!("{}", (task.run)().line(name, "purlin", arguments.threads));
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// A process of its own, so that peak memory and warm caches belong to the task alone.
fn run_in_child(arguments: &Arguments, name: &str) -> bool {
    let Ok(program) = std::env::current_exe() else { return false };
    let mut command = Command::new(program);
    command.args(["--task", name, "--threads", &arguments.threads.to_string()]);
    if arguments.quick {
        command.arg("--quick");
    }
    if arguments.growth {
        command.arg("--growth");
    }
    if let Some(data) = &arguments.data {
        command.arg("--data").arg(data);
    }
    command.status().is_ok_and(|status| status.success())
}
