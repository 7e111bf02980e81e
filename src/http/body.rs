//! A request's body under limits of time: a client that trickles is cut, one that we keep waiting is not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};
use zeroize::Zeroizing;

use super::config::Limits;
use super::conn::Conn;

/// Time a client has before its average rate is looked at.
const START: Duration = Duration::from_secs(10);

/// Of a body that nobody wanted, what is read before the answer goes out, in bytes: room for most files.
pub(super) const UNREAD: u64 = 8 << 20;
/// The same for an address that asks too often: room for JSON.
pub(super) const UNREAD_REFUSED: u64 = 64 << 10;
/// And for how long.
const UNREAD_TIME: Duration = Duration::from_secs(5);

/// Why a body did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    /// It came too slowly.
    #[error("the request body came too slowly")]
    TooSlow,
    /// It is longer than this many bytes.
    #[error("the request body is too large")]
    TooLarge(u64),
    /// The connection broke, or the framing is wrong.
    #[error("the request body broke off")]
    Broken,
}

/// How slow a body may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// In total.
    pub(super) total: Duration,
    /// Bytes a second on average, after a start of ten seconds.
    pub(super) rate: u64,
}

impl Pace {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { total: Limits::seconds(limits.body_seconds), rate: limits.body_bytes_per_second }
    }

    /// How long we may have waited in all when `bytes` have come.
    fn allowance(&self, bytes: u64) -> Duration {
        match bytes.checked_div(self.rate) {
            Some(seconds) => self.total.min(START + Duration::from_secs(seconds)),
            None => self.total,
        }
    }
}

/// A body that fails with [`BodyFault::TooSlow`] when it falls behind its [`Pace`].
pub(super) struct PacedBody {
    inner: Body,
    pace: Pace,
    conn: Option<Arc<Conn>>,
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
    heir: Option<oneshot::Sender<Body>>,
}

impl PacedBody {
    pub(super) fn new(inner: Body, pace: Pace, conn: Option<Arc<Conn>>) -> Self {
        let (waited, waiting_since, timer) = (Duration::ZERO, None, None);
        Self { inner, pace, conn, bytes: 0, waited, waiting_since, timer, ended: false, heir: None }
    }

    /// Also returns who gets the body if it is dropped before its end.
    pub(super) fn with_heir(mut self) -> (Self, Unread) {
        let (heir, rest) = oneshot::channel();
        self.heir = Some(heir);
        (self, Unread(rest))
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        if let Some(heir) = self.heir.take()
            && !self.ended
            && !self.inner.is_end_stream()
        {
            let inner = std::mem::replace(&mut self.inner, Body::empty());
            let mut rest = Self::new(inner, self.pace, self.conn.take());
            (rest.bytes, rest.waited) = (self.bytes, self.waited);
            // Nobody waits for it when the request as a whole was dropped.
            let _ = heir.send(Body::new(rest));
        }
    }
}

/// What is left of a body that was dropped before its end.
pub(super) struct Unread(oneshot::Receiver<Body>);

impl Unread {
    /// Reads and forgets it, up to `most` bytes. Over HTTP/2 an answer that overtakes its request's body comes with a
    /// reset of the stream, and some clients (curl 7.88 among them) show that instead of the answer.
    pub(super) async fn drain(mut self, most: u64) {
        if let Ok(mut rest) = self.0.try_recv() {
            let _ = tokio::time::timeout(UNREAD_TIME, drain(&mut rest, most)).await;
        }
    }
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = &mut *self;
        let polled = this.poll_inner(cx);
        this.ended |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl PacedBody {
    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(next) => {
                if let Some(since) = this.waiting_since.take() {
                    this.waited += since.elapsed();
                }
                if let Some(conn) = &this.conn {
                    conn.note_progress();
                }
                Poll::Ready(match next {
                    Some(Ok(frame)) => {
                        this.bytes += frame.data_ref().map_or(0, |d| d.len() as u64);
                        Some(Ok(frame))
                    }
                    Some(Err(_)) => Some(Err(BodyFault::Broken)),
                    None => None,
                })
            }
            Poll::Pending => {
                let since = *this.waiting_since.get_or_insert_with(Instant::now);
                let until = since + this.pace.allowance(this.bytes).saturating_sub(this.waited);
                let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                if timer.deadline() != until {
                    timer.as_mut().reset(until);
                }
                timer.as_mut().poll(cx).map(|()| Some(Err(BodyFault::TooSlow)))
            }
        }
    }
}

