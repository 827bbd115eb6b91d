package modelzoo_test

import (
	"fmt"
	"runtime"
	"testing"

	"tapenet/graph"
	"tapenet/graph/graphtest"
)

// TestLanes: every network runs in lanes, with the bits of lane by lane: lanes of equal
// and of unequal sizes, as many as not, on one processor and on two.
func TestLanes(t *testing.T) {
	for _, s := range specs() {
		t.Run(s.Name, func(t *testing.T) {
			all := [][]int{{2, 1, 2}}
			if batches(s)[0] > 8 {
				all = append(all, []int{4, 5, 4, 5, 4}, []int{3, 3, 3, 3, 3, 3, 3, 3}, []int{7})
			}
			for _, noFusion := range []bool{false, true} {
				loss := graph.CrossEntropy{Sum: true, Smoothing: 0.1}
				net, err := graph.NewNetwork(s.New(10), s.Input[:], graph.Options{Seed: 3, Loss: loss, NoFusion: noFusion})
				if err != nil {
					t.Fatal(err)
				}
				for i, sizes := range all {
					if noFusion && i > 0 {
						break
					}
					for _, processors := range []int{1, 2} {
						t.Run(fmt.Sprint(sizes, processors, noFusion), func(t *testing.T) {
							defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
							if err := graphtest.Lanes(net, sizes); err != nil {
								t.Error(err)
							}
						})
					}
				}
			}
		})
	}
}
