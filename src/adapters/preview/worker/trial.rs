//! A worker that does what it may not, so that tests see what becomes of it. No build for release has it.

use std::io::Write;

use super::super::frames::Word;

/// Does it, and says what came of it: text that begins with `done` or `refused`. Acts that take the place of a worker's work end
/// without.
pub(super) fn perform(act: &str, out: &mut impl Write) {
    let (act, on) = act.split_once('=').unwrap_or((act, ""));
    let outcome = match act {
        "open" => tell(std::fs::read(on).map(|bytes| bytes.len())),
        "list" => tell(std::fs::read_dir(on).map(Iterator::count)),
        "write" => tell(std::fs::write(on, "x")),
        "connect" => tell(std::net::TcpStream::connect(on).map(drop)),
        "datagram" => tell(std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", on))),
        "socket" => tell(std::os::unix::net::UnixStream::connect(on).map(drop)),
        "start" => tell(std::process::Command::new("/bin/true").status().map(drop)),
        "thread" => tell(std::thread::Builder::new().spawn(|| ()).map(drop)),
        "signal" => {
            let parent = rustix::process::getppid();
            tell(parent.map_or(Ok(()), rustix::process::test_kill_process).map_err(Into::into))
        }
        "hold" => {
            let mut held = Vec::<Vec<u8>>::new();
            let outcome = (0..on.parse().unwrap_or(0)).try_for_each(|_| {
                let mut piece = Vec::new();
                piece.try_reserve_exact(1 << 20)?;
                piece.resize(1 << 20, 1_u8);
                held.push(std::hint::black_box(piece));
                Ok::<_, std::collections::TryReserveError>(())
            });
            tell(outcome.map(|()| held.len()).map_err(std::io::Error::other))
        }
        // So many milliseconds late.
        "late" => {
            let _ = Word::Ready.say(out).and_then(|()| out.flush());
            let (begun, late) = (std::time::Instant::now(), on.parse().unwrap_or(0));
            while begun.elapsed() < std::time::Duration::from_millis(late) {
                std::hint::spin_loop();
            }
            let words = [Word::Text("It came late.", false), Word::End];
            let _ = words.iter().try_for_each(|word| word.say(out)).and_then(|()| out.flush());
            return;
        }
        "spin" => loop {
            std::hint::spin_loop();
        },
        "recurse" => tell(Ok(deeper(1))),
        "panic" => panic!("as told"),
        "descriptors" => tell(std::fs::read_dir("/proc/self/fd").map(|found| {
            // Its own is open while it looks.
            found.count() - 1
        })),
        "environment" => tell(Ok(std::env::vars_os().count())),
        "chatter" => loop {
            if out.write_all(&[b'x'; 4096]).is_err() {
                return;
            }
        },
        // It says that it is ready, and never anything more.
        "silence" => {
            let _ = Word::Ready.say(out).and_then(|()| out.flush());
            loop {
                std::hint::spin_loop();
            }
        }
        // Pages without end.
        "flood" => {
            let _ = Word::Ready.say(out).and_then(|()| Word::Count(u32::MAX).say(out));
            let picture = pixel();
            while Word::Picture(&picture).say(out).is_ok() {}
            return;
        }
        // Two pages of three, and then its end.
        "break-off" => {
            let _ = Word::Ready.say(out).and_then(|()| Word::Count(3).say(out));
            let _ = (0..2).try_for_each(|_| Word::Picture(&pixel()).say(out)).and_then(|()| out.flush());
            std::process::abort();
        }
        _ => format!("refused: no such act as {act}"),
    };
    let words = [Word::Ready, Word::Text(&outcome, false), Word::End];
    let _ = words.iter().try_for_each(|word| word.say(out)).and_then(|()| out.flush());
}

fn tell<T: std::fmt::Debug>(outcome: std::io::Result<T>) -> String {
    match outcome {
        Ok(done) => format!("done: {done:?}"),
        Err(error) => format!("refused: {:?}", error.kind()),
    }
}

#[inline(never)]
fn deeper(n: u64) -> u64 {
    let room = std::hint::black_box([n; 64]);
    if n == u64::MAX { room[0] } else { deeper(n + 1) + room[63] }
}

/// The smallest picture.
fn pixel() -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 1, 1);
    encoder.set_color(png::ColorType::Rgb);
    if let Ok(mut writer) = encoder.write_header() {
        let _ = writer.write_image_data(&[9, 9, 9]);
    }
    out
}
