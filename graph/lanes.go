package graph

import (
	"errors"
	"fmt"
	"slices"
)

// ErrLanes is the error of a network that has no graph in lanes: one of its ops cannot
// keep samples apart, and has no way to take them lane by lane. What wraps it says which.
var ErrLanes = errors.New("graph: the network cannot run in lanes")

// Lanes returns the graph in Train mode for a batch of as many samples as the sizes add
// up to, one lane behind the other. It computes what a run of Model(Train, size) for each
// lane would, with the same bits, and adds that up:
//
//	gradients, loss   the sum over the lanes, by a binary tree: left + right, where the
//	                  left half has the largest power of two of lanes below their number
//	state             likewise, of what each lane makes of the state before the run, as
//	                  running statistics: to be divided by the number of lanes
//	Output            of all samples
//
// Dropout draws for lane i from Weights.Step + i; Run counts one step. So a loss that is
// a sum, as [CrossEntropy].Sum, adds up to that of the whole batch.
//
// It takes less time than the lanes by themselves: what a weight is read for is done for
// all lanes at once, where that does not change their bits. A network that it cannot do
// that for is refused with [ErrLanes].
func (n *Network) Lanes(sizes []int) (*Model, error) {
	key := modelKey{mode: Train, lanes: fmt.Sprint(sizes)}
	for _, size := range sizes {
		if size < 1 {
			return nil, fmt.Errorf("graph: lanes of %v samples, want positive numbers", sizes)
		}
		key.batch += size
	}
	switch len(sizes) {
	case 0:
		return nil, errors.New("graph: no lanes, want one at least")
	case 1:
		return n.Model(Train, sizes[0])
	}
	o, lanes := n.opts, slices.Clone(sizes)
	o.lanes = &lanes
	return n.model(key, o)
}
