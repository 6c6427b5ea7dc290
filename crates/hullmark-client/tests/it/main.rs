//! Every image source, against files, real servers and scripted ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod artifact;
mod daemon;
mod feed;
mod hostile;
mod local;
mod network;
mod real;
mod support;
mod targets;
