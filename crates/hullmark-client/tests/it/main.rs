//! Every image source, against files, real servers and scripted ones.

mod access;
mod daemon;
mod hostile;
mod local;
mod network;
mod real;
mod support;
mod targets;
