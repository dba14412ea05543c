//! p
pub struct Program;
