//! Threads that work behind the others.

/// How far behind, as a "nice" value of Linux: a third of the share of any other thread, where there is too little for all (sched(7)).
const NICE: i32 = 5;

/// Lets every other thread of the machine go first, from now on. On Linux this holds for the calling thread alone, which cannot
/// take it back: it has to be one of its own.
pub fn step_back() {
    // Without it the work is done as well.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the priority of a thread stays as it is");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_calling_thread_steps_back() {
        let of_this_thread = || rustix::process::getpriority_process(None).unwrap();
        let before = of_this_thread();
        let there = std::thread::spawn(move || {
            super::step_back();
            of_this_thread()
        });
        assert_eq!(there.join().unwrap(), before.max(super::NICE));
        assert_eq!(of_this_thread(), before);
    }
}
