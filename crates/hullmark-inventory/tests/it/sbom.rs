//! Tests of `sbom`.
