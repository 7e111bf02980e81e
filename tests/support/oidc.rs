//! The provider of `provider/provider.mjs`, in a process of its own.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the service is called there, and its secret.
pub(crate) const CLIENT: &str = "vault";
pub(crate) const SECRET: &str = "a secret with spaces & signs: 100 %";

/// A running provider; stopped on drop.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// Its root certificate, PEM, in a file.
    pub(crate) root: PathBuf,
    /// The service's secret there, in a file.
    pub(crate) secret: PathBuf,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Provider {
    /// Starts one that knows the service by this address to come back to, and signs tokens by this algorithm.
    pub(crate) fn start(redirect_uri: &str, algorithm: &str) -> Self {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/provider");
        assert!(
            packages.join("node_modules").exists(),
            "{}: the provider is not installed; scripts/test installs it or says how",
            packages.display()
        );
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let [root, key, secret] = ["root.pem", "key.pem", "secret"].map(|name| folder.path().join(name));
        fs::write(&root, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/provider/provider.mjs");
        let mut child = Command::new("node")
            .current_dir(&packages)
            .args([&script, &root, &key])
            .args([&port.to_string(), CLIENT, SECRET, redirect_uri, algorithm])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is not installed; scripts/test installs it or says how");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line == "ready");
        assert!(ready, "the provider ended: {:?}", child.try_wait());
        // What it says further is nobody's affair, but has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { issuer: format!("https://localhost:{port}"), root, secret, child, _folder: folder }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
