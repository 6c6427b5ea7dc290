//! The `hullmark` command.

fn main() {}
