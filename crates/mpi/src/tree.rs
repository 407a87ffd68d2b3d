//! The fixed tree over the numbers of leaves.

use std::ops::Range;

/// A binary tree over leaves 0, .., n - 1 that depends on n alone. Node `index` of level k is the sum of the leaves from
/// `index 2^k` on, 2^k of them or as many as there are: the sum of nodes `2 index` and `2 index + 1` of the level below, or the
/// first of them alone where there is no leaf below the second.
///
/// Each leaf meets at most ceil(log2 n) roundings on its way to the root, so the error of a sum is bounded by
/// `ceil(log2 n) u (|x_1| + .. + |x_n|)` to first order in the unit roundoff u (Higham, "Accuracy and Stability of Numerical
/// Algorithms", 2nd edition, section 4.2).
///
/// ```
/// use pushpull_mpi::{Node, Tree};
/// let tree = Tree::new(6);
/// assert_eq!(tree.leaves_of(Node { level: 2, index: 1 }), 4..6);
/// assert_eq!(tree.root(), Node { level: 3, index: 0 });
/// assert_eq!(tree.sibling(Node { level: 2, index: 0 }), Some(Node { level: 2, index: 1 }));
/// assert_eq!(tree.sibling(Node { level: 1, index: 2 }), None); // leaves 6 and 7 do not exist
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tree {
    leaves: usize,
}

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u8,
    /// Among the nodes of its level.
    pub index: usize,
}

impl Tree {
    /// A tree over so many leaves, at least one.
    pub const fn new(leaves: usize) -> Self {
        Self { leaves }
    }

    /// The number of leaves.
    pub const fn leaves(&self) -> usize {
        self.leaves
    }

    /// The node of all leaves.
    pub const fn root(&self) -> Node {
        Node {
            level: self.leaves.next_power_of_two().trailing_zeros() as u8,
            index: 0,
        }
    }

    /// The leaves below a node.
    pub fn leaves_of(&self, node: Node) -> Range<usize> {
        let end = ((node.index + 1) << node.level).min(self.leaves);
        (node.index << node.level).min(end)..end
    }

    /// The node with which this one is added; `None` for the root, and for one whose sibling has no leaf.
    pub fn sibling(&self, node: Node) -> Option<Node> {
        let sibling = Node {
            index: node.index ^ 1,
            ..node
        };
        (node != self.root() && !self.leaves_of(sibling).is_empty()).then_some(sibling)
    }

    /// The node above; the root's is the root.
    pub fn parent(&self, node: Node) -> Node {
        if node == self.root() {
            return node;
        }
        Node {
            level: node.level + 1,
            index: node.index / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_reaches_the_root_within_the_depth_and_siblings_are_disjoint() {
        for n in 1..70 {
            let tree = Tree::new(n);
            assert_eq!(tree.leaves_of(tree.root()), 0..n);
            for leaf in 0..n {
                let (mut node, mut added) = (
                    Node {
                        level: 0,
                        index: leaf,
                    },
                    0,
                );
                while node != tree.root() {
                    if let Some(sibling) = tree.sibling(node) {
                        assert_eq!(tree.sibling(sibling), Some(node));
                        let both = tree.leaves_of(node).len() + tree.leaves_of(sibling).len();
                        node = tree.parent(node);
                        assert_eq!(tree.leaves_of(node).len(), both);
                        added += 1;
                    } else {
                        let below = tree.leaves_of(node);
                        node = tree.parent(node);
                        assert_eq!(tree.leaves_of(node), below);
                    }
                }
                assert!(added <= tree.root().level, "{n} {leaf}");
            }
        }
    }
}
