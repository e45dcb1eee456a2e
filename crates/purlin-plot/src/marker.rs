//! Shapes of points, so that a group is known by more than its colour.

use crate::color::Color;
use crate::raster::Point;
use crate::scene::Scene;

/// The shape of a point. All look equally large at the same radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Plus,
    Hexagon,
    /// For what belongs to no group.
    Cross,
}

/// Shapes of groups, in order of use.
const GROUPS: [Marker; 7] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::TriangleDown,
    Marker::Plus,
    Marker::Hexagon,
];

impl Marker {
    /// The shape of group `index`.
    pub(crate) fn of(index: usize) -> Self {
        GROUPS[index % GROUPS.len()]
    }

    pub(crate) fn draw(self, scene: &mut Scene, center: Point, radius: f64, color: Color) {
        if self == Self::Circle {
            scene.circle(center, radius, color);
        } else {
            let place = |p: &Point| [center[0] + p[0] * radius, center[1] + p[1] * radius];
            scene.polygon(self.corners().iter().map(place).collect(), color);
        }
    }

    /// The corners around the origin, for radius 1.
    fn corners(self) -> &'static [Point] {
        const S: f64 = 0.886; // a square of the circle's area
        const D: f64 = 1.253; // the same square on its corner
        const A: f64 = 0.34; // half an arm of the plus
        const L: f64 = 1.15; // its length
        // The plus, turned by 45 degrees: (x - y, x + y) / sqrt 2.
        const P: f64 = 0.148; // half an arm of the cross, over sqrt 2
        const Q: f64 = 0.78; // its length, over sqrt 2
        match self {
            Self::Circle => &[],
            Self::Square => &[[-S, -S], [S, -S], [S, S], [-S, S]],
            Self::Triangle => &[[0.0, -1.35], [1.17, 0.78], [-1.17, 0.78]],
            Self::Diamond => &[[0.0, -D], [D, 0.0], [0.0, D], [-D, 0.0]],
            Self::TriangleDown => &[[0.0, 1.35], [-1.17, -0.78], [1.17, -0.78]],
            Self::Plus => &[
                [-A, -L],
                [A, -L],
                [A, -A],
                [L, -A],
                [L, A],
                [A, A],
                [A, L],
                [-A, L],
                [-A, A],
                [-L, A],
                [-L, -A],
                [-A, -A],
            ],
            Self::Hexagon => &[
                [0.0, -1.1],
                [0.953, -0.55],
                [0.953, 0.55],
                [0.0, 1.1],
                [-0.953, 0.55],
                [-0.953, -0.55],
            ],
            Self::Cross => &[
                [-Q + P, -Q - P],
                [0.0, -2.0 * P],
                [Q - P, -Q - P],
                [Q + P, -Q + P],
                [2.0 * P, 0.0],
                [Q + P, Q - P],
                [Q - P, Q + P],
                [0.0, 2.0 * P],
                [-Q + P, Q + P],
                [-Q - P, Q - P],
                [-2.0 * P, 0.0],
                [-Q - P, -Q + P],
            ],
        }
    }
}
