//! Writes the seeds of each way in to `corpus/NAME/`, where cargo-fuzz looks for them.

use std::path::Path;

use ssmscope_fuzz::{WAYS, seeds};

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let captures = seeds::captures(&here.join("../../testdata"));
    for way in WAYS {
        let folder = here.join("corpus").join(way.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds::of(way.name, &captures).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
    }
    Ok(())
}
