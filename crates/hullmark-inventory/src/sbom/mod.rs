//! Inventories as SBOM documents, and back.
