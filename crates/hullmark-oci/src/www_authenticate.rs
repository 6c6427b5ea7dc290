//! `WWW-Authenticate`: how a server says which credentials it wants.
//!
//! See: RFC 9110 §11.6.1 (challenges), RFC 6750 §3 (Bearer), RFC 7617 (Basic).

use std::collections::BTreeMap;

/// Bytes of one header that are looked at. Real challenges have a few hundred.
const HEADER_LIMIT: usize = 16 * 1024;

/// One way in which a server lets a client authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

/// Why a header is not a list of challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseChallengeError {
    /// The header is longer than any honest one.
    #[error("the challenge is longer than {HEADER_LIMIT} bytes")]
    TooLong,
    /// A character where a scheme, a name or a value should begin.
    #[error("unexpected character at byte {0} of the challenge")]
    Unexpected(usize),
    /// A quoted value without its closing quote.
    #[error("the quoted value at byte {0} of the challenge has no end")]
    Unterminated(usize),
    /// A parameter given twice, which two readers would read differently.
    #[error("a parameter of the challenge is given twice, again at byte {0}")]
    Duplicate(usize),
}

impl Challenge {
    /// Parses one header value into its challenges, in the server's order.
    ///
    /// # Errors
    /// If the value does not follow the grammar, or names a parameter twice.
    pub fn parse_list(header: &str) -> Result<Vec<Self>, ParseChallengeError> {
        if header.len() > HEADER_LIMIT {
            return Err(ParseChallengeError::TooLong);
        }
        let mut cursor = Cursor { bytes: header.as_bytes(), at: 0 };
        let mut challenges: Vec<Self> = Vec::new();
        loop {
            cursor.skip(|b| matches!(b, b' ' | b'\t' | b','));
            if cursor.peek().is_none() {
                return Ok(challenges);
            }
            let start = cursor.at;
            let name = cursor.token()?.to_ascii_lowercase();
            let before_space = cursor.at;
            cursor.skip(is_space);
            match (cursor.peek(), challenges.last_mut()) {
                (Some(b'='), Some(challenge)) => {
                    cursor.at += 1;
                    cursor.skip(is_space);
                    let value = cursor.value()?;
                    if challenge.parameters.insert(name, value).is_some() {
                        return Err(ParseChallengeError::Duplicate(start));
                    }
                }
                (Some(b'='), None) => return Err(ParseChallengeError::Unexpected(cursor.at)),
                (next, _) => {
                    if next.is_some_and(|b| b != b',') && before_space == cursor.at {
                        return Err(ParseChallengeError::Unexpected(cursor.at));
                    }
                    cursor.skip_token68();
                    challenges.push(Self { scheme: name, parameters: BTreeMap::new() });
                }
            }
        }
    }

    /// Returns the scheme in lower case: `basic`, `bearer`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns a parameter; `name` is in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn token(&mut self) -> Result<String, ParseChallengeError> {
        let start = self.at;
        self.skip(is_token);
        if self.at == start {
            return Err(ParseChallengeError::Unexpected(start));
        }
        Ok(self.bytes[start..self.at].iter().map(|&b| char::from(b)).collect())
    }

    fn value(&mut self) -> Result<String, ParseChallengeError> {
        if self.peek() != Some(b'"') {
            return self.token();
        }
        let start = self.at;
        self.at += 1;
        let mut value = Vec::new();
        loop {
            let byte = self.peek().ok_or(ParseChallengeError::Unterminated(start))?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    value.push(self.peek().ok_or(ParseChallengeError::Unterminated(start))?);
                    self.at += 1;
                }
                other => value.push(other),
            }
        }
        String::from_utf8(value).map_err(|_| ParseChallengeError::Unexpected(start))
    }

    /// Skips the single opaque value that schemes such as Negotiate carry in place of parameters.
    fn skip_token68(&mut self) {
        let start = self.at;
        self.skip(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
        });
        self.skip(|b| b == b'=');
        let end = self.at;
        self.skip(is_space);
        if self.peek().is_some_and(|b| b != b',') || end == start {
            self.at = start;
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(header: &str) -> String {
        match Challenge::parse_list(header) {
            Ok(challenges) => challenges
                .iter()
                .map(|c| format!("{}{:?}", c.scheme, c.parameters))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn challenges_are_read_as_the_rfc_says() {
        for (header, want) in [
            (
                r#"Bearer realm="https://a.example/token",service="reg",scope="repository:a/b:pull,push""#,
                r#"bearer{"realm": "https://a.example/token", "scope": "repository:a/b:pull,push", "service": "reg"}"#,
            ),
            (r#"Basic realm="a \"b\" \\""#, r#"basic{"realm": "a \"b\" \\"}"#),
            ("BASIC", "basic{}"),
            (
                r#"Negotiate, Basic realm=x , ,Bearer REALM = "y" "#,
                r#"negotiate{} basic{"realm": "x"} bearer{"realm": "y"}"#,
            ),
            ("Negotiate YIIB+/==, Basic", "negotiate{} basic{}"),
            ("", ""),
            (" , ,", ""),
        ] {
            assert_eq!(show(header), want, "{header}");
        }
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        for (header, want) in [
            (r#"Bearer realm="a"#, "the quoted value at byte 13 of the challenge has no end"),
            (r#"Bearer realm="a\"#, "the quoted value at byte 13 of the challenge has no end"),
            (
                r#"Bearer realm="a",Realm="b""#,
                "a parameter of the challenge is given twice, again at byte 17",
            ),
            ("=x", "unexpected character at byte 0 of the challenge"),
            ("Bearer realm=", "bearer{}"),
            ("realm=x", "unexpected character at byte 5 of the challenge"),
            ("Bearer realm=,x=y", r#"bearer{"x": "y"}"#),
            ("Bearer a=\u{1}", "unexpected character at byte 9 of the challenge"),
            ("Bearer\u{7f}", "unexpected character at byte 6 of the challenge"),
        ] {
            assert_eq!(show(header), want, "{header}");
        }
        assert_eq!(show(&"x".repeat(HEADER_LIMIT + 1)), ParseChallengeError::TooLong.to_string());
    }
}
