//! Layers to fragments, several at a time: from the cache where it has them, else read, verified and cached.

use std::io::{self, Read};
use std::sync::Arc;

use hullmark_inventory::fragment::Fragment;
use hullmark_inventory::overlay::{self, overlay};
use hullmark_inventory::scan::{self, Links};
use hullmark_inventory::{Gap, GapReason, Inventory};
use hullmark_oci::layer::{Expected, Layer, LayerError};
use hullmark_oci::{Descriptor, Digest, FilePath, ImageSource, media_type};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::images::Image;
use crate::{ExamineError, Ports, Progress, Request, blocking};

/// The fragments of one image, base first.
pub(crate) struct Fragments(Vec<(Digest, Arc<Fragment>)>);

impl Fragments {
    pub(crate) fn overlay(&self) -> Inventory {
        let layers: Vec<_> = self
            .0
            .iter()
            .map(|(diff_id, fragment)| overlay::Layer { diff_id: Some(diff_id), fragment })
            .collect();
        overlay(&layers)
    }
}

/// Reads every layer of an image once, the biggest first, at most `request.parallel` at a time.
pub(crate) async fn read(
    source: &Arc<dyn ImageSource>,
    image: &Image,
    ports: &Ports,
    request: &Request,
) -> Result<Fragments, ExamineError> {
    let mut order: Vec<usize> = (0..image.layers.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(image.layers[at].0.size));
    let slots = Arc::new(Semaphore::new(request.parallel.max(1)));
    let mut tasks = JoinSet::new();
    for at in order {
        let (descriptor, diff_id) = image.layers[at].clone();
        let task = ReadLayer {
            source: source.clone(),
            descriptor,
            diff_id,
            cache: ports.fragments.clone(),
            options: request.scan.clone(),
            progress: ports.progress.clone(),
        };
        let slots = slots.clone();
        tasks.spawn(async move {
            let _slot = slots.acquire().await;
            (at, task.run().await)
        });
    }
    let mut fragments = vec![None; image.layers.len()];
    while let Some(done) = tasks.join_next().await {
        let (at, fragment) = done.map_err(|error| ExamineError::Panicked(error.to_string()))?;
        fragments[at] = Some(Arc::new(fragment?));
    }
    let diff_ids = image.layers.iter().map(|(_, diff_id)| diff_id.clone());
    Ok(Fragments(diff_ids.zip(fragments.into_iter().flatten()).collect()))
}

struct ReadLayer {
    source: Arc<dyn ImageSource>,
    descriptor: Descriptor,
    diff_id: Digest,
    cache: Option<hullmark_inventory::cache::FragmentCache>,
    options: scan::ScanOptions,
    progress: Arc<dyn Progress>,
}

impl ReadLayer {
    async fn run(self) -> Result<Fragment, ExamineError> {
        let layer = self.descriptor.digest.clone();
        if let Some(cache) = self.cache.clone() {
            let (diff_id, executables) = (self.diff_id.clone(), self.options.executables);
            if let Some(fragment) = blocking(move || cache.load(&diff_id, executables)).await? {
                self.progress.layer_done(&layer, true);
                return Ok(fragment);
            }
        }
        if media_type::is_foreign_layer(&self.descriptor.media_type) {
            let detail = format!("layer `{layer}` is kept outside the registry");
            return Ok(missing(GapReason::ForeignLayer, detail));
        }
        self.progress.layer_started(&layer, self.descriptor.size);
        let fragment = match self.scan().await {
            Err(ExamineError::Layer { source: error @ LayerError::Unsupported(_), .. }) => {
                return Ok(missing(GapReason::Unsupported, error.to_string()));
            }
            other => other?,
        };
        self.progress.layer_done(&layer, false);
        Ok(fragment)
    }

    /// Reads the layer, a second time if hard links turned out to lead to files that had gone by.
    async fn scan(&self) -> Result<Fragment, ExamineError> {
        let first = self.pass(Links::new()).await?;
        let scanned = if first.missed.is_empty() { first } else { self.pass(first.missed).await? };
        if let Some(cache) = self.cache.clone() {
            let (diff_id, executables) = (self.diff_id.clone(), self.options.executables);
            let fragment = scanned.fragment;
            let (fragment, stored) = blocking(move || {
                let stored = cache.store(&diff_id, executables, &fragment);
                (fragment, stored)
            })
            .await?;
            if let Err(error) = stored {
                tracing::warn!(layer = %self.diff_id, %error, "failed to cache a layer's fragment");
            }
            return Ok(fragment);
        }
        Ok(scanned.fragment)
    }

    async fn pass(&self, links: Links) -> Result<scan::Scanned, ExamineError> {
        let blob = self.source.blob(&self.descriptor).await?;
        let blob = Counted { blob, progress: self.progress.clone() };
        let digest = self.descriptor.digest.clone();
        let expected = Expected {
            digest: digest.clone(),
            size: self.descriptor.size,
            diff_id: Some(self.diff_id.clone()),
        };
        let options = self.options.clone();
        blocking(move || {
            let layer = Layer::open(blob, expected, &options.limits)
                .map_err(|error| ExamineError::layer(&digest, error))?;
            let (scanned, layer) = scan::scan(layer, &links, &options)
                .map_err(|error| ExamineError::tar(&digest, error))?;
            // Only now is it known that the bytes were the right ones.
            layer.finish().map_err(|error| ExamineError::layer(&digest, error))?;
            Ok(scanned)
        })
        .await?
    }
}

/// What is known of a layer that cannot be read: that it cannot.
fn missing(reason: GapReason, detail: String) -> Fragment {
    let gap = Gap { path: FilePath::default(), layer: None, reason, detail };
    Fragment { gaps: vec![gap], ..Fragment::default() }
}

struct Counted {
    blob: Box<dyn Read + Send>,
    progress: Arc<dyn Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.blob.read(buffer)?;
        self.progress.bytes_read(count as u64);
        Ok(count)
    }
}
