//! The image of `bench scan`: three gzip layers, about 450 MB unpacked: Debian with Python, nginx and curl; Python packages; npm packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Popular packages, so that the layers look like those of a service.
const PYTHON: &[&str] = &[
    "django==4.2.0",
    "requests==2.31.0",
    "flask==2.3.2",
    "sqlalchemy==2.0.15",
    "numpy==1.26.4",
    "pandas==2.1.4",
    "pillow==10.0.0",
    "cryptography==41.0.0",
    "boto3==1.26.0",
    "celery==5.3.0",
    "gunicorn==20.1.0",
    "pyyaml==6.0.1",
];
const NPM: &[&str] = &[
    "express@4.18.2",
    "lodash@4.17.20",
    "axios@1.4.0",
    "react@18.2.0",
    "webpack@5.88.0",
    "typescript@5.1.6",
    "eslint@8.44.0",
    "jest@29.6.0",
    "esbuild@0.18.11",
];

/// Builds the image once and returns its OCI layout folder.
pub(crate) fn build(folder: &Path) -> Result<PathBuf> {
    let layout = folder.join("image");
    if layout.join("index.json").is_file() {
        return Ok(layout);
    }
    let roots = ["base", "python", "npm"].map(|name| folder.join(name));
    for root in &roots {
        fs::create_dir_all(root)?;
    }
    if !roots[0].join("etc/os-release").exists() {
        let include = "--include=python3,nginx,curl,ca-certificates,git";
        let base = roots[0].display().to_string();
        run("debootstrap", &["--variant=minbase", include, "bookworm", &base])?;
        run(
            "sh",
            &[
                "-c",
                &format!("rm -rf {base}/var/cache/apt/archives/*.deb {base}/var/lib/apt/lists/*"),
            ],
        )?;
    }
    let site = roots[1].join("usr/local/lib/python3.11/dist-packages").display().to_string();
    let mut pip = vec!["install", "--quiet", "--no-compile", "--target", &site];
    pip.extend(PYTHON);
    run("pip", &pip)?;
    let app = roots[2].join("srv/app").display().to_string();
    let mut npm = vec!["install", "--silent", "--no-audit", "--no-fund", "--prefix", &app];
    npm.extend(NPM);
    run("npm", &npm)?;
    write_layout(&layout, &roots)?;
    Ok(layout)
}

fn write_layout(layout: &Path, roots: &[PathBuf]) -> Result<()> {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
    for root in roots {
        let tar = layout.join("layer.tar");
        let (tar_name, root_name) = (tar.display().to_string(), root.display().to_string());
        run("tar", &["--sort=name", "--numeric-owner", "-C", &root_name, "-cf", &tar_name, "."])?;
        diff_ids.push(format!("sha256:{}", sha256(&tar)?));
        run("gzip", &["-6", "-n", "-f", &tar_name])?;
        layers.push(add(
            &blobs,
            &layout.join("layer.tar.gz"),
            "application/vnd.oci.image.layer.v1.tar+gzip",
        )?);
    }
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = add_json(&blobs, layout, &config, "application/vnd.oci.image.config.v1+json")?;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers,
    });
    let manifest = add_json(&blobs, layout, &manifest, media_type)?;
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string())?;
    Ok(())
}

fn add_json(
    blobs: &Path,
    layout: &Path,
    document: &serde_json::Value,
    media_type: &str,
) -> Result<serde_json::Value> {
    let path = layout.join("document.json");
    fs::write(&path, document.to_string())?;
    add(blobs, &path, media_type)
}

/// Moves a file among the blobs and returns its descriptor.
fn add(blobs: &Path, file: &Path, media_type: &str) -> Result<serde_json::Value> {
    let (hex, size) = (sha256(file)?, fs::metadata(file)?.len());
    fs::rename(file, blobs.join(&hex))?;
    Ok(
        serde_json::json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": size }),
    )
}

fn sha256(file: &Path) -> Result<String> {
    let output = Command::new("sha256sum").arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split(' ').next().context("sha256sum printed nothing")?.to_owned())
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .status()
        .with_context(|| format!("failed to run `{program}`"))?;
    if !status.success() {
        bail!("`{program} {}` failed", arguments.join(" "));
    }
    Ok(())
}
