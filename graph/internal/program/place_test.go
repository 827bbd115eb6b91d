package program

import (
	"testing"
	"unsafe"
)

// placeCases show who shares memory.
var placeCases = []passCase{
	{"chain", func(n *net[float32]) []*Value[float32] {
		y := n.input(1, 16, 4, 4)
		for range 5 {
			y = n.relu(y)
		}
		return results(y)
	}},
	{"residual", func(n *net[float32]) []*Value[float32] {
		a := n.relu(n.input(1, 16, 4, 4))
		return results(n.relu(n.add(n.relu(n.relu(a)), a)))
	}},
	{"the largest first", func(n *net[float32]) []*Value[float32] {
		a := n.relu(n.input(1, 3, 4, 4))
		return results(n.relu(n.pool(n.concat(a, a, a), false, 2, 2)))
	}},
	{"views keep their memory", func(n *net[float32]) []*Value[float32] {
		a := n.relu(n.input(2, 16, 4, 4))
		b := n.relu(n.relu(a))
		return results(n.relu(n.add(n.flat(b), n.flat(a))))
	}},
	{"results are beside the arena", func(n *net[float32]) []*Value[float32] {
		a := n.relu(n.relu(n.input(2, 16, 4, 4)))
		return results(n.relu(n.flat(a)), n.flat(a), a)
	}},
}

func TestPlace(t *testing.T) {
	checkGoldens(t, "place", Options{}, placeCases)
}

// TestPlaceOfDeepPrograms: the arena of a chain is as large as two of its values,
// however long it is.
func TestPlaceOfDeepPrograms(t *testing.T) {
	n := newNet[float64](1)
	y := n.input(2, 8, 10, 10)
	for range 40 {
		y = n.relu(y)
	}
	n.Compile([]*Value[float64]{y}, Options{})
	if lives, size := n.Lives(); len(lives) != 39 || size != 2*2*8*10*10 {
		t.Errorf("%d values in %d elements, want 39 in those of two", len(lives), size)
	}
	results, values, workspaces := n.Bytes()
	if results != 8*1600 || values != 8*3200 || workspaces != 0 {
		t.Errorf("%d bytes of results, %d of values, %d of workspaces, want %d, %d, 0", results, values, workspaces, 8*1600, 8*3200)
	}
}

// TestArena begins at a cache line and is the same at every run; results are in
// memory of their own.
func TestArena(t *testing.T) {
	for seed := range uint64(20) {
		n, results := randomNet[float32](seed, false)
		n.Compile(results, Options{Inference: true})
		arena := n.Arena()
		if len(arena) == 0 {
			continue
		}
		begin := uintptr(unsafe.Pointer(&arena[0]))
		if begin%64 != 0 {
			t.Errorf("seed %d: the arena begins at %x, want a multiple of 64", seed, begin)
		}
		var first []*float32
		for run := range 2 {
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				data := r.Data()
				if at := uintptr(unsafe.Pointer(&data[0])); r.Bound == nil && at >= begin && at < begin+4*uintptr(len(arena)) {
					t.Errorf("seed %d: result %d lies in the arena", seed, i)
				}
				if first = append(first, &data[0]); run > 0 && first[i] != &data[0] {
					t.Errorf("seed %d: result %d lies elsewhere in the second run", seed, i)
				}
			}
		}
	}
}
