//! `(Scenario, Seed) -> Plan`: arrivals, envelopes, message text. Printable, diffable; sends nothing.
