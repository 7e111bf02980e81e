//! The service's side of a preview: starts the worker, feeds it, listens, and ends it.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::frames::Listener;
use super::{Barrier, Bounds, Failure, LARGEST, Preview, worker};
use crate::base::sensitive::SecretBytes;
use crate::domain::file::FileKind;

/// Bytes that are read from the worker at a time.
const PIECE: usize = 64 << 10;
/// How long a preview waits for others to be made.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long starting and locking in may take: milliseconds, unless the machine is busy.
const START: Duration = Duration::from_secs(5);

/// How often it is asked whether a preview is still wanted.
const LOOK: Duration = Duration::from_millis(250);

/// A file, in pieces, as they were opened; wiped with the last use.
pub type Content = Vec<SecretBytes>;

/// Makes previews.
#[derive(Debug)]
pub struct Previewer {
    program: PathBuf,
    bounds: Bounds,
    places: Arc<Semaphore>,
    /// Said to the worker as well: what tests have it do.
    trial: Vec<String>,
}

impl Previewer {
    /// Makes them by `program`, which is Letterlock itself: `/proc/self/exe`, also when its file was replaced since.
    pub fn new(program: PathBuf, bounds: Bounds) -> Self {
        Self { program, bounds, places: Arc::new(Semaphore::new(bounds.at_once as usize)), trial: Vec::new() }
    }

    /// As [`Previewer::new`], with a worker that misbehaves as told. Builds for release know no such thing: their worker refuses to
    /// start then.
    #[must_use]
    pub fn on_trial(program: PathBuf, bounds: Bounds, trial: &[&str]) -> Self {
        let trial = trial.iter().map(|word| (*word).to_owned()).collect();
        Self { trial, ..Self::new(program, bounds) }
    }

    /// What one preview may take.
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Waits a little for a place; `None` when as many are being made as may be.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }

    /// Whether a worker starts and can be locked in. Blocks.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn probe(&self) -> Result<(), Barrier> {
        match self.make(FileKind::Txt, vec![Zeroizing::new(b"probe".to_vec())]) {
            Ok(_) => Ok(()),
            Err(Failure::Barred(barrier)) => Err(barrier),
            Err(_) => Err(Barrier::Start),
        }
    }

    /// Makes the preview of a file. Blocks, no longer than [`Bounds::seconds`] and what starting takes.
    ///
    /// # Errors
    /// Why there is none. What was made before it went wrong is shown.
    pub fn make(&self, kind: FileKind, content: Content) -> Result<Preview, Failure> {
        self.make_while(kind, content, &|| true)
    }

    /// As [`Previewer::make`], for as long as `wanted` says so: it is asked every quarter of a second.
    ///
    /// # Errors
    /// As there; [`Failure::Unwanted`].
    pub fn make_while(
        &self,
        kind: FileKind,
        content: Content,
        wanted: &(dyn Fn() -> bool + Sync),
    ) -> Result<Preview, Failure> {
        if content.iter().map(|piece| piece.len() as u64).sum::<u64>() > LARGEST {
            return Err(Failure::TooLarge);
        }
        let mut child = self.start().map_err(|_| Failure::Barred(Barrier::Start))?;
        let mut listener = Listener::new(self.bounds.pages);
        let ended = self.drive(&mut child, (kind, content), &mut listener, wanted);
        // It has ended or is ended now, and leaves nothing behind.
        let _ = child.kill();
        let status = child.wait();
        let why = match ended {
            Ok(()) => None,
            // Its own limit of processor time can come before the clock on the wall, as starting counts.
            Err(Failure::Died) if status.as_ref().is_ok_and(ran_out_of_time) => Some(Failure::TooSlow),
            Err(Failure::Died) => {
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                tracing::warn!(kind = kind.extension(), status, "the process that made a preview ended");
                Some(Failure::Died)
            }
            Err(other) => Some(other),
        };
        listener.harvest(why)
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(worker::arguments(&self.bounds))
            .args(&self.trial)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }

    fn drive(
        &self,
        child: &mut Child,
        (kind, content): (FileKind, Content),
        listener: &mut Listener,
        wanted: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), Failure> {
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Barred(Barrier::Start));
        };
        let (said, heard) = sync_channel(4);
        std::thread::scope(|scope| {
            scope.spawn(move || listen(stdout, &said));
            let outcome = (|| {
                listen_until(&heard, Instant::now() + START, listener, wanted, |l| l.is_ready() || l.has_ended())?;
                if listener.has_ended() {
                    return Ok(());
                }
                // Not a byte of the file before it is locked in.
                scope.spawn(move || feed(stdin, kind, &content));
                let deadline = Instant::now() + Duration::from_secs(self.bounds.seconds);
                listen_until(&heard, deadline, listener, wanted, Listener::has_ended)
            })();
            // Both threads end with it.
            let _ = child.kill();
            drop(heard);
            outcome
        })
    }
}

/// Whether the kernel ended it for the processor time that it used.
fn ran_out_of_time(status: &ExitStatus) -> bool {
    status.signal() == Some(libc::SIGXCPU)
}

/// Hears what is said until `done`, or the deadline, or it is not wanted any more.
fn listen_until(
    heard: &Receiver<SecretBytes>,
    deadline: Instant,
    listener: &mut Listener,
    wanted: &(dyn Fn() -> bool + Sync),
    done: impl Fn(&Listener) -> bool,
) -> Result<(), Failure> {
    while !done(listener) {
        if !wanted() {
            return Err(Failure::Unwanted);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match heard.recv_timeout(left.min(LOOK)) {
            Ok(piece) => listener.hear(&piece).map_err(|_| Failure::Died)?,
            Err(RecvTimeoutError::Timeout) if left > LOOK => {}
            Err(RecvTimeoutError::Timeout) => return Err(Failure::TooSlow),
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::Died),
        }
    }
    Ok(())
}

fn listen(mut stdout: ChildStdout, said: &SyncSender<SecretBytes>) {
    loop {
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        match stdout.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(n) => piece.truncate(n),
        }
        if said.send(piece).is_err() {
            return;
        }
    }
}

/// Hands the file over. A worker that hangs up hears no more.
fn feed(mut stdin: ChildStdin, kind: FileKind, content: &Content) {
    let len: u64 = content.iter().map(|piece| piece.len() as u64).sum();
    let head = worker::head(kind, len);
    let _ = stdin.write_all(&head).and_then(|()| content.iter().try_for_each(|piece| stdin.write_all(piece)));
}
