//! A training's losses, as many as a picture shows.

use crate::protocol::Point;

/// Points of a curve at most.
const POINTS: usize = 120;

/// Takes the loss of every step, and keeps means of so many in a row that few points are left.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Steps of a point, and of an epoch.
    each: usize,
    epoch: usize,
    steps: usize,
    /// Of the steps since the last point.
    sum: f64,
    count: usize,
    points: Vec<Point>,
}

impl Curve {
    /// Of a training of `epochs`, each of so many steps.
    pub fn new(epochs: usize, steps: usize) -> Self {
        let each = (epochs * steps).div_ceil(POINTS).max(1);
        Curve { each, epoch: steps.max(1), steps: 0, sum: 0.0, count: 0, points: vec![] }
    }

    /// Adds the loss of the next step.
    pub fn add(&mut self, loss: f64) {
        self.steps += 1;
        self.sum += loss;
        self.count += 1;
        if self.count == self.each {
            self.close();
        }
    }

    /// The points; steps that are left over are one more.
    pub fn points(mut self) -> Vec<Point> {
        if self.count > 0 {
            self.close();
        }
        self.points
    }

    fn close(&mut self) {
        let epoch = self.steps as f64 / self.epoch as f64;
        self.points.push(Point { epoch, loss: self.sum / self.count as f64 });
        (self.sum, self.count) = (0.0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_training_has_a_point_for_each_step() {
        let mut curve = Curve::new(2, 2);
        [4.0, 3.0, 2.0, 1.0].into_iter().for_each(|loss| curve.add(loss));
        let points: Vec<_> = curve.points().iter().map(|p| (p.epoch, p.loss)).collect();
        assert_eq!(points, [(0.5, 4.0), (1.0, 3.0), (1.5, 2.0), (2.0, 1.0)]);
    }

    #[test]
    fn a_long_training_has_means() {
        let mut curve = Curve::new(10, 938);
        (0..9380).for_each(|step| curve.add(f64::from(step)));
        let points = curve.points();
        // 9380 steps by 79 are 118 points and a rest.
        assert_eq!(points.len(), 119);
        assert_eq!((points[0].loss, points[0].epoch), (39.0, 79.0 / 938.0));
        assert_eq!(points.last().unwrap().epoch, 10.0);
    }
}
