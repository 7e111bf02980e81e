//! Sixty-four slow uploaders and a burst of ordinary submissions at once, against the program itself on the loopback
//! address: nothing acknowledged is lost, memory stays within a bound, and ordinary submissions are answered meanwhile.
//!
//! Bounded in count and time. `LETTERLOCK_TEST_DEEP=1` sends larger files for longer, and more submissions.

#[path = "../support/served.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod served;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client};
use ring::digest;
use serde_json::{Value, json};
use served::Served;
use tokio::sync::watch;
use tokio::time::timeout;

/// Uploads under way at the same time.
const UPLOADERS: usize = 64;
/// Pieces that each file comes in.
const PIECES: usize = 64;
/// Ordinary submissions under way at the same time.
const SENDERS: usize = 16;
/// What the service may need for each upload beside what it needs when idle, in KiB: a segment, the buffers of its
/// connection, and room for the allocator. Less than a whole file, so that one kept in memory shows.
const KIB_EACH: u64 = 512;
/// And for the ordinary submissions and what is written to the store meanwhile.
const KIB_OTHERWISE: u64 = 48 << 10;
/// Far more than an ordinary submission takes, even without optimisation on a machine that others use as well.
const LONGEST: Duration = Duration::from_secs(60);

struct Size {
    file: usize,
    pause: Duration,
    ordinary: usize,
}

fn size() -> Size {
    if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() {
        Size { file: 12 << 20, pause: Duration::from_millis(1500), ordinary: 4000 }
    } else {
        Size { file: 3 << 19, pause: Duration::from_millis(100), ordinary: 160 }
    }
}

