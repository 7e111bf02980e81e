//! Bytes on disk, against the twin.

use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::args::Args;
use crate::client::{Until, Work};
use crate::home::on_disk;
use crate::report::{Report, Row};
use crate::side::Side;

const CONNECTIONS: usize = 64;

/// What the same submissions take on both sides, once each has come to rest.
pub(crate) fn space(args: &Args, report: &mut Report) -> Outcome {
    let each = args.size(1563, 10); // 100,032 in all
    let taken = |side: Side| -> Outcome<(usize, u64)> {
        let done = side.load(CONNECTIONS, Until::Each(each), Work::Submit { run: 0 })?;
        std::thread::sleep(Duration::from_secs(2));
        Ok((done.ids.len(), on_disk(side.folder())?))
    };
    let ((count, ours), (_, twin)) = (taken(Side::letterlock(args)?)?, taken(Side::twin(args)?)?);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let ratio = ours as f64 / twin as f64;
    report.add(Row {
        measure: format!("on disk, {count} submissions of 1 KB"),
        value: format!("{:.0} MiB", mib(ours)),
        against: format!("twin {:.0} MiB", mib(twin)),
        ratio: Some(ratio),
        reach: "≤ 2.5".to_owned(),
        met: Some(ratio <= 2.5),
        figures: json!({ "letterlock_bytes": ours, "twin_bytes": twin }),
    });
    Ok(())
}
