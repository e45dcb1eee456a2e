//! Which clusters take the samples that are no cores.

use super::NOISE;
use super::cores::Cores;
use super::leaves::{FEW, bound, near_rows};
use purlin_backend::distance::{between_boxes, find_within};
use purlin_backend::parallel;
use purlin_core::{MatrixView, Real};

/// Gives the samples within reach of a core to the lowest cluster; `labels` are those of the cores.
pub(super) fn run<T: Real>(
    cores: &Cores<'_, T>,
    x: MatrixView<'_, T>,
    reach: T,
    work: usize,
    labels: &mut [u32],
) {
    let (tree, order) = (cores.tree, cores.tree.order());
    let clusters: Vec<u32> =
        cores.places().iter().map(|&place| labels[order[place as usize] as usize]).collect();
    let lowest = lowest_of_nodes(cores, &clusters);
    let mut found = vec![Vec::new(); tree.n_leaves()];
    parallel::for_each_chunk(&mut found, 1, work, |leaf, out| {
        let node = tree.leaf_node(leaf);
        let rows: Vec<u32> =
            tree.places(node).filter(|&p| !cores.is_core(p)).map(|p| p as u32).collect();
        if rows.is_empty() {
            return;
        }
        let mut best = vec![NOISE; rows.len()];
        let (mut low, mut high) =
            (vec![T::NEG_INFINITY; x.n_cols()], vec![T::INFINITY; x.n_cols()]);
        if tree.is_bounded() {
            bound(x, rows.iter().map(|&row| order[row as usize]), &mut low, &mut high);
        }
        let (mut asking, mut pairs, mut least_of) = (Vec::new(), Vec::new(), Vec::new());
        let mut open = tree.path(node);
        while let Some(node) = open.pop() {
            let may = lowest[node as usize];
            if may == NOISE || best.iter().all(|&best| best <= may) {
                continue;
            }
            let bounds = cores.bounds(node);
            let (least, most) = between_boxes(tree.form(), (&low, &high), bounds);
            if least > reach {
                continue;
            }
            if most <= reach {
                for best in &mut best {
                    *best = may.min(*best);
                }
                continue;
            }
            if let Some([left, right]) = tree.children(node) {
                open.extend([right, left]);
                continue;
            }
            if rows.len() > FEW {
                near_rows(tree, &rows, bounds, &mut least_of);
            } else {
                least_of.clear();
                least_of.resize(rows.len(), T::ZERO);
            }
            asking.clear();
            for ((&row, &best), &least) in rows.iter().zip(&best).zip(&least_of) {
                if best > may && least <= reach {
                    asking.push(row);
                }
            }
            pairs.clear();
            let others = (tree.panels(), tree.places(node));
            find_within(tree.form(), (tree.panels(), &asking), others, &cores.limits, &mut pairs);
            for &[row, core] in &pairs {
                let cluster = clusters[cores.number(core) as usize];
                // The rows of a leaf are few and sorted.
                if let Ok(i) = rows.binary_search(&row) {
                    best[i] = cluster.min(best[i]);
                }
            }
        }
        let is_border = |&(_, label): &(u32, u32)| label != NOISE;
        out[0] = rows.into_iter().zip(best).filter(is_border).collect();
    });
    for (place, label) in found.into_iter().flatten() {
        labels[order[place as usize] as usize] = label;
    }
}

/// The lowest cluster among the cores of each node, [`NOISE`] where there are none.
fn lowest_of_nodes<T: Real>(cores: &Cores<'_, T>, clusters: &[u32]) -> Vec<u32> {
    let tree = cores.tree;
    let mut lowest = vec![NOISE; tree.n_nodes()];
    for node in (0..tree.n_nodes() as u32).rev() {
        lowest[node as usize] = match tree.children(node) {
            Some([left, right]) => lowest[left as usize].min(lowest[right as usize]),
            None => cores.of(node).map(|core| clusters[core as usize]).min().unwrap_or(NOISE),
        };
    }
    lowest
}
