//! Version orders: public test vectors, the real tools, and properties.

#![expect(clippy::print_stdout, reason = "how much was compared is part of the proof")]

mod differential;
mod properties;
mod ranges;
mod vectors;
