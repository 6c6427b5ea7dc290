//! OCI and Docker image formats: references, digests, manifests, layers, tar, overlay paths. No IO: bytes and readers come in.
//!
//! Start at [`source::ImageSource`] (where content comes from), [`manifest`] (what it says) and [`layer`] (what is in it).

pub mod digest;
pub mod docker_save;
pub mod layer;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod media_type;
pub mod path;
pub mod platform;
pub mod reference;
pub mod source;
pub mod tar;
pub mod www_authenticate;

pub use digest::{Algorithm, Digest, Hasher};
pub use limits::Limits;
pub use manifest::{Descriptor, ImageConfig, Index, Manifest};
pub use path::FilePath;
pub use platform::Platform;
pub use reference::Reference;
pub use source::{ImageSource, SourceError};
