//! The command line: one file a command. Only here is anything printed, parsed from arguments or exited with.
//!
//! Human text goes to stderr, data (`--json`) to stdout. Exit code 0: done, converged; 1: ran but did not converge;
//! 2: bad input.

mod adapt;
mod bench;
mod cite;
mod info;
mod input;
mod interrupt;
mod mesh;
mod monitor;
mod mover;
mod operator;
mod outputs;
mod pinn;
mod pinn_pictures;
mod problem;
mod progress;
mod rollout;
mod samples;
mod scene;
mod settings;
mod solution;
mod solve;
mod train;
mod trajectories;

use crate::error::{Error, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// Poisson problems on meshes, from file to picture.
#[derive(Debug, Parser)]
#[command(name = "filet", version, about, max_term_width = 120, arg_required_else_help = true)]
#[command(
    after_help = "Text for people goes to stderr, data (--json, --csv) to stdout. Exit code 0: done, converged; 1: ran, but did not converge or was stopped by Ctrl-C; 2: bad input, with the file, the place and the cure."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Threads to compute with; several, separated by commas, for bench [default: one for each processor]
    #[arg(long, global = true, value_name = "N", value_delimiter = ',', display_order = LAST)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,

    /// Print nothing on stderr but errors
    #[arg(short, long, global = true, display_order = LAST + 1)]
    quiet: bool,

    /// Print BibTeX entries of the methods the command uses, and do nothing else
    #[arg(long, global = true, display_order = LAST + 2)]
    cite: bool,
}

/// Where the options of all commands begin in a list: behind a command's own.
const LAST: usize = 900;

#[derive(Debug, Subcommand)]
enum Command {
    Solve(Box<solve::Solve>),
    #[command(subcommand)]
    Mesh(mesh::Mesh),
    Bench(bench::Bench),
    #[command(subcommand)]
    Train(train::Train),
    #[command(subcommand)]
    Operator(operator::Operator),
    Pinn(Box<pinn::Pinn>),
    Move(Box<mover::Move>),
    Info(info::Info),
    /// Print a completion script: filet completions bash > /etc/bash_completion.d/filet
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page of filet or of a command (roff): filet manual solve | man -l -
    Manual {
        /// The command, such as solve or operator eval
        command: Vec<String>,
    },
}

/// Parses the arguments. Numbers below 0 are values, refused by what they are given for, not options.
fn parse(args: impl IntoIterator<Item = OsString>) -> std::result::Result<Cli, clap::Error> {
    fn with_negative_numbers(command: clap::Command) -> clap::Command {
        let arg = |arg: clap::Arg| match arg.get_action().takes_values() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        };
        command.mut_args(arg).mut_subcommands(with_negative_numbers)
    }
    let mut command = with_negative_numbers(Cli::command());
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))
}

/// How a command ended well.
#[derive(Debug, PartialEq)]
enum Done {
    /// All that was asked.
    Fully,
    /// It ran, but did not converge or was stopped.
    Partly,
}

/// Bytes of a thread's stack: as much as a main thread usually has.
const STACK: usize = 8 << 20;

/// Runs the command with these arguments (the program's name first) and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors: clap prints them to stdout and gives 0.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    let threads = if let [threads] = cli.threads[..] { usize::from(threads) } else { 0 };
    // Fails only where a pool exists already, in a program that calls `run` twice: then that one is used.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK).build_global();
    // On a thread of the pool: from outside every parallel loop would wake it and wait.
    let done = rayon::scope(|_| dispatch(cli));
    match done {
        Ok(Done::Fully) => ExitCode::SUCCESS,
        Ok(Done::Partly) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(help) = error.help() {
                eprintln!("help: {help}");
            }
            ExitCode::from(2)
        }
    }
}

fn dispatch(cli: Cli) -> Result<Done> {
    match cli.command {
        command if cli.cite => print_data(&cite::bibtex(&command)).map(|()| Done::Fully),
        Command::Bench(bench) => bench.run(cli.quiet, &cli.threads),
        _ if cli.threads.len() > 1 => Err(Error::Option {
            option: "--threads".into(),
            value: cli.threads.iter().map(u16::to_string).collect::<Vec<_>>().join(","),
            what: "only bench compares several numbers of threads".into(),
        }),
        Command::Solve(solve) => solve.run(cli.quiet),
        Command::Mesh(mesh) => mesh.run(cli.quiet),
        Command::Train(train) => train.run(cli.quiet),
        Command::Operator(operator) => operator.run(cli.quiet),
        Command::Pinn(pinn) => pinn.run(cli.quiet),
        Command::Move(mover) => mover.run(cli.quiet),
        Command::Info(info) => info.run(cli.quiet),
        Command::Completions { shell } => completions(shell),
        Command::Manual { command } => manual(&command),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Done> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "filet", &mut script);
    print_data(&String::from_utf8_lossy(&script)).map(|()| Done::Fully)
}

fn manual(names: &[String]) -> Result<Done> {
    let mut all = Cli::command();
    all.build();
    let mut command = &all;
    for name in names {
        command = command.find_subcommand(name).ok_or_else(|| Error::Option {
            option: "manual".into(),
            value: names.join(" "),
            what: format!("{} has no command {name}", command.get_bin_name().unwrap_or("filet")),
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(|e| Error::io("the manual page", "write", e))?;
    print_data(&String::from_utf8_lossy(&page)).map(|()| Done::Fully)
}

/// Prints data on stdout. A reader that left (`filet ... | head`) is not an error.
fn print_data(text: &str) -> Result<()> {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io("stdout", "write", e)),
        _ => Ok(()),
    }
}

/// One aligned line of human text, such as `mesh      plate.msh   2-D, ...`.
fn say(quiet: bool, what: &str, text: impl std::fmt::Display) {
    if !quiet {
        eprintln!("{what:<10}{text}");
    }
}
