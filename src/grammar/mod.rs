//! How a scenario file is written, whatever it says: values with their places, units, quantities,
//! checks, problems that show the line, forms of the schema. What a section means is not here.

pub mod amount;
pub mod at;
pub mod checks;
pub mod diagnosis;
pub mod schema;
pub mod units;
