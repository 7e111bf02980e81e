//! Wrong passwords, as fast as they are let: whoever is told to wait goes on at once from another address. So many addresses
//! has nobody but who has taken over other people's machines; here they are those of 127.0.0.0/8.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;

use super::connection::{Connection, Trust};
use super::{Driven, Until};
use crate::Outcome;

/// The post of a password, as the page sends it.
pub(crate) fn sign_in(login: &str, password: &str, cookies: &str) -> String {
    let body = format!("login={login}&password={password}");
    let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
    format!(
        "POST /staff/sign-in HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n{cookies}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An address of the loopback that nobody else has, by a number below 2²³.
pub(crate) fn address(n: u32) -> IpAddr {
    let [_, high, middle, low] = n.to_be_bytes();
    IpAddr::from([127, 0x80 | high, middle, low])
}

/// Guesses until it is time to stop.
pub(super) async fn drive(
    (n, run): (usize, u32),
    logins: Vec<String>,
    (target, trust): (SocketAddr, Arc<Trust>),
    until: Until,
    barrier: Arc<Barrier>,
) -> Outcome<Driven> {
    barrier.wait().await;
    let begun = Instant::now();
    let Until::Seconds(seconds) = until else { return Err("guesses go on for a time".into()) };
    let deadline = begun + Duration::from_secs_f64(seconds);
    let mut driven = Driven::begun_at(begun);
    let mut hosts = (0..).map(|k: u32| address((n as u32) << 15 | run << 11 | k & 0x7FF));
    let mut turns = logins.iter().cycle().skip(n);
    let mut open = None;
    while let (Some(login), true) = (turns.next(), Instant::now() < deadline) {
        let mut connection = match open.take() {
            Some(connection) => connection,
            // A handshake that fails under so many is no reason to stop.
            None => match Connection::open_from(hosts.next().ok_or("addresses")?, target, &trust).await {
                Ok(connection) => connection,
                Err(_) => continue,
            },
        };
        let sent = Instant::now();
        let Ok(answer) = connection.ask([sign_in(login, "a+wrong+one+altogether", "").as_bytes(), b""]).await else {
            continue;
        };
        match answer.status {
            422 => {
                driven.times.push(sent.elapsed().as_micros() as u64);
                driven.ended = Instant::now();
                open = Some(connection);
            }
            429 | 503 => driven.refused += 1,
            other => return Err(format!("a guess was answered {other}").into()),
        }
    }
    Ok(driven)
}
