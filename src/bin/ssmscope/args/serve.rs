//! `ssmscope serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// `ssmscope serve`.
#[derive(Debug, Args)]
#[command(
    about = "Check servers when Prometheus asks: the check as a multi-target exporter",
    long_about = "Answers /probe?target=HOST[:PORT]&module=NAME with the metrics of a check made at that moment, as \
        blackbox_exporter does, /metrics with its own, and /-/healthy.\n\n\
        The configuration, in TOML, has the modules, whose fields are check's options, and the targets that may be checked: no \
        others are. docs/health-checks.md describes it.\n\n\
        It listens on this host alone unless --listen names another address: anyone who reaches it can have those targets checked, and \
        it asks nobody for a password. SIGTERM ends it when the checks that run have been answered.",
    after_help = EXAMPLES
)]
pub struct Serve {
    /// The configuration, in TOML.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Listen on this address.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9913")]
    pub listen: SocketAddr,

    /// Read the configuration and the files that it names, then end: with status 0 if all of it can be used.
    #[arg(long)]
    pub check_config: bool,
}

const EXAMPLES: &str = "\
Examples:
  ssmscope serve --config /etc/ssmscope/serve.toml
  ssmscope serve --config serve.toml --check-config
  curl 'http://127.0.0.1:9913/probe?target=ssm.example.net:8443&module=ssm'";
