//! One file per format; renders, computes nothing.
