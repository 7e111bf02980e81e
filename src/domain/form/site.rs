//! The company's own site around a form: which origins may embed it, and to which pages it leads people on.
//!
//! Everything is compared as text in the one spelling that browsers write, so there is nothing that two parsers could
//! read differently: an address in any other spelling is simply not allowed.

use url::Url;

/// Longest address of a page, in bytes.
const LONGEST: usize = 2000;
/// Machines that are this one, for which plain HTTP is taken: nothing leaves them.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a form file says about the site around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Whose scripts may use the form by the API, and whose pages may frame it.
    pub origins: Vec<Origin>,
    /// Where a page on another site may ask to be led on to.
    pub return_to: Vec<ReturnRule>,
    /// Where everybody is led on to who asks for nothing else.
    pub thanks: Option<ReturnAddress>,
    /// Lead on without showing the receipt, where a mail confirms the submission.
    pub return_at_once: bool,
}

impl Site {
    /// The origin that a request names, if it is one of these. Compared byte for byte: `null`, another case, another port
    /// or a longer name is none.
    pub fn origin(&self, named: &[u8]) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.0.as_bytes() == named)
    }

    /// The page to lead on to when `asked` was asked for; `None` when that is not allowed.
    pub fn follow(&self, asked: &str) -> Option<ReturnAddress> {
        let address = ReturnAddress::parse(asked)?;
        let allowed = self.thanks.as_ref() == Some(&address) || self.return_to.iter().any(|rule| rule.allows(&address));
        allowed.then_some(address)
    }
}

/// An origin as browsers write it: `https://www.example.org`, with a port only where it is not the usual one. `http` for
/// this machine only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Reads an origin; `None` for any other spelling, and for what is no single origin.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        (origin_of(&url)? == text).then(|| Self(text.to_owned()))
    }

    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of a page, as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnAddress {
    text: String,
    host: String,
}

impl ReturnAddress {
    /// Reads an address. Refused: another spelling than that of browsers (so dots, backslashes and control characters
    /// have no second meaning), a user or a password, plain HTTP to another machine, and slashes in disguise.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= LONGEST && text.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b'\\');
        let url = Url::parse(text).ok().filter(|url| plain && url.as_str() == text)?;
        let origin = origin_of(&url)?;
        let path = url.path().to_ascii_lowercase();
        if !text[origin.len()..].starts_with('/') || ["%2f", "%5c", "%2e"].iter().any(|hidden| path.contains(hidden)) {
            return None;
        }
        let host = origin.split_once("://")?.1.to_owned();
        Some(Self { text: text.to_owned(), host })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, with the port if there is one: what people are told about where it leads.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Where a form may lead on to: one address, or, when it ends in a slash, everything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnRule(ReturnAddress);

impl ReturnRule {
    /// Reads a rule; `None` for what is no address, or has a fragment.
    pub fn parse(text: &str) -> Option<Self> {
        ReturnAddress::parse(text).filter(|_| !text.contains('#')).map(Self)
    }

