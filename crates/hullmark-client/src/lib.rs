//! Opens outbound connections and local image stores: registries, layouts, archives, daemons.
//!
//! Start at [`Target::parse`] (what is meant) and [`Client::open`] (where its content comes from). Every source gives content by digest
//! through [`hullmark_oci::ImageSource`]; documents are compared with their digests here, blobs by whoever reads them.

pub mod artifact;
mod daemon;
pub mod environment;
pub mod feed;
mod local;
pub mod options;
pub mod progress;
pub mod push;
mod registry;
mod stream;
pub mod target;
mod text;

use std::sync::Arc;

use hullmark_oci::layout::Selection;
use hullmark_oci::{ImageSource, SourceError};

pub use options::ClientOptions;
pub use progress::Progress;
pub use target::Target;

use local::store::Store;
use local::{Opening, blocking};
use registry::RegistryImage;
use registry::transport::Transport;
use target::{ArchiveForm, Daemon};

/// Opens sources. Cheap to clone; clones share connections and access tokens.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: Arc<ClientOptions>,
    transport: Arc<Transport>,
}

impl Client {
    /// Creates a client. Nothing is opened yet.
    pub fn new(options: ClientOptions) -> Self {
        let options = Arc::new(options);
        let transport = Arc::new(Transport::new(options.clone()));
        Self(Arc::new(Shared { options, transport }))
    }

    /// Opens the image that a target names.
    ///
    /// # Errors
    /// If a file cannot be read, is no image, or holds several and the target does not say which; if the target is a folder or an
    /// SBOM, which are no images. A registry is not asked before the image is resolved.
    pub async fn open(&self, target: &Target) -> Result<Box<dyn ImageSource>, SourceError> {
        let options = &self.0.options;
        let opening = Opening::new(options);
        let name = target.to_string();
        let owned = target.clone();
        let image = match owned {
            Target::Layout(at) => {
                blocking(move || opening.layout(at.path, &at.selection, name)).await?
            }
            Target::Archive(at, form) => {
                blocking(move || opening.archive(&at.path, form, &at.selection, name)).await?
            }
            Target::SkopeoDir(path) => blocking(move || opening.skopeo_dir(path, name)).await?,
            Target::Registry(reference) => {
                return Ok(Box::new(RegistryImage::new(self.0.transport.clone(), reference)));
            }
            Target::Daemon(daemon, image) => {
                let socket = match daemon {
                    Daemon::Docker => &options.docker_socket,
                    Daemon::Podman => &options.podman_socket,
                };
                daemon::open(options, opening, socket, &image, name).await?
            }
            Target::Folder(_) | Target::Sbom(_) => {
                return Err(SourceError::Malformed {
                    what: name,
                    detail: "it is not an image".into(),
                });
            }
        };
        Ok(Box::new(image))
    }
}

/// Opens a tar archive that is in memory, of any form, through a temporary file. Blocks while it writes.
///
/// # Errors
/// As for an archive in a file.
pub fn open_archive_in_memory(
    bytes: &[u8],
    options: &ClientOptions,
) -> Result<Box<dyn ImageSource>, SourceError> {
    let opening = Opening::new(options);
    let name = "archive in memory";
    let file = opening.spool.fill(bytes, name)?;
    let store = Store::index(file, name, &opening.limits)?;
    let image = opening.open_store(store, ArchiveForm::Any, &Selection::Only, name.to_owned())?;
    Ok(Box::new(image))
}

/// Opens the image that a target names, with a client of its own.
///
/// # Errors
/// As [`Client::open`].
pub async fn open(
    target: &Target,
    options: &ClientOptions,
) -> Result<Box<dyn ImageSource>, SourceError> {
    Client::new(options.clone()).open(target).await
}
