//! The dispatcher: one arm a command, each calling one service.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::command::{Command, Failure, FailureKind, Reply};
use super::render;
use crate::base::ids::RequestId;
use crate::policy::{Actor, Role, Scope};
use crate::services::{self, App, Context, review, search};

/// How long a search goes on at the command line, where one can see how far it is and end it.
const WHOLE_SEARCH: Duration = Duration::from_secs(60 * 60);

/// The application as commands find it.
pub struct Desk {
    /// The application.
    pub app: Arc<App>,
    /// URL of the service, once it listens in this process.
    pub address: OnceLock<String>,
}

/// Runs `command` in the background. The replies arrive on the channel; the last is `Done` or `Error`.
///
/// A command goes on when nobody reads any more, save that files and searches are cut: half an erasure is no good to anybody.
pub fn start(desk: Arc<Desk>, command: Command) -> mpsc::Receiver<Reply> {
    let (replies, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        let acted = OnceLock::new();
        let last = match run(&desk, command, &Sink(replies.clone()), &acted).await {
            Ok(value) => Reply::Done { value },
            Err(failure) => {
                if let (FailureKind::NotFoundOrForbidden, Some(ctx)) = (failure.kind, acted.get()) {
                    services::audit::refused(&desk.app, &ctx.actor, ctx.request, "control socket", 404).await;
                }
                Reply::Error(failure)
            }
        };
        // Nobody left to tell.
        let _ = replies.send(last).await;
    });
    receiver
}

