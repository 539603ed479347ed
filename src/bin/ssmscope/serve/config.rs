//! The configuration: modules, whose fields are options of `check`, and the targets that may be checked.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use serde::Deserialize;
use ssmscope::limits;

use super::allowed::Allowed;
use crate::args::{self, Check, Cli, Command};
use crate::system::files;

/// Checks that run at a time, where the configuration does not say.
const PROBES: u16 = 64;

/// Seconds of Prometheus' time limit that are left for the way back, where the configuration does not say; as blackbox_exporter.
const OFFSET: f64 = 0.5;

/// Options of `check` that a module can have. The others are about one server, about output, or about what the command line of
/// `serve` decides. That a module sends secrets to a server that nobody verified can't be configured.
const FIELDS: [&str; 50] = [
    "accept",
    "all-addresses",
    "alpn",
    "basic-password-file",
    "basic-user",
    "bearer-file",
    "ca-file",
    "cert",
    "client-id",
    "client-secret-file",
    "crit-time",
    "critical",
    "crl-file",
    "expect-body",
    "expect-status",
    "follow",
    "header",
    "http",
    "insecure",
    "ipv4",
    "ipv6",
    "key",
    "method",
    "min-rsa-bits",
    "name",
    "no-sni",
    "oauth",
    "oauth-body",
    "password-file",
    "patient",
    "pin",
    "port",
    "proxy",
    "proxy-password-file",
    "require-staple",
    "resolve",
    "resume",
    "slow-after",
    "slow-response",
    "sni",
    "stall-after",
    "starttls",
    "state",
    "timeout",
    "tls-max",
    "tls-min",
    "token-path",
    "username",
    "warn-time",
    "warning",
];

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    targets: Vec<String>,
    max_probes: Option<u16>,
    timeout_offset: Option<f64>,
    #[serde(default)]
    modules: BTreeMap<String, BTreeMap<String, Value>>,
}

/// What a field of a module is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Switch(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

/// What is served.
pub struct Config {
    /// Checks that run at a time.
    pub max_probes: u16,
    /// Seconds of Prometheus' time limit that are left for the way back.
    pub timeout_offset: f64,
    /// The modules by their names.
    pub modules: BTreeMap<String, Module>,
}

/// One way to check a target.
pub struct Module {
    /// The options.
    pub options: Box<Check>,
    /// The targets that it checks.
    pub allowed: Vec<Allowed>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read, or is not a valid configuration.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let bytes =
            files::read_bounded(path, limits::CONFIG_BYTES).with_context(|| format!("--config {name}"))?;
        let text = std::str::from_utf8(&bytes).with_context(|| format!("--config {name}"))?;
        Self::parse(text).with_context(|| format!("--config {name}"))
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let written: Written = basic_toml::from_str(text)?;
        let max_probes = written.max_probes.unwrap_or(PROBES);
        ensure!(
            (1..=limits::SERVED_PROBES).contains(&max_probes),
            "max_probes is from 1 to {}",
            limits::SERVED_PROBES
        );
        let timeout_offset = written.timeout_offset.unwrap_or(OFFSET);
        ensure!((0.0..=60.0).contains(&timeout_offset), "timeout_offset is from 0 to 60 seconds");
        ensure!(!written.modules.is_empty(), "there is no module; [modules.ssm] begins one");
        let targets = &written.targets;
        let modules = written.modules.into_iter().map(|(name, fields)| {
            let module = Module::parse(fields, targets).with_context(|| format!("module {name}"))?;
            Ok((name, module))
        });
        Ok(Self { max_probes, timeout_offset, modules: modules.collect::<anyhow::Result<_>>()? })
    }
}

impl Module {
    fn parse(mut fields: BTreeMap<String, Value>, of_all: &[String]) -> anyhow::Result<Self> {
        let own = fields.remove("targets").map(Value::into_texts).transpose().context("targets")?;
        let options = options(fields)?;
        let has_own = own.is_some();
        let targets = own.as_deref().unwrap_or(of_all);
        ensure!(
            !targets.is_empty(),
            "no target may be checked: targets = [\"ssm.example.net:8443\"] names one"
        );
        let port = options.one_of_many_port();
        let allowed = targets
            .iter()
            .map(|target| Allowed::parse(target, port).map_err(|why| anyhow!("targets: '{target}': {why}")));
        let allowed: Vec<_> = allowed.collect::<anyhow::Result<_>>()?;
        ensure!(
            !options.sends_secrets() || has_own && allowed.iter().all(Allowed::is_one),
            "oauth, basic_user and bearer_file send secrets: the module needs targets of its own, each a single HOST:PORT"
        );
        Ok(Self { options, allowed })
    }
}

/// The fields as a command line of `check` would have them, so that each means what it means there.
fn options(fields: BTreeMap<String, Value>) -> anyhow::Result<Box<Check>> {
    let mut words: Vec<OsString> =
        ["ssmscope", "check", "--hostname=module.invalid"].map(OsString::from).to_vec();
    for (field, value) in fields {
        let option = field.replace('_', "-");
        if !FIELDS.contains(&option.as_str()) {
            let known = FIELDS.iter().copied().chain(["targets"]);
            let near = crate::nearness::nearest(&option, known, 1).join("").replace('-', "_");
            bail!("unknown field '{field}'; try {near}");
        }
        match value {
            Value::Switch(true) => words.push(format!("--{option}").into()),
            Value::Switch(false) => {}
            value => {
                let texts = value.into_texts().with_context(|| field.clone())?;
                words.extend(texts.iter().map(|text| OsString::from(format!("--{option}={text}"))));
            }
        }
    }
    let parsed = Cli::of_words(args::command(), words).map_err(|error| {
        let text = error.to_string();
        let what = text.split("\n\n").next().unwrap_or(&text);
        anyhow!("{}", what.strip_prefix("error: ").unwrap_or(what).trim())
    })?;
    match parsed.command {
        Command::Check(options) => Ok(options),
        _ => bail!("the fields are no options of check"),
    }
}

