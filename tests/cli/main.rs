//! The built program, as people and scripts call it.

mod audit;
mod forms;
mod refusals;
mod serving;
mod support;
mod usage;
