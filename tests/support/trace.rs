//! Reads what `strace -f -y -xx -s 100000000` wrote about a process: every call that changes files below one folder, or
//! makes them durable, with all its bytes, in order.
//!
//! With several threads a call can be split into `<unfinished ...>` and `<... resumed>`, so each has a line at which it
//! began and one at which it was over. What began may have happened; only what is over surely has.

use std::collections::HashMap;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The calls to be traced: `strace -e trace=…`.
pub const CALLS: &str = "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,rename,\
renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,fsync,fdatasync,sync_file_range,\
copy_file_range,sendfile,close,dup,dup2,dup3,lseek";

/// A change, or the promise that changes are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file was opened so that it is made if it is missing; `empty` when it is cut to nothing if it is there.
    Create {
        path: PathBuf,
        empty: bool,
    },
    MakeDir(PathBuf),
    Write {
        path: PathBuf,
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        path: PathBuf,
        len: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// A file, or an empty folder.
    Remove(PathBuf),
    /// `fsync` (with `all`) or `fdatasync` of a file or folder. `sync_file_range` promises nothing and is left out.
    Sync {
        path: PathBuf,
        all: bool,
    },
}

/// A call with the numbers of the lines at which it began and was over.
#[derive(Clone, Debug)]
pub struct Event {
    pub call: Call,
    pub began: usize,
    pub over: usize,
}

/// Parses a trace. Only calls that succeeded, and only those on paths below `folder`.
///
/// # Panics
/// On a call that changes files in a way that this reader does not know: better than to leave it out.
pub fn parse(text: &str, folder: &Path) -> Vec<Event> {
    let mut reader = Reader { folder, unfinished: HashMap::new(), positions: HashMap::new(), events: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        reader.line(number, line);
    }
    reader.events.sort_by_key(|event| event.began);
    reader.events
}

struct Reader<'a> {
    folder: &'a Path,
    /// By thread: where the call began, and its text so far.
    unfinished: HashMap<&'a str, (usize, String)>,
    /// By descriptor: where the next `write` goes; `None` at the end of the file (`O_APPEND`).
    positions: HashMap<u32, Option<u64>>,
    events: Vec<Event>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: usize, line: &'a str) {
        let Some((thread, rest)) = line.split_once(' ') else { return };
        let rest = rest.trim_start();
        if let Some(head) = rest.strip_suffix("<unfinished ...>") {
            self.unfinished.insert(thread, (number, head.trim_end().to_owned()));
        } else if rest.starts_with("<... ") {
            let Some((began, head)) = self.unfinished.remove(thread) else { return };
            let tail = rest.split_once("resumed>").map_or("", |(_, tail)| tail);
            self.call(began, number, &format!("{head}{tail}"));
        } else {
            self.call(number, number, rest);
        }
    }

    fn call(&mut self, began: usize, over: usize, text: &str) {
        let Some((name, rest)) = text.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { return };
        if result.starts_with('-') || result.starts_with('?') {
            return;
        }
        // Strings are in hexadecimal throughout, so a comma is always one between arguments.
        let arguments: Vec<&str> = arguments.trim_end().trim_end_matches(')').split(", ").collect();
        if let Some(call) = self.understand(name, &arguments, result) {
            self.events.push(Event { call, began, over });
        }
    }

    fn understand(&mut self, name: &str, arguments: &[&str], result: &str) -> Option<Call> {
        let written = || result.split(' ').next()?.parse::<usize>().ok();
        match name {
            "openat" => return self.opened(arguments[1], arguments[2], result),
            "open" => return self.opened(arguments[0], arguments[1], result),
            "close" => {
                self.positions.remove(&descriptor(arguments[0])?);
                return None;
            }
            "mkdir" => return self.inside(quoted(arguments[0])).map(Call::MakeDir),
            "mkdirat" => return self.inside(at(arguments[0], arguments[1])).map(Call::MakeDir),
            "unlink" | "rmdir" => return self.inside(quoted(arguments[0])).map(Call::Remove),
            "unlinkat" => return self.inside(at(arguments[0], arguments[1])).map(Call::Remove),
            "rename" => {
                let from = self.inside(quoted(arguments[0]))?;
                return Some(Call::Rename { from, to: self.inside(quoted(arguments[1]))? });
            }
            "sync_file_range" | "lseek" => return None,
            _ => {}
        }
        let path = self.inside(annotated(arguments[0]))?;
        match name {
            "write" => {
                let bytes = unescape(arguments[1]);
                let bytes = bytes[..written()?].to_vec();
                let position = self.positions.entry(descriptor(arguments[0])?).or_insert(Some(0));
                let offset = position.unwrap_or(u64::MAX);
                *position = position.map(|at| at + bytes.len() as u64);
                Some(Call::Write { path, offset, bytes })
            }
            "pwrite64" => {
                let bytes = unescape(arguments[1]);
                Some(Call::Write { path, offset: arguments[3].parse().ok()?, bytes: bytes[..written()?].to_vec() })
            }
            "ftruncate" => Some(Call::SetLen { path, len: arguments[1].parse().ok()? }),
            "fsync" => Some(Call::Sync { path, all: true }),
            "fdatasync" => Some(Call::Sync { path, all: false }),
            other => panic!("{other} on {} is not known to this reader", path.display()),
        }
    }

    fn opened(&mut self, path: &str, flags: &str, result: &str) -> Option<Call> {
        let path = self.inside(quoted(path))?;
        self.positions.insert(descriptor(result)?, if flags.contains("O_APPEND") { None } else { Some(0) });
        (flags.contains("O_CREAT") || flags.contains("O_TRUNC"))
            .then(|| Call::Create { path, empty: flags.contains("O_TRUNC") })
    }

    fn inside(&self, path: Option<PathBuf>) -> Option<PathBuf> {
        // A file without a name can be reached by nobody after a crash.
        let path = path.filter(|path| !path.to_string_lossy().ends_with(" (deleted)"))?;
        path.strip_prefix(self.folder).ok().map(Path::to_owned)
    }
}

