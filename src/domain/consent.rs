//! Consents and the wording they were given under.
