//! The only code that joins keys and store.