/// The next piece of `body`; `None` at its end.
pub(super) async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, BodyFault> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => {}
            },
            Some(Err(e)) => return Err(fault(e)),
        }
    }
}

/// The whole body, at most `limit` bytes.
pub(super) async fn read_all(body: &mut Body, limit: u64) -> Result<Zeroizing<Vec<u8>>, BodyFault> {
    let announced = body.size_hint().lower();
    if announced > limit {
        return Err(BodyFault::TooLarge(limit));
    }
    let mut out = Zeroizing::new(Vec::with_capacity(usize::try_from(announced).unwrap_or(0)));
    while let Some(piece) = next_piece(body).await? {
        if (out.len() + piece.len()) as u64 > limit {
            return Err(BodyFault::TooLarge(limit));
        }
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

/// Reads and forgets what is left, up to `most` bytes. A browser shows our answer only once it got rid of its body;
/// closing on it half-way shows a connection error instead.
pub(super) async fn drain(body: &mut Body, most: u64) {
    if body.size_hint().lower() > most {
        return;
    }
    let mut seen = 0;
    while let Ok(Some(piece)) = next_piece(body).await {
        seen += piece.len() as u64;
        if seen > most {
            return;
        }
    }
}

fn fault(e: axum::Error) -> BodyFault {
    e.into_inner().downcast::<BodyFault>().map_or(BodyFault::Broken, |f| *f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    fn trickle(pieces: usize, pause: Duration) -> Body {
        let stream = futures_util::stream::unfold(0, move |n| async move {
            if n == pieces {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x")), n + 1))
        });
        Body::from_stream(stream)
    }

    fn paced(inner: Body, total: Duration, rate: u64) -> Body {
        Body::new(PacedBody::new(inner, Pace { total, rate }, None))
    }

    #[tokio::test]
    async fn a_steady_body_arrives() {
        let mut body = paced(trickle(5, Duration::from_millis(1)), Duration::from_secs(5), 0);
        assert_eq!(read_all(&mut body, 5).await.unwrap().as_slice(), b"xxxxx");
    }

    #[tokio::test]
    async fn a_trickle_is_cut_at_the_deadline() {
        let mut body = paced(trickle(1000, Duration::from_millis(20)), Duration::from_millis(100), 0);
        assert_eq!(read_all(&mut body, 1000).await, Err(BodyFault::TooSlow));
    }

    #[tokio::test]
    async fn our_own_delay_is_not_the_clients() {
        let mut body = paced(Body::from("all of it"), Duration::from_millis(1), 0);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(read_all(&mut body, 100).await.unwrap().as_slice(), b"all of it");
    }

    #[tokio::test]
    async fn what_nobody_read_is_read_before_the_answer() {
        let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let pieces = futures_util::stream::iter(0..5).map(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x"))
        });
        let pace = Pace { total: Duration::from_secs(5), rate: 0 };
        let (body, unread) = PacedBody::new(Body::from_stream(pieces), pace, None).with_heir();
        let mut body = Body::new(body);
        assert!(next_piece(&mut body).await.is_ok());
        drop(body);
        unread.drain(UNREAD).await;
        assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 5);

        // A body that was cut is not waited for again.
        let pace = Pace { total: Duration::from_millis(20), rate: 0 };
        let (body, unread) = PacedBody::new(trickle(1000, Duration::from_secs(1)), pace, None).with_heir();
        let mut body = Body::new(body);
        assert_eq!(next_piece(&mut body).await, Err(BodyFault::TooSlow));
        drop(body);
        tokio::time::timeout(Duration::from_millis(100), unread.drain(UNREAD)).await.unwrap();
    }

    #[test]
    fn the_allowance_grows_with_what_came() {
        let pace = Pace { total: Duration::from_secs(300), rate: 1024 };
        assert_eq!(pace.allowance(0), START);
        assert_eq!(pace.allowance(10 * 1024), START + Duration::from_secs(10));
        assert_eq!(pace.allowance(u64::MAX), Duration::from_secs(300));
    }

    #[tokio::test]
    async fn too_long_is_said_with_the_limit() {
        let mut body = paced(Body::from("123456"), Duration::from_secs(5), 0);
        assert_eq!(read_all(&mut body, 5).await, Err(BodyFault::TooLarge(5)));
        let mut body = paced(trickle(6, Duration::ZERO), Duration::from_secs(5), 0);
        assert_eq!(read_all(&mut body, 5).await, Err(BodyFault::TooLarge(5)));
    }
}