/// `5</a/path>` or `5</a/path>…`: the number.
fn descriptor(text: &str) -> Option<u32> {
    text.split('<').next()?.trim().parse().ok()
}

/// `5</a/path>`: the path.
fn annotated(text: &str) -> Option<PathBuf> {
    let inner = text.split_once('<')?.1.split('>').next()?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(unescape(inner))))
}

/// `"a path"`.
fn quoted(text: &str) -> Option<PathBuf> {
    text.starts_with('"').then(|| PathBuf::from(std::ffi::OsString::from_vec(unescape(text))))
}

/// A path given relative to a folder's descriptor.
fn at(folder: &str, path: &str) -> Option<PathBuf> {
    annotated(folder).map(|folder| folder.join(quoted(path).unwrap_or_default()))
}

/// The bytes of `"\x41\x42"`, quotes or not.
fn unescape(text: &str) -> Vec<u8> {
    let text = text.trim_matches('"');
    assert!(!text.ends_with("..."), "strace cut a string short");
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_else(|| panic!("not hexadecimal: {text}")) as u8;
    text.as_bytes().chunks_exact(4).map(|four| digit(four[2]) << 4 | digit(four[3])).collect()
}

#[test]
fn a_trace_is_read_as_strace_writes_it() {
    let hex = |text: &str| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let (folder, file) = (hex("/v"), hex("/v/a"));
    let text = [
        format!("10 openat(AT_FDCWD<{folder}>, \"{file}\", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600) = 5<{file}>"),
        format!("10 write(5<{file}>, \"{}\", 2) = 2", hex("ab")),
        format!("11 pwrite64(5<{file}>, \"{}\", 3, 4096 <unfinished ...>", hex("cde")),
        format!("10 write(5<{file}>, \"{}\", 1) = 1", hex("f")),
        format!("10 write(1<{}>, \"{}\", 1) = 1", hex("/elsewhere"), hex("x")),
        "11 <... pwrite64 resumed>) = 3".to_owned(),
        format!("10 fsync(5<{file}>) = -1 EIO (Input/output error)"),
        format!("10 fdatasync(5<{file}>) = 0"),
        format!("10 rename(\"{file}\", \"{}\") = 0", hex("/v/b")),
    ];
    let events = parse(&text.join("\n"), Path::new("/v"));
    let write = |offset, bytes: &[u8]| Call::Write { path: "a".into(), offset, bytes: bytes.to_vec() };
    let calls: Vec<_> = events.iter().map(|event| (event.call.clone(), event.began, event.over)).collect();
    assert_eq!(
        calls,
        [
            (Call::Create { path: "a".into(), empty: true }, 0, 0),
            (write(0, b"ab"), 1, 1),
            (write(4096, b"cde"), 2, 5),
            (write(2, b"f"), 3, 3),
            (Call::Sync { path: "a".into(), all: false }, 7, 7),
            (Call::Rename { from: "a".into(), to: "b".into() }, 8, 8),
        ]
    );
}
