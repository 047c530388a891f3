//! One binary for all tests that cross module borders; one file a promise.

mod bounces_need_reasons;
mod command_line;
mod counts_are_what_was_planted;
mod faults_are_enacted;
mod histories_are_told_in_full;
mod honest_time;
mod honest_verdicts;
mod journals;
mod lost_connection;
mod made_up_runs;
mod mail_is_taken;
mod nothing_is_lost_when_the_relay_is_killed;
mod offered;
mod offering;
mod plans;
mod planted_faults_are_found;
mod receiver;
mod relay_actors;
mod relay_bears_hostile_clients;
mod relay_gives_slots_in_order;
mod relay_lives_as_a_process;
mod relay_next_hop;
mod relay_tries_again_or_reports;
mod report_formats;
mod report_schema;

mod returned_mail;
mod scenario_errors;
mod scenario_grammar;
mod scenario_hostile;
mod scenario_schema;
mod scripted;
mod sink_side;
mod stall;
mod submission;
mod unproved_is_not_a_pass;