/// `acted` is told who acts, for what has to be said of a refusal.
async fn run(desk: &Desk, command: Command, sink: &Sink, acted: &OnceLock<Context>) -> Result<Value, Failure> {
    let app = &desk.app;
    let acting = |role| context(app, role).inspect(|ctx| drop(acted.set(ctx.clone())));
    let acting_for = |role, purpose| Ok::<_, Failure>(Context { purpose, ..acting(role)? });
    match command {
        Command::Status => status(desk).await,
        Command::Statistics => {
            for line in services::statistics::list(app, &acting(Role::Admin)?)? {
                sink.item(value(&line)?).await?;
            }
            for line in services::statistics::list_downloads(app, &acting(Role::Admin)?)? {
                sink.item(value(&line)?).await?;
            }
            Ok(Value::Null)
        }
        Command::StaffAdd { login, service, email } => {
            value(&services::staff::add(app, &acting(Role::Admin)?, &login, service, email.as_ref()).await?)
        }
        Command::StaffInvite { login, roles, ttl_seconds, email } => {
            let (admin, ttl) = (acting(Role::Admin)?, Duration::from_secs(ttl_seconds));
            let made = services::sign_in::invite(app, &admin, &login, &roles, email.as_ref(), ttl).await?;
            Ok(invitation(desk, &made))
        }
        Command::StaffEmail { login, email } => {
            services::staff::set_email(app, &acting(Role::Admin)?, &login, email.as_ref()).await?;
            Ok(Value::Null)
        }
        Command::StaffRegion { login, region } => {
            services::staff::set_region(app, &acting(Role::Admin)?, &login, region).await?;
            Ok(Value::Null)
        }
        Command::StaffRecover { login, ttl_seconds } => {
            let ttl = Duration::from_secs(ttl_seconds);
            Ok(invitation(desk, &services::sign_in::recover(app, &acting(Role::Admin)?, &login, ttl).await?))
        }
        Command::StaffRoles { login, roles } => {
            services::sign_in::change_roles(app, &acting(Role::Admin)?, &login, &roles).await?;
            Ok(Value::Null)
        }
        Command::Approvals { role } => {
            for shown in services::approvals::list(app, &acting(role)?).await? {
                sink.item(shown.to_json()).await?;
            }
            Ok(Value::Null)
        }
        Command::StaffList => {
            for account in services::staff::list(app, &acting(Role::Admin)?).await? {
                sink.item(value(&account)?).await?;
            }
            Ok(Value::Null)
        }
        Command::StaffDisable { login } => {
            services::staff::disable(app, &acting(Role::Admin)?, &login).await?;
            Ok(Value::Null)
        }
        Command::TokenCreate { login, roles, actions, forms, ttl_seconds } => {
            let (admin, ttl) = (acting(Role::Admin)?, ttl_seconds.map(Duration::from_secs));
            let scope = Scope::new(Some(actions).filter(|a| !a.is_empty()), Some(forms).filter(|f| !f.is_empty()));
            value(&services::staff::create_scoped_token(app, &admin, &login, &roles, &scope, ttl).await?)
        }
        Command::TokenRevoke { id } => {
            services::staff::revoke_token(app, &acting(Role::Admin)?, id).await?;
            Ok(Value::Null)
        }
        Command::KeyCreate { name, forms, ttl_seconds } => {
            let ttl = ttl_seconds.map(Duration::from_secs);
            value(&services::keys::create(app, &acting(Role::Admin)?, &name, &forms, ttl).await?)
        }
        Command::KeyList => {
            for key in services::keys::list(app, &acting(Role::Admin)?).await? {
                sink.item(value(&key)?).await?;
            }
            Ok(Value::Null)
        }
        Command::KeyRevoke { id } => {
            services::keys::revoke(app, &acting(Role::Admin)?, id).await?;
            Ok(Value::Null)
        }
        Command::RecordList { role, purpose, form, status, after, limit } => {
            let query = review::ListQuery { form, status, after, limit, purpose, ..Default::default() };
            let page = review::list(app, &acting(role)?, query).await?;
            for item in &page.items {
                sink.item(render::item(item)).await?;
            }
            Ok(json!({ "next": page.next }))
        }
        Command::RecordSearch { role, purpose, words, form, status, from, until, after, limit } => {
            let (from, until) = (day(from)?, day(until)?);
            let purposes = purpose.into_iter().flat_map(|all| all.split(',').map(str::to_owned).collect::<Vec<_>>());
            let purposes = purposes.collect();
            let query = search::Query { words, form, status, from, until, purposes, after, limit };
            let mut search = search::begin(app, &acting(role)?, query, WHOLE_SEARCH).await?;
            let (progress, mut end) = (sink.progress(), Value::Null);
            while let Some(found) = search.next().await? {
                for hit in &found.hits {
                    sink.item(render::hit(hit)).await?;
                }
                sink.is_read()?;
                progress(found.percent.into(), 100);
                end = json!({ "next": found.next, "looked": found.looked });
            }
            Ok(end)
        }
        Command::RecordShow { role, purpose, id } => {
            let shown = review::show(app, &acting(role)?, id, purpose.as_deref()).await?;
            Ok(render::submission(&shown))
        }
        Command::RecordFile { role, purpose, id, n } => {
            let mut file = review::file(app, &acting(role)?, id, n, purpose.as_deref()).await?;
            sink.item(render::file(&file.info)).await?;
            while let Some(data) = file.next().await? {
                sink.send(Reply::Chunk { data }).await?;
            }
            Ok(Value::Null)
        }
        Command::RecordMark { role, purpose, id, status } => {
            Ok(render::summary(&review::set_status(app, &acting_for(role, purpose)?, id, status).await?))
        }
        Command::RecordErase { role, purpose, id } => {
            Ok(services::erase::record(app, &acting_for(role, purpose)?, id).await?)
        }
        Command::SubjectFind { role, purpose, email } => {
            for found in services::find::by_email(app, &acting_for(role, purpose)?, &email).await? {
                sink.item(render::found(&found)).await?;
            }
            Ok(Value::Null)
        }
        Command::ErasureShow { role, purpose, handle } => {
            Ok(services::erase::certificate(app, &acting_for(role, purpose)?, handle).await?)
        }
        Command::SubjectErase { role, purpose, ids } => {
            let done = services::erase::people(app, &acting_for(role, purpose)?, &ids).await?;
            for (id, outcome) in ids.iter().zip(done) {
                let item = match outcome {
                    Ok(certificate) => json!({ "id": id, "certificate": certificate }),
                    Err(e) => json!({ "id": id, "error": Failure::from(e).message }),
                };
                sink.item(item).await?;
            }
            Ok(Value::Null)
        }
        Command::BoardModerate { role, purpose, id, reason } => {
            let verdict = reason.map_or(services::board::Verdict::Publish, services::board::Verdict::Decline);
            Ok(render::summary(&services::board::moderate(app, &acting_for(role, purpose)?, id, verdict).await?))
        }
        Command::SurveyResults { role, purpose, form } => {
            value(&services::results::show(app, &acting(role)?, &form, purpose.as_deref()).await?)
        }
        Command::SurveyTexts { role, purpose, form, field, after, limit } => {
            let (purpose, after) = (purpose.as_deref(), after.as_deref());
            let texts = services::results::texts(app, &acting(role)?, &form, &field, purpose, after, limit).await?;
            for text in &texts.items {
                sink.item(text.expose().into()).await?;
            }
            Ok(json!({ "next": texts.next }))
        }
        Command::AuditVerify { known } => {
            let progress = sink.progress();
            let verdict = services::audit::verify(app, &acting(Role::Auditor)?, known, &progress).await?;
            sink.problems(verdict.problems).await?;
            Ok(json!({ "entries": verdict.entries, "head": verdict.head }))
        }
        Command::AuditProve { number, size } => {
            Ok(services::audit::entry(app, &acting(Role::Auditor)?, number, size).await?)
        }
        Command::AuditContinues { known } => {
            match services::audit::continues(app, &acting(Role::Auditor)?, &known).await? {
                services::audit::Continued::Yes(proof) => Ok(proof),
                services::audit::Continued::No(problem) => {
                    sink.problems(vec![problem]).await?;
                    Ok(Value::Null)
                }
            }
        }
        Command::AuditHead => value(&services::audit::head(app, &acting(Role::Auditor)?).await?),
        Command::Transfers { after, limit } => {
            let page = services::transfers::list(app, &acting(Role::Auditor)?, after.as_deref(), limit).await?;
            for line in page.items {
                sink.item(value(&line)?).await?;
            }
            Ok(json!({ "next": page.next }))
        }
        Command::AuditTail { after, limit } => {
            let page = services::audit::list(app, &acting(Role::Auditor)?, after.as_deref(), limit).await?;
            for entry in page.items {
                sink.item(entry).await?;
            }
            Ok(json!({ "next": page.next }))
        }
        Command::Verify => {
            let progress = sink.progress();
            let mut report = services::verify::run(app, &acting(Role::Admin)?, &progress).await?;
            sink.problems(std::mem::take(&mut report.problems)).await?;
            value(&report)
        }
    }
}