    /// The rule as form files write it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it allows this address. Both are in the one spelling and the rule goes on past the origin's slash, so what
    /// begins with it has its scheme, host and port.
    fn allows(&self, address: &ReturnAddress) -> bool {
        let (rule, text) = (self.as_str(), address.as_str());
        let everything_under = rule.ends_with('/') && !rule.contains('?');
        text == rule || everything_under && text.starts_with(rule)
    }
}

/// The origin of an address, if it is one that is taken here.
fn origin_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let named = host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'[' | b':' | b']'));
    let secure = url.scheme() == "https" || url.scheme() == "http" && LOOPBACK.contains(&host);
    let anonymous = url.username().is_empty() && url.password().is_none();
    (named && !host.ends_with('.') && secure && anonymous).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for good in [
            "https://www.example.org",
            "https://example.org:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://127.0.0.1",
            "https://xn--mnchen-3ya.example",
            "https://[2001:db8::1]",
        ] {
            assert_eq!(Origin::parse(good).map(|o| o.0).as_deref(), Some(good));
        }
        for bad in [
            "",
            "null",
            "*",
            "https://*",
            "https://*.example.org",
            "https://www.example.org/",
            "https://www.example.org/a",
            "https://www.example.org:443",
            "https://WWW.example.org",
            "HTTPS://www.example.org",
            "https://münchen.example",
            "https://www.example.org.",
            "https://u@www.example.org",
            "https://www.example.org; script-src *",
            "https://a;b",
            "https://a,b",
            "https://a'b",
            "http://www.example.org",
            "http://localhost.example.org",
            "http://[::1]:80",
            "ftp://example.org",
            "data:text/html,x",
            "file:///x",
            "www.example.org",
            "//www.example.org",
            " https://www.example.org",
        ] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    fn site() -> Site {
        let rules = ["https://www.example.org/thanks", "https://shop.example.org:8443/done/", "https://a.example/?p=1"];
        Site {
            origins: vec![Origin::parse("https://www.example.org").unwrap()],
            return_to: rules.iter().map(|rule| ReturnRule::parse(rule).unwrap()).collect(),
            thanks: ReturnAddress::parse("https://www.example.org/#sent"),
            return_at_once: false,
        }
    }

    #[test]
    fn only_what_is_listed_is_followed() {
        for good in [
            "https://www.example.org/thanks",
            "https://www.example.org/#sent",
            "https://shop.example.org:8443/done/",
            "https://shop.example.org:8443/done/a/b?c=d#e",
            "https://a.example/?p=1",
        ] {
            assert_eq!(site().follow(good).map(|a| a.text).as_deref(), Some(good));
        }
        assert_eq!(site().follow("https://shop.example.org:8443/done/").unwrap().host(), "shop.example.org:8443");
        for bad in [
            "",
            "/thanks",
            "//www.example.org/thanks",
            "\\\\www.example.org/thanks",
            "https:/www.example.org/thanks",
            "https:www.example.org/thanks",
            "https://www.example.org",
            "https://www.example.org/",
            "https://www.example.org/thanks/",
            "https://www.example.org/thanks?x=1",
            "https://www.example.org/thanks#x",
            "https://www.example.org/thanks2",
            "https://www.example.org/Thanks",
            "https://www.example.org.evil.com/thanks",
            "https://www.example.organ/thanks",
            "https://evil.com/https://www.example.org/thanks",
            "https://www.example.org@evil.com/thanks",
            "https://user@www.example.org/thanks",
            "https://www.example.org:8443/thanks",
            "https://www.example.org:443/thanks",
            "http://www.example.org/thanks",
            "HTTPS://www.example.org/thanks",
            "https://WWW.example.org/thanks",
            "https://www.example.org\\thanks",
            "https://www.example.org/a/../thanks",
            " https://www.example.org/thanks",
            "https://www.example.org/thanks\n",
            "https://www.example.org/than\tks",
            "https://www.example.org/thanks\r\nSet-Cookie: a=b",
            "javascript:alert(1)//https://www.example.org/thanks",
            "data:text/html,x",
            "https://shop.example.org:8443/done",
            "https://shop.example.org/done/",
            "https://shop.example.org:84430/done/",
            "https://shop.example.org:8443/done/../admin",
            "https://shop.example.org:8443/done/%2e%2e/admin",
            "https://shop.example.org:8443/done/..%2fadmin",
            "https://shop.example.org:8443/done/..%5Cadmin",
            "https://shop.example.org:8443/done/\u{00e9}",
            "https://a.example/?p=12",
        ] {
            assert_eq!(site().follow(bad), None, "{bad:?}");
        }
        let long = format!("https://shop.example.org:8443/done/{}", "a".repeat(LONGEST));
        assert_eq!(site().follow(&long), None);
    }

    #[test]
    fn an_origin_is_compared_byte_for_byte() {
        let site = site();
        assert!(site.origin(b"https://www.example.org").is_some());
        for other in [
            "null",
            "",
            "https://example.org",
            "https://www.example.org:443",
            "https://www.example.org.evil.com",
            "https://evil-www.example.org",
            "https://WWW.EXAMPLE.ORG",
            "http://www.example.org",
            "https://www.example.org, https://www.example.org",
            "*",
        ] {
            assert!(site.origin(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_rule_is_an_address_without_a_fragment() {
        for bad in ["https://www.example.org", "https://www.example.org/a#b", "/thanks", "*", "https://*.example.org/"]
        {
            assert_eq!(ReturnRule::parse(bad), None, "{bad}");
        }
    }
}
