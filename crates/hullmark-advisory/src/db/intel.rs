//! Known exploitation (CISA KEV) and exploit predictions (EPSS), each a small segment of its own.

use super::format::{Corrupt, Decoder, Encoder};
use super::segment::Segment;
use crate::finding::{Epss, Kev};

/// Name of the segment with CISA's catalogue.
pub const KEV: &str = "kev";
/// Name of the segment with FIRST's predictions.
pub const EPSS: &str = "epss";

/// Where the two segments are among the database's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intel {
    kev: Option<usize>,
    epss: Option<usize>,
}

impl Intel {
    pub(super) fn find(segments: &[Segment]) -> Self {
        let position = |name| segments.iter().position(|s| s.meta().name == name);
        Self { kev: position(KEV), epss: position(EPSS) }
    }

    pub(super) fn kev(self, segments: &[Segment], id: &str) -> Result<Option<Kev>, Corrupt> {
        let value = self.kev.and_then(|at| segments.get(at)).map(|s| s.value(id)).transpose()?;
        value.flatten().map(decode_kev).transpose()
    }

    pub(super) fn epss(self, segments: &[Segment], id: &str) -> Result<Option<Epss>, Corrupt> {
        let value = self.epss.and_then(|at| segments.get(at)).map(|s| s.value(id)).transpose()?;
        value.flatten().map(decode_epss).transpose()
    }
}

/// Returns the bytes under which an entry of the catalogue is filed.
pub(crate) fn encode_kev(kev: &Kev) -> Vec<u8> {
    let mut e = Encoder::default();
    e.text(&kev.added);
    e.text(&kev.due);
    e.byte(u8::from(kev.ransomware));
    e.0
}

fn decode_kev(bytes: &[u8]) -> Result<Kev, Corrupt> {
    let mut d = Decoder(bytes);
    Ok(Kev { added: d.text()?.into(), due: d.text()?.into(), ransomware: d.byte()? != 0 })
}

/// Returns the bytes under which a prediction is filed: two 32-bit floats.
pub(crate) fn encode_epss(epss: Epss) -> Vec<u8> {
    [epss.score.to_le_bytes(), epss.percentile.to_le_bytes()].concat()
}

fn decode_epss(bytes: &[u8]) -> Result<Epss, Corrupt> {
    let (score, percentile) = bytes.split_at_checked(4).ok_or(Corrupt::Bounds)?;
    let float =
        |bytes: &[u8]| bytes.try_into().map(f32::from_le_bytes).map_err(|_| Corrupt::Bounds);
    Ok(Epss { score: float(score)?, percentile: float(percentile)? })
}
