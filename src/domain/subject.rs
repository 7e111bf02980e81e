//! Who a record is about.
