// SPDX-License-Identifier: GPL-2.0-only

//! A straight line through points, by least squares.

use serde::Deserialize;
use serde::Serialize;

/// The line, and how well it fits.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fit {
    pub slope: f64,
    pub intercept: f64,
    /// The coefficient of determination: 1 where every point is on the line.
    pub r2: f64,
}

impl Fit {
    /// None for less than three points, which are on a line whatever they are, or where all have the same `x`.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in points {
            xx += (x - x_mean).powi(2);
            xy += (x - x_mean) * (y - y_mean);
            yy += (y - y_mean).powi(2);
        }
        if xx == 0.0 {
            return None;
        }
        let slope = xy / xx;
        Some(Self {
            slope,
            intercept: y_mean - slope * x_mean,
            r2: if yy == 0.0 { 1.0 } else { xy * xy / (xx * yy) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found() {
        let fit = Fit::of(&[(1.0, 5.0), (8.0, 19.0), (64.0, 131.0)]).unwrap();
        assert!((fit.slope - 2.0).abs() < 1e-9 && (fit.intercept - 3.0).abs() < 1e-9);
        assert!((fit.r2 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_line_fits_badly() {
        let fit = Fit::of(&[(1.0, 1.0), (8.0, 64.0), (64.0, 4096.0), (256.0, 65536.0)]).unwrap();
        assert!(fit.r2 < 0.99, "{}", fit.r2);
        assert_eq!(Fit::of(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(Fit::of(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
