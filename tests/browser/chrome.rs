//! Chromium, driven through Debian's `chromedriver`.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::prelude::*;

/// How a visitor's browser is set up.
#[derive(Clone, Copy)]
pub(crate) struct Visitor {
    /// Width of the window in CSS pixels.
    pub(crate) width: u32,
    /// Whether pages may run scripts.
    pub(crate) javascript: bool,
    /// Whether the visitor prefers dark pages.
    pub(crate) dark: bool,
}

impl Visitor {
    /// A desktop with everything at its default.
    pub(crate) const DESKTOP: Self = Self { width: 1280, javascript: true, dark: false };
}

/// A running `chromedriver`; stopped on drop.
pub(crate) struct Chrome {
    child: Child,
    url: String,
}

impl Chrome {
    /// Starts `chromedriver`.
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("chromedriver")
            .args([format!("--port={port}"), "--silent".into()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is not installed; scripts/test installs it or says how");
        let chrome = Self { child, url: format!("http://127.0.0.1:{port}") };
        let begin = Instant::now();
        while reqwest::get(format!("{}/status", chrome.url)).await.is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "chromedriver does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        chrome
    }

    /// Plugs a device for passkeys into a browser: one that is part of the machine (`internal`) or a key (`usb`). Its user is
    /// recognised, and always agrees. Returns its name, for [`Chrome::unplug`].
    pub(crate) async fn plug(&self, browser: &WebDriver, transport: &str) -> String {
        let device = json!({
            "protocol": "ctap2", "transport": transport, "hasResidentKey": true, "hasUserVerification": true,
            "isUserConsenting": true, "isUserVerified": true,
        });
        let made = reqwest::Client::new().post(self.devices(browser)).body(device.to_string()).send().await.unwrap();
        let made: Value = serde_json::from_str(&made.text().await.unwrap()).unwrap();
        made["value"].as_str().unwrap_or_else(|| panic!("no virtual authenticator: {made}")).to_owned()
    }

    /// Takes it out again.
    pub(crate) async fn unplug(&self, browser: &WebDriver, device: &str) {
        let gone = reqwest::Client::new().delete(format!("{}/{device}", self.devices(browser))).send().await.unwrap();
        assert!(gone.status().is_success(), "{}", gone.text().await.unwrap());
    }

    /// Has a browser put what it downloads into a folder.
    pub(crate) async fn keep_downloads(&self, browser: &WebDriver, folder: &Path) {
        let to = json!({ "behavior": "allow", "downloadPath": folder });
        self.tell(browser, "Browser.setDownloadBehavior", to).await;
    }

    /// Has a browser show so much of a page.
    pub(crate) async fn resize(&self, browser: &WebDriver, width: u32, height: i64) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.tell(browser, "Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// A command of Chromium's own protocol.
    async fn tell(&self, browser: &WebDriver, command: &str, params: Value) {
        let url = format!("{}/session/{}/goog/cdp/execute", self.url, browser.session_id());
        let command = json!({ "cmd": command, "params": params });
        let done = reqwest::Client::new().post(url).body(command.to_string()).send().await.unwrap();
        assert!(done.status().is_success(), "{}", done.text().await.unwrap());
    }

    /// Where the driver keeps virtual authenticators (WebAuthn level 3, section 11).
    fn devices(&self, browser: &WebDriver) -> String {
        format!("{}/session/{}/webauthn/authenticator", self.url, browser.session_id())
    }

    /// Opens a browser of its own for `visitor`.
    pub(crate) async fn visit(&self, visitor: Visitor) -> WebDriver {
        let mut caps = DesiredCapabilities::chrome();
        caps.accept_insecure_certs(true).unwrap();
        // Chromium's own sandbox does not start as root, which is what containers run tests as.
        for arg in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"] {
            caps.add_arg(arg).unwrap();
        }
        if visitor.dark {
            caps.add_arg("--blink-settings=preferredColorScheme=0").unwrap();
        }
        if visitor.width < 500 {
            // A window cannot be this narrow; a telephone's screen can.
            let metrics = json!({ "deviceMetrics": { "width": visitor.width, "height": 1600, "pixelRatio": 1.0 } });
            caps.add_experimental_option("mobileEmulation", metrics).unwrap();
        } else {
            caps.add_arg(&format!("--window-size={},1600", visitor.width)).unwrap();
        }
        if !visitor.javascript {
            let prefs = json!({ "profile.managed_default_content_settings.javascript": 2 });
            caps.add_experimental_option("prefs", prefs).unwrap();
        }
        WebDriver::new(&self.url, caps).await.unwrap()
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
