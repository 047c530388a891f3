//! One experiment from start to end; the only module that knows all actors.
