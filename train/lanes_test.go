package train

import (
	"fmt"
	"slices"
	"testing"
)

// TestLanes: the ranks' lanes and samples are all there are, in their order, for any
// number of each.
func TestLanes(t *testing.T) {
	for count := 1; count <= 17; count++ {
		for size := 1; size <= count; size++ {
			for _, n := range []int{1, 2, count - 1, count, count + 1, 100, 128} {
				if n < 1 {
					continue
				}
				lane, sample := 0, 0
				for rank := range size {
					l := lanesOf(count, rank, size)
					if l.first != lane || l.last <= l.first {
						t.Fatalf("%d lanes, rank %d of %d: lanes [%d,%d), want some from %d on", count, rank, size, l.first, l.last, lane)
					}
					first, last := l.own(n)
					sizes := map[int]bool{}
					for ; lane < l.last; lane++ {
						lo, hi := l.samples(lane, n)
						if lo != sample || hi < lo || hi-lo > (n+count-1)/count || lo < first || hi > last {
							t.Fatalf("%d lanes, batch of %d: lane %d is [%d,%d), want it from %d on and in [%d,%d)", count, n, lane, lo, hi, sample, first, last)
						}
						if hi > lo {
							sizes[hi-lo] = true
						}
						sample = hi
					}
					for _, s := range l.sizes(n) {
						if !sizes[s] {
							t.Fatalf("%d lanes, rank %d of %d, batch of %d: no lane of %d samples", count, rank, size, n, s)
						}
						delete(sizes, s)
					}
					if len(sizes) > 0 {
						t.Fatalf("%d lanes, rank %d of %d, batch of %d: sizes %v are missing", count, rank, size, n, sizes)
					}
				}
				if lane != count || sample != n {
					t.Fatalf("%d lanes on %d ranks: %d lanes and %d of %d samples are somebody's", count, size, lane, sample, n)
				}
			}
		}
	}
}

// TestTree: nodes of any ranks add up to the same tree over all lanes, and no rank
// has more than two of eight lanes.
func TestTree(t *testing.T) {
	if got, want := text(t, lanesOf(8, 0, 1), nil), "(((0 1) (2 3)) ((4 5) (6 7)))"; got != want {
		t.Errorf("the tree of 8 lanes is %s, want %s", got, want)
	}
	if got, want := text(t, lanesOf(6, 0, 1), nil), "(((0 1) (2 3)) (4 5))"; got != want {
		t.Errorf("the tree of 6 lanes is %s, want %s", got, want)
	}
	for count := 1; count <= 33; count++ {
		want := text(t, lanesOf(count, 0, 1), nil)
		for size := 1; size <= count; size++ {
			sums := map[node]string{}
			for rank := range size {
				l := lanesOf(count, rank, size)
				nodes := l.nodes()
				if count == 8 && len(nodes) > 2 {
					t.Errorf("8 lanes, rank %d of %d has %d nodes, want at most 2", rank, size, len(nodes))
				}
				lane := l.first
				for _, n := range nodes {
					if n.lo != lane {
						t.Fatalf("%d lanes, rank %d of %d: nodes %v, want all lanes from %d on", count, rank, size, nodes, l.first)
					}
					lane = n.hi
					sums[n] = below(t, n, nil)
				}
				if lane != l.last {
					t.Fatalf("%d lanes, rank %d of %d: nodes %v, want all lanes up to %d", count, rank, size, nodes, l.last)
				}
			}
			if got := text(t, lanesOf(count, 0, 1), sums); got != want {
				t.Fatalf("%d lanes on %d ranks: %s, want %s", count, size, got, want)
			}
		}
	}
}

// text is the tree of all lanes, given the text of some nodes.
func text(t *testing.T, l lanes, sums map[node]string) string {
	return below(t, node{0, l.count}, sums)
}

// below adds up a node as steps do, but with texts that stand for vectors.
func below(t *testing.T, n node, sums map[node]string) string {
	t.Helper()
	var texts []string // of the vectors, which hold their index
	have := func(n node) ([]float32, bool) {
		s, ok := sums[n]
		if !ok {
			if n.hi-n.lo > 1 {
				return nil, false
			}
			s = fmt.Sprint(n.lo)
		}
		texts = append(texts, s)
		return []float32{float32(len(texts) - 1)}, true
	}
	add := func(to, from []float32) {
		texts[int(to[0])] = "(" + texts[int(to[0])] + " " + texts[int(from[0])] + ")"
	}
	return texts[int(n.sum(have, add)[0])]
}

// TestDepth: a step that takes lanes one by one has as many vectors as depth says.
func TestDepth(t *testing.T) {
	for lanes := 2; lanes <= 9; lanes++ {
		r, batch := newStep(t, Config{Batch: 2 * lanes, Lanes: lanes, oneByOne: true})
		if err := trainOn(r, batch); err != nil {
			t.Fatal(err)
		}
		if got, want := 1+len(r.laned.idle), (node{0, lanes}).depth(); got != want {
			t.Errorf("%d lanes: %d vectors, want depth's %d", lanes, got, want)
		}
	}
}

// TestDefaultLanes: without a group there is one lane, and the number in a group does
// not depend on its size up to 8.
func TestDefaultLanes(t *testing.T) {
	if n := (Config{}).defaultLanes(); n != 1 {
		t.Errorf("%d lanes without a group, want 1", n)
	}
	var got []int
	for _, size := range []int{1, 2, 3, 8, 9, 16, 17, 100} {
		got = append(got, Config{Group: newGroup(size)[0]}.defaultLanes())
	}
	if want := []int{8, 8, 8, 8, 16, 16, 32, 128}; !slices.Equal(got, want) {
		t.Errorf("lanes %v, want %v", got, want)
	}
}
