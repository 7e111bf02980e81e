//! An archive that is written to its end and never back, so that it can be sent while it is made.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// An archive could not be written.
#[derive(Debug)]
pub(super) struct Failed;

/// An archive. What was written and not taken yet is in memory: some pieces at most.
pub(super) struct Archive {
    writer: ZipWriter<StreamWriter<Sink>>,
    sink: Sink,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Default for Archive {
    fn default() -> Self {
        let sink = Sink::default();
        Self { writer: ZipWriter::new_stream(sink.clone()), sink }
    }
}

impl Archive {
    /// Begins an entry; ends the one before.
    pub(super) fn begin(&mut self, name: &str) -> Result<Vec<u8>, Failed> {
        // Without the time of the machine: the export says when it was made.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o600);
        self.writer.start_file(name, options).map_err(|_| Failed)?;
        Ok(self.sink.take())
    }

    /// Writes on in the entry.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Failed> {
        self.writer.write_all(bytes).map_err(|_| Failed)?;
        Ok(self.sink.take())
    }

    /// Ends the archive.
    pub(super) fn end(self) -> Result<Vec<u8>, Failed> {
        self.writer.finish().map_err(|_| Failed)?;
        Ok(self.sink.take())
    }
}
