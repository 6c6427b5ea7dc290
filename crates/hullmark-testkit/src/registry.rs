//! Registries for tests: the real one of the distribution, and a scripted one that lies on request. All on loopback.

mod real;
mod scripted;
mod tls;
mod token;

pub use real::{Access, Registry, Setup};
pub use scripted::{Body, Reply, Request, Server};
pub use tls::Authority;
pub use token::TokenService;
