//! Room for packed operands.

use std::ops::{Deref, DerefMut};

use super::LINE;

/// Elements that begin at a line of the cache, where vectors are read fastest.
#[derive(Debug, Default)]
pub struct Room {
    elements: Vec<f32>,
    first: usize,
    len: usize,
}

impl Room {
    /// Room for so many elements, all of them zero.
    pub fn new(len: usize) -> Self {
        let elements = vec![0.0; len + LINE];
        // Where there is no telling, anywhere will do.
        let first = elements.as_ptr().align_offset(4 * LINE).min(LINE);
        Room { elements, first, len }
    }
}

impl Deref for Room {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.elements.get(self.first..self.first + self.len).unwrap_or_default()
    }
}

impl DerefMut for Room {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.elements.get_mut(self.first..self.first + self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_a_line() {
        for len in [0, 1, 15, 16, 1000] {
            let room = Room::new(len);
            assert_eq!((room.len(), room.as_ptr().addr() % 64), (len, 0));
        }
        assert!(Room::default().is_empty());
    }
}
