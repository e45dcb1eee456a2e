//! A condensed tree, as HDBSCAN makes it.

use crate::axes::{Axes, Axis, Scale};
use crate::figure::{Figure, Style};
use crate::marker::Marker;
use crate::page::{Key, Page};
use crate::raster::Point;
use crate::scene::Stroke;
use crate::series::{not_empty, same_length, to_f64};
use crate::theme::Palette;
use purlin_core::{Error, Real, Result};

const OP: &str = "condensed_tree_plot";

/// A condensed tree as icicles: each cluster hangs from the density at which it appears, as wide as
/// it has samples there, and narrows where samples leave it, down to where it splits or ends. The
/// area of an icicle is the cluster's stability.
///
/// | value      | shape       | rule                                                              |
/// |------------|-------------|-------------------------------------------------------------------|
/// | `parents`  | `(n_rows,)` | the cluster that each row leaves; the least one is the root       |
/// | `children` | `(n_rows,)` | a sample (below the root's number) or a cluster                   |
/// | `lambdas`  | `(n_rows,)` | `1 / distance` at which it leaves; at least 0, may be infinite    |
/// | `sizes`    | `(n_rows,)` | samples of the child; for a cluster, as many as its own rows hold  |
/// | `selected` | any         | clusters to colour: number `i` of them has the colour of label `i` |
///
/// The axis ends where the last cluster has lost all but a twentieth of its samples, so that a few
/// very close pairs do not flatten the rest; set [`CondensedTreePlot::max_lambda`] for another end.
///
/// # Examples
///
/// ```
/// use purlin_plot::CondensedTreePlot;
///
/// // Samples 0 to 3; the root 4 splits into 5 and 6 at density 1.
/// let parents = [4, 4, 5, 5, 6, 6];
/// let children = [5, 6, 0, 1, 2, 3];
/// let lambdas = [1.0, 1.0, 3.0, 4.0, 2.0, 2.0];
/// let sizes = [2, 2, 1, 1, 1, 1];
/// let figure = CondensedTreePlot::new(&parents, &children, &lambdas, &sizes)
///     .selected(&[5, 6])
///     .draw()?;
/// assert!(figure.to_svg().contains(">0 (2)</text>"));
/// # Ok::<(), purlin_core::Error>(())
/// ```
///
/// # References
///
/// R. J. G. B. Campello, D. Moulavi, A. Zimek, J. Sander, *Hierarchical density estimates for data
/// clustering, visualization, and outlier detection*, ACM TKDD 10(1), 2015.
#[derive(Debug, Clone)]
#[must_use = "nothing is drawn until `draw` is called"]
pub struct CondensedTreePlot {
    parents: Vec<usize>,
    children: Vec<usize>,
    lambdas: Vec<f64>,
    sizes: Vec<usize>,
    selected: Vec<usize>,
    max_lambda: Option<f64>,
    title: String,
    style: Style,
}

impl CondensedTreePlot {
    /// The rows of the tree.
    pub fn new<T: Real>(
        parents: &[usize],
        children: &[usize],
        lambdas: &[T],
        sizes: &[usize],
    ) -> Self {
        Self {
            parents: parents.to_vec(),
            children: children.to_vec(),
            lambdas: to_f64(lambdas),
            sizes: sizes.to_vec(),
            selected: Vec::new(),
            max_lambda: None,
            title: String::new(),
            style: Style::new(),
        }
    }

    /// The clusters that were chosen, in the order of their labels.
    pub fn selected(mut self, clusters: &[usize]) -> Self {
        self.selected = clusters.to_vec();
        self
    }

    /// The end of the axis.
    pub fn max_lambda(mut self, lambda: f64) -> Self {
        self.max_lambda = Some(lambda);
        self
    }

