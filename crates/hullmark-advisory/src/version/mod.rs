//! Version orders of every ecosystem.
