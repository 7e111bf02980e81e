//! The requests of a connection, counted from header to last byte of the answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use axum::http::{Request, Response, Version};
use hyper::body::{Body, Frame, SizeHint};
use tower::Service;

use super::Conn;

/// Puts the [`Conn`] into each request and keeps its counts.
#[derive(Clone)]
pub(in crate::http) struct ConnService<S> {
    inner: S,
    conn: Arc<Conn>,
}

impl<S> ConnService<S> {
    pub(super) fn new(inner: S, conn: Arc<Conn>) -> Self {
        Self { inner, conn }
    }
}

impl<S, In, Out> Service<Request<In>> for ConnService<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    S::Future: Send + 'static,
    Out: Body + Unpin,
{
    type Response = Response<CountedBody<Out>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<In>) -> Self::Future {
        if request.version() == Version::HTTP_2 {
            self.conn.http2.store(true, Ordering::Relaxed);
        }
        let in_flight = InFlight::begin(&self.conn);
        let handling = Handling::begin(&self.conn);
        request.extensions_mut().insert(self.conn.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(handling);
            answer.map(|a| a.map(|body| CountedBody { body, in_flight }))
        })
    }
}

struct InFlight(Arc<Conn>);

impl InFlight {
    fn begin(conn: &Arc<Conn>) -> Self {
        conn.in_flight.fetch_add(1, Ordering::AcqRel);
        conn.note_progress();
        Self(conn.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // Progress first: whoever sees the count at zero must also see that it only just became so.
        self.0.note_progress();
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Handling(Arc<Conn>);

impl Handling {
    fn begin(conn: &Arc<Conn>) -> Self {
        conn.handling.fetch_add(1, Ordering::AcqRel);
        Self(conn.clone())
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.note_progress();
        self.0.handling.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body. On HTTP/2 each piece taken from it is progress: there a piece is taken only when the peer has room
/// for it. On HTTP/1 it may merely go into a buffer, so there only bytes on the socket count.
pub(in crate::http) struct CountedBody<B> {
    body: B,
    in_flight: InFlight,
}

impl<B: Body + Unpin> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.in_flight.0.note_piece();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
