package train

import "tapenet/graph/update"

// A batch is cut into lanes, whatever the number of processes is: so a step's sums have
// the same order, and the same bits, on 1, 2, 3 or 8 of them. Each rank computes some
// neighbouring lanes, and the lanes' gradients are added by one binary tree over all of
// them.
//
//	batch of 100    │ 12 │ 13 │ 12 │ 13 │ 12 │ 13 │ 12 │ 13 │  samples
//	8 lanes           0    1    2    3    4    5    6    7
//	                  └ +  ┘    └ +  ┘    └ +  ┘    └ +  ┘
//	                    └── + ───┘          └── + ───┘
//	                        └────── + ──────────┘
//	on 3 ranks        rank 0  │     rank 1      │    rank 2
//	they send         01        23   4            5   67        whole nodes of the tree

// lanes are the lanes of a run, and those of a rank.
type lanes struct {
	count       int // of the run
	first, last int // those of this rank are [first,last)
}

// lanesOf are the lanes of a rank: [count·rank/size, count·(rank+1)/size).
func lanesOf(count, rank, size int) lanes {
	return lanes{count: count, first: count * rank / size, last: count * (rank + 1) / size}
}

// defaultLanes is the number of lanes of a new run: 1, or in a group 8, or for more than
// 8 processes the next power of two. So it is the same for 1 to 8 of them.
func (c Config) defaultLanes() int {
	if c.Group == nil {
		return 1
	}
	n := 8
	for n < c.Group.Size() {
		n *= 2
	}
	return n
}

// samples are the samples [lo,hi) of a batch of n that a lane has. A lane may be empty,
// if there are fewer samples than lanes.
func (l lanes) samples(lane, n int) (lo, hi int) { return n * lane / l.count, n * (lane + 1) / l.count }

// own are the samples [lo,hi) of a batch of n that this rank has.
func (l lanes) own(n int) (lo, hi int) { return n * l.first / l.count, n * l.last / l.count }

// used is the number of lanes that a batch of n samples fills.
func (l lanes) used(n int) int { return min(n, l.count) }

// sizes are the numbers of samples that this rank's lanes have of a batch of n, each
// once, the largest first; 0 is left out.
func (l lanes) sizes(n int) (sizes []int) {
	for size := (n + l.count - 1) / l.count; size > 0 && size >= n/l.count; size-- {
		for lane := l.first; lane < l.last; lane++ {
			if lo, hi := l.samples(lane, n); hi-lo == size {
				sizes = append(sizes, size)
				break
			}
		}
	}
	return sizes
}

// node is a subtree of the tree of lanes: the lanes [lo,hi).
type node struct{ lo, hi int }

// split are the two halves of a node: the first has the largest power of two of lanes
// that leaves something to the second.
func (n node) split() (left, right node) {
	half := update.TreeHalf(n.hi - n.lo)
	return node{n.lo, n.lo + half}, node{n.lo + half, n.hi}
}

// nodes are the largest nodes of the tree whose lanes are all among this rank's, from
// the left to the right: what it can add up by itself.
func (l lanes) nodes() []node { return l.below(node{0, l.count}) }

func (l lanes) below(n node) []node {
	switch {
	case l.first <= n.lo && n.hi <= l.last:
		return []node{n}
	case n.hi <= l.first || l.last <= n.lo:
		return nil
	}
	left, right := n.split()
	return append(l.below(left), l.below(right)...)
}

// leaf reports whether the node is one lane.
func (n node) leaf() bool { return n.hi-n.lo == 1 }

// depth is the number of vectors that are alive at a time while a node is added up. A
// lane on the right has none: it is added where its run has left it.
func (n node) depth() int {
	if n.leaf() {
		return 1
	}
	left, right := n.split()
	if right.leaf() {
		return left.depth()
	}
	return max(left.depth(), 1+right.depth())
}

// sum adds up a node in the order of the tree, into the vector of its first lane. have
// returns the vector of a node that is there; ok is false for one that is to be divided.
func (n node) sum(have func(node) (v []float32, ok bool), add func(to, from []float32)) []float32 {
	if v, ok := have(n); ok {
		return v
	}
	left, right := n.split()
	to := left.sum(have, add)
	add(to, right.sum(have, add))
	return to
}
