//! Every image source, against files, real servers and scripted ones.

mod local;
mod support;
mod targets;
