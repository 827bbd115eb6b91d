package cpu

// TreeHalf is where the tree of so many lanes splits, of two or more: at the largest
// power of two below their number. What lanes give is added up by that tree,
// left + right, whoever computes them:
//
//	5 lanes    ((0 + 1) + (2 + 3)) + 4
//
// A node of the tree can be computed by itself, with the same bits as in the whole.
func TreeHalf(lanes int) int {
	half := 1
	for 2*half < lanes {
		half *= 2
	}
	return half
}

// TreeDepth is the number of sums that wait for their right half, at most, while the
// tree of so many lanes is added up from the left: 0 for one lane.
func TreeDepth(lanes int) int {
	if lanes <= 1 {
		return 0
	}
	half := TreeHalf(lanes)
	return max(TreeDepth(half), 1+TreeDepth(lanes-half))
}

// Tree adds up what the lanes [lo,hi) give, by their tree. leaf sets the vectors of a
// level to what a lane gives, whatever they hold, and add adds those of the next level to
// those of a level. The sum is left in the level that Tree was called with; beyond it
// there are as many as TreeDepth says.
//
//	level    5 lanes, from the left to the right
//	    0    0 ─── 0+1 ─────────── (0+1)+(2+3) ─── ((0+1)+(2+3))+4
//	    1       1 ─┘     2 ─── 2+3 ─┘           4 ─┘
//	    2                   3 ─┘
func Tree(lo, hi, level int, leaf func(lane, level int), add func(level int)) {
	if hi-lo == 1 {
		leaf(lo, level)
		return
	}
	half := lo + TreeHalf(hi-lo)
	Tree(lo, half, level, leaf, add)
	Tree(half, hi, level+1, leaf, add)
	add(level)
}