    /// The title above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Theme, size (800 x 480 by default) and pixel ratio.
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Draws the tree.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewSamples`]: there is no row.
    /// - [`Error::Shape`]: the four columns differ in length.
    /// - [`Error::InvalidParam`]: a lambda that is NaN or negative, a size of 0 or one that its own rows
    ///   contradict, a child that leaves two clusters or itself, a cluster without a parent, a selected cluster that is none, an end
    ///   of the axis that is not finite and above 0, or a size out of bounds.
    pub fn draw(&self) -> Result<Figure> {
        self.check()?;
        let clusters = self.clusters()?;
        let label_of = |id: usize| self.selected.iter().position(|&selected| selected == id);
        let palette = self.style.palette();
        let n = clusters[0].size;
        let description = format!("{} (condensed tree of {n} samples)", self.title);
        let scene = self.style.scene(OP, self.style.size_or(OP, (800, 480))?, description)?;
        let mut page = Page::new(scene, palette, &self.title);
        page.legend(&self.entries(&clusters, palette));
        let end = self.end_of_axis(&clusters);
        let width = clusters[0].size as f64;
        let x = Axis { label: "", scale: Scale::Bare, lo: 0.0, hi: width, integers: false };
        let label = "lambda = 1 / distance";
        let y = Axis { label, scale: Scale::Descending, lo: 0.0, hi: end, integers: false };
        let axes = Axes::draw(&mut page.scene, palette, page.area, &x, &y, 0.0);
        let at = |x: f64, lambda: f64| axes.at(x, lambda.min(end));

        for cluster in clusters.iter().filter(|cluster| cluster.birth < end) {
            let color = match label_of(cluster.id) {
                Some(label) => palette.color(label),
                None => palette.axis.alpha(150),
            };
            page.scene.polygon(cluster.outline(axes.area.h, end, &at), color);
            // From the middle of the parent to the middle of the part.
            if let Some(parent) = cluster.parent {
                let line = [clusters[parent].middle, cluster.middle];
                let line = line.map(|middle| at(middle, cluster.birth)).to_vec();
                page.scene.line(line, Stroke::solid(palette.axis, 1.0));
            }
        }
        Ok(Figure::new(page.scene, self.style))
    }

    fn check(&self) -> Result<()> {
        let n = self.parents.len();
        let columns = [
            ("children", self.children.len()),
            ("lambdas", self.lambdas.len()),
            ("sizes", self.sizes.len()),
        ];
        not_empty(OP, columns.iter().fold(n, |most, column| most.max(column.1)))?;
        for column in columns {
            same_length(OP, ("parents", n), column)?;
        }
        let in_row = |value: String, row: usize| format!("{value} in row {row}");
        if let Some(row) = self.lambdas.iter().position(|x| x.is_nan() || *x < 0.0) {
            let got = in_row(self.lambdas[row].to_string(), row);
            return Err(Error::param(OP, "lambdas", "at least 0", got));
        }
        if let Some(row) = self.sizes.iter().position(|&size| size == 0) {
            return Err(Error::param(OP, "sizes", "at least 1", in_row("0".to_owned(), row)));
        }
        if let Some(end) = self.max_lambda.filter(|end| !(end.is_finite() && *end > 0.0)) {
            return Err(Error::param(OP, "max_lambda", "finite and above 0", end));
        }
        Ok(())
    }

    /// The clusters with their places, parents before their parts.
    fn clusters(&self) -> Result<Vec<Cluster>> {
        let refuse = |rule: &str, got: usize| Error::param(OP, "children", rule.to_owned(), got);
        let root = self.parents.iter().copied().min().unwrap_or(0);
        let mut ids: Vec<usize> = self.parents.clone();
        ids.extend(self.children.iter().filter(|&&child| child >= root));
        ids.sort_unstable();
        ids.dedup();
        let place = |id: usize| ids.binary_search(&id).unwrap_or(0);
        let mut clusters: Vec<Cluster> = ids.iter().map(|&id| Cluster::new(id)).collect();
        let mut is_seen = std::collections::BTreeSet::new();
        for row in 0..self.parents.len() {
            let (parent, child) = (self.parents[row], self.children[row]);
            if !is_seen.insert(child) {
                return Err(refuse("of one parent", child));
            }
            let (lambda, size) = (self.lambdas[row], self.sizes[row]);
            clusters[place(parent)].leaving.push((lambda, size));
            clusters[place(parent)].size += size;
            if child >= root {
                if child <= parent {
                    return Err(refuse("above their parents", child));
                }
                let child = &mut clusters[place(child)];
                (child.birth, child.parent) = (lambda, Some(place(parent)));
                child.given = size;
            }
        }
        for cluster in &clusters[1..] {
            if cluster.parent.is_none() {
                return Err(refuse("of one parent", cluster.id));
            }
            if cluster.size != cluster.given {
                let rule =
                    format!("{} for cluster {}, whose rows hold so many", cluster.size, cluster.id);
                return Err(Error::param(OP, "sizes", rule, cluster.given));
            }
        }
        if let Some(&other) = self.selected.iter().find(|id| ids.binary_search(id).is_err()) {
            return Err(Error::param(OP, "selected", "clusters of the tree", other));
        }
        for cluster in &mut clusters {
            cluster.leaving.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        lay_out(&mut clusters);
        Ok(clusters)
    }

    /// Where the last cluster has lost all but a twentieth of its samples.
    fn end_of_axis(&self, clusters: &[Cluster]) -> f64 {
        if let Some(end) = self.max_lambda {
            return end;
        }
        let nearly_all_gone = |cluster: &Cluster| {
            let mut gone = 0;
            let enough = cluster.size * 19 / 20;
            let row = cluster.leaving.iter().find(|&&(_, size)| {
                gone += size;
                gone >= enough
            });
            row.map(|row| row.0)
        };
        let finite = |end: &f64| end.is_finite();
        let end = clusters.iter().filter_map(nearly_all_gone).filter(finite).fold(0.0, f64::max);
        let last = self.lambdas.iter().copied().filter(finite).fold(0.0, f64::max);
        let end = if end > 0.0 { end } else { last };
        // All at 0 or at infinity: any axis will do.
        if end > 0.0 { end * 1.03 } else { 1.0 }
    }

    fn entries(&self, clusters: &[Cluster], palette: &Palette) -> Vec<(Key, String)> {
        let entry = |(label, &id): (usize, &usize)| {
            let size = clusters.iter().find(|cluster| cluster.id == id).map_or(0, |c| c.size);
            (Key::Marker(Marker::Square, palette.color(label)), format!("{label} ({size})"))
        };
        self.selected.iter().enumerate().map(entry).collect()
    }
}

/// One icicle.
struct Cluster {
    id: usize,
    parent: Option<usize>,
    birth: f64,
    /// Samples, by its rows and by its parent.
    size: usize,
    given: usize,
    /// When how many samples leave it.
    leaving: Vec<(f64, usize)>,
    /// Its middle along the axis, which is as long as there are samples, and the room around it.
    middle: f64,
    room: f64,
}

/// Gives each part of a cluster its share of the cluster's room.
fn lay_out(clusters: &mut [Cluster]) {
    clusters[0].room = clusters[0].size as f64;
    clusters[0].middle = clusters[0].room / 2.0;
    let mut total = vec![0usize; clusters.len()];
    for cluster in clusters.iter() {
        if let Some(parent) = cluster.parent {
            total[parent] += cluster.size;
        }
    }
    let mut used = vec![0.0; clusters.len()];
    // Parents have smaller numbers, so they are laid out before their parts.
    for i in 1..clusters.len() {
        let Some(parent) = clusters[i].parent else { continue };
        let (middle, room) = (clusters[parent].middle, clusters[parent].room);
        let share = room * clusters[i].size as f64 / total[parent] as f64;
        clusters[i].middle = middle - room / 2.0 + used[parent] + share / 2.0;
        clusters[i].room = share;
        used[parent] += share;
    }
}

impl Cluster {
    fn new(id: usize) -> Self {
        let leaving = Vec::new();
        Self { id, parent: None, birth: 0.0, size: 0, given: 0, leaving, middle: 0.0, room: 0.0 }
    }

    /// The steps of both sides, not more than two to a pixel of `height`.
    fn outline(&self, height: f64, end: f64, at: &impl Fn(f64, f64) -> Point) -> Vec<Point> {
        let pixel = |lambda: f64| (lambda.min(end) / end * height * 2.0) as usize;
        let mut left = self.size as f64;
        let mut steps = vec![(self.birth, left)]; // from here on so many
        for rows in self.leaving.chunk_by(|a, b| pixel(a.0) == pixel(b.0)) {
            left -= rows.iter().map(|row| row.1 as f64).sum::<f64>();
            steps.push((rows[0].0, left));
        }
        let sides = |sign: f64| {
            let mut side = Vec::new();
            for pair in steps.windows(2) {
                let x = self.middle + sign * pair[0].1 / 2.0;
                side.extend([at(x, pair[0].0), at(x, pair[1].0)]);
            }
            side
        };
        let mut points = sides(1.0);
        points.extend(sides(-1.0).into_iter().rev());
        // However small, a cluster is seen.
        let least = 0.6;
        let middle = at(self.middle, 0.0)[0];
        for point in &mut points {
            if (point[0] - middle).abs() < least {
                point[0] = middle + if point[0] < middle { -least } else { least };
            }
        }
        points
    }
}
