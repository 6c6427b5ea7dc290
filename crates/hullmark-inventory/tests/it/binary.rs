//! Tests of `binary`.
