//! Tests of `os`.
