//! Sums of exponentials as a normal form: what logarithms and ratios of them come down to.