async fn status(desk: &Desk) -> Result<Value, Failure> {
    let mut out = value(&services::health::overview(&desk.app).await?)?;
    out["address"] = json!(desk.address.get());
    Ok(out)
}

fn day(text: Option<String>) -> Result<Option<jiff::civil::Date>, Failure> {
    let parse = |text: String| text.parse().map_err(|_| Failure::invalid("a day is written as in 2026-11-25"));
    text.map(parse).transpose()
}

/// With the whole link, as far as it is known where the service is reached.
fn invitation(desk: &Desk, made: &services::sign_in::Invited) -> Value {
    let known = desk.app.post().map(|post| post.url()).or_else(|| desk.address.get().map(String::as_str));
    let link = format!("{}/staff/welcome/{}", known.unwrap_or(""), made.token.expose());
    json!({ "login": made.login, "link": link, "expires": made.expires })
}

fn context(app: &App, role: Role) -> Result<Context, Failure> {
    let request = RequestId::make_random(app.entropy()).map_err(|e| Failure::failed(e.to_string()))?;
    Ok(Context { actor: Actor::Owner { role }, request, purpose: None })
}

fn value(of: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(of).map_err(|_| Failure::failed("the answer cannot be shown"))
}

struct Sink(mpsc::Sender<Reply>);

impl Sink {
    async fn send(&self, reply: Reply) -> Result<(), Failure> {
        self.0.send(reply).await.map_err(|_| Failure::failed("nobody reads the answer any more"))
    }

    async fn item(&self, value: Value) -> Result<(), Failure> {
        self.send(Reply::Item { value }).await
    }

    /// Fails once nobody reads any more.
    fn is_read(&self) -> Result<(), Failure> {
        if self.0.is_closed() { Err(Failure::failed("nobody reads the answer any more")) } else { Ok(()) }
    }

    async fn problems(&self, problems: Vec<String>) -> Result<(), Failure> {
        for problem in problems {
            self.item(Value::String(problem)).await?;
        }
        Ok(())
    }

    /// Progress may get lost when the reader is slow: the next one says it better anyway.
    fn progress(&self) -> impl Fn(u64, u64) + Send + Sync + 'static {
        let replies = self.0.clone();
        move |done, total| {
            let _ = replies.try_send(Reply::Progress { done, total });
        }
    }
}
