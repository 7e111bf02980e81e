//! Others who come and go meanwhile.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::person::{self, Person, Staff};
use crate::scan::Needle;
use crate::service::{Service, client};

/// How many of them are looked for afterwards.
const REMEMBERED: usize = 20;

/// A few clients that submit and read until they are told to stop.
pub(crate) struct Load {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Others come one upon another, and not just now and then.
    brisk: AtomicBool,
    done: AtomicUsize,
    needles: Mutex<Vec<Needle>>,
}

impl Load {
    pub(crate) fn start(service: &Arc<Service>, staff: &Arc<Staff>, clients: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for n in 0..clients {
            tasks.spawn(come_and_go(Arc::clone(service), Arc::clone(staff), Arc::clone(&shared), n % 2 == 0));
        }
        Self { tasks, shared }
    }

    /// Waits until each client has seen a few more people off.
    pub(crate) async fn go_on(&self) {
        self.shared.brisk.store(true, Ordering::SeqCst);
        let enough = self.shared.done.load(Ordering::SeqCst) + 3 * self.tasks.len();
        while self.shared.done.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.shared.brisk.store(false, Ordering::SeqCst);
    }

    /// Ends it. Returns how many people there were, and what must not be found of some of them.
    pub(crate) async fn stop(self) -> (usize, Vec<Needle>) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        let needles = std::mem::take(&mut *self.shared.needles.lock().unwrap());
        (self.shared.done.load(Ordering::SeqCst), needles)
    }
}

async fn come_and_go(service: Arc<Service>, staff: Arc<Staff>, shared: Arc<Shared>, http2: bool) {
    while !shared.stop.load(Ordering::SeqCst) {
        let mut person = Person::new(100_000);
        let client = client(http2);
        let application = person.apply(&service, &client).await;
        let request = person.ask(&service, &client).await;
        drop(client);
        // No lists and no searches: they would rightly hold the words of those who are looked for.
        person::read_by_staff(&service, &staff, &person, [&application, &request], http2).await;
        let count = shared.done.fetch_add(1, Ordering::SeqCst);
        if count < REMEMBERED {
            shared.needles.lock().unwrap().extend(person.needles(&format!("passer-by {count}")));
        }
        // Not so many that they push whoever is looked for off the first page of a list.
        for _ in 0..100 {
            if shared.brisk.load(Ordering::SeqCst) || shared.stop.load(Ordering::SeqCst) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