impl Value {
    fn into_texts(self) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Whole(number) => vec![number.to_string()],
            Self::Number(number) => vec![number.to_string()],
            Self::Text(text) => vec![text],
            Self::List(values) => {
                let texts = values.into_iter().map(Self::into_texts).collect::<anyhow::Result<Vec<_>>>()?;
                texts.concat()
            }
            Self::Switch(_) => bail!("true or false has no place here"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(text: &str) -> String {
        Config::parse(text).map(|_| ()).map_err(|error| format!("{error:#}")).unwrap_err()
    }

    #[test]
    fn fields_are_options_of_check() {
        let config = Config::parse(
            "targets = ['ssm.example.net', '*.lab.example.net:443']\nmax_probes = 8\n\
             [modules.ssm]\ntimeout = 5\nhttp = '/'\nexpect_status = ['200-299', 401]\ninsecure = false\nwarning = 30\n\
             state = 'refused=warning'\nslow_after = 0.5\n[modules.other]\nport = 443\ntargets = ['192.0.2.1']\n",
        )
        .unwrap();
        let module = &config.modules["ssm"];
        assert_eq!(module.options.expect_status, [(200, 299), (401, 401)]);
        assert!(!module.options.insecure && module.options.state.len() == 1 && config.max_probes == 8);
        assert_eq!(module.allowed[1], Allowed::Below(".lab.example.net".to_owned(), 443));
        assert_eq!(config.modules["other"].allowed, [Allowed::Host("192.0.2.1".to_owned(), 443)]);
    }

    #[test]
    fn what_is_invalid_is_named_with_its_module() {
        let begin = "targets = ['ssm.example.net']\n[modules.ssm]\n";
        for (text, why) in [
            ("", "there is no module"),
            ("[modules.ssm]\n", "module ssm: no target may be checked"),
            ("targets = ['*']\n[modules.ssm]\n", "module ssm: targets: '*': a wildcard"),
            ("frob = 1\n", "unknown field `frob`"),
            ("max_probes = 0\n[modules.a]\n", "max_probes is from 1"),
            (&format!("{begin}timeot = 5\n"), "module ssm: unknown field 'timeot'; try timeout"),
            (
                &format!("{begin}timeout = 'soon'\n"),
                "module ssm: invalid value 'soon' for '--timeout <SECONDS>'",
            ),
            (&format!("{begin}output = 'json'\n"), "unknown field 'output'"),
            (&format!("{begin}capture = true\n"), "unknown field 'capture'"),
            (&format!("{begin}send_secrets_unverified = true\n"), "unknown field"),
            (&format!("{begin}http = [true]\n"), "http: true or false"),
            (
                &format!("{begin}oauth = 'client-credentials'\nclient_id = 'x'\n"),
                "oauth, basic_user and bearer_file send secrets: the module needs targets of its own",
            ),
            (&format!("{begin}http = '/'\nbasic_user = 'joe'\n"), "the module needs targets of its own"),
            (&format!("{begin}http = '/'\nbearer_file = 'token'\n"), "the module needs targets of its own"),
            (
                "[modules.t]\ntargets = ['*.example.net']\nhttp = '/'\nbearer_file = 'token'\n",
                "the module needs targets of its own",
            ),
            (
                "[modules.t]\ntargets = ['*.example.net']\noauth = 'client-credentials'\nclient_id = 'x'\n",
                "each a single HOST:PORT",
            ),
        ] {
            let fault = fault(text);
            assert!(fault.contains(why), "{text}: {fault}");
        }
    }

    /// Options of `check` that are no fields, for the reasons given at [`FIELDS`].
    const NO_FIELDS: [&str; 24] = [
        "address",
        "ascii",
        "capture",
        "format",
        "hostname",
        "html",
        "interface",
        "jobs",
        "lang",
        "log",
        "log-format",
        "log-offset",
        "log-secrets",
        "log-zone",
        "no-proxy",
        "output",
        "redact",
        "save",
        "send-secrets-unverified",
        "sort",
        "targets",
        "textfile",
        "user",
        "verbose",
    ];

    #[test]
    fn every_option_is_a_field_or_has_a_reason() {
        let command = args::command();
        let check = command.find_subcommand("check").unwrap();
        let options: Vec<_> = check.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for field in FIELDS {
            assert!(options.contains(&field), "{field}");
        }
        for option in NO_FIELDS {
            assert!(options.contains(&option), "{option}");
        }
        for option in options {
            assert!(FIELDS.contains(&option) != NO_FIELDS.contains(&option), "{option}");
        }
    }

    proptest! {
        #[test]
        fn any_configuration_is_read_without_a_panic(text in any::<String>(), field in "[a-z_]{1,12} = ['0-9a-z\\[\\],]{0,12}\n") {
            let _ = Config::parse(&text);
            let _ = Config::parse(&format!("targets = ['a']\n[modules.a]\n{field}"));
        }
    }
}