/// What an uploader was told.
struct Uploaded {
    submission: String,
    content: digest::Digest,
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_uploads_and_a_burst_at_once_lose_nothing_within_bounds() {
    let size = size();
    let settings = [
        ("LETTERLOCK_LIMITS__UPLOAD_MIB_PER_HOUR", "0"),
        ("LETTERLOCK_CACHE_MIB", "16"),
        ("LETTERLOCK_READING__MOST", "0"),
    ];
    let served = Served::with_settings(&[], &settings).await;
    // Once through before it is measured, so that what is made once is not counted.
    ordinary(&served, &served::client(), usize::MAX).await;
    let idle = memory(&served);

    let (under_way, (tell, told)) = (Arc::new(AtomicUsize::new(0)), watch::channel(false));
    let begun = Instant::now();
    let uploads: Vec<_> = (0..UPLOADERS)
        .map(|n| {
            // Each is another one.
            let content = Arc::new(support::pdf(size.file, n as u8));
            let request = upload(&served, n, &content, size.pause, &under_way, told.clone());
            tokio::spawn(async move {
                let (status, body) = answer(request).await;
                assert_eq!(status, 201, "upload {n}: {body}");
                Uploaded { submission: id(&body), content: digest::digest(&digest::SHA256, &content) }
            })
        })
        .collect();
    while under_way.load(Ordering::SeqCst) < UPLOADERS {
        assert!(begun.elapsed() < Duration::from_secs(60), "the uploads do not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let (sent, mut times) = burst(&served, size.ordinary).await;
    let after_burst = begun.elapsed();
    let still = uploads.iter().filter(|upload| !upload.is_finished()).count();
    // Only now may they end.
    let _ = tell.send(true);
    let mut uploaded = Vec::new();
    for upload in uploads {
        uploaded.push(upload.await.unwrap());
    }
    let (took, peak) = (begun.elapsed(), memory(&served));
    times.sort_unstable();
    println!("{UPLOADERS} uploads of {} KiB under way, over after {took:?}", size.file >> 10);
    println!(
        "meanwhile {} ordinary submissions within {after_burst:?}: half of them in {:?}, 99 of 100 in {:?}, the slowest in {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1],
    );
    println!("memory at most {} MiB, {} MiB more than idle", peak >> 10, (peak - idle) >> 10);
    assert_eq!(still, UPLOADERS, "uploads ended before their last piece");
    assert!(times[times.len() - 1] < LONGEST, "an ordinary submission waited for {:?}", times[times.len() - 1]);
    let most = UPLOADERS as u64 * KIB_EACH + KIB_OTHERWISE;
    assert!(most < (UPLOADERS * size.file) as u64 >> 10, "the bound would not notice files kept in memory");
    assert!(peak - idle < most, "{} KiB more than idle, {most} KiB are allowed", peak - idle);
    all_there(&served, uploaded, sent).await;
}

/// Highest resident memory of the service so far, in KiB.
fn memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// An application whose file comes in pieces: the last of them in crumbs until the word comes, as a connection on which
/// nothing moves is cut.
fn upload(
    served: &Served,
    n: usize,
    content: &Arc<Vec<u8>>,
    pause: Duration,
    under_way: &Arc<AtomicUsize>,
    told: watch::Receiver<bool>,
) -> reqwest::RequestBuilder {
    let (whole, under_way) = (Arc::clone(content), Arc::clone(under_way));
    let pieces = stream::unfold((0, told), move |(at, mut told)| {
        let (whole, under_way) = (Arc::clone(&whole), Arc::clone(&under_way));
        async move {
            let (rest, piece) = (whole.len().checked_sub(at).filter(|rest| *rest > 0)?, whole.len().div_ceil(PIECES));
            let mut take = piece.min(rest);
            if at == 0 {
                under_way.fetch_add(1, Ordering::SeqCst);
            } else if rest > piece {
                tokio::time::sleep(pause).await;
            } else if timeout(Duration::from_secs(3), told.wait_for(|over| *over)).await.is_err() {
                take = (piece / 50).min(rest);
            }
            Some((Ok::<_, std::convert::Infallible>(whole[at..at + take].to_vec()), (at + take, told)))
        }
    });
    let file = Part::stream_with_length(Body::wrap_stream(pieces), content.len() as u64).file_name("cv.pdf");
    let form = Form::new()
        .text("name", format!("Uploader {n}"))
        .text("email", format!("uploader-{n}@example.org"))
        .part("cv", file);
    // A connection of its own for each, half of them over HTTP/1.
    let client = if n.is_multiple_of(2) { served::client() } else { http1() };
    client.post(format!("{}/api/v1/forms/job-application/submissions", served.url)).multipart(form)
}

fn http1() -> Client {
    Client::builder().danger_accept_invalid_certs(true).http1_only().build().unwrap()
}

/// So many ordinary submissions, several at a time: what came of them, and how long each took.
async fn burst(served: &Served, count: usize) -> (Vec<String>, Vec<Duration>) {
    let next = AtomicUsize::new(0);
    let senders = (0..SENDERS).map(|_| async {
        let (client, mut done) = (served::client(), Vec::new());
        loop {
            let n = next.fetch_add(1, Ordering::SeqCst);
            if n >= count {
                return done;
            }
            let begun = Instant::now();
            let submission = ordinary(served, &client, n).await;
            done.push((submission, begun.elapsed()));
        }
    });
    futures_util::future::join_all(senders).await.into_iter().flatten().unzip()
}

async fn ordinary(served: &Served, client: &Client, n: usize) -> String {
    let body = json!({ "fields": {
        "name": "Sam Smith", "email": format!("sam-{n}@example.org"), "subject-line": format!("Question {n}"),
        "message": "It does not turn any more.",
    } });
    let url = format!("{}/api/v1/forms/support-request/submissions", served.url);
    let (status, body) = answer(client.post(url).json(&body)).await;
    assert_eq!(status, 201, "ordinary submission {n}: {body}");
    id(&body)
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

fn id(body: &Value) -> String {
    body["submission"].as_str().unwrap().to_owned()
}

/// Everything that was acknowledged is read back: each file byte for byte, each ordinary submission with its fields.
async fn all_there(served: &Served, uploaded: Vec<Uploaded>, sent: Vec<String>) {
    let mut ids: Vec<&String> = uploaded.iter().map(|one| &one.submission).chain(&sent).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), uploaded.len() + sent.len(), "one id for two");

    let client = served::client();
    let (hr, support) = (served.token("hr", "hr"), served.token("support", "support"));
    let get =
        |token: &str, path: String| client.get(format!("{}/api/v1/submissions/{path}", served.url)).bearer_auth(token);
    let (get, hr, support) = (&get, &hr, &support);
    // Several at a time, as each waits for its trace to be on disk.
    let files = stream::iter(&uploaded).map(|Uploaded { submission, content }| async move {
        let file = get(hr, format!("{submission}/files/0?purpose=recruitment")).send().await.unwrap();
        assert_eq!(file.status(), 200);
        let found = digest::digest(&digest::SHA256, &file.bytes().await.unwrap());
        assert_eq!(found.as_ref(), content.as_ref(), "another file came back");
    });
    files.buffer_unordered(SENDERS).collect::<()>().await;
    let submissions = stream::iter(&sent).map(|submission| async move {
        let (status, body) = answer(get(support, format!("{submission}?purpose=support"))).await;
        assert_eq!((status, &body["fields"]["name"]), (200, &json!("Sam Smith")), "{body}");
    });
    submissions.buffer_unordered(SENDERS).collect::<()>().await;
}
