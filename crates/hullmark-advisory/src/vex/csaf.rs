//! CSAF documents: the part of the format that VEX and vendors' advisories use.
//!
//! See: CSAF 2.0, OASIS standard.

use std::collections::{BTreeMap, BTreeSet};

use hullmark_inventory::purl::PackageUrl;
use serde::Deserialize;

/// How long a chain of "component of" may be: module in stream in release.
const MAX_CHAIN: usize = 8;

/// A document.
#[derive(Debug, Deserialize)]
pub(crate) struct Csaf {
    pub(crate) document: Document,
    #[serde(default)]
    product_tree: ProductTree,
    #[serde(default)]
    pub(crate) vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    #[serde(default)]
    pub(crate) title: String,
    pub(crate) tracking: Tracking,
    #[serde(default)]
    pub(crate) aggregate_severity: Option<Text>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tracking {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) initial_release_date: Option<String>,
    #[serde(default)]
    pub(crate) current_release_date: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Text {
    pub(crate) text: String,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    category: String,
    url: String,
}

#[derive(Debug, Default, Deserialize)]
struct ProductTree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<Product>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

/// Nested as deep as the JSON parser allows, which is 128 levels.
#[derive(Debug, Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Self>,
    #[serde(default)]
    product: Option<Product>,
}

#[derive(Debug, Deserialize)]
struct Product {
    product_id: String,
    #[serde(default)]
    product_identification_helper: Option<Helper>,
}

#[derive(Debug, Deserialize)]
struct Helper {
    #[serde(default)]
    cpe: Option<String>,
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Relationship {
    full_product_name: Product,
    product_reference: String,
    relates_to_product_reference: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Vulnerability {
    #[serde(default)]
    pub(crate) cve: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    pub(crate) ids: Vec<Id>,
    #[serde(default)]
    pub(crate) product_status: ProductStatus,
    #[serde(default)]
    pub(crate) remediations: Vec<Remediation>,
    #[serde(default)]
    pub(crate) threats: Vec<Threat>,
    #[serde(default)]
    pub(crate) flags: Vec<Flag>,
    #[serde(default)]
    pub(crate) scores: Vec<Score>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Id {
    pub(crate) text: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ProductStatus {
    #[serde(default)]
    pub(crate) fixed: Vec<String>,
    #[serde(default)]
    pub(crate) first_fixed: Vec<String>,
    #[serde(default)]
    pub(crate) known_affected: Vec<String>,
    #[serde(default)]
    pub(crate) known_not_affected: Vec<String>,
    #[serde(default)]
    pub(crate) under_investigation: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Remediation {
    #[serde(default)]
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) details: String,
    #[serde(default)]
    pub(crate) product_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Threat {
    #[serde(default)]
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) details: String,
    #[serde(default)]
    pub(crate) product_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Flag {
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) product_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Score {
    #[serde(default)]
    pub(crate) cvss_v2: Option<Vector>,
    #[serde(default)]
    pub(crate) cvss_v3: Option<Vector>,
    #[serde(default)]
    pub(crate) cvss_v4: Option<Vector>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Vector {
    #[serde(rename = "vectorString")]
    pub(crate) vector: String,
}

impl Document {
    /// Returns the address that the document gives for itself.
    pub(crate) fn own_reference(&self) -> Option<String> {
        self.references.iter().find(|r| r.category == "self").map(|r| r.url.clone())
    }
}

impl Vulnerability {
    pub(crate) fn title(&self) -> &str {
        self.title.as_deref().unwrap_or_default()
    }
}

impl Product {
    fn helped(&self) -> Option<(&str, &Helper)> {
        self.product_identification_helper.as_ref().map(|h| (self.product_id.as_str(), h))
    }
}

/// What product ids stand for.
pub(crate) struct Products<'a> {
    helpers: BTreeMap<&'a str, &'a Helper>,
    components: BTreeMap<&'a str, &'a Relationship>,
}

impl Csaf {
    pub(crate) fn products(&self) -> Products<'_> {
        let mut helpers = BTreeMap::new();
        let mut open: Vec<&Branch> = self.product_tree.branches.iter().collect();
        while let Some(branch) = open.pop() {
            helpers.extend(branch.product.as_ref().and_then(Product::helped));
            open.extend(&branch.branches);
        }
        helpers.extend(self.product_tree.full_product_names.iter().filter_map(Product::helped));
        let relationships = &self.product_tree.relationships;
        helpers.extend(relationships.iter().filter_map(|r| r.full_product_name.helped()));
        let components =
            relationships.iter().map(|r| (r.full_product_name.product_id.as_str(), r)).collect();
        Products { helpers, components }
    }
}

impl<'a> Products<'a> {
    /// Returns the purl of a product, or of the component that it is.
    pub(crate) fn purl(&self, id: &str) -> Option<PackageUrl> {
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            let purl = self.helpers.get(id).and_then(|helper| helper.purl.as_deref());
            if let Some(url) = purl.and_then(|purl| purl.parse().ok()) {
                return Some(url);
            }
            id = &self.components.get(id)?.product_reference;
        }
        None
    }

    /// Returns the purls and ids of everything that a product is part of, itself not included.
    pub(crate) fn parts_of(&self, id: &str) -> BTreeSet<String> {
        let mut parts = BTreeSet::new();
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            let Some(relationship) = self.components.get(id) else { break };
            id = &relationship.relates_to_product_reference;
            parts.insert(id.to_owned());
            parts.extend(self.helpers.get(id).and_then(|helper| helper.purl.clone()));
        }
        parts
    }

    /// Returns the CPE of the product that a component belongs to, and the component's purl.
    pub(crate) fn component(&self, id: &str) -> Option<(&'a str, PackageUrl)> {
        let relationship = self.components.get(id)?;
        let url = self.purl(&relationship.product_reference)?;
        let mut product = relationship.relates_to_product_reference.as_str();
        for _ in 0..MAX_CHAIN {
            if let Some(cpe) = self.helpers.get(product).and_then(|helper| helper.cpe.as_deref()) {
                return Some((cpe, url));
            }
            product = &self.components.get(product)?.relates_to_product_reference;
        }
        None
    }
}
