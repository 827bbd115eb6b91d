package cpu

import (
	"fmt"
	"testing"
)

// TestTree: the sum goes as the comments say, in as many levels as TreeDepth says, and a
// node of the tree is the same text by itself.
func TestTree(t *testing.T) {
	text := func(lo, hi int) (string, int) {
		levels, most := map[int]string{}, 0
		leaf := func(lane, level int) { levels[level], most = fmt.Sprint(lane), max(most, level) }
		Tree(lo, hi, 0, leaf, func(level int) { levels[level] = "(" + levels[level] + " " + levels[level+1] + ")" })
		return levels[0], most
	}
	for lanes, want := range map[int]string{
		1: "0", 2: "(0 1)", 3: "((0 1) 2)", 5: "(((0 1) (2 3)) 4)", 7: "(((0 1) (2 3)) ((4 5) 6))",
	} {
		if got, _ := text(0, lanes); got != want {
			t.Errorf("%d lanes are added up as %s, want %s", lanes, got, want)
		}
	}
	for lanes := 1; lanes < 40; lanes++ {
		whole, most := text(0, lanes)
		if most != TreeDepth(lanes) {
			t.Errorf("%d lanes take the levels up to %d, want TreeDepth's %d", lanes, most, TreeDepth(lanes))
		}
		if lanes == 1 {
			continue
		}
		half := TreeHalf(lanes)
		left, _ := text(0, half)
		if right, _ := text(half, lanes); whole != "("+left+" "+right+")" {
			t.Errorf("%d lanes are %s, want their halves %s and %s", lanes, whole, left, right)
		}
	}
}
