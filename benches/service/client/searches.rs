//! Searches, one after the other on a connection: of a whole one, each answer says where to go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::sync::Barrier;

use super::connection::Connection;
use super::{Driven, Until};
use crate::Outcome;

/// What is looked for.
pub(super) struct Search {
    token: String,
    words: String,
    whole: bool,
}

#[derive(Deserialize)]
struct Found {
    items: Vec<Item>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
}

impl Search {
    pub(super) fn new(token: &str, words: &str, whole: bool) -> Self {
        Self { token: token.to_owned(), words: words.to_owned(), whole }
    }

    /// One search; the ids that it found.
    async fn run(&self, connection: &mut Connection) -> Outcome<Vec<String>> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let body = json!({ "words": self.words, "purpose": "support", "limit": 50, "after": after }).to_string();
            let head = format!(
                "POST /api/v1/submissions/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                self.token,
                body.len()
            );
            let answer = connection.ask([head.as_bytes(), body.as_bytes()]).await?;
            if answer.status != 200 {
                return Err(format!("answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
            }
            let Found { items, next } = serde_json::from_slice(answer.body)?;
            ids.extend(items.into_iter().map(|item| item.id));
            after = next;
            if after.is_none() || !self.whole {
                return Ok(ids);
            }
        }
    }
}

/// Searches until it is time to stop.
pub(super) async fn drive(
    mut connection: Connection,
    search: Search,
    until: Until,
    barrier: Arc<Barrier>,
) -> Outcome<Driven> {
    barrier.wait().await;
    let begun = Instant::now();
    let (deadline, most) = match until {
        Until::Seconds(seconds) => (Some(begun + Duration::from_secs_f64(seconds)), u64::MAX),
        Until::Each(count) => (None, count),
    };
    let mut driven = Driven::begun_at(begun);
    while (driven.times.len() as u64) < most {
        let sent = Instant::now();
        driven.ids = search.run(&mut connection).await?;
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now > deadline) {
            break;
        }
        driven.times.push((now - sent).as_micros() as u64);
        driven.ended = now;
    }
    Ok(driven)
}
