//! Accepts commands on the control socket while the service runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::command::{Command, Failure, Reply};
use super::frame::{self, FrameError};
use super::{Desk, Listener};

/// Commands at the same time; more wait.
const AT_ONCE: usize = 16;
/// Time for a client to say what it wants.
const REQUEST: Duration = Duration::from_secs(10);
/// Time for a client to take a frame.
const TAKE: Duration = Duration::from_secs(30);
/// A sign of life at least this often.
const BEAT: Duration = Duration::from_secs(5);

/// Serves until `stop` turns true, then lets the commands under way finish, for `grace` at most.
pub async fn serve(listener: Listener, desk: Arc<Desk>, stop: watch::Receiver<bool>, grace: Duration) {
    accept(listener, stop, grace, move |command| super::start(Arc::clone(&desk), command)).await;
}

async fn accept<F>(listener: Listener, mut stop: watch::Receiver<bool>, grace: Duration, start: F)
where
    F: Fn(Command) -> mpsc::Receiver<Reply> + Clone + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = running.join_next() => {}
            incoming = listener.inner.accept() => match incoming {
                Ok((stream, _)) => {
                    let (places, start) = (Arc::clone(&places), start.clone());
                    running.spawn(async move {
                        // The semaphore is never closed.
                        let Ok(_place) = places.acquire_owned().await else { return };
                        if let Err(e) = answer(stream, start).await {
                            tracing::debug!(error = %e, "control connection ended early");
                        }
                    });
                }
                Err(e) => {
                    tracing::warn!(error = %e, "control socket");
                    // Out of file descriptors, most likely: do not spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    // No new clients from here, and no file that would promise otherwise.
    drop(listener);
    let _ = tokio::time::timeout(grace, async { while running.join_next().await.is_some() {} }).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the other end of the channel is gone, and with it the service.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn answer(mut stream: UnixStream, start: impl Fn(Command) -> mpsc::Receiver<Reply>) -> Result<(), FrameError> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        tracing::warn!(uid = peer, "refused another user on the control socket");
        return Ok(());
    }
    let command = match frame::read(&mut stream, REQUEST).await {
        Ok(command) => command,
        Err(e @ (FrameError::Content | FrameError::Length(_))) => {
            let told = "the service does not understand this command; are both of the same version?";
            frame::write(&mut stream, &Reply::Error(Failure::invalid(told)), TAKE).await?;
            return Err(e);
        }
        Err(e) => return Err(e),
    };
    let mut replies = start(command);
    let (mut done, mut total) = (0, 0);
    loop {
        let reply = match tokio::time::timeout(BEAT, replies.recv()).await {
            Err(_) => Reply::Progress { done, total },
            Ok(Some(reply)) => reply,
            Ok(None) => Reply::Error(Failure::failed("the command ended without an answer; the log says more")),
        };
        if let Reply::Progress { done: d, total: t } = reply {
            (done, total) = (d, t);
        }
        let last = matches!(reply, Reply::Done { .. } | Reply::Error(_));
        match frame::write(&mut stream, &reply, TAKE).await {
            Err(FrameError::Length(_)) => {
                let told = Failure::failed("the answer is too long for the control socket");
                return frame::write(&mut stream, &Reply::Error(told), TAKE).await;
            }
            other => other?,
        }
        if last {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::control::client::Client;
    use crate::control::socket;

    fn echo(command: Command) -> mpsc::Receiver<Reply> {
        let (replies, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let reply = |r| replies.send(r);
            match command {
                Command::Status => {
                    reply(Reply::Progress { done: 1, total: 2 }).await.unwrap();
                    reply(Reply::Item { value: json!("item") }).await.unwrap();
                    reply(Reply::Chunk { data: vec![7; 65_536].into() }).await.unwrap();
                    reply(Reply::Done { value: json!({"ok": true}) }).await.unwrap();
                }
                Command::AuditHead => {} // as after a panic: the channel just closes
                _ => reply(Reply::Done { value: json!("x".repeat(frame::MAX)) }).await.unwrap(),
            }
        });
        receiver
    }

    #[tokio::test]
    async fn one_answer_a_connection_and_a_clean_stop() {
        let dir = tempfile::tempdir().unwrap();
        let listener = Listener::bind_locked(dir.path()).unwrap();
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(accept(listener, stopped, Duration::from_secs(5), echo));

        let mut client = Client::connect(dir.path()).await.unwrap().unwrap();
        client.send(&Command::Status).await.unwrap();
        assert!(matches!(client.next().await.unwrap(), Reply::Progress { done: 1, total: 2 }));
        assert!(matches!(client.next().await.unwrap(), Reply::Item { .. }));
        assert!(matches!(client.next().await.unwrap(), Reply::Chunk { data } if data.len() == 65_536));
        assert!(matches!(client.next().await.unwrap(), Reply::Done { value } if value == json!({"ok": true})));

        for command in [Command::AuditHead, Command::StaffList] {
            let mut client = Client::connect(dir.path()).await.unwrap().unwrap();
            client.send(&command).await.unwrap();
            assert!(matches!(client.next().await.unwrap(), Reply::Error(_)));
        }

        let mut raw = socket::connect(dir.path()).await.unwrap().unwrap();
        raw.write_all(b"\0\0\0\x10{\"command\":\"x\"}!").await.unwrap();
        let reply: Reply = frame::read(&mut raw, TAKE).await.unwrap();
        assert!(matches!(reply, Reply::Error(f) if f.message.contains("version")));

        stop.send(true).unwrap();
        server.await.unwrap();
        assert!(Client::connect(dir.path()).await.unwrap().is_none());
    }
}
