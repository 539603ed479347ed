//! The command and the library on whole captures: everything that needs neither root nor an allocator of its own.

// The order of the rooms, read from the sources.
mod architecture;
// Many captures: order, bad files, and runs that are stopped.
mod batch;
// Captures with more connections than are followed at one time.
mod bounds;
// Usage, errors, exit status and pipes.
mod cli;
// The pages: each code has its own, and what they name exists.
mod docs;
// Flat rows, their published columns, and that real output has them.
mod flat;
// The test captures: verdicts against their READMEs, reports against the files next to them.
mod golden;
// Command lines typed from habit.
mod habits;
// Healthy connections by the thousand, none of which may raise an alarm.
mod healthy;
// The test captures with packets missing: no fault where all is fine.
mod incomplete;
// The committed JSON Schema, and that real output keeps to it.
mod json_schema;
// Logs next to captures, and logs alone.
mod logs;
// Questions without a usable answer, and hosts by their names.
mod lookups;
// A plugin's status line and Prometheus' metrics.
mod monitoring;
// The page besides another output.
mod page;
// Manual pages, completions, the examples of docs, the Debian package and the static binary.
mod packaging;
// The README's picture of a terminal.
mod picture;
// The test captures as other tools print them.
mod printed;
// The questions of docs/json.md, answered by jq.
mod recipes;
// Reports without the names of the hosts and users in the captures.
mod redacted;
// The test captures in other forms: cut, with a VLAN tag, over IPv6.
mod rewritten;
// What a process may still do while it reads.
mod rights;
// Every link type under every kind of selection.
mod selection;
// The length of files.
mod size;
mod spoken;
// What several of these files use.
mod support;
// Generated packets against tcpdump's own output.
mod tcpdump_output;
// The test captures as text, by tcpdump and by `-o tcpdump`.
mod transcripts;
// Pipes whose writer pauses, and files that grow.
mod waiting;
