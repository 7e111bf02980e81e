//! A message on its way in from the page.

use std::sync::Arc;

use axum::extract::Request;

use super::visit::{Here, foreign};
use super::{GUARD, ONCE};
use crate::base::ids::{Handle, RequestId};
use crate::base::sensitive::SensitiveString;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::multipart::{self, Most, Sink};
use crate::http::extract::{media_type, urlencoded};
use crate::http::rates::{Meter, Payer};
use crate::http::{Web, body};
use crate::services::portal::MessageIntake;

/// Parts of one message; the page sends six.
const MOST_PARTS: usize = 16;
/// Bytes before a part's content.
const MOST_PART_HEADER: u64 = 16 * 1024;

/// What became of it.
pub(super) enum Taken {
    /// It is stored, under this number.
    Stored(u32),
    /// The same click came before.
    Already,
}

/// Parts as they come: the guard has to be first, or nothing is taken.
pub(super) struct Taking<'a> {
    web: Arc<Web>,
    request: RequestId,
    here: &'a Here,
    guarded: bool,
    once: Option<Handle>,
    already: bool,
    typed: SensitiveString,
    meter: Meter,
    intake: Option<MessageIntake>,
}

impl<'a> Taking<'a> {
    pub(super) fn new(web: Arc<Web>, request: RequestId, client: Option<Client>, here: &'a Here) -> Self {
        let typed = SensitiveString::from("");
        let meter = Meter::new(Payer::of(client.map(|Client(address)| address)));
        Self { web, request, here, guarded: false, once: None, already: false, typed, meter, intake: None }
    }

    /// The text, to be shown again.
    pub(super) fn typed(&self) -> &str {
        self.typed.expose()
    }

    /// Takes a post in and stores it.
    pub(super) async fn take(&mut self, request: Request) -> Result<Taken, HttpError> {
        let outcome = self.take_parts(request).await;
        if outcome.is_err()
            && let Some(once) = self.once.filter(|_| !self.already)
        {
            self.web.app.visits().forget_post(self.here.token(), once);
        }
        outcome
    }

    async fn take_parts(&mut self, request: Request) -> Result<Taken, HttpError> {
        let (parts, mut body) = request.into_parts();
        let limits = &self.web.limits;
        let text = limits.max_body_bytes;
        match media_type(&parts.headers).as_deref() {
            Some("application/x-www-form-urlencoded") => {
                let bytes = body::read_all(&mut body, text).await?;
                let pairs = urlencoded::parse(&bytes, MOST_PARTS)
                    .map_err(|_| HttpError::malformed("The body is not a form post in UTF-8."))?;
                for (name, value) in pairs {
                    self.text(&name, value).await?;
                }
            }
            Some("multipart/form-data") => {
                let total = limits.max_upload_bytes;
                let most = Most { parts: MOST_PARTS, header: MOST_PART_HEADER, text, total };
                multipart::read(&parts.headers, body, most, self).await?;
            }
            _ => return Err(HttpError::unsupported("A message is sent as multipart/form-data or urlencoded.")),
        }
        if self.already {
            return Ok(Taken::Already);
        }
        self.begun().await?;
        let Some(intake) = self.intake.take() else { return Err(HttpError::internal()) };
        // On a task of its own: once it has begun, a client that hangs up does not stop it half-way.
        let number = tokio::spawn(intake.finish()).await.map_err(|_| HttpError::internal())??;
        Ok(Taken::Stored(number))
    }

    async fn begun(&mut self) -> Result<&mut MessageIntake, HttpError> {
        if !self.guarded {
            return Err(foreign());
        }
        if self.intake.is_none() {
            self.web.brake()?;
            self.intake = Some(MessageIntake::begin(&self.web.app, self.request, self.here.own()?).await?);
        }
        self.intake.as_mut().ok_or_else(HttpError::internal)
    }
}

impl Sink for Taking<'_> {
    fn is_file(&self, name: &str) -> bool {
        name == "file"
    }

    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        match name {
            GUARD => {
                self.guarded = value.parse() == Ok(self.here.visit.guard);
                if self.guarded { Ok(()) } else { Err(foreign()) }
            }
            ONCE => {
                if let (None, Ok(once)) = (self.once, value.parse::<Handle>()) {
                    self.once = Some(once);
                    self.already = self.guarded && !self.web.app.visits().is_new_post(self.here.token(), once);
                }
                Ok(())
            }
            "text" if !self.already => {
                self.typed = SensitiveString::from(value.as_str());
                self.begun().await?.text(&value);
                Ok(())
            }
            _ if self.already => Ok(()),
            _ => Err(HttpError::malformed("The message has a part that is not expected here.")),
        }
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        if self.already {
            return Ok(());
        }
        if name != "file" {
            return Err(HttpError::malformed("The message has a part that is not expected here."));
        }
        self.meter.begin(&self.web.outer.rates).map_err(HttpError::too_much)?;
        Ok(self.begun().await?.begin_file(file_name).await?)
    }

    async fn chunk(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        if self.already {
            return Ok(());
        }
        self.meter.count(&self.web.outer.rates, piece.len()).map_err(HttpError::too_much)?;
        Ok(self.begun().await?.file_chunk(piece).await?)
    }

    async fn end_file(&mut self) -> Result<(), HttpError> {
        if self.already { Ok(()) } else { Ok(self.begun().await?.end_file().await?) }
    }
}
