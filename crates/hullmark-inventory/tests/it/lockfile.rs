//! Tests of `lockfile`.
