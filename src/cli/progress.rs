//! A progress bar on standard error, when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::control::Reply;

/// A bar that disappears when dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar that says what is being done.
    pub(super) fn new(doing: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(doing);
        // The template is fixed; a mistake in it shows in the first run of the test below.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how far it is, if that is what `reply` says.
    pub(super) fn show(&self, reply: &Reply) {
        if let Reply::Progress { done, total } = reply
            && *total > 0
        {
            self.0.set_length(*total);
            self.0.set_position(*done);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_valid() {
        assert!(indicatif::ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").is_ok());
    }
}
