//! Images in Docker or Podman, through the daemon's socket.
//!
//! The daemon writes a `docker save` archive as one stream that cannot be asked for twice, so that it goes to a temporary file without
//! a name (see [`Spool`](crate::options::Spool)) and is read from there.
//!
//! See: Docker Engine API, `GET /images/{name}/get`.

use std::path::Path;
use std::sync::Arc;

use hullmark_oci::SourceError;
use hullmark_oci::layout::Selection;

use crate::local::store::Store;
use crate::local::{LocalImage, Opening, blocking};
use crate::options::ClientOptions;
use crate::stream::pipe;
use crate::target::ArchiveForm;
use crate::text::{describe, printable};

/// Bytes of an error's body that are looked at.
const ERROR_BODY: usize = 16 * 1024;

/// Has the daemon behind `socket` save an image, and opens what it wrote.
pub(crate) async fn open(
    options: &Arc<ClientOptions>,
    opening: Opening,
    socket: &Path,
    image: &str,
    name: String,
) -> Result<LocalImage, SourceError> {
    let unreachable = |detail| SourceError::Unreachable { what: name.clone(), detail };
    let client = reqwest::Client::builder()
        .unix_socket(socket)
        .tls_certs_only([])
        .user_agent(&options.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.daemon)
        .build()
        .map_err(|error| unreachable(describe(error)))?;
    let url = format!("http://localhost/images/{}/get", asked(image));
    let mut response = client
        .get(url)
        .send()
        .await
        .map_err(|error| unreachable(format!("`{}`: {}", socket.display(), describe(error))))?;
    match response.status().as_u16() {
        200 => {}
        404 => return Err(SourceError::NotFound { what: name }),
        status => {
            let mut body = Vec::new();
            while let Ok(Some(piece)) = response.chunk().await {
                body.extend_from_slice(&piece);
                if body.len() > ERROR_BODY {
                    break;
                }
            }
            return Err(unreachable(format!("the daemon answers HTTP {status}{}", message(&body))));
        }
    }
    let (sender, reader) = pipe();
    let what = name.clone();
    tokio::spawn(async move {
        loop {
            let piece = match response.chunk().await {
                Ok(Some(piece)) => Ok(piece),
                Ok(None) => return,
                Err(error) => {
                    Err(SourceError::Unreachable { what: what.clone(), detail: describe(error) })
                }
            };
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    });
    blocking(move || {
        let file = opening.spool.fill(reader, &name)?;
        let store = Store::index(file, &name, &opening.limits)?;
        opening.open_store(store, ArchiveForm::Any, &Selection::Only, name)
    })
    .await
}

/// What the daemon is asked for. Without a tag it would save every tag of the repository.
fn asked(image: &str) -> String {
    let hex = |text: &str| {
        (12..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = hex(image.strip_prefix("sha256:").unwrap_or(image));
    let has_tag = image.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    if is_id || has_tag { image.to_owned() } else { format!("{image}:latest") }
}

fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }
    serde_json::from_slice::<Message>(body)
        .map(|m| format!(": {}", printable(&m.message)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn a_name_without_a_tag_means_latest() {
        for (image, want) in [
            ("alpine", "alpine:latest"),
            ("alpine:3", "alpine:3"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("localhost:5000/app:1", "localhost:5000/app:1"),
            ("0123456789ab", "0123456789ab"),
            ("beef", "beef:latest"),
        ] {
            assert_eq!(asked(image), want);
        }
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(asked(&digest), digest);
        assert_eq!(asked(&format!("a/b@{digest}")), format!("a/b@{digest}"));
    }
}
