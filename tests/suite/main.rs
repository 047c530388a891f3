//! One binary for all tests that cross module borders; one file a promise.

mod bounces_need_reasons;
mod counts_are_what_was_planted;
mod faults_are_enacted;
mod journals;
mod lost_connection;
mod mail_is_taken;
mod offering;
mod planted_faults_are_found;
mod receiver;
mod report_formats;
mod scripted;
mod sink_side;
mod submission;
mod unproved_is_not_a_pass;
