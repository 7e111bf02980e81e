//! Families of browsers, as far as statistics tell them apart.

use serde::{Deserialize, Serialize};

/// A family. One word is all that is kept of a `User-Agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Browser {
    /// Chrome and Chromium.
    Chrome,
    /// Firefox.
    Firefox,
    /// Safari.
    Safari,
    /// Edge.
    Edge,
    /// A program that says so.
    Bot,
    /// Every other, and none named.
    Other,
}

/// What programs call themselves.
const BOTS: [&str; 14] = [
    "bot", "crawl", "spider", "slurp", "curl/", "wget/", "python", "headless", "java/", "go-http", "libwww", "okhttp",
    "axios", "monitor",
];

impl Browser {
    /// The family of a `User-Agent`. Many name several; the order sees to that.
    pub fn of(user_agent: &str) -> Self {
        let agent = user_agent.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        if names(&BOTS) {
            Self::Bot
        } else if names(&["edg/", "edga/", "edgios/"]) {
            Self::Edge
        } else if names(&["opr/", "samsungbrowser/", "vivaldi/", "yabrowser/"]) {
            Self::Other
        } else if names(&["firefox/", "fxios/"]) {
            Self::Firefox
        } else if names(&["chrome/", "chromium/", "crios/"]) {
            Self::Chrome
        } else if names(&["safari/"]) {
            Self::Safari
        } else {
            Self::Other
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Firefox => "firefox",
            Self::Safari => "safari",
            Self::Edge => "edge",
            Self::Bot => "bot",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_apart() {
        for (agent, family) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "chrome",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0 Mobile Safari/604.1",
                "chrome",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0", "firefox"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "safari"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "edge"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 OPR/120.0", "other"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
            ("curl/8.5.0", "bot"),
            ("Mozilla/5.0 (X11) HeadlessChrome/140.0 Safari/537.36", "bot"),
            ("", "other"),
            ("something of its own", "other"),
        ] {
            assert_eq!(Browser::of(agent).as_str(), family, "{agent}");
        }
    }
}
