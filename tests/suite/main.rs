//! One binary for all tests that cross module borders; one file a promise.

mod lost_connection;
mod nothing_is_lost_when_the_relay_is_killed;
mod relay_actors;
mod relay_bears_hostile_clients;
mod relay_gives_slots_in_order;
mod relay_lives_as_a_process;
mod relay_tries_again_or_reports;
mod scripted;
mod submission;
