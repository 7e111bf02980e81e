//! The memory of a running process, as a core image would hold it: every mapping that can be read, stacks and all.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::scan::{Hit, Scanner};

/// A process of ours, looked at through `/proc`.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// What a look at the memory saw.
pub(crate) struct Seen {
    pub(crate) hits: Vec<Hit>,
    pub(crate) mappings: usize,
    pub(crate) bytes: usize,
}

impl Process {
    pub(crate) fn read(self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.0)).unwrap()
    }

    /// Open sockets: those that listen, and one for each connection.
    pub(crate) fn sockets(self) -> usize {
        let links = fs::read_dir(format!("/proc/{}/fd", self.0)).unwrap();
        let is_socket = |link: fs::DirEntry| {
            fs::read_link(link.path()).is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:"))
        };
        links.map(Result::unwrap).filter_map(|link| is_socket(link).then_some(())).count()
    }

    /// Waits until no more than `sockets` are open and the process has had nothing to do for a while.
    pub(crate) fn wait_until_quiet(self, sockets: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut last, mut still) = (self.ticks(), 0);
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.ticks();
            let quiet = now == last && self.sockets() <= sockets && self.is_asleep();
            still = if quiet { still + 1 } else { 0 };
            last = now;
            if still == 6 {
                return;
            }
            assert!(Instant::now() < deadline, "{} sockets are open still, instead of {sockets}", self.sockets());
        }
    }

    /// Whether every thread waits for something to happen. On a busy machine one may be about to run and use no time.
    fn is_asleep(self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).unwrap().map(Result::unwrap);
        let mut states = tasks.map(|task| fs::read_to_string(task.path().join("stat")).unwrap_or_default());
        states.all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S')))
    }

    /// Processor time used, in hundredths of a second.
    fn ticks(self) -> u64 {
        self.stat_fields()[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
    }

    /// The fields of `/proc/PID/stat` from the third, the state, on.
    fn stat_fields(self) -> Vec<String> {
        let stat = self.read("stat");
        stat.rsplit_once(") ").unwrap().1.split_whitespace().map(str::to_owned).collect()
    }

    fn signal(self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.0).unwrap()).unwrap(), signal).unwrap();
    }

    /// Runs `look` while the process stands still.
    pub(crate) fn stopped<T>(self, look: impl FnOnce() -> T) -> T {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.stat_fields()[0] != "T" {
            assert!(Instant::now() < deadline, "the process does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
        let seen = look();
        self.signal(Signal::CONT);
        seen
    }

    /// Looks through the whole memory of the process, which stands still meanwhile.
    pub(crate) fn search(self, scanner: &Scanner) -> Seen {
        self.stopped(|| self.search_stopped(scanner))
    }

    fn search_stopped(self, scanner: &Scanner) -> Seen {
        let memory = File::open(format!("/proc/{}/mem", self.0)).expect("the memory of a test build can be read");
        let stacks = self.stack_pointers();
        let mut seen = Seen { hits: Vec::new(), mappings: 0, bytes: 0 };
        for line in self.read("maps").lines() {
            let Some(mapping) = Mapping::parse(line) else { continue };
            let content = mapping.read(&memory);
            seen.mappings += 1;
            seen.bytes += content.len();
            for mut hit in scanner.scan(&mapping.name, &content) {
                hit.place = mapping.describe(hit.offset, &stacks, &content);
                seen.hits.push(hit);
            }
        }
        seen
    }

    /// Name and stack pointer of each thread.
    fn stack_pointers(self) -> Vec<(String, usize)> {
        let mut out = Vec::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.0)).unwrap().map(Result::unwrap) {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let (name, call) = (read("comm"), read("syscall"));
            let pointer = call.split_whitespace().rev().nth(1).and_then(|word| word.strip_prefix("0x"));
            if let Some(pointer) = pointer.and_then(|hex| usize::from_str_radix(hex, 16).ok()) {
                out.push((name.trim().to_owned(), pointer));
            }
        }
        out
    }
}

struct Mapping {
    from: usize,
    to: usize,
    name: String,
}

impl Mapping {
    /// A mapping that can be read and is memory; `None` for others.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        let name = words.nth(3).unwrap_or("anonymous memory").to_owned();
        let kernel = ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&name.as_str());
        let (from, to) = range.split_once('-')?;
        let number = |hex| usize::from_str_radix(hex, 16).ok();
        (rights.starts_with('r') && !kernel).then_some(Self { from: number(from)?, to: number(to)?, name })
    }

    fn read(&self, memory: &File) -> Vec<u8> {
        let mut content = vec![0; self.to - self.from];
        if memory.read_exact_at(&mut content, self.from as u64).is_err() {
            // Pages of a file beyond its end cannot be read; the others can.
            for (n, page) in content.chunks_mut(4096).enumerate() {
                let _ = memory.read_exact_at(page, (self.from + n * 4096) as u64);
            }
        }
        content
    }

    /// Where it is, for whoever looks for the leak: the thread whose stack it is, and what stands around it.
    fn describe(&self, offset: usize, stacks: &[(String, usize)], content: &[u8]) -> String {
        let owner = stacks.iter().find(|(_, pointer)| (self.from..self.to).contains(pointer));
        let whose = owner.map_or_else(String::new, |(thread, pointer)| {
            let at = self.from + offset;
            let side = if at < *pointer { "below" } else { "above" };
            format!(" (stack of {thread}, {} bytes {side} its pointer)", at.abs_diff(*pointer))
        });
        let around = &content[offset.saturating_sub(32)..(offset + 96).min(content.len())];
        format!("{}{whose} [{}]", self.name, around.escape_ascii())
    }
}
