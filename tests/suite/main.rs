//! One binary for all tests that cross module borders; one file a promise.

mod bounces_need_reasons;
mod counts_are_what_was_planted;
mod journals;
mod lost_connection;
mod offered;
mod offering;
mod planted_faults_are_found;
mod receiver;
mod report_formats;
mod scenario_errors;
mod scenario_grammar;
mod scenario_hostile;
mod scenario_schema;
mod scripted;
mod stall;
mod submission;
mod unproved_is_not_a_pass;
