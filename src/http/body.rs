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
use tokio::time::{Instant, Sleep};
use zeroize::Zeroizing;

use super::config::Limits;
use super::conn::Conn;

/// Time a client has before its average rate is looked at.
const START: Duration = Duration::from_secs(10);

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
}

impl PacedBody {
    pub(super) fn new(inner: Body, pace: Pace, conn: Option<Arc<Conn>>) -> Self {
        Self { inner, pace, conn, bytes: 0, waited: Duration::ZERO, waiting_since: None, timer: None }
    }
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = &mut *self;
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

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
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
