//! Lines as every family of text has them: bounded, and without what stands around the text.

pub mod lines;
