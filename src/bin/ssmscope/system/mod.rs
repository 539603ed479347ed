//! What the command asks of the system that it runs on: users and rights, signals, trust stores, files that appear whole.
//!
//! It knows no packets and no verdicts.

pub mod deadline;
pub mod files;
pub mod folder;
pub mod locale;
pub mod privileges;
mod sandbox;
pub mod signals;
pub mod textfile;
pub mod trace;
pub mod trust;
mod users;
