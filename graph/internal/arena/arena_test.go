package arena

import (
	"math/rand/v2"
	"testing"
)

func TestPlace(t *testing.T) {
	tests := []struct {
		name  string
		spans []Span // with the Begin that is wanted
		size  int
	}{
		{"none", nil, 0},
		{"one after the other", []Span{{5, 0, 1, 0}, {3, 2, 3, 0}}, 5},
		{"one step together", []Span{{5, 0, 1, 0}, {3, 1, 2, 5}}, 8},
		{"the largest first", []Span{{3, 0, 1, 7}, {7, 1, 2, 0}}, 10},
		{"in a gap", []Span{{8, 0, 5, 0}, {6, 0, 1, 8}, {5, 0, 5, 14}, {4, 2, 3, 8}}, 19},
		{"too large for the gap", []Span{{8, 0, 5, 0}, {7, 0, 1, 8}, {6, 0, 5, 15}, {4, 2, 2, 8}, {4, 2, 2, 21}}, 25},
		{"equal sizes in their order", []Span{{2, 0, 1, 0}, {2, 0, 1, 2}, {2, 0, 1, 4}}, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spans := make([]*Span, len(tt.spans))
			for i, s := range tt.spans {
				s.Begin = -1
				spans[i] = &s
			}
			if size := Place(spans); size != tt.size {
				t.Errorf("size %d, want %d", size, tt.size)
			}
			for i, want := range tt.spans {
				if *spans[i] != want {
					t.Errorf("span %d is %+v, want %+v", i, *spans[i], want)
				}
			}
		})
	}
}

// TestPlaceRandom: spans that are alive at the same time do not overlap, and the
// arena ends where the last of them does.
func TestPlaceRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		spans := make([]*Span, r.IntN(40))
		for i := range spans {
			first := r.IntN(30)
			spans[i] = &Span{Size: 1 + r.IntN(50), First: first, Last: first + r.IntN(10)}
		}
		size, end := Place(spans), 0
		for i, a := range spans {
			end = max(end, a.Begin+a.Size)
			for _, b := range spans[:i] {
				if a.First <= b.Last && b.First <= a.Last && a.Begin < b.Begin+b.Size && b.Begin < a.Begin+a.Size {
					t.Fatalf("%+v and %+v overlap", *a, *b)
				}
			}
		}
		if size != end {
			t.Fatalf("size %d, want %d", size, end)
		}
	}
}
