//! The reference interpreter: what every operation means, in double precision, slow and obvious.
