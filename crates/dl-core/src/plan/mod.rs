//! p
pub struct Plan; pub struct Target;
